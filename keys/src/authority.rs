//! An authority in one key store: its certification authorities, the roles of its trust bundle, its log and status keys,
//! and the departments that it certifies.
//!
//! ```text
//! root CA ─ subordinate CA ─┬─ department: credential, code, copies, stamping
//!                           └─ status signer
//! trust roles: root, targets, timestamp        log: Ed25519 note key
//! ```

mod certifying;
mod founding;

use std::sync::Arc;

use certifying::{Wanted, leaf_validity};
pub use founding::Founding;
use founding::founding_rows;
use verifier::time::Timestamp;

use crate::certified::{Attachment, CertifiedSigner};
use crate::certify::{self, Ca, CertifyError, Leaf, OidArc, Power, SIGNING_DAYS, Subject, Usage, Validity};
use crate::key_store::{AuthorityRow, KeyRow, KeyStore, KeyStoreError, RingRow};
use crate::publish::{Bundle, PublishError, Register};
use crate::purpose::{DepartmentUse, KeyKind, Purpose};
use crate::signer::Signer;
use crate::software::SoftwareKey;

const DAY: i64 = 24 * 3600;
/// A successor of a certified key is announced when the one in use has less than this to sign.
const RENEW_BEFORE_SECONDS: i64 = 90 * DAY;
/// How long others may keep a trust bundle before they look for a newer one; a successor waits for twice that.
const BUNDLE_CACHE_SECONDS: i64 = DAY;

/// A department to be certified.
#[derive(Clone, Debug)]
pub struct DepartmentOrder {
    /// Its unified social credit code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The `iss` of its credentials: `{signer}/departments/{code}`.
    pub uri: String,
    /// What it may sign.
    pub power: Power,
    /// The longest life of a licence of its types in years; `None` if one of them has no end.
    pub longest_licence_years: Option<u32>,
}

/// What certifying came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certified {
    /// The key in use has that certificate already.
    Unchanged,
    /// A first key signs from now on.
    AtOnce,
    /// A successor was announced, or had been; the key in use signs until then.
    Announced {
        /// From when the successor signs.
        signs_from: Timestamp,
    },
}

/// Why the authority did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The store holds no authority.
    #[error("the key store holds no authority")]
    None,
    /// The store holds another authority, or this one under another arc or address.
    #[error("the key store holds the authority {found}, not the one asked for")]
    Another {
        /// What it holds.
        found: String,
    },
    /// The key store refused.
    #[error(transparent)]
    Store(#[from] KeyStoreError),
    /// No certificate was made.
    #[error(transparent)]
    Certify(#[from] CertifyError),
    /// No trust bundle was made.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// An authority at work. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Authority {
    store: KeyStore,
    arc: OidArc,
}

impl Authority {
    /// Founds an authority in `store`: root and subordinate CA, a key for each role of the trust bundle, the log's key and
    /// a status signer, all active at once. If the same authority stands there already, it is opened.
    ///
    /// # Errors
    ///
    /// `Another` if the store holds a different one; `Certify` for names that do not fit; as for a file that cannot be
    /// written, and then nothing was founded.
    pub fn found(store: &KeyStore, founding: &Founding, now: Timestamp) -> Result<Self, AuthorityError> {
        let arc: OidArc = founding.oid_arc.parse()?;
        let signer = founding.signer.trim_end_matches('/');
        if store.loaded().contents.authority.is_none() {
            let rows = founding_rows(founding, &arc, now)?;
            store.change(|contents| {
                if contents.authority.is_none() {
                    for row in rows {
                        let same = |ring: &&mut RingRow| (&ring.purpose, &ring.kind) == (&row.purpose, &row.kind);
                        match contents.rings.iter_mut().find(same) {
                            Some(ring) => ring.keys.extend(row.keys),
                            None => contents.rings.push(row),
                        }
                    }
                    contents.authority = Some(AuthorityRow {
                        name: founding.authority.clone(),
                        title: founding.title.clone(),
                        oid_arc: founding.oid_arc.clone(),
                        signer: signer.to_owned(),
                        bundle: None,
                    });
                }
                Ok(())
            })?;
        }
        let authority = Self::open(store)?;
        let row = authority.row()?;
        if (row.name.as_str(), row.oid_arc.as_str(), row.signer.as_str())
            != (&founding.authority, &founding.oid_arc, signer)
        {
            return Err(AuthorityError::Another { found: format!("{} ({}, {})", row.name, row.oid_arc, row.signer) });
        }
        authority.certify_status(signer, now)?;
        Ok(authority)
    }

    /// Opens the authority whose keys `store` holds.
    ///
    /// # Errors
    ///
    /// `None` if it holds none.
    pub fn open(store: &KeyStore) -> Result<Self, AuthorityError> {
        let loaded = store.loaded();
        let row = loaded.contents.authority.as_ref().ok_or(AuthorityError::None)?;
        Ok(Self { store: store.clone(), arc: row.oid_arc.parse()? })
    }

    /// The store that holds its keys.
    pub fn store(&self) -> &KeyStore {
        &self.store
    }

    /// The name by which its bundles are known.
    ///
    /// # Errors
    ///
    /// `None` if the store was replaced by one without an authority.
    pub fn name(&self) -> Result<String, AuthorityError> {
        Ok(self.row()?.name)
    }

    /// The arc under which its OIDs hang.
    pub fn oid_arc(&self) -> &OidArc {
        &self.arc
    }

    /// Certifies a department's keys for each of `uses`. A first key signs at once; one whose power or certificate no
    /// longer fits, or that signs for less than 90 days more, gets a successor that is announced. Call it as often as
    /// you like: what fits is left alone.
    ///
    /// # Errors
    ///
    /// `Certify` if the order goes beyond the CA's bound or its names do not fit; as for a file that cannot be written.
    pub fn certify_department(
        &self,
        order: &DepartmentOrder,
        uses: &[DepartmentUse],
        now: Timestamp,
    ) -> Result<Vec<(DepartmentUse, Certified)>, AuthorityError> {
        let mut out = Vec::new();
        for r#use in uses {
            let purpose = Purpose::department(&order.code, *r#use);
            let leaf = |signs_from: Timestamp| Leaf {
                subject: Subject {
                    organization: order.name.clone(),
                    credit_code: Some(order.code.clone()),
                    common_name: format!("{} {}", order.code, r#use.name()),
                },
                usage: Usage::Department(*r#use),
                uri: Some(order.uri.clone()),
                power: Some(order.power.clone()),
                validity: leaf_validity(signs_from, order.longest_licence_years),
            };
            let wanted = Wanted { purpose: &purpose, power: &order.power, uri: Some(&order.uri), anew: false };
            out.push((*r#use, self.certify(&wanted, leaf, now)?));
        }
        Ok(out)
    }

    /// Certifies the key that signs the status lists of `origin`, in the way of `certify_department`.
    ///
    /// # Errors
    ///
    /// As `certify_department`.
    pub fn certify_status(&self, origin: &str, now: Timestamp) -> Result<Certified, AuthorityError> {
        let title = self.row()?.title;
        let leaf = |signs_from: Timestamp| Leaf {
            subject: Subject { organization: title.clone(), credit_code: None, common_name: "status".to_owned() },
            usage: Usage::Status,
            uri: Some(origin.to_owned()),
            power: None,
            validity: Validity { not_before: signs_from, not_after: signs_from.plus((SIGNING_DAYS + 30) * DAY) },
        };
        let wanted = Wanted { purpose: &Purpose::Status, power: &Power::default(), uri: Some(origin), anew: false };
        self.certify(&wanted, leaf, now)
    }

    /// Certifies the key of a department's own request (PKCS #10, DER), for a key that lies in another store: gives the
    /// chain and all else that `KeyStore::attach_certificate` wants there. The row belongs into the register's
    /// `certificates`.
    ///
    /// # Errors
    ///
    /// As `certify_department`, and `Certify` for an unreadable request.
    pub fn certify_request(
        &self,
        request: &[u8],
        order: &DepartmentOrder,
        r#use: DepartmentUse,
        signs_from: Timestamp,
        now: Timestamp,
    ) -> Result<Attachment, AuthorityError> {
        let leaf = Leaf {
            subject: Subject {
                organization: order.name.clone(),
                credit_code: Some(order.code.clone()),
                common_name: format!("{} {}", order.code, r#use.name()),
            },
            usage: Usage::Department(r#use),
            uri: Some(order.uri.clone()),
            power: Some(order.power.clone()),
            validity: leaf_validity(signs_from, order.longest_licence_years),
        };
        let issuer = self.store.certified(&Purpose::SubordinateCa, now)?;
        let ca = Ca::new(issuer.certificate(), &issuer, &self.arc)?;
        let made = ca.leaf_for_request(&self.arc, request, &leaf)?;
        Ok(Attachment {
            chain: [vec![made], issuer.chain().to_vec()].concat(),
            power: order.power.clone(),
            signs_from,
            signs_until: signs_from.plus(SIGNING_DAYS * DAY),
            foreign: false,
        })
    }

    /// The key with which the department signs at `now`, and its certificate.
    ///
    /// # Errors
    ///
    /// `Store` with `NoRing` or `NoActiveKey` if it has none.
    pub fn department(
        &self,
        code: &str,
        r#use: DepartmentUse,
        now: Timestamp,
    ) -> Result<CertifiedSigner, AuthorityError> {
        Ok(self.store.certified(&Purpose::department(code, r#use), now)?)
    }

    /// The key that signs status lists at `now`, and its certificate.
    ///
    /// # Errors
    ///
    /// As `department`.
    pub fn status(&self, now: Timestamp) -> Result<CertifiedSigner, AuthorityError> {
        Ok(self.store.certified(&Purpose::Status, now)?)
    }

    /// The Ed25519 key that signs the log's checkpoints at `now` (see `note`).
    ///
    /// # Errors
    ///
    /// As `department`.
    pub fn log(&self, now: Timestamp) -> Result<Arc<dyn Signer>, AuthorityError> {
        Ok(self.store.ring(&Purpose::Log)?.active(now)?)
    }

    /// The log's origin, which is its note key's name: `{host[:port]}/log`.
    ///
    /// # Errors
    ///
    /// `None` as `name`.
    pub fn log_origin(&self) -> Result<String, AuthorityError> {
        Ok(log_origin(&self.row()?.signer))
    }

    /// Brings the trust bundle up to date with the keys, the certificates and `register`, and keeps it in the store: a
    /// part that has changed, or that is near its end, gets its next version. Calling it once an hour renews the
    /// timestamp daily.
    ///
    /// # Errors
    ///
    /// `Publish` if a role has no key that may sign; as for a file that cannot be written.
    pub fn publish(&self, register: &Register, now: Timestamp) -> Result<Bundle, AuthorityError> {
        loop {
            let kept = self.row()?.bundle;
            let previous = kept.as_ref().and_then(Bundle::from_value);
            let made = self.publish_after(previous.as_ref(), register, now)?;
            if previous.as_ref() == Some(&made) {
                return Ok(made);
            }
            let stored = self.store.change(|contents| {
                let row = contents.authority.as_mut().ok_or(KeyStoreError::NoKey)?;
                let untouched = row.bundle == kept;
                if untouched {
                    row.bundle = Some(made.to_value());
                }
                Ok(untouched)
            })?;
            // else another process published meanwhile: again, upon its bundle
            if stored {
                return Ok(made);
            }
        }
    }

    /// As `publish`, upon a bundle that the caller keeps; the store is only read.
    ///
    /// # Errors
    ///
    /// `Publish` as `publish`.
    pub fn publish_after(
        &self,
        previous: Option<&Bundle>,
        register: &Register,
        now: Timestamp,
    ) -> Result<Bundle, AuthorityError> {
        Ok(crate::publish::publish(&self.store, previous, register, now)?)
    }

    /// The bundle that was published last and kept in the store.
    ///
    /// # Errors
    ///
    /// `None` as `name`.
    pub fn bundle(&self) -> Result<Option<Bundle>, AuthorityError> {
        Ok(self.row()?.bundle.as_ref().and_then(Bundle::from_value))
    }

    /// Announces a successor of the key of `purpose` (a department's, the status signer's, the subordinate CA's) with a
    /// certificate that says the same; a successor that waits already is given again.
    ///
    /// # Errors
    ///
    /// `Store` with `NoActiveKey` if there is nothing to succeed: certify it first. Else as `certify_department`.
    pub fn renew(&self, purpose: &Purpose, now: Timestamp) -> Result<Certified, AuthorityError> {
        let usage = match purpose {
            Purpose::Department { r#use, .. } => Usage::Department(*r#use),
            Purpose::Status => Usage::Status,
            Purpose::SubordinateCa => return self.renew_subordinate(now),
            _ => return Err(KeyStoreError::NeedsCertificate { purpose: purpose.clone() }.into()),
        };
        let current = self.store.certified(purpose, now)?;
        let known = certify::known(current.certificate())?;
        let life = known.validity.not_after.since(known.validity.not_before);
        let power = Power { types: current.types().to_vec(), regions: current.regions().to_vec() };
        let leaf = |signs_from: Timestamp| Leaf {
            subject: known.subject.clone(),
            usage,
            uri: known.uri.clone(),
            power: (usage != Usage::Status).then(|| power.clone()),
            validity: Validity { not_before: signs_from, not_after: signs_from.plus(life) },
        };
        let wanted = Wanted { purpose, power: &power, uri: known.uri.as_deref(), anew: true };
        self.certify(&wanted, leaf, now)
    }

    fn row(&self) -> Result<AuthorityRow, AuthorityError> {
        self.store.loaded().contents.authority.clone().ok_or(AuthorityError::None)
    }
}

/// The key of a row that was just made.
fn key_of(row: &KeyRow, kind: KeyKind) -> Result<SoftwareKey, KeyStoreError> {
    match (kind, &row.secret) {
        (KeyKind::Signing(algorithm), Some(secret)) => Ok(SoftwareKey::from_pkcs8(algorithm, &secret.0)?),
        _ => Err(KeyStoreError::Damaged),
    }
}

/// `{host[:port]}/log` of an external URL.
pub(crate) fn log_origin(signer: &str) -> String {
    let host = signer.split_once("://").map_or(signer, |(_, rest)| rest);
    format!("{}/log", host.trim_end_matches('/'))
}
