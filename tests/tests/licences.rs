//! Issuing by page and by API, holding, showing, looking up and ending, through all three services.

use serde_json::json;
use verifier::time::Date;
use xinyin_tests::backend::on_both;
use xinyin_tests::visitor::Page;
use xinyin_tests::world::{CITIZENS, Person, World, answer, types};
use xinyin_tests::{Logs, Visitor, network};

const MARKET: &str = "示例县市场监督管理局";
const HALL: &str = "示范市政务服务中心";
const POLICE: &str = "示范市公安局";

/// The clerk's page and the department's system issue alike; a second press issues nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_issues_by_page_and_a_system_by_api() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let clerk = Visitor::new();
        world.at_signer(&clerk, &Person::market_clerk(), Some(MARKET)).await;
        let form_url = format!("{}/department/issue/{}", world.signer_url, types::OPERATOR_CERTIFICATE);
        let form = clerk.get(&form_url).await.form("holder_code");
        let today = Date::of(world.now()).expect("a day");
        let until = today.plus_years(3).expect("a day").to_string();
        let holder = Person::neighbour();
        let fields = [
            ("holder_name", holder.name),
            ("holder_code", holder.id_number),
            ("number", "TZ640104-2026-0001"),
            ("item_operation", "N1 叉车作业"),
            ("valid_until", &until),
        ];
        let wrong = clerk.submit(&form, &[&fields[..1], &[("holder_code", "640104196907010003")]].concat()).await;
        assert!(wrong.redirect().is_none() && wrong.body.contains("<title>错误"), "{} {}", wrong.status, wrong.body);
        let issued = clerk.submit(&form, &fields).await;
        let page = issued.redirect().unwrap_or_else(|| panic!("not issued: {} {}", issued.status, issued.body));
        let again = clerk.submit(&form, &fields).await;
        assert_eq!(again.redirect().as_ref(), Some(&page), "a second press is the same licence");
        let shown = clerk.get(page.as_str()).await;
        assert!(shown.body.contains("TZ640104-2026-0001") && !shown.body.contains(holder.id_number), "{}", shown.body);

        let by_api = world.issue(types::SOCIAL_SECURITY_CARD, Person::citizen().id_number).await;
        assert_eq!(by_api["state"], "in_force", "{by_api}");
        for (document, what) in [
            (credential(&world, "market-system", page.path().rsplit('/').next().expect("an id")).await, "by page"),
            (credential(&world, "hrss-system", by_api["id"].as_str().expect("an id")).await, "by API"),
        ] {
            let (status, report) = world.verify(&document).await;
            assert_eq!((status, report["verdict"].as_str()), (200, Some("valid")), "{what}: {report}");
            let log = check(&report, "log");
            assert_eq!(log["result"], "passed", "{what}: {log}");
        }

        // Another department's clerk may not issue this type, and cannot read what was issued.
        let police = Visitor::new();
        world.at_signer(&police, &Person::police_clerk(), Some(POLICE)).await;
        assert_eq!(police.get(&form_url).await.status, 403);
        assert_eq!(police.get(page.as_str()).await.status, 404);
        world.check().await;
    })
    .await;
}

/// What a citizen sees is his own, and only at level 2.
#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_sees_his_own_licences_and_nobody_elses() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let (citizen, neighbour) = (Person::citizen(), Person::neighbour());
        let own = world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
        let other = world.issue(types::OPERATOR_CERTIFICATE, neighbour.id_number).await;
        let (own, other) = (own["id"].as_str().expect("an id"), other["id"].as_str().expect("an id"));
        let visitor = Visitor::new();
        let page = world.at_signer(&visitor, &citizen, None).await;
        assert!(page.body.contains(&format!("/licences/{own}")), "{}", page.body);
        assert!(!page.body.contains(other));
        for path in ["", "/credential", "/show", "/offline-code"] {
            let mine = visitor.get(&format!("{}/licences/{own}{path}", world.signer_url)).await;
            assert_eq!(mine.status, 200, "{path}: {}", mine.body);
            let theirs = visitor.get(&format!("{}/licences/{other}{path}", world.signer_url)).await;
            assert_eq!(theirs.status, 404, "{path}: {}", theirs.body);
        }
        // The same through the API, with a token of a portal for licence-signer.
        let asked = [("resource", world.signer_url.as_str()), ("scope", "openid licence.own presentation.make")];
        let tokens = CITIZENS.log_in(&world, &Visitor::new(), &citizen, None, &asked).await;
        for (id, expected) in [(own, 200), (other, 404)] {
            let (status, body) =
                world.get_signer(&format!("/v1/licences/{id}"), tokens.access(), "application/json").await;
            assert_eq!(status, expected, "{body}");
            let showing = json!({"licence": id, "items": []});
            let (status, body) = world.post_signer("/v1/presentations", tokens.access(), &showing).await;
            assert_eq!(status, if expected == 200 { 201 } else { 404 }, "{body}");
        }
        world.check().await;
    })
    .await;
}

/// Whoever is not bound to the number that he entered sees nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_below_level_two_sees_nothing() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let entered = world.person_at_level_one().await;
        let visitor = Visitor::new();
        let page = world.go(&visitor, &format!("{}/login", world.signer_url), &entered, None, |_| false).await;
        let home = visitor.get(&world.signer_url).await;
        assert!(!home.body.contains("/who-looked"), "not signed in: {} {}", page.url, home.body);
        let resource = [("resource", world.signer_url.as_str())];
        let tokens = CITIZENS.log_in(&world, &Visitor::new(), &entered, None, &resource).await;
        assert_eq!(tokens.claims["acr"], "urn:xinyin:acr:1");
        for path in ["/v1/looks", "/v1/licences/0123456789abcdef0123456789abcdef"] {
            let (status, body) = world.get_signer(path, tokens.access(), "application/json").await;
            assert!([401, 403].contains(&status), "{path}: {status} {body}");
        }
        let (status, body) =
            world.post_signer("/v1/presentations", tokens.access(), &json!({"licence": "x", "items": []})).await;
        assert!([401, 403].contains(&status), "{status} {body}");
        world.check().await;
    })
    .await;
}

/// The holder shows, the desk resolves as the clerk: first come, once, and the holder sees it.
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_shows_and_the_first_clerk_resolves() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let citizen = Person::citizen();
        let issued = world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
        let id = issued["id"].as_str().expect("an id");
        let holder = Visitor::new();
        world.at_signer(&holder, &citizen, None).await;
        let code = show(&world, &holder, id).await;
        assert!(code.starts_with("XYP:") && code.len() == 30, "{code}");

        // Anyone: told to sign in, nothing spent.
        let anyone = Visitor::new();
        let page = scan(&world, &anyone, &code).await;
        assert!(page.body.contains("刚才的码没有用掉"), "{}", page.body);
        let request = network::client().post(format!("{}/v1/verifications", world.desk_url));
        let (status, refusal) = answer(request.json(&json!({"code": code}))).await;
        assert_eq!((status, refusal["code"].as_str()), (401, Some("sign_in_required")), "{refusal}");

        // A clerk without a case: told to choose one, nothing spent.
        let (hall, police) = (Visitor::new(), Visitor::new());
        world.at_desk(&hall, &Person::hall_clerk(), Some(HALL)).await;
        world.at_desk(&police, &Person::police_clerk(), Some(POLICE)).await;
        let page = scan(&world, &hall, &code).await;
        assert!(page.body.contains("刚才的码没有用掉"), "{}", page.body);

        choose(&world, &hall, "social-security-transfer", "办件-1").await;
        choose(&world, &police, "no-criminal-record-proof", "办件-2").await;
        let first = scan(&world, &hall, &code).await;
        assert_eq!(first.text_in("verdict-word"), "有效", "{}", first.body);
        assert!(first.body.contains("SB640104-0000-0128"), "the item that was shown: {}", first.body);
        let other = scan(&world, &police, &code).await;
        assert!(other.body.contains("这个出示码已经用过了"), "{}", other.body);
        world.clock.advance(59);
        assert_eq!(scan(&world, &hall, &code).await.text_in("verdict-word"), "有效", "the same caller repeats");
        world.clock.advance(1);
        let late = scan(&world, &hall, &code).await;
        assert!(!late.body.contains("verdict-word"), "sixty seconds are over: {}", late.body);

        // One that nobody took in time is worth nothing.
        let unused = show(&world, &holder, id).await;
        world.clock.advance(60);
        assert!(!scan(&world, &hall, &unused).await.body.contains("verdict-word"));

        let looked = holder.get(&format!("{}/who-looked", world.signer_url)).await;
        for words in [HALL, "办件-1", "社会保险关系"] {
            assert!(looked.body.contains(words), "{words}: {}", looked.body);
        }
        assert!(
            !looked.body.contains("办件-2") && looked.body.matches("办件-1").count() == 1,
            "one look: {}",
            looked.body
        );
        world.check().await;
    })
    .await;
}

/// Reading by office: the right follows from the matter, and the holder sees the trace.
#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_looks_up_for_a_matter_and_leaves_a_trace() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let citizen = Person::citizen();
        world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
        world.issue(types::DRIVING_LICENCE, citizen.id_number).await;
        let hall = Visitor::new();
        world.at_desk(&hall, &Person::hall_clerk(), Some(HALL)).await;
        choose(&world, &hall, "social-security-transfer", "办件-7").await;
        let page = hall.get(&format!("{}/lookup", world.desk_url)).await;
        assert!(!page.body.contains(types::DRIVING_LICENCE), "only the types that the matter needs: {}", page.body);
        let form = page.form("holder");
        let ask = |holder: &'static str, kind: &'static str| {
            [("holder", holder), ("type", kind), ("purpose", "核对参保关系")]
        };
        let found = hall.submit(&form, &ask(citizen.id_number, types::SOCIAL_SECURITY_CARD)).await;
        assert_eq!(found.text_in("verdict-word-1"), "有效", "{}", found.body);
        assert!(found.body.contains("SB640104-0000-0128") && !found.body.contains(citizen.id_number), "{}", found.body);
        let none = hall.submit(&form, &ask(Person::neighbour().id_number, types::SOCIAL_SECURITY_CARD)).await;
        assert_eq!(none.status, 200, "{}", none.body);
        assert!(!none.body.contains("SB640104"));
        let refused = hall.submit(&form, &ask(citizen.id_number, types::DRIVING_LICENCE)).await;
        assert!(!refused.body.contains("DL640104"), "a type that the matter does not need: {}", refused.body);

        // A department's own system: only for matters of its department.
        let lookup = |matter: &str| {
            json!({"holder": {"code_type": "111", "code": citizen.id_number}, "type": types::SOCIAL_SECURITY_CARD,
                "matter": matter, "case": "办件-8", "purpose": "核对"})
        };
        for (client, matter, expected) in [
            ("hrss-system", "social-security-transfer", 200),
            ("police-system", "social-security-transfer", 403),
            ("hrss-system", "no-criminal-record-proof", 403),
            ("hrss-system", "no-such-matter", 403),
        ] {
            let token = world.system(client, "licence.lookup").await;
            let (status, body) = world.post_signer("/v1/lookups", &token, &lookup(matter)).await;
            assert_eq!(status, expected, "{client} {matter}: {body}");
        }

        let holder = Visitor::new();
        world.at_signer(&holder, &citizen, None).await;
        let looked = holder.get(&format!("{}/who-looked", world.signer_url)).await;
        for words in [HALL, "办件-7", "核对参保关系", "办件-8"] {
            assert!(looked.body.contains(words), "{words}: {}", looked.body);
        }
        world.check().await;
    })
    .await;
}

/// The desk keeps a status list for thirty seconds at most.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_licence_is_not_in_force_at_the_desk() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let issued = world.issue(types::OPERATOR_CERTIFICATE, Person::neighbour().id_number).await;
        let id = issued["id"].as_str().expect("an id");
        let document = credential(&world, "market-system", id).await;
        assert_eq!(world.verify(&document).await.1["verdict"], "valid");
        for (event, cause) in
            [("suspension", Some("status.suspended")), ("resumption", None), ("revocation", Some("status.invalid"))]
        {
            let (status, body) = world.event("market-system", id, event).await;
            assert_eq!(status, 200, "{event}: {body}");
            world.clock.advance(30);
            let (status, report) = world.verify(&document).await;
            let verdict = if cause.is_some() { "not_in_force" } else { "valid" };
            assert_eq!(
                (status, report["verdict"].as_str(), report["cause"].as_str()),
                (200, Some(verdict), cause),
                "{report}"
            );
        }
        let (status, body) = world.event("police-system", id, "resumption").await;
        assert_eq!(status, 404, "another department's licence: {body}");
        let holder = Visitor::new();
        world.at_signer(&holder, &Person::neighbour(), None).await;
        let page = holder.get(&format!("{}/licences/{id}", world.signer_url)).await;
        assert!(page.body.contains("已失效"), "{}", page.body);
        world.check().await;
    })
    .await;
}

/// The holder shows at his page; answers the code's text.
async fn show(world: &World, holder: &Visitor, licence: &str) -> String {
    let page = holder.get(&format!("{}/licences/{licence}/show", world.signer_url)).await;
    let item = page.choice("item", "卡号");
    let shown = holder.submit(&page.form(&format!("/licences/{licence}/show")), &[("item", &item)]).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.text_in("code-text")
}

/// Somebody scans a code at the desk.
async fn scan(world: &World, visitor: &Visitor, code: &str) -> Page {
    let page = visitor.get(&world.desk_url).await;
    let shown = visitor.upload(&page.form("code"), &[("code", code)]).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown
}

/// A clerk chooses a case at the desk.
async fn choose(world: &World, clerk: &Visitor, matter: &str, case: &str) {
    let page = clerk.get(&format!("{}/matter", world.desk_url)).await;
    let fields = [("matter", matter), ("case", case), ("purpose", "核对材料")];
    let chosen = clerk.submit(&page.form("matter"), &fields).await;
    assert!(chosen.redirect().is_some(), "{} {}", chosen.status, chosen.body);
}

/// A licence as SD-JWT, as its department's system reads it.
async fn credential(world: &World, client: &str, licence: &str) -> String {
    let token = world.system(client, "licence.read").await;
    let (status, text) = world.get_signer(&format!("/v1/licences/{licence}"), &token, "application/dc+sd-jwt").await;
    assert_eq!(status, 200, "{text}");
    text
}

fn check<'a>(report: &'a serde_json::Value, code: &str) -> &'a serde_json::Value {
    let checks = report["checks"].as_array().expect("a report has checks");
    checks.iter().find(|check| check["code"] == code).unwrap_or_else(|| panic!("no check {code}: {report}"))
}
