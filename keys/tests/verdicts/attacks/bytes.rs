//! The wrapping of a credential: parts, encodings, headers, algorithms, sizes.

use keys::Signer as _;
use keys::software::SoftwareKey;
use serde_json::Value;
use verifier::algorithm::Algorithm;
use verifier::encoding::{b64, b64u};
use verifier::report::Verdict::{Invalid, Undetermined};

use super::table::Table;
use super::world::World;

#[test]
fn wrapped_in_another_way() {
    let world = World::new();
    let original = world.credential().shown();
    let mut table = Table::new("wrappings", &original);
    let text = original.text().to_owned();
    let (jwt, rest) = text.split_once('~').unwrap();
    let [header, payload, signature] = <[&str; 3]>::try_from(jwt.split('.').collect::<Vec<_>>()).unwrap();
    let of = |header: &str, payload: &str, signature: &str| {
        original.document(format!("{header}.{payload}.{signature}~{rest}"))
    };
    for (what, document) in [
        ("four parts", format!("{jwt}.{signature}~{rest}")),
        ("an empty fourth part", format!("{jwt}.~{rest}")),
        ("two parts", format!("{header}.{payload}~{rest}")),
        ("one part", format!("{header}~{rest}")),
        ("padding behind the header", format!("{header}=.{payload}.{signature}~{rest}")),
        ("a header cut by one", format!("{}.{payload}.{signature}~{rest}", &header[..header.len() - 1])),
        ("a line end in the header", format!("{}\n{}.{payload}.{signature}~{rest}", &header[..8], &header[8..])),
        ("a blank in the header", format!("{} {}.{payload}.{signature}~{rest}", &header[..8], &header[8..])),
        ("a NUL in the header", format!("{}\0{}.{payload}.{signature}~{rest}", &header[..8], &header[8..])),
    ] {
        table.row(what, &original.document(document), Undetermined, "input.damaged");
    }
    for (what, document) in [
        ("a byte order mark", format!("\u{feff}{text}")),
        ("a blank before", format!(" {text}")),
        ("a quotation mark before", format!("\"{text}\"")),
        ("a scheme before", format!("Bearer {text}")),
    ] {
        table.row(what, &original.document(document), Undetermined, "input.unrecognised");
    }
    for (what, payload) in [
        ("padding behind the payload", format!("{payload}=")),
        ("a payload cut", payload[..payload.len() - 4].to_owned()),
        ("no payload", String::new()),
        ("another payload", b64u::encode("{}")),
    ] {
        table.row(what, &of(header, &payload, signature), Invalid, "signature.differs");
    }
    let raw = b64u::decode(signature).unwrap();
    let zero = [0_u8; 32];
    for (what, signature) in [
        ("padding behind the signature", format!("{signature}==")),
        ("no signature", String::new()),
        ("a byte less", b64u::encode(&raw[..63])),
        ("a byte more", b64u::encode([raw.as_slice(), &[0]].concat())),
        ("a byte before", b64u::encode([&[0], raw.as_slice()].concat())),
        ("r and s exchanged", b64u::encode([&raw[32..], &raw[..32]].concat())),
        ("r = s = 0", b64u::encode([zero, zero].concat())),
        ("r = 0", b64u::encode([&zero, &raw[32..]].concat())),
        ("s = 0", b64u::encode([&raw[..32], &zero].concat())),
        ("r beyond the order", b64u::encode([&[0xff; 32], &raw[32..]].concat())),
        ("in DER", b64u::encode(der(&raw))),
        ("in base64", b64::encode(&raw)),
    ] {
        table.row(what, &of(header, payload, &signature), Invalid, "signature.differs");
    }
    let flipped = b64u::encode([&raw[..32], &negated(&raw[32..])].concat());
    // the second valid signature of ECDSA (formats §2): the same facts, another document
    table.passes("s as n − s", &of(header, payload, &flipped));
    table.row(
        "64 KiB and a byte",
        &original.document(format!("{text}{}", "A".repeat(65_537 - text.len()))),
        Undetermined,
        "input.too_large",
    );
    table.row(
        "64 KiB of tildes",
        &original.document(format!("{text}{}", "~".repeat(65_536 - text.len()))),
        Invalid,
        "form.disclosure",
    );
    table.row("no UTF-8", &original.document([text.as_bytes(), b"\xff"].concat()), Undetermined, "input.unrecognised");
    table.end(33);
}

fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |part: &[u8]| {
        let lead: &[u8] = if part[0] & 0x80 != 0 { &[0] } else { &[] };
        let body = [lead, part].concat();
        [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

/// n − s for P-256.
fn negated(s: &[u8]) -> Vec<u8> {
    let order =
        verifier::encoding::hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let (mut out, mut borrow) = (vec![0; 32], 0_i16);
    for place in (0..32).rev() {
        let difference = i16::from(order[place]) - i16::from(s[place]) - borrow;
        borrow = i16::from(difference < 0);
        out[place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    out
}

#[test]
fn headed_in_another_way() {
    let world = World::new();
    let (own, payload) = (world.credential_key(), world.credential().payload());
    let original = world.credential().shown();
    let mut table = Table::new("headers", &original);
    let rest = original.text().split_once('~').unwrap().1.to_owned();
    let headed = |name: &str, value: Value| {
        world.credential().headed(move |header| drop(header.insert(name.to_owned(), value.clone()))).shown()
    };
    for (what, name, value) in [
        ("an unknown member", "iss", "x".into()),
        ("a nested member", "vctm", serde_json::json!([[[1]]])),
        ("alg by its curve's name, of another curve", "x", "ESP256".into()),
    ] {
        table.passes(what, &headed(name, value));
    }
    for alg in [
        "none", "None", "NONE", "", "HS256", "ES384", "ES512", "ES256K", "RS256", "PS256", "es256", "ES256 ", "Ed448",
        "ESP256",
    ] {
        table.row(&format!("alg {alg:?}"), &headed("alg", alg.into()), Undetermined, "algorithm.unsupported");
    }
    table.row("alg as a list", &headed("alg", serde_json::json!(["ES256"])), Undetermined, "algorithm.unsupported");
    table.row("alg as null", &headed("alg", Value::Null), Undetermined, "algorithm.unsupported");
    for alg in ["EdDSA", "Ed25519"] {
        table.row(&format!("alg {alg} with a P-256 key"), &headed("alg", alg.into()), Invalid, "signature.differs");
    }
    let none = world.credential().headed(|header| drop(header.remove("alg"))).shown();
    table.row("no alg", &none, Undetermined, "algorithm.unsupported");
    for (what, crit) in [
        ("crit", serde_json::json!(["exp"])),
        ("an empty crit", serde_json::json!([])),
        ("crit of what is known", serde_json::json!(["alg"])),
        ("crit as a text", serde_json::json!("exp")),
        ("crit as null", Value::Null),
        ("b64", serde_json::json!(["b64"])),
    ] {
        table.row(what, &headed("crit", crit), Undetermined, "form.critical");
    }
    for typ in ["JWT", "vc+sd-jwt", "DC+SD-JWT", "application/dc+sd-jwt", "statuslist+jwt", "at+jwt", "dc+sd-jwt ", ""]
    {
        table.row(&format!("typ {typ:?}"), &headed("typ", typ.into()), Undetermined, "input.unrecognised");
    }
    // headers that no JSON reader of ours takes, under the department's own signature
    let x5c = serde_json::json!([b64::encode(&own.chain[0]), b64::encode(&own.chain[1])]);
    let good = format!(r#""alg":"ES256","kid":"{}","typ":"dc+sd-jwt","x5c":{x5c}"#, own.key.kid());
    for (what, header) in [
        ("alg twice", format!(r#"{{"alg":"none",{good}}}"#)),
        ("alg twice, once escaped", format!(r#"{{"\u0061lg":"none",{good}}}"#)),
        ("x5c twice", format!(r#"{{{good},"x5c":[]}}"#)),
        ("depth 17", format!(r#"{{{good},"a":{}{}}}"#, "[".repeat(16), "]".repeat(16))),
        ("a number beyond all", format!(r#"{{{good},"a":1e999}}"#)),
        ("a comma behind", format!("{{{good},}}")),
        ("a second object behind", format!("{{{good}}}{{}}")),
        ("a comment", format!("{{{good}/**/}}")),
        ("a byte order mark", format!("\u{feff}{{{good}}}")),
        ("a list", format!("[{{{good}}}]")),
        ("a text", "\"x\"".to_owned()),
        ("nothing", String::new()),
    ] {
        let document = format!("{}~{rest}", own.sign(&header, &payload));
        table.row(what, &original.document(document), Undetermined, "input.damaged");
    }
    table.passes(
        "blanks in the header",
        &original.document(format!("{}~{rest}", own.sign(&format!(" {{ {good} }}\n"), &payload))),
    );
    // payloads that no reader takes, under the department's own signature
    let text = String::from_utf8(payload.clone()).unwrap();
    for (what, payload) in [
        ("a member twice", text.replacen('{', r#"{"exp":1,"#, 1)),
        ("a member twice, once escaped", text.replacen('{', r#"{"\u0065xp":1,"#, 1)),
        ("depth 17", text.replacen('{', &format!(r#"{{"a":{}{},"#, "[".repeat(16), "]".repeat(16)), 1)),
        ("a second object", format!("{text}{{}}")),
        ("a list", format!("[{text}]")),
        ("a byte order mark", format!("\u{feff}{text}")),
        ("a NUL behind", format!("{text}\0")),
        ("nothing", String::new()),
    ] {
        let document = format!("{}~{rest}", own.jws("dc+sd-jwt", payload.as_bytes(), |_| {}));
        table.row(&format!("payload: {what}"), &original.document(document), Invalid, "form.malformed");
    }
    let latin = [text.trim_end_matches('}').as_bytes(), b",\"x\":\"\xe9\"}"].concat();
    let document = format!("{}~{rest}", own.jws("dc+sd-jwt", &latin, |_| {}));
    table.row("payload: no UTF-8", &original.document(document), Invalid, "form.malformed");
    // a key of another kind than the certificate's
    let pkcs8 = SoftwareKey::generate(Algorithm::EdDsa).unwrap();
    let ed25519 = SoftwareKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
    let input =
        format!("{}.{}", b64u::encode(format!("{{{}}}", good.replace("ES256", "EdDSA"))), b64u::encode(&payload));
    let signed = format!("{input}.{}~{rest}", b64u::encode(ed25519.sign(input.as_bytes()).unwrap()));
    table.row(
        "an Ed25519 signature under a P-256 certificate",
        &original.document(signed),
        Invalid,
        "signature.differs",
    );
    table.end(59);
}
