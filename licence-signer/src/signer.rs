//! The service: what all its flows share.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use keys::field::FieldKeys;
use keys::sources::Sources;
use keys::{KeyStore, KeyStoreError, Purpose};
use store::Db;
use tokio::sync::Notify;
use url::Url;
use verifier::encoding::hex;
use verifier::log::Checkpoint;
use verifier::log::merkle::empty_root;
use verifier::time::Timestamp;
use web::outbound::Outbound;

use crate::catalogue::LicenceType;
use crate::flow::error::FlowError;
use crate::flow::status_list::Lists;
use crate::flow::trust::TrustCache;
use crate::flow::waiting::Waiting;
use crate::officer::Department;
use crate::storage::{self, log};
use crate::{Settings, StartError, Stop, World};
use web::access_token::Verifier;
use web::words::{Bilingual, Source};
use web::{Site, Vocabulary};

/// licence-signer. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct LicenceSigner(Arc<Inner>);

struct Inner {
    settings: Settings,
    origin: String,
    db: Db,
    beside: Db,
    keys: KeyStore,
    sources: Sources,
    outbound: Outbound,
    tokens: Verifier,
    site: Arc<Site>,
    world: RwLock<Arc<World>>,
    lists: Lists,
    trust: TrustCache,
    drawn: Mutex<Option<(String, i64)>>,
    wake: Notify,
    waiting: Waiting,
}

impl std::fmt::Debug for LicenceSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LicenceSigner({})", self.0.settings.external_url)
    }
}

/// Characters of serials: upper-case letters and digits.
const SERIAL: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl LicenceSigner {
    /// Opens the service on its database (migrated by [`storage::MIGRATIONS`]) and its key store. The rings that it needs
    /// itself (log, status, fields) are made if they are not there; departments come by [`crate::provision`].
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn open(
        settings: Settings,
        db: Db,
        key_store: KeyStore,
        sources: Sources,
        outbound: Outbound,
    ) -> Result<Self, StartError> {
        let origin = origin(&settings.external_url)?;
        let now = sources.now();
        let own =
            [Purpose::Log, Purpose::FieldEncryption, Purpose::FieldDigest, Purpose::Cookie, Purpose::ClientAssertion];
        for purpose in own {
            key_store.ensure(&purpose, now)?;
        }
        let digests = key_store.field_keys(now)?.digests("start", "").len();
        if digests > storage::digests::LIVE {
            return Err(StartError::DigestKeys(digests));
        }
        let tokens =
            Verifier::new(settings.issuer.as_str(), settings.external_url.as_str(), outbound.clone(), sources.clone());
        let site = Arc::new(site(&settings, sources.clone())?);
        let signer = Self(Arc::new(Inner {
            tokens,
            site,
            settings,
            origin,
            beside: db.counted_apart(),
            db,
            keys: key_store,
            sources,
            outbound,
            world: RwLock::default(),
            lists: Lists::default(),
            trust: TrustCache::default(),
            drawn: Mutex::default(),
            wake: Notify::new(),
            waiting: Waiting::default(),
        }));
        signer.begin_log(now).await?;
        signer.reload().await?;
        Ok(signer)
    }

    /// Keeps the checkpoint of the empty log, if there is none yet.
    async fn begin_log(&self, now: Timestamp) -> Result<(), StartError> {
        let checkpoint = Checkpoint { origin: self.0.origin.clone(), size: 0, root: empty_root() };
        let key = self.0.keys.ring(&Purpose::Log)?.active(now)?;
        let note = keys::note::sign(&self.0.origin, key.as_ref(), &checkpoint.text())?;
        let mut tx = self.0.db.begin().await?;
        log::begin(&mut tx, &self.0.origin, &note, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Reads departments, types and matters anew.
    ///
    /// # Errors
    ///
    /// `Catalogue` if a row does not read; what was read before stays in use then.
    pub async fn reload(&self) -> Result<(), StartError> {
        let mut reader = self.0.db.reader().await?;
        let bodies = storage::catalogue::all(&mut reader).await?;
        let world = World::read(&bodies).map_err(StartError::Catalogue)?;
        *self.0.world.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(world);
        Ok(())
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The external URL, without a slash at its end.
    pub fn external_url(&self) -> &str {
        &self.0.settings.external_url
    }

    /// The log's origin: `{host[:port]}/log`.
    pub fn log_origin(&self) -> &str {
        &self.0.origin
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The database as what runs beside the requests uses it: the same connections, its statements counted apart.
    pub(crate) fn beside(&self) -> &Db {
        &self.0.beside
    }

    /// The key store.
    pub fn key_store(&self) -> &KeyStore {
        &self.0.keys
    }

    /// Time and chance.
    pub fn sources(&self) -> &Sources {
        &self.0.sources
    }

    /// The door out.
    pub fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }

    /// What checks access tokens made for this service.
    pub fn tokens(&self) -> &Verifier {
        &self.0.tokens
    }

    /// The service as its pages and cookies know it.
    pub fn site(&self) -> &Arc<Site> {
        &self.0.site
    }

    /// The catalogue as last read.
    pub fn world(&self) -> Arc<World> {
        self.0.world.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A department.
    pub fn department(&self, code: &str) -> Option<Arc<Department>> {
        self.world().department(code).cloned()
    }

    /// A type in one version, or its newest.
    pub fn licence_type(&self, code: &str, version: Option<u32>) -> Option<Arc<LicenceType>> {
        self.world().licence_type(code, version).cloned()
    }

    pub(crate) fn lists(&self) -> &Lists {
        &self.0.lists
    }

    pub(crate) fn trust_cache(&self) -> &TrustCache {
        &self.0.trust
    }

    pub(crate) fn field_keys(&self, now: Timestamp) -> Result<FieldKeys, KeyStoreError> {
        self.0.keys.field_keys(now)
    }

    /// 128 random bits as lower-case hex: an id that nobody can guess.
    pub(crate) fn random_id(&self) -> Result<String, FlowError> {
        Ok(hex::encode(self.0.sources.bytes::<16>()?))
    }

    /// Twenty random characters for the serial of a licence identifier.
    pub(crate) fn random_serial(&self) -> Result<String, FlowError> {
        let bytes = self.0.sources.bytes::<20>()?;
        Ok(bytes.iter().map(|byte| char::from(SERIAL[usize::from(byte & 31)])).collect())
    }

    /// The list to draw from, while it has room by this process's count; counts two positions.
    pub(crate) fn drawn_list(&self) -> Option<String> {
        let mut drawn = self.0.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        match drawn.as_mut() {
            Some((list, room)) if *room > 2 => {
                *room -= 2;
                Some(list.clone())
            }
            _ => None,
        }
    }

    /// Draws from `list` while it has `room`; it is counted anew at least every 4,096 licences, for others draw too.
    pub(crate) fn draw_from(&self, list: &str, room: i64) {
        *self.0.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some((list.to_owned(), room.min(8_192)));
    }

    /// Wakes the sequencer.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Waits until the sequencer is woken.
    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Who waits for the place of a leaf.
    pub(crate) fn waiting(&self) -> &Waiting {
        &self.0.waiting
    }

    /// In debug builds: ends a licence's way here, or the process, if a test asked for it.
    pub(crate) fn stop_here(&self, step: Stop) -> Result<(), FlowError> {
        let settings = &self.0.settings;
        if !cfg!(debug_assertions) || settings.danger_stop_after != Some(step) {
            return Ok(());
        }
        if settings.danger_stop_aborts {
            std::process::abort();
        }
        Err(FlowError::Stopped)
    }

    /// The routes, in the shell that every service has.
    pub fn router(&self) -> axum::Router {
        crate::http::router(self.clone())
    }

    /// Sequences the log and the audit record, finishes what was left, renews the trust bundle's timestamp, sweeps; until
    /// `stop` is done. What was recorded and not released is finished first.
    pub async fn run_background(&self, stop: impl Future<Output = ()> + Send) {
        Box::pin(crate::flow::housekeeping::run(self, stop)).await;
    }
}

/// The words of this service.
pub(crate) const WORDS: [Source; 2] = [
    Source { zh_cn: include_str!("../words/api.zh-CN.ftl"), en: include_str!("../words/api.en.ftl") },
    crate::http::pages::WORDS,
];

fn site(settings: &Settings, sources: Sources) -> Result<Site, StartError> {
    let url = Url::parse(&settings.external_url).map_err(|_| StartError::ExternalUrl)?;
    let vocabulary = Vocabulary::new(&WORDS).map_err(|error| StartError::Words(error.to_string()))?;
    let brand = Bilingual::new("电子证照", "E-licences");
    let mut site = Site::new("signer", url, brand, vocabulary, sources).map_err(|_| StartError::ExternalUrl)?;
    site.trusted_proxies.clone_from(&settings.trusted_proxies);
    site.place = Bilingual::same(&settings.place);
    site.notice = settings.demonstration.then(|| {
        Bilingual::new(
            "演示环境，人物、机构、证照均为虚构",
            "Demonstration; all people, organisations and licences are invented",
        )
    });
    if !settings.telephone.is_empty() {
        site.telephone.clone_from(&settings.telephone);
    }
    Ok(site)
}

/// The log's origin of an external URL, which must be an origin itself.
fn origin(external_url: &str) -> Result<String, StartError> {
    let url = Url::parse(external_url).map_err(|_| StartError::ExternalUrl)?;
    let host = url.host_str().ok_or(StartError::ExternalUrl)?;
    if !matches!(url.scheme(), "http" | "https") || url.path() != "/" || external_url.len() > 50 {
        return Err(StartError::ExternalUrl);
    }
    Ok(url.port().map_or_else(|| format!("{host}/log"), |port| format!("{host}:{port}/log")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_hosts() {
        for (url, expected) in [
            ("http://localhost:8081", Some("localhost:8081/log")),
            ("https://licences.example.gov.cn", Some("licences.example.gov.cn/log")),
            ("https://licences.example.gov.cn:443", Some("licences.example.gov.cn/log")),
            ("https://example.gov.cn/licences", None),
            ("ftp://example.gov.cn", None),
            ("https://a-very-long-name-of-a-host.of-a-department.example.gov.cn", None),
        ] {
            assert_eq!(origin(url).ok().as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn both_languages_have_words_for_every_documented_code() {
        assert!(web::words::differing_keys(&WORDS[0]).is_empty());
        let documented = include_str!("../../docs/errors.md");
        let mut count = 0;
        for line in WORDS[0].en.lines().filter_map(|line| line.strip_prefix("problem-")) {
            let key = line.split(' ').next().unwrap_or_default();
            let code = key.replacen('-', ".", 1);
            assert!(documented.contains(&format!("`{code}`")), "{code} is not in docs/errors.md");
            count += 1;
        }
        assert!(count >= 20, "{count}");
    }
}
