//! What idp's tokens say about people, in ID tokens, userinfo and access tokens alike (formats §1).

use serde::{Deserialize, Serialize};

/// What a `sub` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubType {
    /// A natural person.
    #[default]
    Person,
    /// An organisation that a person acts for.
    Organisation,
    /// A client that acts as itself.
    Client,
}

/// Who acts (RFC 8693 §4.1); the outermost counts, inner ones are for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The actor's `sub`.
    pub sub: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// Under what a person acts for an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// The mandate's id.
    pub id: String,
    /// `legal_representative`, `administrator` or `operator`.
    pub role: String,
    /// What it is for: `licence:{type}:issue`, `verify` …
    #[serde(default)]
    pub matters: Vec<String>,
    /// Its end, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// An organisation by its unified social credit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// The code.
    pub code: String,
    /// The name; access tokens leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A person, and the organisation acted for, as an ID token or userinfo tells. No `Debug` of numbers and names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The subject in this client's sector: the person's, or the organisation's while acting.
    pub sub: String,
    /// What `sub` is.
    #[serde(default)]
    pub sub_type: SubType,
    /// `urn:xinyin:acr:1` to `:3`.
    #[serde(default)]
    pub acr: Option<String>,
    /// Means of authentication (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// When the person signed in, epoch seconds.
    #[serde(default)]
    pub auth_time: Option<i64>,
    /// The session.
    #[serde(default)]
    pub sid: Option<String>,
    /// The person, while acting.
    #[serde(default)]
    pub act: Option<Actor>,
    /// Under what the person acts.
    #[serde(default)]
    pub mandate: Option<Mandate>,
    /// The organisation acted for (scope `organisation`).
    #[serde(default)]
    pub organisation: Option<Organisation>,
    /// The name (scope `profile`).
    #[serde(default)]
    pub name: Option<String>,
    /// The masked number (scope `profile`).
    #[serde(default)]
    pub id_number_masked: Option<String>,
    /// The kind of identity document (GB/T 36903; scope `id_number`).
    #[serde(default)]
    pub id_type: Option<String>,
    /// The whole number (scope `id_number`, userinfo alone).
    #[serde(default)]
    pub id_number: Option<String>,
    /// The phone (scope `phone`).
    #[serde(default)]
    pub phone_number: Option<String>,
    /// The language that the person chose.
    #[serde(default)]
    pub locale: Option<String>,
}

impl Identity {
    /// The level of `acr`, 0 where none is said.
    pub fn level(&self) -> u8 {
        level_of(self.acr.as_deref())
    }

    /// The person's own `sub`, acting or not.
    pub fn person(&self) -> &str {
        self.act.as_ref().map_or(&self.sub, |actor| &actor.sub)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("sub", &self.sub).field("acr", &self.acr).finish_non_exhaustive()
    }
}

/// The level that an `acr` of ours names; 0 for any other.
pub fn level_of(acr: Option<&str>) -> u8 {
    match acr {
        Some("urn:xinyin:acr:1") => 1,
        Some("urn:xinyin:acr:2") => 2,
        Some("urn:xinyin:acr:3") => 3,
        _ => 0,
    }
}
