//! The suite's own configuration: where the provider is, who signs in there, and the way through its pages, as a script
//! for the browser that is built into the suite.

use serde_json::{Value, json};

/// The page that asks who comes.
const SIGN_IN: &str = ".*(Sign in|登录).*";
/// The page of an address that is not registered.
const WRONG_ADDRESS: &str = ".*(wrong return address|返回地址不对).*";
/// The same after signing out.
const WRONG_ADDRESS_AFTER: &str = ".*(return address after signing out is wrong|退出后的返回地址不对).*";
/// Whatever page a sign-out ends on that was not asked for rightly.
const NO_PLAIN_SIGN_OUT: &str = ".*(sign-out request is not right|退出请求不对|Sign out on this device|You have signed out|return address after signing out).*";
/// The page after signing out.
const SIGNED_OUT: &str = ".*(You have signed out|已退出|您已退出).*";

/// What the suite is told.
pub(super) struct Suite<'a> {
    /// The provider's external URL.
    pub provider: &'a str,
    /// The name that stands in the suite's redirect URIs.
    pub alias: &'a str,
    /// The person's number and password.
    pub login: &'a str,
    pub password: &'a str,
    /// The clients, each with its secret: two of the first plan, and the one of `client_secret_post`.
    pub clients: [(&'a str, &'a str); 3],
}

impl Suite<'_> {
    /// The whole file.
    pub(super) fn configuration(&self) -> Value {
        let client = |at: usize| {
            let (id, secret) = self.clients[at];
            json!({ "client_id": id, "client_secret": secret })
        };
        json!({
            "alias": self.alias,
            "description": "Xinyin idp, with idp.toml and people/ beside this file",
            "server": {
                "discoveryUrl": self.at("/.well-known/openid-configuration"),
                // The suite's own example: what it hints at need not exist.
                "login_hint": "alice@example.org",
                "ui_locales": "zh-CN",
                "acr_values": "urn:xinyin:acr:2",
            },
            "client": client(0),
            "client2": client(1),
            "client_secret_post": client(2),
            "options": { "browsercontrol_css_enable": false },
            "browser": [self.sign_in(None), self.sign_out(&[self.confirm(), json!({
                "task": "back", "match": "*/test/*/post_logout_redirect*", "optional": true
            })])],
            "override": self.overrides(),
        })
    }

    /// The modules that need another way, most of them because a person has to look at a page.
    fn overrides(&self) -> Value {
        let looked_at = json!({ "browser": [self.sign_in(Some(SIGN_IN))] });
        let refused = json!({ "browser": [self.entry("/authorize*", &[self.look(WRONG_ADDRESS)])] });
        let after = |tasks: &[Value]| json!({ "browser": [self.sign_in(None), self.sign_out(tasks)] });
        let address = after(&[self.look(WRONG_ADDRESS_AFTER)]);
        let hint = after(&[self.look(NO_PLAIN_SIGN_OUT)]);
        let asked = after(&[self.confirm(), self.look(SIGNED_OUT)]);
        json!({
            "oidcc-prompt-login": looked_at,
            "oidcc-max-age-1": looked_at,
            "oidcc-ensure-registered-redirect-uri": refused,
            "oidcc-ensure-request-object-with-redirect-uri": refused,
            "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": address,
            "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": address,
            "oidcc-rp-initiated-logout-modified-id-token-hint": hint,
            "oidcc-rp-initiated-logout-bad-id-token-hint": hint,
            "oidcc-rp-initiated-logout-no-id-token-hint": hint,
            "oidcc-rp-initiated-logout-no-params": asked,
            "oidcc-rp-initiated-logout-only-state": asked,
            "oidcc-rp-initiated-logout-no-post-logout-redirect-uri": asked,
        })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.provider)
    }

    fn entry(&self, path: &str, tasks: &[Value]) -> Value {
        json!({ "match": self.at(path), "tasks": tasks })
    }

    fn sign_in(&self, look: Option<&str>) -> Value {
        let mut commands: Vec<Value> = look
            .map(|text| json!(["wait", "xpath", "//*", 10, text, "update-image-placeholder-optional"]))
            .into_iter()
            .collect();
        commands.push(json!(["text", "id", "login", self.login]));
        commands.push(json!(["text", "id", "password", self.password]));
        commands.push(json!(["click", "id", "submit"]));
        let agree = json!(["click", "id", "submit", "optional"]);
        self.entry(
            "/authorize*",
            &[
                json!({ "task": "login", "match": self.at("/sign-in/*"), "optional": true, "commands": commands }),
                json!({ "task": "consent", "match": self.at("/consent/*"), "optional": true, "commands": [agree] }),
                json!({ "task": "back", "match": "*/test/*/callback*", "commands": [["wait", "id", "submission_complete", 15]] }),
            ],
        )
    }

    fn sign_out(&self, tasks: &[Value]) -> Value {
        self.entry("/logout*", tasks)
    }

    fn confirm(&self) -> Value {
        let yes = json!(["click", "id", "submit", "optional"]);
        json!({ "task": "confirm", "match": self.at("/logout*"), "optional": true, "commands": [yes] })
    }

    fn look(&self, text: &str) -> Value {
        let wait = json!(["wait", "xpath", "//*", 10, text, "update-image-placeholder"]);
        json!({ "task": "look", "match": self.at("/*"), "commands": [wait] })
    }
}
