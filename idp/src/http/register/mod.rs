//! `/register`: self-registration in three steps, the way back for who lost his means to sign in, and the way to level 2.

mod code;
mod confirm;
mod finish;
mod means;
mod shared;
mod who;

pub(crate) use code::{code, code_answer};
pub(crate) use confirm::{confirm, confirm_answer};
pub(crate) use means::{means, means_answer, options};
pub(crate) use who::{who, who_answer};
