//! `xinyin up`: everything on this machine, with the demonstration world.

mod clients;
mod data;
mod load;
mod run;
mod say;

pub(crate) use data::write_private;
pub(crate) use run::{idp_settings, up};

/// The six addresses.
pub(crate) const PORTS: [(&str, u16); 6] = [
    ("idp", 8080),
    ("licence-signer", 8081),
    ("desk", 8082),
    ("portal", 8083),
    ("simulators", 8084),
    ("project", 8085),
];

/// The address of a port on this machine.
pub(crate) fn url(port: u16) -> String {
    format!("http://localhost:{port}")
}
