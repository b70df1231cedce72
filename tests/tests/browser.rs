//! The harness's own story: a browser opens a page, types, is judged and photographed.

use axum::Router;
use axum::extract::Form;
use axum::response::Html;
use axum::routing::get;
use xinyin_tests::{Browser, axe, folder, network, zbar};

const PAGE: &str = r#"<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>试页</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>你好</h1>
<form method="post"><label for="word">字</label> <input id="word" name="word"> <button id="submit">送</button></form>
</main></body></html>"#;

#[derive(serde::Deserialize)]
struct Sent {
    word: String,
}

async fn answer(Form(sent): Form<Sent>) -> Html<String> {
    Html(format!("<!doctype html><title>答</title><p id=answer>收到 {}</p>", sent.word))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_types_and_is_answered() {
    let (listener, address) = network::listen().await;
    network::serve(listener, Router::new().route("/", get(|| async { Html(PAGE) }).post(answer)));
    let browser = Browser::start().await;
    browser.open(&format!("http://localhost:{}/", address.port())).await;
    assert_eq!(browser.title().await, "试页");
    axe::check(&browser).await;
    browser.picture("harness").await;
    let authenticator = browser.add_authenticator().await;
    assert!(browser.credentials(&authenticator).await.is_empty());
    browser.fill("#word", "𠮷\n").await;
    browser.read("收到 𠮷").await;
    assert!(zbar::decode(&folder::kept("screenshots").join("harness-320.png")).is_empty());
}
