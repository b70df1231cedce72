//! A portal that asks for level 3, signing out that begins at a portal, and registering with an impatient hand.

use xinyin_tests::journey::{go_on, sign_in};
use xinyin_tests::process::Up;
use xinyin_tests::process::address::{IDP, PORTAL, SECOND_PORTAL, SIMULATORS};
use xinyin_tests::{Browser, Looks, Visitor};

static LOOKS: Looks = Looks::new();

#[tokio::test(flavor = "multi_thread")]
async fn portals_step_up_and_sign_out() {
    let _up = Up::start().await;
    let ayi = Browser::start().await;
    ayi.add_authenticator().await;
    step_up(&ayi).await;
    other_pages(&ayi).await;
    sign_out_at_the_portal(&ayi).await;
    sign_out_asked(&ayi).await;
    register_impatiently().await;
    LOOKS.nothing_found();
}

/// Signed in by password, asked for more by the portal: a passkey is made, once a code has come to the phone, and used.
async fn step_up(ayi: &Browser) {
    ayi.open(&format!("{PORTAL}/")).await;
    ayi.click("#sign-in").await;
    ayi.find("#login").await;
    sign_in(ayi, "10000000009", "qing-he-09").await;
    go_on(ayi, "本人", PORTAL, async |_: &str| ()).await;
    ayi.read("2 级").await;
    ayi.click("#step-up").await;
    ayi.find("#confirm").await;
    LOOKS.look(ayi, "step-up-prove").await;
    ayi.click("#confirm").await;
    ayi.find("#phone").await;
    LOOKS.look(ayi, "step-up-confirm").await;
    ayi.click("#submit").await;
    ayi.fill("#code", &newest_code().await).await;
    ayi.click("#submit").await;
    ayi.find("button[name=make]").await;
    LOOKS.look(ayi, "step-up-make").await;
    ayi.click("#passkey").await;
    ayi.find("button[name=passkey]").await;
    LOOKS.look(ayi, "step-up-use").await;
    ayi.click("#passkey").await;
    go_on(ayi, "本人", PORTAL, async |_: &str| ()).await;
    ayi.read("3 级").await;
    let source = ayi.source().await;
    assert!(source.contains("urn:xinyin:acr:3"), "the portal is told the level: {source}");
    LOOKS.look(ayi, "portal-level-3").await;
    // Once there, nobody is asked again.
    ayi.open(&format!("{PORTAL}/login?level=3")).await;
    go_on(ayi, "本人", PORTAL, async |page: &str| assert_ne!(page, "picker")).await;
    ayi.read("3 级").await;
}

/// Pages that no other story comes by.
async fn other_pages(ayi: &Browser) {
    ayi.open(&format!("{IDP}/account")).await;
    let mandates = ayi.find("a[href^='/account/mandates/']").await;
    let mandates = ayi.attribute(&mandates, "href").await.expect("a link");
    for (url, name) in [
        (format!("{SIMULATORS}/start"), "up-home"),
        (format!("{IDP}{mandates}"), "mandates"),
        (format!("{IDP}/account/password"), "account-password"),
        (format!("{IDP}/account/passkey"), "account-passkey"),
        (format!("{IDP}/no-such-page"), "error"),
        (format!("{IDP}/about/help"), "about-help"),
    ] {
        ayi.open(&url).await;
        LOOKS.look(ayi, name).await;
    }
}

/// One press at the first portal, and the second one asks again.
async fn sign_out_at_the_portal(ayi: &Browser) {
    ayi.open(&format!("{SECOND_PORTAL}/")).await;
    go_on(ayi, "本人", SECOND_PORTAL, async |_: &str| ()).await;
    ayi.read("企业投资项目备案").await;
    ayi.open(&format!("{PORTAL}/")).await;
    ayi.click("#sign-out-everywhere").await;
    ayi.arrive(&format!("{PORTAL}/signed-out")).await;
    ayi.read("已经退出").await;
    for url in [format!("{SECOND_PORTAL}/login"), format!("{PORTAL}/login"), format!("{IDP}/account")] {
        ayi.open(&url).await;
        ayi.find("#login").await;
    }
}

/// Without the word of a portal idp asks first; "no" keeps the session, "yes" ends it for every portal.
async fn sign_out_asked(ayi: &Browser) {
    ayi.open(&format!("{PORTAL}/login")).await;
    ayi.find("#login").await;
    sign_in(ayi, "10000000009", "qing-he-09").await;
    go_on(ayi, "本人", PORTAL, async |_: &str| ()).await;
    ayi.open(&format!("{IDP}/logout?client_id=citizen-portal")).await;
    ayi.find("#cancel").await;
    LOOKS.look(ayi, "logout-confirm").await;
    ayi.click("#cancel").await;
    ayi.arrive(&format!("{IDP}/account")).await;
    ayi.read("阿依古丽·买买提").await;
    ayi.open(&format!("{IDP}/logout?client_id=citizen-portal")).await;
    ayi.click("#submit").await;
    ayi.read("您已经退出").await;
    ayi.open(&format!("{SECOND_PORTAL}/login")).await;
    ayi.find("#login").await;
}

/// The code that the simulated operator was asked to send last.
async fn newest_code() -> String {
    let inbox = Visitor::new().get(&format!("{SIMULATORS}/")).await;
    let code = inbox.body.split("<p class=\"digits\">").nth(1).and_then(|rest| rest.split("</span>").next());
    code.expect("a message with a code").chars().filter(char::is_ascii_digit).collect()
}

/// Each form is sent twice at once: both go on, to one registration, and no page scolds.
async fn register_impatiently() {
    let visitor = Visitor::new();
    let page = visitor.get(&format!("{IDP}/register")).await;
    let who = [("name", "吉𠮷"), ("number", "640104200002290002"), ("phone", "10000000102")];
    let form = page.form("number");
    let (first, second) = tokio::join!(visitor.submit(&form, &who), visitor.submit(&form, &who));
    let next = second.redirect().unwrap_or_else(|| panic!("{} {}", second.status, second.body));
    assert_eq!(first.redirect().as_ref(), Some(&next), "one registration, whichever answer the browser shows");
    let page = visitor.get(next.as_str()).await;
    let code = newest_code().await;
    let form = page.form("code");
    let sent = [("code", code.as_str())];
    let (first, second) = tokio::join!(visitor.submit(&form, &sent), visitor.submit(&form, &sent));
    for page in [&first, &second] {
        assert!(page.redirect().is_some(), "{} {}", page.status, page.body);
    }
}
