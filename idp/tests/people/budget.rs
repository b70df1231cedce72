//! What requests cost in statements. The budgets: a full login 8, userinfo 2.

use http::StatusCode;

use crate::PASSWORD;
use crate::conformance::{Suite, request};
use crate::house::Browser;

/// From the authorization request through the sign-in page, number and password to the tokens, at a client that has the person's
/// consent already; then what comes after. Whoever signs in, the client is read anew once a second: the smallest of some counts
/// is the one without that.
#[tokio::test]
async fn a_full_login_takes_eight_statements_and_a_single_sign_on_five() {
    let suite = Suite::start().await;
    suite.tokens(&mut Browser::new(&suite.house), &[]).await; // consent and subject
    let spent = || suite.house.idp.db().statements();
    let (mut logins, mut looks, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..8 {
        let mut browser = Browser::new(&suite.house);
        let before = spent();
        let tokens = suite.tokens(&mut browser, &[]).await;
        logins.push(spent() - before);
        let before = spent();
        let answer = suite.userinfo(tokens["access_token"].as_str().expect("a token")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        looks.push(spent() - before);
        let before = spent();
        suite.tokens(&mut browser, &[]).await;
        again.push(spent() - before);
    }
    let least = [&logins, &looks, &again].map(|counts| counts.iter().min().copied());
    assert_eq!(least, [Some(8), Some(2), Some(5)], "{logins:?} {looks:?} {again:?}");
}

/// The browser carries its interaction, sealed, until that goes on: so the sign-in page costs no statement.
#[tokio::test]
async fn what_a_browser_carries_opens_nowhere_else_and_nothing_that_is_over() {
    let suite = Suite::start().await;
    suite.tokens(&mut Browser::new(&suite.house), &[]).await; // consent
    let mut browser = Browser::new(&suite.house);
    let address = format!("/authorize?{}", request(&[]));
    let path = browser.get(&address).await.location;
    let carried = browser.cookies["xy_idp_i"].clone();
    assert!(!carried.contains("callback") && carried.len() < 3_500, "sealed: {carried}");

    let mut elsewhere = Browser::new(&suite.house);
    elsewhere.get(&address).await; // a mark of its own
    elsewhere.cookies.insert("xy_idp_i".to_owned(), carried.clone());
    assert!(elsewhere.get(&path).await.status.is_client_error());

    let fields = [("login", suite.number.as_str()), ("password", PASSWORD)];
    let page = browser.get(&path).await;
    let answer = browser.fill(&page, &path, &fields).await;
    assert!(answer.text.contains("code="), "{}", answer.text);
    assert!(!browser.cookies.contains_key("xy_idp_i"), "taken away when it went on");
    browser.cookies.insert("xy_idp_i".to_owned(), carried);
    let again = browser.fill(&page, &path, &fields).await;
    assert!(again.status.is_client_error() && !again.text.contains("code="), "{} {}", again.status, again.text);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "signed in as before");
}
