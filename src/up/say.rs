//! What `up` prints, and the file of test persons.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::data::{Data, write_private};
use super::{PORTS, url};
use crate::commands::Failure;
use crate::demo::world;
use crate::out;

/// A line of progress; silent where nobody looks.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn step(&self, what: impl Into<String>) {
        self.0.inc(1);
        self.0.set_message(what.into());
    }

    pub(crate) fn detail(&self, what: String) {
        self.0.set_message(what);
    }

    pub(crate) fn done(&self) {
        self.0.finish_and_clear();
    }
}

/// The addresses and the test persons.
pub(crate) fn ready(data: &Data, seconds: f64) {
    out::line(&format!("Xinyin 信印 is running (ready after {seconds:.1} s). Begin at {}/start", url(8084)));
    out::line("");
    for (name, port) in PORTS {
        out::line(&format!("  {name:16} {}", url(port)));
    }
    out::line("");
    out::line("Test persons (phone, password):");
    for person in world::PERSONS {
        if let Some(password) = person.password {
            out::line(&format!("  {}  {:16}  {}  {}", person.phone, password, person.name, person.role.0));
        }
    }
    out::line("");
    out::line(&format!(
        "Numbers and client secrets: {}   Samples: {}   Stop: Ctrl C",
        data.file("test-persons.json").display(),
        data.file("samples").display()
    ));
}

/// Writes `test-persons.json` (`formats.md` §8).
pub(crate) fn test_persons(data: &Data, secrets: &BTreeMap<String, String>) -> Result<(), Failure> {
    let persons: Vec<Value> = world::PERSONS
        .iter()
        .map(|person| {
            let acts_for: Vec<Value> = person
                .acts_for
                .iter()
                .map(|acts| json!({ "code": acts.code, "role": acts.role, "matters": acts.matters }))
                .collect();
            json!({
                "name": person.name, "id_number": person.id_number, "phone": person.phone,
                "password": person.password, "acts_for": acts_for,
            })
        })
        .collect();
    let organisations: Vec<Value> =
        world::ORGANISATIONS.iter().map(|o| json!({ "code": o.code, "name": o.name })).collect();
    let callback = |port| vec![format!("{}/callback", url(port))];
    let mut clients = vec![
        json!({ "client_id": "licence-signer", "redirect_uris": callback(8081) }),
        json!({ "client_id": "verifier-desk", "redirect_uris": callback(8082) }),
        json!({ "client_id": "citizen-portal", "client_secret": secrets.get("citizen-portal"),
                "redirect_uris": callback(8083) }),
        json!({ "client_id": "project-portal", "redirect_uris": callback(8085), "organisation": world::REFORM }),
    ];
    for (id, department) in
        [("police-system", world::POLICE), ("market-system", world::MARKET), ("hrss-system", world::HRSS)]
    {
        clients.push(json!({ "client_id": id, "client_secret": secrets.get(id), "redirect_uris": [],
                             "organisation": department }));
    }
    let file = json!({ "persons": persons, "organisations": organisations, "clients": clients });
    write_private(&data.file("test-persons.json"), &serde_json::to_vec_pretty(&file)?)
}
