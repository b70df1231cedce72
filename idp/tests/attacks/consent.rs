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
