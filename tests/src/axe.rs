//! axe-core, a foreign judge of accessibility, run in the page that the browser shows.

use serde_json::{Value, json};

use crate::tools::node_package;
use crate::webdriver::Browser;

/// The release that judges.
const VERSION: &str = "4.14.1";
const RUN: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
       .then(result => done(result.violations), error => done({error: String(error)}));";

/// What axe finds on the present page (WCAG 2.2 A and AA, and its best practices): one line for each element.
pub async fn findings(browser: &Browser) -> Vec<String> {
    let folder = node_package("axe-core", VERSION);
    let source = std::fs::read_to_string(folder.join("axe.min.js")).expect("axe-core holds axe.min.js");
    browser.execute_outside_policy(&source).await;
    let violations = browser.execute_async(RUN, &json!([])).await;
    assert!(violations.is_array(), "axe did not run: {violations}");
    let nodes = |violation: &Value| -> Vec<String> {
        let rule = violation["id"].as_str().unwrap_or_default();
        let list = violation["nodes"].as_array().cloned().unwrap_or_default();
        list.iter().map(|node| format!("{rule}: {} {}", node["target"], node["failureSummary"])).collect()
    };
    violations.as_array().into_iter().flatten().flat_map(nodes).collect()
}

/// Fails the story if axe finds anything.
pub async fn check(browser: &Browser) {
    let found = findings(browser).await;
    assert!(found.is_empty(), "axe at {}:\n{}", browser.url().await, found.join("\n"));
}
