//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use store::audit;
use web::Asker;

use crate::Idp;
use crate::error::{Causes, Error};
use crate::http::oauth_error::json as json_answer;
use crate::oauth::parameters::Parameters;
use crate::storage::families;
use crate::token::{access, claims};

/// Why userinfo does not answer (RFC 6750 §3.1).
enum Refusal {
    /// No token: a bare challenge.
    Nothing,
    /// Two ways at once, or a body that does not read.
    Request,
    /// Not ours, expired, revoked, for another audience.
    Token,
    /// The token has no `openid`.
    Scope,
    /// Not the caller's fault.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// `GET /userinfo`: the token in the header.
pub(crate) async fn get(State(idp): State<Idp>, asker: Asker, headers: HeaderMap) -> Response {
    respond(answer(&idp, &asker, bearer(&headers)).await)
}

/// `POST /userinfo`: the token in the header, or as `access_token` in the form (RFC 6750 §2.2).
pub(crate) async fn post(State(idp): State<Idp>, asker: Asker, headers: HeaderMap, body: Bytes) -> Response {
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let form = if is_form { Parameters::read(&body).unwrap_or_default() } else { Parameters::default() };
    let token = match (bearer(&headers), form.one("access_token")) {
        (Some(_), Ok(Some(_))) | (_, Err(_)) => return respond(Err(Refusal::Request)),
        (Some(header), _) => Some(header.to_owned()),
        (None, Ok(field)) => field.map(str::to_owned),
    };
    respond(answer(&idp, &asker, token.as_deref()).await)
}

/// The token of an `Authorization: Bearer` header; the scheme's name in any case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Two statements: what the token stands for, and the audit row.
async fn answer(idp: &Idp, asker: &Asker, token: Option<&str>) -> Result<Value, Refusal> {
    let now = idp.sources().now();
    let read = access::read(idp, token.ok_or(Refusal::Nothing)?, now).ok_or(Refusal::Token)?;
    if read.aud != idp.settings().issuer_text() || read.is_exchanged {
        return Err(Refusal::Token);
    }
    if !read.scope.contains("openid") {
        return Err(Refusal::Scope);
    }
    let family = read.family.as_deref().ok_or(Refusal::Token)?;
    let mut tx = idp.db().begin().await?;
    let found = families::userinfo(&mut tx, family, &read.client_id, &read.jti, now).await?;
    let (mut family, sealed) = found.ok_or(Refusal::Token)?;
    family.granted.scope.retain(|scope| read.scope.contains(scope));
    let wanted = claims::wanted(&family.granted, &family.request.claims.userinfo, true);
    let mut out = Map::new();
    claims::write_subject(&family.granted, &family.granted.sub, None, &mut out);
    if wanted.contains("organisation")
        && let Some(acting) = &family.granted.acting
    {
        out.insert("organisation".into(), json!(acting.organisation));
    }
    claims::Person::open(&idp.field_keys(now)?, &family.person, &sealed)?.write(&wanted, &mut out);
    let whole = wanted.contains("id_number");
    let action = if whole { "userinfo.read_number" } else { "userinfo.read" };
    let row = audit::Row::new(format!("client:{}", read.client_id), action, "done", now)
        .object(family.person.as_str())
        .incident(asker.incident().as_str());
    audit::append(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(Value::Object(out))
}

fn respond(answer: Result<Value, Refusal>) -> Response {
    let refusal = match answer {
        Ok(body) => return json_answer(StatusCode::OK, &body),
        Err(refusal) => refusal,
    };
    let (status, error) = match &refusal {
        Refusal::Nothing => (StatusCode::UNAUTHORIZED, None),
        Refusal::Request => (StatusCode::BAD_REQUEST, Some("invalid_request")),
        Refusal::Token => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
        Refusal::Scope => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
        Refusal::Failed(error) => {
            tracing::error!(cause = %Causes(error), "userinfo could not answer");
            let transient = error.is_transient();
            let status = if transient { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            let name = if transient { "temporarily_unavailable" } else { "server_error" };
            return json_answer(status, &json!({ "error": name }));
        }
    };
    let challenge = match error {
        None => "Bearer realm=\"xinyin\"".to_owned(),
        Some("insufficient_scope") => {
            "Bearer realm=\"xinyin\", error=\"insufficient_scope\", scope=\"openid\"".to_owned()
        }
        Some(error) => format!("Bearer realm=\"xinyin\", error=\"{error}\""),
    };
    let body = json!({ "error": error.unwrap_or("invalid_request") });
    let mut response = json_answer(status, &body);
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response.into_response()
}
