//! Who merely knows a password does not come to level 3, and whoever replaced a password is rid of the old one.

use http::StatusCode;

use crate::authenticator::Authenticator;
use crate::house::{Browser, House};
use crate::{PASSWORD, make_passkey, numbers, options};

const ASKS_LEVEL_3: &str = "/authorize?client_id=portal&response_type=code&scope=openid&state=s&nonce=n\
    &acr_values=urn%3Axinyin%3Aacr%3A3&redirect_uri=http%3A%2F%2Flocalhost%3A8083%2Fcallback\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

#[tokio::test]
async fn a_password_alone_makes_no_passkey() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.portal(|_| {}).await;
    let mut authenticator = Authenticator::new("http://localhost:8080");

    // on the account page
    let mut thief = Browser::new(&house);
    thief.sign_in(&number, PASSWORD).await;
    let (at, page) = thief.open("/account/passkey").await;
    assert!(at.starts_with("/register/confirm?i="), "{at}");
    let account = thief.get("/account").await;
    let refused = thief.fill(&account, "/account/passkey/options", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let kept = thief.fill(&account, "/account/passkey", &[("answer", "{}")]).await;
    assert!(kept.location.starts_with("/register/confirm?i="), "{}", kept.location);
    // he has a code sent, and cannot give it
    let path = thief.fill(&page, &at, &[]).await.location;
    let page = thief.get(&path).await;
    let wrong = if house.code(&number) == "000000" { "000001" } else { "000000" };
    assert_eq!(thief.fill(&page, &path, &[("code", wrong)]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(thief.get("/account/passkey").await.status, StatusCode::SEE_OTHER);

    // on the way to level 3
    let mut thief = Browser::new(&house);
    let (path, page) = thief.open(ASKS_LEVEL_3).await;
    thief.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    let lift = thief.get(&path).await;
    assert!(lift.text.contains("光知道密码的人建不了") && !lift.text.contains("name=\"make\""), "{}", lift.text);
    let asked = options(&thief.fill(&lift, &format!("{path}/passkey"), &[]).await);
    assert!(asked.get("user").is_none(), "no options to make one: {asked}");
    let made = thief.fill(&lift, &path, &[("make", "1"), ("answer", "{}")]).await;
    assert_eq!(made.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.count("SELECT count(*) FROM passkeys").await, 0);

    // the holder, who gets the code, makes one, and hears of it
    let mut holder = Browser::new(&house);
    holder.sign_in(&number, PASSWORD).await;
    assert_eq!(holder.prove_by_code("/account/passkey", &number).await, "/account/passkey");
    let page = holder.get("/account/passkey").await;
    let asked = options(&holder.fill(&page, "/account/passkey/options", &[]).await);
    let answer = authenticator.create(&asked);
    let made =
        holder.fill(&page, "/account/passkey", &[("title", "点 https://evil.example"), ("answer", &answer)]).await;
    assert_eq!(made.location, "/account?done=passkey", "{}", made.text);
    let notice = house.message(&number);
    assert!(notice.contains("添加了一枚通行密钥") && notice.contains("2026年") && !notice.contains("evil"), "{notice}");
    assert!(holder.get("/account").await.text.contains("evil.example"), "the list names it, with its time");

    // a session that is left open, or stolen, takes no passkey away
    house.wait(301);
    let page = holder.get("/account").await;
    let id = page.value("remove_passkey");
    let asked = holder.fill(&page, "/account", &[("remove_passkey", &id)]).await;
    assert!(asked.location.starts_with("/sign-in/"), "{} {}", asked.location, asked.text);
    assert_eq!(house.count("SELECT count(*) FROM passkeys WHERE removed_at IS NULL").await, 1);

    // nor does a password alone, and it sets no other password where there is a passkey
    let mut thief = Browser::new(&house);
    thief.sign_in(&number, PASSWORD).await;
    let page = thief.get("/account").await;
    let asked = thief.fill(&page, "/account", &[("remove_passkey", &id)]).await;
    assert!(asked.location.starts_with("/sign-in/"), "{} {}", asked.location, asked.text);
    let other = "a password of the thief";
    let asked = thief.fill(&page, "/account/password", &[("password", other), ("again", other)]).await;
    assert!(asked.location.starts_with("/sign-in/"), "{} {}", asked.location, asked.text);
    let (_, lift) = thief.open("/account/password").await;
    assert!(lift.text.contains("name=\"passkey\"") && lift.text.contains("/register/confirm?i="), "{}", lift.text);
    assert_eq!(house.count("SELECT count(*) FROM passkeys WHERE removed_at IS NULL").await, 1);

    // what proved it once does not for ever: after five minutes a sign-in, after a password a proof
    let (path, page) = holder.open("/account/passkey").await;
    assert!(path.starts_with("/sign-in/"), "{path}");
    let again = holder.fill(&page, &path, &[("login", &number), ("password", PASSWORD)]).await;
    assert_eq!(again.location, "/account/passkey");
    let (path, lift) = holder.open("/account/passkey").await;
    assert!(path.starts_with("/sign-in/") && lift.text.contains("name=\"passkey\""), "the passkey that there is");
    assert!(lift.text.contains("/register/confirm?i="), "or a code: {}", lift.text);
    let asked = options(&holder.fill(&lift, &format!("{path}/passkey"), &[]).await);
    let done = holder.fill(&lift, &path, &[("passkey", "1"), ("answer", &authenticator.get(&asked))]).await;
    assert_eq!(done.location, "/account/passkey", "{}", done.text);
    assert_eq!(holder.get("/account/passkey").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_lost_a_passkey_makes_another_after_a_code() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&number, PASSWORD).await;
    make_passkey(&mut browser, &number).await;
    let mut elsewhere = Browser::new(&house);
    elsewhere.sign_in(&number, PASSWORD).await;
    let (_, lift) = elsewhere.open("/account/passkey").await;
    let at = lift.text.find("/register/confirm?i=").expect("a way by code");
    let confirm = lift.text[at..].split('"').next().expect("its end").to_owned();
    assert_eq!(elsewhere.prove_by_code(&confirm, &number).await, "/account/passkey");
    assert_eq!(elsewhere.get("/account/passkey").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_passkey_in_the_place_of_a_password_replaces_it() {
    let house = House::new().await;
    let (number, ..) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    let mut thief = Browser::new(&house);
    assert_eq!(thief.sign_in(&number, PASSWORD).await.location, "/account");
    let mut holder = Browser::new(&house);
    let page = holder.get("/register?for=password").await;
    let fields = [("name", "欧阳测试"), ("number", number.as_str()), ("phone", "10000000012")];
    let path = holder.fill(&page, "/register?for=password", &fields).await.location;
    let page = holder.get(&path).await;
    let path = holder.fill(&page, &path, &[("code", &house.code(&number))]).await.location;
    let page = holder.get(&path).await;
    let mut authenticator = Authenticator::new("http://localhost:8080");
    let asked = options(&holder.fill(&page, &path.replace("/means", "/passkey"), &[]).await);
    let answer = authenticator.create(&asked);
    let done = holder.fill(&page, &path, &[("passkey", "1"), ("answer", &answer)]).await;
    assert_eq!(done.location, "/account", "{}", done.text);
    assert!(house.message(&number).contains("设置了登录方式"), "{}", house.message(&number));
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER, "whoever was signed in is out");
    let old = Browser::new(&house).sign_in(&number, PASSWORD).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY, "the old password is gone");
    let mut again = Browser::new(&house);
    let (path, page) = again.open("/account").await;
    let asked = options(&again.fill(&page, &format!("{path}/passkey"), &[("login", &number)]).await);
    let signed_in = again.fill(&page, &path, &[("passkey", "1"), ("answer", &authenticator.get(&asked))]).await;
    assert_eq!(signed_in.location, "/account", "{}", signed_in.text);
}

#[tokio::test]
async fn asking_for_new_codes_gives_no_new_guesses() {
    let house = House::new().await;
    let (number, other, _) = numbers();
    house.person(&number, "欧阳测试", "10000000012", PASSWORD).await;
    house.person(&other, "张三", "10000000013", PASSWORD).await;
    let mut own = Browser::new(&house);
    own.sign_in(&number, PASSWORD).await; // the device is known from now on
    let begin = async |browser: &mut Browser<'_>, name: &str, number: &str| {
        let page = browser.get("/register?for=password").await;
        let fields = [("name", name), ("number", number), ("phone", "10000000012")];
        browser.fill(&page, "/register?for=password", &fields).await.location
    };
    let mut statuses = Vec::new();
    for network in 0..3 {
        let mut guesser = Browser::new(&house);
        guesser.address = std::net::IpAddr::from([198, 51, 100, network]);
        let path = begin(&mut guesser, "欧阳测试", &number).await;
        let page = guesser.get(&path).await;
        let wrong = if house.code(&number) == "000000" { "000001" } else { "000000" };
        for _ in 0..4 {
            statuses.push(guesser.fill(&page, &path, &[("code", wrong)]).await.status.as_u16());
        }
        if network == 2 {
            let right = house.code(&number);
            let answer = guesser.fill(&page, &path, &[("code", &right)]).await;
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "the right one is not looked at either");
            assert_eq!(answer.headers["retry-after"], "60");
        }
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 429, 429]);
    // the holder's own device, and everybody else
    let path = begin(&mut own, "欧阳测试", &number).await;
    let page = own.get(&path).await;
    let answer = own.fill(&page, &path, &[("code", &house.code(&number))]).await;
    assert!(answer.location.ends_with("/means"), "{}", answer.text);
    let mut elsewhere = Browser::new(&house);
    let path = begin(&mut elsewhere, "张三", &other).await;
    let page = elsewhere.get(&path).await;
    let answer = elsewhere.fill(&page, &path, &[("code", &house.code(&other))]).await;
    assert!(answer.location.ends_with("/means"), "{}", answer.text);
}
