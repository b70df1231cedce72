//! What the documentation says of itself holds: links lead somewhere, and every code stands in the list of errors.

use std::path::{Path, PathBuf};

use xinyin_tests::folder::repository;

/// Keys of `problem-…` that are furniture of the error page and no codes.
const FURNITURE: [&str; 5] = ["again", "home", "tell", "call", "when"];

/// Every file with this ending below the repository, what is built or fetched left out.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("folders of the repository can be read").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && !path.is_symlink() && !["target", "data", "node_modules", ".git"].contains(&&*name) {
                folders.push(path);
            } else if name.ends_with(ending) && path.is_file() {
                found.push(path);
            }
        }
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file of the repository is text")
}

/// What GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Links of a text, outside of blocks of code: what stands between `](` and `)`.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            let rest = line.split("](").skip(1);
            found.extend(rest.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
        }
    }
    found
}

#[test]
fn relative_links_lead_somewhere() {
    let mut count = 0;
    for file in files(".md") {
        for link in links(&read(&file)).iter().filter(|link| !link.contains("://")) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let folder = file.parent().expect("a file lies in a folder");
            let target = if path.is_empty() { file.clone() } else { folder.join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", file.display());
            if !fragment.is_empty() {
                let text = read(&target);
                let mut headings = text.lines().filter_map(|line| line.strip_prefix('#'));
                let known = headings.any(|heading| anchor(heading.trim_start_matches('#')) == fragment);
                assert!(known, "{}: {link} names no heading", file.display());
            }
            count += 1;
        }
    }
    assert!(count > 40, "only {count} links were seen");
}

#[test]
fn every_code_stands_in_the_list_of_errors() {
    let errors = read(&repository().join("docs/errors.md"));
    let listed = |code: &str| errors.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{code}`")));
    let mut count = 0;
    for file in files("en.ftl") {
        for line in read(&file).lines() {
            let Some((key, _)) = line.strip_prefix("problem-").and_then(|rest| rest.split_once(" =")) else { continue };
            if !FURNITURE.contains(&key) {
                let code = key.replace('-', ".");
                assert!(listed(&code), "{}: {code} is not in docs/errors.md", file.display());
                count += 1;
            }
        }
    }
    assert!(count > 60, "only {count} codes were seen");
}

/// Codes of refusals that the sources name: they have words, or the page would only say something general.
#[test]
fn every_code_of_the_sources_stands_there_too() {
    let errors = read(&repository().join("docs/errors.md"));
    let mut count = 0;
    for file in files(".rs") {
        if file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = read(&file);
        for maker in ["bad_request(\"", "forbidden(\"", "not_found(\"", "conflict(\"", "unprocessable(\""] {
            for rest in text.split(maker).skip(1) {
                let code = rest.split('"').next().unwrap_or_default();
                assert!(
                    errors.contains(&format!("| `{code}` |")),
                    "{}: {code} is not in docs/errors.md",
                    file.display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 40, "only {count} codes were seen");
}

/// Each test that `docs/security.md` names is there, and each file.
#[test]
fn what_holds_a_claim_of_security_exists() {
    let sources: String = files(".rs").iter().map(|file| read(file)).collect();
    let security = read(&repository().join("docs/security.md"));
    let mut count = 0;
    for line in security.lines().filter(|line| line.starts_with('|')) {
        let claim = line.rsplit('|').nth(1).unwrap_or_default(); // the last column
        for name in claim.split('`').skip(1).step_by(2) {
            let is_function =
                name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_function {
                assert!(sources.contains(&format!("fn {name}()")), "there is no test {name}");
                count += 1;
            } else if name.contains('/') {
                assert!(repository().join(name).exists(), "there is no {name}");
            }
        }
    }
    assert!(count > 60, "only {count} tests were seen");
}

#[test]
fn the_reference_names_every_route() {
    let reference = read(&repository().join("docs/reference/api.md"));
    let idp = idp::http::router::ROUTES.iter().map(|route| route.path);
    let signer = licence_signer::http::ROUTES.iter().map(|route| route.path);
    let desk = verifier_desk::ROUTES.iter().map(|route| route.path);
    for path in idp.chain(signer).chain(desk).filter(|path| !path.starts_with("/static/")) {
        // A choice of renditions and the parts of a tile are written out there.
        let named = path.replace("{rendition}", "{sdjwt").replace("{*path}", "{L}");
        assert!(reference.contains(&format!("`{named}")), "{path} is not in docs/reference/api.md");
    }
}
