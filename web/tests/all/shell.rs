use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use verifier::time::Timestamp;
use web::headers::Policy;
use web::input::{Raw, Upload, max_body};
use web::page::{Acting, NavItem};
use web::shell::{ShellSettings, shell};
use web::{Asker, Form, Html, Json, Page, Problem, Site};

use crate::common::{ask, request, site};

#[derive(Deserialize)]
struct Note {
    form_token: String,
    text: String,
}

#[derive(Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
}

fn routes() -> Router {
    Router::new()
        .route("/form", get(show_form).post(take_form))
        .route("/thing", post(|Json(thing): Json<Thing>| async { Json(thing) }))
        .route("/raw", post(|raw: Raw| async move { raw.bytes.len().to_string() }).route_layer(max_body(100)))
        .route("/upload", post(take_upload).route_layer(max_body(1_000)))
        .route("/panic", get(|| async { panics() }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_mins(1)).await }))
        .route("/number/{n}", get(|axum::extract::Path(n): axum::extract::Path<u8>| async move { n.to_string() }))
        .route("/gone", get(|| async { Problem::not_found("licence.unknown").retry_after(7).member("id") }))
        .route(
            "/oauth",
            get(|| async { (http::StatusCode::BAD_REQUEST, axum::Json(serde_json::json!({"error": "x"}))) }),
        )
}

#[expect(clippy::panic, reason = "that is what is tested")]
fn panics() -> String {
    panic!("on purpose")
}

async fn show_form(asker: Asker) -> Page {
    let token = asker.form_token("");
    let main = Html::already_escaped(format!("<h1>{}</h1><u>{token}</u>", asker.words().get("hello")));
    Page::new(&asker, "登录", main)
}

async fn take_form(asker: Asker, Form(note): Form<Note>) -> Result<String, Problem> {
    asker.check_form(&note.form_token, "")?;
    Ok(note.text)
}

async fn take_upload(upload: Upload) -> String {
    let file = upload.file("file").map_or(0, |file| file.bytes.len());
    format!("{} {file}", upload.text("code"))
}

fn app_with(settings: ShellSettings) -> Router {
    shell(routes(), &Arc::new(site("http://localhost:8080")), settings)
}

fn app() -> Router {
    app_with(ShellSettings::default())
}

const HTML: (&str, &str) = ("accept", "text/html,*/*;q=0.8");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn refusals_are_documents_with_a_code_and_a_number() {
    for (method, path, headers, body, status, code) in [
        ("GET", "/none", &[][..], "", 404, "http.not_found"),
        ("DELETE", "/form", &[], "", 405, "http.method_not_allowed"),
        ("GET", "/number/999", &[], "", 400, "http.bad_request"),
        ("GET", "/number/1%00", &[], "", 400, "http.bad_request"),
        ("GET", "/number/%ff", &[], "", 400, "http.bad_request"),
        ("GET", "/view?lang=%00", &[], "", 400, "input.character"),
        ("GET", "/gone", &[], "", 404, "licence.unknown"),
        ("GET", "/panic", &[], "", 500, "internal"),
        ("GET", "/form", &[("host", "evil.example")], "", 421, "http.misdirected"),
        ("GET", "/form", &[("host", "127.0.0.1:8080")], "", 421, "http.misdirected"),
        ("GET", "/form", &[("host", "localhost")], "", 421, "http.misdirected"),
        ("POST", "/form", &[], "a=b", 415, "input.media_type"),
        ("POST", "/form", &[FORM], "text=a", 400, "input.missing_member"),
        ("POST", "/form", &[FORM], "text=a&text=b&form_token=", 400, "input.duplicate_member"),
        ("POST", "/form", &[FORM], "text=%00&form_token=", 400, "input.character"),
        ("POST", "/form", &[FORM], "text=a&form_token=x", 403, "form.expired"),
        ("POST", "/form", &[FORM, ("origin", "null")], "text=a&form_token=x", 403, "form.foreign"),
        ("POST", "/form", &[FORM, ("sec-fetch-site", "same-site")], "text=a&form_token=x", 403, "form.foreign"),
        ("POST", "/thing", &[JSON], r#"{"name": "a", "nam": 1}"#, 400, "input.unknown_member"),
        ("POST", "/thing", &[("content-type", "application/json; charset=gbk")], "{}", 415, "input.media_type"),
        ("POST", "/raw", &[], &"x".repeat(101), 413, "input.too_large"),
        ("POST", "/upload", &[JSON], "{}", 415, "input.media_type"),
    ] {
        let seen = ask(&app(), request(method, path, headers, body.to_owned())).await;
        assert_eq!((seen.status.as_u16(), seen.code().as_str()), (status, code), "{method} {path} {body}");
        let document = seen.json();
        assert_eq!(seen.header("content-type"), "application/problem+json");
        assert_eq!(document["status"], status);
        assert_eq!(document["incident"], seen.header("xinyin-incident"));
        assert!(document["title"].as_str().is_some_and(|title| !title.starts_with("problem-")), "{document}");
        assert_eq!(seen.header("cache-control"), "no-store");
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        assert!(!seen.text.contains("purpose"), "no cause leaves the house");
    }
}

#[tokio::test]
async fn what_else_an_answer_carried_stays() {
    let seen = ask(&app(), request("DELETE", "/form", &[], "")).await;
    assert_eq!(seen.header("allow"), "GET,HEAD,POST");
    let seen = ask(&app(), request("GET", "/gone", &[], "")).await;
    assert_eq!(seen.header("retry-after"), "7");
    assert_eq!(seen.json()["member"], "id");
    let seen = ask(&app(), request("GET", "/oauth", &[], "")).await;
    assert_eq!(seen.json(), serde_json::json!({"error": "x"}), "answers of another form are left alone");
}

#[tokio::test]
async fn a_browser_gets_an_error_page_in_its_language() {
    for (language, title, lang) in [("en-GB", "There is no such page", "en"), ("zh-CN,en;q=0.5", "没有这一页", "zh-CN")]
    {
        let seen = ask(&app(), request("GET", "/none", &[HTML, ("accept-language", language)], "")).await;
        assert_eq!(seen.status, 404);
        assert!(
            seen.text.contains(&format!("<h1>{title}</h1>")) && seen.text.contains(&format!("<html lang=\"{lang}\">"))
        );
        let incident =
            format!("<p class=\"digits\"><span aria-hidden=\"true\">{}</span>", seen.header("xinyin-incident"));
        assert!(seen.text.contains(&incident), "{}", seen.text);
        assert!(seen.text.contains("<code>http.not_found</code>"));
    }
    let chinese = ask(&app(), request("GET", "/none", &[HTML], "")).await;
    assert!(chinese.text.contains("发生在2026年11月25日 14:32:08"), "{}", chinese.text);
}

#[tokio::test]
async fn good_input_goes_through() {
    let thing = ask(&app(), request("POST", "/thing", &[JSON], "\u{feff}{\"name\": \"张\"}")).await;
    assert_eq!((thing.status.as_u16(), thing.text.as_str()), (200, r#"{"name":"张"}"#));
    let raw = ask(&app(), request("POST", "/raw", &[], "x".repeat(100))).await;
    assert_eq!(raw.text, "100");
    let multipart = [("content-type", "multipart/form-data; boundary=B")];
    let body = "--B\r\ncontent-disposition: form-data; name=\"code\"\r\n\r\n4082\r\n--B\r\ncontent-disposition: form-data; \
                name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n--B--\r\n";
    let upload = ask(&app(), request("POST", "/upload", &multipart, body)).await;
    assert_eq!(upload.text, "4082 3");
    let large = body.replace("abc", &"a".repeat(2_000));
    let upload = ask(&app(), request("POST", "/upload", &multipart, large)).await;
    assert_eq!((upload.status.as_u16(), upload.code().as_str()), (413, "input.too_large"));
    let nul = body.replace("4082", "4\0");
    assert_eq!(ask(&app(), request("POST", "/upload", &multipart, nul)).await.code(), "input.character");
}

#[tokio::test]
async fn a_form_goes_through_with_its_cookie_and_token() {
    let app = app();
    let shown = ask(&app, request("GET", "/form", &[HTML], "")).await;
    let cookie = shown.header("set-cookie").split(';').next().expect("cookie").to_owned();
    assert!(cookie.starts_with("xy_idp_form="), "{cookie}");
    let token = shown.text.split("<u>").nth(1).and_then(|rest| rest.split("</u>").next()).expect("token").to_owned();
    let body = format!("text=%E5%A5%BD&form_token={token}");
    for (cookie, origin, status) in [
        (cookie.clone(), "http://localhost:8080", 200),
        (format!("xy_idp_form=STALE; {cookie}"), "http://localhost:8080", 200),
        (format!("{cookie}; xy_idp_form={}", "A".repeat(43)), "http://localhost:8080", 200),
        (cookie.clone(), "http://localhost:8083", 403),
        (format!("xy_idp_form={}", "A".repeat(43)), "http://localhost:8080", 403),
        (String::new(), "http://localhost:8080", 403),
    ] {
        let headers = [FORM, ("cookie", cookie.as_str()), ("origin", origin)];
        let seen = ask(&app, request("POST", "/form", &headers, body.clone())).await;
        assert_eq!(seen.status, status, "{cookie} {origin}");
    }
    let again = ask(&app, request("GET", "/form", &[HTML, ("cookie", &cookie)], "")).await;
    assert!(again.header("set-cookie").starts_with(&cookie), "one secret a browser, its life counted anew");
}

#[tokio::test]
async fn the_view_is_kept_and_leads_back_here_alone() {
    for (query, to, cookie) in [
        ("lang=en&to=/form%3Fa%3D1", "/form?a=1", "xy_view=en.normal.system"),
        ("size=large&to=/form", "/form", "xy_view=zh-CN.large.system"),
        ("theme=dark&to=/form", "/form", "xy_view=zh-CN.normal.dark"),
        ("lang=fr", "/", "xy_view=zh-CN.normal.system"),
        ("lang=en&to=https://evil.example/", "/", "xy_view=en.normal.system"),
        ("lang=en&to=//evil.example/", "/", "xy_view=en.normal.system"),
        ("lang=en&to=/%5Cevil.example/", "/", "xy_view=en.normal.system"),
        ("lang=en&to=/%0D%0Aset-cookie:a=b", "/", "xy_view=en.normal.system"),
        ("lang=en&to=/%09/evil.example", "/", "xy_view=en.normal.system"),
    ] {
        let seen = ask(&app(), request("GET", &format!("/view?{query}"), &[], "")).await;
        assert_eq!((seen.status.as_u16(), seen.header("location")), (303, to), "{query}");
        assert!(seen.header("set-cookie").starts_with(cookie), "{query}: {}", seen.header("set-cookie"));
    }
    let seen = ask(&app(), request("GET", "/form", &[HTML, ("cookie", "xy_view=en.large.dark")], "")).await;
    assert!(seen.text.contains("<html lang=\"en\" data-size=\"large\" data-theme=\"dark\">"));
    assert!(seen.text.contains("<h1>Hello</h1>") && seen.text.contains(">Normal text</a>"));
}

#[tokio::test]
async fn styles_are_kept_for_ever_and_asked_for_by_digest() {
    let page = ask(&app(), request("GET", "/form", &[HTML], "")).await;
    let path =
        page.text.split("rel=\"stylesheet\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("link");
    let style = ask(&app(), request("GET", path, &[], "")).await;
    assert_eq!(style.status, 200);
    assert!(style.header("cache-control").contains("immutable"));
    assert!(style.header("content-type").starts_with("text/css"));
    let known = [("if-none-match", style.header("etag"))];
    assert_eq!(ask(&app(), request("GET", path, &known, "")).await.status, 304);
    assert_eq!(ask(&app(), request("GET", "/static/style.0000.css", &[], "")).await.status, 404);
    assert_eq!(ask(&app(), request("GET", "/static/style.css", &[], "")).await.header("cache-control"), "no-cache");
    assert!(page.text.len() + style.text.len() < 60 * 1024);
}

#[tokio::test]
async fn health_needs_no_host_and_metrics_name_patterns_alone() {
    let app = app();
    let _ = ask(&app, request("GET", "/number/7?secret=1", &[], "")).await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(&app, request("GET", path, &[("host", "10.0.0.9")], "")).await.status, 200, "{path}");
    }
    let metrics = ask(&app, request("GET", "/metrics", &[], "")).await;
    assert!(metrics.text.contains("route=\"/number/{n}\""), "{}", metrics.text);
    assert!(!metrics.text.contains("secret") && !metrics.text.contains("/number/7"));
    let proxied = ask(&app, request("GET", "/metrics", &[("x-forwarded-for", "1.2.3.4")], "")).await;
    assert_eq!(proxied.status, 404);
    let settings = ShellSettings { ready: Arc::new(|| Box::pin(async { false })), ..ShellSettings::default() };
    assert_eq!(ask(&app_with(settings), request("GET", "/readyz", &[], "")).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn too_many_and_too_slow_are_answered() {
    let settings =
        ShellSettings { most_requests: 1, request_time: Duration::from_secs(30), ..ShellSettings::default() };
    let app = app_with(settings);
    let slow = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, request("GET", "/slow", &[], "")).await }
    });
    tokio::task::yield_now().await;
    let second = ask(&app, request("GET", "/form", &[], "")).await;
    assert_eq!((second.status.as_u16(), second.code().as_str()), (503, "service.overloaded"));
    assert_eq!(second.header("retry-after"), "2");
    assert_eq!(slow.await.expect("joined").code(), "service.unavailable");
    assert_eq!(ask(&app, request("GET", "/form", &[], "")).await.status, 200, "the place is free again");
}

#[tokio::test]
async fn over_tls_cookies_and_headers_say_so() {
    let app = shell(routes(), &Arc::new(site("https://id.shifan.example")), ShellSettings::default());
    let seen = ask(&app, request("GET", "/form", &[HTML, ("host", "id.shifan.example:443")], "")).await;
    assert_eq!(seen.status, 200);
    assert!(seen.header("set-cookie").starts_with("__Host-xy_idp_form="));
    assert!(seen.header("set-cookie").contains("; Secure"));
    assert_eq!(seen.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn an_expired_form_leads_back_to_its_page() {
    for (referer, back) in [
        ("http://localhost:8080/form?a=1", Some("/form?a=1")),
        ("http://localhost:80801/form", None),
        ("http://localhost:8080//evil.example", None),
        ("http://evil.example/form", None),
    ] {
        let headers = [FORM, HTML, ("referer", referer)];
        let seen = ask(&app(), request("POST", "/form", &headers, "text=a&form_token=x")).await;
        assert_eq!(seen.status, 403);
        let button = back.map(|path| format!("<a class=\"btn\" href=\"{path}\">再试一次</a>"));
        assert_eq!(seen.text.contains("再试一次"), back.is_some(), "{referer}");
        assert!(button.is_none_or(|button| seen.text.contains(&button)), "{}", seen.text);
    }
}

fn whole(site: Site) -> Router {
    let handler = |asker: Asker| async move {
        let acting = Acting {
            name: "示范清和食品有限公司".into(),
            role: "operator".into(),
            until: Some(Timestamp::from_seconds(1_798_732_800)),
            change: Some("/act-for".into()),
        };
        Page::new(&asker, "我的<证照>", Html::already_escaped("<h1>我的证照</h1>"))
            .nav(vec![NavItem::new("/licences", "我的证照", true), NavItem::new("/looked", "谁看过", false)])
            .who("阿依古丽·买买提 <b>")
            .acting(&acting)
            .slim()
            .moves_on_to("https://my.shifan.example/?a=1&b=2")
            .script("/static/camera.js")
            .policy(Policy { camera: true, ..Policy::default() })
            .refused()
    };
    shell(Router::new().route("/", get(handler)), &Arc::new(site), ShellSettings::default())
}

#[tokio::test]
async fn a_page_has_the_layout_of_the_design() {
    let seen = ask(&whole(site("http://localhost:8080")), request("GET", "/?x=1", &[HTML], "")).await;
    for piece in [
        "<title>错误：我的&#60;证照&#62; – 信印 统一身份认证</title>",
        "<meta http-equiv=\"refresh\" content=\"0; url=https://my.shifan.example/?a=1&#38;b=2\">",
        "<header class=\"head head-slim\">",
        "<span class=\"mark\" aria-hidden=\"true\"><i>信</i><i>印</i></span>",
        "<span><b>信印 统一身份认证</b><small>示范省 示范市</small></span>",
        "</svg>阿依古丽·买买提 &lt;b&gt;</span>",
        "<form method=\"post\" action=\"/sign-out\"><input type=\"hidden\" name=\"form_token\" value=\"",
        "<a href=\"/view?lang=en&amp;to=/%3Fx%3D1\" lang=\"en\" hreflang=\"en\">English</a>",
        "<a id=\"size-switch\" href=\"/view?size=large&amp;to=/%3Fx%3D1\">长辈版</a>",
        "<li><a href=\"/licences\" aria-current=\"page\">我的证照</a></li>",
        "<span class=\"wide\">您正在</span>代表 <b>示范清和食品有限公司</b>，<span class=\"wide\">身份是</span>经办人<span class=\"wide\">，到2026年12月31日为止</span>",
        "<a class=\"back\" href=\"/act-for\">",
        "<main id=\"main\" class=\"wrap\" tabindex=\"-1\">\n<h1>我的证照</h1>\n</main>",
        "<li class=\"phone\"><a href=\"/view?lang=en",
        "遇到问题，请拨 <b class=\"num no-break\">0000-12345</b>",
        "<p>信印 0.1.0</p>",
        "<li><a href=\"/about/privacy\">隐私说明</a></li><li><a href=\"/about/access\">无障碍说明</a></li><li><a href=\"/about/help\">帮助</a></li>",
    ] {
        assert!(seen.text.contains(piece), "{piece}\n---\n{}", seen.text);
    }
    assert!(seen.text.contains(&format!("<span class=\"num no-break\">{}</span>", seen.header("xinyin-incident"))));
    let policy = seen.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && policy.contains("media-src"), "{policy}");
    assert_eq!(seen.header("permissions-policy").split(',').next(), Some("camera=(self)"));
}

#[tokio::test]
async fn the_foot_leads_somewhere() {
    for topic in ["privacy", "access", "help"] {
        for language in ["zh-CN", "en"] {
            let headers = [HTML, ("accept-language", language)];
            let seen = ask(&app(), request("GET", &format!("/about/{topic}"), &headers, "")).await;
            assert_eq!(seen.status, 200, "{topic}");
            assert!(!seen.text.contains("about-"), "{}", seen.text);
        }
    }
    assert_eq!(ask(&app(), request("GET", "/about/other", &[], "")).await.status, 404);
}

#[tokio::test]
async fn a_site_of_others_looks_so() {
    let mut portal = site("http://localhost:8080");
    portal.look = Some("portal");
    portal.mark = Some("民");
    portal.version_line = false;
    portal.notice = Some(web::words::Bilingual::new("演示网站", "Demonstration"));
    let seen = ask(&whole(portal), request("GET", "/", &[HTML, ("cookie", "xy_view=en.normal.light")], "")).await;
    for piece in [
        "<html lang=\"en\" data-theme=\"light\" data-site=\"portal\">",
        "<span class=\"mark\" aria-hidden=\"true\" lang=\"zh-CN\">民</span>",
        "<p>Demonstration</p>",
        "lang=\"zh-CN\" hreflang=\"zh-CN\">中文</a>",
        ", until 31 December 2026",
    ] {
        assert!(seen.text.contains(piece), "{piece}\n---\n{}", seen.text);
    }
}
