//! A login as it went: what was sent, what came back, what was checked. Values that open something are shortened.

use serde_json::Value;
use url::Url;
use verifier::encoding::b64u;
use verifier::time::Timestamp;
use web::claims::Identity;
use web::relying_party::{Callback, Login, PendingLogin};

use super::sessions::Begun;

/// One named value.
#[derive(Clone)]
pub(super) struct Parameter {
    pub name: String,
    pub value: String,
}

/// A whole login.
#[derive(Clone)]
pub(super) struct Trace {
    pub began: Timestamp,
    pub ended: Timestamp,
    pub asked: Vec<Parameter>,
    pub answered: Vec<Parameter>,
    pub exchanged: Vec<Parameter>,
    pub tokens: Vec<Parameter>,
    pub algorithm: String,
    pub id_token: Vec<Parameter>,
    pub userinfo: Vec<Parameter>,
}

impl Trace {
    pub(super) fn new(
        began: Option<Begun>,
        answer: &Callback,
        pending: &PendingLogin,
        login: &Login,
        userinfo: &Identity,
        now: Timestamp,
    ) -> Self {
        let (asked, at) = began.map_or((Vec::new(), pending.began), |begun| (begun.parameters, begun.at));
        let redirect_uri = asked.iter().find(|p| p.name == "redirect_uri").map_or("", |p| &p.value).to_owned();
        let code = answer.code.as_deref().map(short).unwrap_or_default();
        let (header, claims) = parts(&login.id_token);
        Self {
            began: at,
            ended: now,
            answered: vec![
                parameter("code", &code),
                parameter("state", &short(&answer.state)),
                parameter("iss", answer.iss.as_deref().unwrap_or_default()),
            ],
            exchanged: vec![
                parameter("grant_type", "authorization_code"),
                parameter("code", &code),
                parameter("redirect_uri", &redirect_uri),
                parameter("code_verifier", &short(&pending.code_verifier)),
            ],
            tokens: vec![
                parameter("access_token", &short(&login.access_token)),
                parameter("id_token", &short(&login.id_token)),
                parameter("token_type", "Bearer"),
                parameter("expires_in", &login.expires_in_seconds.to_string()),
                parameter("scope", &login.scope),
            ],
            asked,
            algorithm: header.get("alg").and_then(Value::as_str).unwrap_or_default().to_owned(),
            id_token: members(&claims),
            userinfo: members(&serde_json::to_value(userinfo).unwrap_or_default()),
        }
    }

    /// How many things were checked.
    pub(super) const CHECKS: usize = 9;
}

/// The parameters of an authorization request, random ones shortened.
pub(super) fn parameters(url: &Url) -> Vec<Parameter> {
    url.query_pairs()
        .map(|(name, value)| {
            let hidden = matches!(name.as_ref(), "state" | "nonce" | "code_challenge");
            parameter(&name, &if hidden { short(&value) } else { value.into_owned() })
        })
        .collect()
}

fn parameter(name: &str, value: &str) -> Parameter {
    Parameter { name: name.to_owned(), value: value.to_owned() }
}

/// The first four and last three characters.
fn short(text: &str) -> String {
    let count = text.chars().count();
    if count <= 12 {
        return text.to_owned();
    }
    let first: String = text.chars().take(4).collect();
    let last: String = text.chars().skip(count - 3).collect();
    format!("{first}…{last}")
}

/// Header and claims of a token that was checked already.
fn parts(token: &str) -> (Value, Value) {
    let read = |part: Option<&str>| {
        part.and_then(|part| b64u::decode(part).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    };
    let mut parts = token.split('.');
    (read(parts.next()), read(parts.next()))
}

fn members(claims: &Value) -> Vec<Parameter> {
    let Value::Object(members) = claims else { return Vec::new() };
    members
        .iter()
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let hidden = matches!(name.as_str(), "nonce" | "sid" | "at_hash" | "jti");
            parameter(name, &if hidden { short(&text) } else { text })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_shortened_value_opens_nothing() {
        for (text, expected) in [
            ("", ""),
            ("abcdefghijkl", "abcdefghijkl"),
            ("abcdefghijklm", "abcd…klm"),
            ("一二三四五六七八九十一二三", "一二三四…一二三"),
        ] {
            assert_eq!(short(text), expected);
        }
    }
}
