//! Grants: what an authorization code stands for, and the proof that its taker is its asker.

pub(crate) mod pkce;

use serde::{Deserialize, Serialize};
use verifier::time::Timestamp;

use crate::assurance::{Acr, Amr};

/// How long a code waits for its client (RFC 6749 §4.1.2 recommends at most ten minutes; the house says one).
pub(crate) const CODE_SECONDS: i64 = 60;

/// What was decided when the code was issued; kept with the authorization and the same for all its tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Granted {
    /// Scopes granted, in the order asked.
    pub(crate) scope: Vec<String>,
    /// The scopes whose claims the person lets the client have, `openid` aside: a bound on single claims too.
    pub(crate) released: Vec<String>,
    /// `sub` in the client's sector.
    pub(crate) sub: String,
    /// Acting for an organisation: the person's own `sub` at the client, and the mandate.
    pub(crate) acting: Option<ActingClaims>,
    /// `acr` of the sign-in.
    #[serde(with = "acr_level")]
    pub(crate) acr: Acr,
    /// `amr` of the sign-in.
    pub(crate) amr: Vec<Amr>,
    /// `auth_time`.
    pub(crate) auth_time: Timestamp,
    /// `sid` at this client for this subject.
    pub(crate) sid: String,
}

/// What tokens say of a mandate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActingClaims {
    /// `act.sub`.
    pub(crate) person_sub: String,
    /// `mandate`.
    pub(crate) mandate: MandateClaims,
    /// `organisation`.
    pub(crate) organisation: OrganisationClaims,
}

/// The claim `mandate` (formats §1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MandateClaims {
    pub(crate) id: String,
    pub(crate) role: String,
    pub(crate) matters: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
}

/// The claim `organisation` (formats §1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrganisationClaims {
    pub(crate) code: String,
    pub(crate) name: String,
}

mod acr_level {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::assurance::Acr;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(value: &Acr, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(value.level())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Acr, D::Error> {
        Acr::from_level(i64::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("acr"))
    }
}
