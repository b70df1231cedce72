//! Looking at pages: photographed at 320 and 1280 px and judged by axe, also in 长辈版 and dark, without loading them again.

use std::sync::Mutex;

use serde_json::json;

use crate::folder;
use crate::webdriver::Browser;
use crate::{axe, webdriver};

/// What was found wrong with the pages of a story; told at its end, all at once.
#[derive(Debug, Default)]
pub struct Looks(Mutex<Vec<String>>);

/// Width, size, theme and whether axe judges; the size and theme are the attributes that a stored preference gives.
const CLOTHES: [(u32, &str, &str, bool); 3] =
    [(1280, "", "", true), (320, "", "", false), (320, "large", "dark", true)];
/// What `XINYIN_LOOKS=all` adds: for whoever goes through the pictures.
const MORE: [(u32, &str, &str, bool); 2] = [(1280, "large", "", true), (1280, "", "dark", true)];

const WEAR: &str = "const [size, theme] = arguments, root = document.documentElement, before = [root.dataset.size, root.dataset.theme];
    for (const [name, value] of [['size', size], ['theme', theme]])
        if (value) root.dataset[name] = value; else delete root.dataset[name];
    return before.map(value => value || '');";

impl Looks {
    /// Nothing found yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Photographs the present page as `name` and lets axe judge it; it must not move sideways. Without script axe cannot
    /// run, and size and theme stay as they are.
    pub async fn look(&self, browser: &Browser, name: &str) {
        let all = std::env::var("XINYIN_LOOKS").is_ok_and(|value| value == "all");
        let own = browser.execute(WEAR, &json!(["", ""])).await;
        wear(browser, own.clone()).await;
        for (width, size, theme, judged) in CLOTHES.iter().chain(if all { &MORE[..] } else { &[] }) {
            let dressed = !(size.is_empty() && theme.is_empty());
            if dressed {
                wear(browser, json!([size, theme])).await;
            }
            let clothes =
                [size, theme].map(|word| if word.is_empty() { String::new() } else { format!("-{word}") }).concat();
            let name = format!("{name}-{width}{clothes}");
            browser.screenshot(*width, &folder::kept("screenshots").join(format!("{name}.png"))).await;
            let mut found = Vec::new();
            if browser.overflows().await {
                found.push(format!("{name} moves sideways: {}", browser.widest().await));
            }
            if *judged {
                found.extend(axe::findings(browser).await.into_iter().map(|line| format!("{name}: {line}")));
            }
            if dressed {
                wear(browser, own.clone()).await;
            }
            self.found(found);
        }
        browser.set_width(1280).await;
    }

    /// Keeps faults that a story found itself.
    pub fn found(&self, mut faults: Vec<String>) {
        self.0.lock().expect("nothing panics with it").append(&mut faults);
    }

    /// Fails the story if anything was found.
    pub fn nothing_found(&self) {
        let found = self.0.lock().expect("nothing panics with it");
        assert!(found.is_empty(), "{} faults of pages:\n{}", found.len(), found.join("\n"));
    }
}

async fn wear(browser: &webdriver::Browser, clothes: serde_json::Value) {
    browser.execute(WEAR, &clothes).await;
}
