//! On paper: a licence's face and the desk's report stand there whole, and nothing that can only be pressed.

use serde_json::json;
use xinyin_tests::journey::{go_on, sign_in};
use xinyin_tests::tools::PDFTOTEXT;
use xinyin_tests::world::{Person, World, types};
use xinyin_tests::{Backend, Browser, Logs, folder};

/// What A4 leaves between the margins, in CSS pixels.
const WIDE: u32 = 718;
const HIGH: i64 = 1_046;

#[tokio::test(flavor = "multi_thread")]
async fn a_face_and_a_report_print_whole() {
    Logs::capture();
    let world = World::start(Backend::Sqlite).await;
    let citizen = Person::neighbour();
    let issued = world.issue(types::OPERATOR_CERTIFICATE, citizen.id_number).await;
    let id = issued["id"].as_str().expect("an id");
    let browser = Browser::start().await;
    browser.open(&format!("{}/login", world.signer_url)).await;
    sign_in(&browser, citizen.id_number, citizen.password).await;
    go_on(&browser, "本人", &world.signer_url, async |_: &str| ()).await;

    browser.open(&format!("{}/licences/{id}", world.signer_url)).await;
    browser.find(".face").await;
    let there = [citizen.name, "特种设备作业人员证", "扫码核验", "不是电子签名", "登记的内容"];
    print(
        &browser,
        "licence",
        &there,
        &["出示离线码", "数据凭证", "谁看过我的", "账户与安全", "退出", "长辈版", "隐私说明"],
        2,
    )
    .await;

    let token = world.system("market-system", "licence.read").await;
    let (_, code) = world.get_signer(&format!("/v1/licences/{id}"), &token, "text/plain").await;
    browser.open(&world.desk_url).await;
    browser.type_keys(&format!("{}\n", code.trim())).await;
    browser.find("#verdict-word").await;
    let there = ["有效", "特种设备作业人员证", "查了什么", "信任包", "覆盖范围", "报告编号", "没有核对"];
    print(&browser, "desk-report", &there, &["扫下一份", "核验下一份", "登录", "长辈版", "隐私说明"], 2).await;
    world.check().await;
}

/// The page as it is printed: `there` is to be read, `gone` is not, nothing is cut, on at most `most` pages.
async fn print(browser: &Browser, name: &str, there: &[&str], gone: &[&str], most: usize) {
    let pdf = browser.pdf().await;
    let path = folder::kept("screenshots").join(format!("{name}.pdf"));
    std::fs::write(&path, &pdf).expect("it can be written");
    let pages = pages(&pdf);
    assert!((1..=most).contains(&pages), "{name} takes {pages} pages: {}", path.display());
    browser.on_paper(true).await;
    browser.screenshot(WIDE, &path.with_extension("png")).await;
    assert!(!browser.overflows().await, "{name} is wider than paper: {}", browser.widest().await);
    let text = browser.body_text().await;
    for words in there {
        assert!(text.contains(words), "{name} prints without {words}:\n{text}");
    }
    for words in gone {
        assert!(!text.contains(words), "{name} prints {words}:\n{text}");
    }
    let high = "return Math.max(...[...document.querySelectorAll('.face, .verdict, .checks > li')].map(e => Math.ceil(e.getBoundingClientRect().height)))";
    let high = browser.execute(high, &json!([])).await;
    assert!(
        high.as_i64().is_some_and(|high| (1..=HIGH).contains(&high)),
        "{name}: what must not be torn is {high} px high"
    );
    browser.on_paper(false).await;
    browser.set_width(1280).await;
    if let Some(tool) = PDFTOTEXT.find() {
        let output = std::process::Command::new(tool).arg(&path).arg("-").output().expect("pdftotext starts");
        let text: String = String::from_utf8_lossy(&output.stdout).split_whitespace().collect();
        for words in there {
            assert!(text.contains(words), "{words} is no text in {}:\n{text}", path.display());
        }
    }
}

/// How many pages a document has.
fn pages(pdf: &[u8]) -> usize {
    let all = pdf.windows(10).filter(|at| at == b"/Type /Pag").count();
    all - pdf.windows(12).filter(|at| at == b"/Type /Pages").count()
}
