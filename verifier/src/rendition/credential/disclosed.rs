//! What a presentation discloses: each disclosure's digest stands once in the open part, its name once in its place.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{HIDDEN, PORTRAIT};
use crate::digest::sha256;
use crate::encoding::{b64u, json};
use crate::licence::licence::HolderKind;

/// The hidden facts that were shown. They are personal data: no `Debug`.
#[derive(Clone, Default)]
pub struct Disclosed {
    /// The hidden members at the top, all of them texts.
    pub top: Map<String, Value>,
    /// The items by name, scalars all.
    pub items: Map<String, Value>,
}

/// Why disclosures are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDisclosed {
    /// A member that the format does not have, or a value of another type; or text behind the last `~`.
    #[error("a disclosed member is not the format's")]
    Malformed,
    /// A disclosure that belongs nowhere, or twice, or is recursive, an array element's or named twice.
    #[error("a disclosure does not match what was signed")]
    Disclosure,
}

impl Disclosed {
    pub(super) fn read(texts: &[&str], top: &[[u8; 32]], items: &[[u8; 32]]) -> Result<Self, NotDisclosed> {
        let top: HashSet<&[u8; 32]> = distinct(top)?;
        let items: HashSet<&[u8; 32]> = distinct(items)?;
        if !top.is_disjoint(&items) {
            return Err(NotDisclosed::Disclosure);
        }
        let mut found = Self::default();
        let mut problem = None;
        for text in texts {
            let digest = sha256(text.as_bytes());
            let taken = if top.contains(&digest) {
                take(text, &mut found.top, hidden)
            } else if items.contains(&digest) {
                take(text, &mut found.items, |_, value| !value.is_array() && !value.is_object())
            } else {
                Err(NotDisclosed::Disclosure)
            };
            match taken {
                Ok(()) => {}
                Err(NotDisclosed::Malformed) => problem = Some(NotDisclosed::Malformed),
                Err(other) => problem = problem.or(Some(other)),
            }
        }
        problem.map_or(Ok(found), Err)
    }
}

fn distinct(digests: &[[u8; 32]]) -> Result<HashSet<&[u8; 32]>, NotDisclosed> {
    let set: HashSet<_> = digests.iter().collect();
    if set.len() == digests.len() { Ok(set) } else { Err(NotDisclosed::Disclosure) }
}

/// Reads `[salt, name, value]` into its place. What was disclosed before stands there, so a second time is found too.
fn take(text: &str, place: &mut Map<String, Value>, fits: impl Fn(&str, &Value) -> bool) -> Result<(), NotDisclosed> {
    let bytes = b64u::decode(text).map_err(|_| NotDisclosed::Disclosure)?;
    let Ok(Value::Array(parts)) = json::read(&bytes, super::MAX_BYTES) else { return Err(NotDisclosed::Disclosure) };
    let Ok([Value::String(_), Value::String(name), value]) = <[Value; 3]>::try_from(parts) else {
        return Err(NotDisclosed::Disclosure);
    };
    if name == "_sd" || name == "..." || is_recursive(&value) || place.contains_key(&name) {
        return Err(NotDisclosed::Disclosure);
    }
    if !fits(&name, &value) {
        return Err(NotDisclosed::Malformed);
    }
    place.insert(name, value);
    Ok(())
}

fn hidden(name: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    match name {
        "holder_kind" => HolderKind::from_name(text).is_some(),
        PORTRAIT => b64u::decode_array::<32>(text).is_ok(),
        _ => HIDDEN.contains(&name),
    }
}

/// Whether a value hides more in itself (RFC 9901 §4.2.6).
fn is_recursive(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("_sd") || map.contains_key("...") || map.values().any(is_recursive),
        Value::Array(list) => list.iter().any(is_recursive),
        _ => false,
    }
}
