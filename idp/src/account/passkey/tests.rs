use super::*;

/// Answers of authenticators from the standard's own vectors, each good once and altered eleven times.
const FILE: &str = "webauthn/variants.json";
const FEWEST: usize = 108;

/// Rows that this house judges otherwise than the file, and why.
const OTHERWISE: [(&str, &str); 4] = [
    ("packed-rs256", "its modulus has 3488 bits, the library reads RSA keys of 2048 bits alone"),
    ("packed-ed448", "Ed448 is no algorithm that we offer"),
    ("packed-es512", "ES512 is no algorithm that we offer"),
    ("none-es256-crossOrigin", "made inside another site's frame, where our pages never stand"),
];

fn folder() -> Option<std::path::PathBuf> {
    let named = std::env::var_os("XINYIN_VECTORS").map(std::path::PathBuf::from);
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let folder = named.unwrap_or(beside);
    folder.is_dir().then_some(folder)
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hex").as_bytes();
    hex.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("ascii"), 16).expect("hex")).collect()
}

fn b64u_of_hex(hex: &Value) -> String {
    B64U.encode(bytes(hex))
}

/// The attestation object as it is when nobody asked for an attestation, as we do not: the same data, no statement.
fn without_statement(object: &[u8]) -> String {
    let key = b"\x68authData";
    let at = object.windows(key.len()).position(|w| w == key).expect("authData");
    let value = &object[at + key.len()..];
    let length = match value[0] {
        0x58 => 2 + usize::from(value[1]),
        0x59 => 3 + usize::from(value[1]) * 256 + usize::from(value[2]),
        other => panic!("{other}"),
    };
    B64U.encode([b"\xa3\x63fmt\x64none\x67attStmt\xa0".as_slice(), key, &value[..length]].concat())
}

/// Registers with the vector's challenge, without its attestation statement, for which we never ask; the vectors' authenticators do not all verify their user, so both
/// ceremonies run with that policy as `policy` says.
fn register(passkeys: &Passkeys, case: &Value, policy: &str) -> Result<NewPasskey, PasskeyError> {
    let ceremony = passkeys.begin_registration(Uuid::from_bytes([7; 16]), "vector", &[])?;
    let mut state: Value = serde_json::from_str(&ceremony.state).expect("our own state");
    state["rs"]["challenge"] = Value::String(b64u_of_hex(&case["registration"]["challenge"]));
    state["rs"]["policy"] = json!(policy);
    let answer = json!({
        "id": b64u_of_hex(&case["registration"]["credential_id"]), "rawId": b64u_of_hex(&case["registration"]["credential_id"]),
        "type": "public-key",
        "response": {
            "attestationObject": without_statement(&bytes(&case["registration"]["attestationObject"])),
            "clientDataJSON": b64u_of_hex(&case["registration"]["clientDataJSON"]),
            "transports": ["internal", "cable", "smart-card", "x-next-year"],
        },
    });
    passkeys.finish_registration(&state.to_string(), &answer.to_string())
}

fn sign_in(passkeys: &Passkeys, case: &Value, policy: &str, stored: &StoredPasskey) -> Result<Used, PasskeyError> {
    let ceremony = passkeys.begin_sign_in(&[])?;
    let mut state: Value = serde_json::from_str(&ceremony.state).expect("our own state");
    state["ast"]["challenge"] = Value::String(b64u_of_hex(&case["authentication"]["challenge"]));
    state["ast"]["policy"] = json!(policy);
    let answer = json!({
        "id": B64U.encode(&stored.credential_id), "rawId": B64U.encode(&stored.credential_id), "type": "public-key",
        "response": {
            "authenticatorData": b64u_of_hex(&case["authentication"]["authenticatorData"]),
            "clientDataJSON": b64u_of_hex(&case["authentication"]["clientDataJSON"]),
            "signature": b64u_of_hex(&case["authentication"]["signature"]),
        },
    });
    passkeys.finish_sign_in(&state.to_string(), &answer.to_string(), stored)
}

fn stored(new: &NewPasskey) -> StoredPasskey {
    StoredPasskey {
        handle: Uuid::from_bytes([7; 16]),
        credential_id: new.credential_id.clone(),
        record: new.record.clone(),
        transports: new.transports.clone(),
        backup_eligible: Some(new.backup_eligible),
    }
}

#[test]
fn the_standards_vectors() {
    let Some(folder) = folder() else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the vectors are missing");
        eprintln!("no vectors here: nothing was checked");
        return;
    };
    let text = std::fs::read_to_string(folder.join(FILE)).expect("the file");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let passkeys = Passkeys::new(&Url::parse("https://example.org").expect("a URL"), "test").expect("a name");
    let (mut ran, mut otherwise) = (0, 0);
    for case in &cases {
        let id = case["id"].as_str().expect("an id");
        let answer = register(&passkeys, case, "discouraged")
            .and_then(|new| sign_in(&passkeys, case, "discouraged", &stored(&new)));
        let accepted = answer.is_ok();
        if OTHERWISE.iter().any(|(name, _)| id.contains(name)) {
            assert!(!accepted, "{id}: no longer otherwise: take the row out");
            otherwise += usize::from(case["expect"] == "accept");
        } else {
            assert_eq!(accepted, case["expect"] == "accept", "{id}: {:?}", answer.err());
        }
        ran += 1;
    }
    eprintln!("webauthn variants: {ran} ran, {otherwise} of them judged otherwise, with a reason");
    assert!(ran >= FEWEST, "{ran}");
}

#[test]
fn what_the_house_asks_beyond_the_vectors() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join(FILE)).expect("the file");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let case = |id: &str| cases.iter().find(|c| c["id"] == format!("sctn-test-vectors-{id}#good")).expect(id);
    let passkeys = Passkeys::new(&Url::parse("https://example.org").expect("a URL"), "test").expect("a name");

    let verified = case("packed-es256");
    let new = register(&passkeys, verified, "discouraged").expect("registers");
    assert_eq!(new.transports, ["internal", "cable", "smart-card", "x-next-year"]);
    assert!(sign_in(&passkeys, verified, "discouraged", &stored(&new)).is_ok());
    let unverified = case("packed-self-es256");
    let weak = register(&passkeys, unverified, "required").expect("was verified at registration");
    assert_eq!(sign_in(&passkeys, unverified, "required", &stored(&weak)).map(drop), Err(PasskeyError::NotVerified));

    // The backup flag of the registration is the flag of ever after; where it was never known it is learnt once.
    let changed = |flag: bool| {
        let mut row = stored(&new);
        let mut record: Value = serde_json::from_str(&row.record).expect("JSON");
        record["cred"]["backup_eligible"] = json!(flag);
        (row.record, row.backup_eligible) = (record.to_string(), Some(flag));
        row
    };
    let flipped = changed(!new.backup_eligible);
    assert_eq!(sign_in(&passkeys, verified, "discouraged", &flipped).map(drop), Err(PasskeyError::BackupFlag));
    let unknown = StoredPasskey { backup_eligible: None, ..flipped };
    let used = sign_in(&passkeys, verified, "discouraged", &unknown).expect("learns");
    assert_eq!((used.backup_eligible, used.record.is_some()), (new.backup_eligible, true));

    // A counter that does not rise.
    let mut row = stored(&new);
    let mut record: Value = serde_json::from_str(&row.record).expect("JSON");
    record["cred"]["counter"] = json!(1_000_000);
    row.record = record.to_string();
    assert_eq!(sign_in(&passkeys, verified, "discouraged", &row).map(drop), Err(PasskeyError::Counter));
}

#[test]
fn options_ask_for_a_passkey_that_needs_no_number() {
    let passkeys = Passkeys::new(&Url::parse("http://localhost:8080").expect("a URL"), "信印").expect("a name");
    assert_eq!(passkeys.rp_id(), "localhost");
    let made = passkeys.begin_registration(Uuid::from_bytes([1; 16]), "欧阳测试", &[vec![1, 2]]).expect("begins");
    assert_eq!(made.options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(made.options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(made.options["excludeCredentials"][0]["id"], "AQI");
    let odd = vec!["internal".to_owned(), "x-next-year".to_owned()];
    let asked = passkeys.begin_sign_in(&[(vec![1, 2], odd)]).expect("begins");
    assert_eq!(asked.options["userVerification"], "required");
    assert_eq!(asked.options["allowCredentials"][0]["transports"][1], "x-next-year");
    assert!(Passkeys::new(&Url::parse("http://127.0.0.1:8080").expect("a URL"), "x").is_none());
    for answer in ["", "{}", "[]", "{\"response\":{}}", "null", "{\"rawId\":\"!\",\"response\":{}}"] {
        assert!(Passkeys::credential_id(answer).is_err(), "{answer}");
    }
}
