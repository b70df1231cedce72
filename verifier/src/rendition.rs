//! Renditions: the forms in which a licence travels, each with its reader and the pure half of its writer.

pub mod code;
pub mod credential;
