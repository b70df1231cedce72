//! TLS of the listeners: versions and ciphers of rustls with ring, certificates from files that are read again when renewed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use verifier::encoding::without_mark;
use zeroize::Zeroizing;

use crate::serve::ServeError;

/// TLS as a listener speaks it. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<rustls::ServerConfig>,
    identity: Arc<Identity>,
}

impl Tls {
    /// Reads a certificate chain and its key from PEM files. Clients are asked for no certificate.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let identity = Identity::read(certificate, key)?;
        let config = builder()?.with_no_client_auth().with_cert_resolver(identity.clone());
        Ok(Self::speaking(config, identity))
    }

    fn speaking(mut config: rustls::ServerConfig, identity: Arc<Identity>) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { config: Arc::new(config), identity }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }

    /// Reads the files again and serves what they hold from the next handshake on; what does not read, or does not fit
    /// together, changes nothing: a renewal may be half done.
    pub fn read_again(&self) {
        match certified(&self.identity.certificate, &self.identity.key) {
            Ok(renewed) => {
                let mut current = self.identity.current.write().unwrap_or_else(PoisonError::into_inner);
                if current.cert != renewed.cert {
                    tracing::info!("a renewed TLS certificate is in use");
                    *current = Arc::new(renewed);
                }
            }
            Err(error) => tracing::warn!(%error, "the TLS certificate was not read again"),
        }
    }
}

fn builder() -> Result<rustls::ConfigBuilder<rustls::ServerConfig, rustls::WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// The certificate in use and where it came from.
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Identity {
    fn read(certificate: &Path, key: &Path) -> Result<Arc<Self>, ServeError> {
        let current = RwLock::new(Arc::new(certified(certificate, key)?));
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), current }))
    }
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, ServeError> {
    let chain = CertificateDer::pem_slice_iter(&text(certificate)?).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&text(key)?)?;
    Ok(CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())?)
}

/// A PEM file without the byte order mark that an editor put before it, which would hide its first block.
fn text(file: &Path) -> Result<Zeroizing<Vec<u8>>, ServeError> {
    let bytes = Zeroizing::new(std::fs::read(file).map_err(|error| ServeError::File(file.to_owned(), error))?);
    let text = without_mark(&bytes).map_err(|at| ServeError::Mark(file.to_owned(), at))?;
    Ok(Zeroizing::new(text.to_vec()))
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
