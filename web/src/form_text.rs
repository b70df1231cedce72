//! `application/x-www-form-urlencoded` (URL Standard §5) into types: UTF-8 that is UTF-8, no NUL, no parameter twice.

use std::borrow::Cow;

use serde::de::value::{Error as ValueError, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

/// How many parameters a form may have.
const MOST_PARAMETERS: usize = 500;

/// Why a form is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    /// A name or value that is no UTF-8 or holds NUL, or too many parameters.
    Character(String),
    /// More parameters than are taken.
    TooMany,
    /// A parameter stands twice where one is wanted.
    Twice(String),
    /// No such parameter, where the type refuses unknown ones.
    Unknown(String),
    /// A needed parameter is not there.
    Missing(String),
    /// A value that its type does not take.
    Invalid(String),
}

/// Names with all their values, in the order of their first appearance.
pub(crate) type Groups = Vec<(String, Vec<String>)>;

/// Decodes the pairs.
pub(crate) fn pairs(bytes: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let mut pairs = Vec::new();
    for part in bytes.split(|b| *b == b'&').filter(|part| !part.is_empty()) {
        if pairs.len() == MOST_PARAMETERS {
            return Err(FormError::TooMany);
        }
        let split = part.iter().position(|b| *b == b'=').unwrap_or(part.len());
        let name = decode(&part[..split]).ok_or_else(|| FormError::Character(String::new()))?;
        let value = decode(part.get(split + 1..).unwrap_or_default());
        let value = value.ok_or_else(|| FormError::Character(name.clone()))?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn decode(bytes: &[u8]) -> Option<String> {
    let spaced: Cow<'_, [u8]> = if bytes.contains(&b'+') {
        Cow::Owned(bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect())
    } else {
        Cow::Borrowed(bytes)
    };
    let text = percent_encoding::percent_decode(&spaced).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

/// Reads a form into `T`. A field that is a list takes its parameter several times, any other once.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormError> {
    let mut groups: Groups = Vec::new();
    for (name, value) in pairs(bytes)? {
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    let twice = groups.iter().find(|(_, values)| values.len() > 1).map(|(name, _)| name.clone());
    let entries = groups.into_iter().map(|(name, values)| (name, Values(values)));
    let reader = MapDeserializer::<_, ValueError>::new(entries);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        let text = error.into_inner().to_string();
        match (quoted_after(&text, "unknown field"), quoted_after(&text, "missing field")) {
            (Some(name), _) => FormError::Unknown(name),
            (_, Some(name)) => FormError::Missing(name),
            _ if text == TWICE => FormError::Twice(twice.unwrap_or(path)),
            _ => FormError::Invalid(path),
        }
    })
}

/// The name between backticks that serde's sentence about a field holds, where the sentence begins with `what`.
pub(crate) fn quoted_after(text: &str, what: &str) -> Option<String> {
    let rest = text.strip_prefix(what)?.trim_start().strip_prefix('`')?;
    Some(rest.split('`').next().unwrap_or_default().to_owned())
}

const TWICE: &str = "a parameter stands twice";

/// All values of one parameter.
struct Values(Vec<String>);

impl Values {
    fn one(mut self) -> Result<String, ValueError> {
        match (self.0.pop(), self.0.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(de::Error::custom(TWICE)),
        }
    }
}

impl IntoDeserializer<'_, ValueError> for Values {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            visitor.$visit(self.one()?.parse().map_err(|_| de::Error::custom("not a number"))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Values {
    type Error = ValueError;

    parsed! {
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_string(self.one()?)
    }

    /// A ticked box sends its value, one that is not ticked sends nothing.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.one()?.as_str() {
            "1" | "true" | "yes" | "on" => visitor.visit_bool(true),
            "" | "0" | "false" | "no" | "off" => visitor.visit_bool(false),
            _ => Err(de::Error::custom("neither yes nor no")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        SeqDeserializer::new(self.0.into_iter().map(|value| Self(vec![value]))).deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let reader: StringDeserializer<ValueError> = self.one()?.into_deserializer();
        reader.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.one()?; // a parameter that is not known may not stand twice either (RFC 6749 §3.1)
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        login: String,
        remember: Option<bool>,
        #[serde(default)]
        scope: Vec<String>,
        size: Option<u8>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Closed {
        a: Kind,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Two,
    }

    #[test]
    fn a_form_is_read_or_refused_by_name() {
        let sample = |login: &str| Sample { login: login.into(), remember: None, scope: vec![], size: None };
        for (text, expected) in [
            ("login=a", Ok(sample("a"))),
            ("login=a+b%2B%E5%8D%B0", Ok(sample("a b+印"))),
            ("login=", Ok(sample(""))),
            ("login=a&unknown=1", Ok(sample("a"))),
            (
                "login=a&remember=yes&scope=x&scope=y&size=3",
                Ok(Sample { remember: Some(true), scope: vec!["x".into(), "y".into()], size: Some(3), ..sample("a") }),
            ),
            ("", Err(FormError::Missing("login".into()))),
            ("login=a&login=a", Err(FormError::Twice("login".into()))),
            ("login=a&other=1&other=1", Err(FormError::Twice("other".into()))),
            ("login=%00", Err(FormError::Character("login".into()))),
            ("login=%ff", Err(FormError::Character("login".into()))),
            ("%00=a", Err(FormError::Character(String::new()))),
            ("login=a&size=300", Err(FormError::Invalid("size".into()))),
            ("login=a&remember=perhaps", Err(FormError::Invalid("remember".into()))),
        ] {
            assert_eq!(read::<Sample>(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(read::<Closed>(b"a=two"), Ok(Closed { a: Kind::Two }));
        assert_eq!(read::<Closed>(b"a=two&b=1"), Err(FormError::Unknown("b".into())));
        assert_eq!(read::<Closed>(b"a=three"), Err(FormError::Invalid("a".into())));
        assert_eq!(pairs("a=1&".repeat(501).as_bytes()), Err(FormError::TooMany));
    }
}
