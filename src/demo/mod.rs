//! The demonstration: an invented place with its people, organisations and licences, two portals, and simulators of the
//! registers. Nothing in here is part of an installation.

pub(crate) mod home;
pub(crate) mod portal;
pub(crate) mod simulators;
pub(crate) mod words;
pub(crate) mod world;
