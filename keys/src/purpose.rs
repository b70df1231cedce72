//! What a key is for. Every purpose has a ring of its own; no key serves two.

use std::fmt;
use std::str::FromStr;

use verifier::algorithm::Algorithm;

/// The one use of a ring of keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// ID tokens of idp. Its default ring is ES256; RS256 and EdDSA rings may stand beside.
    IdToken,
    /// Access tokens of idp (RFC 9068).
    AccessToken,
    /// Assertions by which a service of ours authenticates at another's token endpoint or at a register
    /// (`private_key_jwt`, RFC 7523).
    ClientAssertion,
    /// Encryption of fields in the database.
    FieldEncryption,
    /// Keyed digests by which encrypted fields are found.
    FieldDigest,
    /// Integrity of what browsers keep for us.
    Cookie,
    /// The root certification authority.
    RootCa,
    /// A subordinate certification authority.
    SubordinateCa,
    /// The trust bundle's role `root`.
    TrustRoot,
    /// The trust bundle's role `targets`.
    TrustTargets,
    /// The trust bundle's role `timestamp`.
    TrustTimestamp,
    /// Status lists.
    Status,
    /// Checkpoints of the log.
    Log,
    /// A key of an issuing department, for one of its four uses.
    Department {
        /// The department's unified social credit code.
        code: String,
        /// Which of the department's keys.
        r#use: DepartmentUse,
    },
}

/// The four signing keys of a department, never one for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DepartmentUse {
    /// Credentials.
    Credential,
    /// Codes.
    Code,
    /// Purpose-limited copies.
    Copies,
    /// Stamping with a seal.
    Stamping,
}

/// What the keys of a ring are: signing keys of one algorithm, or 256 secret bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Key pairs of one signature algorithm.
    Signing(Algorithm),
    /// 256-bit secrets, for AES-256-GCM and HMAC-SHA-256.
    Secret,
}

impl Purpose {
    /// A department's key for one use.
    pub fn department(code: &str, r#use: DepartmentUse) -> Self {
        Self::Department { code: code.to_owned(), r#use }
    }

    /// The kind of key that a ring of this purpose has where nothing else is said.
    pub fn default_kind(&self) -> KeyKind {
        match self {
            Self::FieldEncryption | Self::FieldDigest | Self::Cookie => KeyKind::Secret,
            Self::Log => KeyKind::Signing(Algorithm::EdDsa),
            _ => KeyKind::Signing(Algorithm::Es256),
        }
    }
}

impl DepartmentUse {
    /// The word of formats §6: `credential`, `code`, `copies`, `stamping`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Code => "code",
            Self::Copies => "copies",
            Self::Stamping => "stamping",
        }
    }
}

impl fmt::Display for Purpose {
    /// The purpose's stable name: `id_token`, `department/CODE/credential`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Department { code, r#use } = self {
            return write!(f, "department/{code}/{}", r#use.name());
        }
        let name = NAMED.iter().find(|(purpose, _)| purpose == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

const NAMED: [(Purpose, &str); 13] = [
    (Purpose::IdToken, "id_token"),
    (Purpose::AccessToken, "access_token"),
    (Purpose::ClientAssertion, "client_assertion"),
    (Purpose::FieldEncryption, "field_encryption"),
    (Purpose::FieldDigest, "field_digest"),
    (Purpose::Cookie, "cookie"),
    (Purpose::RootCa, "root_ca"),
    (Purpose::SubordinateCa, "subordinate_ca"),
    (Purpose::TrustRoot, "trust_root"),
    (Purpose::TrustTargets, "trust_targets"),
    (Purpose::TrustTimestamp, "trust_timestamp"),
    (Purpose::Status, "status"),
    (Purpose::Log, "log"),
];

/// A text that names no purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such purpose of a key")]
pub struct UnknownPurpose;

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        if let Some(rest) = text.strip_prefix("department/") {
            let (code, r#use) = rest.split_once('/').ok_or(UnknownPurpose)?;
            let uses = [DepartmentUse::Credential, DepartmentUse::Code, DepartmentUse::Copies, DepartmentUse::Stamping];
            let r#use = uses.into_iter().find(|one| one.name() == r#use).ok_or(UnknownPurpose)?;
            return Ok(Self::department(code, r#use));
        }
        NAMED.iter().find(|(_, name)| *name == text).map(|(purpose, _)| purpose.clone()).ok_or(UnknownPurpose)
    }
}

impl fmt::Display for KeyKind {
    /// `ES256`, `EdDSA`, `RS256` or `secret`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signing(algorithm) => algorithm.name(),
            Self::Secret => "secret",
        })
    }
}

impl FromStr for KeyKind {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        match text {
            "secret" => Ok(Self::Secret),
            _ => Algorithm::from_name(text).map(Self::Signing).ok_or(UnknownPurpose),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for purpose in NAMED.map(|(purpose, _)| purpose) {
            assert_eq!(purpose.to_string().parse(), Ok(purpose));
        }
        let stamping = Purpose::department("11990100001000010R", DepartmentUse::Stamping);
        assert_eq!(stamping.to_string(), "department/11990100001000010R/stamping");
        assert_eq!(stamping.to_string().parse(), Ok(stamping));
        for text in ["", "id-token", "department/x", "department/x/seal"] {
            assert_eq!(text.parse::<Purpose>(), Err(UnknownPurpose), "{text}");
        }
    }
}
