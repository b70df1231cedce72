//! Who and what the demonstration invents, as the stories name it.

use serde_json::Value;
use verifier::time::{Date, Timestamp};

#[path = "../../../src/demo/world.rs"]
#[allow(dead_code, unreachable_pub, reason = "the program uses all of it")]
pub(super) mod demonstration;

/// The licence types' definitions.
pub(super) const TYPES: &str = include_str!("../../../src/demo/types.json");
/// The register of matters.
pub(super) const MATTERS: &str = include_str!("../../../src/demo/matters.json");
/// The licences.
const LICENCES: &str = include_str!("../../../src/demo/licences.json");
/// The region of the installation.
pub(super) const REGION: &str = demonstration::COUNTY;

/// Codes of licence types that stories issue.
pub mod types {
    /// 特种设备作业人员证.
    pub const OPERATOR_CERTIFICATE: &str = "11640104MB0000019M003";
    /// 机动车驾驶证.
    pub const DRIVING_LICENCE: &str = "11640100MB0000027N002";
    /// 社会保障卡.
    pub const SOCIAL_SECURITY_CARD: &str = "11640100MB0000035H001";
}

/// Somebody who signs in.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The number of the identity card.
    pub id_number: &'static str,
    /// The name.
    pub name: &'static str,
    /// The password.
    pub password: &'static str,
}

impl Person {
    /// A citizen who is 经办人 of one company and 法定代表人 of another.
    pub fn citizen() -> Self {
        Self::of("640104199103080009")
    }

    /// A citizen who acts for nobody.
    pub fn neighbour() -> Self {
        Self::of("640104196907010002")
    }

    /// A clerk of the market bureau.
    pub fn market_clerk() -> Self {
        Self::of("64010419851231000X")
    }

    /// A clerk of the police bureau.
    pub fn police_clerk() -> Self {
        Self::of("640104199005050009")
    }

    /// A clerk of the service centre's window, who issues nothing.
    pub fn hall_clerk() -> Self {
        Self::of("640104198811020002")
    }

    fn of(id_number: &str) -> Self {
        let person = demonstration::person(id_number).expect("a person of the demonstration");
        let password = person.password.expect("a person with an account");
        Self { id_number: person.id_number, name: person.name, password }
    }
}

/// Whom the demonstration knows: number, name, phone and, of those with an account, the password.
pub fn everyone() -> Vec<(&'static str, &'static str, &'static str, Option<&'static str>)> {
    let all = demonstration::PERSONS.iter();
    all.map(|person| (person.id_number, person.name, person.phone, person.password)).collect()
}

/// Everything that is invented, longest first: names, and the texts of types, matters and licences. Of what stands in
/// two languages, the page's own.
pub fn invented(english: bool) -> Vec<String> {
    let mut found: Vec<String> = demonstration::PERSONS.iter().map(|person| person.name.to_owned()).collect();
    found.extend(demonstration::ORGANISATIONS.iter().map(|organisation| organisation.name.to_owned()));
    found.extend(["示范省根", "示范省", "示范市", "示例县", "市民个人网页", "投资项目平台"].map(str::to_owned));
    for text in [TYPES, MATTERS, LICENCES] {
        collect(&serde_json::from_str(text).expect("the demonstration's files read"), english, &mut found);
    }
    found.retain(|text| !text.trim().is_empty());
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found
}

fn collect(value: &Value, english: bool, found: &mut Vec<String>) {
    match value {
        // what is a word of ASCII alone is a name for programs
        Value::String(text) if !text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_') => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|value| collect(value, english, found)),
        Value::Object(members) => {
            let pair = members.contains_key("zh-CN") && members.contains_key("en");
            let other = if english { "zh-CN" } else { "en" };
            let chosen = |name: &str| !(pair && name == other);
            members.iter().filter(|(name, _)| chosen(name)).for_each(|(_, value)| collect(value, english, found));
        }
        _ => {}
    }
}

/// The demonstration's licence of a type and holder: its department and the body that asks for it.
pub fn draft(type_code: &str, holder: &str, now: Timestamp) -> (String, Value) {
    let all: Vec<Value> = serde_json::from_str(LICENCES).expect("the demonstration's licences read");
    let fits = |entry: &&Value| entry["request"]["type"] == type_code && entry["request"]["holder"]["code"] == holder;
    let found = all.iter().find(fits).unwrap_or_else(|| panic!("no licence of {type_code} in the demonstration"));
    let department = found["department"].as_str().expect("a code").to_owned();
    (department, dated(found["request"].clone(), now))
}

/// `today+23` as the day that it means.
fn dated(mut request: Value, now: Timestamp) -> Value {
    let today = Date::of(now).expect("a day");
    for name in ["issue_date", "valid_from", "valid_until"] {
        let days = request[name].as_str().and_then(|text| text.strip_prefix("today")?.parse::<i32>().ok());
        if let Some(day) = days.and_then(|days| today.plus_days(days)) {
            request[name] = day.to_string().into();
        }
    }
    request
}

/// The client of a department's system.
pub(super) fn system_of(department: &str) -> &'static str {
    match department {
        demonstration::POLICE => "police-system",
        demonstration::MARKET => "market-system",
        demonstration::HRSS => "hrss-system",
        other => panic!("{other} has no system"),
    }
}

impl super::World {
    /// Somebody who entered a number that nobody has checked.
    pub async fn person_at_level_one(&self) -> Person {
        let entry =
            demonstration::PERSONS.iter().find(|entry| entry.password.is_none()).expect("one without an account");
        let person = Person { id_number: entry.id_number, name: entry.name, password: "entered-by-hand-1" };
        let new = idp::provision::NewPerson {
            number: entry.id_number.parse().expect("a number"),
            name: idp::account::Name::read(entry.name).expect("a name"),
            phone: None,
            password: Some(idp::account::Password::new(person.password.to_owned())),
            level: 1,
        };
        idp::provision::person(&self.idp, &new).await.expect("a person is kept");
        person
    }

    /// Ends whatever mandates a person has for an organisation, as of now.
    pub async fn end_mandate(&self, person: &Person, organisation: &str) {
        self.set_mandate(person, organisation, Some(self.now())).await;
    }

    /// Lets whatever mandates a person has for an organisation end at `until`, or not at all.
    pub async fn set_mandate(&self, person: &Person, organisation: &str, until: Option<Timestamp>) {
        let entry = demonstration::person(person.id_number).expect("a person of the demonstration");
        let acts = entry.acts_for.iter().find(|acts| acts.code == organisation).expect("a mandate");
        let new = idp::provision::NewPerson {
            number: person.id_number.parse().expect("a number"),
            name: idp::account::Name::read(person.name).expect("a name"),
            phone: None,
            password: None,
            level: 2,
        };
        let id = idp::provision::person(&self.idp, &new).await.expect("the person is there");
        let new = idp::provision::NewMandate {
            person: id,
            organisation: organisation.parse().expect("a code"),
            role: idp::mandate::Role::parse(acts.role).expect("a role"),
            matters: acts.matters.iter().map(|matter| (*matter).to_owned()).collect(),
            starts_at: None,
            until,
            given_by: None,
        };
        idp::provision::mandate(&self.idp, &new).await.expect("the mandate is changed");
    }
}
