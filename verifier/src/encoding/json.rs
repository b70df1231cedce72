//! A strict reader of JSON (RFC 8259): no duplicate names, bounded depth and size, no number that would change silently.

use std::str;

use serde_json::{Map, Number, Value};

use super::MAX_DEPTH;

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than the caller takes.
    #[error("larger than its bound")]
    TooLarge,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Not the grammar of RFC 8259, at this byte.
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    /// A name stands twice in one object.
    #[error("a name stands twice in an object")]
    Duplicate,
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested too deeply")]
    Depth,
    /// A number that neither 64 bits nor a double hold without becoming another.
    #[error("a number beyond its range")]
    Number,
}

/// Reads one JSON text of at most `max_bytes`.
///
/// Whole numbers are exact (from −2^63 to 2^64 − 1), others doubles; what would overflow, or vanish to zero, is refused.
///
/// # Errors
///
/// See [`JsonError`]; nothing is repaired or passed over.
pub fn read(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLarge);
    }
    let text = str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?;
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at == bytes.len() { Ok(value) } else { Err(reader.wrong()) }
}

/// Reads one JSON object of at most `max_bytes`; another value is a syntax error at its first byte.
pub fn read_object(bytes: &[u8], max_bytes: usize) -> Result<Map<String, Value>, JsonError> {
    match read(bytes, max_bytes)? {
        Value::Object(map) => Ok(map),
        _ => Err(JsonError::Syntax(0)),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self) -> JsonError {
        JsonError::Syntax(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, expected: u8) -> Result<(), JsonError> {
        if self.peek() != Some(expected) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        match self.peek().ok_or(self.wrong())? {
            b'{' => self.object(deeper(depth)?),
            b'[' => self.array(deeper(depth)?),
            b'"' => self.string().map(Value::String),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            _ => Err(self.wrong()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.take(b'{')?;
        let mut map = Map::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.blanks();
            let name = self.string()?;
            self.blanks();
            self.take(b':')?;
            self.blanks();
            let value = self.value(depth)?;
            if map.insert(name, value).is_some() {
                return Err(JsonError::Duplicate);
            }
            if self.last(b'}')? {
                return Ok(Value::Object(map));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.take(b'[')?;
        let mut list = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(list));
        }
        loop {
            self.blanks();
            list.push(self.value(depth)?);
            if self.last(b']')? {
                return Ok(Value::Array(list));
            }
        }
    }

    /// Steps over a comma (more follows) or the closing mark (that was the last).
    fn last(&mut self, close: u8) -> Result<bool, JsonError> {
        self.blanks();
        let mark = self.peek();
        if mark != Some(b',') && mark != Some(close) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(mark == Some(close))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.take(b'"')?;
        let mut text = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|c| c != b'"' && c != b'\\' && c >= 0x20) {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                _ => return Err(self.wrong()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let mark = self.peek().ok_or(self.wrong())?;
        self.at += 1;
        Ok(match mark {
            b'"' | b'\\' | b'/' => char::from(mark),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.four()?;
                let code = if (0xD800..0xDC00).contains(&first) {
                    self.take(b'\\')?;
                    self.take(b'u')?;
                    let second = self.four()?;
                    if !(0xDC00..0xE000).contains(&second) {
                        return Err(self.wrong());
                    }
                    0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                } else {
                    first
                };
                char::from_u32(code).ok_or(self.wrong())?
            }
            _ => return Err(self.wrong()),
        })
    }

    fn four(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|c| char::from(c).to_digit(16)).ok_or(self.wrong())?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong()) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        let mantissa = &self.text[start..self.at];
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if whole && text != "-0" {
            let unsigned = text.parse::<u64>().map(Number::from);
            return unsigned.or_else(|_| text.parse::<i64>().map(Number::from)).map_err(|_| JsonError::Number);
        }
        let double: f64 = text.parse().map_err(|_| JsonError::Number)?;
        if double == 0.0 && mantissa.bytes().any(|c| (b'1'..=b'9').contains(&c)) {
            return Err(JsonError::Number);
        }
        Number::from_f64(double).ok_or(JsonError::Number)
    }
}

fn deeper(depth: usize) -> Result<usize, JsonError> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(JsonError::Depth) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc_8259_is_read() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        for (text, error) in [
            (r#" {"a":[1,-2,3.5,"\u674e\ud842\udfb7\/",true,false,null]} "#, None),
            ("0", None),
            ("-0", None),
            ("18446744073709551615", None),
            ("-9223372036854775808", None),
            ("1e308", None),
            ("0e999999999999", None),
            (&nested(16), None),
            (&nested(17), Some(JsonError::Depth)),
            (&"[".repeat(1000), Some(JsonError::Depth)),
            (r#"{"a":1,"a":1}"#, Some(JsonError::Duplicate)),
            (r#"{"a":1,"\u0061":1}"#, Some(JsonError::Duplicate)),
            ("1e400", Some(JsonError::Number)),
            ("-1e400", Some(JsonError::Number)),
            ("1e-400", Some(JsonError::Number)),
            ("18446744073709551616", Some(JsonError::Number)),
            ("-9223372036854775809", Some(JsonError::Number)),
            ("01", Some(JsonError::Syntax(1))),
            ("1.", Some(JsonError::Syntax(2))),
            (".5", Some(JsonError::Syntax(0))),
            ("+1", Some(JsonError::Syntax(0))),
            ("1e", Some(JsonError::Syntax(2))),
            ("-", Some(JsonError::Syntax(1))),
            ("NaN", Some(JsonError::Syntax(0))),
            ("nul", Some(JsonError::Syntax(0))),
            ("", Some(JsonError::Syntax(0))),
            ("[1,]", Some(JsonError::Syntax(3))),
            ("[1 2]", Some(JsonError::Syntax(3))),
            (r#"{"a"}"#, Some(JsonError::Syntax(4))),
            (r"{a:1}", Some(JsonError::Syntax(1))),
            ("\"\n\"", Some(JsonError::Syntax(1))),
            (r#""\ud842""#, Some(JsonError::Syntax(7))),
            (r#""\udfb7""#, Some(JsonError::Syntax(7))),
            (r#""\x""#, Some(JsonError::Syntax(3))),
            ("\"张", Some(JsonError::Syntax(4))),
            ("1 1", Some(JsonError::Syntax(2))),
            ("\u{feff}1", Some(JsonError::Syntax(0))),
        ] {
            assert_eq!(read(text.as_bytes(), 1 << 16).err(), error, "{text}");
            if error.is_none() {
                assert_eq!(read(text.as_bytes(), 1 << 16).unwrap(), serde_json::from_str::<Value>(text).unwrap());
            }
        }
        assert_eq!(read(b"\"\xff\"", 9), Err(JsonError::Utf8));
        assert_eq!(read(b"12", 1), Err(JsonError::TooLarge));
        assert_eq!(read_object(b"[]", 9), Err(JsonError::Syntax(0)));
    }
}
