//! The service as its handlers share it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keys::field::FieldKeys;
use keys::key_store::KeyStore;
use keys::purpose::{KeyKind, Purpose};
use keys::signer::Signer;
use keys::sources::Sources;
use store::{Db, Sweep, Tx};
use verifier::algorithm::{Algorithm, PublicKey};
use verifier::time::Timestamp;
use web::outbound::Outbound;
use web::shell::ShellSettings;
use web::words::{Bilingual, Vocabulary};
use web::{Site, shell};

use crate::account::People;
use crate::cache::Cache;
use crate::client::failures::Failures;
use crate::client::{Client, Resource};
use crate::error::{Error, StartError};
use crate::settings::Settings;
use crate::storage::clients;

/// The service: everything that its handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Idp(Arc<Inner>);

struct Inner {
    settings: Settings,
    db: Db,
    keys: KeyStore,
    sources: Sources,
    outbound: Outbound,
    site: Arc<Site>,
    clients: Cache<Client>,
    resources: Cache<Resource>,
    people: People,
    failures: Failures,
}

/// How often keys are read again and expired rows leave.
const ROUND: Duration = Duration::from_secs(20);

/// What leaves, in bounded batches, some time after it has expired.
const SWEEPS: &[Sweep] = &[
    Sweep {
        name: "ceremonies",
        sql: "DELETE FROM ceremonies WHERE id IN (SELECT id FROM ceremonies WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        name: "attempts",
        sql: "DELETE FROM attempts WHERE bucket IN (SELECT bucket FROM attempts
            WHERE expires_at <= $1 AND (known_until IS NULL OR known_until <= $1) LIMIT $2)",
    },
    Sweep {
        name: "registrations",
        sql: "DELETE FROM registrations WHERE id IN (SELECT id FROM registrations WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        name: "refresh tokens",
        sql: "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens WHERE expires_at <= $1 - 86400 LIMIT $2)",
    },
    Sweep {
        name: "authorizations",
        sql: "DELETE FROM authorizations WHERE id IN (SELECT a.id FROM authorizations a WHERE a.expires_at <= $1 - 3600
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.family_id = a.id) LIMIT $2)",
    },
    Sweep {
        name: "sessions",
        sql: "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 - 86400 LIMIT $2)",
    },
    Sweep {
        name: "revoked tokens",
        sql: "DELETE FROM revoked_tokens WHERE jti IN (SELECT jti FROM revoked_tokens WHERE expires_at <= $1 - 60 LIMIT $2)",
    },
    Sweep {
        name: "assertions",
        sql: "DELETE FROM seen_assertions WHERE client_id || ' ' || jti_digest IN
            (SELECT client_id || ' ' || jti_digest FROM seen_assertions WHERE expires_at <= $1 LIMIT $2)",
    },
];

impl Idp {
    /// The service over its database (opened with [`crate::MIGRATIONS`]) and keys. Keys that are missing are made.
    ///
    /// # Errors
    ///
    /// `StartError`, in a sentence that says what to mend.
    pub fn open(
        settings: Settings,
        db: Db,
        keys: KeyStore,
        sources: Sources,
        outbound: Outbound,
    ) -> Result<Self, StartError> {
        let now = sources.now();
        let kinds = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa].map(KeyKind::Signing);
        let rings = kinds.into_iter().map(|kind| (Purpose::IdToken, kind)).chain(
            [Purpose::AccessToken, Purpose::ClientAssertion, Purpose::FieldEncryption, Purpose::FieldDigest]
                .map(|purpose| (purpose.clone(), purpose.default_kind())),
        );
        for (purpose, kind) in rings {
            keys.ensure_of(&purpose, kind, now).map_err(|error| StartError::Keys(error.to_string()))?;
        }
        if !(1..=300).contains(&settings.access_token_seconds) {
            return Err(StartError::Settings("an access token lives 1 to 300 seconds".into()));
        }
        let site = site(&settings, sources.clone())?;
        let people = People::new(&settings, &sources).map_err(|error| StartError::Settings(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            settings,
            db,
            keys,
            sources,
            outbound,
            site,
            clients: Cache::default(),
            resources: Cache::default(),
            people,
            failures: Failures::default(),
        })))
    }

    /// Compares what was decided at the first start with the settings, and writes it down then: whoever starts the service
    /// calls this before it serves. Passkeys are bound to the issuer's host for ever (WebAuthn L3 §5.1.2).
    ///
    /// # Errors
    ///
    /// `Settings` if the issuer's host is another than at the first start.
    pub async fn prepare(&self) -> Result<(), StartError> {
        let host = self.settings().issuer.host_str().unwrap_or_default();
        let mut tx = self.db().begin().await?;
        let stored = crate::storage::accounts::rp_id(&mut tx, host).await?;
        tx.commit().await?;
        if stored == host {
            return Ok(());
        }
        Err(StartError::Settings(format!(
            "the issuer's host was {stored} at the first start and is {host} now; passkeys made there would all be lost"
        )))
    }

    /// The routes, in their shell.
    pub fn router(&self) -> axum::Router {
        let db = self.db().clone();
        let ready: web::shell::Ready = Arc::new(move || {
            let db = db.clone();
            Box::pin(async move { db.ready().await.is_ok() })
        });
        shell::shell(
            crate::http::router::routes(self),
            self.site(),
            ShellSettings { ready, ..ShellSettings::default() },
        )
    }

    /// Does what nobody waits for (chaining the audit record, reading keys again, removing what has expired) until
    /// `shutdown` is done.
    pub async fn run_background(&self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let told = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
            // An error means that the sender has gone, which is a stop too.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let audit = store::audit::run(self.db(), self.sources(), told(stopped.clone()));
        let rounds = self.rounds(told(stopped));
        let end = async {
            shutdown.await;
            // Nobody listens any more only if both have ended already.
            let _ = stop.send(true);
        };
        tokio::join!(audit, rounds, end);
    }

    async fn record_failures(&self) {
        if let Err(error) = crate::flow::client::record_the_rest(self).await {
            tracing::warn!(%error, "failed authentications could not be recorded");
        }
    }

    async fn rounds(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => {
                    self.record_failures().await;
                    return;
                }
                () = tokio::time::sleep(ROUND) => {}
            }
            if let Err(error) = self.0.keys.reload_if_changed() {
                tracing::error!(%error, "the key store could not be read again");
            }
            self.record_failures().await;
            match store::sweep(self.db(), SWEEPS, self.sources().now()).await {
                Ok(rows) => tracing::debug!(rows, "expired rows left"),
                Err(error) => tracing::warn!(%error, "expired rows could not be removed"),
            }
        }
    }

    /// What the installation decided.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Time and chance.
    pub fn sources(&self) -> &Sources {
        &self.0.sources
    }

    /// The door for calls to registers.
    pub fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }

    /// The service as its pages know it.
    pub fn site(&self) -> &Arc<Site> {
        &self.0.site
    }

    /// The key store.
    pub fn keys(&self) -> &KeyStore {
        &self.0.keys
    }

    /// The keys of encrypted fields.
    ///
    /// # Errors
    ///
    /// `Error::Key` if they have gone.
    pub fn field_keys(&self, now: Timestamp) -> Result<FieldKeys, Error> {
        self.0.keys.field_keys(now).map_err(|_| Error::Key("field encryption"))
    }

    /// Failed authentications of clients.
    pub(crate) fn failures(&self) -> &Failures {
        &self.0.failures
    }

    /// Password hashing and passkeys.
    pub fn people(&self) -> &People {
        &self.0.people
    }

    /// The key that signs our calls to registers.
    pub(crate) fn assertion_signer(&self, now: Timestamp) -> Result<Arc<dyn Signer>, Error> {
        let ring = self.0.keys.ring(&Purpose::ClientAssertion);
        ring.and_then(|ring| ring.active(now)).map_err(|_| Error::Key("client assertions"))
    }

    /// A client by its id, at most a second old.
    ///
    /// # Errors
    ///
    /// `Error` of storage.
    pub async fn client(&self, tx: &mut Tx, client_id: &str) -> Result<Option<Arc<Client>>, Error> {
        if let Some(client) = self.0.clients.find(client_id) {
            return Ok(Some(client));
        }
        let read_at = Instant::now();
        let found = clients::find(tx, client_id).await?;
        Ok(found.map(|client| self.0.clients.keep(client_id, client, read_at)))
    }

    /// A client as this process read it within the last second, or from the database outside any transaction.
    ///
    /// # Errors
    ///
    /// `Error` of storage.
    pub(crate) async fn known_client(&self, client_id: &str) -> Result<Option<Arc<Client>>, Error> {
        if let Some(client) = self.0.clients.find(client_id) {
            return Ok(Some(client));
        }
        self.client(&mut self.db().reader().await?, client_id).await
    }

    /// A resource by its identifier, at most a second old.
    ///
    /// # Errors
    ///
    /// `Error` of storage.
    pub(crate) async fn resource(&self, tx: &mut Tx, resource: &str) -> Result<Option<Arc<Resource>>, Error> {
        if let Some(found) = self.0.resources.find(resource) {
            return Ok(Some(found));
        }
        let read_at = Instant::now();
        let found = clients::find_resource(tx, resource).await?;
        Ok(found.map(|found| self.0.resources.keep(resource, found, read_at)))
    }

    /// A resource as this process read it within the last second, or from the database outside any transaction. Never called
    /// while a transaction is open, which would hold two connections.
    ///
    /// # Errors
    ///
    /// `Error` of storage.
    pub(crate) async fn known_resource(&self, resource: &str) -> Result<Option<Arc<Resource>>, Error> {
        if let Some(found) = self.0.resources.find(resource) {
            return Ok(Some(found));
        }
        self.resource(&mut self.db().reader().await?, resource).await
    }

    /// Forgets what is remembered of clients and resources, after a change.
    pub(crate) fn forget_registrations(&self) {
        self.0.clients.clear();
        self.0.resources.clear();
    }

    /// The key that signs ID tokens of an algorithm.
    pub(crate) fn id_token_signer(&self, algorithm: Algorithm, now: Timestamp) -> Result<Arc<dyn Signer>, Error> {
        let ring = self.0.keys.ring_of(&Purpose::IdToken, KeyKind::Signing(algorithm));
        ring.and_then(|ring| ring.active(now)).map_err(|_| Error::Key("ID tokens"))
    }

    /// The key that signs access tokens.
    pub(crate) fn access_token_signer(&self, now: Timestamp) -> Result<Arc<dyn Signer>, Error> {
        self.0
            .keys
            .ring(&Purpose::AccessToken)
            .and_then(|ring| ring.active(now))
            .map_err(|_| Error::Key("access tokens"))
    }

    /// The public key of a name, among the published ones of a purpose.
    pub(crate) fn published_key(&self, purpose: &Purpose, kid: &str, now: Timestamp) -> Option<PublicKey> {
        let rings = self.0.keys.rings();
        rings.iter().filter(|ring| ring.purpose() == purpose).find_map(|ring| ring.published_key(kid, now))
    }

    pub(crate) fn seal_login_hint(&self, id: &str, hint: &str) -> Result<Vec<u8>, Error> {
        let keys = self.field_keys(self.sources().now())?;
        Ok(keys.seal("authorizations", "login_hint", id, hint.as_bytes(), self.sources().random.as_ref())?)
    }

    pub(crate) fn open_login_hint(&self, id: &str, sealed: &[u8]) -> Result<String, Error> {
        let keys = self.field_keys(self.sources().now())?;
        let plain = keys.open("authorizations", "login_hint", id, sealed);
        let plain = plain.map_err(|_| Error::Damaged("authorizations.login_hint"))?;
        String::from_utf8(plain.to_vec()).map_err(|_| Error::Damaged("authorizations.login_hint"))
    }
}

fn site(settings: &Settings, sources: Sources) -> Result<Arc<Site>, StartError> {
    let wrong = |error: &dyn std::fmt::Display| StartError::Settings(error.to_string());
    let vocabulary = Vocabulary::new(&crate::WORDS).map_err(|error| wrong(&error))?;
    let both = |key: &str| {
        let words = |lang| vocabulary.words(lang).get(key).into_owned();
        Bilingual::new(words(web::Lang::ZhCn), words(web::Lang::En))
    };
    let (brand, notice) = (both("brand"), both("foot-demo"));
    let site = Site::new("idp", settings.issuer.clone(), brand, vocabulary, sources).map_err(|error| wrong(&error))?;
    let telephone = if settings.help_phone.is_empty() { site.telephone.clone() } else { settings.help_phone.clone() };
    Ok(Arc::new(Site {
        place: Bilingual::same(&settings.place),
        home: "/account".into(),
        telephone,
        notice: settings.demonstration.then_some(notice),
        sign_out: "/logout".into(),
        trusted_proxies: settings.trusted_proxies.clone(),
        ..site
    }))
}

impl std::fmt::Debug for Idp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Idp({})", self.0.settings.issuer_text())
    }
}
