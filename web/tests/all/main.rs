//! The shell, the server's loop and the relying party, seen from outside.

mod common;
mod login;
mod renewal;
mod serve;
mod shell;
