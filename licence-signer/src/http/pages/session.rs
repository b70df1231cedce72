//! Who is signed in at the pages. idp vouches for a session again at least every five minutes, so that it ends with the
//! account, the session there, or the mandate.

use serde::{Deserialize, Serialize};
use store::audit;
use verifier::encoding::hex;
use verifier::time::Timestamp;
use web::claims::{Actor, Identity, Mandate, Organisation, SubType};
use web::page::{Acting, NavItem};
use web::relying_party::{Login, LoginError};
use web::{Asker, Page, Problem};
use zeroize::Zeroizing;

use super::Pages;
use crate::flow::error::FlowError;
use crate::officer::{HolderSession, Officer, Rights};
use crate::storage::sessions;

/// How long idp's word holds.
const CHECKED_SECONDS: i64 = 240;

/// How many sessions are renewed at once.
pub(super) const RENEWALS: usize = 64;

/// What a session's row holds encrypted.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Contents {
    pub sub: String,
    pub sub_type: SubType,
    pub acr: Option<String>,
    pub person: String,
    pub name: String,
    pub organisation: Option<Organisation>,
    pub mandate: Option<Mandate>,
    pub id_token: String,
    pub access_token: String,
    pub refresh_token: Option<String>,
}

/// A live session with its cookie's value.
pub(super) struct Session {
    pub cookie: String,
    pub contents: Contents,
}

impl Contents {
    /// Of a login, with the name that userinfo told.
    pub(super) fn new(login: &Login, name: &str) -> Self {
        let identity = &login.identity;
        Self {
            sub: identity.sub.clone(),
            sub_type: identity.sub_type,
            acr: identity.acr.clone(),
            person: identity.person().to_owned(),
            name: name.to_owned(),
            organisation: identity.organisation.clone(),
            mandate: identity.mandate.clone(),
            id_token: login.id_token.clone(),
            access_token: login.access_token.to_string(),
            refresh_token: login.refresh_token.as_ref().map(|token| token.to_string()),
        }
    }

    fn as_login(&self) -> Login {
        Login {
            identity: Identity {
                sub: self.sub.clone(),
                sub_type: self.sub_type,
                acr: self.acr.clone(),
                amr: Vec::new(),
                auth_time: None,
                sid: None,
                act: (self.person != self.sub).then(|| Actor { sub: self.person.clone(), act: None }),
                mandate: self.mandate.clone(),
                organisation: self.organisation.clone(),
                name: Some(self.name.clone()),
                id_number_masked: None,
                id_type: None,
                id_number: None,
                phone_number: None,
                locale: None,
            },
            id_token: self.id_token.clone(),
            access_token: Zeroizing::new(self.access_token.clone()),
            refresh_token: self.refresh_token.clone().map(Zeroizing::new),
            expires_in_seconds: 0,
            scope: String::new(),
            return_to: String::new(),
        }
    }
}

impl Session {
    /// For the audit record: the mandate under which somebody acts, else the person's `sub` here.
    pub(super) fn actor(&self) -> String {
        match &self.contents.mandate {
            Some(mandate) => format!("mandate:{}", mandate.id),
            None => format!("person:{}", self.contents.person),
        }
    }

    /// The name of the organisation acted for.
    pub(super) fn organisation(&self) -> Option<String> {
        let organisation = self.contents.organisation.as_ref()?;
        Some(organisation.name.clone().unwrap_or_else(|| organisation.code.clone()))
    }
}

impl Pages {
    /// The live session of this browser, whichever of several cookies names it; idp is asked again if its word is old.
    pub(super) async fn session(&self, asker: &Asker) -> Result<Option<Session>, Problem> {
        let values: Vec<String> = asker.cookie_values("").take(4).map(str::to_owned).collect();
        for cookie in values {
            if let Some(session) = self.live(cookie).await? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    /// A session that this browser's cookies name, whatever idp says of it by now: for whoever wants to leave.
    pub(super) async fn stored_session(&self, asker: &Asker) -> Result<Option<Session>, Problem> {
        let values: Vec<String> = asker.cookie_values("").take(4).map(str::to_owned).collect();
        for cookie in values {
            if let Some((contents, _)) = self.stored(&sessions::digest_of(&cookie)).await? {
                return Ok(Some(Session { cookie, contents }));
            }
        }
        Ok(None)
    }

    async fn stored(&self, id_digest: &[u8]) -> Result<Option<(Contents, Timestamp)>, Problem> {
        let now = self.signer().sources().now();
        let mut reader = self.signer().db().reader().await.map_err(FlowError::from)?;
        let found = sessions::find(&mut reader, id_digest, now).await.map_err(FlowError::from)?;
        drop(reader);
        found.map(|(sealed, checked_at)| Ok((self.unseal(id_digest, &sealed, now)?, checked_at))).transpose()
    }

    async fn live(&self, cookie: String) -> Result<Option<Session>, Problem> {
        let id_digest = sessions::digest_of(&cookie);
        let is_young = |now: Timestamp, checked_at| (0..CHECKED_SECONDS).contains(&now.since(checked_at));
        let Some((contents, checked_at)) = self.stored(&id_digest).await? else { return Ok(None) };
        if is_young(self.signer().sources().now(), checked_at) {
            return Ok(Some(Session { cookie, contents }));
        }
        // Two renewals of one session stand in one line: each spends a refresh token.
        let line = usize::from(id_digest.first().copied().unwrap_or_default()) % RENEWALS;
        let _turn = self.0.renewing[line].lock().await;
        let Some((contents, checked_at)) = self.stored(&id_digest).await? else { return Ok(None) };
        let now = self.signer().sources().now();
        if is_young(now, checked_at) {
            return Ok(Some(Session { cookie, contents })); // renewed while we waited
        }
        match self.0.relying_party.refresh(&contents.as_login()).await {
            Ok(login) if login.identity.level() >= 2 && login.identity.person() == contents.person => {
                let contents = Contents::new(&login, &contents.name);
                let sealed = self.seal(&id_digest, &contents, now)?;
                let mut tx = self.signer().db().begin().await.map_err(FlowError::from)?;
                sessions::renew(&mut tx, &id_digest, &sealed, now).await.map_err(FlowError::from)?;
                tx.commit().await.map_err(FlowError::from)?;
                Ok(Some(Session { cookie, contents }))
            }
            Err(error @ (LoginError::Unavailable(_) | LoginError::Client(_) | LoginError::State)) => Err(error.into()),
            // idp no longer vouches: signed out there, the mandate ended, the account locked.
            Ok(_) | Err(LoginError::Refused { .. } | LoginError::IdToken(_) | LoginError::Issuer) => {
                let ended = Session { cookie, contents };
                let row = audit::Row::new(ended.actor(), "session.end", "done", now);
                let mut tx = self.signer().db().begin().await.map_err(FlowError::from)?;
                sessions::delete(&mut tx, &id_digest).await.map_err(FlowError::from)?;
                audit::append(&mut tx, &row).await.map_err(FlowError::from)?;
                tx.commit().await.map_err(FlowError::from)?;
                Ok(None)
            }
        }
    }

    pub(super) fn seal(&self, id_digest: &[u8], contents: &Contents, now: Timestamp) -> Result<Vec<u8>, Problem> {
        let plain = serde_json::to_vec(contents).map_err(Problem::internal)?;
        let keys = self.signer().key_store().field_keys(now).map_err(Problem::internal)?;
        let random = self.signer().sources().random.as_ref();
        keys.seal("page_sessions", "secrets", &hex::encode(id_digest), &plain, random).map_err(Problem::internal)
    }

    fn unseal(&self, id_digest: &[u8], sealed: &[u8], now: Timestamp) -> Result<Contents, Problem> {
        let keys = self.signer().key_store().field_keys(now).map_err(Problem::internal)?;
        let plain =
            keys.open("page_sessions", "secrets", &hex::encode(id_digest), sealed).map_err(Problem::internal)?;
        serde_json::from_slice(&plain).map_err(Problem::internal)
    }

    /// The holder whom the session stands for: the person, or the organisation acted for.
    pub(super) async fn holder(&self, session: &Session) -> Result<HolderSession, Problem> {
        Ok(self.signer().holder_session(&session.contents.sub, &session.actor()).await?)
    }

    /// The person behind a session that acts for an organisation, if he has signed in here as himself before.
    pub(super) async fn person(&self, session: &Session) -> Option<HolderSession> {
        if session.contents.person == session.contents.sub {
            return None;
        }
        self.signer().holder_session(&session.contents.person, &session.actor()).await.ok()
    }

    /// The clerk of a department; `None` where the session acts for nobody, or for no department of ours.
    pub(super) fn officer(&self, session: &Session) -> Option<Officer> {
        let mandate = session.contents.mandate.as_ref()?;
        let code = &session.contents.organisation.as_ref()?.code;
        let department = self.signer().department(code)?;
        let rights = Rights::of_mandate(mandate.matters.iter().cloned());
        Some(Officer::new(department, session.actor(), mandate.id.clone(), rights))
    }

    /// Puts head, navigation and the bar of whom one acts for around a page.
    pub(super) fn dress(&self, asker: &Asker, page: Page, session: &Session, here: &str) -> Page {
        let w = asker.words();
        let item = |href: &str, key: &str| NavItem::new(href, w.get(key), href == here);
        let items = if self.officer(session).is_some() {
            vec![item("/department", "signer-nav-department"), item("/", "signer-nav-mine")]
        } else {
            vec![
                item("/", "signer-nav-mine"),
                item("/who-looked", "signer-nav-looked"),
                NavItem::new(
                    format!("{}/account", self.signer().settings().issuer),
                    w.get("signer-nav-account"),
                    false,
                ),
            ]
        };
        let page = page.nav(items);
        Self::undressed(page, session)
    }

    /// As [`Pages::dress`] without navigation, for showing a code.
    pub(super) fn undressed(page: Page, session: &Session) -> Page {
        let page = page.who(&session.contents.name).bound_to(session.cookie.clone());
        match (&session.contents.mandate, session.organisation()) {
            (Some(mandate), Some(name)) => page.acting(&Acting {
                name,
                role: mandate.role.clone(),
                until: mandate.exp.map(Timestamp::from_seconds),
                change: Some("/login?switch=1".into()),
            }),
            _ => page,
        }
    }
}
