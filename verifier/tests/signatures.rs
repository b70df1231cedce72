//! Signatures, keys and JWS against Wycheproof and the JOSE cookbook. What differs from a suite is a row with its reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use serde_json::Value;
use verifier::algorithm::{Algorithm, CertificateAlgorithm, PublicKey};
use verifier::encoding::{b64u, hex};
use verifier::jws::{GeneralJws, Jws};

/// How a suite's signatures are checked.
#[derive(Clone, Copy)]
enum By {
    Jose(Algorithm),
    Certificate(CertificateAlgorithm),
}

fn holds(by: By, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    match by {
        By::Jose(algorithm) => key.verify(algorithm, message, signature).is_ok(),
        By::Certificate(algorithm) => key.verify_certificate(algorithm, message, signature).is_ok(),
    }
}

#[test]
fn signatures_are_checked_as_wycheproof_asks() {
    let Some(folder) = common::folder("wycheproof") else { return };
    let mut ran = 0;
    for (file, by) in [
        ("ecdsa_secp256r1_sha256_p1363_test", By::Jose(Algorithm::Es256)),
        ("ecdsa_secp256r1_sha256_test", By::Certificate(CertificateAlgorithm::EcdsaSha256)),
        ("ecdsa_secp384r1_sha384_test", By::Certificate(CertificateAlgorithm::EcdsaSha384)),
        ("ed25519_test", By::Jose(Algorithm::EdDsa)),
        ("rsa_signature_2048_sha256_test", By::Jose(Algorithm::Rs256)),
        ("rsa_signature_3072_sha256_test", By::Certificate(CertificateAlgorithm::RsaSha256)),
        ("rsa_pss_2048_sha256_mgf1_32_test", By::Certificate(CertificateAlgorithm::RsaPssSha256)),
        ("rsa_pss_3072_sha256_mgf1_32_test", By::Certificate(CertificateAlgorithm::RsaPssSha256)),
    ] {
        let suite = common::json(folder.join(format!("{file}.json")));
        for group in suite["testGroups"].as_array().unwrap() {
            let spki = hex::decode(common::text(group, "publicKeyDer")).unwrap();
            let key = PublicKey::from_spki_der(&spki);
            for test in group["tests"].as_array().unwrap() {
                let bytes = |name| hex::decode(common::text(test, name)).unwrap();
                let good = key.as_ref().is_ok_and(|key| holds(by, key, &bytes("msg"), &bytes("sig")));
                match common::text(test, "result") {
                    "valid" => assert!(good, "{file} {}: {}", test["tcId"], test["comment"]),
                    "invalid" => assert!(!good, "{file} {}: {}", test["tcId"], test["comment"]),
                    _ => {} // acceptable: either
                }
                ran += 1;
            }
        }
    }
    common::ran("wycheproof signatures", ran, 1_000);
}

/// Valid in the suite, refused here.
const REFUSED: &[(&str, &str)] = &[
    ("HS", "keys that both sides hold are not read"),
    ("PS", "PSS is not among the algorithms of JWS here"),
    ("RS384", "RS256 is the only RSA algorithm of JWS here"),
    ("RS512", "RS256 is the only RSA algorithm of JWS here"),
    ("ES521", "P-521 is not read"),
    ("ES512", "P-521 is not read"),
];

#[test]
fn jws_is_read_as_wycheproof_asks() {
    let Some(folder) = common::folder("wycheproof") else { return };
    let (mut ran, mut refused, mut wrong) = (0, 0, Vec::new());
    for file in ["json_web_signature_test", "json_web_crypto_test", "json_web_key_test"] {
        for group in common::json(folder.join(format!("{file}.json")))["testGroups"].as_array().unwrap() {
            let jwk = if group["public"].is_null() { &group["private"] } else { &group["public"] };
            let keys = jwk["keys"].as_array().cloned().unwrap_or_else(|| vec![jwk.clone()]);
            for test in group["tests"].as_array().unwrap() {
                let Some(text) = test["jws"].as_str() else { continue };
                let read = Jws::parse(text, 1 << 20);
                let good = read.as_ref().is_ok_and(|jws| verified(jws, &keys));
                let comment = common::text(test, "comment");
                let alg = keys[0]["alg"].as_str().unwrap_or_default();
                if common::text(test, "result") == "valid" && !good {
                    match REFUSED.iter().find(|(name, _)| alg.starts_with(name)) {
                        Some(_) => refused += 1,
                        None => wrong.push(format!("{file} {} {comment} {alg}: refused", test["tcId"])),
                    }
                } else if common::text(test, "result") == "invalid" && good {
                    wrong.push(format!("{file} {} {comment}: accepted", test["tcId"]));
                }
                ran += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    common::ran("wycheproof JWS and JWK", ran, 200);
    println!("refused for a reason: {refused}");
}

/// By the key that `kid` names, or by the only one.
fn verified(jws: &Jws, keys: &[Value]) -> bool {
    let named = keys.iter().filter(|jwk| keys.len() == 1 || jwk["kid"].as_str() == jws.kid());
    let keys: Vec<_> = named.filter_map(|jwk| PublicKey::from_jwk(jwk).ok()).collect();
    keys.iter().any(|key| jws.verify(key, &Algorithm::ALL).is_ok())
}

#[test]
fn the_cookbook_is_read() {
    let Some(folder) = common::folder("jose-cookbook") else { return };
    let mut ran = 0;
    for (file, supported) in [
        ("jws/4_1.rsa_v15_signature.json", true),
        ("jws/4_2.rsa-pss_signature.json", false),
        ("jws/4_3.ecdsa_signature.json", false), // P-521
        ("jws/4_4.hmac-sha2_integrity_protection.json", false),
        ("jws/4_5.signature_with_detached_content.json", false),
        ("jws/4_6.protecting_specific_header_fields.json", false),
        ("jws/4_7.protecting_content_only.json", false),
        ("curve25519/jws.json", true),
    ] {
        let case = common::json(folder.join(file));
        let (input, output) = (&case["input"], &case["output"]);
        let key = PublicKey::from_jwk(&input["key"]);
        let read = output["compact"].as_str().and_then(|text| Jws::parse(text, 1 << 16).ok());
        let good = matches!((&key, &read), (Ok(key), Some(jws)) if jws.verify(key, &Algorithm::ALL).is_ok());
        assert_eq!(good, supported, "{file}");
        if let (true, Some(jws)) = (supported, read) {
            let wrong = format!("{}A", b64u::encode(jws.signature()));
            let text = format!("{}.{wrong}", jws.signing_input());
            assert!(Jws::parse(&text, 1 << 16).map_or(true, |jws| jws.verify(&key.unwrap(), &Algorithm::ALL).is_err()));
            // The general form with one protected header is the one that trust bundles use.
            let general = &output["json"];
            if general["signatures"][0].get("header").is_none() && !general["signatures"].is_null() {
                let general = GeneralJws::from_value(general).unwrap();
                let key = PublicKey::from_jwk(&input["key"]).unwrap();
                assert_eq!(general.verify(0, &key, &Algorithm::ALL), Ok(()));
                assert!(general.verify(1, &key, &Algorithm::ALL).is_err());
            }
        }
        ran += 1;
    }
    // Several signatures, of which some bring unprotected headers: not a form that is read here.
    let several = common::json(folder.join("jws/4_8.multiple_signatures.json"));
    assert!(GeneralJws::from_value(&several["output"]["json"]).is_err());
    for (file, supported) in [
        ("3_1.ec_public_key.json", false), // P-521
        ("3_2.ec_private_key.json", false),
        ("3_3.rsa_public_key.json", true),
        ("3_4.rsa_private_key.json", true), // its public members
        ("3_5.symmetric_key_mac_computation.json", false),
        ("3_6.symmetric_key_encryption.json", false),
    ] {
        let jwk = common::json(folder.join("jwk").join(file));
        assert_eq!(PublicKey::from_jwk(&jwk).is_ok(), supported, "{file}");
        ran += 1;
    }
    common::ran("jose-cookbook", ran + 1, 15);
}
