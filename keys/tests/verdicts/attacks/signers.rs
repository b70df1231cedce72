//! Signed by a key that may not sign this.

use keys::DepartmentUse::{Code, Copies, Credential, Stamping};
use keys::certify::{Ca, Subject, Validity};
use keys::software::SoftwareKey;
use keys::{Purpose, Signer as _};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
};
use serde_json::Value;
use verifier::algorithm::Algorithm;
use verifier::encoding::b64;
use verifier::log::Event;
use verifier::report::Verdict::{Invalid, Undetermined};

use super::sealing::identifier;
use super::table::Table;
use super::world::{Held, OTHER, OTHER_TYPE, World, leaf, stray_key};
use crate::common::{DEPARTMENT, NOW, SIGNER};

#[test]
fn a_credential_signed_by_another_key() {
    let world = World::new();
    let mut table = Table::new("other keys", &world.credential().shown());
    for (r#use, reason) in [(Code, "power.purpose"), (Copies, "power.purpose"), (Stamping, "power.purpose")] {
        let key = world.held(DEPARTMENT, r#use);
        table.row(r#use.name(), &world.credential().by(&key).shown(), Invalid, reason);
    }
    // a status signer's certificate names no department and no power
    let status = world.status_key();
    table.row("status", &world.credential().by(&status).shown(), Invalid, "form.inconsistent");
    let by_status = world.credential().by(&status).claiming(|claims| claims["iss"] = SIGNER.into()).shown();
    table.row("status, as itself", &by_status, Invalid, "form.inconsistent");
    let other = world.held(OTHER, Credential);
    table.row("another department's", &world.credential().by(&other).shown(), Invalid, "form.inconsistent");
    let as_itself = world.credential().by(&other).saying(|facts| {
        facts.department = OTHER.to_owned();
        facts.authority = OTHER.to_owned();
        facts.name = "示例县市场监督管理局".to_owned();
    });
    table.row(
        "another department's, with the first one's identifier",
        &as_itself.shown(),
        Invalid,
        "form.inconsistent",
    );
    let as_itself =
        as_itself.saying(|facts| facts.identifier = identifier(&facts.type_code, OTHER, "AAAAAAAAAAAAAAAAAAA1"));
    table.row("another department, of a type that is not its own", &as_itself.shown(), Invalid, "power.type");
    let as_itself = as_itself.saying(|facts| {
        facts.type_code = OTHER_TYPE.to_owned();
        facts.identifier = identifier(OTHER_TYPE, OTHER, "AAAAAAAAAAAAAAAAAAA1");
    });
    table.passes("another department, of its own type", &as_itself.shown());
    table.row(
        "a copies key signs an original",
        &as_itself.by(&world.held(OTHER, Copies)).shown(),
        Invalid,
        "power.purpose",
    );
    let copies = world.held(DEPARTMENT, Copies);
    let copy = |key: &Held| {
        world.credential().by(key).event(Event::Copy).saying(|facts| {
            facts.copy = Some(verifier::facts::CopyTerms {
                recipient_code: OTHER.to_owned(),
                recipient_name: "示例县市场监督管理局".to_owned(),
                purpose: "办理食品经营许可".to_owned(),
                until: "2026-12-24".to_owned(),
            });
        })
    };
    table.passes("a copy by the copies key", &copy(&copies).shown());
    table.row("a credential key signs a copy", &copy(&world.credential_key()).shown(), Invalid, "power.purpose");
    let renamed = copy(&copies).claiming(|claims| {
        let original = claims["vct"].as_str().unwrap().replace("/copies/", "/types/");
        claims["vct"] = original.into();
    });
    table.row("a copy that calls itself an original", &renamed.shown(), Invalid, "form.inconsistent");
    let stripped = copy(&copies).claiming(|claims| {
        let original = claims["vct"].as_str().unwrap().replace("/copies/", "/types/");
        claims["vct"] = original.into();
        claims.as_object_mut().unwrap().remove("copy");
    });
    // its exp is the copy's end
    table.row("a copy without its terms", &stripped.shown(), Invalid, "form.inconsistent");
    // a stranger with the same names everywhere
    let strange = World::new();
    table.row(
        "a stranger's authority",
        &strange.credential().shown().under(&world.trust),
        Undetermined,
        "path.unknown_issuer",
    );
    table.end(15);
}

/// The chain that a header brings: swapped, longer, shorter, forged.
#[test]
fn a_chain_that_is_not_the_signers() {
    let world = World::new();
    let (own, stray) = (world.credential_key(), stray_key());
    let original = world.credential().shown();
    let mut table = Table::new("chains", &original);
    let swapped = |key: &Held, chain: &[Vec<u8>]| Held { key: key.key.clone(), chain: chain.to_vec() };
    let stray = Held { key: stray, chain: own.chain.clone() };
    table.row(
        "its certificate over another key's signature",
        &world.credential().by(&stray).shown(),
        Invalid,
        "signature.differs",
    );
    let other = world.held(OTHER, Credential);
    let x5c = |chain: &[Vec<u8>]| -> Value { chain.iter().map(|der| Value::from(b64::encode(der))).collect() };
    let chain_of = |chain: Vec<Vec<u8>>| world.credential().by(&swapped(&own, &chain)).shown();
    table.row(
        "another department's certificate over its signature",
        &chain_of(other.chain.clone()),
        Invalid,
        "signature.differs",
    );
    table.row(
        "the CA's certificate first",
        &chain_of(vec![own.chain[1].clone(), own.chain[0].clone()]),
        Invalid,
        "signature.differs",
    );
    table.passes("without the intermediate, which the bundle has", &chain_of(vec![own.chain[0].clone()]));
    table.passes("with another department's beside", &chain_of([own.chain.clone(), other.chain.clone()].concat()));
    table.passes("the leaf twice", &chain_of([own.chain.clone(), own.chain.clone()].concat()));
    let root = world.authority.store().certified(&Purpose::RootCa, NOW).unwrap().certificate().to_vec();
    table.row(
        "with the anchor",
        &chain_of([own.chain.clone(), vec![root.clone()]].concat()),
        Invalid,
        "form.malformed",
    );
    table.row(
        "with rubbish behind",
        &chain_of([own.chain.clone(), vec![b"0\x03\x02\x01\x01".to_vec()]].concat()),
        Invalid,
        "form.malformed",
    );
    table.row("nine certificates", &chain_of(vec![own.chain[0].clone(); 9]), Undetermined, "input.damaged");
    table.row("no certificate", &chain_of(Vec::new()), Undetermined, "input.damaged");
    // the algorithm beside the signature, which the signature does not cover
    let algorithm = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let mut retagged = own.chain[0].clone();
    let at = retagged.windows(algorithm.len()).rposition(|window| window == algorithm).unwrap();
    retagged[at] = 0x16;
    let retagged = chain_of(vec![retagged, own.chain[1].clone()]);
    table.row("a leaf with its outer algorithm in another encoding", &retagged, Undetermined, "path.weak");
    let mut trailing = own.chain[0].clone();
    trailing.push(0);
    table.row("a byte behind the leaf", &chain_of(vec![trailing, own.chain[1].clone()]), Undetermined, "input.damaged");
    for (what, text) in [
        ("base64url", "-_-_"),
        ("a line end inside", "AA\nAA"),
        ("no padding", "AAA"),
        ("bits behind the end", "AAB="),
        ("empty", ""),
    ] {
        let shown = world.credential().headed(|header| header["x5c"] = [text].as_slice().into()).shown();
        table.row(what, &shown, Undetermined, "input.damaged");
    }
    let keyed = world.credential().headed(|header| header["x5c"] = x5c(&own.chain)[0].clone()).shown();
    table.row("a text instead of a list", &keyed, Undetermined, "input.damaged");
    // a self-made CA in the subordinate's name, once with its key identifier
    let sub = world.authority.store().certified(&Purpose::SubordinateCa, NOW).unwrap().certificate().to_vec();
    for (what, identifier, reason) in [
        ("a CA of the same name", None, "path.unknown_issuer"),
        ("a CA of the same name and key identifier", Some(key_identifier(&sub)), "path.differs"),
    ] {
        let forged = forged(&world, identifier);
        let verdict = if reason == "path.differs" { Invalid } else { Undetermined };
        table.row(what, &world.credential().by(&forged).shown(), verdict, reason);
        let beside = Held { chain: [forged.chain.clone(), vec![sub.clone()]].concat(), ..forged };
        table.row(&format!("{what}, the true one beside"), &world.credential().by(&beside).shown(), verdict, reason);
    }
    let own_ca = self_signed(&stray.key.as_ref().public_key().thumbprint());
    table.row(
        "a leaf that certifies itself",
        &world.credential().by(&own_ca).shown(),
        Undetermined,
        "path.unknown_issuer",
    );
    // keys that a header may name, none of which is looked at
    for name in ["jwk", "jku", "x5u", "x5t#S256"] {
        let shown = world
            .credential()
            .by(&stray)
            .headed(|header| drop(header.insert(name.to_owned(), stray.key.public_key().to_jwk().into())))
            .shown();
        table.row(name, &shown, Invalid, "signature.differs");
    }
    let kid = world.credential().headed(|header| header["kid"] = other.key.kid().into()).shown();
    table.row("another key's kid", &kid, Invalid, "form.inconsistent");
    let none = world.credential().headed(|header| drop(header.remove("kid"))).shown();
    table.row("no kid", &none, Invalid, "form.inconsistent");
    table.end(29);
}

fn key_identifier(certificate: &[u8]) -> Vec<u8> {
    use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    let found = parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    });
    found.unwrap()
}

/// A leaf with every right, by a self-signed CA in the subordinate's name.
fn forged(world: &World, identifier: Option<Vec<u8>>) -> Held {
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "示范省");
    params.distinguished_name.push(DnType::CommonName, "示范省签发");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    if let Some(identifier) = identifier {
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
    }
    let ca = params.self_signed(&pair).unwrap().der().to_vec();
    let ca_key = SoftwareKey::from_pkcs8(Algorithm::Es256, &pair.serialize_der()).unwrap();
    let (key, arc) = (stray_key(), world.authority.oid_arc());
    let der = Ca::new(&ca, &ca_key, arc).unwrap().leaf(arc, key.public_key(), &leaf()).unwrap();
    Held { key, chain: vec![der, ca] }
}

/// A root of its own that signs a credential.
fn self_signed(name: &str) -> Held {
    let key = stray_key();
    let subject =
        Subject { organization: "示例市公安局".to_owned(), credit_code: None, common_name: name.to_owned() };
    let der = keys::certify::root(key.as_ref(), &subject, Validity::years(NOW, 1), 0).unwrap();
    Held { key, chain: vec![der] }
}
