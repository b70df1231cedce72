//! The pure half of the writer: bits, compression, and what is signed in both encodings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value as Json, json};

use super::{BYTES, ENTRIES, MAX_LIFE, MEDIA_TYPE_CWT, Value};
use crate::cose::ToSign;
use crate::deflate::deflate;
use crate::digest::sha256;
use crate::encoding::emit::Emit;
use crate::time::Timestamp;

/// How long a reader may keep a list, in seconds (`ttl`).
pub const TTL: i64 = 30;

/// The bits of a list in which all positions are valid but those given; a position outside the list is passed over.
pub fn pack(positions: impl IntoIterator<Item = (u64, Value)>) -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    for (position, value) in positions {
        set(&mut bytes, position, value);
    }
    bytes
}

/// Sets one position of a list that [`pack`] made.
pub fn set(bytes: &mut [u8], position: u64, value: Value) {
    if position >= ENTRIES {
        return;
    }
    let Ok(at) = usize::try_from(position / 4) else { return };
    if let Some(byte) = bytes.get_mut(at) {
        let shift = position % 4 * 2;
        *byte = *byte & !(3 << shift) | value.bits() << shift;
    }
}

/// A list that is to be published: compressed once, signed in both encodings.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    uri: &'a str,
    issued_at: Timestamp,
    deflated: Vec<u8>,
}

impl<'a> Draft<'a> {
    /// Of the list at `uri`, as of `issued_at`, with the bits that [`pack`] made.
    pub fn new(uri: &'a str, issued_at: Timestamp, bytes: &[u8]) -> Self {
        Self { uri, issued_at, deflated: deflate(bytes) }
    }

    /// The JWT's payload to be signed.
    pub fn jwt_payload(&self) -> Vec<u8> {
        let claims = json!({
            "sub": self.uri,
            "iat": self.issued_at.seconds(),
            "exp": self.issued_at.plus(MAX_LIFE).seconds(),
            "ttl": TTL,
            "status_list": {"bits": 2, "lst": URL_SAFE_NO_PAD.encode(&self.deflated)},
        });
        claims.to_string().into_bytes()
    }

    /// What is signed of the CWT; `algorithm` is COSE's number (-7 ES256, -8 EdDSA), `chain` the leaf and its intermediates (DER).
    pub fn cwt(&self, algorithm: i64, chain: &[Vec<u8>]) -> ToSign {
        ToSign::new(protected(algorithm, chain), self.claims())
    }

    fn claims(&self) -> Vec<u8> {
        let mut out = Emit::with_capacity(self.deflated.len() + 160);
        out.map(5).unsigned(2).text(self.uri);
        out.unsigned(4).integer(self.issued_at.plus(MAX_LIFE).seconds());
        out.unsigned(6).integer(self.issued_at.seconds());
        out.unsigned(65_533).map(2).text("lst").bytes(&self.deflated).text("bits").unsigned(2);
        out.unsigned(65_534).integer(TTL);
        out.into_bytes()
    }
}

/// The JWT's header members beside `alg` and `kid`.
pub fn jwt_header(x5c: &[Vec<u8>]) -> Map<String, Json> {
    let chain = x5c.iter().map(|der| STANDARD.encode(der).into()).collect();
    Map::from_iter([("typ".to_owned(), "statuslist+jwt".into()), ("x5c".to_owned(), Json::Array(chain))])
}

/// `{1: alg, 4: kid, 16: typ, 33: x5chain}`: one certificate is a byte string, several are an array (RFC 9360 §2).
fn protected(algorithm: i64, chain: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Emit::default();
    out.map(if chain.is_empty() { 3 } else { 4 }).unsigned(1).integer(algorithm);
    let leaf = chain.first().map(|leaf| sha256(leaf)).unwrap_or_default();
    out.unsigned(4).bytes(&leaf[..8]);
    out.unsigned(16).text(MEDIA_TYPE_CWT);
    match chain {
        [] => {}
        [leaf] => {
            out.unsigned(33).bytes(leaf);
        }
        several => {
            out.unsigned(33).array(several.len());
            for der in several {
                out.bytes(der);
            }
        }
    }
    out.into_bytes()
}
