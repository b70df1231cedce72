//! One good object of each kind, all of one authority (made by `keys/tests/verdicts/attacks/fixtures.rs`).

use std::sync::LazyLock;

use verifier::certificate::Certificate;
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::status::{MEDIA_TYPE_CWT, MEDIA_TYPE_JWT};
use verifier::time::Timestamp;
use verifier::trust::Trust;

macro_rules! fixture {
    ($name:ident, $file:literal) => {
        pub(crate) const $name: &[u8] = include_bytes!(concat!("../../../fuzz/fixtures/", $file));
    };
}

fixture!(BUNDLE, "bundle.json");
fixture!(CREDENTIAL, "credential.sdjwt");
fixture!(PROOF, "proof.txt");
fixture!(NOTE, "note.txt");
fixture!(VKEY, "vkey.txt");
fixture!(SCREEN, "screen.cwt");
fixture!(PRINTED, "printed.cwt");
fixture!(STATUS_JWT, "status.jwt");
fixture!(STATUS_CWT, "status.cwt");
fixture!(ROOT, "root.der");
fixture!(CA, "ca.der");
fixture!(LEAF, "leaf.der");
fixture!(CRL, "crl.der");
fixture!(TOKEN, "token.jwt");
fixture!(JWK, "jwk.json");
fixture!(SPKI, "spki.der");

pub(crate) const LIST: &str = "http://localhost:8081/status/1";
/// A minute after everything was sealed.
pub(crate) const AT: Timestamp = Timestamp::from_seconds(1_795_003_660);

pub(crate) static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust::read_unexpired(BUNDLE).unwrap());
pub(crate) static CERTIFICATES: LazyLock<[Certificate; 3]> =
    LazyLock::new(|| [ROOT, CA, LEAF].map(|der| Certificate::parse(der).unwrap()));

/// Both lists, as they came.
pub(crate) static EVIDENCE: LazyLock<Evidence> = LazyLock::new(|| {
    let item = |media_type: &str, body: &[u8]| EvidenceItem {
        kind: EvidenceKind::StatusList,
        uri: LIST.to_owned(),
        fetched_at: AT,
        media_type: media_type.to_owned(),
        body: body.to_vec(),
    };
    Evidence::new(vec![item(MEDIA_TYPE_JWT, STATUS_JWT), item(MEDIA_TYPE_CWT, STATUS_CWT)])
});

/// The list, prepared, so that a document costs no inflating.
pub(crate) static PREPARED: LazyLock<Evidence> = LazyLock::new(|| {
    let mut evidence = Evidence::default();
    let list = verifier::status::StatusList::prepare(LIST, MEDIA_TYPE_JWT, STATUS_JWT, &TRUST, AT).unwrap();
    evidence.add_prepared(std::sync::Arc::new(list));
    evidence
});
