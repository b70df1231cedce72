//! Issuing: what was asked (`Draft`), and what may be recorded and sealed (`Prepared`).

mod draft;
mod holder;
mod prepared;

pub use draft::{Draft, DraftHolder};
pub use holder::{Holder, HolderCode, HolderFault};
pub use prepared::{Fault, Prepared, Rejection};
