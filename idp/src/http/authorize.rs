//! `GET` and `POST /authorize` (OpenID Connect Core §3.1.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use web::{Asker, Lang, Problem};

use crate::Idp;
use crate::client::Client;
use crate::flow::authorize as flow;
use crate::flow::request::{Checked, Refusal, check};
use crate::http::browser::Browser;
use crate::http::{problem, steps};
use crate::ids::InteractionId;
use crate::interaction::{Asker as Who, Interaction};
use crate::oauth::parameters::Parameters;
use crate::storage::authorizations;

/// `GET /authorize`.
pub(crate) async fn get(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let parameters = read(query.unwrap_or_default().as_bytes())?;
    let checked = match checked(&idp, &asker, &parameters, false).await? {
        Ok(checked) => checked,
        Err(response) => return Ok(response),
    };
    let interaction = new_interaction(&idp, checked)?;
    begin(&idp, &asker, &browser, interaction).await
}

/// `POST /authorize`: the request is stored and answered with 303, since a form of another site brings no cookies of ours
/// (`SameSite=Lax`), and a number as `login_hint` must stand in no address.
pub(crate) async fn post(
    State(idp): State<Idp>,
    asker: Asker,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let is_form = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let parameters = if is_form { read(&body)? } else { Parameters::default() };
    let checked = match checked(&idp, &asker, &parameters, true).await? {
        Ok(checked) => checked,
        Err(response) => return Ok(response),
    };
    let mut interaction = new_interaction(&idp, checked)?;
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let now = idp.sources().now();
    authorizations::save(&mut tx, &idp, &mut interaction, None, None, now).await?;
    tx.commit().await.map_err(problem::of_storage)?;
    Ok(steps::see_other(&format!("/authorize/{}", interaction.id)))
}

/// `GET /authorize/{id}`: goes on with a request that came by POST. It spends nothing: each visit begins an interaction of its
/// own.
pub(crate) async fn stored(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = InteractionId::parse(&id).ok_or_else(problem::no_interaction)?;
    let now = idp.sources().now();
    let mut tx = idp.db().reader().await.map_err(problem::of_storage)?;
    let row = authorizations::find_stored(&mut tx, &id, now).await.map_err(problem::of_storage)?;
    let found = row.ok_or_else(problem::no_interaction)?.interaction(&idp, &mut tx).await?;
    let found = found.ok_or_else(problem::no_interaction)?;
    drop(tx);
    let interaction =
        Interaction::new(&idp, found.asker, found.request, found.login_hint, now).map_err(crate::error::Error::from)?;
    begin(&idp, &asker, &browser, interaction).await
}

/// `GET /interaction/{id}`: where a page of an interaction leads when nothing of its own is left to do. It answers with
/// the next page. A look (HEAD) takes no step (RFC 9110 §9.2.1).
pub(crate) async fn go_on(
    State(idp): State<Idp>,
    asker: Asker,
    browser: Browser,
    method: Method,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut tx = idp.db().begin().await.map_err(problem::of_storage)?;
    let interaction = steps::load(&idp, &mut tx, &id, &browser).await?;
    if method == Method::HEAD {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    steps::go_on(&idp, &asker, &browser, tx, interaction, None).await
}

async fn begin(idp: &Idp, asker: &Asker, browser: &Browser, interaction: Interaction) -> Result<Response, Problem> {
    let wanted = interaction.request.ui_locales.as_deref().and_then(Lang::from_ui_locales);
    let asker = wanted.map_or_else(|| asker.clone(), |lang| asker.speaking(lang));
    steps::begin(idp, &asker, browser, interaction).await
}

fn read(text: &[u8]) -> Result<Parameters, Problem> {
    Parameters::read(text).map_err(|error| Problem::bad_request("authorize.request").cause(error.description()))
}

fn new_interaction(idp: &Idp, (client, checked): (Arc<Client>, Box<Checked>)) -> Result<Interaction, Problem> {
    let now = idp.sources().now();
    let interaction = Interaction::new(idp, Who::Client(client), checked.request, checked.login_hint, now);
    Ok(interaction.map_err(crate::error::Error::from)?)
}

type Good = (Arc<Client>, Box<Checked>);

/// The checked request; the inner error is the answer that goes back to the client. An unknown client or redirect URI is a
/// page, never a redirect (RFC 6749 §4.1.2.1).
async fn checked(
    idp: &Idp,
    asker: &Asker,
    parameters: &Parameters,
    by_post: bool,
) -> Result<Result<Good, Response>, Problem> {
    let client_id = parameters.one("client_id").ok().flatten();
    let client_id = client_id.ok_or_else(|| Problem::bad_request("authorize.client_unknown"))?;
    let client = idp.known_client(client_id).await?;
    let client = client.ok_or_else(|| Problem::bad_request("authorize.client_unknown"))?;
    match check(idp, &client, parameters, by_post, idp.sources().now()) {
        Ok(checked) => Ok(Ok((client, checked))),
        Err(Refusal::Page(code)) => Err(Problem::bad_request(code)),
        Err(Refusal::Client(request, refused)) => {
            let answer = flow::refusal(idp, &client, &request, refused);
            let asked_by = if by_post { Method::POST } else { Method::GET };
            Ok(Err(steps::leave(asker, &answer, &asked_by)))
        }
    }
}
