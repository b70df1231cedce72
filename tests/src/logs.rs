//! What was logged while the stories ran, so that they can see that no number of a person stands in it.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that this process logged since the first call of [`Logs::capture`], all stories together.
#[derive(Clone, Debug)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

static LOGS: OnceLock<Logs> = OnceLock::new();
static LOUDER: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

impl Logs {
    /// Begins to keep all log lines from `debug` upwards (once in a process).
    pub fn capture() -> &'static Self {
        LOGS.get_or_init(|| {
            let logs = Self(Arc::default());
            let filter = EnvFilter::new("debug,hyper=info,reqwest=info,h2=info,rustls=info");
            let builder = tracing_subscriber::fmt().json().with_writer(logs.clone()).with_env_filter(filter);
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = LOUDER.set(Box::new(move || handle.reload("trace").expect("the filter is there")));
            let _ = tracing::subscriber::set_global_default(builder.finish());
            logs
        })
    }

    /// From now on keeps everything that anything logs, at `trace`, libraries included.
    pub fn capture_all() -> &'static Self {
        let logs = Self::capture();
        LOUDER.get().expect("capturing has begun")();
        logs
    }

    /// How much was logged so far.
    pub fn size(&self) -> usize {
        self.0.lock().expect("no writer panics").len()
    }

    /// What was logged from `start` on, in bytes.
    pub fn since(&self, start: usize) -> Vec<u8> {
        self.0.lock().expect("no writer panics")[start..].to_vec()
    }

    /// The lines so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no writer panics")).into_owned()
    }

    /// Fails the story if a number of a person stands in any line.
    pub fn check(&self) {
        let text = self.text();
        assert!(!text.is_empty(), "nothing was kept of what the services logged");
        for line in text.lines() {
            let found = personal_numbers(line);
            assert!(found.is_empty(), "a log line holds a personal number: {line}");
        }
    }

    /// Fails the story if `secret` stands in any line.
    pub fn check_without(&self, secret: &str) {
        let text = self.text();
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "a log line holds what it must not: {}", line.unwrap_or_default());
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// ID numbers (18 characters with the check character that fits, or any 15 digits with a date inside) and mobile
/// numbers (11 digits from 13 to 19 at the front) that stand in `text` by themselves.
pub fn personal_numbers(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| is_personal(word))
        .map(str::to_owned)
        .collect()
}

fn is_personal(word: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match word.len() {
        11 => digits(word) && word.starts_with('1') && word.as_bytes()[1] >= b'3',
        15 => digits(word) && ("01"..="12").contains(&&word[8..10]) && ("01"..="31").contains(&&word[10..12]),
        18 => digits(&word[..17]) && check_character(&word[..17]) == word.as_bytes()[17].to_ascii_uppercase(),
        _ => false,
    }
}

/// ISO 7064 MOD 11-2, written here once more so that the judge is not the judged.
fn check_character(digits: &str) -> u8 {
    let sum = digits.bytes().fold(0_u32, |sum, b| (sum + u32::from(b - b'0')) * 2 % 11);
    b"0123456789X"[((12 - sum) % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_numbers_are_found_and_others_are_not() {
        for (text, expected) in [
            ("id=11010519491231002X.", 1), // GB 11643—1999, annex A
            ("id=110105194912310021", 0),  // wrong check character
            ("110105491231002", 1),
            ("tel 13800000000,", 1),
            ("at 1767225600123 and 12345678901", 0),
            ("9f13800000000ab", 0), // inside a longer word
        ] {
            assert_eq!(personal_numbers(text).len(), expected, "{text}");
        }
    }
}
