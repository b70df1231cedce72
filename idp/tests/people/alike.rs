//! Whoever asks learns from no answer whether a number or phone has an account here: hashes, statements, status, headers and
//! every byte of the page are equal.

use std::net::IpAddr;

use crate::house::{Answer, Browser, House};
use crate::{PASSWORD, numbers};

/// Somebody as the stories type him.
struct Somebody {
    number: String,
    name: &'static str,
    phone: &'static str,
}

/// What an answer shows and costs.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    hashes: u64,
    statements: u64,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

const PLACES: [&str; 11] = [
    "sign-in by number",
    "sign-in by phone",
    "sign-in once too often",
    "passkey",
    "registration",
    "the page of its code",
    "a wrong code",
    "another code",
    "recovery",
    "a wrong code of a recovery",
    "registration under another name",
];

#[tokio::test]
async fn known_and_unknown_numbers_get_the_same_answers_at_the_same_cost() {
    let house = House::new().await;
    let (known, unknown, without_phone) = numbers();
    let people = [
        Somebody { number: known, name: "阿依古丽·买买提", phone: "10000000012" },
        Somebody { number: unknown, name: "欧阳测试·买买提", phone: "10000000034" },
        Somebody { number: without_phone, name: "张三李四·买买提", phone: "10000000056" },
    ];
    house.person(&people[0].number, people[0].name, people[0].phone, PASSWORD).await;
    {
        let mut registers = house.registers.lock().expect("no panic");
        for (person, phone) in [(&people[1], Some(people[1].phone.to_owned())), (&people[2], None)] {
            registers.people.insert(person.number.clone(), (person.name.to_owned(), phone));
        }
    }
    let mut known = Vec::new();
    for (at, person) in (0_u8..).zip(&people) {
        let shown = visit(&house, person, IpAddr::from([198, 51, 100, at])).await;
        assert_eq!(shown.len(), PLACES.len());
        for (place, shown) in PLACES.iter().zip(&shown) {
            assert_eq!(shown.hashes, u64::from(["sign-in by number", "sign-in by phone"].contains(place)), "{place}");
        }
        if known.is_empty() {
            known = shown;
            continue;
        }
        for ((place, known), unknown) in PLACES.iter().zip(&known).zip(&shown) {
            assert_eq!(known, unknown, "{place}: person {at}");
        }
    }
}

/// Every place where a number or a phone is typed, before anything is proved.
async fn visit(house: &House, person: &Somebody, address: IpAddr) -> Vec<Shown> {
    let mut found = Vec::new();
    for login in [person.number.as_str(), person.phone] {
        let mut browser = at(house, address);
        let (path, page) = browser.open("/account").await;
        let fields = [("login", login), ("password", "not this one at all")];
        found.push(shown(house, person, &path, async || browser.fill(&page, &path, &fields).await).await);
    }
    let mut browser = at(house, address);
    let (path, page) = browser.open("/account").await;
    let fields = [("login", person.number.as_str()), ("password", "not this one at all")];
    for _ in 0..4 {
        browser.fill(&page, &path, &fields).await;
    }
    found.push(shown(house, person, &path, async || browser.fill(&page, &path, &fields).await).await);
    let (to, fields) = (format!("{path}/passkey"), [("login", person.number.as_str())]);
    let mut answer = shown(house, person, &path, async || browser.fill(&page, &to, &fields).await).await;
    answer.body = shape(&answer.body);
    found.push(answer);

    let typed = [("name", person.name), ("number", person.number.as_str()), ("phone", person.phone)];
    let mut browser = at(house, address);
    let page = browser.get("/register").await;
    let mut path = String::new();
    let begin = async || {
        let answer = browser.fill(&page, "/register", &typed).await;
        path.clone_from(&answer.location);
        answer
    };
    found.push(shown(house, person, "", begin).await);
    let page = browser.get(&path).await;
    found.push(shown(house, person, &path, async || browser.get(&path).await).await);
    let wrong = [("code", wrong(house, person))];
    found.push(shown(house, person, &path, async || browser.fill(&page, &path, &wrong).await).await);
    house.wait(60);
    let again = [("resend", "1")];
    found.push(shown(house, person, &path, async || browser.fill(&page, &path, &again).await).await);

    let page = browser.get("/register?purpose=password").await;
    let begin = async || {
        let answer = browser.fill(&page, "/register?purpose=password", &typed).await;
        path.clone_from(&answer.location);
        answer
    };
    found.push(shown(house, person, "", begin).await);
    let page = browser.get(&path).await;
    found.push(shown(house, person, &path, async || browser.fill(&page, &path, &wrong).await).await);

    let page = browser.get("/register").await;
    let other = [("name", "别人"), typed[1], typed[2]];
    found.push(shown(house, person, "", async || browser.fill(&page, "/register", &other).await).await);
    house.wait(-60);
    found
}

fn at(house: &House, address: IpAddr) -> Browser<'_> {
    let mut browser = Browser::new(house);
    browser.address = address;
    browser
}

/// A code that was not sent.
fn wrong(house: &House, person: &Somebody) -> &'static str {
    let text = house.message(&person.number);
    if text.contains("000000") { "000001" } else { "000000" }
}

/// What an answer shows and costs, with whatever is random or was typed made the same.
async fn shown(house: &House, person: &Somebody, path: &str, ask: impl AsyncFnOnce() -> Answer) -> Shown {
    let spent = || (house.idp.people().passwords.computed(), house.idp.db().statements());
    let before = spent();
    let answer = ask().await;
    let after = spent();
    let incident = answer.headers.get("xinyin-incident").and_then(|value| value.to_str().ok()).unwrap_or("-");
    let id = path.split('/').nth(2).unwrap_or("-");
    let ending = format!("*******{}", &person.phone[7..]);
    let mut body = answer.text.clone();
    for text in
        tokens(&answer.text).into_iter().chain([incident, id, &person.number, person.phone, &ending, person.name])
    {
        body = body.replace(text, &"_".repeat(text.chars().count()));
    }
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "xinyin-incident"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .map(|(name, value)| match name.as_str() {
            // Random values: their place and length.
            "location" | "set-cookie" => (name, masked(&value)),
            _ => (name, value.replace(id, "_")),
        })
        .collect();
    headers.sort();
    Shown { hashes: after.0 - before.0, statements: after.1 - before.1, status: answer.status.as_u16(), headers, body }
}

/// The values of the tokens of a page's forms.
fn tokens(text: &str) -> Vec<&str> {
    let fields = ["name=\"form_token\"", "name=\"request_id\""];
    let rest = fields.into_iter().flat_map(|field| text.split(field).skip(1));
    rest.filter_map(|rest| rest.split_once("value=\"")?.1.split('"').next()).filter(|token| !token.is_empty()).collect()
}

/// A text with each run of 16 and more characters of base64url made the same.
fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        masked.push_str(&if run >= 16 { "_".repeat(run) } else { rest[..run].to_owned() });
        let next = rest[run..].find(is_part).map_or(rest.len(), |at| run + at);
        masked.push_str(&rest[run..next]);
        rest = &rest[next..];
    }
    masked
}

/// JSON with the length of each random text in its place.
fn shape(json: &str) -> String {
    masked(json)
}
