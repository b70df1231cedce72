//! The work by keyboard alone: the focus can be seen, goes in order, and stands where the next thing is typed.

use serde_json::json;
use xinyin_tests::webdriver::{DOWN, ENTER, SPACE};
use xinyin_tests::world::{Person, World, types};
use xinyin_tests::{Backend, Browser, Logs};

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_works_without_a_mouse() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let clerk = Browser::start().await;
    clerk.set_width(1280).await;
    sign_in(&clerk, &world).await;
    let licence = issue(&clerk).await;
    verify(&clerk, &world, licence.rsplit('/').next().expect("an id")).await;
    revoke(&clerk, &licence).await;
    world.check().await;
}

/// Presses Enter on `selector`, wherever the focus was.
async fn enter_at(browser: &Browser, selector: &str) {
    browser.tab_to(selector).await;
    browser.press(ENTER).await;
}

async fn type_at(browser: &Browser, selector: &str, value: &str) {
    browser.tab_to(selector).await;
    browser.type_keys(value).await;
}

/// Sign-in, for whom, consent.
async fn sign_in(clerk: &Browser, world: &World) {
    let person = Person::market_clerk();
    clerk.open(&format!("{}/login?to=/department", world.signer_url)).await;
    type_at(clerk, "#login", person.id_number).await;
    type_at(clerk, "#password", &format!("{}\n", person.password)).await;
    clerk.find("input[name=subject]").await;
    clerk.tab_to("input[name=subject]").await; // nothing is chosen yet: the first, and from there to the next
    clerk.press(DOWN).await;
    clerk.press(ENTER).await;
    if !clerk.url().await.starts_with(&world.signer_url) {
        clerk.find("form[action*='/consent']").await;
        clerk.tab_to("#consent-number").await;
        clerk.press(SPACE).await;
        enter_at(clerk, "#submit").await;
    }
    clerk.arrive(&world.signer_url).await;
}

async fn issue(clerk: &Browser) -> String {
    let holder = Person::neighbour();
    clerk.find("#issue").await;
    enter_at(clerk, "#issue").await;
    let kind = format!("a[href$='{}']", types::OPERATOR_CERTIFICATE);
    clerk.find(&kind).await;
    enter_at(clerk, &kind).await;
    clerk.find("#holder_name").await;
    type_at(clerk, "#case", "SC-2026-0102").await;
    type_at(clerk, "#holder_name", holder.name).await;
    type_at(clerk, "#holder_code", holder.id_number).await;
    clerk.tab_to("#item_operation").await;
    clerk.press(DOWN).await;
    type_at(clerk, "#valid_until", "2029-11-24").await;
    enter_at(clerk, "#submit").await;
    clerk.find("#notice").await;
    clerk.url().await.split('?').next().expect("an address").to_owned()
}

/// The desk: code, Enter, verdict; the next code, Enter, verdict.
async fn verify(clerk: &Browser, world: &World, licence: &str) {
    let token = world.system("market-system", "licence.read").await;
    let (status, code) = world.get_signer(&format!("/v1/licences/{licence}"), &token, "text/plain").await;
    assert_eq!(status, 200, "{code}");
    clerk.open(&world.desk_url).await;
    for (typed, verdict) in [(code.trim(), "有效"), ("什么也不是", "无法判定"), (code.trim(), "有效")] {
        let before = clerk.source().await;
        clerk.type_keys(&format!("{typed}\n")).await;
        while clerk.source().await == before {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let word = clerk.find("#verdict-word").await;
        assert_eq!(clerk.text_of(&word).await, verdict);
        let focused = clerk.execute("return document.activeElement.id", &json!([])).await;
        assert_eq!(focused, json!("code"), "the field waits for the next one");
    }
}

async fn revoke(clerk: &Browser, licence: &str) {
    clerk.open(licence).await;
    enter_at(clerk, "#do-revocation").await;
    clerk.find("#legal_ground").await;
    type_at(clerk, "#legal_ground", "《特种设备安全监察条例》第三十八条").await;
    type_at(clerk, "#reason", "复审不合格").await;
    type_at(clerk, "#confirm", &format!("{}\n", &Person::neighbour().id_number[14..])).await;
    clerk.find("#notice").await;
    clerk.read("吊销").await;
}
