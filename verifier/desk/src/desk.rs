//! The service: what all its handlers share.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keys::sources::Sources;
use keys::{KeyStore, KeyStoreError, Purpose};
use store::page_sessions;
use store::{Db, StorageError};
use web::outbound::Outbound;
use web::page::NavItem;
use web::page_session::{PageSessions, RenewalError};
use web::relying_party::{ClientAuthentication, LoginCookie, RelyingParty, RelyingPartySettings};
use web::words::{Bilingual, Vocabulary};
use web::{Asker, Page, Problem, Site, access_token};

use crate::catalogue::Catalogue;
use crate::evidence::Evidence;
use crate::page::WORDS;
use crate::session::{Session, SessionRows, still_may};
use crate::settings::Settings;
use crate::signer::SignerClient;
use crate::storage::SWEEPS;
use crate::storage::cases;
use crate::trust::TrustKeeper;

/// Why the desk did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The key store.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// The words do not read.
    #[error("the words do not read: {0}")]
    Words(#[from] web::words::WordsError),
    /// The external URL.
    #[error("external_url: {0}")]
    ExternalUrl(String),
    /// The trust bundle.
    #[error("trust: {0}")]
    Trust(String),
}

/// The desk. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    settings: Settings,
    site: Arc<Site>,
    db: Db,
    sources: Sources,
    sessions: PageSessions<SessionRows>,
    tokens: access_token::Verifier,
    signer: SignerClient,
    catalogue: Catalogue,
    trust: TrustKeeper,
    evidence: Evidence,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({})", self.0.settings.external_url)
    }
}

impl Desk {
    /// Opens the desk on its database (migrated by [`crate::MIGRATIONS`]) and key store. Rings that it needs are made if
    /// they are not there.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. A trust bundle that cannot be fetched yet is no error: verdicts are `undetermined` until it is.
    pub async fn open(
        settings: Settings,
        db: Db,
        keys: KeyStore,
        sources: Sources,
        outbound: Outbound,
    ) -> Result<Self, StartError> {
        let now = sources.now();
        for purpose in [Purpose::ClientAssertion, Purpose::FieldEncryption, Purpose::FieldDigest, Purpose::Cookie] {
            keys.ensure(&purpose, now)?;
        }
        let site = Arc::new(site(&settings, &sources)?);
        let sessions = page_sessions_of(&settings, &site, &db, &keys, &sources, &outbound)?;
        let tokens = access_token::Verifier::new(
            settings.issuer.clone(),
            settings.external_url.clone(),
            outbound.clone(),
            sources.clone(),
        );
        let signer = SignerClient::new(&settings.signer_url, outbound.clone(), sources.clone());
        let catalogue = Catalogue::new(&settings.signer_url, outbound.clone(), sources.clone());
        let trust = TrustKeeper::new(&settings, outbound.clone(), sources.clone());
        trust.refresh().await.map_err(StartError::Trust)?;
        let evidence = Evidence::new(outbound, sources.clone(), settings.status_cache_seconds);
        Ok(Self(Arc::new(Inner { settings, site, db, sources, sessions, tokens, signer, catalogue, trust, evidence })))
    }

    /// What goes on beside requests: the audit chain, expired rows, a fresh trust bundle. Ends soon after `stop` does.
    pub async fn run_background(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = store::audit::run(&self.0.db, &self.0.sources, std::future::pending()) => {}
            () = self.sweep() => {}
            () = self.renew_trust() => {}
        }
    }

    async fn sweep(&self) {
        loop {
            tokio::time::sleep(Duration::from_mins(1)).await;
            if let Err(error) = store::sweep(&self.0.db, SWEEPS, self.0.sources.now()).await {
                tracing::warn!(%error, "expired rows stay for now");
            }
        }
    }

    async fn renew_trust(&self) {
        loop {
            tokio::time::sleep(self.0.trust.pause()).await;
            if let Err(error) = self.0.trust.refresh().await {
                tracing::warn!(%error, "the trust bundle was not renewed");
            }
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn site(&self) -> &Arc<Site> {
        &self.0.site
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }

    pub(crate) fn relying_party(&self) -> &RelyingParty {
        self.0.sessions.relying_party()
    }

    pub(crate) fn tokens(&self) -> &access_token::Verifier {
        &self.0.tokens
    }

    pub(crate) fn signer(&self) -> &SignerClient {
        &self.0.signer
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    pub(crate) fn trust(&self) -> &TrustKeeper {
        &self.0.trust
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.0.evidence
    }

    /// The folder of the samples, in the demonstration.
    pub(crate) fn samples(&self) -> Option<&Path> {
        self.0.settings.samples.as_deref()
    }

    /// The sessions of its pages.
    pub(crate) fn sessions(&self) -> &PageSessions<SessionRows> {
        &self.0.sessions
    }

    /// The clerk's live session, whichever of several cookies names it, and the cookie's value. idp vouched for it within the
    /// last four minutes, or does so now: it ends with the session there, the mandate and the account. While idp is out of
    /// reach nobody counts as signed in, and documents are verified all the same.
    pub(crate) async fn session(&self, asker: &Asker) -> Result<Option<(String, Session)>, Problem> {
        let found = match self.0.sessions.live(asker).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(RenewalError::Idp(error)) => {
                tracing::warn!(%error, "idp could not vouch for a session");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let now = self.0.sources.now();
        let case = {
            let mut reader = self.0.db.reader().await.map_err(storage_problem)?;
            cases::find(&mut reader, &found.key, now).await.map_err(storage_problem)?
        };
        let cookie = found.cookie.clone();
        Ok(Session::of(found, case).map(|session| (cookie, session)))
    }

    /// Puts head and navigation around a page.
    pub(crate) fn dress(asker: &Asker, page: Page, session: Option<&(String, Session)>, here: &str) -> Page {
        let Some((cookie, session)) = session else { return page };
        let w = asker.words();
        let item = |href: &str, key: &str| NavItem::new(href, w.get(key), href == here);
        let who = [("department", session.department_name.as_str()), ("name", session.secrets.name.as_str())];
        let who = asker.words().with("desk-who", &who).into_owned();
        page.nav(vec![
            item("/", "desk-nav-verify"),
            item("/lookup", "desk-nav-lookup"),
            item("/today", "desk-nav-today"),
        ])
        .who(&who)
        .bound_to(cookie.clone())
    }
}

/// The problem for a failure of the store.
pub(crate) fn storage_problem(error: StorageError) -> Problem {
    if error.is_transient() { Problem::unavailable(2).cause(error) } else { Problem::internal(error) }
}

/// The sessions of the pages, with the relying party that they sign in by.
fn page_sessions_of(
    settings: &Settings,
    site: &Site,
    db: &Db,
    keys: &KeyStore,
    sources: &Sources,
    outbound: &Outbound,
) -> Result<PageSessions<SessionRows>, StartError> {
    let now = sources.now();
    let assertion_key: Arc<dyn keys::Signer> = match &settings.client_key {
        Some(key) => key.clone(),
        None => keys.ring(&Purpose::ClientAssertion)?.active(now)?,
    };
    let relying_party = RelyingParty::new(
        RelyingPartySettings {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            authentication: ClientAuthentication::PrivateKeyJwt(assertion_key),
            redirect_uri: site.url("/callback"),
            scopes: ["openid", "profile", "organisation", "verify", "offline_access"].map(String::from).to_vec(),
        },
        outbound.clone(),
        sources.clone(),
    );
    let logins = LoginCookie::new(&login_secret(keys, now)?, sources.clone());
    let kept = page_sessions::PageSessions::new(db.clone(), keys.clone(), sources.clone());
    let rows = SessionRows { kept, sources: sources.clone() };
    Ok(PageSessions::new(rows, relying_party, logins, sources.clone(), still_may))
}

fn login_secret(keys: &KeyStore, now: verifier::time::Timestamp) -> Result<[u8; 32], KeyStoreError> {
    let mac = keys.mac_keys(&Purpose::Cookie, now)?.sign("desk/login-cookie", b"1");
    let tail = mac.len().saturating_sub(32);
    let mut secret = [0; 32];
    secret.copy_from_slice(&mac[tail..]);
    Ok(secret)
}

fn site(settings: &Settings, sources: &Sources) -> Result<Site, StartError> {
    let url = settings.external_url.parse().map_err(|e: url::ParseError| StartError::ExternalUrl(e.to_string()))?;
    let vocabulary = Vocabulary::new(&[WORDS])?;
    let brand = Bilingual::new("信印 证照核验台", "Xinyin verification desk");
    let mut site = Site::new("desk", url, brand, vocabulary, sources.clone())
        .map_err(|error| StartError::ExternalUrl(error.to_string()))?;
    site.place = Bilingual::same(settings.place.clone());
    if !settings.telephone.is_empty() {
        site.telephone.clone_from(&settings.telephone);
    }
    if settings.demonstration {
        site.notice = Some(Bilingual::new(
            "演示环境，人物、机构、证照均为虚构",
            "Demonstration; all people, organisations and licences are invented",
        ));
    }
    site.trusted_proxies.clone_from(&settings.trusted_proxies);
    Ok(site)
}
