//! Attacks on the protocol (RFC 9700, RFC 8725): beside each refusal stands the untouched original, which passes.

mod clients;
mod codes;
mod consent;
mod known_faults;
mod redirects;
mod tokens;
