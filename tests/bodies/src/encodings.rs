//! JSON, CBOR, the alphabets, keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use serde_json::Value;
use verifier::algorithm::PublicKey;
use verifier::encoding::{b45, b64, b64u, cbor as strict_cbor, hex, json as strict_json};

use crate::fixtures::{JWK, PRINTED, SPKI, STATUS_CWT};

const MOST: usize = 1 << 16;

pub(crate) fn json(data: &[u8]) {
    let Ok(value) = strict_json::read(data, MOST) else { return };
    // Whatever the strict reader takes, a lenient one takes as the same.
    let lenient: Value = serde_json::from_slice(data).unwrap();
    assert!(alike(&value, &lenient), "{value} and {lenient}");
    let written = value.to_string();
    let again = strict_json::read(written.as_bytes(), MOST * 8);
    // A double may be written longer, but never as another; one depth, one set of names.
    assert_eq!(again.as_ref(), Ok(&value), "{written}");
    assert!(strict_json::read(data, data.len()).is_ok() && strict_json::read(data, data.len() - 1).is_err());
}

/// The same but for the last bits of doubles, which the lenient reader takes a shorter way to.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) if a != b => {
            let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return false };
            (a - b).abs() <= a.abs() * 1e-15
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

pub(crate) fn json_seeds() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"a":[1,-2.5e3,"\ud842\udfb7\/",true,false,null],"b":{"c":1e-7,"张":"·"}}"#,
        r"[18446744073709551615,-9223372036854775808,0.1,1E+2,-0,[[[[]]]],{}]",
        r#""\"\\\b\f\n\r\t\u0041""#,
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub(crate) fn cbor(data: &[u8]) {
    let Ok((value, used)) = strict_cbor::decode_first(data) else { return };
    assert_eq!(strict_cbor::encode(&value), data[..used], "one encoding for one value");
    assert_eq!(strict_cbor::decode(data).is_ok(), used == data.len());
    if !is_beyond(&value) {
        let lenient: Cbor = ciborium::from_reader(&data[..used]).unwrap();
        assert_eq!(strict_cbor::encode(&lenient), data[..used], "a lenient reader sees something else");
    }
}

/// Whether it holds what the lenient reader has no value for: simple values without a meaning, tags of big numbers.
fn is_beyond(value: &Cbor) -> bool {
    match value {
        Cbor::Tag(2 | 3 | u64::MAX, _) => true,
        Cbor::Tag(_, inner) => is_beyond(inner),
        Cbor::Array(list) => list.iter().any(is_beyond),
        Cbor::Map(pairs) => pairs.iter().any(|(key, value)| is_beyond(key) || is_beyond(value)),
        Cbor::Float(number) => number.is_nan(),
        _ => false,
    }
}

pub(crate) fn cbor_seeds() -> Vec<Vec<u8>> {
    let mixed = "d2845828a201260448a1a2a3a4a5a6a7a8a20163616263fb3ff199999999999ac11a514b67b0f93c0040a0582001";
    let more = "a501f4186403190100f61a00010000f93e00636162638301203903e7c24901000000000000000066e5bcb5e4b889f97e00";
    vec![hex::decode(mixed).unwrap(), hex::decode(more).unwrap_or_default(), PRINTED.to_vec(), STATUS_CWT.to_vec()]
}

pub(crate) fn base(data: &[u8]) {
    assert_eq!(b64u::decode(&b64u::encode(data)).as_deref(), Ok(data));
    assert_eq!(b64::decode(&b64::encode(data)).as_deref(), Ok(data));
    assert_eq!(hex::decode(&hex::encode(data)).as_deref(), Ok(data));
    assert_eq!(b45::decode(&b45::encode(data)).as_deref(), Ok(data));
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Of a value each alphabet has one text, and the strict readers take no other.
    if let Ok(bytes) = b64u::decode(text) {
        assert_eq!(
            (b64u::encode(&bytes).as_str(), URL_SAFE_NO_PAD.decode(text).as_deref()),
            (text, Ok(bytes.as_slice()))
        );
    }
    if let Ok(bytes) = b64::decode(text) {
        assert_eq!((b64::encode(&bytes).as_str(), STANDARD.decode(text).as_deref()), (text, Ok(bytes.as_slice())));
    }
    if let Ok(bytes) = hex::decode(text) {
        assert_eq!(hex::encode(&bytes), text);
    }
    if let Ok(bytes) = b45::decode(text) {
        assert_eq!(base45::decode(text).as_ref(), Ok(&bytes), "a lenient reader sees something else");
        assert_eq!(b45::encode(&bytes), text, "two texts of one code");
    }
}

pub(crate) fn base_seeds() -> Vec<Vec<u8>> {
    vec![b"AAECA_-w".to_vec(), b"AAECA/+wAA==".to_vec(), b"00ff7f80".to_vec(), b"BB8 BGT:FGW%69".to_vec()]
}

pub(crate) fn jwk(data: &[u8]) {
    if let Ok(value) = strict_json::read(data, MOST)
        && let Ok(key) = PublicKey::from_jwk(&value)
    {
        same(&key);
        // Of the members only those of the key count: a private part, a `kid` or `alg` beside changes nothing.
        let own = Value::Object(key.to_jwk());
        for name in ["kty", "crv", "x", "y", "n", "e"] {
            assert!(own.get(name).is_none_or(|own| value.get(name) == Some(own)), "{name} is read as another");
        }
    }
    if let Ok(key) = PublicKey::from_spki_der(data) {
        same(&key);
        assert_eq!(key.spki_der(), data, "two encodings of one key");
    }
}

fn same(key: &PublicKey) {
    let again = PublicKey::from_jwk(&Value::Object(key.to_jwk())).unwrap();
    assert_eq!((again.thumbprint(), again.spki_der()), (key.thumbprint(), key.spki_der()));
    let again = PublicKey::from_spki_der(key.spki_der()).unwrap();
    assert_eq!(again.thumbprint(), key.thumbprint());
}

pub(crate) fn jwk_seeds() -> Vec<Vec<u8>> {
    let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    vec![JWK.to_vec(), SPKI.to_vec(), okp.as_bytes().to_vec()]
}
