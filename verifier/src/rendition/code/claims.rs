//! The claims of a code (formats §3); unknown ones are passed over.

use ciborium::Value;
use serde_json::Value as Json;

use crate::cose::member;
use crate::encoding::cbor;
use crate::rendition::StatusReference;
use crate::time::{Date, Timestamp};

/// The claims, in their types; whether they agree is not judged here. They hold a name: no `Debug`.
#[derive(Clone)]
pub struct Claims {
    /// When it was signed, as it claims.
    pub iat: Timestamp,
    /// When it ends.
    pub exp: Option<Timestamp>,
    /// From when it holds.
    pub nbf: Option<Timestamp>,
    /// Where its state is published, of a printed code.
    pub status: Option<StatusReference>,
    /// The licence type's code.
    pub type_code: String,
    /// The licence type's version.
    pub type_version: u64,
    /// The serial of the licence identifier.
    pub serial: String,
    /// The version of the licence identifier, 1 to 999.
    pub version: u16,
    /// The holder's name.
    pub holder_name: String,
    /// The last valid day; none: without end.
    pub last_day: Option<Date>,
    /// The items by position: texts, whole numbers, booleans, null.
    pub items: Vec<Json>,
}

/// Why claims are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not the claims of the format, in their types.
    #[error("not the claims of the format")]
    Malformed,
    /// A licence in a format of another version.
    #[error("another version of the format")]
    OtherFormat,
}

use ClaimsError::{Malformed, OtherFormat};

impl Claims {
    pub(super) fn read(payload: &[u8]) -> Result<Self, ClaimsError> {
        let map = cbor::decode(payload).ok().and_then(|value| value.into_map().ok()).ok_or(Malformed)?;
        let seconds = |label| member(&map, label).map(seconds).transpose();
        let (exp, nbf) = (seconds(4)?, seconds(5)?);
        let iat = seconds(6)?.ok_or(Malformed)?;
        let status = member(&map, 65_535).map(status).transpose()?;
        let Some(Value::Array(licence)) = member(&map, -65_537) else { return Err(Malformed) };
        match licence.first() {
            Some(Value::Integer(one)) if *one == 1.into() => {}
            Some(Value::Integer(_)) => return Err(OtherFormat),
            _ => return Err(Malformed),
        }
        let [_, type_code, type_version, serial, version, holder_name, last_day, Value::Array(items)] =
            licence.as_slice()
        else {
            return Err(Malformed);
        };
        Ok(Self {
            iat,
            exp,
            nbf,
            status,
            type_code: text(type_code)?,
            type_version: unsigned(type_version)?,
            serial: text(serial)?,
            version: u16::try_from(unsigned(version)?).ok().filter(|v| (1..=999).contains(v)).ok_or(Malformed)?,
            holder_name: text(holder_name).ok().filter(|name| !name.is_empty()).ok_or(Malformed)?,
            last_day: day(last_day)?,
            items: items.iter().map(item).collect::<Result<_, _>>()?,
        })
    }
}

fn seconds(value: &Value) -> Result<Timestamp, ClaimsError> {
    let number = value.as_integer().and_then(|n| i64::try_from(n).ok());
    number.map(Timestamp::from_seconds).ok_or(Malformed)
}

fn unsigned(value: &Value) -> Result<u64, ClaimsError> {
    value.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or(Malformed)
}

fn text(value: &Value) -> Result<String, ClaimsError> {
    value.as_text().map(str::to_owned).ok_or(Malformed)
}

fn day(value: &Value) -> Result<Option<Date>, ClaimsError> {
    if value.is_null() {
        return Ok(None);
    }
    Date::from_compact(unsigned(value)?).map(Some).ok_or(Malformed)
}

fn status(value: &Value) -> Result<StatusReference, ClaimsError> {
    let [(outer, Value::Map(list))] = value.as_map().map(Vec::as_slice).ok_or(Malformed)? else {
        return Err(Malformed);
    };
    let [(idx_name, idx), (uri_name, uri)] = list.as_slice() else { return Err(Malformed) };
    let named = [(outer, "status_list"), (idx_name, "idx"), (uri_name, "uri")];
    if named.iter().any(|(key, name)| key.as_text() != Some(*name)) {
        return Err(Malformed);
    }
    Ok(StatusReference { uri: text(uri)?, idx: unsigned(idx)? })
}

fn item(value: &Value) -> Result<Json, ClaimsError> {
    Ok(match value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Bool(value) => Json::Bool(*value),
        Value::Null => Json::Null,
        Value::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) => number.into(),
            _ => return Err(Malformed),
        },
        _ => return Err(Malformed),
    })
}
