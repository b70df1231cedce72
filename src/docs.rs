//! What the documentation shows is what the program does: commands parse, configurations read, JSON is JSON, addresses
//! are routes, and a translated tutorial has the same blocks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};

use crate::cli::{Cli, Service};
use crate::commands::read_config;
use crate::config::Layers;
use crate::serve;

/// A fenced block of a page.
struct Block {
    page: PathBuf,
    line: usize,
    language: String,
    text: String,
}

impl Block {
    fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the documentation is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
}

/// The blocks of every page, of `language` alone if one is given.
fn blocks(language: &str) -> Vec<Block> {
    let mut all = vec![root().join("README.md"), root().join("README.zh-CN.md")];
    pages(&root().join("docs"), &mut all);
    all.iter().flat_map(|page| blocks_of(page)).filter(|block| block.language == language).collect()
}

fn blocks_of(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).expect("a page is text");
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some("") if inside => inside = false,
            Some(language) => {
                let place = format!("{}:{}", page.display(), at + 1);
                assert!(!inside, "{place}: a block begins inside a block");
                assert!(!language.is_empty() && !language.contains('`'), "{place}: a block says what it is");
                inside = true;
                let language = language.to_owned();
                found.push(Block { page: page.to_owned(), line: at + 1, language, text: String::new() });
            }
            None => {
                assert!(inside || !line.contains("```"), "{}:{}: a stray fence", page.display(), at + 1);
                if let (true, Some(block)) = (inside, found.last_mut()) {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
        }
    }
    assert!(!inside, "{}: the last block does not end", page.display());
    found
}

/// The simple commands of a shell text, each as its words; what a substitution or variable would bring is `x`.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut reader = Shell { rest: text.chars().peekable(), done: Vec::new() };
    reader.list(None);
    reader.done
}

struct Shell<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    done: Vec<Vec<String>>,
}

impl Shell<'_> {
    /// Reads commands up to `end`.
    fn list(&mut self, end: Option<char>) {
        let (mut words, mut word) = (Vec::new(), None::<String>);
        while let Some(c) = self.rest.next() {
            if Some(c) == end {
                break;
            }
            match c {
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(escaped) => word.get_or_insert_default().push(escaped),
                },
                '\'' => {
                    let quoted: String = self.rest.by_ref().take_while(|c| *c != '\'').collect();
                    word.get_or_insert_default().push_str(&quoted);
                }
                '"' => self.quoted(word.get_or_insert_default()),
                '$' => self.expansion(word.get_or_insert_default()),
                '#' if word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                ' ' | '\t' => words.extend(word.take()),
                '\n' | ';' | '|' | '&' | '>' | '<' | '(' | ')' | '{' | '}'
                    if word.is_none() || c != '}' && c != '{' =>
                {
                    words.extend(word.take());
                    self.end(&mut words);
                }
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        self.end(&mut words);
    }

    fn end(&mut self, words: &mut Vec<String>) {
        // An assignment before a command is none of its words.
        let named = |word: &String| {
            word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        };
        let keyword = |word: &String| matches!(word.as_str(), "do" | "then" | "export" | "sudo" | "done" | "for");
        let first = words.iter().position(|word| !named(word) && !keyword(word)).unwrap_or(words.len());
        let command: Vec<String> = words.drain(..).skip(first).collect();
        if !command.is_empty() {
            self.done.push(command);
        }
    }

    fn quoted(&mut self, word: &mut String) {
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '\\' => word.extend(self.rest.next().filter(|c| *c != '\n')),
                '$' => self.expansion(word),
                c => word.push(c),
            }
        }
    }

    fn expansion(&mut self, word: &mut String) {
        if self.rest.next_if_eq(&'(').is_some() {
            self.list(Some(')'));
        } else {
            let mut name = String::new();
            while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            // The services of deploy.md, which is also how they are called in a list.
            word.push_str(match name.as_str() {
                "s" => "idp",
                "id" => "https://id.example.gov.cn",
                "licences" => "https://licences.example.gov.cn",
                "verify" => "https://verify.example.gov.cn",
                _ => "x",
            });
            return;
        }
        word.push('x');
    }
}

/// What comes behind the program's name, if a command runs it.
fn arguments(words: &[String]) -> Option<&[String]> {
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["cargo", "run", "--release", "--", ..] => Some(&words[4..]),
        [program, ..] if program.rsplit('/').next() == Some("xinyin") => Some(&words[1..]),
        _ => None,
    }
}

#[test]
fn commands_that_pages_show_parse() {
    let mut count = 0;
    for block in ["sh", "text"].into_iter().flat_map(blocks) {
        for words in commands(&block.text) {
            let Some(arguments) = arguments(&words) else { continue };
            let given = std::iter::once("xinyin").chain(arguments.iter().map(String::as_str));
            if let Err(error) = Cli::try_parse_from(given) {
                panic!("{}: {arguments:?}: {error}", block.place());
            }
            count += 1;
        }
    }
    assert!(count > 25, "only {count} commands were seen");
}

#[test]
fn the_reference_lists_every_command_and_no_flag_that_is_none() {
    let reference = std::fs::read_to_string(root().join("docs/reference/commands.md")).expect("it is there");
    let rows: Vec<&str> = reference.lines().filter_map(|line| line.strip_prefix("| `xinyin ")).collect();
    let mut leaves = Vec::new();
    let mut open = vec![(String::new(), Cli::command())];
    while let Some((path, command)) = open.pop() {
        let mut below = command.get_subcommands().peekable();
        if below.peek().is_none() {
            leaves.push((path.trim_start().to_owned(), command.clone()));
        }
        for sub in below {
            open.push((format!("{path} {}", sub.get_name()), sub.clone()));
        }
    }
    for (path, command) in &leaves {
        let row =
            rows.iter().find(|row| row.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with([' ', '`'])));
        let row = row.unwrap_or_else(|| panic!("`xinyin {path}` is not in docs/reference/commands.md"));
        let known: BTreeSet<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        for flag in row.split("--").skip(1) {
            let name: String = flag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            assert!(known.contains(name.as_str()), "`xinyin {path}` has no --{name}");
        }
    }
    assert_eq!(rows.len(), leaves.len(), "a row of docs/reference/commands.md is of no command");
}

#[test]
fn configurations_that_pages_show_are_read() {
    let folder = std::env::temp_dir().join(format!("xinyin-docs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let mut count = 0;
    for block in blocks("toml") {
        let file = folder.join("block.toml");
        std::fs::write(&file, &block.text).expect("written");
        if let Err(error) = Layers::read(&file, std::iter::empty()) {
            panic!("{}: {error}", block.place());
        }
        count += 1;
    }
    assert!(count > 0, "no block of TOML was seen");
    for (name, service) in [("idp", Service::Idp), ("licence-signer", Service::LicenceSigner), ("desk", Service::Desk)]
    {
        let text =
            std::fs::read_to_string(root().join(format!("docs/how-to/deploy/{name}.toml"))).expect("it is there");
        let file = folder.join("whole.toml");
        std::fs::write(&file, text.replace("ROOT_SHA256", &"ab".repeat(32))).expect("written");
        let config = read_config(&file).unwrap_or_else(|failure| panic!("{name}: {}", failure.sentence));
        assert_eq!(serve::service_of(&config), service);
        serve::check(service, &config).unwrap_or_else(|failure| panic!("{name}: {}", failure.sentence));
    }
    std::fs::remove_dir_all(folder).expect("removes it");
}

#[test]
fn json_that_pages_show_is_json() {
    let all = blocks("json");
    assert!(all.len() > 10, "only {} blocks were seen", all.len());
    for block in all {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&block.text) {
            panic!("{}: {error}", block.place());
        }
    }
}

/// Method and pattern of every route of a service.
fn routes(base: &str) -> Option<Vec<(String, String)>> {
    let upper = |method: &str, path: &str| (method.to_uppercase(), path.to_owned());
    match base {
        "http://localhost:8080" | "https://id.example.gov.cn" => {
            Some(idp::http::router::ROUTES.iter().map(|route| upper(route.method, route.path)).collect())
        }
        "http://localhost:8081" | "https://licences.example.gov.cn" => {
            Some(licence_signer::http::ROUTES.iter().map(|route| upper(route.method, route.path)).collect())
        }
        "http://localhost:8082" | "https://verify.example.gov.cn" => {
            Some(verifier_desk::ROUTES.iter().map(|route| upper(route.method, route.path)).collect())
        }
        _ => None,
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted.starts_with('{') && !part.is_empty() || wanted == part => {}
            _ => return false,
        }
    }
}

#[test]
fn addresses_that_pages_call_are_routes() {
    let mut count = 0;
    for block in blocks("sh") {
        for words in commands(&block.text) {
            if !matches!(words.first().map(String::as_str), Some("curl" | "c")) {
                continue;
            }
            let sends = words.iter().any(|word| matches!(word.as_str(), "-d" | "--data" | "--data-binary"));
            let method = if sends { "POST" } else { "GET" };
            let address = words.iter().find(|word| word.starts_with("http"));
            let address = address.unwrap_or_else(|| panic!("{}: {words:?} names no address", block.place()));
            let at = address.match_indices('/').nth(2).map_or(address.len(), |(at, _)| at);
            let (base, path) = address.split_at(at);
            let path = path.split('?').next().unwrap_or_default();
            let known = routes(base).unwrap_or_else(|| panic!("{}: {address} is no service's", block.place()));
            let found = known.iter().any(|(of, pattern)| of == method && fits(pattern, path));
            assert!(found, "{}: {method} {address} is no route", block.place());
            count += 1;
        }
    }
    assert!(count > 30, "only {count} addresses were seen");
}

/// What differs between the languages on purpose: which language is asked for.
fn plain(line: &str) -> String {
    line.replace(" -H \"Accept-Language: en\"", "").replace(" --lang zh-CN", "").replace("[\"zh-CN\"]", ".en")
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

/// A tutorial in Chinese stands by itself: it has the English one's blocks, in which only words for people differ.
#[test]
fn translations_have_the_same_blocks() {
    for (english, chinese) in [
        ("README.md", "README.zh-CN.md"),
        ("docs/tutorial/portal.md", "docs/tutorial/portal.zh-CN.md"),
        ("docs/tutorial/department.md", "docs/tutorial/department.zh-CN.md"),
    ] {
        let (left, right) = (blocks_of(&root().join(english)), blocks_of(&root().join(chinese)));
        let languages = |blocks: &[Block]| blocks.iter().map(|block| block.language.clone()).collect::<Vec<_>>();
        assert_eq!(languages(&left), languages(&right), "{chinese}");
        for (ours, theirs) in left.iter().zip(&right) {
            assert_eq!(ours.text.lines().count(), theirs.text.lines().count(), "{}", theirs.place());
            for (line, translated) in ours.text.lines().zip(theirs.text.lines()) {
                let same = plain(line) == plain(translated);
                assert!(same || translated.chars().any(is_han), "{}:\n{line}\n{translated}", theirs.place());
            }
        }
    }
}
