//! What a holder shows, resolved at the desk by a department's system: with its own token, as itself.

use serde_json::{Value, json};
use xinyin_tests::backend::on_both;
use xinyin_tests::world::{CITIZENS, Person, World, answer, types};
use xinyin_tests::{Logs, Visitor, network};

const DEPARTMENT: &str = "示范市人力资源和社会保障局";

/// A holder with a card, and the way to show it.
struct Holder {
    token: String,
    licence: String,
    visitor: Visitor,
}

impl Holder {
    async fn with_card(world: &World) -> Self {
        let citizen = Person::citizen();
        let issued = world.issue(types::SOCIAL_SECURITY_CARD, citizen.id_number).await;
        let visitor = Visitor::new();
        world.at_signer(&visitor, &citizen, None).await;
        let asked = [("resource", world.signer_url.as_str()), ("scope", "openid presentation.make")];
        let tokens = CITIZENS.log_in(world, &Visitor::new(), &citizen, None, &asked).await;
        let licence = issued["id"].as_str().expect("an id").to_owned();
        Self { token: tokens.access().to_owned(), licence, visitor }
    }

    async fn show(&self, world: &World, verifier: Option<&str>) -> String {
        let mut body = json!({"licence": self.licence, "items": []});
        if let Some(verifier) = verifier {
            body["verifier"] = verifier.into();
        }
        let (status, shown) = world.post_signer("/v1/presentations", &self.token, &body).await;
        assert_eq!(status, 201, "{shown}");
        shown["code"].as_str().expect("a code").to_owned()
    }
}

/// Asks the desk, with a token for it or another one.
async fn resolve(world: &World, token: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = network::client().post(format!("{}/v1/verifications", world.desk_url)).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    answer(request).await
}

fn asked(code: &str, case: &str) -> Value {
    json!({"code": code, "matter": "social-security-transfer", "case": case, "purpose": "办理社会保险关系转移"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departments_system_resolves_what_a_holder_shows_once() {
    Logs::capture();
    on_both(async |backend| {
        let world = World::start(backend).await;
        let holder = Holder::with_card(&world).await;
        let code = holder.show(&world, None).await;
        let own = world.system_for("hrss-system", "verify", &world.desk_url).await;

        let (status, report) = resolve(&world, Some(&own), &asked(&code, "办件-31")).await;
        assert_eq!((status, report["verdict"].as_str()), (200, Some("valid")), "{report}");
        assert_eq!(report["licence"]["holder"]["name"], Person::citizen().name, "{report}");
        // The same system may repeat within the minute; from its first resolution on nobody else may.
        assert_eq!(resolve(&world, Some(&own), &asked(&code, "办件-31")).await.0, 200);
        let police = world.system_for("police-system", "verify", &world.desk_url).await;
        let theirs =
            json!({"code": code, "matter": "no-criminal-record-proof", "case": "办件-32", "purpose": "开具证明"});
        let (status, refusal) = resolve(&world, Some(&police), &theirs).await;
        assert_eq!((status, refusal["code"].as_str()), (409, Some("presentation.used")), "{refusal}");
        world.clock.advance(60);
        let own = world.system_for("hrss-system", "verify", &world.desk_url).await;
        let (status, refusal) = resolve(&world, Some(&own), &asked(&code, "办件-31")).await;
        assert_eq!((status, refusal["code"].as_str()), (410, Some("presentation.expired")), "{refusal}");

        // The holder reads who looked, for what; once.
        let looked = holder.visitor.get(&format!("{}/who-looked", world.signer_url)).await;
        for words in [DEPARTMENT, "办件-31", "办理社会保险关系转移"] {
            assert!(looked.body.contains(words), "{words}: {}", looked.body);
        }
        assert_eq!(looked.body.matches("办件-31").count(), 1, "one look: {}", looked.body);
        assert!(!looked.body.contains("办件-32"), "{}", looked.body);

        // Both records say which system it was.
        for db in [world.signer.db(), world.desk.db(), world.idp.db()] {
            let action = if std::ptr::eq(db, world.idp.db()) { "token.exchange" } else { "presentation.resolve" };
            assert!(audited(db, action).await, "{action}");
        }
        world.check().await;
    })
    .await;
}

/// Whether an action of the system stands in an audit record, with its department.
async fn audited(db: &store::Db, action: &'static str) -> bool {
    use store::{on, sqlx};
    const SQL: &str = "SELECT count(*) FROM audit WHERE action = $1 AND actor IN ('client:hrss-system', 'hrss-system')
        AND department = '11640100MB0000035H'";
    let mut reader = db.reader().await.expect("a reader");
    let (count,): (i64,) = on!(&mut reader, c => sqlx::query_as(SQL).bind(action).fetch_one(c).await).expect("counts");
    count > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_resolve_spends_nothing() {
    Logs::capture();
    let world = World::start(xinyin_tests::Backend::Sqlite).await;
    let holder = Holder::with_card(&world).await;
    let code = holder.show(&world, None).await;
    let good = asked(&code, "办件-41");
    let without = |member: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(member);
        body
    };
    let with = |member: &str, value: &str| {
        let mut body = good.clone();
        body[member] = value.into();
        body
    };
    let own = world.system_for("hrss-system", "verify", &world.desk_url).await;
    let elsewhere = world.system("hrss-system", "presentation.resolve").await;
    let market = world.system_for("market-system", "verify", &world.desk_url).await;
    let stranger = world.system_of_no_department().await;
    let idle = world.system_without_the_signer().await;
    let unknown = with("code", "XYP:00000000000000000000000000");
    for (what, token, body, expected) in [
        ("no token", None, &good, (401, "sign_in_required")),
        ("for another audience", Some(&elsewhere), &good, (401, "access.token_invalid")),
        ("of no department", Some(&stranger), &good, (403, "caller.no_department")),
        ("not registered for the other service", Some(&idle), &good, (403, "access.exchange_refused")),
        ("another department's matter", Some(&market), &good, (403, "matter.unknown")),
        ("no matter", Some(&own), &without("matter"), (422, "input.missing_member")),
        ("no case", Some(&own), &without("case"), (422, "input.missing_member")),
        ("no purpose", Some(&own), &without("purpose"), (422, "input.missing_member")),
        ("code alone", Some(&own), &json!({"code": code}), (422, "input.missing_member")),
        ("an empty case", Some(&own), &with("case", " "), (422, "input.invalid_member")),
        ("an unknown code", Some(&own), &unknown, (404, "presentation.unknown")),
    ] {
        let (status, refusal) = resolve(&world, token.map(String::as_str), body).await;
        assert_eq!((status, refusal["code"].as_str().unwrap_or_default()), expected, "{what}: {refusal}");
    }
    let for_another = holder.show(&world, Some("11640100MB0000027N")).await;
    let (status, refusal) = resolve(&world, Some(&own), &asked(&for_another, "办件-41")).await;
    assert_eq!((status, refusal["code"].as_str()), (403, Some("presentation.for_another")), "{refusal}");

    // Nothing was spent by any of them, and a token that ended opens nothing.
    assert_eq!(resolve(&world, Some(&own), &good).await.0, 200);
    let unused = holder.show(&world, None).await;
    world.clock.advance(60);
    let own = world.system_for("hrss-system", "verify", &world.desk_url).await;
    let (status, refusal) = resolve(&world, Some(&own), &asked(&unused, "办件-42")).await;
    assert_eq!((status, refusal["code"].as_str()), (410, Some("presentation.expired")), "{refusal}");
    world.clock.advance(400);
    let (status, refusal) = resolve(&world, Some(&own), &asked(&unused, "办件-42")).await;
    assert_eq!((status, refusal["code"].as_str()), (401, Some("access.token_invalid")), "{refusal}");

    // Whoever was struck out at idp since goes no further with what it holds.
    let own = world.system_for("hrss-system", "verify", &world.desk_url).await;
    world.revoke_token("hrss-system", &own).await;
    let (status, refusal) = resolve(&world, Some(&own), &asked(&unused, "办件-43")).await;
    assert_eq!((status, refusal["code"].as_str()), (403, Some("access.exchange_refused")), "{refusal}");
    assert_eq!(refusal["idp_error"], "invalid_request", "{refusal}");
    world.check().await;
}
