//! Faults that other providers have had with people's pages, each a row of the table in `docs/security.md`.

use http::StatusCode;
use serde_json::{Value, json};
use store::{on, sqlx};

use crate::authenticator::{Authenticator, BACKUP_ELIGIBLE, BACKUP_STATE, UP_UV};
use crate::conformance::Suite;
use crate::house::{Answer, Browser, House};
use crate::{PASSWORD, number, numbers, options};

const AUTHORIZE: &str = "/authorize?client_id=portal&response_type=code&scope=openid&state=s&nonce=n\
    &redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn policy(answer: &Answer) -> &str {
    answer.headers["content-security-policy"].to_str().expect("ascii")
}

/// KF-01: no form submission is open when the browser leaves for the client: the last form is answered by a page of ours, a
/// redirect to the client answers a GET alone, and no policy names a client. (In Chromium: `stories known_faults`.)
#[tokio::test]
async fn no_form_leads_straight_to_a_client() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.portal(|_| {}).await;
    let mut browser = Browser::new(&house);
    let (path, page) = browser.open(AUTHORIZE).await;
    assert!(policy(&page).contains("form-action 'self'") && !policy(&page).contains("8083"), "{}", policy(&page));
    let done = browser.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    assert_eq!((done.status, done.location.as_str()), (StatusCode::OK, ""), "a page, no redirect");
    assert!(done.text.contains("url=http://localhost:8083/callback?code="), "it moves on by itself: {}", done.text);
    assert!(!done.text.contains("<form"), "and has no form: {}", done.text);
    let existing = browser.get(AUTHORIZE).await;
    assert_eq!(existing.status, StatusCode::SEE_OTHER);
    assert!(existing.location.starts_with("http://localhost:8083/callback?code="), "{}", existing.location);
    let (path, page) = Browser::new(&house).open(AUTHORIZE).await;
    let mut other = Browser::new(&house);
    let (own, own_page) = other.open(AUTHORIZE).await;
    assert_ne!((path, page.status), (own.clone(), StatusCode::NOT_FOUND));
    let cancelled = other.fill(&own_page, &own, &[("cancel", "1")]).await;
    assert_eq!((cancelled.status, cancelled.location.as_str()), (StatusCode::OK, ""), "an error is a page too");
    // the one form that does go to a client is its own page, which a GET or a page of ours leads to
    let posted = browser.get(&format!("{AUTHORIZE}&response_mode=form_post")).await;
    assert!(posted.text.contains("data-submit") && !policy(&posted).contains("form-action"), "{}", policy(&posted));
}

/// Makes a passkey of this device on the account page, after a code.
async fn register(browser: &mut Browser<'_>, number: &str, device: &mut Authenticator) -> Answer {
    let at = browser.open("/account/passkey").await.0;
    if at.starts_with("/register/confirm") {
        assert_eq!(browser.prove_by_code("/account/passkey", number).await, "/account/passkey");
    }
    let page = browser.get("/account/passkey").await;
    let asked = options(&browser.fill(&page, "/account/passkey/options", &[]).await);
    let answer = device.create(&asked);
    browser.fill(&page, "/account/passkey", &[("title", "x"), ("answer", &answer)]).await
}

async fn use_it(house: &House, device: &mut Authenticator) -> Answer {
    let mut browser = Browser::new(house);
    let (path, page) = browser.open("/account").await;
    let asked = options(&browser.fill(&page, &format!("{path}/passkey"), &[]).await);
    let answer = device.get(&asked);
    browser.fill(&page, &path, &[("passkey", "1"), ("answer", &answer)]).await
}

/// KF-11: transports that nobody knows yet are kept and handed back; none at all is no obstacle.
#[tokio::test]
async fn a_passkey_registers_whatever_its_transports() {
    for (transports, kept) in [
        (
            Some(json!(["internal", "cable", "smart-card", "x-next-year"])),
            json!(["internal", "cable", "smart-card", "x-next-year"]),
        ),
        (Some(json!([])), json!([])),
        (None, json!([])),
        (Some(json!("usb")), json!([])),
        (Some(json!([7, "nfc", null])), json!(["nfc"])),
    ] {
        let house = House::new().await;
        let (number, ..) = numbers();
        house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
        let mut browser = Browser::new(&house);
        browser.sign_in(&number, PASSWORD).await;
        let mut device = Authenticator::new("http://localhost:8080");
        device.transports = transports.clone();
        let made = register(&mut browser, &number, &mut device).await;
        assert_eq!(made.location, "/account?done=passkey", "{transports:?}: {}", made.text);
        let mut other = Browser::new(&house);
        let (path, page) = other.open("/account").await;
        let asked = options(&other.fill(&page, &format!("{path}/passkey"), &[("login", &number)]).await);
        assert_eq!(asked["allowCredentials"][0]["transports"], kept, "{transports:?}");
        assert_eq!(use_it(&house, &mut device).await.location, "/account", "{transports:?}");
    }
}

async fn flags_of(house: &House) -> (Option<i64>, i64) {
    let mut tx = house.idp.db().reader().await.expect("a reader");
    let sql = "SELECT backup_eligible, backed_up FROM passkeys WHERE removed_at IS NULL";
    on!(&mut tx, c => sqlx::query_as(sql).fetch_one(c).await).expect("one passkey")
}

/// KF-12: "may be backed up" stays what it was at registration, "is backed up" may change, the impossible pair is refused, and a
/// flag that was never stored is learnt once. A refusal says why, offers the password, and stands in the record.
#[tokio::test]
async fn a_backup_flag_stays_what_it_was() {
    let refused = async |house: &House, device: &mut Authenticator, what: &str| {
        let events = "SELECT count(*) FROM audit WHERE result = 'passkey.backup_flag'";
        let before = house.count(events).await;
        let answer = use_it(house, device).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}");
        assert!(answer.text.contains("备份标记") && answer.text.contains("请用密码登录"), "{what}: {}", answer.text);
        assert!(answer.text.contains("id=\"password\""), "{what}: the other means are there");
        assert_eq!(house.count(events).await, before + 1, "{what}: an event");
    };
    for eligible in [true, false] {
        let house = House::new().await;
        let (number, ..) = numbers();
        house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
        let mut browser = Browser::new(&house);
        browser.sign_in(&number, PASSWORD).await;
        let mut device = Authenticator::new("http://localhost:8080");
        let (same, other) = if eligible { (UP_UV | BACKUP_ELIGIBLE, UP_UV) } else { (UP_UV, UP_UV | BACKUP_ELIGIBLE) };
        device.flags = same;
        assert_eq!(register(&mut browser, &number, &mut device).await.location, "/account?done=passkey");
        device.flags = other;
        refused(&house, &mut device, "changed").await;
        device.flags = UP_UV | BACKUP_STATE;
        refused(&house, &mut device, "the impossible pair").await;
        if eligible {
            for backed_up in [0, 1, 0] {
                device.flags = if backed_up == 1 { same | BACKUP_STATE } else { same };
                assert_eq!(use_it(&house, &mut device).await.location, "/account", "{backed_up}");
                assert_eq!(flags_of(&house).await, (Some(1), backed_up));
            }
        }
        let mut tx = house.idp.db().begin().await.expect("begins");
        let sql = "UPDATE passkeys SET backup_eligible = NULL";
        on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).expect(sql);
        tx.commit().await.expect("commits");
        device.flags = same;
        assert_eq!(use_it(&house, &mut device).await.location, "/account", "a flag that was never stored");
        assert_eq!(flags_of(&house).await.0, Some(i64::from(eligible)), "learnt");
        device.flags = other;
        refused(&house, &mut device, "changed after it was learnt").await;
    }
    // made with the impossible pair: refused at once
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&number, PASSWORD).await;
    let mut device = Authenticator::new("http://localhost:8080");
    device.flags = UP_UV | BACKUP_STATE;
    let made = register(&mut browser, &number, &mut device).await;
    assert_eq!(made.status, StatusCode::UNPROCESSABLE_ENTITY, "{} {}", made.location, made.text);
    assert_eq!(house.count("SELECT count(*) FROM passkeys").await, 0);
}

/// KF-13: the other means stand first, whatever browser asks; a passkey that is asked for without script says where it works. (With
/// a browser that has no or half a WebAuthn: `stories known_faults`.)
#[tokio::test]
async fn the_other_means_stand_before_the_passkey() {
    let house = House::new().await;
    let wechat = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Mobile MicroMessenger/8.0.47";
    let mut browser = Browser::new(&house);
    let (path, plain) = browser.open("/account").await;
    let inside = browser.call("GET", &path, &[("user-agent", wechat)], None).await;
    for page in [&plain, &inside] {
        let at = |id: &str| page.text.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("{id}: {}", page.text));
        assert!(at("password") < at("submit") && at("submit") < at("passkey"), "{}", page.text);
        assert!(page.text.contains("data-none=\"这个浏览器不能用通行密钥"), "{}", page.text);
    }
    let pressed = browser.fill(&plain, &path, &[("passkey", "1")]).await;
    assert!(pressed.text.contains("通行密钥要在打开了脚本的浏览器里用"), "{}", pressed.text);
}

/// KF-26: characters beyond the first plane are the same in form, page, JSON and database, alone and between common ones.
#[tokio::test]
async fn rare_characters_stay_themselves() {
    let mut suite = Suite::start().await;
    let names = ["𠮷", "李𠮷明", "𬀩", "欧阳𬀩", "䮌", "䮌𠮷·𬀩张"];
    for (n, name) in (1..).zip(names) {
        let number = number(&format!("1101011990030{n}000"));
        let phone = format!("1000000010{n}");
        suite
            .house
            .registers
            .lock()
            .expect("no panic")
            .people
            .insert(number.clone(), (name.to_owned(), Some(phone.clone())));
        let mut browser = Browser::new(&suite.house);
        let page = browser.get("/register").await;
        let fields = [("name", name), ("number", number.as_str()), ("phone", phone.as_str())];
        let path = browser.fill(&page, "/register", &fields).await.location;
        let page = browser.get(&path).await;
        let path = browser.fill(&page, &path, &[("code", &suite.house.code(&number))]).await.location;
        let page = browser.get(&path).await;
        let done = browser.fill(&page, &path, &[("password", PASSWORD), ("again", PASSWORD)]).await;
        assert_eq!(done.location, "/account", "{name}: {}", done.text);
        assert!(browser.get("/account").await.text.contains(name), "{name} on the page");
        suite.number = number;
        let tokens = suite.tokens(&mut Browser::new(&suite.house), &[("scope", "openid profile")]).await;
        let info = suite.userinfo(tokens["access_token"].as_str().expect("a token")).await;
        let info: Value = serde_json::from_str(&info.text).expect("JSON");
        assert_eq!(info["name"].as_str(), Some(name));
    }
}

/// KF-36: a register that writes another dot within a name knows its people all the same, and the page says that number and name
/// do not match, never that a name is wrong.
#[tokio::test]
async fn a_register_with_another_dot_knows_its_people() {
    let house = House::new().await;
    let (known, other, _) = numbers();
    let mut network = 0;
    for dot in ['·', '•', '・', '．', '‧'] {
        let name = format!("阿依古丽{dot}买买提");
        house.registers.lock().expect("no panic").people.insert(known.clone(), (name, Some("10000000012".to_owned())));
        for typed in ["阿依古丽·买买提", "阿依古丽•买买提", "阿依古丽・买买提", "阿依古丽．买买提", "阿依古丽‧买买提"]
        {
            house.wait(600);
            let mut browser = Browser::new(&house);
            network += 1;
            browser.address = std::net::IpAddr::from([198, 51, 100, network]);
            let page = browser.get("/register").await;
            let fields = [("name", typed), ("number", known.as_str()), ("phone", "10000000012")];
            let begun = browser.fill(&page, "/register", &fields).await;
            assert_eq!(begun.status, StatusCode::SEE_OTHER, "{dot} {typed}: {}", begun.text);
        }
    }
    for name in ["䮌", "𠮷", "〇", "张", "Jean-Luc O'Brien", "买买提·阿依古丽·测试·示范·一二三四五六七八九十"]
    {
        house.wait(600);
        let mut browser = Browser::new(&house);
        network += 1;
        browser.address = std::net::IpAddr::from([198, 51, 100, network]);
        let page = browser.get("/register").await;
        let fields = [("name", name), ("number", other.as_str()), ("phone", "10000000013")];
        let refused = browser.fill(&page, "/register", &fields).await;
        assert!(refused.text.contains("姓名和号码对不上"), "{name}: {}", refused.text);
        house.registers.lock().expect("no panic").people.insert(other.clone(), (name.to_owned(), None));
        let begun = browser.fill(&page, "/register", &fields).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{name}: {}", begun.text);
        house.registers.lock().expect("no panic").people.remove(&other);
    }
}
