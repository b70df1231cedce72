//! What is disclosed: unmatched, doubled, re-encoded, moved, and every trick that SD-JWT has beside.

use serde_json::json;
use verifier::encoding::b64u;
use verifier::facts::Disclosure;
use verifier::report::Verdict::{Invalid, Undetermined};

use super::table::{Shown, Table};
use super::world::World;

fn from(text: &str) -> Disclosure {
    Disclosure::from_text("x", b64u::encode(text))
}

#[test]
fn shown_by_its_bearer() {
    let world = World::new();
    let original = world.credential().shown();
    let mut table = Table::new("shown", &original);
    let parts: Vec<String> = original.text().split('~').map(str::to_owned).collect();
    let of = |parts: &[String]| original.document(parts.join("~"));
    let changed = |place: usize, text: &str| {
        let mut parts = parts.clone();
        text.clone_into(&mut parts[place]);
        of(&parts)
    };
    table.passes("nothing disclosed", &original.document(format!("{}~", parts[0])));
    let mut reversed = parts.clone();
    reversed[1..8].reverse();
    table.passes("in another order", &of(&reversed));
    table.passes("a line end behind", &original.document(format!("{}\r\n", original.text())));
    let plain = b64u::decode(&parts[2]).unwrap();
    let plain = std::str::from_utf8(&plain).unwrap();
    for (what, text) in [
        ("another name", b64u::encode(plain.replace("韦", "张"))),
        ("another salt", b64u::encode(plain.replacen("[\"", "[\"x", 1))),
        ("a blank inside", b64u::encode(plain.replace(',', ", "))),
        ("an escape inside", b64u::encode(plain.replace('韦', "\\u97e6"))),
        ("padding", format!("{}=", parts[2])),
        ("the other alphabet", format!("{}+", parts[2])),
        ("a character less", parts[2][..parts[2].len() - 1].to_owned()),
        ("a NUL behind", format!("{}\0", parts[2])),
        ("a blank behind", format!("{} ", parts[2])),
        ("a stranger's", b64u::encode(r#"["AAAAAAAAAAAAAAAAAAAAAA","holder_name","张三"]"#)),
        ("of an array's element", b64u::encode(r#"["AAAAAAAAAAAAAAAAAAAAAA","张三"]"#)),
        ("empty", String::new()),
        ("its digest", b64u::encode(verifier::facts::Disclosure::from_text("x", parts[2].clone()).digest)),
    ] {
        table.row(what, &changed(2, &text), Invalid, "form.disclosure");
    }
    let mut doubled = parts.clone();
    doubled.insert(2, parts[2].clone());
    table.row("twice", &of(&doubled), Invalid, "form.disclosure");
    let mut behind = parts.clone();
    behind.insert(8, parts[2].clone());
    table.row("twice, far apart", &of(&behind), Invalid, "form.disclosure");
    let mut between = parts.clone();
    between.insert(3, String::new());
    table.row("two tildes", &of(&between), Invalid, "form.disclosure");
    table.row("two tildes at the end", &original.document(format!("{}~", original.text())), Invalid, "form.disclosure");
    table.row(
        "no tilde at the end",
        &original.document(original.text().trim_end_matches('~')),
        Invalid,
        "form.malformed",
    );
    table.row("no tilde at all", &original.document(parts[0].as_str()), Undetermined, "input.damaged");
    // a key-binding JWT: version 1 has no cnf, so nobody's key is bound
    let own = world.credential_key();
    let digest = b64u::encode(Disclosure::from_text("x", original.text().to_owned()).digest);
    let claims = json!({"iat": 1_795_007_200, "aud": "desk", "nonce": "n", "sd_hash": digest}).to_string();
    let binding = own.sign(r#"{"alg":"ES256","typ":"kb+jwt"}"#, claims.as_bytes());
    table.row("a key binding", &original.document(format!("{}{binding}", original.text())), Invalid, "form.malformed");
    table.row(
        "a key binding and a tilde",
        &original.document(format!("{}{binding}~", original.text())),
        Invalid,
        "form.disclosure",
    );
    table.row(
        "a second credential behind",
        &original.document(format!("{0}{0}", original.text())),
        Invalid,
        "form.disclosure",
    );
    table.row(
        "a second credential behind a line end",
        &original.document(format!("{0}\n{0}", original.text())),
        Invalid,
        "form.disclosure",
    );
    table.row("JSON serialization", &json_form(&original, &parts), Undetermined, "input.unrecognised");
    table.row(
        "another licence's disclosure",
        &{
            let other = world
                .credential()
                .saying(|facts| facts.top[1] = Disclosure::make(&[9; 16], "holder_name", &"张三".into()));
            changed(2, &other.disclosures().nth(1).unwrap().text)
        },
        Invalid,
        "form.disclosure",
    );
    table.end(28);
}

/// RFC 9901 §8: another form, that version 1 does not have.
fn json_form(original: &Shown, parts: &[String]) -> Shown {
    let jwt: Vec<&str> = parts[0].split('.').collect();
    let form = json!({
        "payload": jwt[1], "protected": jwt[0], "signature": jwt[2], "header": {"disclosures": &parts[1..8]},
    });
    original.document(form.to_string())
}

/// What a department could have hidden, its leaf and its digests all right.
#[test]
fn hidden_by_its_signer() {
    let world = World::new();
    let mut table = Table::new("hidden", &world.credential().shown());
    let top = |disclosure: Disclosure| world.credential().saying(|facts| facts.top[1] = disclosure).shown();
    let item = |disclosure: Disclosure| world.credential().saying(|facts| facts.items[1] = disclosure).shown();
    let salt = "AAAAAAAAAAAAAAAAAAAAAA";
    for (what, value) in [
        ("a fraction", "1.5"),
        ("a truth", "true"),
        ("nothing", "null"),
        ("the largest number", "18446744073709551615"),
        ("a NUL in a text", "\"a\\u0000b\""),
        ("a character of two halves", "\"\\ud842\\udfb7\""),
    ] {
        table.passes(&format!("an item: {what}"), &item(from(&format!(r#"["{salt}","address",{value}]"#))));
    }
    for (what, text) in [
        ("two elements", format!(r#"["{salt}","address"]"#)),
        ("four elements", format!(r#"["{salt}","address","x","y"]"#)),
        ("an object", format!(r#"{{"salt":"{salt}","name":"address","value":"x"}}"#)),
        ("a number as salt", r#"[1,"address","x"]"#.to_owned()),
        ("a number as name", format!(r#"["{salt}",1,"x"]"#)),
        ("_sd as name", format!(r#"["{salt}","_sd","x"]"#)),
        ("three dots as name", format!(r#"["{salt}","...","x"]"#)),
        ("the name of another", format!(r#"["{salt}","registered_at","x"]"#)),
        ("the name of another, escaped", format!(r#"["{salt}","\u0072egistered_at","x"]"#)),
        ("digests inside", format!(r#"["{salt}","address",{{"_sd":[]}}]"#)),
        ("digests deep inside", format!(r#"["{salt}","address",[{{"...":"x"}}]]"#)),
        ("a name twice inside", format!(r#"["{salt}","address",{{"a":1,"a":2}}]"#)),
        ("a number beyond all", format!(r#"["{salt}","address",1e400]"#)),
        ("a number that vanishes", format!(r#"["{salt}","address",1e-400]"#)),
        ("a whole number beyond 64 bits", format!(r#"["{salt}","address",18446744073709551616]"#)),
        ("depth 17", format!(r#"["{salt}","address",{}{}]"#, "[".repeat(16), "]".repeat(16))),
        ("half a character", format!(r#"["{salt}","address","\ud842"]"#)),
        ("a control character", format!("[\"{salt}\",\"address\",\"a\u{1}b\"]")),
        ("a comma behind", format!(r#"["{salt}","address","x",]"#)),
        ("a comment", format!(r#"["{salt}","address","x"/**/]"#)),
        ("a second value behind", format!(r#"["{salt}","address","x"][]"#)),
        ("a byte order mark", format!("\u{feff}[\"{salt}\",\"address\",\"x\"]")),
        ("nothing", String::new()),
    ] {
        table.row(what, &item(from(&text)), Invalid, "form.disclosure");
    }
    let raw = |bytes: &[u8]| item(Disclosure::from_text("address", b64u::encode(bytes)));
    table.row("no UTF-8", &raw(b"[\"AAAAAAAAAAAAAAAAAAAAAA\",\"address\",\"\xff\"]"), Invalid, "form.disclosure");
    table.row(
        "UTF-8 longer than needed",
        &raw(b"[\"AAAAAAAAAAAAAAAAAAAAAA\",\"address\",\"\xc0\x80\"]"),
        Invalid,
        "form.disclosure",
    );
    table.row("UTF-16", &raw(&[0xff, 0xfe, b'[', 0]), Invalid, "form.disclosure");
    for (what, name, value) in [
        ("a member that no licence has", "nationality", "\"x\""),
        ("an open member's name", "exp", "1"),
        ("the open identifier's name", "identifier", "\"x\""),
        ("a name that is a number", "holder_name", "1"),
        ("a kind of holder that is none", "holder_kind", "\"robot\""),
        ("a portrait that is no digest", "portrait_digest", "\"AAAA\""),
    ] {
        table.row(what, &top(from(&format!(r#"["{salt}","{name}",{value}]"#))), Invalid, "form.malformed");
    }
    table.row("an item: a list", &item(from(&format!(r#"["{salt}","address",["x"]]"#))), Invalid, "form.malformed");
    table.row(
        "an item: an object",
        &item(from(&format!(r#"["{salt}","address",{{"a":1}}]"#))),
        Invalid,
        "form.malformed",
    );
    let moved = world.credential().saying(|facts| {
        let item = facts.items.remove(0);
        facts.top.push(item);
    });
    table.row("an item at the top", &moved.shown(), Invalid, "form.malformed");
    let named = world.credential().saying(|facts| {
        facts.items.push(Disclosure::make(&[8; 16], "holder_name", &"张三".into()));
    });
    table.passes("an item that is called as the holder's name is", &named.shown());
    let report = named.shown().report();
    assert_eq!(report.licence.unwrap().holder.name.as_deref(), Some("韦·示例"));
    table.end(42);
}
