//! An authority with two departments, its bundle, its log and its status list; and keys that it should not have.

use std::collections::HashMap;
use std::sync::Arc;

use keys::authority::{Authority, DepartmentOrder};
use keys::certified::CertifiedSigner;
use keys::certify::{Ca, Leaf, Power, Subject, Usage, Validity};
use keys::publish::{DepartmentEntry, Register, TypeEntry};
use keys::software::SoftwareKey;
use keys::{DepartmentUse, Purpose, Signer};
use serde_json::{Map, Value};
use verifier::algorithm::Algorithm;
use verifier::encoding::{b64, b64u, hex};
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::log::merkle::{self, Frontier};
use verifier::log::note::cosignature_message;
use verifier::log::{Checkpoint, KeyKind, VerifierKey, proof};
use verifier::status::{self, MEDIA_TYPE_JWT, write};
use verifier::time::Timestamp;
use verifier::trust::Trust;
use verifier::trust::rows::CertificateRow;

use crate::common::{self, DEPARTMENT, NOW, SIGNER, TYPE, USES};

/// Another department, in a county of the first one's city.
pub(super) const OTHER: &str = "11990121002000020E";
pub(super) const OTHER_TYPE: &str = "11990121002000020E001";
/// When everything is sealed, and when the question is asked.
pub(super) const SEALED: Timestamp = Timestamp::from_seconds(1_795_003_600);
pub(super) const ASKED: Timestamp = Timestamp::from_seconds(1_795_007_200);
pub(super) const LIST: &str = "http://localhost:8081/status/1";
pub(super) const LOG: &str = "localhost:8081/log";

/// A key, and the certificates that go with it.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) key: Arc<dyn Signer>,
    pub(super) chain: Vec<Vec<u8>>,
}

impl Held {
    pub(super) fn new(signer: &CertifiedSigner) -> Self {
        Self { key: signer.signer().clone(), chain: signer.chain().to_vec() }
    }

    pub(super) fn leaf(&self) -> &[u8] {
        &self.chain[0]
    }

    /// A compact JWS with `typ`, `kid` and `x5c`, its header changed before it is signed.
    pub(super) fn jws(&self, typ: &str, payload: &[u8], change: impl Fn(&mut Map<String, Value>)) -> String {
        let x5c: Value = self.chain.iter().map(|der| Value::from(b64::encode(der))).collect();
        let mut header = Map::from_iter([
            ("alg".to_owned(), self.key.algorithm().name().into()),
            ("kid".to_owned(), self.key.kid().into()),
            ("typ".to_owned(), typ.into()),
            ("x5c".to_owned(), x5c),
        ]);
        change(&mut header);
        self.sign(&Value::Object(header).to_string(), payload)
    }

    /// A compact JWS with any header at all.
    pub(super) fn sign(&self, header: &str, payload: &[u8]) -> String {
        let input = format!("{}.{}", b64u::encode(header), b64u::encode(payload));
        format!("{input}.{}", b64u::encode(self.key.sign(input.as_bytes()).unwrap()))
    }
}

/// A new key outside every ring.
pub(super) fn stray_key() -> Arc<SoftwareKey> {
    let pkcs8 = SoftwareKey::generate(Algorithm::Es256).unwrap();
    Arc::new(SoftwareKey::from_pkcs8(Algorithm::Es256, &pkcs8).unwrap())
}

/// A witness of the log: its name and key.
pub(super) struct Witness {
    key: SoftwareKey,
    vkey: VerifierKey,
}

impl Witness {
    fn new(name: &str) -> Self {
        let pkcs8 = SoftwareKey::generate(Algorithm::EdDsa).unwrap();
        let key = SoftwareKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
        let raw = key.public_key().raw().try_into().unwrap();
        Self { key, vkey: VerifierKey::new(name, KeyKind::Cosignature, raw).unwrap() }
    }

    pub(super) fn vkey(&self) -> String {
        self.vkey.to_string()
    }

    /// The same key under another name.
    pub(super) fn twin(&self, name: &str) -> VerifierKey {
        VerifierKey::new(name, KeyKind::Cosignature, *self.vkey.key()).unwrap()
    }

    pub(super) fn line(&self, text: &str, time: u64) -> String {
        let signature = self.key.sign(&cosignature_message(time, text)).unwrap();
        self.vkey.line(signature.as_slice().try_into().unwrap(), Some(time))
    }
}

pub(super) struct World {
    pub(super) authority: Authority,
    pub(super) trust: Arc<Trust>,
    pub(super) witnesses: [Witness; 2],
}

impl World {
    pub(super) fn new() -> Self {
        let authority = common::authority();
        let other = DepartmentOrder {
            code: OTHER.to_owned(),
            name: "示例县市场监督管理局".to_owned(),
            uri: format!("{SIGNER}/departments/{OTHER}"),
            power: Power { types: vec![OTHER_TYPE.to_owned()], regions: vec!["990121".to_owned()] },
            longest_licence_years: Some(10),
        };
        authority.certify_department(&other, &USES, NOW).unwrap();
        authority.certify_status(SIGNER, NOW).unwrap();
        let witnesses = ["witness.one", "witness.two"].map(Witness::new);
        let trust = published(&authority, &register());
        Self { authority, trust, witnesses }
    }

    /// A department's own key.
    pub(super) fn held(&self, department: &str, r#use: DepartmentUse) -> Held {
        Held::new(&self.authority.department(department, r#use, NOW).unwrap())
    }

    pub(super) fn credential_key(&self) -> Held {
        self.held(DEPARTMENT, DepartmentUse::Credential)
    }

    pub(super) fn status_key(&self) -> Held {
        Held::new(&self.authority.status(NOW).unwrap())
    }

    /// The bundle over a register that was changed.
    pub(super) fn trust_with(&self, change: impl FnOnce(&mut Register)) -> Arc<Trust> {
        let mut register = register();
        change(&mut register);
        published(&self.authority, &register)
    }

    /// The bundle whose targets were changed by whoever holds the roles' keys, and signed anew.
    pub(super) fn trust_over(&self, change: impl FnOnce(&mut Value)) -> Arc<Trust> {
        let mut bundle = self.authority.publish_after(None, &register(), NOW).unwrap().to_value();
        let payload = |jws: &Value| b64u::decode(jws["payload"].as_str().unwrap()).unwrap();
        let mut targets: Value = serde_json::from_slice(&payload(&bundle["targets"])).unwrap();
        change(&mut targets);
        let targets = targets.to_string();
        let mut stamp: Value = serde_json::from_slice(&payload(&bundle["timestamp"])).unwrap();
        stamp["targets"]["sha256"] = keys::certify::sha256_hex(targets.as_bytes()).into();
        let sign = |purpose: Purpose, typ: &str, payload: &str| {
            let key = self.authority.store().ring(&purpose).unwrap().active(NOW).unwrap();
            keys::jws::sign_general(&[key.as_ref()], typ, payload.as_bytes()).unwrap()
        };
        bundle["targets"] = sign(Purpose::TrustTargets, "xinyin-targets+jws", &targets);
        bundle["timestamp"] = sign(Purpose::TrustTimestamp, "xinyin-timestamp+jws", &stamp.to_string());
        Arc::new(Trust::read_unexpired(bundle.to_string().as_bytes()).unwrap())
    }

    /// A key with a certificate and a row that the authority made as `change` says, and the bundle that holds the row.
    pub(super) fn odd(&self, change: impl FnOnce(&mut Leaf, &mut CertificateRow)) -> (Held, Arc<Trust>) {
        let ca = self.authority.store().certified(&Purpose::SubordinateCa, NOW).unwrap();
        let key = stray_key();
        let (mut leaf, mut row) = (leaf(), row());
        change(&mut leaf, &mut row);
        let arc = self.authority.oid_arc();
        let issuer = Ca::new(ca.certificate(), &ca, arc).unwrap();
        let der = issuer.leaf(arc, key.public_key(), &leaf).unwrap();
        fill(&mut row, &der, key.as_ref());
        let trust = self.trust_with(|register| register.certificates.push(row));
        (Held { key, chain: vec![der, ca.certificate().to_vec()] }, trust)
    }

    /// A checkpoint's note over three leaves of which `leaf` is the second, and the proof of that one. Witnesses cosign.
    pub(super) fn proof(&self, leaf: merkle::Hash, cosigners: &[(&Witness, u64)]) -> String {
        let (checkpoint, path) = tree(leaf);
        let text = checkpoint.text();
        let key = self.authority.log(NOW).unwrap();
        let own = keys::note::signature_line(LOG, key.as_ref(), &text).unwrap();
        let lines: Vec<_> =
            [own].into_iter().chain(cosigners.iter().map(|(witness, time)| witness.line(&text, *time))).collect();
        proof::proof_text(1, &path, &checkpoint.note(&lines))
    }

    /// The evidence of a list with these positions, as of the sealing.
    pub(super) fn evidence(&self, positions: &[(u64, status::Value)]) -> Evidence {
        let payload = write::Draft::new(LIST, SEALED, &write::pack(positions.iter().copied())).jwt_payload();
        listed(LIST, MEDIA_TYPE_JWT, self.status_key().jws("statuslist+jwt", &payload, |_| {}))
    }
}

/// The checkpoint of three leaves, and the path of the second.
pub(super) fn tree(leaf: merkle::Hash) -> (Checkpoint, Vec<merkle::Hash>) {
    let (mut tree, mut nodes) = (Frontier::default(), HashMap::new());
    for leaf in [merkle::leaf_hash(b"another"), leaf, merkle::leaf_hash(b"a third")] {
        tree.append(leaf, |id, hash| assert!(nodes.insert(id, hash).is_none()));
    }
    let checkpoint = Checkpoint { origin: LOG.into(), size: tree.size(), root: tree.root() };
    let path = merkle::inclusion_proof(1, tree.size(), |node| nodes.get(&node).copied().ok_or(node)).unwrap();
    (checkpoint, path)
}

/// Evidence of one status list.
pub(super) fn listed(uri: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Evidence {
    Evidence::new(vec![EvidenceItem {
        kind: EvidenceKind::StatusList,
        uri: uri.to_owned(),
        fetched_at: ASKED,
        media_type: media_type.to_owned(),
        body: body.into(),
    }])
}

fn published(authority: &Authority, register: &Register) -> Arc<Trust> {
    let bundle = authority.publish_after(None, register, NOW).unwrap();
    Arc::new(Trust::read_unexpired(&bundle.to_json()).unwrap())
}

pub(super) fn register() -> Register {
    let mut register = common::register();
    register.departments[0].former_names.push("示例市公安厅".to_owned());
    register.departments.push(DepartmentEntry {
        code: OTHER.to_owned(),
        name: "示例县市场监督管理局".to_owned(),
        former_names: Vec::new(),
        region: "990121".to_owned(),
        predecessors: Vec::new(),
    });
    let other = TypeEntry { code: OTHER_TYPE.to_owned(), ..register.types[0].clone() };
    register.types.push(other);
    register
}

/// The first department's certificate for credentials, as it should be.
pub(super) fn leaf() -> Leaf {
    let order = common::order();
    Leaf {
        subject: Subject {
            organization: order.name,
            credit_code: Some(DEPARTMENT.to_owned()),
            common_name: "credential".to_owned(),
        },
        usage: Usage::Department(DepartmentUse::Credential),
        uri: Some(order.uri),
        power: Some(order.power),
        validity: Validity::years(NOW, 12),
    }
}

fn row() -> CertificateRow {
    CertificateRow {
        sha256: String::new(),
        spki: String::new(),
        der: None,
        purpose: "credential".to_owned(),
        department: Some(DEPARTMENT.parse().unwrap()),
        types: vec![TYPE.to_owned()],
        regions: vec!["990100".parse().unwrap()],
        signs_from: NOW,
        signs_until: NOW.plus(730 * common::DAY),
        compromised_from: None,
        foreign: None,
    }
}

/// What of a row follows from the certificate; what `odd` was asked to write there stays.
fn fill(row: &mut CertificateRow, der: &[u8], key: &dyn Signer) {
    row.sha256 = keys::certify::sha256_hex(der);
    if row.spki.is_empty() {
        row.spki = hex::encode(key.public_key().spki_sha256());
    }
    if matches!(row.purpose.as_str(), "code" | "status") {
        row.der = Some(b64::encode(der));
    }
}
