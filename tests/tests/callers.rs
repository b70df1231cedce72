//! Who may call which route of licence-signer: every entry of its table against every kind of caller, on both databases.

use licence_signer::http::{Guard, ROUTES, Route};
use licence_signer::issuance::HolderCode;
use serde_json::{Value, json};
use xinyin_tests::backend::on_both;
use xinyin_tests::signer::{MATTER, SignerWorld};
use xinyin_tests::{Logs, network, numbers};

/// What a guarded route answers to a department's client with every scope, to a person who holds nothing, and to a clerk of the
/// other department with every scope: status, and the code of a refusal.
type Answers = [(u16, &'static str); 3];

const NO_DEPARTMENT: (u16, &str) = (403, "caller.no_department");
const NO_PERSON: (u16, &str) = (403, "caller.no_person");
const NOT_HIS: (u16, &str) = (404, "licence.unknown");
const NOBODY: (u16, &str) = (403, "holder.unknown");
const OTHERS_MATTER: (u16, &str) = (403, "matter.unknown");
const FINE: (u16, &str) = (200, "");

/// One row for each route that is not public: a route without a row fails the story.
const ROWS: &[(&str, &str, Answers)] = &[
    ("post", "/v1/licences", [(201, ""), NO_DEPARTMENT, (403, "licence_type.department")]),
    ("get", "/v1/licences", [FINE, NO_DEPARTMENT, FINE]),
    ("get", "/v1/licences/{id}", [FINE, NOT_HIS, NOT_HIS]),
    ("get", "/v1/licences/{id}/renditions/{rendition}", [FINE, NOT_HIS, NOT_HIS]),
    ("post", "/v1/licences/{id}/{event}", [FINE, NO_DEPARTMENT, NOT_HIS]),
    ("post", "/v1/lookups", [FINE, NO_DEPARTMENT, OTHERS_MATTER]),
    ("post", "/v1/presentations", [NO_PERSON, NOT_HIS, NOBODY]),
    ("post", "/v1/presentations/resolutions", [(404, "presentation.unknown"), NO_DEPARTMENT, OTHERS_MATTER]),
    ("get", "/v1/looks", [NO_PERSON, FINE, NOBODY]),
];

const DEPARTMENT_SCOPES: &str = "licence.issue licence.end licence.read licence.lookup presentation.resolve";
const HOLDER_SCOPES: &str = "licence.own presentation.make";

struct Callers<'a> {
    world: &'a SignerWorld,
    licence: String,
}

impl Callers<'_> {
    fn is_of_the_window(route: &Route) -> bool {
        route.path.starts_with("/v1/lookups") || route.path.ends_with("/resolutions")
    }

    /// The department that works on the route's matter or issues its licences, and the other one.
    fn departments(&self, route: &Route) -> [&str; 2] {
        let (market, window) = (self.world.market.as_str(), self.world.window.as_str());
        if Self::is_of_the_window(route) { [window, market] } else { [market, window] }
    }

    fn client(&self, route: &Route) -> Value {
        self.world.issuer.department(&self.world.url, self.departments(route)[0], DEPARTMENT_SCOPES)
    }

    fn person(&self, route: &Route) -> Value {
        let scope = match route.guard {
            Guard::Scope(_) => DEPARTMENT_SCOPES,
            _ => HOLDER_SCOPES,
        };
        with(self.world.issuer.person(&self.world.url, "stranger"), &[("scope", json!(scope))])
    }

    fn clerk_of_the_other(&self, route: &Route) -> Value {
        let scope = match route.guard {
            Guard::Holder(_) => HOLDER_SCOPES,
            _ => DEPARTMENT_SCOPES,
        };
        let kind = &self.world.type_code;
        let matters = ["issue", "end", "read"].map(|act| format!("licence:{kind}:{act}"));
        let matters: Vec<String> = matters.into_iter().chain(["verify".to_owned()]).collect();
        with(
            self.world.issuer.person(&self.world.url, "the-other-department"),
            &[
                ("sub_type", json!("organisation")),
                ("act", json!({"sub": "clerk"})),
                ("mandate", json!({"id": "m-1", "role": "operator", "matters": matters})),
                ("organisation", json!({"code": self.departments(route)[1]})),
                ("scope", json!(scope)),
            ],
        )
    }

    /// One who would be served, but for what `changes` say.
    fn nearly(&self, route: &Route, changes: &[(&str, Value)]) -> Value {
        let original = match route.guard {
            Guard::Holder(_) => self.person(route),
            _ => self.client(route),
        };
        with(original, changes)
    }

    async fn ask(&self, route: &Route, token: Option<&Value>) -> (u16, String, String) {
        let path = route.path.replace("{id}", &self.licence).replace("{event}", "suspension");
        let url = format!("{}{}", self.world.url, path.replace("{rendition}", "sdjwt"));
        let method = route.method.to_uppercase().parse().expect("a method");
        let mut request = network::client().request(method, &url);
        if route.method == "post" {
            request = request.json(&self.body(route));
        }
        if let Some(claims) = token {
            request = request.bearer_auth(self.world.issuer.token(claims));
        }
        let answer = request.send().await.expect("answers");
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or_default();
        let code = if status < 400 { "" } else { body["code"].as_str().unwrap_or_default() };
        (status, code.to_owned(), challenge.unwrap_or_default())
    }

    /// A body that fits.
    fn body(&self, route: &Route) -> Value {
        let (kind, purpose) = (&self.world.type_code, "核对经营项目");
        match route.path {
            "/v1/licences" => self.world.draft("JY-2"),
            "/v1/lookups" => json!({"holder": {"code_type": "111", "code": numbers::id_number(1)}, "type": kind,
                "matter": MATTER, "case": "C-1", "purpose": purpose}),
            "/v1/presentations" => json!({"licence": self.licence, "items": ["scope"]}),
            "/v1/presentations/resolutions" => json!({"code": "XYP:00000000000000000000000000", "matter": MATTER,
                "case": "C-1", "purpose": purpose}),
            _ => json!({"legal_ground": "食品安全法", "reason": "核查"}),
        }
    }
}

fn with(mut claims: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_serves_those_whom_its_row_names() {
    Logs::capture();
    on_both(async |backend| {
        let world = SignerWorld::start(backend).await;
        let issue = world.bearer(&world.market, "licence.issue");
        let (status, issued) = world.post("/v1/licences", &issue, "", &world.draft("JY-1")).await;
        assert_eq!(status, 201, "{issued}");
        let code = HolderCode::of_type("111", &numbers::id_number(2)).expect("a number");
        world.signer.remember_subject("stranger", &code).await.expect("is kept");
        let callers = Callers { world: &world, licence: issued["id"].as_str().expect("an id").to_owned() };
        let mut guarded = 0;
        for route in ROUTES {
            if route.guard == Guard::Public {
                let (status, code, _) = callers.ask(route, None).await;
                assert!(![401, 403, 500].contains(&status), "{route:?}: {status} {code}");
                continue;
            }
            guarded += 1;
            strangers_are_refused(&callers, route).await;
            let row = ROWS.iter().find(|row| (row.0, row.1) == (route.method, route.path));
            let (.., expected) = row.unwrap_or_else(|| panic!("{route:?} has no row"));
            let tokens = [callers.client(route), callers.person(route), callers.clerk_of_the_other(route)];
            for (token, (status, code)) in tokens.iter().zip(expected) {
                let (found, refusal, challenge) = callers.ask(route, Some(token)).await;
                assert_eq!((found, refusal.as_str()), (*status, *code), "{backend:?} {route:?} {}", token["sub"]);
                if *code == "caller.no_person" {
                    assert!(challenge.contains("insufficient_scope") && challenge.contains("person"), "{challenge}");
                }
            }
        }
        assert_eq!(guarded, ROWS.len(), "a row without a route");
        world.check().await;
    })
    .await;
}

/// No token, one for another service, one that has expired, one without the scope, and a person at level 1.
async fn strangers_are_refused(callers: &Callers<'_>, route: &Route) {
    let now = callers.client(route)["iat"].as_i64().expect("seconds");
    let (status, code, challenge) = callers.ask(route, None).await;
    assert_eq!((status, code.as_str()), (401, "access.sign_in_required"), "{route:?}");
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error="), "RFC 6750 §3.1: {challenge}");
    let another = ("aud", json!("http://localhost:1"));
    for changes in [&[another][..], &[("iat", json!(now - 400)), ("exp", json!(now - 100))][..]] {
        let (status, code, challenge) = callers.ask(route, Some(&callers.nearly(route, changes))).await;
        assert_eq!((status, code.as_str()), (401, "access.token_invalid"), "{route:?} {changes:?}");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    let needed = match route.guard {
        Guard::Scope(scope) | Guard::Holder(scope) => scope,
        _ => "licence.read",
    };
    let (status, code, challenge) =
        callers.ask(route, Some(&callers.nearly(route, &[("scope", json!("openid"))]))).await;
    assert_eq!((status, code.as_str()), (403, "access.scope_insufficient"), "{route:?}");
    let expected = format!("error=\"insufficient_scope\", scope=\"{needed}\"");
    assert!(challenge.contains(&expected), "RFC 6750 §3.1: {challenge}");
    if !matches!(route.guard, Guard::Scope(_)) {
        let low = with(callers.person(route), &[("acr", json!("urn:xinyin:acr:1"))]);
        let (status, code, challenge) = callers.ask(route, Some(&low)).await;
        assert_eq!((status, code.as_str()), (401, "access.level_insufficient"), "{route:?}");
        assert!(challenge.contains("acr_values=\"urn:xinyin:acr:2\""), "RFC 9470: {challenge}");
        let without = with(callers.person(route), &[("scope", json!("openid"))]);
        let (status, code, _) = callers.ask(route, Some(&without)).await;
        assert_eq!((status, code.as_str()), (403, "access.scope_insufficient"), "{route:?}");
    }
}
