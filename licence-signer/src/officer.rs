//! Who acts for a department: built from a token, a session or by the operator, in three places only.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::storage::digests::Digests;

/// An issuing or asking department (an organisation with a credit code).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Its unified social credit code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Names it had.
    #[serde(default)]
    pub former_names: Vec<String>,
    /// Its region.
    pub region: String,
    /// Credit codes of those whose work it took over.
    #[serde(default)]
    pub predecessors: Vec<String>,
}

/// What somebody may do for a department. `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    scopes: Option<BTreeSet<String>>,
    matters: Option<BTreeSet<String>>,
}

impl Rights {
    /// Everything that the department may: the operator's own tools.
    pub(crate) fn all() -> Self {
        Self::default()
    }

    /// What the scopes say: a department's client.
    pub fn of_scopes(scopes: impl IntoIterator<Item = String>) -> Self {
        Self { scopes: Some(scopes.into_iter().collect()), matters: None }
    }

    /// What the mandate's matters say: a clerk at the pages.
    pub fn of_mandate(matters: impl IntoIterator<Item = String>) -> Self {
        Self { scopes: None, matters: Some(matters.into_iter().collect()) }
    }

    /// What both say: a clerk's access token.
    pub fn of_both(scopes: impl IntoIterator<Item = String>, matters: impl IntoIterator<Item = String>) -> Self {
        Self { scopes: Some(scopes.into_iter().collect()), matters: Some(matters.into_iter().collect()) }
    }

    fn scope(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(scope))
    }

    fn matter(&self, matter: impl FnOnce(&BTreeSet<String>) -> bool) -> bool {
        self.matters.as_ref().is_none_or(matter)
    }
}

/// One who acts for a department at this moment.
#[derive(Clone, Debug)]
pub struct Officer {
    department: Arc<Department>,
    actor: String,
    caller: String,
    rights: Rights,
}

impl Officer {
    /// `actor` stands in the audit record (`client:ID`, `mandate:ID`), `caller` says who counts as the same asker: the
    /// mandate's id or the client's.
    pub fn new(department: Arc<Department>, actor: String, caller: String, rights: Rights) -> Self {
        Self { department, actor, caller, rights }
    }

    /// The department.
    pub fn department(&self) -> &Arc<Department> {
        &self.department
    }

    /// The one who acts, as the audit record names him.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The asker who may repeat what he asked.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// Whether he may enter licences whose last day is over (补录): the operator's own tools alone.
    pub(crate) fn enters_past(&self) -> bool {
        self.rights.scopes.is_none() && self.rights.matters.is_none()
    }

    /// Whether he may issue licences of the type.
    pub fn may_issue(&self, type_code: &str) -> bool {
        self.rights.scope("licence.issue") && self.in_mandate(type_code, "issue")
    }

    /// Whether he may suspend, resume and end them.
    pub fn may_end(&self, type_code: &str) -> bool {
        self.rights.scope("licence.end") && self.in_mandate(type_code, "end")
    }

    /// Whether he may read what his department issued.
    pub fn may_read(&self, type_code: &str) -> bool {
        self.rights.scope("licence.read")
            && self.rights.matter(|matters| {
                ["read", "issue", "change", "end"]
                    .iter()
                    .any(|act| matters.contains(&format!("licence:{type_code}:{act}")))
            })
    }

    /// Whether he may read by office (用证).
    pub fn may_look_up(&self) -> bool {
        self.rights.scope("licence.lookup") && self.rights.matter(|matters| matters.contains("verify"))
    }

    /// Whether he may resolve what a holder shows.
    pub fn may_resolve(&self) -> bool {
        self.rights.scope("presentation.resolve") && self.rights.matter(|matters| matters.contains("verify"))
    }

    fn in_mandate(&self, type_code: &str, act: &str) -> bool {
        self.rights.matter(|matters| matters.contains(&format!("licence:{type_code}:{act}")))
    }
}

/// A holder who is signed in with `acr` 2 or more: a person, or an organisation acted for.
#[derive(Clone)]
pub struct HolderSession {
    /// Its `sub` with us.
    pub sub: String,
    /// The keyed digests of its number.
    pub(crate) digests: Digests,
    /// Who acts, as the audit record names him.
    pub actor: String,
}

impl HolderSession {
    /// For the audit record and logs: nothing of it can be read.
    pub fn actor(&self) -> &str {
        &self.actor
    }
}

impl std::fmt::Debug for HolderSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HolderSession(…)")
    }
}
