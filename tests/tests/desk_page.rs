//! The desk's page: what a clerk does not lose, what an address does not tell, what a verdict rests on.

use serde_json::{Value, json};
use xinyin_tests::visitor::Page;
use xinyin_tests::world::{Person, World, answer, types};
use xinyin_tests::{Backend, Logs, Visitor, network};

const HALL: &str = "示范市政务服务中心";

/// A page that was open while the clerk signed in elsewhere keeps the scan, and spends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_open_too_long_keeps_what_was_scanned() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let citizen = Person::citizen();
    let issued = world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
    let token = world.system("hrss-system", "licence.read").await;
    let path = format!("/v1/licences/{}", issued["id"].as_str().expect("an id"));
    let (_, credential) = world.get_signer(&path, &token, "application/dc+sd-jwt").await;

    let clerk = Visitor::new();
    let old = clerk.get(&world.desk_url).await;
    world.at_desk(&clerk, &Person::hall_clerk(), Some(HALL)).await;
    let kept = clerk.upload(&old.form("code"), &[("code", credential.trim())]).await;
    assert!(kept.body.contains("刚才没有核验") && !kept.body.contains("verdict-word"), "{}", kept.body);
    let form = kept.form("code");
    let field = form.fields.iter().find(|(name, _)| name == "code").map(|(_, value)| value.as_str());
    assert_eq!(field, Some(credential.trim()), "the scan stands in the field");
    let shown = clerk.upload(&form, &[]).await;
    assert_eq!(shown.text_in("verdict-word"), "有效", "{}", shown.body);
    // A page of a day is no old one: each newer page of the browser carries the secret on.
    let shown = clerk.upload(&shown.form("code"), &[("code", credential.trim())]).await;
    assert_eq!(shown.text_in("verdict-word"), "有效", "{}", shown.body);

    // Another site's form does nothing, whatever it knows.
    let url = format!("{}/", world.desk_url);
    let body = "--b\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nx\r\n--b--\r\n";
    let foreign = network::client().post(&url).header("Origin", "http://127.0.0.1:1").body(body);
    let foreign = foreign.header("Content-Type", "multipart/form-data; boundary=b");
    assert_eq!(foreign.send().await.expect("answers").status(), 403);

    // Each clerk reads his own counts alone.
    assert!(clerk.get(&world.desk_url).await.body.contains("今天您核验了 2 份"), "two of his own");
    let other = Visitor::new();
    world.at_desk(&other, &Person::police_clerk(), Some("示范市公安局")).await;
    assert!(other.get(&world.desk_url).await.body.contains("今天您核验了 0 份"), "none of another's");
    world.check().await;
}

/// A refused form says at each field what is wanted there, to eyes and ears; the summary leads to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_says_at_the_field_what_is_wanted() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let clerk = Visitor::new();
    world.at_desk(&clerk, &Person::hall_clerk(), Some(HALL)).await;
    let matter = clerk.get(&format!("{}/matter", world.desk_url)).await;
    assert!(!matter.body.contains("aria-invalid"), "{}", matter.body);
    let wrong = [("matter", "none"), ("case", ""), ("purpose", "")];
    told(&clerk.submit(&matter.form("matter"), &wrong).await, &["matter", "case", "purpose"]);
    let right = [("matter", "special-equipment-registration"), ("case", "TS-2026-0088"), ("purpose", "核对资格")];
    clerk.submit(&matter.form("matter"), &right).await;
    let page = clerk.get(&format!("{}/lookup", world.desk_url)).await;
    assert!(!page.body.contains("aria-invalid"), "{}", page.body);
    let wrong = [("holder", "1"), ("type", "none"), ("purpose", "")];
    told(&clerk.submit(&page.form("holder"), &wrong).await, &["holder", "t1", "purpose"]);
    let one = clerk.submit(&page.form("holder"), &[("holder", "1"), ("purpose", "核对资格")]).await;
    told(&one, &["holder"]);
    world.check().await;
}

/// These fields, and no others, are marked, each with a sentence that it is described by.
fn told(page: &Page, fields: &[&str]) {
    assert!(page.body.contains("<title>错误"), "{}", page.body);
    assert_eq!(page.body.matches("aria-invalid=\"true\"").count(), fields.len(), "{}", page.body);
    assert_eq!(page.body.matches("<p class=\"error\"").count(), fields.len(), "{}", page.body);
    for field in fields {
        for part in [
            format!("<a href=\"#{field}\">"),
            format!(" id=\"{field}\""),
            format!("<p class=\"error\" id=\"{field}-error\">"),
            format!("aria-invalid=\"true\" aria-describedby=\"{field}-error"),
        ] {
            assert_eq!(page.body.matches(&part).count(), 1, "{part}: {}", page.body);
        }
    }
}

/// The name is read from userinfo; the ID token, which stands in an address at sign-out, holds neither name nor number.
#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_a_sign_out_tells_who_it_was() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let (clerk, citizen) = (Visitor::new(), Visitor::new());
    world.at_desk(&clerk, &Person::hall_clerk(), Some(HALL)).await;
    world.at_signer(&citizen, &Person::citizen(), None).await;
    for (visitor, url, person) in
        [(&clerk, &world.desk_url, Person::hall_clerk()), (&citizen, &world.signer_url, Person::citizen())]
    {
        let home = visitor.get(url).await;
        assert!(home.body.contains(person.name), "the page greets by name: {}", home.body);
        let leaving = visitor.submit(&home.form("/sign-out"), &[]).await;
        let claims = hint(&leaving);
        for secret in [person.name, person.id_number, &person.id_number[14..]] {
            assert!(!claims.to_string().contains(secret), "{secret}: {claims}");
        }
        assert!(claims.get("name").is_none() && claims.get("id_number_masked").is_none(), "{claims}");
    }
    world.check().await;
}

/// The claims of the ID token in the address to which a sign-out leads.
fn hint(leaving: &Page) -> Value {
    use base64::Engine as _;
    let (_, rest) = leaving.body.split_once("id_token_hint=").expect("the address has a hint");
    let token = rest.split(['&', '"']).next().unwrap_or_default();
    let payload = token.split('.').nth(1).expect("a JWT has a payload");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A department that the desk has never heard of is looked for at once, and items carry their titles without any matter.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_reaches_the_desk_with_its_first_licence() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let credential = world.licence_of_newcomer().await;
    let (status, report) = world.verify(&credential).await;
    assert_eq!((status, report["verdict"].as_str()), (200, Some("valid")), "{report}");

    let visitor = Visitor::new();
    let page = visitor.get(&world.desk_url).await;
    let shown = visitor.upload(&page.form("code"), &[("code", &credential)]).await;
    assert!(shown.body.contains("作业项目") && !shown.body.contains("operation"), "{}", shown.body);

    // What anybody sends makes the desk ask again once in five seconds, no more.
    let metadata =
        format!("{}/types/{}", world.signer_url, report["licence"]["type"]["code"].as_str().unwrap_or_default());
    let (status, known) = answer(network::client().get(format!("{metadata}/1"))).await;
    assert_eq!((status, &known["claims"][0]["path"]), (200, &json!(["items", "operation"])), "{known}");
    assert_eq!(answer(network::client().get(format!("{metadata}/9"))).await.0, 404);
    world.check().await;
}

/// While nothing newer is to be had, the report says how old the bundle is that it rests on.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_the_age_of_the_bundle() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    world.issue(types::SOCIAL_SECURITY_CARD, Person::citizen().id_number).await;
    world.clock.advance(3_600);
    let (_, report) = world.verify("nothing that reads").await;
    for code in ["trust", "path", "power", "algorithm"] {
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["code"] == code).expect("every check has its line");
        assert_eq!(check["age_seconds"], 3_600, "{check}");
    }
    // Who asks for the bundle again is told that nothing changed.
    let url = format!("{}/v1/trust-bundle", world.signer_url);
    let first = network::client().get(&url).send().await.expect("answers");
    let tag = first.headers().get("etag").expect("a tag").clone();
    let second = network::client().get(&url).header("If-None-Match", tag).send().await.expect("answers");
    assert_eq!(second.status(), 304);
    world.check().await;
}
