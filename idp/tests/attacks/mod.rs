//! Attacks on the protocol (RFC 9700 and beyond): beside each refusal stands the untouched original, which passes.

mod clients;
mod consent;
