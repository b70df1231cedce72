//! The rows of the targets, checked and made ready to be looked up.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use url::Url;

use super::rows::{CertificateRow, LogRow, RootPayload, TargetsPayload};
use super::{Log, StatusOrigin, Trust, TrustError, Versions};
use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, CertificateError, Crl, Pool};
use crate::encoding::{b64, hex};
use crate::log::note::{KeyKind, VerifierKey};
use crate::time::Timestamp;

/// Everything of a [`Trust`] that follows from the targets alone.
pub(super) struct Index {
    pub(super) targets: TargetsPayload,
    pool: Pool,
    certificates: HashMap<[u8; 32], usize>,
    parsed: HashMap<[u8; 32], Certificate>,
    codes: HashMap<[u8; 8], Vec<[u8; 32]>>,
    departments: HashMap<String, usize>,
    keys: HashMap<[u8; 32], Vec<usize>>,
    types: HashMap<String, HashMap<u64, usize>>,
    logs: Vec<Log>,
    status: Vec<StatusOrigin>,
}

impl Index {
    pub(super) fn new(targets: TargetsPayload) -> Result<Self, TrustError> {
        let pool = Pool::new(
            each(&targets.anchors, Certificate::parse)?,
            each(&targets.intermediates, Certificate::parse)?,
            each(&targets.crls, Crl::parse)?,
        );
        let mut index = Self {
            pool,
            certificates: HashMap::new(),
            parsed: HashMap::new(),
            codes: HashMap::new(),
            departments: HashMap::new(),
            keys: HashMap::new(),
            types: HashMap::new(),
            logs: targets.logs.iter().map(log).collect::<Result<_, _>>()?,
            status: Vec::new(),
            targets,
        };
        let rows = std::mem::take(&mut index.targets.certificates);
        for (place, row) in rows.iter().enumerate() {
            index.take_certificate(place, row)?;
        }
        index.targets.certificates = rows;
        for (place, row) in index.targets.departments.iter().enumerate() {
            once(&mut index.departments, row.code.to_string(), place)?;
        }
        for (place, row) in index.targets.types.iter().enumerate() {
            once(index.types.entry(row.code.clone()).or_default(), row.version, place)?;
        }
        // One algorithm has two names (EdDSA, Ed25519), so a second row under the other would undo the first one's end.
        let name =
            |alg: &str| Algorithm::from_name(alg).map_or_else(|| alg.to_owned(), |known| known.name().to_owned());
        let algorithms: BTreeSet<_> =
            index.targets.algorithms.iter().map(|row| (&row.purpose, name(&row.alg))).collect();
        let origins: BTreeSet<_> = index.logs.iter().map(|log| &log.origin).collect();
        if algorithms.len() != index.targets.algorithms.len() || origins.len() != index.logs.len() {
            return Err(TrustError::Malformed);
        }
        index.take_status()?;
        Ok(index)
    }

    fn take_certificate(&mut self, place: usize, row: &CertificateRow) -> Result<(), TrustError> {
        let sha256 = digest(&row.sha256)?;
        let spki = digest(&row.spki)?;
        once(&mut self.certificates, sha256, place)?;
        self.keys.entry(spki).or_default().push(place);
        match &row.der {
            Some(der) => {
                let certificate = read(der, Certificate::parse)?;
                if *certificate.sha256() != sha256 || *certificate.spki_sha256() != spki {
                    return Err(TrustError::Malformed);
                }
                self.parsed.insert(sha256, certificate);
            }
            None if matches!(row.purpose.as_str(), "code" | "status") => return Err(TrustError::Malformed),
            None => {}
        }
        if row.purpose == "code" {
            let prefix = *sha256.first_chunk().expect("a digest is longer than its prefix");
            self.codes.entry(prefix).or_default().push(sha256);
        }
        Ok(())
    }

    fn take_status(&mut self) -> Result<(), TrustError> {
        for row in &self.targets.status {
            let origin = origin(&row.origin).ok_or(TrustError::Malformed)?;
            let signers = row.signers.iter().map(|text| digest(text)).collect::<Result<_, _>>()?;
            if self.status.iter().any(|other| other.origin == origin) {
                return Err(TrustError::Malformed);
            }
            self.status.push(StatusOrigin { origin, signers });
        }
        Ok(())
    }

    pub(super) fn into_trust(
        self,
        root_sha256: [u8; 32],
        versions: Versions,
        expires: Timestamp,
        root: RootPayload,
    ) -> Trust {
        let Self { targets, pool, certificates, parsed, codes, departments, keys, types, logs, status } = self;
        Trust {
            root_sha256,
            versions,
            expires,
            root,
            targets,
            pool,
            certificates,
            parsed,
            codes,
            departments,
            keys,
            types,
            logs,
            status,
        }
    }
}

/// The origin of a URI with http or https: scheme, host and port, a default one left out.
pub(super) fn origin(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}

fn log(row: &LogRow) -> Result<Log, TrustError> {
    let parse = |text: &String, kind| {
        VerifierKey::parse(text).ok().filter(|key| key.kind() == kind).ok_or(TrustError::Malformed)
    };
    let key = parse(&row.vkey, KeyKind::Ed25519)?;
    let witnesses: Vec<VerifierKey> =
        row.witnesses.iter().map(|text| parse(text, KeyKind::Cosignature)).collect::<Result<_, _>>()?;
    // A key counts once, whatever names it has.
    let distinct = witnesses.iter().map(VerifierKey::key).collect::<BTreeSet<_>>().len();
    let quorum = usize::try_from(row.quorum).map_err(|_| TrustError::Malformed)?;
    if key.name() != row.origin || quorum > distinct || distinct != witnesses.len() {
        return Err(TrustError::Malformed);
    }
    Ok(Log { origin: row.origin.clone(), key, since: row.since, witnesses, quorum })
}

/// Enters what may stand once only.
fn once<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) -> Result<(), TrustError> {
    match map.entry(key) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(_) => Err(TrustError::Malformed),
    }
}

fn digest(text: &str) -> Result<[u8; 32], TrustError> {
    hex::decode_array(text).map_err(|_| TrustError::Malformed)
}

fn each<T>(texts: &[String], parse: fn(&[u8]) -> Result<T, CertificateError>) -> Result<Vec<T>, TrustError> {
    texts.iter().map(|text| read(text, parse)).collect()
}

fn read<T>(text: &str, parse: fn(&[u8]) -> Result<T, CertificateError>) -> Result<T, TrustError> {
    let der = b64::decode(text).map_err(|_| TrustError::Malformed)?;
    parse(&der).map_err(|_| TrustError::Malformed)
}
