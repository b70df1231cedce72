//! What the writer halves make is what the readers take, and what others made of the same facts.

use std::collections::HashMap;
use std::io::Write as _;

use serde_json::{Map, Value, json};
use verifier::cose::Sign1;
use verifier::encoding::b64u;
use verifier::evidence::{Evidence, EvidenceItem, EvidenceKind};
use verifier::facts::{CopyTerms, Disclosure};
use verifier::log::merkle::{self, Frontier};
use verifier::log::{Checkpoint, Event, KeyKind, VerifierKey, proof};
use verifier::rendition::code::{self, Bound, CodeError, Envelope, HolderKind, Item, Profile};
use verifier::rendition::credential::write::{assemble, header};
use verifier::rendition::credential::{Draft, LogClaim};
use verifier::report::{Language, Reason, Verdict};
use verifier::status::{self, Behind, StatusList, write};
use verifier::time::{Date, Timestamp};
use verifier::trust::Trust;
use verifier::verify::{normalise, open};

use crate::maker::{Maker, case, part};
use crate::vectors::{b64u32, hex, list, ran, read, text};

const SIGNER: &str = "https://signer.xinyin.example";
const NOW: Timestamp = Timestamp::from_seconds(1_795_586_400);

#[test]
fn codes_of_others_come_out_of_the_writer_byte_for_byte() {
    let (Some(file), Some(maker)) = (read("xinyin/codes.json"), Maker::new()) else { return };
    let mut count = 0;
    for case in list(&file, "cases").iter().filter(|case| case["expect"]["cause"].is_null()) {
        let id = text(case, "id");
        let sign1 = Sign1::read(&hex(text(case, "cose_hex"))).unwrap();
        let own_claims_alone = sign1.payload.len() < 1024 && !id.contains("claim") && id != "alg-minus-9";
        if !own_claims_alone || id == "foreign-code-key" {
            continue;
        }
        let claims = Envelope::read(&hex(text(case, "cose_hex"))).unwrap().claims().unwrap();
        let items: Vec<Item> = claims.items.iter().map(item).collect();
        let (valid_from, last_day) = (
            claims.nbf.and_then(Date::of).unwrap_or("1970-01-01".parse().unwrap()).to_string(),
            claims.last_day.map(|d| d.to_string()),
        );
        let draft = code::Draft {
            issued_at: claims.iat,
            type_code: &claims.type_code,
            type_version: claims.type_version,
            serial: &claims.serial,
            version: claims.version,
            holder_name: &claims.holder_name,
            valid_from: &valid_from,
            last_day: last_day.as_deref(),
            items: &items,
            status: claims.status.as_ref().map(|status| (status.uri.as_str(), status.idx)),
        };
        let mut payload = draft.claims().unwrap();
        if claims.nbf.is_some_and(|nbf| nbf <= claims.iat) {
            payload.clone_from(&sign1.payload); // a writer leaves out an nbf that has passed; a reader takes it
        }
        assert_eq!(payload, sign1.payload, "{id}");
        let name = if claims.type_code.starts_with("11990100") { "ga/code" } else { "sc/code" };
        let to_sign = draft.to_sign(&maker.certificate(name)).unwrap();
        assert_eq!(to_sign.protected(), sign1.protected, "{id}");
        let cose = to_sign.assemble(&maker.es256(name, &to_sign.message()));
        let text = code::write::text(&cose, draft.profile()).unwrap();
        let trust = Trust::read_unexpired(&part(&file, "bundles", "main")).unwrap();
        let evidence = Evidence::read(&part(&file, "evidence", "codes")).unwrap();
        let report = open(text.as_bytes(), Some(&trust), claims.iat.plus(30)).conclude(&evidence);
        assert!(
            report.verdict == Verdict::Valid
                || report.cause == Some(Reason::StatusLater)
                || report.cause == Some(Reason::StatusStale),
            "{id}: {:?}",
            report.cause
        );
        count += 1;
    }
    ran("codes written", count, 20);
}

fn item(value: &Value) -> Item {
    match value {
        Value::Null => Item::Absent,
        Value::Bool(value) => Item::Bool(*value),
        Value::String(text) => Item::Text(text.clone()),
        other => Item::Integer(other.as_i64().unwrap()),
    }
}

#[test]
fn what_fits_a_type_fits_its_codes() {
    let type_code = "11990100001000010R001";
    let han = |characters| Bound::Text { characters, ascii: false };
    let bounds = [("registered_at", han(10)), ("since", Bound::Date), ("count", Bound::Integer), ("yes", Bound::Bool)];
    let (screen, printed) = code::write::largest(type_code, 3, HolderKind::Person, &bounds.map(|(_, bound)| bound));
    assert!(screen <= Profile::Screen.most() && printed <= Profile::Printed.most(), "{screen} {printed}");
    let (screen, _) = code::write::largest(type_code, 3, HolderKind::Organisation, &[han(400)]);
    assert!(screen > Profile::Screen.most());

    let (place, name) = ("示例派出所".to_owned(), "韦·示例");
    let mut items = vec![Item::Text(place), Item::Text("2024-03-01".into()), Item::Integer(-3), Item::Absent];
    for (place, value, problem) in [
        (0, Item::Text("长".repeat(10)), None),
        (0, Item::Text("长".repeat(11)), Some("registered_at")),
        (0, Item::Text("𬀩".repeat(8)), Some("registered_at")), // four bytes each
        (1, Item::Text("2024-02-30".into()), Some("since")),
        (2, Item::Bool(true), Some("count")),
    ] {
        let kept = std::mem::replace(&mut items[place], value);
        let draft = code_draft(name, &items);
        let expected = problem.map_or(Ok(()), |name| Err(CodeError::TooLong(name.to_owned())));
        assert_eq!(draft.check(HolderKind::Person, &bounds), expected);
        items[place] = kept;
    }
    assert_eq!(
        code_draft(&"长".repeat(26), &items).check(HolderKind::Person, &bounds),
        Err(CodeError::TooLong("holder_name".into()))
    );
    // What the writer makes of the largest values has the length that was computed, compression not counted.
    let longest = "x".repeat(75);
    let items = vec![Item::Text("x".repeat(30)), Item::Text("x".repeat(10)), Item::Integer(i64::MIN), Item::Bool(true)];
    let draft = code::Draft {
        version: 999,
        valid_from: "9999-12-30",
        last_day: Some("9999-12-30"),
        ..code_draft(&longest, &items)
    };
    let plain = "XY1:".len() + base45_length(draft.to_sign(&[]).unwrap().assemble(&[0; 64]).len());
    let (screen, _) = code::write::largest(type_code, 3, HolderKind::Person, &bounds.map(|(_, bound)| bound));
    assert_eq!(plain, screen);
}

fn base45_length(bytes: usize) -> usize {
    bytes / 2 * 3 + bytes % 2 * 2
}

fn code_draft<'a>(holder_name: &'a str, items: &'a [Item]) -> code::Draft<'a> {
    code::Draft {
        issued_at: Timestamp::from_seconds(4_000_000_000),
        type_code: "11990100001000010R001",
        type_version: 3,
        serial: "XY2026A0000000000001",
        version: 1,
        holder_name,
        valid_from: "2026-01-01",
        last_day: None,
        items,
        status: None,
    }
}

const ITEMS: [&str; 8] =
    ["address", "residence_since", "household", "occupation", "registered_at", "remark", "children", "employed"];

/// Draft, leaf, tree, checkpoint, seal, presentation, report: the whole way of a credential and of a copy.
#[test]
fn what_is_sealed_is_read_back_with_the_same_facts() {
    let (Some(file), Some(maker)) = (read("xinyin/credentials.json"), Maker::new()) else { return };
    let trust = Trust::read_unexpired(&part(&file, "bundles", "main")).unwrap();
    let evidence = Evidence::read(&part(&file, "evidence", "main")).unwrap();
    let top = ["JZ1", "韦·示例", "person", "111", "990121199003070002"];
    let hidden = |names: &[&str], values: &[Value]| -> Vec<Disclosure> {
        (0u8..).zip(names).zip(values).map(|((n, name), value)| Disclosure::make(&[n; 16], name, value)).collect()
    };
    let mut top = hidden(&verifier::rendition::credential::HIDDEN, &top.map(Value::from));
    let items = hidden(&ITEMS, &ITEMS.map(Value::from));
    // KF-15: other people's spacing and escapes, kept as they are.
    let odd = r#"[ "c2FsdHNhbHRzYWx0MTIzNA" , "holder_name", "\u674e\ud842\udfb7\/" ]"#;
    top[1] = Disclosure::from_text("holder_name", b64u::encode(odd));
    let terms = CopyTerms {
        recipient_code: "11990121002000020E".into(),
        recipient_name: "示例县市场监督管理局".into(),
        purpose: "办理食品经营许可".into(),
        until: "2026-12-24".into(),
    };
    for (event, copy, key) in [(Event::Issue, None, "ga/credential"), (Event::Copy, Some(&terms), "ga/copies")] {
        let draft = Draft {
            signer: SIGNER,
            department_code: "11990100001000010R",
            type_code: "11990100001000010R001",
            type_version: 3,
            issued_at: NOW,
            identifier: "1.2.156.3005.2.11990100001000010R001.11990100001000010R.XY2026A000006.001.T",
            authority_code: "11990100001000010R",
            authority_name: "示例市公安局",
            issue_date: "2026-11-20",
            valid_from: "2026-11-20",
            valid_until: Some("2031-11-19"),
            status_uri: "https://signer.xinyin.example/status/7",
            status_idx: 710_204,
            top: &top,
            items: &items,
            copy,
        };
        let log = logged(&maker, &draft, event, key);
        let jwt = maker.jws(key, header(&[maker.certificate(key)]), &draft.payload(Some(&log)).unwrap());
        let shown = top.iter().chain(&items[..3]);
        let opened_text = assemble(&jwt, shown);
        let opened = open(opened_text.as_bytes(), Some(&trust), NOW);
        assert_eq!(opened.needs()[0].uri, "https://signer.xinyin.example/status/7");
        let report = opened.conclude(&evidence);
        assert_eq!((report.verdict, report.cause), (Verdict::Valid, None), "{}", report.report_text(Language::English));
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        let licence = &json["licence"];
        assert_eq!(
            licence["holder"],
            json!({"kind": "person", "name": "李𠮷/", "code_type": "111", "code": "990121199003070002"})
        );
        assert_eq!(
            licence["items"],
            json!({"address": "address", "residence_since": "residence_since", "household": "household"})
        );
        assert_eq!(licence["type"]["title"]["zh-CN"], "居住证");
        assert_eq!(licence.get("copy").is_some(), copy.is_some());
        assert_eq!(json["at"], "2026-11-25T06:00:00Z");
        let codes: Vec<_> = json["checks"].as_array().unwrap().iter().map(|check| text(check, "code")).collect();
        assert_eq!(
            codes,
            ["trust", "form", "signature", "path", "power", "algorithm", "log", "status", "validity", "coverage"]
        );
        // The log's leaf is this sealing's: another event, or none, is found.
        let other = LogClaim { event: Event::Sealing, effective: NOW, ..log.clone() };
        let jwt = maker.jws(key, header(&[maker.certificate(key)]), &draft.payload(Some(&other)).unwrap());
        let report = open(assemble(&jwt, []).as_bytes(), Some(&trust), NOW).conclude(&evidence);
        assert_eq!(report.cause, Some(Reason::LogLeaf));
    }
}

fn logged(maker: &Maker, draft: &Draft, event: Event, key: &str) -> LogClaim {
    let salt = [7; 32];
    let entry = verifier::log::entry::entry(&maker.spki_sha256(key), &draft.commitment(event, &salt).unwrap());
    let (mut tree, mut nodes) = (Frontier::default(), HashMap::new());
    for leaf in [merkle::leaf_hash(b"another"), merkle::leaf_hash(&entry), merkle::leaf_hash(b"a third")] {
        tree.append(leaf, |id, hash| assert!(nodes.insert(id, hash).is_none()));
    }
    let origin = "signer.xinyin.example/log";
    let checkpoint = Checkpoint { origin: origin.into(), size: tree.size(), root: tree.root() };
    let public = crate::vectors::read("xinyin/log.json").unwrap();
    let vkey = VerifierKey::new(origin, KeyKind::Ed25519, b64u32(text(&public["private"], "x"))).unwrap();
    let line = vkey.line(&maker.ed25519("log", checkpoint.text().as_bytes()), None);
    let path = merkle::inclusion_proof(1, tree.size(), |node| nodes.get(&node).copied().ok_or(node)).unwrap();
    LogClaim {
        key: maker.spki_sha256(key),
        event,
        effective: draft.effective(event).unwrap(),
        salt,
        proof: proof::proof_text(1, &path, &checkpoint.note(&[line])),
    }
}

/// KF-16: a time that cannot be read never counts as none.
#[test]
fn unreadable_times_never_make_a_valid_credential() {
    let (Some(file), Some(maker)) = (read("xinyin/credentials.json"), Maker::new()) else { return };
    let trust = Trust::read_unexpired(&part(&file, "bundles", "main")).unwrap();
    let evidence = Evidence::read(&part(&file, "evidence", "main")).unwrap();
    let jwt = text(case(&file, "valid-es256"), "input").split('~').next().unwrap();
    let payload = String::from_utf8(b64u::decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let sealed = |payload: &str| {
        let jwt = maker.jws("ga/credential", header(&[maker.certificate("ga/credential")]), payload.as_bytes());
        open(format!("{jwt}~").as_bytes(), Some(&trust), NOW).conclude(&evidence)
    };
    assert_eq!(sealed(&payload).verdict, Verdict::Valid);
    let claims: Value = serde_json::from_str(&payload).unwrap();
    for name in ["exp", "nbf", "iat"] {
        for wrong in [
            "\"never\"",
            "\"1767225600\"",
            "null",
            "1e400",
            "-1",
            "9223372036854775808",
            "-9223372036854775808",
            "9223372036854775807",
            "1.5",
            "true",
            "[]",
        ] {
            let payload = payload.replace(&format!("\"{name}\":{}", claims[name]), &format!("\"{name}\":{wrong}"));
            let report = sealed(&payload);
            assert!(
                matches!(report.verdict, Verdict::Invalid | Verdict::Undetermined | Verdict::NotInForce),
                "{name} {wrong}"
            );
            assert_ne!(report.exit_code(), 0);
        }
    }
}

/// KF-14, KF-16: whatever compressor made a list, and whatever its times are.
#[test]
fn status_lists_are_written_in_both_encodings_and_read_at_any_level() {
    let (Some(file), Some(maker)) = (read("xinyin/status.json"), Maker::new()) else { return };
    let trust = Trust::read_unexpired(&part(&file, "bundles", "main")).unwrap();
    let uri = "https://signer.xinyin.example/status/3";
    let known = [(0, status::Value::Suspended), (5, status::Value::Invalid), ((1 << 20) - 1, status::Value::Invalid)];
    let bits = write::pack(known);
    let draft = write::Draft::new(uri, NOW, &bits);
    let chain = [maker.certificate("status/1")];
    let jwt = maker.jws("status/1", write::jwt_header(&chain), &draft.jwt_payload());
    let to_sign = draft.cwt(-7, &chain);
    let cwt = to_sign.assemble(&maker.es256("status/1", &to_sign.message()));
    let prepare = |media_type, body: &[u8]| StatusList::prepare(uri, media_type, body, &trust, NOW);
    assert!(prepare("Application/statuslist+jwt; charset=utf-8", jwt.as_bytes()).is_ok());
    for list in [prepare(status::MEDIA_TYPE_JWT, jwt.as_bytes()), prepare(status::MEDIA_TYPE_CWT, &cwt)] {
        let list = list.unwrap();
        assert_eq!(list.counts(Behind::Code, NOW.plus(86_399)), Ok(()));
        assert_eq!(list.counts(Behind::Code, NOW.plus(86_400)), Err(Reason::StatusStale));
        assert_eq!(list.counts(Behind::Code, NOW.plus(-61)), Err(Reason::StatusLater));
        let state = |position| list.state(position);
        assert_eq!([state(0), state(1), state(5)], [Err(Reason::StatusSuspended), Ok(()), Err(Reason::StatusInvalid)]);
        assert_eq!([state((1 << 20) - 1), state(1 << 20)], [Err(Reason::StatusInvalid), Err(Reason::StatusMalformed)]);
    }
    // KF-14: any level, one whole zlib stream.
    let claims: Value = serde_json::from_slice(&draft.jwt_payload()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        match name {
            "lst" => claims["status_list"]["lst"] = value,
            name => claims[name] = value,
        }
        let jwt = maker.jws("status/1", write::jwt_header(&chain), claims.to_string().as_bytes());
        prepare(status::MEDIA_TYPE_JWT, jwt.as_bytes()).map(drop)
    };
    for level in [0, 1, 5, 6, 9] {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
        zlib.write_all(&bits).unwrap();
        let mut stream = zlib.finish().unwrap();
        assert_eq!(with("lst", b64u::encode(&stream).into()), Ok(()), "level {level}");
        assert_eq!(with("lst", b64u::encode(&stream[2..]).into()), Err(Reason::StatusMalformed), "raw deflate");
        if level == 0 {
            let mut narrow = stream.clone();
            narrow[..2].copy_from_slice(&[0x18, 0x19]);
            assert_eq!(with("lst", b64u::encode(&narrow).into()), Ok(()), "a window of 512 bytes");
        }
        stream.push(0);
        assert_eq!(with("lst", b64u::encode(&stream).into()), Err(Reason::StatusMalformed), "a byte behind");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        gzip.write_all(&bits).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(with("lst", b64u::encode(&gzip).into()), Err(Reason::StatusMalformed), "gzip");
    }
    // KF-16 once more.
    for (name, wrong) in [
        ("exp", json!("never")),
        ("exp", Value::Null),
        ("exp", json!(u64::MAX)),
        ("exp", json!(true)),
        ("iat", json!("1795586400")),
        ("iat", json!(1.5)),
        ("ttl", json!(-1)),
        ("ttl", json!("30")),
        ("ttl", Value::Null),
    ] {
        assert_eq!(with(name, wrong.clone()), Err(Reason::StatusMalformed), "{name} {wrong}");
    }
}

/// KF-17: the same verdict with what scanners add, and nothing else is stripped.
#[test]
fn what_scanners_add_changes_nothing() {
    for (typed, code) in [
        ("\\000026XY1:AB", "XY1:AB"),
        ("]Q1XY1:AB", "XY1:AB"),
        ("]Q2\\000026XY1:AB", "XY1:AB"),
        ("\u{FEFF}XY1:AB", "XY1:AB"),
        ("\u{200B}XYP:AB", "XYP:AB"),
        (" XY1:AB", " XY1:AB"),
        ("]E0XY1:AB", "]E0XY1:AB"),
        ("]Q1https://x", "]Q1https://x"),
        ("xy1:AB", "xy1:AB"),
    ] {
        assert_eq!(normalise(typed), code);
    }
    let Some(file) = read("xinyin/codes.json") else { return };
    let trust = Trust::read_unexpired(&part(&file, "bundles", "main")).unwrap();
    let code = text(case(&file, "screen-person"), "input");
    for typed in [
        format!("\\000026{code}"),
        format!("]Q1{code}"),
        format!("]Q2\\000026{code}"),
        format!("\u{feff}{code}"),
        format!("\u{200b}{code}"),
        format!("{code}\r\n"),
        format!("{code}\t"),
    ] {
        let report = open(typed.as_bytes(), Some(&trust), NOW).conclude(&Evidence::default());
        assert_eq!(report.verdict, Verdict::Valid, "{typed}");
        assert_ne!(
            report.input.sha256,
            open(code.as_bytes(), Some(&trust), NOW).conclude(&Evidence::default()).input.sha256
        );
    }
}

#[test]
fn evidence_is_written_as_it_is_read() {
    let item = EvidenceItem {
        kind: EvidenceKind::StatusList,
        uri: "https://signer.xinyin.example/status/7".into(),
        fetched_at: NOW,
        media_type: status::MEDIA_TYPE_JWT.into(),
        body: vec![0, 255],
    };
    let written = Evidence::new(vec![item.clone()]).write();
    assert_eq!(Evidence::read(written.as_bytes()).unwrap().items(), [item]);
    for (from, to) in [
        ("\"format\":1", "\"format\":2"),
        ("status_list", "x"),
        ("AP8=", "AP9"),
        ("Z\"", "\""),
        ("\"items\"", "\"more\":1,\"items\""),
    ] {
        assert!(written.contains(from));
        assert!(Evidence::read(written.replace(from, to).as_bytes()).is_err(), "{to}");
    }
    let _: Map<String, Value> = serde_json::from_str(&written).unwrap();
}
