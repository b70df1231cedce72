//! The main job in a browser that runs no script: signing in, consent, acting for, issuing, showing, verifying what is pasted,
//! looking up, revoking.

use serde_json::json;
use xinyin_tests::journey::{go_on, sign_in};
use xinyin_tests::webdriver::Options;
use xinyin_tests::world::{Person, World, types};
use xinyin_tests::{Backend, Browser, Logs};

const MARKET: &str = "示例县市场监督管理局";
const HALL: &str = "示范市政务服务中心";
const CASE: &str = "TS-2026-0101";

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_without_script() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let quiet = async || Browser::start_with(Options { scripts: false, ..Options::default() }).await;
    let (clerk, holder, hall) = (quiet().await, quiet().await, quiet().await);
    let (signer, desk) = (world.signer_url.as_str(), world.desk_url.as_str());
    let citizen = Person::neighbour();

    enter(&clerk, &format!("{signer}/login?to=/department"), &Person::market_clerk(), MARKET, signer).await;
    clerk.open(&format!("{signer}/department/issue/{}", types::OPERATOR_CERTIFICATE)).await;
    let fields = [
        ("#holder_name", citizen.name),
        ("#holder_code", citizen.id_number),
        ("#case", "SC-2026-0101"),
        ("#valid_until", "2029-11-24"),
    ];
    for (field, value) in fields {
        clerk.fill(field, value).await;
    }
    clerk.click("#item_operation option:nth-of-type(2)").await;
    clerk.click("#submit").await;
    clerk.find("#notice").await;
    let at_department = clerk.url().await.split('?').next().expect("an address").to_owned();
    let licence = at_department.rsplit('/').next().expect("an id");

    enter(&holder, &format!("{signer}/login"), &citizen, "本人", signer).await;
    holder.open(&format!("{signer}/licences/{licence}")).await;
    holder.click("#show").await;
    holder.click("#submit").await;
    holder.find("svg.qr").await;
    let code = holder.execute("return document.querySelector('#code-text').value", &json!([])).await;

    enter(&hall, &format!("{desk}/login"), &Person::hall_clerk(), HALL, desk).await;
    hall.open(&format!("{desk}/matter")).await;
    hall.click("option[value='special-equipment-registration']").await;
    hall.fill("#case", CASE).await;
    hall.fill("#purpose", "登记前核对作业人员资格").await;
    hall.click("#submit").await;
    hall.read(CASE).await;
    hall.open(&format!("{desk}/")).await;
    hall.fill("#code", code.as_str().expect("a code")).await;
    hall.click("#submit").await;
    assert_eq!(words_at(&hall, "#verdict-word").await, "有效");
    assert_eq!(look_up(&hall, desk, &citizen).await, "有效");

    clerk.open(&at_department).await;
    clerk.click("#do-revocation").await;
    clerk.fill("#legal_ground", "《特种设备安全监察条例》第三十八条").await;
    clerk.fill("#reason", "复审不合格").await;
    clerk.fill("#confirm", &citizen.id_number[14..]).await;
    clerk.click("#submit").await;
    clerk.find("#notice").await;
    world.clock.advance(30);
    assert_eq!(look_up(&hall, desk, &citizen).await, "真实但当前无效");
    world.check().await;
}

/// Signs in by password and answers for whom and the consent.
async fn enter(browser: &Browser, url: &str, person: &Person, whom: &str, origin: &str) {
    browser.open(url).await;
    browser.find("#login").await;
    sign_in(browser, person.id_number, person.password).await;
    let mut asked = Vec::new();
    go_on(browser, whom, origin, async |page: &str| asked.push(page.to_owned())).await;
    let acts = whom != "本人";
    assert_eq!(asked.iter().any(|page| page == "act-for"), acts, "whoever may act for somebody is asked: {asked:?}");
}

async fn look_up(hall: &Browser, desk: &str, holder: &Person) -> String {
    hall.open(&format!("{desk}/lookup")).await;
    hall.fill("#holder", holder.id_number).await;
    hall.click(&format!("input[value='{}']", types::OPERATOR_CERTIFICATE)).await;
    hall.click("#submit").await;
    words_at(hall, "#verdict-word-1").await
}

async fn words_at(browser: &Browser, selector: &str) -> String {
    let element = browser.find(selector).await;
    browser.text_of(&element).await
}
