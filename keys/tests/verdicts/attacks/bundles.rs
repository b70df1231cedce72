//! Trust bundles: roles exchanged, keys counted twice, versions lowered, parts of another authority.

use std::collections::HashMap;

use keys::Signer as _;
use keys::jws::sign_general;
use serde_json::{Value, json};
use verifier::encoding::{b64, b64u};
use verifier::trust::{Trust, TrustError};

use super::world::{ASKED, OTHER, World, register, stray_key};
use crate::common::{DAY, NOW};

/// The three roles with keys of their own: of three root keys two sign, of two for targets both, one for timestamps.
struct Roles {
    keys: HashMap<&'static str, std::sync::Arc<keys::software::SoftwareKey>>,
    targets: Value,
}

/// A bundle before it is signed, and by whom.
#[derive(Clone)]
struct Plan {
    root: Value,
    roots: Vec<(Value, Vec<&'static str>)>,
    targets: Value,
    timestamp: Value,
    by: [Vec<&'static str>; 3],
    typs: [&'static str; 3],
    is_bound: bool,
}

impl Roles {
    fn new(world: &World) -> Self {
        let names = ["r1", "r2", "r3", "r4", "t1", "t2", "s1", "stray"];
        let keys = names.into_iter().map(|name| (name, stray_key())).collect();
        let bundle = world.authority.publish_after(None, &register(), NOW).unwrap();
        Self { keys, targets: Value::Object(bundle.targets_payload()) }
    }

    fn kid(&self, name: &str) -> &str {
        self.keys[name].kid()
    }

    fn plan(&self) -> Plan {
        let keys = ["r1", "r2", "r3", "t1", "t2", "s1"]
            .iter()
            .map(|name| (self.kid(name).to_owned(), self.keys[name].public_key().to_jwk().into()))
            .collect::<serde_json::Map<_, Value>>();
        let role = |names: &[&str], threshold: u64| json!({"kids": names.iter().map(|name| self.kid(name)).collect::<Vec<_>>(), "threshold": threshold});
        let root = json!({
            "authority": "demo.xinyin.example", "version": 1, "expires": NOW.plus(700 * DAY).seconds(),
            "oid_arc": "1.3.6.1.4.1.32473", "keys": keys,
            "roles": {"root": role(&["r1", "r2", "r3"], 2), "targets": role(&["t1", "t2"], 2), "timestamp": role(&["s1"], 1)},
        });
        Plan {
            root,
            roots: Vec::new(),
            targets: self.targets.clone(),
            timestamp: json!({
                "authority": "demo.xinyin.example", "version": 7, "expires": NOW.plus(30 * DAY).seconds(), "root": 1,
                "targets": {"version": 1, "sha256": ""},
            }),
            by: [vec!["r1", "r2"], vec!["t1", "t2"], vec!["s1"]],
            typs: ["xinyin-root+jws", "xinyin-targets+jws", "xinyin-timestamp+jws"],
            is_bound: true,
        }
    }

    fn sign(&self, by: &[&str], typ: &str, payload: &str) -> Value {
        let signers: Vec<&dyn keys::Signer> = by.iter().map(|name| self.keys[name].as_ref() as _).collect();
        sign_general(&signers, typ, payload.as_bytes()).unwrap()
    }

    fn made(&self, change: impl FnOnce(&mut Plan)) -> Value {
        let mut plan = self.plan();
        change(&mut plan);
        let targets = plan.targets.to_string();
        if plan.is_bound {
            plan.timestamp["targets"]["sha256"] = keys::certify::sha256_hex(targets.as_bytes()).into();
        }
        let mut roots = vec![self.sign(&plan.by[0], plan.typs[0], &plan.root.to_string())];
        roots.extend(plan.roots.iter().map(|(root, by)| self.sign(by, plan.typs[0], &root.to_string())));
        json!({
            "root": roots,
            "targets": self.sign(&plan.by[1], plan.typs[1], &targets),
            "timestamp": self.sign(&plan.by[2], plan.typs[2], &plan.timestamp.to_string()),
        })
    }

    /// The second root, with `change`.
    fn second(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut root = self.plan().root;
        root["version"] = 2.into();
        change(&mut root);
        root
    }
}

fn read(bundle: &Value) -> Result<Trust, TrustError> {
    Trust::read(bundle.to_string().as_bytes(), ASKED, None)
}

#[test]
fn a_bundle_that_is_not_the_authoritys() {
    use TrustError::{Chain, Expired, Malformed, Mismatch, Rollback, Threshold};
    let world = World::new();
    let roles = Roles::new(&world);
    let good = roles.made(|_| {});
    let [one, _] = &world.witnesses;
    let trust = read(&good).unwrap();
    // what is good under the authority's own bundle is nothing under one that only looks alike, and back
    let shown = world.credential().shown();
    assert_eq!(shown.report().exit_code(), 0);
    let pin = trust.pin();
    let part = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut bundle = good.clone();
        change(&mut bundle[name]);
        bundle
    };
    let twin = |name: &'static str| {
        // the same key under another label: written with another member
        let mut jwk: Value = roles.keys[name].public_key().to_jwk().into();
        jwk["use"] = "sig".into();
        jwk
    };
    let exchanged = {
        let mut bundle = good.clone();
        bundle["targets"] = good["timestamp"].clone();
        bundle["timestamp"] = good["targets"].clone();
        bundle
    };
    let rows: Vec<(&str, Value, TrustError)> = vec![
        // roles exchanged
        ("targets and timestamp exchanged", exchanged, Threshold),
        ("targets signed by the root's keys", roles.made(|plan| plan.by[1] = vec!["r1", "r2"]), Threshold),
        ("root signed by the targets' keys", roles.made(|plan| plan.by[0] = vec!["t1", "t2"]), Threshold),
        ("timestamp signed by a targets key", roles.made(|plan| plan.by[2] = vec!["t1"]), Threshold),
        ("targets signed by the timestamp's key too", roles.made(|plan| plan.by[1] = vec!["t1", "s1"]), Threshold),
        ("targets under the timestamp's typ", roles.made(|plan| plan.typs[1] = "xinyin-timestamp+jws"), Threshold),
        ("root under the targets' typ", roles.made(|plan| plan.typs[0] = "xinyin-targets+jws"), Threshold),
        ("a token's typ", roles.made(|plan| plan.typs[2] = "JWT"), Threshold),
        // one key counted twice
        ("one root key twice", roles.made(|plan| plan.by[0] = vec!["r1", "r1"]), Threshold),
        ("one targets key twice", roles.made(|plan| plan.by[1] = vec!["t1", "t1"]), Threshold),
        ("one signature of a threshold of two", roles.made(|plan| plan.by[0] = vec!["r1"]), Threshold),
        ("a stranger's beside one", roles.made(|plan| plan.by[0] = vec!["r1", "stray"]), Threshold),
        (
            "one key under two labels",
            roles.made(|plan| {
                plan.root["keys"]["twin"] = twin("r1");
                plan.root["roles"]["root"]["kids"] = json!([roles.kid("r1"), "twin"]);
                plan.by[0] = vec!["r1", "r1"];
            }),
            Threshold,
        ),
        (
            "one kid twice in its role",
            roles.made(|plan| {
                plan.root["roles"]["targets"]["kids"] = json!([roles.kid("t1"), roles.kid("t1")]);
                plan.by[1] = vec!["t1", "t1"];
            }),
            Malformed,
        ),
        (
            "another key under its label",
            roles.made(|plan| {
                plan.root["keys"][roles.kid("t2")] = roles.keys["stray"].public_key().to_jwk().into();
            }),
            Threshold,
        ),
        ("threshold 0", roles.made(|plan| plan.root["roles"]["targets"]["threshold"] = 0.into()), Malformed),
        (
            "a threshold over the keys",
            roles.made(|plan| plan.root["roles"]["timestamp"]["threshold"] = 2.into()),
            Malformed,
        ),
        (
            "a threshold below zero",
            roles.made(|plan| plan.root["roles"]["targets"]["threshold"] = json!(-1)),
            Malformed,
        ),
        ("a role without keys", roles.made(|plan| plan.root["roles"]["timestamp"]["kids"] = json!([])), Malformed),
        // versions and the chain
        (
            "a root that begins with 2",
            roles.made(|plan| {
                plan.root["version"] = 2.into();
                plan.timestamp["root"] = 2.into();
            }),
            Chain,
        ),
        (
            "a root left out",
            roles.made(|plan| {
                plan.roots = vec![(roles.second(|root| root["version"] = 3.into()), vec!["r1", "r2"])];
                plan.timestamp["root"] = 3.into();
            }),
            Chain,
        ),
        (
            "the same root twice",
            roles.made(|plan| {
                plan.roots = vec![(roles.plan().root, vec!["r1", "r2"])];
            }),
            Chain,
        ),
        (
            "a second root by its own keys alone",
            roles.made(|plan| {
                let second = roles.second(|root| {
                    root["keys"][roles.kid("r4")] = roles.keys["r4"].public_key().to_jwk().into();
                    root["roles"]["root"] = json!({"kids": [roles.kid("r4")], "threshold": 1});
                });
                plan.roots = vec![(second, vec!["r4"])];
                plan.timestamp["root"] = 2.into();
            }),
            Threshold,
        ),
        (
            "a second root by the first one's keys alone",
            roles.made(|plan| {
                let second = roles.second(|root| {
                    root["keys"][roles.kid("r4")] = roles.keys["r4"].public_key().to_jwk().into();
                    root["roles"]["root"] = json!({"kids": [roles.kid("r4")], "threshold": 1});
                });
                plan.roots = vec![(second, vec!["r1", "r2"])];
                plan.timestamp["root"] = 2.into();
            }),
            Threshold,
        ),
        (
            "a second root of another authority",
            roles.made(|plan| {
                plan.roots = vec![(roles.second(|root| root["authority"] = "evil.example".into()), vec!["r1", "r2"])];
                plan.timestamp["root"] = 2.into();
            }),
            Chain,
        ),
        (
            "a second root with another arc",
            roles.made(|plan| {
                plan.roots = vec![(roles.second(|root| root["oid_arc"] = "1.3.6.1.4.1.1".into()), vec!["r1", "r2"])];
                plan.timestamp["root"] = 2.into();
            }),
            Chain,
        ),
        (
            "the first root, where the timestamp says the second",
            roles.made(|plan| plan.timestamp["root"] = 2.into()),
            Mismatch,
        ),
        (
            "other targets under the old timestamp",
            roles.made(|plan| {
                plan.is_bound = false;
                plan.timestamp["targets"]["sha256"] = keys::certify::sha256_hex(b"{}").into();
            }),
            Mismatch,
        ),
        ("targets of another version", roles.made(|plan| plan.targets["version"] = 2.into()), Mismatch),
        ("targets of another authority", roles.made(|plan| plan.targets["authority"] = "evil.example".into()), Chain),
        (
            "a timestamp of another authority",
            roles.made(|plan| plan.timestamp["authority"] = "evil.example".into()),
            Chain,
        ),
        (
            "no roots",
            {
                let mut bundle = good.clone();
                bundle["root"] = json!([]);
                bundle
            },
            Malformed,
        ),
        (
            "1025 roots",
            {
                let mut bundle = good.clone();
                bundle["root"] = vec![good["root"][0].clone(); 1025].into();
                bundle
            },
            Malformed,
        ),
        // ended
        ("a timestamp that ended", roles.made(|plan| plan.timestamp["expires"] = ASKED.seconds().into()), Expired),
        ("targets that ended", roles.made(|plan| plan.targets["expires"] = ASKED.seconds().into()), Expired),
        ("a root that ended", roles.made(|plan| plan.root["expires"] = ASKED.seconds().into()), Expired),
        ("an end beyond all times", roles.made(|plan| plan.targets["expires"] = json!(u64::MAX)), Malformed),
        ("an end as text", roles.made(|plan| plan.targets["expires"] = "never".into()), Malformed),
        ("an end as null", roles.made(|plan| plan.targets["expires"] = Value::Null), Malformed),
        // wrappings
        ("another payload", part("targets", &|jws| jws["payload"] = b64u::encode("{}").into()), Threshold),
        (
            "a bit of a signature",
            part("timestamp", &|jws| {
                let mut bytes = b64u::decode(jws["signatures"][0]["signature"].as_str().unwrap()).unwrap();
                bytes[5] ^= 4;
                jws["signatures"][0]["signature"] = b64u::encode(bytes).into();
            }),
            Threshold,
        ),
        ("no signatures", part("targets", &|jws| jws["signatures"] = json!([])), Malformed),
        (
            "65 signatures",
            part("targets", &|jws| jws["signatures"] = vec![jws["signatures"][0].clone(); 65].into()),
            Malformed,
        ),
        (
            "an unprotected header",
            part("targets", &|jws| jws["signatures"][0]["header"] = json!({"kid": "x"})),
            Malformed,
        ),
        ("a member beside", part("targets", &|jws| jws["note"] = "x".into()), Malformed),
        (
            "padding",
            part("targets", &|jws| jws["payload"] = format!("{}=", jws["payload"].as_str().unwrap()).into()),
            Malformed,
        ),
        (
            "alg none",
            part("timestamp", &|jws| {
                let header = json!({"alg": "none", "kid": roles.kid("s1"), "typ": "xinyin-timestamp+jws"}).to_string();
                jws["signatures"][0]["protected"] = b64u::encode(header).into();
            }),
            Threshold,
        ),
        (
            "crit",
            part("timestamp", &|jws| {
                let header = json!({"alg": "ES256", "kid": roles.kid("s1"), "typ": "xinyin-timestamp+jws", "crit": []})
                    .to_string();
                jws["signatures"][0]["protected"] = b64u::encode(header).into();
            }),
            Malformed,
        ),
        (
            "a key in the header",
            part("timestamp", &|jws| {
                let jwk = roles.keys["stray"].public_key().to_jwk();
                let header = json!({"alg": "ES256", "kid": roles.kid("s1"), "typ": "xinyin-timestamp+jws", "jwk": jwk})
                    .to_string();
                jws["signatures"][0]["protected"] = b64u::encode(header).into();
            }),
            Malformed,
        ),
        ("one part as a list", part("targets", &|jws| *jws = json!([jws])), Malformed),
        (
            "a part beside",
            {
                let mut bundle = good.clone();
                bundle["snapshot"] = good["targets"].clone();
                bundle
            },
            Malformed,
        ),
        // rows
        (
            "a certificate's digest that is another's",
            roles.made(|plan| plan.targets["certificates"][0]["sha256"] = "ab".repeat(32).into()),
            Malformed,
        ),
        (
            "a certificate twice",
            roles.made(|plan| {
                let row = plan.targets["certificates"][0].clone();
                plan.targets["certificates"].as_array_mut().unwrap().push(row);
            }),
            Malformed,
        ),
        (
            "a department twice",
            roles.made(|plan| {
                let mut row = plan.targets["departments"][1].clone();
                row["region"] = "990100".into();
                assert_eq!(row["code"], OTHER);
                plan.targets["departments"].as_array_mut().unwrap().push(row);
            }),
            Malformed,
        ),
        (
            "a type twice",
            roles.made(|plan| {
                let row = plan.targets["types"][0].clone();
                plan.targets["types"].as_array_mut().unwrap().push(row);
            }),
            Malformed,
        ),
        (
            "an algorithm twice, once without end",
            roles.made(|plan| {
                plan.targets["algorithms"] = json!([
                    {"purpose": "credential", "alg": "ES256", "until": NOW.seconds()},
                    {"purpose": "credential", "alg": "ES256", "until": null},
                ]);
            }),
            Malformed,
        ),
        (
            "an algorithm twice under two names",
            roles.made(|plan| {
                plan.targets["algorithms"] = json!([
                    {"purpose": "credential", "alg": "Ed25519", "until": null},
                    {"purpose": "credential", "alg": "EdDSA", "until": NOW.seconds()},
                ]);
            }),
            Malformed,
        ),
        (
            "a status origin twice, once with its port",
            roles.made(|plan| {
                plan.targets["status"] = json!([
                    {"origin": "https://a.example", "signers": []}, {"origin": "https://a.example:443", "signers": []},
                ]);
            }),
            Malformed,
        ),
        (
            "a log twice",
            roles.made(|plan| {
                let row = plan.targets["logs"][0].clone();
                plan.targets["logs"].as_array_mut().unwrap().push(row);
            }),
            Malformed,
        ),
        (
            "one witness's key under two names",
            roles.made(|plan| {
                plan.targets["logs"][0]["witnesses"] = json!([one.vkey(), one.twin("witness.three").to_string()]);
                plan.targets["logs"][0]["quorum"] = 2.into();
            }),
            Malformed,
        ),
        ("a quorum over the witnesses", roles.made(|plan| plan.targets["logs"][0]["quorum"] = 1.into()), Malformed),
        (
            "a log under another key's name",
            roles.made(|plan| plan.targets["logs"][0]["origin"] = "evil.example/log".into()),
            Malformed,
        ),
        ("an anchor that is none", roles.made(|plan| plan.targets["anchors"][0] = b64::encode("x").into()), Malformed),
        ("a region that is none", roles.made(|plan| plan.targets["departments"][0]["region"] = "99".into()), Malformed),
        (
            "a code that fails its check",
            roles.made(|plan| plan.targets["departments"][0]["code"] = "11990100001000010X".into()),
            Malformed,
        ),
        (
            "no departments",
            roles.made(|plan| drop(plan.targets.as_object_mut().unwrap().remove("departments"))),
            Malformed,
        ),
    ];
    let mut wrong = Vec::new();
    let count = rows.len();
    for (attack, bundle, reason) in &rows {
        let found = read(bundle).err();
        if found != Some(*reason) {
            wrong.push(format!("{attack}: found {found:?}, expected {reason:?}"));
        }
    }
    // text that is no bundle
    let text = good.to_string();
    for (attack, bytes) in [
        ("a member twice", text.replacen("{\"root\"", "{\"root\":[],\"root\"", 1).into_bytes()),
        ("a byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("a second value behind", format!("{text}{{}}").into_bytes()),
        ("no UTF-8", [text.as_bytes(), b"\xff"].concat()),
        ("cut", text.as_bytes()[..text.len() - 1].to_vec()),
        ("nothing", Vec::new()),
    ] {
        let found = Trust::read(&bytes, ASKED, None).err();
        if found != Some(Malformed) {
            wrong.push(format!("{attack}: found {found:?}"));
        }
    }
    // versions lowered, of each part, under the same first root
    let newer = roles.made(|plan| {
        plan.roots = vec![(roles.second(|_| {}), vec!["r1", "r2"])];
        plan.targets["version"] = 2.into();
        plan.timestamp = json!({
            "authority": "demo.xinyin.example", "version": 8, "expires": NOW.plus(30 * DAY).seconds(), "root": 2,
            "targets": {"version": 2, "sha256": ""},
        });
    });
    let newer = read(&newer).unwrap();
    assert!(newer.check_rollback(Some(&pin)).is_ok());
    assert_eq!(newer.root_sha256(), trust.root_sha256());
    for (attack, lowered) in [
        ("root", verifier::trust::Versions { root: 2, ..trust.versions() }),
        ("targets", verifier::trust::Versions { targets: 2, ..trust.versions() }),
        ("timestamp", verifier::trust::Versions { timestamp: 8, ..trust.versions() }),
        ("all", newer.versions()),
    ] {
        let pinned = verifier::trust::Pin { versions: lowered, ..pin };
        if trust.check_rollback(Some(&pinned)) != Err(Rollback) {
            wrong.push(format!("{attack} lowered: taken"));
        }
    }
    assert!(wrong.is_empty(), "bundles:\n{}", wrong.join("\n"));
    println!("attacks, bundles: {} rows", count + 10);
    assert_eq!(count + 10, 76);
}

/// A bundle that an attacker made names the same authority, departments and types; only its root's fingerprint tells.
#[test]
fn a_bundle_of_another_root_lends_nothing() {
    let (world, strange) = (World::new(), World::new());
    let forged = strange.credential().shown();
    assert_eq!(forged.report().exit_code(), 0, "under the attacker's own bundle");
    assert_eq!(world.credential().shown().report().exit_code(), 0);
    assert_ne!(forged.trust.root_sha256(), world.trust.root_sha256());
    assert_ne!(forged.under(&world.trust).report().exit_code(), 0);
    // what was pinned for one root says nothing about another: whoever keeps pins compares fingerprints by authority
    assert!(forged.trust.check_rollback(Some(&world.trust.pin())).is_ok());
    assert_eq!(forged.trust.authority(), world.trust.authority());
}
