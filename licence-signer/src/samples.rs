//! The samples folder of the demonstration (formats §8).
