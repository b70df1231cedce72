//! Stories of people: signing in, registering, acting for organisations, minding their account.

#![allow(missing_docs, unreachable_pub)]

mod alike;
mod authenticator;
mod browsers;
mod budget;
mod conformance;
mod house;
mod known_faults;
mod means;

use authenticator::{Authenticator, BACKUP_ELIGIBLE, BACKUP_STATE, UP_UV};
use house::{Answer, Browser, House};
use http::StatusCode;
use idp::mandate::Role;
use idp::provision::{self, NewMandate, NewOrganisation};

const AYGUL: &str = "110101199003070003";
const OUYANG: &str = "11010119851112000X";
const PASSWORD: &str = "three unrelated words";

fn number(first: &str) -> String {
    (0..=10)
        .map(|n| format!("{first}{}", if n == 10 { "X".to_owned() } else { n.to_string() }))
        .find(|text| text.parse::<verifier::subject::IdNumber>().is_ok())
        .expect("one check character fits")
}

fn credit_code() -> verifier::subject::SocialCreditCode {
    let all = || ('0'..='9').chain('A'..='Z');
    let mut ends = all().flat_map(|one| all().map(move |two| format!("91110000MA000000{one}{two}")));
    ends.find_map(|text| text.parse().ok()).expect("both check characters fit once")
}

fn numbers() -> (String, String, String) {
    (number(&AYGUL[..17]), number(&OUYANG[..17]), number("11010119700101000"))
}

#[tokio::test]
async fn a_person_signs_in_by_number_or_phone_and_password() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    let spaced = format!(" {} {} ", &number[..6], &number[6..].to_lowercase());
    for login in [number.as_str(), "10000000012", "+86 100 0000 0012", &spaced] {
        let mut browser = Browser::new(&house);
        let answer = browser.sign_in(login, PASSWORD).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/account"), "{login}");
        let account = browser.get("/account").await;
        assert_eq!(account.status, StatusCode::OK, "{}", account.text);
        assert!(
            account.text.contains("阿依古丽·买买提")
                && account.text.contains(&format!("**************{}", &number[14..]))
        );
        assert!(!account.text.contains(&number) && !account.text.contains("10000000012"), "no whole number");
    }
    assert_eq!(house.count("SELECT count(*) FROM audit WHERE action = 'session.sign_in' AND result = 'done'").await, 4);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_number_get_the_same_answer() {
    let house = House::new().await;
    let (number, unknown, _) = numbers();
    house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    let mut texts = Vec::new();
    let mut statements = Vec::new();
    for login in [&number, &unknown] {
        let mut browser = Browser::new(&house);
        let (path, page) = browser.open("/account").await;
        let before = house.idp.db().statements();
        let answer = browser.fill(&page, &path, &[("login", login), ("password", "not this one at all")]).await;
        statements.push(house.idp.db().statements() - before);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains("role=\"alert\"") && answer.text.contains("<title>错误："), "{}", answer.text);
        assert_eq!(answer.value("login"), *login, "what was typed is kept");
        assert_eq!(answer.value("password"), "", "but not the password");
        texts.push(answer.steady().replace(login.as_str(), "").replace(path.trim_start_matches("/sign-in/"), ""));
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(statements[0], statements[1]);
}

#[tokio::test]
async fn what_cannot_be_a_number_is_said_so() {
    let house = House::new().await;
    let mut browser = Browser::new(&house);
    let (path, page) = browser.open("/account").await;
    for (login, words) in [
        ("1000000001", "手机号应是 11 位，现在是 10 位"),
        ("", "请填身份证号或手机号"),
        ("110101199003070000", "身份证号里有一位不对"),
        ("11010119900307", "现在是 14"),
        ("<b>", "这里填 18 位身份证号"),
    ] {
        let answer = browser.fill(&page, &path, &[("login", login), ("password", "x")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{login}");
        assert!(answer.text.contains(words), "{login}: {}", answer.text);
        assert!(!answer.text.contains("value=\"<b>"), "escaped");
    }
    let nul = browser.fill(&page, &path, &[("login", "a\0b"), ("password", "x")]).await;
    assert!(nul.status.is_client_error() && nul.text.contains("login"), "{}", nul.text);
    browser.language = "en";
    let english = browser.get(&path).await;
    assert!(english.text.contains("Forgotten your password?") && !english.text.contains("密码"), "{}", english.text);
    let foreign = browser.post(&path, &[("login", "x"), ("password", "y")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "no token");
}

#[tokio::test]
async fn tries_are_limited_and_the_real_person_is_not_locked_out() {
    let house = House::new().await;
    let (number, unknown, _) = numbers();
    house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    let mut own = Browser::new(&house);
    own.sign_in(&number, PASSWORD).await; // the device is known from now on
    own.cookies.retain(|name, _| name.ends_with("_device"));
    for login in [&number, &unknown] {
        let mut attacker = Browser::new(&house);
        let (path, page) = attacker.open("/account").await;
        for n in 0..5 {
            let answer = attacker.fill(&page, &path, &[("login", login), ("password", "a wrong password")]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
        }
        let answer = attacker.fill(&page, &path, &[("login", login), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "the right one is not looked at either");
        assert_eq!(answer.headers["retry-after"], "30");
    }
    let answer = own.sign_in(&number, PASSWORD).await;
    assert_eq!(answer.location, "/account", "the person's own device, in the same network");
    let mut elsewhere = Browser::new(&house);
    elsewhere.address = "198.51.100.9".parse().expect("an address");
    assert_eq!(elsewhere.sign_in(&number, PASSWORD).await.location, "/account", "a new device elsewhere");
    house.wait(31);
    let mut same_network = Browser::new(&house);
    assert_eq!(same_network.sign_in(&number, PASSWORD).await.location, "/account", "after the wait, here too");
}

#[tokio::test]
async fn somebody_registers_to_level_two() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.registers.lock().expect("no panic").people =
        [(number.clone(), ("阿依古丽·买买提".to_owned(), Some("10000000012".to_owned())))].into();
    let mut browser = Browser::new(&house);
    let page = browser.get("/register").await;
    let fields = [("name", "阿依古丽.买买提"), ("number", number.as_str()), ("phone", "100 0000 0012")];
    let wrong = browser.fill(&page, "/register", &[("name", "别人"), fields[1], fields[2]]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("姓名和号码对不上"), "{}", wrong.text);
    assert_eq!(wrong.value("name"), "别人");
    let begun = browser.fill(&page, "/register", &fields).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let code_path = begun.location.clone();
    let code_page = browser.get(&code_path).await;
    assert!(code_page.text.contains("*******0012") && !code_page.text.contains("10000000012"), "{}", code_page.text);

    let code = house.code(&number);
    let other = if code == "000000" { "000001" } else { "000000" };
    let answer = browser.fill(&code_page, &code_path, &[("code", other)]).await;
    assert!(answer.text.contains("还可以试 4 次"), "{}", answer.text);
    let mut thief = Browser::new(&house);
    thief.get("/register").await;
    assert_eq!(thief.get(&code_path).await.status, StatusCode::BAD_REQUEST, "another browser's");
    let answer = browser.fill(&code_page, &code_path, &[("code", &code)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let means_path = answer.location.clone();
    let means = browser.get(&means_path).await;
    assert!(means.text.contains("身份等级 <b>2 级</b>"), "{}", means.text);

    let weak = browser.fill(&means, &means_path, &[("password", "1234567890"), ("again", "1234567890")]).await;
    assert!(weak.text.contains("太常见"), "{}", weak.text);
    let unequal = browser.fill(&means, &means_path, &[("password", PASSWORD), ("again", "another")]).await;
    assert!(unequal.text.contains("两次输的不一样"), "{}", unequal.text);
    let done = browser.fill(&means, &means_path, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!((done.status, done.location.as_str()), (StatusCode::SEE_OTHER, "/account"), "{}", done.text);
    let account = browser.get("/account").await;
    assert!(account.text.contains("您的身份等级是 2 级") && account.text.contains("*******0012"), "{}", account.text);
    assert_eq!(
        browser.fill(&means, &means_path, &[("password", PASSWORD), ("again", PASSWORD)]).await.status,
        StatusCode::BAD_REQUEST
    );

    for login in [number.as_str(), "10000000012"] {
        assert_eq!(Browser::new(&house).sign_in(login, PASSWORD).await.location, "/account", "{login}");
    }
    assert_eq!(house.count("SELECT count(*) FROM evidence").await, 2);
    assert_eq!(house.registers.lock().expect("no panic").unsigned, 0, "every call carries an assertion");
}

#[tokio::test]
async fn a_form_sent_twice_begins_one_registration() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.registers.lock().expect("no panic").people =
        [(number.clone(), ("阿依古丽·买买提".to_owned(), Some("10000000012".to_owned())))].into();
    let messages = || house.registers.lock().expect("no panic").messages.len();
    let mut browser = Browser::new(&house);
    let page = browser.get("/register").await;
    let fields = [("name", "阿依古丽.买买提"), ("number", number.as_str()), ("phone", "100 0000 0012")];
    let mut twin = Browser::new(&house);
    twin.cookies = browser.cookies.clone();
    let (first, second) =
        tokio::join!(browser.fill(&page, "/register", &fields), twin.fill(&page, "/register", &fields));
    let late = browser.fill(&page, "/register", &fields).await;
    for answer in [&first, &second, &late] {
        assert_eq!((answer.status, &answer.location), (StatusCode::SEE_OTHER, &first.location), "{}", answer.text);
    }
    assert_eq!((messages(), house.count("SELECT count(*) FROM registrations").await), (1, 1));
    assert_eq!(house.count("SELECT count(*) FROM audit WHERE action = 'registration.begin'").await, 1);

    // another phone is another registration, and so is a page asked for anew
    let other = [fields[0], fields[1], ("phone", "10000000013")];
    assert_ne!(browser.fill(&page, "/register", &other).await.location, first.location);
    let anew = browser.get("/register").await;
    assert_ne!(browser.fill(&anew, "/register", &fields).await.location, first.location);
    // what somebody else's browser sends does not come to it
    let mut thief = Browser::new(&house);
    let own = thief.get("/register").await;
    let (token, request) = (own.value("form_token"), page.value("request_id"));
    let sent = [("form_token", token.as_str()), ("request_id", &request), fields[0], fields[1], fields[2]];
    assert_ne!(thief.post("/register", &sent).await.location, first.location);
    assert_eq!(messages(), 4);

    // raising the level is one step too
    house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    let mut holder = Browser::new(&house);
    holder.sign_in(&number, PASSWORD).await;
    let page = holder.get("/register/confirm").await;
    let first = holder.fill(&page, "/register/confirm", &[]).await;
    let second = holder.fill(&page, "/register/confirm", &[]).await;
    assert_eq!((first.status, &first.location), (StatusCode::SEE_OTHER, &second.location), "{}", first.text);
    let page = holder.get(&second.location).await;
    let code = house.code(&number);
    assert_eq!(holder.fill(&page, &second.location, &[("code", &code)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(messages(), 5);
}

#[tokio::test]
async fn one_number_is_not_tried_from_everywhere_at_once() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.registers.lock().expect("no panic").people = [
        (number.clone(), ("欧阳测试".to_owned(), Some("10000000012".to_owned()))),
        (other.clone(), ("张三".to_owned(), Some("10000000013".to_owned()))),
    ]
    .into();
    let begin = async |network: u8, name: &str, number: &str| {
        let mut browser = Browser::new(&house);
        browser.address = std::net::IpAddr::from([198, 51, 100, network]);
        let page = browser.get("/register").await;
        let fields = [("name", name), ("number", number), ("phone", "10000000012")];
        browser.fill(&page, "/register", &fields).await.status
    };
    for network in 0..20 {
        assert_eq!(begin(network, "欧阳测试", &number).await, StatusCode::SEE_OTHER, "{network}");
    }
    assert_eq!(begin(20, "欧阳测试", &number).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.registers.lock().expect("no panic").messages.len(), 20, "no message either");
    assert_eq!(begin(21, "张三", &other).await, StatusCode::SEE_OTHER, "others go on");
    house.wait(31);
    assert_eq!(begin(22, "欧阳测试", &number).await, StatusCode::SEE_OTHER, "and the holder after a wait");
}

#[tokio::test]
async fn strangers_do_not_keep_a_holder_from_a_code() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    let mut own = Browser::new(&house);
    own.sign_in(&number, PASSWORD).await; // the device is known from now on
    let mut signed_in = Browser::new(&house);
    signed_in.sign_in(&number, PASSWORD).await;
    signed_in.cookies.retain(|name, _| !name.ends_with("_device"));
    let begin = async |browser: &mut Browser<'_>| {
        let page = browser.get("/register?for=password").await;
        let fields = [("name", "欧阳测试"), ("number", number.as_str()), ("phone", "10000000012")];
        browser.fill(&page, "/register?for=password", &fields).await
    };
    let mut last = StatusCode::OK;
    for network in 0..21 {
        let mut stranger = Browser::new(&house);
        stranger.address = std::net::IpAddr::from([198, 51, 100, network]);
        last = begin(&mut stranger).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let answer = begin(&mut own).await;
    assert!(answer.location.ends_with("/code"), "his own device: {}", answer.text);
    assert_eq!(signed_in.prove_by_code("/account/passkey", &number).await, "/account/passkey", "signed in");
}

/// A trigger replaces the password as soon as the try is counted: between that and the session the hash takes its time.
#[tokio::test]
async fn a_password_that_was_replaced_while_it_was_judged_opens_nothing() {
    for known in [false, true] {
        let house = House::new().await;
        if house.idp.db().is_postgres() {
            return; // triggers are written otherwise there
        }
        let (number, ..) = numbers();
        house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
        let mut browser = Browser::new(&house);
        if known {
            browser.sign_in(&number, PASSWORD).await;
            browser.cookies.retain(|name, _| name.ends_with("_device"));
        }
        let before = house.count("SELECT count(*) FROM sessions").await;
        let mut tx = house.idp.db().begin().await.expect("a transaction");
        for sql in [
            "CREATE TRIGGER a AFTER INSERT ON attempts BEGIN UPDATE passwords SET hash = 'replaced'; END",
            "CREATE TRIGGER b AFTER UPDATE ON attempts BEGIN UPDATE passwords SET hash = 'replaced'; END",
        ] {
            store::on!(&mut tx, c => store::sqlx::query(sql).execute(c).await.map(drop)).expect("a trigger");
        }
        tx.commit().await.expect("commits");
        let answer = browser.sign_in(&number, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{known} {}", answer.location);
        assert_eq!(house.count("SELECT count(*) FROM sessions").await, before);
        assert_eq!(house.count("SELECT count(*) FROM audit WHERE result = 'signin.wrong'").await, 1);
    }
}

#[tokio::test]
async fn a_phone_that_only_ends_alike_leads_to_nobody_else() {
    let house = House::new().await;
    let (victim, thief, _) = numbers();
    house.person(&victim, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    house.registers.lock().expect("no panic").people =
        [(thief.clone(), ("欧阳测试".to_owned(), Some("10001110012".to_owned())))].into();
    let register = async |phone: &str| {
        let mut browser = Browser::new(&house);
        let page = browser.get("/register").await;
        let fields = [("name", "欧阳测试"), ("number", thief.as_str()), ("phone", phone)];
        let path = browser.fill(&page, "/register", &fields).await.location;
        let page = browser.get(&path).await;
        let path = browser.fill(&page, &path, &[("code", &house.code(&thief))]).await.location;
        let page = browser.get(&path).await;
        let words = "words of another one";
        browser.fill(&page, &path, &[("password", words), ("again", words)]).await.location
    };
    assert_eq!(register("10000000012").await, "/account", "the number is proved by the code");
    assert_eq!(Browser::new(&house).sign_in("10000000012", PASSWORD).await.location, "/account", "still the victim's");
    let stolen = Browser::new(&house).sign_in("10000000012", "words of another one").await;
    assert_eq!(stolen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.count("SELECT count(*) FROM phones WHERE verified = 1").await, 1, "the victim's");
    assert_eq!(register("10001110012").await, "/account");
    assert_eq!(Browser::new(&house).sign_in("10001110012", "words of another one").await.location, "/account");
    assert_eq!(house.count("SELECT count(*) FROM phones WHERE verified = 1").await, 2);
}

#[tokio::test]
async fn a_code_has_five_tries_and_ten_minutes() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.registers.lock().expect("no panic").people = [
        (number.clone(), ("欧阳测试".to_owned(), Some("10000000012".to_owned()))),
        (other.clone(), ("张三".to_owned(), None)),
    ]
    .into();
    let mut browser = Browser::new(&house);
    let page = browser.get("/register").await;
    let fields = [("name", "欧阳测试"), ("number", number.as_str()), ("phone", "10000000012")];
    let path = browser.fill(&page, "/register", &fields).await.location;
    let code_page = browser.get(&path).await;
    let code = house.code(&number);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(browser.fill(&code_page, &path, &[("code", wrong)]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = browser.fill(&code_page, &path, &[("code", &code)]).await;
    assert!(answer.text.contains("不能再用"), "{}", answer.text);
    browser.fill(&code_page, &path, &[("resend", "1")]).await;
    assert_eq!(house.registers.lock().expect("no panic").messages.len(), 1, "not within a minute");
    house.wait(60);
    browser.fill(&code_page, &path, &[("resend", "1")]).await;
    let second = house.code(&number);
    assert_eq!(house.registers.lock().expect("no panic").messages.len(), 2);
    house.wait(600);
    let answer = browser.fill(&code_page, &path, &[("code", &second)]).await;
    assert!(answer.text.contains("不能再用"), "expired: {}", answer.text);

    // No phone at the operator: the same page as for everyone.
    let fields = [("name", "张三"), ("number", other.as_str()), ("phone", "10000000099")];
    let path = browser.fill(&page, "/register", &fields).await.location;
    let page = browser.get(&path).await;
    assert!(page.text.contains("*******0099"), "{}", page.text);
    let later = browser.fill(&page, &path, &[("later", "1")]).await;
    let means = browser.get(&later.location).await;
    assert!(means.text.contains("身份等级 <b>1 级</b>"), "{}", means.text);
    browser.fill(&means, &later.location, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    let account = browser.get("/account").await;
    assert!(
        account.text.contains("您的身份等级是 1 级") && account.text.contains("/register/confirm"),
        "{}",
        account.text
    );
}

#[tokio::test]
async fn stronger_proof_evicts_a_weaker_claim() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.registers.lock().expect("no panic").people =
        [(number.clone(), ("欧阳测试".to_owned(), Some("10000000012".to_owned())))].into();
    let register = async |browser: &mut Browser<'_>, with_code: bool, password: &str| {
        let page = browser.get("/register").await;
        let fields = [("name", "欧阳测试"), ("number", number.as_str()), ("phone", "10000000012")];
        let path = browser.fill(&page, "/register", &fields).await.location;
        let page = browser.get(&path).await;
        let code = house.code(&number);
        let field = if with_code { ("code", code.as_str()) } else { ("later", "1") };
        let path = browser.fill(&page, &path, &[field]).await.location;
        let page = browser.get(&path).await;
        browser.fill(&page, &path, &[("password", password), ("again", password)]).await
    };
    let mut squatter = Browser::new(&house);
    register(&mut squatter, false, "the squatter's words").await;
    assert_eq!(squatter.get("/account").await.status, StatusCode::OK);
    let mut real = Browser::new(&house);
    let done = register(&mut real, true, PASSWORD).await;
    assert_eq!(done.location, "/account", "{}", done.text);
    assert_ne!(squatter.get("/account").await.status, StatusCode::OK, "the weaker account is over");
    let refused = Browser::new(&house).sign_in(&number, "the squatter's words").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(Browser::new(&house).sign_in(&number, PASSWORD).await.location, "/account");
    register(&mut Browser::new(&house), false, "the squatter is back").await;
    assert_eq!(Browser::new(&house).sign_in(&number, PASSWORD).await.location, "/account", "and stays");
    assert_eq!(house.count("SELECT count(*) FROM persons WHERE state = 'active'").await, 2);

    // The same number proved again is the same person: the way back for a lost password.
    register(&mut Browser::new(&house), true, "words of another day").await;
    assert_eq!(Browser::new(&house).sign_in(&number, "words of another day").await.location, "/account");
    assert_ne!(real.get("/account").await.status, StatusCode::OK, "older sessions are over");
    assert_eq!(house.count("SELECT count(*) FROM persons WHERE state = 'active'").await, 1, "nobody new");
}

#[tokio::test]
async fn a_person_minds_sessions_and_password() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    let (mut here, mut there) = (Browser::new(&house), Browser::new(&house));
    here.sign_in(&number, PASSWORD).await;
    there.sign_in(&number, PASSWORD).await;
    let page = here.get("/account").await;
    assert_eq!(page.text.matches("name=\"end_session\"").count(), 2, "the other one, and all others");
    assert_eq!(here.post("/account", &[("end_session", "others")]).await.status, StatusCode::FORBIDDEN, "no token");
    here.fill(&page, "/account", &[("end_session", "others")]).await;
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.get("/account").await.status, StatusCode::OK);

    there.sign_in(&number, PASSWORD).await;
    let page = here.get("/account/password").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let known = here.fill(&page, "/account/password", &[("password", "x10000000012"), ("again", "x10000000012")]).await;
    assert!(known.text.contains("不要有自己的身份证号或手机号"), "{}", known.text);
    let new = "words of another day";
    let done = here.fill(&page, "/account/password", &[("password", new), ("again", new)]).await;
    assert_eq!(done.location, "/account?done=password", "{}", done.text);
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER, "signed out elsewhere");
    assert_eq!(Browser::new(&house).sign_in(&number, new).await.location, "/account");
    house.wait(301);
    let (path, _) = here.open("/account/password").await;
    assert!(path.starts_with("/sign-in/"), "a change needs a fresh sign-in: {path}");
    let options = here.post("/account/passkey/options", &[("form_token", &page.value("form_token"))]).await;
    assert_eq!(options.status, StatusCode::FORBIDDEN, "a passkey too");
}

#[tokio::test]
async fn passkey_options_are_alike_for_known_and_unknown() {
    let house = House::new().await;
    let (number, unknown, _) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    let mut browser = Browser::new(&house);
    let (path, page) = browser.open("/account").await;
    let mut shapes = Vec::new();
    for login in [number.as_str(), unknown.as_str(), ""] {
        let answer = browser.fill(&page, &format!("{path}/passkey"), &[("login", login)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let options: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
        assert_eq!((&options["rpId"], &options["userVerification"]), (&"localhost".into(), &"required".into()));
        shapes.push(options["allowCredentials"].as_array().expect("a list").len());
    }
    assert_eq!(shapes, [1, 1, 0]);
    let nonsense = browser.fill(&page, &path, &[("passkey", "1"), ("answer", "{}")]).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    let plain = browser.fill(&page, &path, &[("passkey", "1")]).await;
    assert!(plain.text.contains("通行密钥要在打开了脚本的浏览器里用"), "without script there is another way");
    browser.sign_in(&number, PASSWORD).await;
    assert_eq!(browser.prove_by_code("/account/passkey", &number).await, "/account/passkey");
    let page = browser.get("/account/passkey").await;
    let options = browser.fill(&page, "/account/passkey/options", &[]).await;
    let options: serde_json::Value = serde_json::from_str(&options.text).expect("JSON");
    assert_eq!(options["user"]["displayName"], "欧阳测试");
    assert!(!options.to_string().contains(&number));
    let script = browser.get("/static/passkey.js").await;
    assert!(script.headers["content-type"].to_str().expect("ascii").starts_with("text/javascript"));
}

fn options(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    serde_json::from_str(&answer.text).expect("JSON")
}

/// Makes a passkey on the account page of a browser that has just signed in, after a code to the phone of `number`.
async fn make_passkey(browser: &mut Browser<'_>, number: &str) -> Authenticator {
    let mut authenticator = Authenticator::new("http://localhost:8080");
    assert_eq!(browser.prove_by_code("/account/passkey", number).await, "/account/passkey");
    let page = browser.get("/account/passkey").await;
    let asked = options(&browser.fill(&page, "/account/passkey/options", &[]).await);
    let answer = authenticator.create(&asked);
    let kept = browser.fill(&page, "/account/passkey", &[("title", "我的手机"), ("answer", &answer)]).await;
    assert_eq!(kept.location, "/account?done=passkey", "{}", kept.text);
    let again = browser.fill(&page, "/account/passkey", &[("title", "x"), ("answer", &answer)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a challenge answers once");
    authenticator
}

#[tokio::test]
async fn a_passkey_signs_in_with_and_without_a_number() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.person(&other, "张三", "10000000039", PASSWORD).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&number, PASSWORD).await;
    let mut authenticator = make_passkey(&mut browser, &number).await;
    for (login, accepted) in [("", true), (number.as_str(), true), ("10000000012", true), (other.as_str(), false)] {
        let mut browser = Browser::new(&house);
        let (path, page) = browser.open("/account").await;
        let asked = options(&browser.fill(&page, &format!("{path}/passkey"), &[("login", login)]).await);
        if login == number {
            assert_eq!(asked["allowCredentials"][0]["transports"][1], "x-next-year");
        }
        let answer = authenticator.get(&asked);
        let done = browser.fill(&page, &path, &[("login", login), ("passkey", "1"), ("answer", &answer)]).await;
        assert_eq!(done.location == "/account", accepted, "{login}: {}", done.text);
        if accepted {
            let account = browser.get("/account").await;
            assert!(
                account.text.contains("您的身份等级是 3 级") && account.text.contains("我的手机"),
                "{}",
                account.text
            );
            let replayed = browser.fill(&page, &path, &[("passkey", "1"), ("answer", &answer)]).await;
            assert_ne!(replayed.location, "/account", "once");
        }
    }
    // The backup flag of the registration stays; the impossible pair, a copied key, an unverified user are refused.
    for (flags, counter, words) in [
        (UP_UV | BACKUP_ELIGIBLE, 100, "备份标记"),
        (UP_UV | BACKUP_STATE, 200, "备份标记"),
        (0x01, 300, "没有确认是您本人"),
        (UP_UV, 0, "可能被复制过"),
    ] {
        (authenticator.flags, authenticator.counter) = (flags, counter);
        let mut browser = Browser::new(&house);
        let (path, page) = browser.open("/account").await;
        let asked = options(&browser.fill(&page, &format!("{path}/passkey"), &[]).await);
        let answer = authenticator.get(&asked);
        let refused = browser.fill(&page, &path, &[("passkey", "1"), ("answer", &answer)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{flags:#x}");
        assert!(refused.text.contains(words), "{words}: {}", refused.text);
    }
    let page = browser.get("/account").await;
    let id = page.value("remove_passkey");
    let removed = browser.fill(&page, "/account", &[("remove_passkey", &id)]).await;
    assert_eq!(removed.location, "/account?done=removed");
    assert!(browser.get("/account?done=removed").await.text.contains("通行密钥已移除"));
}

#[tokio::test]
async fn a_level_that_is_too_low_leads_to_the_next_one() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.portal(|_| {}).await;
    let authorize = "/authorize?client_id=portal&response_type=code&scope=openid&state=s&nonce=n\
        &acr_values=urn%3Axinyin%3Aacr%3A3&redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let mut browser = Browser::new(&house);
    let (path, page) = browser.open(authorize).await;
    assert!(page.text.contains("要求身份等级 3 级"), "{}", page.text);
    let answer = browser.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    assert_eq!(answer.location, path, "stays: {}", answer.text);
    let lift = browser.get(&path).await;
    assert!(lift.text.contains("还差一步") && !lift.text.contains("name=\"make\""), "a code first: {}", lift.text);
    let confirm = format!("/register/confirm?i={}", path.trim_start_matches("/sign-in/"));
    assert_eq!(browser.prove_by_code(&confirm, &number).await, path);
    let lift = browser.get(&path).await;
    assert!(lift.text.contains("name=\"make\""), "{}", lift.text);
    let mut authenticator = Authenticator::new("http://localhost:8080");
    let asked = options(&browser.fill(&lift, &format!("{path}/passkey"), &[]).await);
    let made = browser.fill(&lift, &path, &[("make", "1"), ("answer", &authenticator.create(&asked))]).await;
    assert_eq!(made.location, path, "{}", made.text);
    let lift = browser.get(&path).await;
    assert!(lift.text.contains("name=\"passkey\""), "{}", lift.text);
    let asked = options(&browser.fill(&lift, &format!("{path}/passkey"), &[]).await);
    let done = browser.fill(&lift, &path, &[("passkey", "1"), ("answer", &authenticator.get(&asked))]).await;
    assert!(done.text.contains("http://localhost:8083/callback?code="), "{} {}", done.location, done.text);

    // A voluntary level may be left out; the client then sees the lower one.
    let mut other = Browser::new(&house);
    let (path, page) = other.open(authorize).await;
    other.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    let lift = other.get(&path).await;
    let skipped = other.fill(&lift, &path, &[("skip", "1")]).await;
    assert!(skipped.text.contains("callback?code="), "{}", skipped.text);
}

#[tokio::test]
async fn the_picker_offers_the_persons_of_this_browser() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.person(&other, "张三", "10000000039", PASSWORD).await;
    house.portal(|_| {}).await;
    let authorize = "/authorize?client_id=portal&response_type=code&scope=openid&state=s&nonce=n\
        &prompt=select_account&redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let mut browser = Browser::new(&house);
    browser.sign_in(&number, PASSWORD).await;
    let (path, page) = browser.open(authorize).await;
    assert!(path.starts_with("/select-account/") && page.text.contains("欧阳测试"), "{path}");
    assert!(!page.text.contains(&number), "masked");
    let answer = browser.fill(&page, &path, &[("account", "other")]).await;
    assert!(answer.location.starts_with("/sign-in/"), "{}", answer.text);
    let sign_in = browser.get(&answer.location).await;
    let done = browser.fill(&sign_in, &answer.location, &[("login", &other), ("password", PASSWORD)]).await;
    assert!(done.text.contains("callback?code="), "{} {}", done.location, done.text);
    let (path, page) = browser.open(authorize).await;
    assert!(page.text.contains("欧阳测试") && page.text.contains("张三"), "{}", page.text);
    let first = page.value("account");
    let forgotten = browser.fill(&page, &path, &[("account", &first), ("forget", "1")]).await;
    assert_eq!(forgotten.location, path);
    let page = browser.get(&path).await;
    assert!(!(page.text.contains("欧阳测试") && page.text.contains("张三")), "one is forgotten");
    let left = page.value("account");
    let done = browser.fill(&page, &path, &[("account", &left)]).await;
    assert!(done.text.contains("callback?code="), "{} {}", done.location, done.text);
}

#[tokio::test]
async fn a_person_chooses_for_whom_to_act() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    let boss = house.person(&other, "欧阳测试", "10000000039", PASSWORD).await;
    let person = house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    house.portal(|client| client.acts_for_organisations = true).await;
    let code = credit_code();
    let organisation = NewOrganisation {
        code,
        name: "示范清和食品有限公司".to_owned(),
        region: "110000".to_owned(),
        is_registered: true,
    };
    provision::organisation(&house.idp, &organisation).await.expect("loads");
    let now = house.idp.sources().now();
    let mandate = NewMandate {
        person,
        organisation: code,
        role: Role::Operator,
        matters: vec!["food.permit".to_owned(), "annual.report".to_owned()],
        starts_at: None,
        until: Some(now.plus(86_400)),
        given_by: Some(boss),
    };
    let id = provision::mandate(&house.idp, &mandate).await.expect("loads");
    assert_eq!(provision::mandate(&house.idp, &mandate).await.expect("again"), id);

    let mut browser = Browser::new(&house);
    let authorize = "/authorize?client_id=portal&response_type=code&scope=openid&state=s&nonce=n\
        &redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let (path, page) = browser.open(authorize).await;
    assert!(path.starts_with("/sign-in/") && page.text.contains("示范门户"), "{path} {}", page.text);
    let answer = browser.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    assert!(answer.location.starts_with("/act-for/"), "{} {}", answer.location, answer.text);
    let path = answer.location;
    let page = browser.get(&path).await;
    for words in ["示范清和食品有限公司", "经办人，可办指定的 2 项", "由欧阳测试给出", "我本人"]
    {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    let nobody = browser.fill(&page, &path, &[("subject", "somebody-else")]).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answer = browser.fill(&page, &path, &[("subject", id.as_str())]).await;
    assert_eq!(answer.status, StatusCode::OK, "the page that moves on: {} {}", answer.location, answer.text);
    assert!(answer.text.contains("http://localhost:8083/callback?code="), "{}", answer.text);

    let mut tx = house.idp.db().reader().await.expect("a reader");
    let live = idp::mandate::storage::in_force(&mut tx, &id, now).await.expect("reads");
    assert!(live.is_some_and(|mandate| mandate.covers("food.permit")));
    let over = idp::mandate::storage::in_force(&mut tx, &id, now.plus(86_400)).await.expect("reads");
    assert!(over.is_none());

    let mut again = Browser::new(&house);
    let (path, page) = again.open(authorize).await;
    let cancelled = again.fill(&page, &path, &[("cancel", "1")]).await;
    assert!(cancelled.text.contains("error=access_denied"), "{}", cancelled.text);
}

#[tokio::test]
async fn a_legal_representative_gives_and_ends_a_mandate() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    let boss = house.person(&other, "欧阳测试", "10000000039", PASSWORD).await;
    house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    let code = credit_code();
    let organisation = NewOrganisation {
        code,
        name: "示范清和食品有限公司".to_owned(),
        region: "110000".to_owned(),
        is_registered: true,
    };
    provision::organisation(&house.idp, &organisation).await.expect("loads");
    let own = NewMandate {
        person: boss,
        organisation: code,
        role: Role::LegalRepresentative,
        matters: vec!["*".to_owned()],
        starts_at: None,
        until: None,
        given_by: None,
    };
    provision::mandate(&house.idp, &own).await.expect("loads");
    let path = format!("/account/mandates/{}", code.as_str());
    let mut browser = Browser::new(&house);
    browser.sign_in(&other, PASSWORD).await;
    let page = browser.get(&path).await;
    assert!(page.text.contains("身份等级 3 级"), "{}", page.text);
    let fields = [
        ("name", "阿依古丽.买买提"),
        ("number", number.as_str()),
        ("role", "operator"),
        ("matters", "food.permit"),
        ("until", "2026年12月31日"),
    ];
    assert_eq!(browser.fill(&page, &path, &fields).await.status, StatusCode::FORBIDDEN, "level 2 may not give");
    let mut authenticator = make_passkey(&mut browser, &other).await;
    for at in ["/account", "/account/password", path.as_str(), "/account/passkey"] {
        let page = browser.get(at).await;
        let head = page.text.split("<main").next().unwrap_or_default();
        assert!(head.contains("欧阳测试") && head.contains("name=\"sign-out\""), "{at}: {head}");
    }
    let (sign_in, lift) = browser.open(&format!("{path}/level")).await;
    let asked = options(&browser.fill(&lift, &format!("{sign_in}/passkey"), &[]).await);
    let done = browser.fill(&lift, &sign_in, &[("passkey", "1"), ("answer", &authenticator.get(&asked))]).await;
    assert_eq!(done.location, path, "{}", done.text);
    let page = browser.get(&path).await;
    let wrong = [("name", "别人"), fields[1], fields[2], fields[3], ("until", "2020-01-01")];
    let refused = browser.fill(&page, &path, &wrong).await;
    assert!(refused.text.contains("姓名和号码对不上") && refused.text.contains("已经过去"), "{}", refused.text);
    let given = browser.fill(&page, &path, &fields).await;
    assert_eq!(given.location, format!("{path}?done=given"), "{}", given.text);

    let mut operator = Browser::new(&house);
    operator.sign_in(&number, PASSWORD).await;
    let account = operator.get("/account").await;
    assert!(account.text.contains("授权到2026年12月31日，由欧阳测试给出"), "{}", account.text);
    assert_eq!(operator.get(&path).await.status, StatusCode::NOT_FOUND, "an operator manages nothing");
    let page = browser.get(&path).await;
    let id = page.value("end");
    let stolen = operator.fill(&account, &path, &[("end", &id)]).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
    let ended = browser.fill(&page, &path, &[("end", &id)]).await;
    assert_eq!(ended.location, format!("{path}?done=ended"), "{}", ended.text);
    assert!(!operator.get("/account").await.text.contains("示范清和"), "everything ends with it");
    assert_eq!(
        house.count("SELECT count(*) FROM audit WHERE action LIKE 'mandate.%' AND actor <> 'operator'").await,
        2
    );
}

#[tokio::test]
async fn an_administrator_gives_no_more_than_he_has() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    let administrator = house.person(&other, "欧阳测试", "10000000039", PASSWORD).await;
    house.person(&number, "阿依古丽·买买提", "10000000012", PASSWORD).await;
    let code = credit_code();
    let (name, region) = ("示范清和食品有限公司".to_owned(), "110000".to_owned());
    let organisation = NewOrganisation { code, name, region, is_registered: true };
    provision::organisation(&house.idp, &organisation).await.expect("loads");
    let own = NewMandate {
        person: administrator,
        organisation: code,
        role: Role::Administrator,
        matters: vec!["food.permit".to_owned(), "verify".to_owned()],
        starts_at: None,
        until: None,
        given_by: None,
    };
    provision::mandate(&house.idp, &own).await.expect("loads");
    let path = format!("/account/mandates/{}", code.as_str());
    let mut browser = Browser::new(&house);
    browser.sign_in(&other, PASSWORD).await;
    let mut authenticator = make_passkey(&mut browser, &other).await;
    let (sign_in, lift) = browser.open(&format!("{path}/level")).await;
    let asked = options(&browser.fill(&lift, &format!("{sign_in}/passkey"), &[]).await);
    browser.fill(&lift, &sign_in, &[("passkey", "1"), ("answer", &authenticator.get(&asked))]).await;
    let page = browser.get(&path).await;
    let give = async |browser: &mut Browser<'_>, matters: &str| {
        let person = [("name", "阿依古丽.买买提"), ("number", number.as_str()), ("role", "operator")];
        let fields = [person[0], person[1], person[2], ("matters", matters), ("until", "2026年12月31日")];
        browser.fill(&page, &path, &fields).await.status
    };
    for more in ["*", "licence:x:issue", "food.permit licence:x:issue"] {
        assert_eq!(give(&mut browser, more).await, StatusCode::UNPROCESSABLE_ENTITY, "{more}");
    }
    assert_eq!(give(&mut browser, "food.permit").await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn consent_is_seen_and_withdrawn() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.portal(|client| client.trusted = false).await;
    let authorize = "/authorize?client_id=portal&response_type=code&scope=openid%20profile&state=s&nonce=n\
        &redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let mut browser = Browser::new(&house);
    browser.sign_in(&number, PASSWORD).await;
    let (path, page) = browser.open(authorize).await;
    assert!(path.starts_with("/consent/"), "{path}");
    let agreed = browser.fill(&page, &path, &[("profile", "yes"), ("agree", "1"), ("scope", "profile")]).await;
    assert!(agreed.text.contains("callback?code="), "{} {}", agreed.location, agreed.text);
    let account = browser.get("/account").await;
    assert!(account.text.contains("示范门户") && account.text.contains("收回同意"), "{}", account.text);
    let withdrawn = browser.fill(&account, "/account", &[("withdraw", "portal")]).await;
    assert_eq!(withdrawn.location, "/account?done=withdrawn");
    assert!(!browser.get("/account").await.text.contains("示范门户"));
    let (path, _) = browser.open(authorize).await;
    assert!(path.starts_with("/consent/"), "asked again: {path}");
}

#[tokio::test]
async fn the_passkey_host_stays_what_it_was() {
    let house = House::new().await;
    house.idp.prepare().await.expect("the first start");
    house.idp.prepare().await.expect("a second one");
    let moved = house.moved_to("https://elsewhere.example");
    assert!(matches!(moved.prepare().await, Err(idp::error::StartError::Settings(_))));
}

#[tokio::test]
async fn every_statement_prepares() {
    let house = House::new().await;
    let mut wrong = Vec::new();
    for (name, sql) in idp::storage::people_statements() {
        if let Err(error) = house.idp.db().prepare(sql).await {
            wrong.push(format!("{name}: {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
