//! Both languages are whole: no Chinese is left on an English page and no English on a Chinese one, names and data aside.

use std::collections::BTreeSet;

use xinyin_tests::visitor::Page;
use xinyin_tests::world::{self, CITIZENS, Person, World, types};
use xinyin_tests::{Backend, Logs, Visitor};

const MARKET: &str = "示例县市场监督管理局";
const HALL: &str = "示范市政务服务中心";
/// What the people of this story type.
const TYPED: [&str; 4] = ["核对材料", "复审不合格", "TS-2026-0103", "《特种设备安全监察条例》第三十八条"];
/// Words of every language, and names that have no other form.
const ANYWHERE: &[&str] =
    &["English", "Xinyin", "QR", "SD-JWT", "localhost", "Cookie", "Chrome", "Linux", "ES256", "CN=", "O=", "mm", "ID"];

#[tokio::test(flavor = "multi_thread")]
async fn both_languages_are_whole() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let mut wrong = BTreeSet::new();
    let mut count = 0;
    for (language, foreign) in [("en", is_chinese as fn(&str) -> Vec<String>), ("zh-CN", is_english)] {
        let data = world::invented(language == "en");
        for page in tour(&world, language).await {
            count += 1;
            let text = plain(&page, &data);
            wrong.extend(foreign(&text).into_iter().map(|words| format!("{language} {}: {words}", page.url.path())));
        }
    }
    assert!(count > 80, "only {count} pages were seen");
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{} places:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every page that a citizen, a clerk of a department and a clerk of the hall come by.
async fn tour(world: &World, language: &str) -> Vec<Page> {
    let speaking = || {
        let visitor = Visitor::new();
        visitor.set_cookie("localhost", "xy_view", &format!("{language}.normal.system"));
        visitor
    };
    let mut pages = idp(world, &speaking()).await;
    let holder = if language == "en" { Person::neighbour() } else { Person::citizen() };
    pages.extend(department(world, &speaking(), &holder).await);
    pages.extend(own(world, &speaking(), &holder).await);
    pages.extend(desk(world, &speaking(), &holder).await);
    pages
}

async fn idp(world: &World, visitor: &Visitor) -> Vec<Page> {
    let idp = &world.idp_url;
    let mut pages = Vec::new();
    for url in [
        format!("{idp}/account"),
        CITIZENS
            .request(world, &[("scope", "openid profile organisation phone offline_access"), ("prompt", "consent")]),
        format!("{idp}/register"),
        format!("{idp}/no-such-page"),
        format!("{idp}/signed-out"),
        format!("{idp}/authorize?client_id=nobody"),
        format!("{idp}/about/privacy"),
        format!("{idp}/about/access"),
        format!("{idp}/about/help"),
    ] {
        pages.push(visitor.get_until(&url, |url| CITIZENS.is_called(url)).await);
    }
    let sign_in = pages[1].form("login");
    pages.push(visitor.submit(&sign_in, &[("login", "123"), ("password", "")]).await);
    pages.push(visitor.submit(&sign_in, &[("login", Person::hall_clerk().id_number), ("password", "wrong-one")]).await);
    let register = pages[2].form("number");
    pages.push(visitor.submit(&register, &[]).await);
    let person = Person::citizen();
    let fields = [("login", person.id_number), ("password", person.password)];
    let stop = |url: &url::Url| CITIZENS.is_called(url);
    for _ in 0..3 {
        let page = match pages.last().filter(|page| page.url.path().contains("/act-for/")) {
            Some(page) => visitor.submit(&page.form(page.url.path()), &[("subject", "self")]).await,
            None => visitor.submit(&sign_in, &fields).await,
        };
        let next = page.redirect().unwrap_or_else(|| panic!("{} {}: {}", page.url, page.status, page.body));
        let page = visitor.get_until(next.as_str(), stop).await;
        let done = page.url.path().contains("/consent/");
        pages.push(page);
        if done {
            break;
        }
    }
    let consent = pages.last().expect("a page");
    assert!(consent.url.path().contains("/consent/"), "{}", consent.url);
    pages.push(visitor.submit(&consent.form(consent.url.path()), &[]).await);
    for path in ["/account", "/account/password", "/account/passkey", "/logout"] {
        pages.push(visitor.get(&format!("{idp}{path}")).await);
    }
    let password = pages[pages.len() - 3].form("again");
    pages.push(visitor.submit(&password, &[("password", "short"), ("again", "other")]).await);
    pages
}

async fn department(world: &World, clerk: &Visitor, holder: &Person) -> Vec<Page> {
    let signer = &world.signer_url;
    let mut pages = vec![clerk.get(signer).await];
    world.at_signer(clerk, &Person::market_clerk(), Some(MARKET)).await;
    for path in ["/department", "/department/issue"] {
        pages.push(clerk.get(&format!("{signer}{path}")).await);
    }
    for kind in ["11640104MB0000019M001", "11640104MB0000019M002", types::OPERATOR_CERTIFICATE] {
        let page = clerk.get(&format!("{signer}/department/issue/{kind}")).await;
        pages.push(clerk.submit(&page.form("holder_code"), &[("holder_code", "1"), ("issue_date", "x")]).await);
        pages.push(page);
    }
    let issued =
        world.issue_numbered(types::OPERATOR_CERTIFICATE, Person::neighbour().id_number, Some(holder.id_number)).await;
    let id = issued["id"].as_str().expect("an id");
    for event in ["suspension", "annulment", "recall", "revocation", "cancellation"] {
        let page = clerk.get(&format!("{signer}/department/licences/{id}/{event}")).await;
        assert_eq!(page.status, 200, "{event}: {}", page.body);
        pages.push(clerk.submit(&page.form("legal_ground"), &[]).await);
        pages.push(page);
    }
    let form = pages.last().expect("a page").form("legal_ground");
    let last = &holder.id_number[14..];
    let fields = [("legal_ground", TYPED[3]), ("reason", TYPED[1]), ("confirm", last)];
    let done = clerk.submit(&form, &fields).await.redirect().expect("cancelled");
    pages.push(clerk.get(done.as_str()).await);
    pages.push(clerk.get(&format!("{signer}/department")).await);
    pages.push(clerk.get(&format!("{signer}/department/licences/{}", "0".repeat(32))).await);
    pages
}

async fn own(world: &World, citizen: &Visitor, person: &Person) -> Vec<Page> {
    let signer = &world.signer_url;
    let kind = if person.id_number == Person::citizen().id_number {
        types::SOCIAL_SECURITY_CARD
    } else {
        types::OPERATOR_CERTIFICATE
    };
    let issued = world.issue(kind, person.id_number).await;
    let id = issued["id"].as_str().expect("an id");
    let mut pages = vec![world.at_signer(citizen, person, None).await];
    for path in ["", "/show", "/offline-code"] {
        let page = citizen.get(&format!("{signer}/licences/{id}{path}")).await;
        if !path.is_empty() {
            pages.push(citizen.submit(&page.form(path), &[]).await);
        }
        pages.push(page);
    }
    for path in ["/who-looked", "/no-such-page", "/about/privacy"] {
        pages.push(citizen.get(&format!("{signer}{path}")).await);
    }
    pages
}

async fn desk(world: &World, hall: &Visitor, person: &Person) -> Vec<Page> {
    let desk = &world.desk_url;
    let mut pages = vec![hall.get(desk).await];
    pages.push(world.at_desk(hall, &Person::hall_clerk(), Some(HALL)).await);
    let matter = hall.get(&format!("{desk}/matter")).await;
    pages.push(hall.submit(&matter.form("matter"), &[("case", "")]).await);
    let (kind, client, name) = if person.id_number == Person::citizen().id_number {
        (types::SOCIAL_SECURITY_CARD, "hrss-system", "social-security-transfer")
    } else {
        (types::OPERATOR_CERTIFICATE, "market-system", "special-equipment-registration")
    };
    hall.submit(&matter.form("matter"), &[("matter", name), ("case", TYPED[2]), ("purpose", TYPED[0])]).await;
    pages.push(matter);
    let page = hall.get(desk).await;
    let form = page.form("code");
    pages.push(page);
    let issued = world.issue_numbered(kind, person.id_number, Some("XX-2026-1")).await;
    let id = issued["id"].as_str().expect("an id");
    let token = world.system(client, "licence.read").await;
    let (_, text) = world.get_signer(&format!("/v1/licences/{id}"), &token, "text/plain").await;
    for code in [text.trim(), "1234", "XYP:ABCDEFGHIJKLMNOPQRSTUVWXYZ", ""] {
        pages.push(hall.upload(&form, &[("code", code)]).await);
    }
    for event in ["suspension", "revocation"] {
        world.event(client, id, event).await;
        world.clock.advance(30);
        pages.push(hall.upload(&form, &[("code", text.trim())]).await);
    }
    let altered = format!("{}0", text.trim());
    pages.push(hall.upload(&form, &[("code", &altered)]).await);
    let page = hall.get(&format!("{desk}/lookup")).await;
    for holder in [person.id_number, "640104200002290002", "1"] {
        let fields = [("holder", holder), ("type", kind), ("purpose", TYPED[0])];
        pages.push(hall.submit(&page.form("holder"), &fields).await);
    }
    pages.push(page);
    for path in ["/today", "/no-such-page", "/about/help"] {
        pages.push(hall.get(&format!("{desk}{path}")).await);
    }
    pages
}

/// What a page says, read or heard, without data, code and what stands in a mark of its own language.
fn plain(page: &Page, data: &[String]) -> String {
    let mut html = page.body.clone();
    for (from, to) in [
        ("<head>", "<title>"),
        ("</title>", "</head>"),
        ("<code>", "</code>"),
        ("<textarea", "</textarea>"),
        ("<div class=\"face", "<figcaption"),
        ("<span class=\"mark\"", "</span>"),
        ("<a href=\"/view?lang=", "</a>"),
        ("<p class=\"code\">", "</p>"),
    ] {
        html = without(&html, from, to);
    }
    let mut text = String::new();
    for piece in html.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        for name in ["aria-label=\"", "alt=\"", "placeholder=\"", "data-label=\"", "data-none=\"", "data-stopped=\""] {
            text.extend(tag.split(name).nth(1).and_then(|rest| rest.split('"').next()));
            text.push('\n');
        }
        text.push_str(words);
        text.push('\n');
    }
    for known in TYPED.iter().copied().chain(data.iter().map(String::as_str)).chain(ANYWHERE.iter().copied()) {
        text = text.replace(known, " ");
    }
    text
}

/// `text` without all that stands from `from` to `to`.
fn without(text: &str, from: &str, to: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        kept.push_str(before);
        rest = after.find(to).map_or("", |end| &after[end..]);
    }
    kept + rest
}

fn is_chinese(text: &str) -> Vec<String> {
    let chinese = |c: char| matches!(u32::from(c), 0x3000..=0x30ff | 0x3400..=0x9fff | 0xff00..=0xff60 | 0x2_0000..);
    text.lines().filter(|line| line.chars().any(chinese)).map(|line| line.trim().to_owned()).collect()
}

/// Words of small letters; what has digits or capitals alone is a number or a name of something technical.
fn is_english(text: &str) -> Vec<String> {
    let word = |word: &str| word.len() > 2 && word.chars().skip(1).all(|c| c.is_ascii_lowercase());
    let words = |line: &str| line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.:/@&;".contains(c))).any(word);
    text.lines().filter(|line| words(line)).map(|line| line.trim().to_owned()).collect()
}
