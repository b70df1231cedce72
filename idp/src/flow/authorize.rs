//! The order of steps between an authorization request and its answer (OpenID Connect Core §3.1.2).

use std::borrow::Cow;
use std::sync::Arc;

use store::{Tx, audit};
use verifier::time::Timestamp;

use crate::browser::Browser;
use crate::client::{Client, GrantType};
use crate::error::Error;
use crate::grant::{ActingClaims, CODE_SECONDS, Granted, MandateClaims, OrganisationClaims};
use crate::ids::random_text;
use crate::interaction::{Acting, Asker, Interaction, Prompt, Request, ResponseMode};
use crate::session::live::Seen;
use crate::session::{self, Session};
use crate::storage::authorizations::{self, Issued};
use crate::storage::people::{self, LiveMandate};
use crate::storage::subjects::{self, Principal, Situation};
use crate::{Idp, digest};

/// A page that the person must see next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sign in (again).
    SignIn,
    /// Choose among the persons of this browser.
    SelectAccount,
    /// Choose for whom to act.
    ActFor,
    /// Let the client have what it asks for, or not.
    Consent,
}

impl Step {
    /// The path of its page for an interaction.
    pub(crate) fn path(self, id: &str) -> String {
        let page = match self {
            Self::SignIn => "sign-in",
            Self::SelectAccount => "select-account",
            Self::ActFor => "act-for",
            Self::Consent => "consent",
        };
        format!("/{page}/{id}")
    }

    /// What `prompt=none` answers instead (OpenID Connect Core §3.1.2.6).
    fn without_a_page(self) -> Refused {
        match self {
            Self::SignIn => Refused { error: "login_required", description: "the person must sign in".into() },
            Self::SelectAccount => {
                Refused { error: "account_selection_required", description: "the person must choose an account".into() }
            }
            Self::ActFor => {
                Refused { error: "interaction_required", description: "the person must choose for whom to act".into() }
            }
            Self::Consent => Refused { error: "consent_required", description: "the person must consent".into() },
        }
    }
}

/// An error for the client (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) error: &'static str,
    pub(crate) description: Cow<'static, str>,
}

/// An authorization response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) client: Arc<Client>,
    pub(crate) redirect_uri: String,
    pub(crate) mode: ResponseMode,
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// Where an interaction goes.
#[derive(Debug)]
pub(crate) enum Next {
    /// To a page.
    Step(Step),
    /// Back to the client.
    Answer(Box<Answer>),
    /// To a page of ours that wanted a signed-in person.
    Page(String),
    /// Nowhere: it is over.
    Over,
}

/// The response for `request` with `parameters`, `state` and `iss` (RFC 9207).
pub(crate) fn answer(
    idp: &Idp,
    client: &Arc<Client>,
    request: &Request,
    mut parameters: Vec<(&'static str, String)>,
) -> Answer {
    if let Some(state) = &request.state {
        parameters.push(("state", state.clone()));
    }
    parameters.push(("iss", idp.settings().issuer_text().to_owned()));
    Answer {
        client: client.clone(),
        redirect_uri: request.redirect_uri.clone(),
        mode: request.response_mode,
        parameters,
    }
}

/// The error response for `request`.
pub(crate) fn refusal(idp: &Idp, client: &Arc<Client>, request: &Request, refused: Refused) -> Answer {
    let parameters = vec![("error", refused.error.to_owned()), ("error_description", refused.description.into_owned())];
    answer(idp, client, request, parameters)
}

/// Lets an interaction go on as far as it can, and writes down where it stands. `mark` is the digest of the browser's mark,
/// for a new interaction; `incident` the number of this request.
pub(crate) async fn advance(
    idp: &Idp,
    tx: &mut Tx,
    interaction: &mut Interaction,
    browser: &Browser,
    mark: Option<&str>,
    incident: &str,
) -> Result<Next, Error> {
    let now = idp.sources().now();
    let decided = decide(idp, tx, interaction, browser, now).await?;
    let client = match &interaction.asker {
        Asker::Page(path) if matches!(decided, Decided::SignedIn) => {
            let path = path.clone();
            if interaction.stored {
                authorizations::end(tx, &interaction.id, now).await?;
            }
            return Ok(Next::Page(path));
        }
        Asker::Page(_) => None,
        Asker::Client(client) => Some(client.clone()),
    };
    match (decided, client) {
        (Decided::Step(step), Some(client)) if interaction.request.prompt.contains(&Prompt::None) => {
            refuse(idp, tx, interaction, &client, step.without_a_page(), now).await
        }
        (Decided::Step(step), _) => {
            let saved = authorizations::save(tx, idp, interaction, mark, None, now).await?;
            Ok(if saved { Next::Step(step) } else { Next::Over })
        }
        (Decided::Refuse(refused), Some(client)) => refuse(idp, tx, interaction, &client, refused, now).await,
        (Decided::Grant(grant), Some(client)) => {
            issue(idp, tx, interaction, mark, &client, *grant, incident, now).await
        }
        (Decided::SignedIn | Decided::Refuse(_) | Decided::Grant(_), _) => Ok(Next::Over),
    }
}

/// Ends an interaction with an error for its client.
pub(crate) async fn refuse(
    idp: &Idp,
    tx: &mut Tx,
    interaction: &Interaction,
    client: &Arc<Client>,
    refused: Refused,
    now: Timestamp,
) -> Result<Next, Error> {
    if interaction.stored && !authorizations::end(tx, &interaction.id, now).await? {
        return Ok(Next::Over);
    }
    Ok(Next::Answer(Box::new(refusal(idp, client, &interaction.request, refused))))
}

/// What the rules say.
enum Decided {
    Step(Step),
    Refuse(Refused),
    /// A page of ours has its signed-in person.
    SignedIn,
    Grant(Box<Grant>),
}

/// What a code is going to stand for.
struct Grant {
    session: Session,
    mandate: Option<LiveMandate>,
    situation: Situation,
    released: Vec<String>,
}

async fn decide(
    idp: &Idp,
    tx: &mut Tx,
    interaction: &mut Interaction,
    browser: &Browser,
    now: Timestamp,
) -> Result<Decided, Error> {
    let sessions = match interaction.fresh.take() {
        Some(fresh) => vec![fresh],
        None => session::at_client(tx, browser, interaction.client(), now).await?,
    };
    let Seen { session, here } = match pick(tx, interaction, sessions, now).await? {
        Ok(session) => session,
        Err(step) => return Ok(Decided::Step(step)),
    };
    if !is_recent_enough(interaction, &session, now) {
        return Ok(Decided::Step(Step::SignIn));
    }
    let Asker::Client(client) = interaction.asker.clone() else { return Ok(Decided::SignedIn) };
    if !interaction.request.claims.essential_acr.is_empty()
        && !interaction.request.claims.essential_acr.iter().any(|value| reaches(&session, value))
    {
        return Ok(Decided::Refuse(Refused {
            error: "unmet_authentication_requirements",
            description: "the sign-in did not reach the level that was asked for".into(),
        }));
    }
    if here.as_ref().is_some_and(|here| !here.has_mandates) && interaction.acting.is_none() {
        interaction.acting = Some(Acting::Self_);
    }
    let mandate = match act_for(tx, interaction, &client, &session, now).await? {
        Ok(mandate) => mandate,
        Err(step) => return Ok(Decided::Step(step)),
    };
    let organisation = mandate.as_ref().map(|mandate| &mandate.organisation);
    let (sources, sector) = (idp.sources(), &client.sector);
    let situation = match here.filter(|_| organisation.is_none()) {
        Some(here) => Situation::of_person(tx, sources, &session.person, here, sector, now).await?,
        None => subjects::situation(tx, sources, &session.person, organisation, &client.client_id, sector, now).await?,
    };
    let sub = situation.organisation_sub.as_ref().unwrap_or(&situation.person_sub);
    if interaction.request.subject.as_ref().is_some_and(|wanted| wanted != sub && *wanted != situation.person_sub) {
        return Ok(Decided::Refuse(Refused {
            error: "login_required",
            description: "another person is signed in than the one that was asked for".into(),
        }));
    }
    let asked = asked_scopes(&interaction.request, &client);
    let Some(released) = consented(interaction, &client, &asked, situation.consented.as_deref()) else {
        return Ok(Decided::Step(Step::Consent));
    };
    Ok(Decided::Grant(Box::new(Grant { session, mandate, situation, released })))
}

/// The session to go on with, or the page where the person finds one.
async fn pick(
    tx: &mut Tx,
    interaction: &mut Interaction,
    mut sessions: Vec<Seen>,
    now: Timestamp,
) -> Result<Result<Seen, Step>, Error> {
    if let Some(chosen) = interaction.session.clone() {
        if let Some(at) = sessions.iter().position(|seen| seen.session.id == chosen) {
            return Ok(Ok(sessions.swap_remove(at)));
        }
        interaction.session = None; // it has ended, or it is another browser's
        interaction.authenticated_at = None;
        interaction.acting = None;
        interaction.consented_at = None;
    }
    if sessions.is_empty() || interaction.request.prompt.contains(&Prompt::Login) {
        return Ok(Err(Step::SignIn));
    }
    if interaction.request.prompt.contains(&Prompt::SelectAccount) {
        return Ok(Err(Step::SelectAccount));
    }
    let found = match (&interaction.asker, interaction.request.subject.clone()) {
        (Asker::Client(client), Some(sub)) => {
            let client = client.clone();
            match of_subject(tx, &client, &sub, &sessions, now).await? {
                Some((at, acting)) => {
                    // Without a page the subject stays who it was: a person's own `sub` is no word for an organisation.
                    let silent = interaction.request.prompt.contains(&Prompt::None).then_some(Acting::Self_);
                    interaction.acting = interaction.acting.take().or(acting).or(silent);
                    Some(at)
                }
                None => return Ok(Err(Step::SignIn)),
            }
        }
        _ if sessions.len() == 1 => Some(0),
        (Asker::Client(client), None) => {
            let last = subjects::last_session(tx, &client.client_id, &sessions).await?;
            last.and_then(|id| sessions.iter().position(|seen| seen.session.id == id))
        }
        (Asker::Page(_), _) => Some(0),
    };
    let Some(at) = found else { return Ok(Err(Step::SelectAccount)) };
    let seen = sessions.swap_remove(at);
    interaction.session = Some(seen.session.id.clone());
    Ok(Ok(seen))
}

/// The session of the person whose `sub` it is at the client, or who may act for the organisation whose `sub` it is.
async fn of_subject(
    tx: &mut Tx,
    client: &Client,
    sub: &str,
    sessions: &[Seen],
    now: Timestamp,
) -> Result<Option<(usize, Option<Acting>)>, Error> {
    match subjects::principal(tx, &client.sector, sub).await? {
        Some(Principal::Person(person)) => {
            Ok(sessions.iter().position(|seen| seen.session.person == person).map(|at| (at, None)))
        }
        Some(Principal::Organisation(organisation)) => {
            for (at, seen) in sessions.iter().enumerate() {
                let mandates = people::mandates(tx, &seen.session.person, now).await?;
                if let Some(mandate) = mandates.into_iter().find(|m| m.organisation == organisation) {
                    return Ok(Some((at, Some(Acting::Mandate(mandate.id)))));
                }
            }
            Ok(None)
        }
        None => Ok(None),
    }
}

/// Whether the sign-in is new and strong enough. A sign-in within this interaction is new whatever the clock says, and as
/// strong as it gets.
fn is_recent_enough(interaction: &Interaction, session: &Session, now: Timestamp) -> bool {
    if interaction.authenticated_at.is_some() {
        return true;
    }
    let request = &interaction.request;
    let forced = request.prompt.contains(&Prompt::Login);
    let old = request.max_age.is_some_and(|most| most == 0 || now.since(session.auth_time) > most);
    let weak = interaction.wanted_acr().is_some_and(|wanted| session.acr < wanted);
    !(forced || old || weak)
}

fn reaches(session: &Session, value: &str) -> bool {
    crate::assurance::Acr::parse(value).is_some_and(|wanted| session.acr >= wanted)
}

/// The mandate to act by, nobody, or the page where the person chooses.
async fn act_for(
    tx: &mut Tx,
    interaction: &mut Interaction,
    client: &Client,
    session: &Session,
    now: Timestamp,
) -> Result<Result<Option<LiveMandate>, Step>, Error> {
    if !client.acts_for_organisations {
        interaction.acting = None;
        return Ok(Ok(None));
    }
    if interaction.acting == Some(Acting::Self_) {
        return Ok(Ok(None));
    }
    let mut mandates = people::mandates(tx, &session.person, now).await?;
    if interaction.acting.is_none()
        && !mandates.is_empty()
        && !interaction.request.prompt.contains(&Prompt::SelectAccount)
    {
        let last = people::last_acting(tx, &session.id, &client.client_id).await?;
        interaction.acting = last.map(|last| authorizations::acting(&last));
    }
    match &interaction.acting {
        Some(Acting::Mandate(id)) => {
            if let Some(at) = mandates.iter().position(|mandate| mandate.id == *id) {
                return Ok(Ok(Some(mandates.swap_remove(at))));
            }
            interaction.acting = None; // it has ended: choose again
            Ok(Err(Step::ActFor))
        }
        Some(Acting::Self_) => Ok(Ok(None)),
        None if mandates.is_empty() => {
            interaction.acting = Some(Acting::Self_);
            Ok(Ok(None))
        }
        None => Ok(Err(Step::ActFor)),
    }
}

/// How a resource stands among the scopes that a person is asked for: a token for it lets its client act there as the person.
pub(crate) const AT: &str = "at:";

/// What a person is asked for: the scopes whose claims are wanted, by `scope` or one by one by `claims`, and the resources at
/// which a client that is not the house's own would act for him.
pub(crate) fn asked_scopes(request: &Request, client: &Client) -> Vec<String> {
    let mut asked: Vec<String> = request.scope.iter().filter(|scope| *scope != "openid").cloned().collect();
    for claim in request.claims.userinfo.iter().chain(&request.claims.id_token) {
        if let Some(scope) = crate::token::claims::scope_of(claim)
            && client.scopes.contains(scope)
            && scope != "id_number"
            && !asked.iter().any(|known| known == scope)
        {
            asked.push(scope.to_owned());
        }
    }
    let elsewhere = request.resources.iter().filter(|resource| !client.trusted && client.resources.contains(*resource));
    asked.extend(elsewhere.map(|resource| format!("{AT}{resource}")));
    asked
}

/// Of the scopes asked for those that the person lets the client have; `None` if the person has to be asked.
fn consented(
    interaction: &Interaction,
    client: &Client,
    asked: &[String],
    known: Option<&[String]>,
) -> Option<Vec<String>> {
    if interaction.request.prompt.contains(&Prompt::Consent) && interaction.consented_at.is_none() {
        return None;
    }
    if known.is_none() && !client.trusted {
        return None; // even where nothing is asked for but who somebody is
    }
    let known = known.unwrap_or_default();
    let says = |scope: &str| known.iter().any(|k| k == scope);
    // One of the house's own has everything without being asked for, but for whole numbers (formats §1).
    let has = |scope: &str| says(scope) || (client.trusted && scope != "id_number");
    let all_answered = asked.iter().all(|scope| has(scope) || says(&format!("-{scope}")));
    all_answered.then(|| asked.iter().filter(|scope| has(scope)).cloned().collect())
}

#[expect(clippy::too_many_arguments, reason = "everything that stands on a code, in one place")]
async fn issue(
    idp: &Idp,
    tx: &mut Tx,
    interaction: &mut Interaction,
    mark: Option<&str>,
    client: &Arc<Client>,
    grant: Grant,
    incident: &str,
    now: Timestamp,
) -> Result<Next, Error> {
    let Grant { session, mandate, situation, released } = grant;
    let code = random_text::<32>(idp.sources())?;
    let asked = interaction.request.scope.iter();
    let scope: Vec<String> = asked.filter(|scope| *scope == "openid" || released.contains(scope)).cloned().collect();
    // A service of the house renews what it knows of a session; it has nothing to do when the session is over.
    let offline = scope.iter().any(|scope| scope == "offline_access")
        && client.may(GrantType::RefreshToken)
        && client.audience().is_none();
    let sub = situation.organisation_sub.unwrap_or_else(|| situation.person_sub.clone());
    let person_sub = situation.person_sub;
    let granted = Granted {
        sid: session.sid(&client.client_id, &sub),
        sub,
        scope,
        released,
        acting: mandate.as_ref().map(|mandate| ActingClaims {
            person_sub,
            mandate: MandateClaims {
                id: mandate.id.as_str().to_owned(),
                role: mandate.role.clone(),
                matters: mandate.matters.clone(),
                exp: mandate.until.map(Timestamp::seconds),
            },
            organisation: OrganisationClaims { code: mandate.code.clone(), name: mandate.name.clone() },
        }),
        acr: session.acr,
        amr: session.amr.clone(),
        auth_time: session.auth_time,
    };
    interaction.session = Some(session.id.clone());
    let issued = Issued {
        code_digest: digest::of("code", &code),
        code_expires_at: now.plus(CODE_SECONDS),
        granted,
        person: session.person.clone(),
        organisation: mandate.as_ref().map(|mandate| mandate.organisation.clone()),
        mandate: mandate.as_ref().map(|mandate| mandate.id.clone()),
        offline,
    };
    if !authorizations::save(tx, idp, interaction, mark, Some(&issued), now).await? {
        return Ok(Next::Over);
    }
    let mut row = audit::Row::new(session.person.as_str(), "authorization.grant", "done", now)
        .object(format!("client:{}", client.client_id))
        .incident(incident);
    if let Some(mandate) = mandate {
        row = row.department(mandate.code);
    }
    audit::append(tx, &row).await?;
    Ok(Next::Answer(Box::new(answer(idp, client, &interaction.request, vec![("code", code)]))))
}
