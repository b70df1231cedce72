//! Who calls: tokens of idp become an officer or a holder here, and nowhere else in the API.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderValue, header};
use verifier::time::Timestamp;
use web::Problem;
use web::access_token::{AccessToken, Needs};
use web::claims::{Mandate, SubType};

use crate::LicenceSigner;
use crate::flow::error::FlowError;
use crate::officer::{HolderSession, Officer, Rights};
use scope::Scope as _;

/// The least level at which anything of a holder is shown.
const LEVEL: u8 = 2;

/// A scope as a type, for [`For`].
pub mod scope {
    /// A scope of formats §1.
    pub trait Scope: Send + Sync + 'static {
        /// Its name.
        const NAME: &'static str;
    }

    macro_rules! scopes {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;
            impl Scope for $name {
                const NAME: &'static str = $text;
            }
        )+};
    }

    scopes! {
        /// Issuing.
        Issue = "licence.issue";
        /// Suspending, resuming, ending.
        End = "licence.end";
        /// Reading what the department issued.
        Read = "licence.read";
        /// Reading by office.
        Lookup = "licence.lookup";
        /// Resolving presentations.
        Resolve = "presentation.resolve";
        /// A holder's own: reading and downloading his licences, and who looked at them.
        Own = "licence.own";
        /// Showing one's own licence.
        Make = "presentation.make";
    }
}

/// An officer whose token holds the scope `S`. Its extractor has answered 401 and 403 already.
#[derive(Debug)]
pub struct For<S>(pub Officer, pub PhantomData<S>);

/// A holder with level 2 or more, whose token holds the scope `S`.
#[derive(Debug)]
pub struct Holder<S>(pub HolderSession, pub PhantomData<S>);

/// Either: a department that may read, or a holder.
#[derive(Debug)]
pub(super) enum Reader {
    Officer(Officer),
    Holder(HolderSession),
}

impl<S: scope::Scope> FromRequestParts<LicenceSigner> for For<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, signer: &LicenceSigner) -> Result<Self, Problem> {
        let needs = Needs { scope: Some(S::NAME), ..Needs::default() };
        let token = signer.tokens().bearer(&parts.headers, needs).await?;
        Ok(Self(officer(signer, &token).await?, PhantomData))
    }
}

impl<S: scope::Scope> FromRequestParts<LicenceSigner> for Holder<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, signer: &LicenceSigner) -> Result<Self, Problem> {
        let token = signer.tokens().bearer(&parts.headers, Needs::default()).await?;
        Ok(Self(holder(signer, &token, S::NAME).await?, PhantomData))
    }
}

impl FromRequestParts<LicenceSigner> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, signer: &LicenceSigner) -> Result<Self, Problem> {
        let token = signer.tokens().bearer(&parts.headers, Needs::default()).await?;
        if token.has_scope(scope::Read::NAME) && reads_by_office(signer, &token).await? {
            return Ok(Self::Officer(officer(signer, &token).await?));
        }
        if token.sub_type == SubType::Client {
            let needs = Needs { scope: Some(scope::Read::NAME), ..Needs::default() };
            signer.tokens().holds(&token, needs)?;
        }
        Ok(Self::Holder(holder(signer, &token, scope::Own::NAME).await?))
    }
}

/// Whether a token that may read reads as a department: a client's, one of a clerk who acts for a department, or one that could
/// read nothing of its own. A person's that holds both scopes reads what he holds.
async fn reads_by_office(signer: &LicenceSigner, token: &AccessToken) -> Result<bool, Problem> {
    if token.sub_type == SubType::Client || !token.has_scope(scope::Own::NAME) {
        return Ok(true);
    }
    if token.sub_type != SubType::Organisation {
        return Ok(false);
    }
    Ok(organisation(signer, token).await?.is_some_and(|code| signer.department(&code).is_some()))
}

/// The credit code of the organisation acted for: in the token, or known from a sign-in.
async fn organisation(signer: &LicenceSigner, token: &AccessToken) -> Result<Option<String>, Problem> {
    match &token.organisation {
        Some(organisation) => Ok(Some(organisation.code.clone())),
        None => Ok(signer.organisation_behind(&token.sub).await?),
    }
}

/// Whether the mandate under which the token was given has ended.
fn has_ended(signer: &LicenceSigner, mandate: &Mandate) -> bool {
    mandate.exp.is_some_and(|exp| Timestamp::from_seconds(exp) <= signer.sources().now())
}

/// The officer that a token makes: a department's client, or a clerk under a mandate of the department.
async fn officer(signer: &LicenceSigner, token: &AccessToken) -> Result<Officer, Problem> {
    let scopes = || token.scope.split(' ').map(str::to_owned);
    let (code, actor, rights) = match (&token.sub_type, &token.mandate) {
        (SubType::Client, _) => {
            let claimed = token.organisation.as_ref().map(|organisation| organisation.code.clone());
            let code = claimed.ok_or_else(|| Problem::forbidden("caller.no_department"))?;
            // after an exchange `client_id` is the desk's: whose right it is says `sub`
            (code, format!("client:{}", token.sub), Rights::of_scopes(scopes()))
        }
        (SubType::Organisation, Some(mandate)) => {
            if token.level() < LEVEL || has_ended(signer, mandate) {
                return Err(Problem::forbidden("caller.mandate_ended"));
            }
            let code = organisation(signer, token).await?;
            let code = code.ok_or_else(|| Problem::forbidden("caller.no_department"))?;
            let rights = Rights::of_both(scopes(), mandate.matters.iter().cloned());
            (code, format!("mandate:{}", mandate.id), rights)
        }
        _ => return Err(Problem::forbidden("caller.no_department")),
    };
    let department = signer.department(&code).ok_or_else(|| Problem::forbidden("caller.department_unknown"))?;
    Ok(Officer::new(department, actor, token.caller().to_owned(), rights))
}

/// The holder that a token with `scope` stands for: the person, or the organisation acted for. A client's own token stands for
/// nobody, whatever its scopes.
async fn holder(signer: &LicenceSigner, token: &AccessToken, scope: &'static str) -> Result<HolderSession, Problem> {
    if token.sub_type == SubType::Client {
        let challenge = HeaderValue::from_static(
            "Bearer error=\"insufficient_scope\", error_description=\"a person's token is needed\"",
        );
        return Err(Problem::forbidden("caller.no_person").header(header::WWW_AUTHENTICATE, challenge));
    }
    signer.tokens().holds(token, Needs { scope: Some(scope), level: LEVEL, ..Needs::default() })?;
    if token.mandate.as_ref().is_some_and(|mandate| has_ended(signer, mandate)) {
        return Err(Problem::forbidden("caller.mandate_ended"));
    }
    let actor = match (&token.sub_type, &token.act) {
        (SubType::Person, _) => format!("person:{}", token.sub),
        (SubType::Organisation, Some(act)) => format!("person:{}", act.sub),
        _ => return Err(FlowError::SubjectUnknown.into()),
    };
    Ok(signer.holder_session(&token.sub, &actor).await?)
}
