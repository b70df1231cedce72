//! JSON objects of which every member is known: each is taken once, in its type, and nothing may remain.

use serde_json::{Map, Value};

use crate::encoding::b64u;
use crate::time::{Date, Timestamp};

/// The content does not have the members of its form, in their types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the members of the form")]
pub struct Malformed;

/// What is left of an object.
#[derive(Clone, Debug)]
pub struct Members(Map<String, Value>);

impl Members {
    /// All members of an object.
    pub fn of(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// All members of a value that must be an object.
    pub fn of_value(value: Value) -> Result<Self, Malformed> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Malformed),
        }
    }

    /// Takes a member as it is, if it is there.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Takes a text.
    pub fn text(&mut self, name: &str) -> Result<String, Malformed> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Malformed),
        }
    }

    /// Takes an object.
    pub fn object(&mut self, name: &str) -> Result<Self, Malformed> {
        self.0.remove(name).ok_or(Malformed).and_then(Self::of_value)
    }

    /// Takes an object that may be absent.
    pub fn object_if_any(&mut self, name: &str) -> Result<Option<Self>, Malformed> {
        self.0.remove(name).map(Self::of_value).transpose()
    }

    /// Takes whole epoch seconds.
    pub fn seconds(&mut self, name: &str) -> Result<Timestamp, Malformed> {
        self.0.remove(name).as_ref().and_then(Value::as_i64).map(Timestamp::from_seconds).ok_or(Malformed)
    }

    /// Takes whole epoch seconds that may be absent, but not null.
    pub fn seconds_if_any(&mut self, name: &str) -> Result<Option<Timestamp>, Malformed> {
        if self.0.contains_key(name) { self.seconds(name).map(Some) } else { Ok(None) }
    }

    /// Takes a number that is not negative.
    pub fn unsigned(&mut self, name: &str) -> Result<u64, Malformed> {
        self.0.remove(name).as_ref().and_then(Value::as_u64).ok_or(Malformed)
    }

    /// Takes a day.
    pub fn date(&mut self, name: &str) -> Result<Date, Malformed> {
        self.text(name)?.parse().map_err(|_| Malformed)
    }

    /// Takes a day that may be absent, but not null.
    pub fn date_if_any(&mut self, name: &str) -> Result<Option<Date>, Malformed> {
        if self.0.contains_key(name) { self.date(name).map(Some) } else { Ok(None) }
    }

    /// Takes thirty-two bytes in base64url.
    pub fn digest(&mut self, name: &str) -> Result<[u8; 32], Malformed> {
        b64u::decode_array(&self.text(name)?).map_err(|_| Malformed)
    }

    /// Takes an array of digests in base64url.
    pub fn digests(&mut self, name: &str) -> Result<Vec<[u8; 32]>, Malformed> {
        let Some(Value::Array(list)) = self.0.remove(name) else { return Err(Malformed) };
        let digest = |value: &Value| value.as_str().and_then(|text| b64u::decode_array(text).ok()).ok_or(Malformed);
        list.iter().map(digest).collect()
    }

    /// Nothing may remain.
    pub fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
