//! Mandates: who may act for which organisation, in which role, for which matters, until when.
//!
//! The protocol reads the tables `organisations` and `mandates` (migration 10); a mandate is live when
//! `ended_at IS NULL AND starts_at <= now AND (until IS NULL OR until > now)` and its organisation is `registered`.

pub mod storage;

use verifier::time::Timestamp;

use crate::ids::{MandateId, OrganisationId, PersonId};

/// Matters that stand for all of an organisation.
pub const ALL_MATTERS: &str = "*";
/// The most matters of one mandate.
pub const MAX_MATTERS: usize = 32;

/// In which role somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// 法定代表人.
    LegalRepresentative,
    /// 管理员.
    Administrator,
    /// 经办人.
    Operator,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 3] = [Self::LegalRepresentative, Self::Administrator, Self::Operator];

    /// As tokens and rows have it (formats §1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LegalRepresentative => "legal_representative",
            Self::Administrator => "administrator",
            Self::Operator => "operator",
        }
    }

    /// Reads what tokens and rows have.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether somebody in this role may give and end mandates of `other` role.
    pub const fn may_give(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::LegalRepresentative, Self::Administrator | Self::Operator) | (Self::Administrator, Self::Operator)
        )
    }
}

/// A mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Its id, which stands in tokens.
    pub id: MandateId,
    /// Who may act.
    pub person: PersonId,
    /// For which organisation.
    pub organisation: OrganisationId,
    /// In which role.
    pub role: Role,
    /// For which matters; [`ALL_MATTERS`] alone stands for all.
    pub matters: Vec<String>,
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when, exclusive; `None` without end.
    pub until: Option<Timestamp>,
    /// When it was ended before its time.
    pub ended_at: Option<Timestamp>,
    /// The person who gave it; `None` where a register or the operator of the platform did.
    pub given_by: Option<PersonId>,
}

impl Mandate {
    /// Whether it holds at `now`: from ≤ t < until, and nobody ended it.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.starts_at <= now && self.until.is_none_or(|until| now < until)
    }

    /// Whether its holder may let others act in `matter`: nobody gives more than he has. A legal representative has all.
    pub fn may_pass_on(&self, matter: &str) -> bool {
        self.role == Role::LegalRepresentative || self.covers(matter)
    }

    /// Whether it is for `matter`.
    pub fn covers(&self, matter: &str) -> bool {
        self.matters.iter().any(|m| m == ALL_MATTERS || m == matter)
    }
}

/// Whether a text may be a matter: 1 to 64 of letters, digits and `- _ . : / *`.
pub fn is_matter(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_lives_from_start_to_end() {
        let at = Timestamp::from_seconds;
        let mandate = |until, ended_at| Mandate {
            id: MandateId::parse("m").expect("an id"),
            person: PersonId::parse("p").expect("an id"),
            organisation: OrganisationId::parse("o").expect("an id"),
            role: Role::Operator,
            matters: vec!["food.permit".to_owned()],
            starts_at: at(10),
            until,
            ended_at,
            given_by: None,
        };
        for (until, ended, now, live) in [
            (Some(20), None, 9, false),
            (Some(20), None, 10, true),
            (Some(20), None, 19, true),
            (Some(20), None, 20, false),
            (None, None, 1_000, true),
            (Some(20), Some(15), 12, false),
        ] {
            assert_eq!(mandate(until.map(at), ended.map(at)).is_live(at(now)), live, "{until:?} {ended:?} {now}");
        }
        assert!(mandate(None, None).covers("food.permit"));
        assert!(!mandate(None, None).covers("food.other"));
        let of = |role, matters: &[&str]| Mandate {
            role,
            matters: matters.iter().map(|m| (*m).to_owned()).collect(),
            ..mandate(None, None)
        };
        for (role, has, gives, may) in [
            (Role::Administrator, &["food.permit"][..], "food.permit", true),
            (Role::Administrator, &["food.permit"], "food.other", false),
            (Role::Administrator, &["food.permit"], ALL_MATTERS, false),
            (Role::Administrator, &[ALL_MATTERS], "food.other", true),
            (Role::Administrator, &[ALL_MATTERS], ALL_MATTERS, true),
            (Role::LegalRepresentative, &[], ALL_MATTERS, true),
        ] {
            assert_eq!(of(role, has).may_pass_on(gives), may, "{role:?} {has:?} {gives}");
        }
    }

    #[test]
    fn only_who_stands_above_may_give() {
        use Role::{Administrator, LegalRepresentative, Operator};
        for (giver, given, may) in [
            (LegalRepresentative, Administrator, true),
            (LegalRepresentative, Operator, true),
            (LegalRepresentative, LegalRepresentative, false),
            (Administrator, Operator, true),
            (Administrator, Administrator, false),
            (Operator, Operator, false),
        ] {
            assert_eq!(giver.may_give(given), may, "{giver:?} {given:?}");
        }
    }
}
