//! What a person does on idp's pages on the way, for stories about something else.

use std::time::Duration;

use serde_json::json;

use crate::webdriver::Browser;

/// Fills in the sign-in form.
pub async fn sign_in(browser: &Browser, login: &str, password: &str) {
    browser.fill("#login", login).await;
    browser.fill("#password", password).await;
    browser.click("#submit").await;
}

/// Answers what idp asks on the way (for whom, and whether its data may go) until the browser is back at `origin`. For
/// whom: an organisation's name, or `本人`. `look` sees each of these pages: `act-for`, `picker`, `consent`.
pub async fn go_on(browser: &Browser, whom: &str, origin: &str, mut look: impl AsyncFnMut(&str)) {
    let find =
        "return [...document.querySelectorAll('label')].find(l => l.textContent.includes(arguments[0]))?.htmlFor";
    for _ in 0..200 {
        if browser.url().await.starts_with(origin) {
            return;
        }
        if !browser.find_now("input[name=subject]").await.is_empty() {
            look("act-for").await;
            let id = browser.execute(find, &json!([whom])).await;
            browser.click(&format!("#{}", id.as_str().expect("it can be chosen"))).await;
            submit(browser).await;
        } else if !browser.find_now("input[name=account]").await.is_empty() {
            look("picker").await;
            submit(browser).await;
        } else if !browser.find_now("form[action*='/consent']").await.is_empty() {
            look("consent").await;
            if !browser.find_now("#consent-number").await.is_empty() {
                browser.click("#consent-number").await; // whoever keeps his number finds no licence
            }
            submit(browser).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.arrive(origin).await;
}

/// Sends the form and waits until its page is gone.
pub async fn submit(browser: &Browser) {
    let before = browser.url().await;
    browser.click("#submit").await;
    for _ in 0..100 {
        if browser.url().await != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
