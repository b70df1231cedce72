//! The log's part: the leaf of something else, no leaf, a proof or a note that is another's.

use keys::DepartmentUse::{Code, Credential};
use keys::Signer as _;
use verifier::encoding::b64;
use verifier::log::{Event, KeyKind, VerifierKey, proof};
use verifier::report::Verdict::{Invalid, NotInForce, Undetermined};
use verifier::status::Value;

use super::sealing::{POSITION, identifier};
use super::table::Table;
use super::world::{LOG, OTHER, SEALED, World, stray_key, tree};
use crate::common::{DEPARTMENT, NOW, TYPE};

#[test]
fn a_leaf_of_something_else() {
    let world = World::new();
    let mut table = Table::new("leaves", &world.credential().shown());
    let seal = || world.credential();
    table.row(
        "another licence's",
        &seal()
            .with_leaf_of(|facts, _, _| {
                facts.identifier = identifier(TYPE, DEPARTMENT, "AAAAAAAAAAAAAAAAAAA2");
            })
            .shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "another version's",
        &seal().with_leaf_of(|facts, _, _| facts.type_version = 2).shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "of other facts",
        &seal()
            .with_leaf_of(|facts, _, _| {
                facts.top[1] = verifier::facts::Disclosure::make(&[2; 16], "holder_name", &"韦示例".into());
            })
            .shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "of one item less",
        &seal().with_leaf_of(|facts, _, _| drop(facts.items.pop())).shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "of items at the top",
        &seal()
            .with_leaf_of(|facts, _, _| {
                let item = facts.items.remove(0);
                facts.top.push(item);
            })
            .shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "of a shorter licence",
        &seal()
            .with_leaf_of(|facts, _, _| {
                facts.valid_until = Some("2030-10-31".to_owned());
            })
            .shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "another status entry's",
        &seal().with_leaf_of(|facts, _, _| facts.position += 1).shown(),
        Invalid,
        "log.leaf",
    );
    table.row(
        "another event's",
        &seal().with_leaf_of(|_, event, _| *event = Event::Change).shown(),
        Invalid,
        "log.leaf",
    );
    table.row("under another salt", &seal().with_leaf_of(|_, _, salt| salt[31] ^= 1).shown(), Invalid, "log.leaf");
    // an event that seals nothing, whose leaf is in the log
    for event in [Event::Revocation, Event::Suspension, Event::Resumption, Event::Copy] {
        table.row(event.name(), &seal().event(event).shown(), Invalid, "log.event");
    }
    for event in [Event::Change, Event::Replacement, Event::Renewal, Event::Sealing] {
        table.passes(event.name(), &seal().event(event).shown());
    }
    table.row(
        "a word that is no event",
        &seal().claiming(|claims| claims["log"]["event"] = "Issue".into()).shown(),
        Invalid,
        "log.event",
    );
    table.row(
        "from another second",
        &seal()
            .claiming(|claims| {
                claims["log"]["effective"] = (claims["log"]["effective"].as_i64().unwrap() + 1).into();
            })
            .shown(),
        Invalid,
        "log.leaf",
    );
    // the entry's key
    table.passes("under the department's code key", &seal().entered_by(&world.held(DEPARTMENT, Code)).shown());
    table.row(
        "under another department's key",
        &seal().entered_by(&world.held(OTHER, Credential)).shown(),
        Invalid,
        "log.key",
    );
    table.row("under the status key", &seal().entered_by(&world.status_key()).shown(), Invalid, "log.key");
    let stray = super::world::Held { key: stray_key(), chain: Vec::new() };
    table.row("under a key that nobody lists", &seal().entered_by(&stray).shown(), Undetermined, "log.key");
    table.row(
        "under a key that it does not say",
        &seal()
            .claiming(|claims| {
                claims["log"]["key"] = verifier::encoding::b64u::encode([1; 32]).into();
            })
            .shown(),
        Invalid,
        "log.leaf",
    );
    table.row("none", &seal().unlogged().shown(), Undetermined, "log.missing");
    table.row(
        "none, and said to be sealed before the log began",
        &seal()
            .unlogged()
            .saying(|facts| {
                facts.issued_at = NOW;
            })
            .shown(),
        Undetermined,
        "log.missing",
    );
    // revoked, then sealed again
    let revoked = world.evidence(&[(POSITION, Value::Invalid)]);
    table.row(
        "sealed again at the old position",
        &seal().event(Event::Sealing).shown().with(revoked.clone()),
        NotInForce,
        "status.invalid",
    );
    table.row(
        "sealed again at a new position, in secret",
        &seal()
            .event(Event::Sealing)
            .unlogged()
            .saying(|facts| {
                facts.position += 1;
            })
            .shown()
            .with(revoked.clone()),
        Undetermined,
        "log.missing",
    );
    table.row(
        "sealed again at a new position, with the old leaf",
        &seal()
            .claiming(|claims| {
                claims["status"]["status_list"]["idx"] = (POSITION + 1).into();
            })
            .shown()
            .with(revoked.clone()),
        Invalid,
        "log.leaf",
    );
    table.row(
        "sealed again with the old leaf, said to be a sealing",
        &seal()
            .event(Event::Sealing)
            .with_leaf_of(|_, event, _| {
                *event = Event::Issue;
            })
            .shown()
            .with(revoked),
        Invalid,
        "log.leaf",
    );
    table.end(30);
}

#[test]
fn a_proof_that_proves_nothing() {
    let world = World::new();
    let mut table = Table::new("proofs", &world.credential().shown());
    let with =
        |change: &dyn Fn(String) -> String| world.credential().proven(|leaf| change(world.proof(leaf, &[]))).shown();
    for (what, from, to, verdict, reason) in [
        ("another index", "index 1\n", "index 0\n", Invalid, "log.leaf"),
        ("an index beyond the tree", "index 1\n", "index 3\n", Invalid, "log.leaf"),
        ("an index beyond all trees", "index 1\n", "index 18446744073709551616\n", Invalid, "log.malformed"),
        ("an index with zeros", "index 1\n", "index 01\n", Invalid, "log.malformed"),
        ("an index with a sign", "index 1\n", "index +1\n", Invalid, "log.malformed"),
        ("another size", "log\n3\n", "log\n4\n", Invalid, "log.signature"), // of that shape too
        ("a size of nothing", "log\n3\n", "log\n0\n", Invalid, "log.leaf"),
        ("a size with zeros", "log\n3\n", "log\n03\n", Invalid, "log.malformed"),
        ("another format", "tlog-proof@v1", "tlog-proof@v2", Invalid, "log.malformed"),
        ("line ends of another system", "\n", "\r\n", Invalid, "log.malformed"),
        ("an extra line of the proof", "index 1\n", "extra AAAA\nindex 1\n", Invalid, "log.malformed"),
        ("a tab", "index 1\n", "index\t1\n", Invalid, "log.malformed"),
        ("another log's name", "localhost:8081/log\n3", "localhost:8082/log\n3", Undetermined, "log.unknown"),
    ] {
        table.row(what, &with(&|text| text.replace(from, to)), verdict, reason);
    }
    table.row("no line end behind it", &with(&|text| text.trim_end().to_owned()), Invalid, "log.malformed");
    table.row("a blank line behind it", &with(&|text| text + "\n"), Invalid, "log.malformed");
    table.row("nothing", &with(&|_| String::new()), Invalid, "log.malformed");
    table.row("32 KiB", &with(&|text| text + &"\u{2014} x AAAAAAAA\n".repeat(2_000)), Invalid, "log.malformed");
    table.row(
        "65 lines of signatures",
        &with(&|text| text + &"\u{2014} x AAAAAAAA\n".repeat(64)),
        Invalid,
        "log.malformed",
    );
    table.passes("a stranger's line behind", &with(&|text| text + "\u{2014} x AAAAAAAA\n"));
    // the path: one hash more, one less, another encoding of one
    let path = |change: &dyn Fn(&mut Vec<[u8; 32]>)| {
        world
            .credential()
            .proven(|leaf| {
                let (checkpoint, mut path) = tree(leaf);
                change(&mut path);
                let key = world.authority.log(NOW).unwrap();
                let line = keys::note::signature_line(LOG, key.as_ref(), &checkpoint.text()).unwrap();
                proof::proof_text(1, &path, &checkpoint.note(&[line]))
            })
            .shown()
    };
    table.row("one hash less", &path(&|path| path.truncate(path.len() - 1)), Invalid, "log.leaf");
    table.row("one hash more", &path(&|path| path.push([0; 32])), Invalid, "log.leaf");
    table.row("another hash", &path(&|path| path[0][0] ^= 1), Invalid, "log.leaf");
    table.row("65 hashes", &path(&|path| *path = vec![[0; 32]; 65]), Invalid, "log.malformed");
    let odd = with(&|text| {
        let hash = text.lines().nth(2).unwrap().to_owned();
        let last = hash.as_bytes()[42];
        let other = char::from(if last.is_ascii_uppercase() { last + 1 } else { last - 1 });
        let spoilt = format!("{}{other}=", &hash[..42]);
        text.replace(&hash, &spoilt)
    });
    table.row("a hash with bits behind its end", &odd, Invalid, "log.malformed");
    table.end(24);
}

#[test]
fn a_note_that_others_signed() {
    let world = World::new();
    let [one, two] = &world.witnesses;
    let trust = world.trust_with(|register| {
        register.witnesses = vec![one.vkey(), two.vkey()];
        register.quorum = 2;
    });
    let early = u64::try_from(SEALED.plus(5).seconds()).unwrap();
    let cosigned =
        world.credential().proven(|leaf| world.proof(leaf, &[(one, early), (two, early)])).shown().under(&trust);
    let mut table = Table::new("notes", &cosigned);
    let with = |lines: &dyn Fn(&str) -> Vec<String>| {
        world
            .credential()
            .proven(|leaf| {
                let (checkpoint, path) = tree(leaf);
                proof::proof_text(1, &path, &checkpoint.note(&lines(&checkpoint.text())))
            })
            .shown()
            .under(&trust)
    };
    let key = world.authority.log(NOW).unwrap();
    let own = |text: &str| keys::note::signature_line(LOG, key.as_ref(), text).unwrap();
    let both = |text: &str| [one.line(text, early), two.line(text, early)].concat();
    table.row("no witness", &with(&|text| vec![own(text)]), Undetermined, "log.quorum");
    table.row("one witness", &with(&|text| vec![own(text), one.line(text, early)]), Undetermined, "log.quorum");
    table.row(
        "one witness twice",
        &with(&|text| vec![own(text), one.line(text, early), one.line(text, early + 1)]),
        Undetermined,
        "log.quorum",
    );
    table.row(
        "a witness's line with another time",
        &with(&|text| {
            let moved = one.line(text, early);
            let bytes = b64::decode(moved.trim_end().rsplit(' ').next().unwrap()).unwrap();
            let mut bytes = bytes.clone();
            bytes[11] ^= 1;
            vec![own(text), format!("\u{2014} witness.one {}\n", b64::encode(bytes)), two.line(text, early)]
        }),
        Undetermined,
        "log.quorum",
    );
    table.row(
        "a witness's line over another text",
        &with(&|text| vec![own(text), one.line(&text.replace("\n3\n", "\n4\n"), early), two.line(text, early)]),
        Undetermined,
        "log.quorum",
    );
    table.row("witnesses without the log", &with(&|text| vec![both(text)]), Undetermined, "log.unknown");
    let stray = super::world::Held { key: world.authority.log(NOW).unwrap(), chain: Vec::new() };
    table.row(
        "the log's line over another text",
        &with(&|text| vec![own(&text.replace("\n3\n", "\n4\n")), both(text)]),
        Invalid,
        "log.signature",
    );
    table.row(
        "the log's line by another key under its name and id",
        &with(&|text| {
            let other = keys::software::SoftwareKey::from_pkcs8(
                verifier::algorithm::Algorithm::EdDsa,
                &keys::software::SoftwareKey::generate(verifier::algorithm::Algorithm::EdDsa).unwrap(),
            )
            .unwrap();
            let raw = stray.key.public_key().raw().try_into().unwrap();
            let vkey = VerifierKey::new(LOG, KeyKind::Ed25519, raw).unwrap();
            let signature = other.sign(text.as_bytes()).unwrap();
            vec![vkey.line(signature.as_slice().try_into().unwrap(), None), both(text)]
        }),
        Invalid,
        "log.signature",
    );
    table.passes(
        "a wrong line of the log's beside a right one",
        &with(&|text| vec![own(&text.replace("\n3\n", "\n4\n")), own(text), both(text)]),
    );
    // what witnesses prove of a key that was compromised later, and do not prove
    let compromised = |from| {
        world.trust_over(|targets| {
            targets["logs"][0]["witnesses"] = serde_json::json!([one.vkey(), two.vkey()]);
            targets["logs"][0]["quorum"] = 2.into();
            let leaf = keys::certify::sha256_hex(world.credential_key().leaf());
            for row in targets["certificates"].as_array_mut().unwrap() {
                if row["sha256"] == leaf.as_str() {
                    row["compromised_from"] = i64::try_from(from).unwrap().into();
                }
            }
        })
    };
    table.passes("compromised after the witnesses", &cosigned.under(&compromised(early + 1)));
    table.row(
        "compromised at the witnesses' second",
        &cosigned.under(&compromised(early)),
        Undetermined,
        "path.compromised",
    );
    let late = with(&|text| vec![own(text), one.line(text, early), two.line(text, early + 10)]);
    table.row("one witness before, one after", &late.under(&compromised(early + 5)), Undetermined, "path.compromised");
    table.end(12);
}
