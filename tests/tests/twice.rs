//! Second clicks, the button that goes back, and forms that were open too long.

use xinyin_tests::backend::on_both;
use xinyin_tests::visitor::Page;
use xinyin_tests::world::{CITIZENS, Person, World, types};
use xinyin_tests::{Logs, Visitor};

const MARKET: &str = "示例县市场监督管理局";

/// Sign-in, for whom, consent: each form is sent twice at once, and one answer reaches the portal.
#[tokio::test(flavor = "multi_thread")]
async fn an_impatient_hand_signs_in_once() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let (visitor, citizen) = (Visitor::new(), Person::citizen());
        let stop = |url: &url::Url| CITIZENS.is_called(url);
        let mut page = visitor.get_until(&CITIZENS.request(&world, &[]), stop).await;
        let mut seen = Vec::new();
        while page.redirect().is_none() {
            let path = page.url.path().to_owned();
            let (form, fields) = if path.starts_with("/sign-in/") {
                (page.form("login"), vec![("login", citizen.id_number), ("password", citizen.password)])
            } else if path.starts_with("/act-for/") {
                (page.form(page.url.path()), vec![("subject", "self")])
            } else {
                (page.form(&path), vec![])
            };
            seen.push(page.url.to_string());
            let (first, second) = tokio::join!(visitor.submit(&form, &fields), visitor.submit(&form, &fields));
            let answers = [&first, &second].into_iter().filter(|page| page.parameter("code").is_some()).count();
            assert!(answers <= 1, "two codes for one request");
            for answer in [&first, &second] {
                assert!(answer.redirect().is_some() || is_kind(answer), "{} {}", answer.status, answer.body);
            }
            let next = if first.redirect().is_some() { first } else { second };
            page = match next.redirect() {
                Some(to) if !CITIZENS.is_called(&to) => visitor.get_until(to.as_str(), stop).await,
                _ => next,
            };
        }
        CITIZENS.trade(&world, &page).await;
        assert!(seen.len() >= 3, "{seen:?}");
        for url in &seen {
            let back = visitor.look(url).await;
            assert!(is_kind(&back), "back at {url}: {} {}", back.status, back.body);
        }
        world.check().await;
    })
    .await;
}

/// A page that says what is the matter and has a way on.
fn is_kind(page: &Page) -> bool {
    let way_on = page.body.contains("class=\"btn\"");
    page.status.is_client_error() && way_on && !page.body.contains("internal")
}

/// Revoking twice at once is one event; going back and pressing again is that event.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_revoked_once() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let holder = Person::neighbour();
        let number = Some("TZ640104-2026-0105");
        let issued = world.issue_numbered(types::OPERATOR_CERTIFICATE, holder.id_number, number).await;
        let id = issued["id"].as_str().expect("an id");
        let clerk = Visitor::new();
        world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        let at = format!("{}/department/licences/{id}", world.signer_url);
        let form = clerk.get(&format!("{at}/revocation")).await.form("legal_ground");
        let fields =
            [("legal_ground", "《特种设备安全监察条例》第三十八条"), ("reason", "复审不合格"), ("confirm", "0105")];
        let (first, second) = tokio::join!(clerk.submit(&form, &fields), clerk.submit(&form, &fields));
        let third = clerk.submit(&form, &fields).await;
        for page in [&first, &second, &third] {
            let to = page.redirect().unwrap_or_else(|| panic!("{} {}", page.status, page.body));
            assert_eq!(to.query(), Some("done=revocation"));
        }
        let page = clerk.get(&at).await;
        assert_eq!(page.body.matches("复审不合格").count(), 1, "one event: {}", page.body);
        let again = clerk.get(&format!("{at}/revocation")).await;
        assert!(is_kind(&again), "{} {}", again.status, again.body);
        world.check().await;
    })
    .await;
}

/// Signed out in another tab: the consent asks to sign in again and then goes on to the portal.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_of_an_ended_session_asks_to_sign_in_and_goes_on() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let (visitor, citizen) = (Visitor::new(), Person::neighbour());
        let stop = |url: &url::Url| CITIZENS.is_called(url) || url.path().starts_with("/consent/");
        let page = world.go(&visitor, &CITIZENS.request(&world, &[]), &citizen, None, stop).await;
        let page = visitor.look(page.redirect().expect("to the consent").as_str()).await;
        let consent = page.form(page.url.path());
        let out = visitor.get(&format!("{}/logout", world.idp_url)).await;
        visitor.submit(&out.form("/logout"), &[]).await;
        let stale = visitor.submit(&consent, &[]).await;
        let next = stale.redirect().unwrap_or_else(|| panic!("{} {}", stale.status, stale.body));
        assert!(next.path().starts_with("/sign-in/"), "{next}");
        let page = world.go(&visitor, next.as_str(), &citizen, None, |url| CITIZENS.is_called(url)).await;
        CITIZENS.trade(&world, &page).await;
        world.check().await;
    })
    .await;
}

/// A clerk's session ends while he fills in a form: he signs in again and finds what he typed.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_an_ended_session_keeps_what_was_typed() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let holder = Person::neighbour();
        let issued = world.issue(types::OPERATOR_CERTIFICATE, holder.id_number).await;
        let id = issued["id"].as_str().expect("an id");
        let clerk = Visitor::new();
        world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        let issue = format!("/department/issue/{}", types::OPERATOR_CERTIFICATE);
        let revoke = format!("/department/licences/{id}/revocation");
        for (path, field, fields) in [
            (issue, "holder_code", vec![("holder_name", holder.name), ("case", "SC-2026-0104")]),
            (revoke, "legal_ground", vec![("legal_ground", "《特种设备安全监察条例》"), ("reason", "复审没有通过")]),
        ] {
            let url = format!("{}{path}", world.signer_url);
            let form = clerk.get(&url).await.form(field);
            let out = clerk.get(&world.signer_url).await;
            clerk.submit(&out.form("/sign-out"), &[]).await;
            let kept = clerk.submit(&form, &fields).await;
            assert_eq!(kept.status, 403, "{}", kept.body);
            for (_, typed) in &fields {
                assert!(kept.body.contains(typed), "{typed} is lost: {}", kept.body);
            }
            world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
            let again = clerk.submit(&kept.form("request_id"), &[]).await;
            assert_eq!(again.status, 200, "{}", again.body);
            let form = again.form(field);
            for (name, typed) in &fields {
                let found = form.fields.iter().any(|(known, value)| known == name && value == typed);
                assert!(found || again.body.contains(typed), "{name} is lost: {}", again.body);
            }
            // The form is alive: it is refused for what is missing, not for where it comes from.
            let sent = clerk.submit(&form, &[]).await;
            assert!(sent.body.contains("<title>错误"), "{} {}", sent.status, sent.body);
        }
        world.check().await;
    })
    .await;
}
