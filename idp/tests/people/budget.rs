//! What requests cost in statements. The budgets are `design.md`'s: a full login 8, userinfo 2.

use http::StatusCode;

use crate::conformance::Suite;
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
