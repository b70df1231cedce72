//! People: who they are, how they are recognised.
//!
//! The seam with the protocol: sign-in pages find their interaction by `interaction::find`, recognise somebody, call
//! `session::sign_in`, then let the interaction go on. The protocol reads the tables `persons`, `identity_documents` and
//! `phones` (migration 10) for claims and for whether an account is active.
