//! The tutorials, followed literally: each block of shell is run in one terminal, and what the page says it prints is
//! what it prints, ids and times aside. The portal of the page signs a person in.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use xinyin_tests::folder::{Folder, repository};
use xinyin_tests::process::address::IDP;
use xinyin_tests::process::{Up, binary};
use xinyin_tests::tools::{NODE, node_package};
use xinyin_tests::visitor::Page;
use xinyin_tests::{Visitor, network};

/// What ends the answer of a block.
const END: char = '\u{1e}';
const PORTAL: &str = "http://localhost:3000";
const COMPANY: &str = "示范清和食品有限公司";

/// A fenced block: its language and its text.
type Block = (String, String);

fn blocks(page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(repository().join("docs/tutorial").join(page)).expect("the page is there");
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) if !inside => {
                inside = true;
                found.push((language.to_owned(), String::new()));
            }
            Some(_) => inside = false,
            None if inside => {
                let block = found.last_mut().expect("inside of one");
                block.1.push_str(line);
                block.1.push('\n');
            }
            None => {}
        }
    }
    found
}

/// A shell that stays open, in the folder in which the page's reader is.
struct Terminal {
    shell: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Terminal {
    fn open(folder: &Path) -> Self {
        let mut shell = Command::new("bash")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let input = shell.stdin.take().expect("its input is piped");
        let output = BufReader::new(shell.stdout.take().expect("its output is piped"));
        Self { shell, input, output }
    }

    /// Runs a block and answers what it printed.
    fn run(&mut self, block: &str) -> String {
        writeln!(self.input, "{{ {block}\n}} </dev/null\nprintf '\\n\\036\\n'").expect("bash reads");
        let mut said = String::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("bash prints text") > 0, "bash ended in:\n{block}");
            if line.starts_with(END) {
                return said;
            }
            said.push_str(&line);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// The folder of a reader of the page: the built program, and the data of `up`.
fn beside(up: &Up) -> Folder {
    let folder = Folder::new("tutorial");
    let path = folder.path();
    std::fs::create_dir_all(path.join("target/release")).expect("ours");
    std::os::unix::fs::symlink(binary(), path.join("target/release/xinyin")).expect("ours");
    std::os::unix::fs::symlink(up.data(), path.join("data")).expect("ours");
    folder
}

/// Whether a word may be another each time: ids, digests, times.
fn varies(word: &str) -> bool {
    word.len() >= 20 || word.len() == 1 || word.len() >= 6 && word.chars().any(|c| c.is_ascii_digit())
}

fn alike(expected: &str, said: &str) -> bool {
    let words = |line: &str| -> Vec<String> {
        let parts = line.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == '*'));
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (expected, said) = (words(expected), words(said));
    let is_time = |words: &[String]| words.iter().any(|word| matches!(word.as_str(), "effective_at" | "incident"));
    if is_time(&expected) && is_time(&said) {
        return true;
    }
    expected.len() == said.len()
        && expected.iter().zip(&said).all(|(left, right)| left == right || varies(left) && varies(right))
}

/// Each line that the page shows comes, in its order; `…` stands for lines that are left out.
fn assert_says(page: &str, block: &str, expected: &str, said: &str) {
    let mut rest = said.lines().filter(|line| !line.trim().is_empty());
    for line in expected.lines().filter(|line| !line.trim().is_empty() && line.trim() != "…") {
        assert!(rest.any(|found| alike(line, found)), "{page}:\n{block}\nshould print:\n{line}\nof:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_follows_its_tutorial() {
    let up = Up::start().await;
    for page in ["department.md", "department.zh-CN.md"] {
        let folder = beside(&up);
        let mut terminal = Terminal::open(folder.path());
        let mut at = (String::new(), String::new());
        for (language, text) in blocks(page) {
            match language.as_str() {
                "sh" if text.starts_with("cargo run") => {} // it is up
                "sh" => at = (terminal.run(&text), text),
                _ => assert_says(page, &at.1, &text, &at.0),
            }
        }
    }
    drop(up);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_follows_its_tutorial() {
    let up = Up::start().await;
    let folder = beside(&up);
    let mut terminal = Terminal::open(folder.path());
    let mut all = blocks("portal.md").into_iter();
    let mut next = |start: &str| {
        let found = all.find(|(_, text)| text.trim_start().starts_with(start));
        found.unwrap_or_else(|| panic!("portal.md has no block that starts with {start}")).1
    };
    terminal.run(&next("export CLIENT_ID"));
    let (block, expected) = (next("curl"), next("{"));
    assert_says("portal.md", &block, &expected, &terminal.run(&block));
    let address = terminal.run(&next("VERIFIER="));
    let visitor = Visitor::new();
    let back = sign_in(&visitor, address.trim()).await;
    let code = back.parameter("code").unwrap_or_else(|| panic!("{} {}", back.url, back.body));
    let shown = next("http://localhost:3000/callback");
    let sent = back.redirect().expect("to the portal");
    assert!(alike(&shown, sent.as_str()), "{sent}");
    let block = next("CODE=");
    let (_, rest) = block.split_once('\n').expect("the code stands in a line of its own");
    let block = format!("CODE={code}\n{rest}");
    assert_says("portal.md", &block, &next("{"), &terminal.run(&block));
    let (block, expected) = (next("curl"), next("{"));
    assert_says("portal.md", &block, &expected, &terminal.run(&block));

    // The portal of the page, with the secret that stands in this terminal.
    let package = node_package("openid-client", "6.9.0");
    let modules = package.parent().expect("a package lies in node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).expect("ours");
    let source = all_of("portal.md", "js");
    std::fs::write(folder.path().join("portal.mjs"), source).expect("written");
    terminal.run(&format!("{} portal.mjs > portal.log 2>&1 &\nPORTAL_PID=$!", NODE.path().display()));
    let begun = Instant::now();
    while network::client().get(PORTAL).send().await.is_err() {
        let said = std::fs::read_to_string(folder.path().join("portal.log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(30), "the portal does not start: {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let page = sign_in(&visitor, &format!("{PORTAL}/login")).await;
    let page = visitor.get(page.redirect().expect("back to the portal").as_str()).await;
    assert!(page.body.contains("<h1>Hello, 阿依古丽·买买提</h1>") && page.body.contains(COMPANY), "{}", page.body);
    let page = visitor.get(&format!("{PORTAL}/logout")).await;
    assert!(page.url.as_str().starts_with(PORTAL) && page.body.contains("Sign in with Xinyin"), "{}", page.body);
    terminal.run("kill $PORTAL_PID");
    drop(up);
}

/// The one block of this language.
fn all_of(page: &str, language: &str) -> String {
    let mut found = blocks(page).into_iter().filter(|(known, _)| known == language);
    found.next().unwrap_or_else(|| panic!("{page} has no {language}")).1
}

/// 阿依古丽 signs in, acts for her company and agrees, wherever she is asked; answers what sends her back to the portal.
async fn sign_in(visitor: &Visitor, address: &str) -> Page {
    let stop = |url: &url::Url| url.as_str().starts_with(&format!("{PORTAL}/callback"));
    let mut page = visitor.get_until(address, stop).await;
    for _ in 0..6 {
        if page.redirect().is_some_and(|to| stop(&to)) {
            return page;
        }
        assert!(page.url.as_str().starts_with(IDP), "{} {}", page.url, page.body);
        let path = page.url.path().to_owned();
        let answer = if path.starts_with("/sign-in/") {
            visitor.submit(&page.form("login"), &[("login", "10000000009"), ("password", "qing-he-09")]).await
        } else if path.starts_with("/act-for/") {
            let company = page.choice("subject", COMPANY);
            visitor.submit(&page.form(page.url.path()), &[("subject", &company)]).await
        } else {
            visitor.submit(&page.form(&path), &[]).await
        };
        page = match answer.redirect() {
            Some(to) if !stop(&to) => visitor.get_until(to.as_str(), stop).await,
            _ => answer,
        };
    }
    panic!("idp asks without end: {} {}", page.url, page.body);
}
