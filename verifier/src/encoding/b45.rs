//! Base45 (RFC 9285), as texts of codes are written: one text for one value.

use super::NotCanonical;

/// The alphabet, in the order of its values.
const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The bytes of `text`. A group that says more than its bytes can hold is refused (§4), as are small letters.
pub fn decode(text: &str) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for group in text.as_bytes().chunks(3) {
        let number = group.iter().rev().try_fold(0, |sum, c| Some(sum * 45 + value(*c)?)).ok_or(NotCanonical)?;
        if group.len() == 3 {
            out.extend_from_slice(&u16::try_from(number).map_err(|_| NotCanonical)?.to_be_bytes());
        } else if group.len() == 2 {
            out.push(u8::try_from(number).map_err(|_| NotCanonical)?);
        } else {
            return Err(NotCanonical);
        }
    }
    Ok(out)
}

/// The text of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    base45::encode(bytes)
}

fn value(c: u8) -> Option<u32> {
    Some(match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        b'A'..=b'Z' => u32::from(c - b'A') + 10,
        _ => u32::try_from(ALPHABET[36..].iter().position(|one| *one == c)?).ok()? + 36,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_text() {
        for (text, bytes) in [
            ("BB8", Some(&b"AB"[..])), // RFC 9285 §4.3
            ("%69 VD92EX0", Some(b"Hello!!")),
            ("UJCLQE7W581", Some(b"base-45")),
            ("QED8WEX0", Some(b"ietf!")), // §4.4
            ("", Some(b"")),
            ("FGW", Some(b"\xff\xff")),
            ("U5", Some(b"\xff")),
            ("GGW", None), // 65536, §4.4
            (":::", None),
            ("V5", None), // 256
            ("E:", None), // 1994, of which the lower eight bits would be 202
            ("B", None),
            ("BB8B", None),
            ("bb8", None),
            ("BB!", None),
            ("BB\n", None),
            ("Ｂ", None),
        ] {
            assert_eq!(decode(text).ok().as_deref(), bytes, "{text}");
            if let Some(bytes) = bytes {
                assert_eq!(encode(bytes), text);
            }
        }
        for byte in 0..=u8::MAX {
            let texts = (0..45 * 45).map(|n| [ALPHABET[n % 45], ALPHABET[n / 45]]);
            let all = texts.filter(|text| decode(std::str::from_utf8(text).unwrap()).as_deref() == Ok(&[byte]));
            assert_eq!(all.count(), 1, "{byte}");
        }
    }
}
