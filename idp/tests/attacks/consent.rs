//! Whole numbers leave behind a line of consent of their own, to the house's own services too (formats §1).

use idp::assurance::Acr;

use crate::NUMBER;
use crate::world::{CALLBACK, Visitor, World};

#[tokio::test]
async fn the_houses_own_ask_for_whole_numbers_too() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    let with_number = world.authorize("portal", &[("scope", "openid profile phone id_number")]);
    let number_at = async |code: &str| {
        let body = world.redeem(code).await.json();
        let info = world.userinfo(body["access_token"].as_str().unwrap()).await.json();
        assert_eq!((&info["name"], &info["phone_number"]), (&"张三".into(), &"13800000012".into()));
        info["id_number"].as_str().map(str::to_owned)
    };

    // everything else goes without a question
    let mut browser = Visitor::default();
    let path = world.get(&mut browser, &world.authorize("portal", &[("scope", "openid profile phone")])).await;
    let path = path.location().to_owned();
    let reply = world.sign_in(&mut browser, &path, &alice, Acr::Two).await;
    assert_eq!(number_at(&reply.answer(CALLBACK)["code"]).await, None);

    // silently it is not given, nor by a request for the single claim
    let silent = world.get(&mut browser, &format!("{with_number}&prompt=none")).await;
    assert_eq!(silent.answer(CALLBACK)["error"], "consent_required");
    let claim = r#"{"userinfo":{"id_number":{"essential":true}},"id_token":{"id_number":null}}"#;
    let ask = world.authorize("portal", &[("scope", "openid profile phone"), ("claims", claim)]);
    let reply = world.get(&mut browser, &ask).await;
    assert_eq!(number_at(&reply.answer(CALLBACK)["code"]).await, None);

    // who agrees without the line's tick keeps the number, and is not asked again; `prompt=consent` asks
    let path = world.get(&mut browser, &with_number).await.location().to_owned();
    assert!(path.starts_with("/consent/"), "{path}");
    let page = world.get(&mut browser, &path).await;
    assert!(page.text.contains("id=\"consent-number\"") && !page.text.contains("checked"), "{}", page.text);
    let reply = world.fill(&mut browser, &path, &[]).await;
    assert_eq!(number_at(&reply.answer(CALLBACK)["code"]).await, None);
    let reply = world.get(&mut browser, &with_number).await;
    assert_eq!(number_at(&reply.answer(CALLBACK)["code"]).await, None);
    let path = world.get(&mut browser, &format!("{with_number}&prompt=consent")).await.location().to_owned();
    let reply = world.fill(&mut browser, &path, &[("scope", "id_number")]).await;
    assert_eq!(number_at(&reply.answer(CALLBACK)["code"]).await.as_deref(), Some(NUMBER));

    // and given once it goes without a question, until it is taken back
    let reply = world.get(&mut browser, &format!("{with_number}&prompt=none")).await;
    assert_eq!(number_at(&reply.answer(CALLBACK)["code"]).await.as_deref(), Some(NUMBER));
    world.run("DELETE FROM consents").await;
    let silent = world.get(&mut browser, &format!("{with_number}&prompt=none")).await;
    assert_eq!(silent.answer(CALLBACK)["error"], "consent_required");

    // a client without the approval cannot ask
    let reply = world.get(&mut browser, &world.authorize("public", &[("scope", "openid id_number")])).await;
    assert!(reply.answer("http://127.0.0.1/cb").contains_key("code"));
}

#[tokio::test]
async fn a_mandate_that_ends_while_the_page_is_open_leaves_no_consent() {
    let world = World::start().await;
    let alice = world.person("alice", "张三", NUMBER).await;
    world.mandate("m1", &alice, "11990100001000010R", "").await;
    let mut browser = Visitor::default();
    let asked = world.authorize("portal", &[("scope", "openid profile id_number")]);
    let path = world.get(&mut browser, &asked).await.location().to_owned();
    let choose = world.sign_in(&mut browser, &path, &alice, Acr::Two).await.location().to_owned();
    assert!(choose.starts_with("/act-for/"), "{choose}");
    let consent = world.fill(&mut browser, &choose, &[("subject", "m1")]).await.location().to_owned();
    assert!(consent.starts_with("/consent/"), "{consent}");
    let token_of = async |browser: &mut Visitor| {
        let page = world.get(browser, &consent).await.text;
        let at = page.rfind("name=\"form_token\" value=\"").unwrap() + 25;
        page[at..].split('"').next().unwrap().to_owned()
    };
    let for_the_office = token_of(&mut browser).await;
    world.run("UPDATE mandates SET ended_at = 1").await;
    let fields = [("form_token", for_the_office.as_str()), ("scope", "id_number")];
    let reply = world.submit(&mut browser, &consent, &fields).await;
    assert!(reply.location().starts_with("/act-for/"), "{} {}", reply.status, reply.text);
    assert_eq!(world.count("SELECT count(*) FROM consents").await, 0);

    // nor does that form agree for the person himself, as whom another tab went on
    let reply = world.fill(&mut browser, &choose, &[("subject", "self")]).await;
    assert_eq!(reply.location(), consent);
    let reply = world.submit(&mut browser, &consent, &fields).await;
    assert!(reply.location().starts_with("/interaction/"), "{} {}", reply.status, reply.text);
    assert_eq!(world.count("SELECT count(*) FROM consents").await, 0);
    let own = token_of(&mut browser).await;
    world.submit(&mut browser, &consent, &[("form_token", own.as_str())]).await.answer(CALLBACK);
    assert_eq!(world.count("SELECT count(*) FROM consents").await, 1);
}
