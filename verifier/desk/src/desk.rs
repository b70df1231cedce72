//! The service: what all its handlers share.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keys::sources::Sources;
use keys::{KeyStore, KeyStoreError, Purpose};
use store::{Db, StorageError, audit};
use web::outbound::Outbound;
use web::page::NavItem;
use web::relying_party::{ClientAuthentication, Login, LoginCookie, LoginError, RelyingParty, RelyingPartySettings};
use web::words::{Bilingual, Vocabulary};
use web::{Asker, Page, Problem, Site, access_token};

use crate::catalogue::Catalogue;
use crate::evidence::Evidence;
use crate::page::WORDS;
use crate::settings::Settings;
use crate::signer::SignerClient;
use crate::storage::SWEEPS;
use crate::storage::sessions::{self, Secrets, Session};
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
    keys: KeyStore,
    sources: Sources,
    relying_party: RelyingParty,
    pending: LoginCookie,
    tokens: access_token::Verifier,
    signer: SignerClient,
    catalogue: Catalogue,
    trust: TrustKeeper,
    evidence: Evidence,
    renewing: Vec<tokio::sync::Mutex<()>>,
}

/// How many sessions are renewed at once; two renewals of one session stand in one line, because each spends a token.
const RENEWALS: usize = 64;

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
        let pending = LoginCookie::new(&login_secret(&keys, now)?, sources.clone());
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
        Ok(Self(Arc::new(Inner {
            settings,
            site,
            db,
            keys,
            sources,
            relying_party,
            pending,
            tokens,
            signer,
            catalogue,
            trust,
            evidence,
            renewing: (0..RENEWALS).map(|_| tokio::sync::Mutex::new(())).collect(),
        })))
    }

    /// Its routes, with the shell around them.
    pub fn router(&self) -> axum::Router {
        crate::http::router::router(self)
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
        &self.0.relying_party
    }

    pub(crate) fn pending(&self) -> &LoginCookie {
        &self.0.pending
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

    /// Encrypts a session's secrets for its row.
    pub(crate) fn seal(&self, row: &str, secrets: &Secrets) -> Result<Vec<u8>, Problem> {
        let plain = serde_json::to_vec(secrets).map_err(Problem::internal)?;
        let keys = self.0.keys.field_keys(self.0.sources.now()).map_err(Problem::internal)?;
        keys.seal("sessions", "secrets", row, &plain, self.0.sources.random.as_ref()).map_err(Problem::internal)
    }

    fn unseal(&self, row: &str, sealed: &[u8]) -> Option<Secrets> {
        let keys = self.0.keys.field_keys(self.0.sources.now()).ok()?;
        let plain = keys.open("sessions", "secrets", row, sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// The clerk's live session, whichever of several cookies names it, and the cookie's value. idp vouched for it within the
    /// last four minutes, or does so now: it ends with the session there, the mandate and the account. While idp is out of
    /// reach nobody counts as signed in, and documents are verified all the same.
    pub(crate) async fn session(&self, asker: &Asker) -> Result<Option<(String, Session)>, Problem> {
        for (value, session) in self.stored_sessions(asker).await? {
            if session.secrets.is_vouched(self.0.sources.now()) {
                return Ok(Some((value, session)));
            }
            match self.renewed(&session.id_digest, asker.incident().as_str(), Secrets::is_vouched).await {
                Ok(session) => return Ok(Some((value, session))),
                Err(LoginError::Refused { .. }) => {}
                Err(error) => tracing::warn!(%error, "idp could not vouch for a session"),
            }
        }
        Ok(None)
    }

    /// The sessions that the browser's cookies name, whatever idp says of them by now.
    pub(crate) async fn stored_sessions(&self, asker: &Asker) -> Result<Vec<(String, Session)>, Problem> {
        let values: Vec<String> = asker.cookie_values("").take(4).map(str::to_owned).collect();
        let mut found = Vec::new();
        for value in values {
            let session = self.stored(&sessions::digest_of(&value)).await.map_err(storage_problem)?;
            found.extend(session.map(|session| (value, session)));
        }
        Ok(found)
    }

    async fn stored(&self, id_digest: &[u8]) -> Result<Option<Session>, StorageError> {
        let mut reader = self.0.db.reader().await?;
        sessions::find(&mut reader, id_digest, self.0.sources.now(), |row, sealed| self.unseal(row, sealed)).await
    }

    /// The session after idp was asked again, unless it is `good` already because another request has just done so. A session
    /// that idp no longer vouches for, or whose mandate no longer lets verify, is over: `Refused`.
    pub(crate) async fn renewed(
        &self,
        id_digest: &[u8],
        incident: &str,
        good: fn(&Secrets, verifier::time::Timestamp) -> bool,
    ) -> Result<Session, LoginError> {
        let over = || LoginError::Refused { code: "invalid_grant".into(), description: None };
        let failed = |error: StorageError| LoginError::Unavailable(error.to_string());
        let line = usize::from(id_digest.first().copied().unwrap_or_default()) % RENEWALS;
        let _turn = self.0.renewing[line].lock().await;
        let now = self.0.sources.now();
        let session = self.stored(id_digest).await.map_err(failed)?.ok_or_else(over)?;
        if good(&session.secrets, now) {
            return Ok(session);
        }
        let login = match self.0.relying_party.refresh(&session.secrets.as_login()).await {
            Ok(login) if still_may(&login, &session) => login,
            Ok(_) | Err(LoginError::Refused { .. } | LoginError::IdToken(_) | LoginError::Issuer) => {
                self.end(&session, incident).await.map_err(failed)?;
                return Err(over());
            }
            Err(error) => return Err(error),
        };
        let secrets = session.secrets.renewed(&login, now);
        let sealed = self.seal(&sessions::row_name(id_digest), &secrets);
        let sealed = sealed.map_err(|problem| LoginError::Client(problem.code().to_owned()))?;
        let mut tx = self.0.db.begin().await.map_err(failed)?;
        sessions::set_secrets(&mut tx, id_digest, &sealed).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Session { secrets, ..session })
    }

    /// Ends a session that idp does not vouch for any more.
    async fn end(&self, session: &Session, incident: &str) -> Result<(), StorageError> {
        let row = audit::Row::new(format!("clerk:{}", session.clerk), "session.end", "done", self.0.sources.now())
            .department(&session.department)
            .incident(incident);
        let mut tx = self.0.db.begin().await?;
        sessions::delete(&mut tx, &session.id_digest).await?;
        audit::append(&mut tx, &row).await?;
        tx.commit().await
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

/// Whether a renewed login is still the clerk's, for the same department, and lets verify.
fn still_may(login: &Login, session: &Session) -> bool {
    let identity = &login.identity;
    identity.level() >= 2
        && identity.person() == session.clerk
        && identity.organisation.as_ref().is_some_and(|organisation| organisation.code == session.department)
        && identity.mandate.as_ref().is_some_and(|mandate| mandate.matters.iter().any(|matter| matter == "verify"))
}

/// The problem for a failure of the store.
pub(crate) fn storage_problem(error: StorageError) -> Problem {
    if error.is_transient() { Problem::unavailable(2).cause(error) } else { Problem::internal(error) }
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
