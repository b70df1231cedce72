//! Deterministic CBOR (RFC 8949 §4.2.1), read strictly and written: one encoding for one value.

use ciborium::Value;
use ciborium::value::Integer;

use super::MAX_DEPTH;

/// The tag that is registered as never valid; it stands here for simple values that `Value` cannot hold.
const NEVER: u64 = u64::MAX;

/// Why bytes are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end early, more follow, or no item begins so.
    #[error("not CBOR")]
    Malformed,
    /// A longer encoding than needed, an indefinite length, or map keys out of order.
    #[error("not deterministic CBOR")]
    NotDeterministic,
    /// A key stands twice in one map.
    #[error("a key stands twice in a map")]
    Duplicate,
    /// Deeper than [`MAX_DEPTH`]; tags count.
    #[error("nested too deeply")]
    Depth,
}

/// Reads exactly one item of deterministic CBOR.
///
/// Undefined and unassigned simple values come out as a tagged value of the never valid tag 2^64 − 1, so that nobody
/// takes them for null.
pub fn decode(bytes: &[u8]) -> Result<Value, CborError> {
    let (value, used) = decode_first(bytes)?;
    if used == bytes.len() { Ok(value) } else { Err(CborError::Malformed) }
}

/// Reads the first item of deterministic CBOR and says how many bytes it takes.
pub fn decode_first(bytes: &[u8]) -> Result<(Value, usize), CborError> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.item(0)?;
    Ok((value, reader.at))
}

/// The deterministic encoding: shortest numbers, definite lengths, map keys in the order of their bytes.
///
/// The keys of each map are distinct; that is the caller's duty.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], CborError> {
        let count = usize::try_from(count).map_err(|_| CborError::Malformed)?;
        let taken = self.bytes[self.at..].get(..count).ok_or(CborError::Malformed)?;
        self.at += count;
        Ok(taken)
    }

    /// The major type, the low five bits and the argument that they announce.
    fn head(&mut self) -> Result<(u8, u8, u64), CborError> {
        let first = self.take(1)?[0];
        let (major, low) = (first >> 5, first & 31);
        let (argument, least) = match low {
            0..24 => return Ok((major, low, low.into())),
            24 => (u64::from(self.take(1)?[0]), 24),
            25..=27 => {
                let width = 1_u64 << (low - 24);
                let value = self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                (value, 1_u64 << (4 * width))
            }
            31 => return Err(CborError::NotDeterministic),
            _ => return Err(CborError::Malformed),
        };
        if major != 7 && argument < least {
            return Err(CborError::NotDeterministic);
        }
        Ok((major, low, argument))
    }

    fn item(&mut self, depth: usize) -> Result<Value, CborError> {
        let (major, low, argument) = self.head()?;
        Ok(match major {
            0 => Value::Integer(argument.into()),
            1 => Value::Integer(
                Integer::try_from(-1 - i128::from(argument)).expect("a negative number of 64 bits and a sign fits"),
            ),
            2 => Value::Bytes(self.take(argument)?.to_vec()),
            3 => {
                let text = std::str::from_utf8(self.take(argument)?).map_err(|_| CborError::Malformed)?;
                Value::Text(text.to_owned())
            }
            4 => {
                let depth = deeper(depth)?;
                // Lists within lists may each claim all that follows: room is made for what comes, not for what is said.
                let mut list = Vec::with_capacity(self.room(argument)?.min(1024));
                for _ in 0..argument {
                    list.push(self.item(depth)?);
                }
                Value::Array(list)
            }
            5 => self.map(argument, deeper(depth)?)?,
            6 => self.tagged(argument, deeper(depth)?)?,
            _ => self.simple(low, argument)?,
        })
    }

    /// A length that can still follow: every item takes a byte at least.
    fn room(&self, count: u64) -> Result<usize, CborError> {
        let count = usize::try_from(count).map_err(|_| CborError::Malformed)?;
        if count <= self.bytes.len() - self.at { Ok(count) } else { Err(CborError::Malformed) }
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<Value, CborError> {
        let mut pairs = Vec::with_capacity(self.room(count)?.min(1024));
        let mut previous: Option<&[u8]> = None;
        for _ in 0..count {
            let start = self.at;
            let key = self.item(depth)?;
            let encoded = &self.bytes[start..self.at];
            match previous.map(|previous| previous.cmp(encoded)) {
                Some(std::cmp::Ordering::Equal) => return Err(CborError::Duplicate),
                Some(std::cmp::Ordering::Greater) => return Err(CborError::NotDeterministic),
                _ => previous = Some(encoded),
            }
            pairs.push((key, self.item(depth)?));
        }
        Ok(Value::Map(pairs))
    }

    fn tagged(&mut self, tag: u64, depth: usize) -> Result<Value, CborError> {
        if tag == NEVER {
            return Err(CborError::Malformed);
        }
        let inner = self.item(depth)?;
        if let (2 | 3, Value::Bytes(number)) = (tag, &inner)
            && (number.len() <= 8 || number[0] == 0)
        {
            return Err(CborError::NotDeterministic); // RFC 8949 §3.4.3: a shorter form exists
        }
        Ok(Value::Tag(tag, Box::new(inner)))
    }

    fn simple(&self, low: u8, argument: u64) -> Result<Value, CborError> {
        let double = match low {
            20 => return Ok(Value::Bool(false)),
            21 => return Ok(Value::Bool(true)),
            22 => return Ok(Value::Null),
            24 if argument < 32 => return Err(CborError::Malformed),
            0..20 | 23 | 24 => return Ok(Value::Tag(NEVER, Box::new(Value::Integer(argument.into())))),
            25 => half(u16::try_from(argument).map_err(|_| CborError::Malformed)?),
            26 => f64::from(f32::from_bits(u32::try_from(argument).map_err(|_| CborError::Malformed)?)),
            _ => f64::from_bits(argument),
        };
        let mut shortest = Vec::with_capacity(9);
        write_float(double, &mut shortest);
        if self.bytes[..self.at].ends_with(&shortest) && shortest[0] & 31 == low {
            Ok(Value::Float(double))
        } else {
            Err(CborError::NotDeterministic)
        }
    }
}

fn deeper(depth: usize) -> Result<usize, CborError> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(CborError::Depth) }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Integer(number) => {
            let number = i128::from(*number);
            let (major, argument) = if number < 0 { (1, -1 - number) } else { (0, number) };
            write_head(major, u64::try_from(argument).expect("an Integer has 64 bits and a sign"), out);
        }
        Value::Bytes(bytes) => {
            write_head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => {
            write_head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(list) => {
            write_head(4, list.len() as u64, out);
            for item in list {
                write(item, out);
            }
        }
        Value::Map(pairs) => {
            let mut encoded: Vec<(Vec<u8>, &Value)> = pairs.iter().map(|(key, value)| (encode(key), value)).collect();
            encoded.sort_by(|a, b| a.0.cmp(&b.0));
            write_head(5, encoded.len() as u64, out);
            for (key, value) in encoded {
                out.extend_from_slice(&key);
                write(value, out);
            }
        }
        Value::Tag(NEVER, simple) => {
            let number = simple.as_integer().and_then(|n| u8::try_from(n).ok()).unwrap_or(23);
            write_head(7, number.into(), out);
        }
        Value::Tag(tag, inner) => {
            write_head(6, *tag, out);
            write(inner, out);
        }
        Value::Bool(value) => out.push(if *value { 0xF5 } else { 0xF4 }),
        Value::Float(double) => write_float(*double, out),
        _ => out.push(0xF6),
    }
}

/// The head of an item in its shortest form (RFC 8949 §3).
pub(super) fn write_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..24 => out.push(major | bytes[7]),
        24..=0xFF => out.extend_from_slice(&[major | 0x18, bytes[7]]),
        0x100..=0xFFFF => {
            out.push(major | 0x19);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xFFFF_FFFF => {
            out.push(major | 0x1A);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 0x1B);
            out.extend_from_slice(&bytes);
        }
    }
}

/// The shortest of the three widths that keeps the value; not a number has one form.
fn write_float(double: f64, out: &mut Vec<u8>) {
    if double.is_nan() {
        out.extend_from_slice(&[0xF9, 0x7E, 0x00]);
        return;
    }
    #[allow(clippy::cast_possible_truncation)] // it is compared with what it came from
    let single = double as f32;
    if f64::from(single).to_bits() != double.to_bits() {
        out.push(0xFB);
        out.extend_from_slice(&double.to_bits().to_be_bytes());
    } else if let Some(half) = to_half(single) {
        out.push(0xF9);
        out.extend_from_slice(&half.to_be_bytes());
    } else {
        out.push(0xFA);
        out.extend_from_slice(&single.to_bits().to_be_bytes());
    }
}

/// The double of a half-precision number (RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let mantissa = f64::from(bits & 0x3FF);
    let magnitude = match bits >> 10 & 31 {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (mantissa + 1024.0) * 2_f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// The half-precision bits of `single`, if they hold it exactly.
fn to_half(single: f32) -> Option<u16> {
    let bits = single.to_bits();
    let sign = u16::from(bits >> 31 == 1) << 15;
    let exponent = bits >> 23 & 0xFF;
    let mantissa = bits & 0x7F_FFFF;
    let magnitude = match exponent {
        0 if mantissa == 0 => 0,
        255 if mantissa == 0 => 0x7C00,
        113..=142 if mantissa.trailing_zeros() >= 13 => (exponent - 112) << 10 | mantissa >> 13,
        103..=112 => {
            let shift = 126 - exponent; // a subnormal half: the leading one becomes visible
            let full = mantissa | 0x80_0000;
            if full & ((1 << shift) - 1) != 0 {
                return None;
            }
            full >> shift
        }
        _ => return None,
    };
    Some(sign | u16::try_from(magnitude).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// RFC 8949 appendix A, what is deterministic of it, and forms that are not.
    #[test]
    fn only_the_shortest_form_is_read() {
        use CborError::{Depth, Duplicate, Malformed, NotDeterministic};
        let nested = |n: usize| format!("{}80", "81".repeat(n - 1));
        let tags = |n: usize| format!("{}00", "c1".repeat(n));
        for (text, error) in [
            ("00", None),
            ("1818", None),
            ("1903e8", None),
            ("1bffffffffffffffff", None),
            ("3bffffffffffffffff", None),
            ("c249010000000000000000", None),
            ("f90000", None),
            ("f98000", None),
            ("f93c00", None),
            ("fb3ff199999999999a", None),
            ("f97bff", None),
            ("fa47c35000", None),
            ("fa7f7fffff", None),
            ("f90001", None),
            ("f90400", None),
            ("fb3e60000000000001", None),
            ("f97c00", None),
            ("f97e00", None),
            ("f7", None),
            ("f0", None),
            ("f8ff", None),
            ("c11a514b67b0", None),
            ("62c3bc", None),
            ("a26161016162820203", None),
            ("a2187b00616101", None), // bytewise: 18 7b before 61 61
            (&nested(16), None),
            (&tags(16), None),
            (&nested(17), Some(Depth)),
            (&tags(17), Some(Depth)),
            ("1800", Some(NotDeterministic)),
            ("190018", Some(NotDeterministic)),
            ("1a0000ffff", Some(NotDeterministic)),
            ("1b00000000ffffffff", Some(NotDeterministic)),
            ("5800", Some(NotDeterministic)),
            ("5f42010243030405ff", Some(NotDeterministic)),
            ("9fff", Some(NotDeterministic)),
            ("bfff", Some(NotDeterministic)),
            ("c24100", Some(NotDeterministic)),
            ("c24900ffffffffffffffff", Some(NotDeterministic)),
            ("fa3f800000", Some(NotDeterministic)),
            ("fb3ff0000000000000", Some(NotDeterministic)),
            ("f97e01", Some(NotDeterministic)),
            ("fa7fc00000", Some(NotDeterministic)),
            ("fb7ff0000000000000", Some(NotDeterministic)),
            ("a2616101187b00", Some(NotDeterministic)),
            ("a2616101616102", Some(Duplicate)),
            ("f800", Some(Malformed)),
            ("f818", Some(Malformed)),
            ("1c", Some(Malformed)),
            ("ff", Some(NotDeterministic)),
            ("61ff", Some(Malformed)),
            ("0000", Some(Malformed)),
            ("", Some(Malformed)),
            ("5bffffffffffffffff", Some(Malformed)),
            ("9bffffffffffffffff", Some(Malformed)),
            ("bbffffffffffffffff", Some(Malformed)),
            ("dbffffffffffffffff00", Some(Malformed)),
            ("19ff", Some(Malformed)),
        ] {
            let bytes = hex::decode(text).unwrap();
            let read = decode(&bytes);
            assert_eq!(read.as_ref().err().copied(), error, "{text}");
            if let Ok(value) = read {
                assert_eq!(hex::encode(encode(&value)), text);
            }
        }
    }

    #[test]
    fn every_half_is_written_as_itself() {
        for bits in 0..=u16::MAX {
            let mut out = Vec::new();
            write_float(half(bits), &mut out);
            if !half(bits).is_nan() {
                assert_eq!(out, [&[0xF9], &bits.to_be_bytes()[..]].concat(), "{bits:04x}");
            }
        }
    }
}
