//! What a licence is known by.

pub mod identifier;
#[allow(clippy::module_inception)] // the house's own word for the thing itself
pub mod licence;
