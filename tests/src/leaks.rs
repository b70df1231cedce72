//! What must stay where it is: secrets and numbers, searched for in every form that a program may give them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use store::{Db, on, sqlx};
use verifier::encoding::hex;

use crate::Backend;

/// Values to search for, each with what it is.
#[derive(Debug, Default)]
pub struct Watch(BTreeMap<String, &'static str>);

/// One finding: what it is, in which form, and the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What was found.
    pub kind: &'static str,
    /// How it was written.
    pub form: &'static str,
    /// Its plain value.
    pub value: String,
}

/// Texts that begin a private key, however it came there: PEM, PKCS #8 of P-256, Ed25519 and RSA, a JWK's private member.
const KEYS: [(&str, &[u8]); 5] = [
    ("PEM", b"PRIVATE KEY-----"),
    ("PKCS #8 of P-256", b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
    ("PKCS #8 of Ed25519", b"\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"),
    ("PKCS #8 of RSA", b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04\x82"),
    ("JWK", b"\"d\":\""),
];

impl Watch {
    /// Adds a value; one that is too short to mean anything is left out, and the first meaning of a value counts.
    pub fn add(&mut self, kind: &'static str, value: &str) {
        if value.len() >= 6 {
            self.0.entry(value.to_owned()).or_insert(kind);
        }
    }

    /// How many values of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.0.values().filter(|known| **known == kind).count()
    }

    /// Prepares the search.
    pub fn seeker(&self) -> Seeker {
        let mut seeker = Seeker::default();
        for (value, kind) in &self.0 {
            for (form, written) in forms(value.as_bytes()) {
                seeker.add(Found { kind, form, value: value.clone() }, written);
            }
        }
        for (value, bytes) in KEYS {
            for (form, written) in forms(bytes).into_iter().filter(|(form, _)| *form != "reversed case") {
                seeker.add(Found { kind: "private key", form, value: value.to_owned() }, written);
            }
        }
        seeker
    }
}

/// Finds the values of a [`Watch`] in any bytes.
#[derive(Debug, Default)]
pub struct Seeker(HashMap<[u8; 6], Vec<(Vec<u8>, Found)>>);

impl Seeker {
    fn add(&mut self, found: Found, written: Vec<u8>) {
        if let Some(start) = written.first_chunk::<6>().copied() {
            let all = self.0.entry(start).or_default();
            if all.iter().all(|(known, _)| *known != written) {
                all.push((written, found));
            }
        }
    }

    /// What stands in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<Found> {
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(6).enumerate() {
            let start = window.first_chunk::<6>().expect("six bytes");
            for (written, what) in self.0.get(start).into_iter().flatten() {
                if bytes[at..].starts_with(written) && stands_alone(written, &bytes[..at], &bytes[at + written.len()..])
                {
                    found.insert(what.clone());
                }
            }
        }
        found
    }
}

/// A number inside a longer run of digits is another number.
fn stands_alone(written: &[u8], before: &[u8], after: &[u8]) -> bool {
    let number = written.len() < 20 && written[..written.len() - 1].iter().all(u8::is_ascii_digit);
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    !(number && (digit(before.last()) || digit(after.first())))
}

/// How a value may be written: as it is, percent-encoded, base64 (wherever it begins), hexadecimal, in reversed case, and as
/// JSON escapes.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("plain", value.to_vec())];
    let text = hex::encode(value);
    let pairs = |text: &str| text.as_bytes().chunks(2).flat_map(|two| [b'%', two[0], two[1]]).collect::<Vec<u8>>();
    forms.push(("percent-encoded", pairs(&text)));
    forms.push(("percent-encoded", pairs(&text.to_ascii_uppercase())));
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let encode = |byte: &u8| if unreserved(byte) { vec![*byte] } else { format!("%{byte:02X}").into_bytes() };
    forms.push(("percent-encoded", value.iter().flat_map(encode).collect()));
    forms.push(("hexadecimal", text.clone().into_bytes()));
    forms.push(("hexadecimal", text.to_ascii_uppercase().into_bytes()));
    for offset in 0..3_usize {
        let shifted = [&vec![0; offset][..], value].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&shifted).into_bytes();
            let whole = encoded.len() - usize::from(shifted.len() % 3 != 0);
            forms.push(("base64", encoded[[0, 2, 3][offset]..whole].to_vec()));
        }
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let turned = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        forms.push(("reversed case", text.chars().map(turned).collect::<String>().into_bytes()));
        if !text.is_ascii() {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            forms.push(("JSON escapes", units.collect::<String>().into_bytes()));
        }
    }
    forms
}

/// Every value that stands in a column of text or bytes, with `table.column`.
pub async fn cells(db: &Db, backend: Backend) -> Vec<(String, Vec<u8>)> {
    let columns = match backend {
        Backend::Sqlite => {
            "SELECT m.name, p.name, p.type FROM sqlite_master m JOIN pragma_table_info(m.name) p
            WHERE m.type = 'table' AND upper(p.type) IN ('TEXT', 'BYTEA', 'BLOB') ORDER BY m.name, p.cid"
        }
        Backend::Postgres => {
            "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type IN ('text', 'bytea') ORDER BY table_name, ordinal_position"
        }
    };
    let mut reader = db.reader().await.expect("a reader");
    let columns: Vec<(String, String, String)> =
        on!(&mut reader, c => sqlx::query_as(columns).fetch_all(c).await).expect("the columns are known");
    let mut cells = Vec::new();
    for (table, column, kind) in columns {
        let bytes = match (backend, kind.as_str()) {
            (Backend::Sqlite, _) => format!("CAST(\"{column}\" AS BLOB)"),
            (Backend::Postgres, "text") => format!("convert_to(\"{column}\", 'UTF8')"),
            (Backend::Postgres, _) => format!("\"{column}\""),
        };
        let sql = format!("SELECT {bytes} FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        let rows: Result<Vec<(Vec<u8>,)>, _> =
            on!(&mut reader, c => sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(c).await);
        let place = format!("{table}.{column}");
        cells.extend(rows.expect("a column is read").into_iter().map(|(value,)| (place.clone(), value)));
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_form_and_nothing_else_is() {
        let number = "11010519491231002X";
        let mut watch = Watch::default();
        watch.add("id number", number);
        watch.add("name", "陈𬀩");
        watch.add("phone", "10000000009");
        let seeker = watch.seeker();
        for (text, form) in [
            (format!("at {number}."), "plain"),
            (format!("at {}", number.to_ascii_lowercase()), "reversed case"),
            ("q=%31%31%30%31%30%35%31%39%34%39%31%32%33%31%30%30%32%58".to_owned(), "percent-encoded"),
            ("name=%E9%99%88%F0%AC%80%A9&".to_owned(), "percent-encoded"),
            (hex::encode(number), "hexadecimal"),
            (hex::encode(number).to_ascii_uppercase(), "hexadecimal"),
            (STANDARD_NO_PAD.encode(number), "base64"),
            (STANDARD_NO_PAD.encode(format!("[\"a\",\"{number}\"]")), "base64"),
            (URL_SAFE_NO_PAD.encode(format!("{{\"ab\":\"{number}\"}}")), "base64"),
            (URL_SAFE_NO_PAD.encode(format!("{{\"abc\":\"{number}\"}}")), "base64"),
            ("\"\\u9648\\ud870\\udc29\"".to_owned(), "JSON escapes"),
            (format!("-----BEGIN {} KEY-----", "PRIVATE"), "plain"),
        ] {
            let found = seeker.find(text.as_bytes());
            assert_eq!(found.iter().map(|found| found.form).collect::<Vec<_>>(), [form], "{text}");
        }
        for text in ["110105194912310021", "110000000009", "1000000000912", "陈", "%E9%99%88"] {
            assert_eq!(seeker.find(text.as_bytes()), BTreeSet::new(), "{text}");
        }
    }
}
