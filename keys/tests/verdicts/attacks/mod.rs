//! The attack table of licences: what each attack changes, beside an original that passes in the same run, with the verdict
//! and the reason that it must get.

mod bundles;
mod bytes;
mod codes;
mod content;
mod disclosures;
mod fixtures;
mod log;
mod power;
mod sealing;
mod signers;
mod status;
mod table;
mod world;
mod wrapped_codes;
