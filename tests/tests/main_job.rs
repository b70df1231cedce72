//! The main job in a real browser, from `xinyin up` alone: registering, signing in once for two portals, issuing, showing,
//! verifying, looking up, history, revoking, verifying again. Every page on the way is judged by axe and photographed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xinyin_tests::journey::{self, sign_in};
use xinyin_tests::leaks::Watch;
use xinyin_tests::process::Up;
use xinyin_tests::process::address::{DESK, IDP, PORTAL, SECOND_PORTAL, SIGNER, SIMULATORS};
use xinyin_tests::world::everyone;
use xinyin_tests::{Browser, Looks, folder, network, zbar};

const OPERATOR_CERTIFICATE: &str = "11640104MB0000019M003";
const LI: &str = "640104199309140003";

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_in_a_browser() {
    let up = Up::start().await;
    register().await;
    sign_in_once_for_two_portals().await;
    let (clerk, li, hall) = (Browser::start().await, Browser::start().await, Browser::start().await);
    let at_department = issue(&clerk).await;
    enter_the_desk(&hall).await;
    enter_the_desk_too(&clerk).await;
    let licence = see(&li).await;
    show(&li, &licence, &hall, &clerk).await;
    let papers = Papers::of(&li, &licence, up.data()).await;
    for (name, paper) in [("screen", &papers.screen), ("printed", &papers.printed)] {
        assert_eq!(scan(&hall, paper).await, "有效", "the {name} code");
        look(&hall, &format!("desk-valid-{name}")).await;
    }
    assert_eq!(hand_in(&hall, &papers.credential).await, "有效");
    look(&hall, "desk-valid-credential").await;
    look_up(&hall).await;
    who_looked(&li, &licence).await;
    revoke(&clerk, &at_department).await;
    let begun = Instant::now();
    while hand_in(&hall, &papers.credential).await != "真实但当前无效" {
        assert!(begun.elapsed() < Duration::from_secs(40), "the desk does not notice that the licence was revoked");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    look(&hall, "desk-not-in-force").await;
    assert_eq!(scan(&hall, &papers.printed).await, "真实但当前无效");
    after_the_revocation(&li, &hall, &licence).await;
    in_english(&li, &licence, &hall).await;
    LOOKS.nothing_found();
    nothing_of_a_person_in_databases(up.data());
}

/// What the demonstration knows of its people stands in no database file as it is, in no spelling.
fn nothing_of_a_person_in_databases(data: &Path) {
    let mut watch = Watch::default();
    for (number, name, phone, password) in everyone() {
        for (kind, value) in
            [("number", number), ("name", name), ("phone", phone), ("password", password.unwrap_or(""))]
        {
            watch.add(kind, value);
        }
    }
    let seeker = watch.seeker();
    let mut searched = 0;
    for entry in std::fs::read_dir(data).expect("the data folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains(".db") {
            searched += 1;
            let found = seeker.find(&std::fs::read(entry.path()).expect("it can be read"));
            assert!(found.is_empty(), "{name}: {found:?}");
        }
    }
    assert!(searched >= 6, "three databases, each with its write-ahead log: {searched}");
}

static LOOKS: Looks = Looks::new();

async fn look(browser: &Browser, name: &str) {
    LOOKS.look(browser, name).await;
}

/// 林演示 registers, reads the code in the simulated operator's inbox, makes a passkey and signs in again by it alone.
async fn register() {
    let lin = Browser::start().await;
    let authenticator = lin.add_authenticator().await;
    lin.open(&format!("{SIMULATORS}/")).await;
    look(&lin, "inbox-empty").await;
    lin.open(&format!("{IDP}/register")).await;
    look(&lin, "register-who").await;
    lin.click("#submit").await;
    look(&lin, "register-who-refused").await;
    lin.fill("#name", "林演示").await;
    lin.fill("#number", "640104199510100003").await;
    lin.fill("#phone", "10000000101").await;
    lin.click("#submit").await;
    lin.find("#code").await;
    let back = lin.url().await;
    look(&lin, "register-code").await;
    lin.open(&format!("{SIMULATORS}/")).await;
    let digits = lin.find(".digits [aria-hidden]").await;
    let code = lin.text_of(&digits).await;
    look(&lin, "inbox").await;
    lin.open(&back).await;
    lin.fill("#code", &code).await;
    lin.click("#submit").await;
    lin.find("#passkey").await;
    look(&lin, "register-means").await;
    lin.click("#passkey").await;
    lin.arrive(&format!("{IDP}/account")).await;
    lin.read("林演示").await;
    assert_eq!(lin.credentials(&authenticator).await.len(), 1, "one passkey was made");
    look(&lin, "account").await;
    lin.click(".tools button[name=sign-out]").await;
    lin.read("退出").await;
    look(&lin, "idp-signed-out").await;
    lin.open(&format!("{IDP}/account")).await;
    lin.find("#login").await;
    look(&lin, "sign-in-account").await;
    lin.click("#passkey").await;
    lin.arrive(&format!("{IDP}/account")).await;
    lin.read("林演示").await;
}

/// 阿依古丽 signs in at one portal, opens the second without a page, acts for her company, and the platform looks its
/// business licence up instead of asking for it.
async fn sign_in_once_for_two_portals() {
    let ayi = Browser::start().await;
    ayi.open(&format!("{PORTAL}/")).await;
    look(&ayi, "portal-welcome").await;
    ayi.click("#sign-in").await;
    ayi.find("#login").await;
    look(&ayi, "sign-in").await;
    sign_in(&ayi, "10000000009", "wrong-word-09").await;
    ayi.find(".summary").await;
    look(&ayi, "sign-in-refused").await;
    sign_in(&ayi, "10000000009", "qing-he-09").await;
    go_on(&ayi, "本人", PORTAL, "portal").await;
    ayi.read("您好").await;
    look(&ayi, "portal").await;
    ayi.open(&format!("{SECOND_PORTAL}/")).await;
    go_on(&ayi, "本人", SECOND_PORTAL, "second-portal").await;
    ayi.read("企业投资项目备案").await;
    look(&ayi, "project-person").await;
    ayi.click("#act-for").await;
    go_on(&ayi, "示例远景投资有限公司", SECOND_PORTAL, "organisation").await;
    ayi.read("正在代表").await;
    look(&ayi, "project-organisation").await;
    ayi.click("#look-up").await;
    ayi.find("#looked-up").await;
    ayi.read("法定代表人").await;
    look(&ayi, "project-looked-up").await;
    ayi.open(&format!("{SIGNER}/login")).await;
    go_on(&ayi, "示例远景投资有限公司", SIGNER, "signer").await;
    ayi.read("营业执照").await;
    look(&ayi, "mine-organisation").await;
    ayi.open(&format!("{SIGNER}/who-looked")).await;
    ayi.read("示范省发展和改革委员会").await;
    ayi.read("TZ-2026-3390").await;
    look(&ayi, "who-looked-organisation").await;
}

async fn go_on(browser: &Browser, whom: &str, origin: &str, name: &str) {
    journey::go_on(browser, whom, origin, async |page: &str| look(browser, &format!("{page}-{name}")).await).await;
}

/// 陈𬀩 signs in at the department's page and issues; answers the licence's address there.
async fn issue(clerk: &Browser) -> String {
    clerk.open(&format!("{SIGNER}/")).await;
    look(clerk, "signer-welcome").await;
    clerk.open(&format!("{SIGNER}/department")).await;
    clerk.find("#login").await;
    sign_in(clerk, "10000000010", "shi-chang-10").await;
    go_on(clerk, "示例县市场监督管理局", SIGNER, "clerk").await;
    clerk.find("#issue").await;
    look(clerk, "department").await;
    clerk.click("#issue").await;
    clerk.find(&format!("a[href$='{OPERATOR_CERTIFICATE}']")).await;
    look(clerk, "department-types").await;
    clerk.click(&format!("a[href$='{OPERATOR_CERTIFICATE}']")).await;
    clerk.find("#holder_name").await;
    clerk.fill("#holder_name", "李䶮").await;
    clerk.fill("#holder_code", "640104199309140004").await;
    clerk.click("#submit").await;
    clerk.find(".summary").await;
    look(clerk, "department-issue-refused").await;
    clerk.fill("#case", "SC-2026-0417").await;
    clerk.fill("#holder_code", LI).await;
    clerk.click("#item_operation option:nth-of-type(2)").await;
    clerk.fill("#valid_until", "2029-11-24").await;
    clerk.click("button[name=preview]").await;
    clerk.find("#submit").await;
    look(clerk, "department-issue").await;
    clerk.click("#submit").await;
    clerk.find("#notice").await;
    clerk.read("已颁发").await;
    look(clerk, "department-licence").await;
    clerk.url().await.split('?').next().expect("an address").to_owned()
}

/// 赵㛃 of the hall signs in at the desk and says for which case he works.
async fn enter_the_desk(hall: &Browser) {
    hall.open(&format!("{DESK}/")).await;
    look(hall, "desk").await;
    hall.open(&format!("{DESK}/matter")).await;
    hall.find("#login").await;
    sign_in(hall, "10000000002", "chuang-kou-02").await;
    go_on(hall, "示范市政务服务中心", DESK, "hall").await;
    work_on(hall, "TS-2026-0088").await;
}

/// Chooses the case at the desk.
async fn work_on(browser: &Browser, case: &str) {
    browser.open(&format!("{DESK}/matter")).await;
    browser.click("option[value='special-equipment-registration']").await;
    browser.fill("#case", case).await;
    browser.fill("#purpose", "登记前核对作业人员资格").await;
    look(browser, "desk-matter").await;
    browser.click("#submit").await;
    browser.read(case).await;
    look(browser, "desk-case").await;
}

/// 陈𬀩 at the desk, as his own department.
async fn enter_the_desk_too(clerk: &Browser) {
    clerk.open(&format!("{DESK}/matter")).await;
    go_on(clerk, "示例县市场监督管理局", DESK, "clerk-desk").await;
    work_on(clerk, "SC-2026-0999").await;
}

/// 李䶮 signs in and finds the new certificate; answers its address.
async fn see(li: &Browser) -> String {
    li.open(&format!("{SIGNER}/login")).await;
    li.find("#login").await;
    sign_in(li, "10000000003", "qi-zhong-03").await;
    go_on(li, "本人", SIGNER, "holder").await;
    li.find(".lic").await;
    look(li, "mine").await;
    let find = "return [...document.querySelectorAll('.lic')].find(l => l.textContent.includes('特种设备作业人员证')
        && l.textContent.includes('2029')).querySelector('a.btn-plain').href";
    let href = li.execute(find, &json!([])).await;
    let licence = href.as_str().expect("a link").to_owned();
    li.open(&licence).await;
    li.read("示例县市场监督管理局").await;
    look(li, "licence").await;
    licence
}

/// 李䶮 shows the QR, 赵㛃 scans it: valid; 陈𬀩 scans the same one: refused.
async fn show(li: &Browser, licence: &str, hall: &Browser, clerk: &Browser) {
    li.click("#show").await;
    li.find("#submit").await;
    look(li, "show-ask").await;
    li.click("#submit").await;
    li.find("svg.qr").await;
    look(li, "show-code").await;
    say_the_digits(li, hall).await;
    li.open(&format!("{licence}/show")).await;
    li.click("#submit").await;
    li.find("svg.qr").await;
    let code = scanned(li, "show-code").await;
    assert!(code.starts_with("XYP:"), "a presentation code, not {code}");
    assert_eq!(scan(hall, &code).await, "有效");
    hall.read("李䶮").await;
    hall.read("作业项目").await;
    hall.read("起重机").await;
    hall.read("出示的人：李䶮").await;
    clerk.open(&format!("{DESK}/")).await;
    clerk.type_keys(&format!("{code}\n")).await;
    clerk.read("已经用过了").await;
    look(clerk, "desk-code-used").await;
    look(hall, "desk-valid").await;
}

/// The code cannot be scanned: 李䶮 says the digits, 赵㛃 types them, 李䶮 sees who asks and agrees.
async fn say_the_digits(li: &Browser, hall: &Browser) {
    let find = "return [...document.querySelectorAll('.digits [aria-hidden]')].map(e => e.textContent).join(' ')";
    let said = li.execute(find, &json!([])).await;
    let said = text(&said).to_owned();
    let heard = heard(li).await;
    let one_by_one = said.split(' ').map(|group| group.chars().map(String::from).collect::<Vec<_>>().join(" "));
    assert!(heard.contains(&one_by_one.collect::<Vec<_>>().join(", ")), "digits are heard one by one: {heard:?}");
    assert!(!heard.iter().any(|text| said.split(' ').any(|group| text == group)), "no number of thousands: {heard:?}");
    assert!(heard.iter().any(|text| text == "二维码"), "a drawing has a name: {heard:?}");
    let ask = "return [...document.querySelectorAll('a')].find(a => a.href.includes('/presentations/')).href";
    let stage = li.execute(ask, &json!([])).await;
    hall.open(&format!("{DESK}/")).await;
    hall.type_keys(&format!("{said}\n")).await;
    hall.read("已经问了持证人").await;
    look(hall, "desk-awaiting").await;
    li.open(text(&stage)).await;
    li.read("示范市政务服务中心").await;
    look(li, "agree").await;
    li.click("#agree").await;
    li.read("您已经同意").await;
    look(li, "agreed").await;
    assert_eq!(scan(hall, &said).await, "有效", "the digits after the holder agreed");
}

/// What a screen reader finds on the page: the names of everything that is not hidden from it.
async fn heard(browser: &Browser) -> Vec<String> {
    let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
    nodes
        .iter()
        .filter(|node| node["ignored"] != json!(true))
        .map(|node| text(&node["name"]["value"]).to_owned())
        .collect()
}

/// What a holder can carry away.
struct Papers {
    screen: String,
    printed: String,
    credential: PathBuf,
}

impl Papers {
    async fn of(li: &Browser, licence: &str, folder: &Path) -> Self {
        li.open(licence).await;
        li.find("svg.face-qr").await;
        let printed = scanned(li, "licence").await;
        let credential = folder.join("handed-in.sdjwt");
        std::fs::write(&credential, download(li, &format!("{licence}/credential")).await).expect("it can be written");
        li.click("#show-offline").await;
        li.find("#submit").await;
        look(li, "offline-ask").await;
        li.click("#submit").await;
        li.find("svg.qr").await;
        look(li, "offline-code").await;
        let screen = scanned(li, "offline-code").await;
        for code in [&screen, &printed] {
            assert!(code.starts_with("XY1:"), "an offline code, not {code}");
        }
        Self { screen, printed, credential }
    }
}

/// A file that the browser's user may have.
async fn download(browser: &Browser, url: &str) -> String {
    let pair = |cookie: &Value| format!("{}={}", text(&cookie["name"]), text(&cookie["value"]));
    let cookies: Vec<String> = browser.cookies().await.iter().map(pair).collect();
    let answer = network::client().get(url).header("Cookie", cookies.join("; ")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{url}");
    answer.text().await.expect("text")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Types a code into the desk's focused field as a scan gun does; answers the verdict.
async fn scan(desk: &Browser, code: &str) -> String {
    desk.open(&format!("{DESK}/")).await;
    desk.type_keys(&format!("{code}\n")).await;
    verdict(desk).await
}

/// Puts a file into the desk's form; answers the verdict.
async fn hand_in(desk: &Browser, file: &Path) -> String {
    desk.open(&format!("{DESK}/")).await;
    let field = desk.find("#file").await;
    desk.type_into(&field, &file.to_string_lossy()).await;
    desk.click("#submit").await;
    verdict(desk).await
}

async fn verdict(desk: &Browser) -> String {
    let word = desk.find("#verdict-word").await;
    desk.text_of(&word).await
}

/// 赵㛃 looks the certificate up by the holder's number.
async fn look_up(hall: &Browser) {
    hall.open(&format!("{DESK}/lookup")).await;
    hall.find("#holder").await;
    look(hall, "lookup").await;
    hall.fill("#holder", LI).await;
    hall.click(&format!("input[value='{OPERATOR_CERTIFICATE}']")).await;
    hall.click("#submit").await;
    hall.find("#verdict").await;
    hall.read("查到特种设备作业人员证").await;
    look(hall, "lookup-result").await;
    hall.open(&format!("{DESK}/lookup")).await;
    hall.fill("#holder", "640104200002290002").await;
    hall.click(&format!("input[value='{OPERATOR_CERTIFICATE}']")).await;
    hall.click("#submit").await;
    hall.read("没有查到").await;
    look(hall, "lookup-empty").await;
    hall.open(&format!("{DESK}/today")).await;
    hall.read("TS-2026-0088").await;
    look(hall, "desk-today").await;
}

/// 李䶮 finds both looks: the code that he showed, and the look-up that he did not see.
async fn who_looked(li: &Browser, licence: &str) {
    li.open(&format!("{SIGNER}/who-looked")).await;
    li.read("示范市政务服务中心").await;
    let count =
        "return [...document.querySelectorAll('tbody tr')].filter(r => r.textContent.includes('TS-2026-0088')).length";
    assert_eq!(li.execute(count, &json!([])).await, json!(3), "every look is told");
    look(li, "who-looked").await;
    li.open(licence).await;
    li.read("TS-2026-0088").await;
    look(li, "licence-looked").await;
}

/// 陈𬀩 revokes.
async fn revoke(clerk: &Browser, licence: &str) {
    clerk.open(licence).await;
    clerk.click("#do-revocation").await;
    clerk.fill("#legal_ground", "《特种设备安全监察条例》第三十八条").await;
    clerk.fill("#reason", "复审不合格").await;
    clerk.click("#submit").await;
    clerk.find(".summary").await;
    look(clerk, "department-revoke").await;
    clerk.fill("#confirm", "0003").await;
    clerk.click("#submit").await;
    clerk.find("#notice").await;
    clerk.read("吊销").await;
    look(clerk, "department-revoked").await;
}

/// The holder sees the revocation, cannot show any more, and the desk says so of a look-up.
async fn after_the_revocation(li: &Browser, hall: &Browser, licence: &str) {
    li.open(licence).await;
    li.read("已失效").await;
    assert!(li.find_now("#show").await.is_empty(), "what was revoked cannot be shown");
    look(li, "licence-revoked").await;
    hall.open(&format!("{DESK}/lookup")).await;
    hall.fill("#holder", LI).await;
    hall.click(&format!("input[value='{OPERATOR_CERTIFICATE}']")).await;
    hall.click("#submit").await;
    hall.find("#verdict").await;
    hall.read("真实但当前无效").await;
    for state in ["altered", "status-unavailable", "suspended", "expired"] {
        hall.open(&format!("{DESK}/samples/{state}")).await;
        hall.find("#verdict").await;
        look(hall, &format!("desk-sample-{state}")).await;
    }
}

/// The same pages in English.
async fn in_english(li: &Browser, licence: &str, hall: &Browser) {
    for (browser, url, page) in [
        (li, format!("{SIGNER}/"), "mine"),
        (li, licence.to_owned(), "licence"),
        (li, format!("{SIGNER}/who-looked"), "who-looked"),
        (li, format!("{IDP}/account"), "account"),
        (hall, format!("{DESK}/"), "desk"),
        (hall, format!("{DESK}/samples/valid"), "desk-valid"),
    ] {
        wear(browser, "en.normal.system").await;
        browser.open(&url).await;
        look(browser, &format!("{page}-en")).await;
    }
}

async fn wear(browser: &Browser, cookie: &str) {
    browser.execute("document.cookie = 'xy_view=' + arguments[0] + ';path=/'", &json!([cookie])).await;
}

/// The texts that zbar reads on the present page.
async fn scanned(browser: &Browser, name: &str) -> String {
    let path = folder::kept("screenshots").join(format!("{name}-scan.png"));
    browser.screenshot(1280, &path).await;
    let mut texts = zbar::decode(&path);
    assert_eq!(texts.len(), 1, "one code is to be read in {}", path.display());
    texts.remove(0)
}
