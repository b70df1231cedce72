//! The facts of one version: what is recorded, encrypted, before a key is used, and what every rendition says.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use verifier::facts::Disclosure;
use verifier::time::Date;

use crate::issuance::{Holder, Prepared};

/// The issuing authority as a licence names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its credit code.
    pub code: String,
    /// Its name on the day of issue.
    pub name: String,
}

/// The facts. Their `Debug` shows the identifier alone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The licence identifier.
    pub identifier: String,
    /// The type's code.
    pub type_code: String,
    /// The type's version.
    pub type_version: u32,
    /// The printed number.
    pub number: String,
    /// The holder.
    pub holder: Holder,
    /// The issuing authority.
    pub authority: Authority,
    /// The day of the decision, `YYYY-MM-DD`.
    pub issue_date: String,
    /// The first day.
    pub valid_from: String,
    /// The last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// The items.
    pub items: Map<String, Value>,
    /// The matter in whose course it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<String>,
    /// The case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Facts({})", self.identifier)
    }
}

impl Facts {
    /// The facts of a prepared licence.
    pub(crate) fn of(prepared: &Prepared, identifier: String, authority: Authority) -> Self {
        Self {
            identifier,
            type_code: prepared.licence_type().code().to_owned(),
            type_version: prepared.licence_type().version(),
            number: prepared.number().to_owned(),
            holder: prepared.holder().clone(),
            authority,
            issue_date: prepared.issue_date().to_string(),
            valid_from: prepared.valid_from().to_string(),
            valid_until: prepared.valid_until().map(|date| date.to_string()),
            items: prepared.items().clone(),
            matter: prepared.matter().map(str::to_owned),
            case: prepared.case().map(str::to_owned),
        }
    }

    /// The hidden members at the top, in the order of formats §2.
    pub(crate) fn hidden(&self) -> [(&'static str, &str); 5] {
        [
            ("number", &self.number),
            ("holder_name", self.holder.name()),
            ("holder_kind", self.holder.kind().as_str()),
            ("holder_code_type", self.holder.code().code_type()),
            ("holder_code", self.holder.code().code()),
        ]
    }

    /// The items that the schema describes, in its order: what the type has and the licence lacks is not disclosed.
    pub(crate) fn item_pairs(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.items.iter()
    }

    /// The first day.
    pub fn first_day(&self) -> Option<Date> {
        self.valid_from.parse().ok()
    }

    /// The last day.
    pub fn last_day(&self) -> Option<Date> {
        self.valid_until.as_ref().and_then(|text| text.parse().ok())
    }

    /// The facts as the API answers them: `items` narrows the items, the holder's number is masked unless `whole`.
    pub fn to_json(
        &self,
        titles: Option<&crate::catalogue::TypeDefinition>,
        items: Option<&[String]>,
        whole: bool,
    ) -> Value {
        let code = if whole { self.holder.code().code().to_owned() } else { self.holder.code().masked() };
        let number_is_code = self.number == self.holder.code().code();
        let number = if number_is_code && !whole { self.holder.code().masked() } else { self.number.clone() };
        let chosen: Map<String, Value> = self
            .items
            .iter()
            .filter(|(name, _)| items.is_none_or(|items| items.contains(name)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut facts = json!({
            "identifier": self.identifier,
            "type": {"code": self.type_code, "version": self.type_version},
            "number": number,
            "holder": {
                "kind": self.holder.kind(),
                "name": self.holder.name(),
                "code_type": self.holder.code().code_type(),
                "code": code,
            },
            "issuing_authority": self.authority,
            "issue_date": self.issue_date,
            "valid_from": self.valid_from,
            "items": chosen,
        });
        if let Some(until) = &self.valid_until {
            facts["valid_until"] = until.clone().into();
        }
        if let Some(definition) = titles {
            facts["type"]["title"] = json!(definition.name);
        }
        facts
    }
}

/// The disclosures of one version: made once, kept as text, handed on byte for byte.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Disclosures {
    top: Vec<(String, String)>,
    items: Vec<(String, String)>,
}

impl std::fmt::Debug for Disclosures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disclosures(…)")
    }
}

impl Disclosures {
    /// Hides each fact behind a salt of its own.
    pub(crate) fn make(
        facts: &Facts,
        mut salt: impl FnMut() -> Result<[u8; 16], keys::sources::RandomError>,
    ) -> Result<Self, keys::sources::RandomError> {
        let mut hide = |name: &str, value: &Value| {
            Ok::<_, keys::sources::RandomError>((name.to_owned(), Disclosure::make(&salt()?, name, value).text))
        };
        let top = facts
            .hidden()
            .into_iter()
            .map(|(name, text)| hide(name, &Value::from(text)))
            .collect::<Result<Vec<_>, _>>()?;
        let items = facts.item_pairs().map(|(name, value)| hide(name, value)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { top, items })
    }

    /// Those at the top.
    pub(crate) fn top(&self) -> Vec<Disclosure> {
        self.top.iter().map(|(name, text)| Disclosure::from_text(name, text.clone())).collect()
    }

    /// Those of the items.
    pub(crate) fn items(&self) -> Vec<Disclosure> {
        self.items.iter().map(|(name, text)| Disclosure::from_text(name, text.clone())).collect()
    }
}
