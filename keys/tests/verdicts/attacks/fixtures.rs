//! Writes what the fuzz targets begin with: one good object of each kind, all of one authority.

use keys::DepartmentUse::Code;
use keys::{Purpose, Signer as _};
use verifier::rendition::code::{Draft, Item};
use verifier::status::write;

use super::sealing::POSITION;
use super::world::{LIST, LOG, SEALED, World};
use crate::common::{DEPARTMENT, NOW, TYPE};

/// Each committed fixture can be made anew, and no other lies there. Where a format changes, with
/// `XINYIN_FIXTURES=write cargo test -p keys --test verdicts fixtures` they are written, with other keys.
#[test]
fn fixtures_of_the_fuzz_targets() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fixtures");
    let writes = std::env::var("XINYIN_FIXTURES").is_ok_and(|value| value == "write");
    let made = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let save = |name: &str, bytes: &[u8]| {
        assert!(!bytes.is_empty(), "{name}");
        made.borrow_mut().insert(name.to_owned());
        if writes {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    };
    let world = World::new();
    let register = super::world::register();
    save("bundle.json", &world.authority.publish_after(None, &register, NOW).unwrap().to_json());
    let credential = world.credential();
    save("credential.sdjwt", &credential.shown().document);
    save("proof.txt", world.proof([7; 32], &[(&world.witnesses[0], 1_795_003_700)]).as_bytes());
    let text = format!("{LOG}\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    let log = world.authority.log(NOW).unwrap();
    save("note.txt", keys::note::sign(LOG, log.as_ref(), &text).unwrap().as_bytes());
    save("vkey.txt", keys::note::vkey(LOG, log.public_key()).unwrap().as_bytes());
    let signer = world.authority.department(DEPARTMENT, Code, NOW).unwrap();
    for (name, status) in [("screen.cwt", None), ("printed.cwt", Some((LIST, POSITION)))] {
        let draft = Draft {
            issued_at: SEALED,
            type_code: TYPE,
            type_version: 1,
            serial: "AAAAAAAAAAAAAAAAAAA1",
            version: 1,
            holder_name: "韦·示例",
            valid_from: "2026-11-01",
            last_day: Some("2031-10-31"),
            items: &[Item::Text("示例派出所".to_owned())],
            status,
        };
        let to_sign = draft.to_sign(signer.certificate()).unwrap();
        save(name, &to_sign.assemble(&signer.sign(&to_sign.message()).unwrap()));
    }
    let status = world.status_key();
    let list = write::Draft::new(LIST, SEALED, &write::pack([(7, verifier::status::Value::Invalid)]));
    save("status.jwt", status.jws("statuslist+jwt", &list.jwt_payload(), |_| {}).as_bytes());
    let to_sign = list.cwt(-7, &status.chain[..1]);
    save("status.cwt", &to_sign.assemble(&status.key.sign(&to_sign.message()).unwrap()));
    for (name, purpose) in [("root.der", Purpose::RootCa), ("ca.der", Purpose::SubordinateCa)] {
        save(name, world.authority.store().certified(&purpose, NOW).unwrap().certificate());
    }
    save("leaf.der", world.credential_key().leaf());
    let token = keys::jws::sign_json(world.credential_key().key.as_ref(), "at+jwt", &serde_json::json!({"sub": "x"}));
    save("token.jwt", token.unwrap().as_bytes());
    let jwk = world.credential_key().key.public_key().to_jwk();
    save("jwk.json", serde_json::Value::Object(jwk).to_string().as_bytes());
    save("spki.der", world.credential_key().key.public_key().spki_der());
    save("crl.der", &strangers_list());

    let lies = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(made.into_inner(), lies.collect());
}

/// A revocation list of nobody whom the bundle knows.
fn strangers_list() -> Vec<u8> {
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let instant = |at: i64| time::OffsetDateTime::from_unix_timestamp(at).unwrap();
    let list = rcgen::CertificateRevocationListParams {
        this_update: instant(1_795_000_000),
        next_update: instant(1_795_086_400),
        crl_number: rcgen::SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(9),
            revocation_time: instant(1_795_000_000),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    list.signed_by(&rcgen::Issuer::from_params(&params, &pair)).unwrap().der().to_vec()
}
