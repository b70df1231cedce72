//! Renditions: the forms in which a licence travels, each with its reader and the pure half of its writer.

pub mod code;
pub mod credential;
pub mod members;

/// Why no signature could be reached in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Not a form that is known here.
    #[error("not recognised")]
    Unrecognised,
    /// A known form, too damaged to reach its signature.
    #[error("too damaged to reach a signature")]
    Damaged,
    /// Over the bound of its form.
    #[error("too large")]
    TooLarge,
}

/// Where a rendition's state is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReference {
    /// The status list.
    pub uri: String,
    /// The position in it.
    pub idx: u64,
}
