//! Parameters of OAuth requests: names and values from a query or a form body, strictly read.

/// The most bytes of one request's parameters.
pub(crate) const MAX_BYTES: usize = 32 * 1024;
/// The most parameters of one request.
const MAX_COUNT: usize = 64;

/// Names and values in the order sent. Unknown ones stay unlooked at (RFC 6749 §3.1).
#[derive(Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Why parameters do not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParameterError {
    /// Too many, or too long.
    TooLarge,
    /// The name of one that stands twice (RFC 6749 §3.1, §3.2).
    Twice(&'static str),
    /// The name of one that holds characters that no value has: NUL, other controls, what is not UTF-8.
    Characters(&'static str),
}

impl ParameterError {
    /// What the developer reads.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::TooLarge => "the request has too many parameters or too long ones".to_owned(),
            Self::Twice(name) => format!("{name} stands more than once"),
            Self::Characters(name) => format!("{name} holds characters that are not allowed"),
        }
    }
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    pub(crate) fn read(text: &[u8]) -> Result<Self, ParameterError> {
        if text.len() > MAX_BYTES {
            return Err(ParameterError::TooLarge);
        }
        let pairs: Vec<_> = url::form_urlencoded::parse(text).take(MAX_COUNT + 1).collect();
        if pairs.len() > MAX_COUNT {
            return Err(ParameterError::TooLarge);
        }
        Ok(Self(pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    /// The one value of `name`; one without a value counts as left out (RFC 6749 §3.1).
    ///
    /// # Errors
    ///
    /// `Twice`, `Characters`.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, ParameterError> {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(ParameterError::Twice(name));
        }
        match first {
            Some(value) if !is_plain(value) => Err(ParameterError::Characters(name)),
            other => Ok(other.filter(|value| !value.is_empty())),
        }
    }

    /// All values of `name`, which may stand several times (`resource`).
    ///
    /// # Errors
    ///
    /// `Characters`.
    pub(crate) fn all(&self, name: &'static str) -> Result<Vec<&str>, ParameterError> {
        let values = self.0.iter().filter(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str());
        values.map(|v| if is_plain(v) { Ok(v) } else { Err(ParameterError::Characters(name)) }).collect()
    }
}

fn is_plain(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || c == '\u{FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_strictly() {
        let read = |text: &str| Parameters::read(text.as_bytes()).expect("reads");
        let p = read("a=1&b=&c=x%00y&d=1&d=2&e=%FF&f=a%2Bb+c&g=%0A");
        assert_eq!(p.one("a"), Ok(Some("1")));
        assert_eq!(p.one("b"), Ok(None));
        assert_eq!(p.one("c"), Err(ParameterError::Characters("c")));
        assert_eq!(p.one("d"), Err(ParameterError::Twice("d")));
        assert_eq!(p.all("d"), Ok(vec!["1", "2"]));
        assert_eq!(p.one("e"), Err(ParameterError::Characters("e")));
        assert_eq!(p.one("f"), Ok(Some("a+b c")));
        assert_eq!(p.one("g"), Err(ParameterError::Characters("g")));
        assert_eq!(p.one("z"), Ok(None));
        assert!(Parameters::read(&vec![b'a'; MAX_BYTES + 1]).is_err());
        assert!(Parameters::read("a=1&".repeat(65).as_bytes()).is_err());
    }
}
