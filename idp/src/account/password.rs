//! Passwords: what is taken, and how one is kept and compared.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// The fewest characters of a new password.
pub const MIN_CHARACTERS: usize = 10;
/// The most bytes looked at.
pub const MAX_BYTES: usize = 512;

/// Memory of one hash: 19 MiB; two passes, one lane (OWASP's recommendation for argon2id).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// How many are computed at once; each holds [`MEMORY_KIB`].
const AT_ONCE: usize = 4;
/// How many may wait.
const WAITING: usize = 64;
/// How long one waits before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// What somebody typed as a password. Never printed, erased when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a new password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Nothing typed.
    Empty,
    /// Fewer than [`MIN_CHARACTERS`]; holds how many.
    Short(usize),
    /// More than [`MAX_BYTES`].
    Long,
    /// One that everybody tries first: a row of the keyboard, one character again and again.
    Common,
    /// It holds the number or the phone of the person.
    Known,
}

/// Hashing did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFailure {
    /// Too many at once: come back.
    #[error("too many passwords at once")]
    Busy,
    /// The hash function or the random source failed.
    #[error("hashing failed")]
    Failed,
}

/// Computes password hashes off the threads that serve requests, a bounded number at a time.
#[derive(Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
    nobody: Arc<str>,
}

impl Password {
    /// Takes what was typed.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same; for the second field of a form, which is no secret to whoever typed the first.
    pub fn same(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    /// What speaks against taking it anew. `known` are the numbers that anyone who knows the person may know.
    pub fn weakness(&self, known: &[&str]) -> Option<Weakness> {
        let text = self.0.as_str();
        let characters = text.chars().count();
        if characters == 0 {
            return Some(Weakness::Empty);
        }
        if characters < MIN_CHARACTERS {
            return Some(Weakness::Short(characters));
        }
        if text.len() > MAX_BYTES {
            return Some(Weakness::Long);
        }
        let lower = text.to_lowercase();
        if known.iter().any(|k| k.len() >= 6 && (lower.contains(&k.to_lowercase()) || lower.contains(tail(k, 8)))) {
            return Some(Weakness::Known);
        }
        is_common(&lower).then_some(Weakness::Common)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Passwords {
    /// `salt` is for the hash that stands for unknown persons.
    ///
    /// # Errors
    ///
    /// `Failed` if the hash function cannot run.
    pub fn new(salt: [u8; 16]) -> Result<Self, PasswordFailure> {
        let nobody = hash(b"a password that nobody has", &salt)?;
        Ok(Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            computed: Arc::default(),
            nobody: nobody.into(),
        })
    }

    /// How many hashes were computed so far: for tests that compare what known and unknown persons cost.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// The PHC string to keep for `password`.
    ///
    /// # Errors
    ///
    /// `Busy` when too many wait already.
    pub async fn hash(&self, password: &Password, salt: [u8; 16]) -> Result<String, PasswordFailure> {
        let password = password.clone();
        self.run(move || hash(password.0.as_bytes(), &salt)).await?
    }

    /// Whether `password` fits `kept`. Without `kept` the same work is done and the answer is no, so that nobody can
    /// tell by the clock whether a person is known.
    ///
    /// # Errors
    ///
    /// `Busy` when too many wait already.
    pub async fn fits(&self, password: &Password, kept: Option<&str>) -> Result<bool, PasswordFailure> {
        let known = kept.is_some();
        let kept: String = kept.unwrap_or(&self.nobody).to_owned();
        let password = password.clone();
        let fits = self
            .run(move || {
                let Ok(kept) = PasswordHash::new(&kept) else { return false };
                let bytes = password.0.as_bytes();
                bytes.len() <= MAX_BYTES && Argon2::default().verify_password(bytes, &kept).is_ok()
            })
            .await?;
        Ok(fits && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordFailure> {
        let _place = self.waiting.try_acquire().map_err(|_| PasswordFailure::Busy)?;
        let permit = tokio::time::timeout(PATIENCE, self.running.clone().acquire_owned())
            .await
            .map_err(|_| PasswordFailure::Busy)?
            .map_err(|_| PasswordFailure::Failed)?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        // The permit goes along: a request that hangs up leaves its hash running, and its place taken.
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(|_| PasswordFailure::Failed)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

fn hash(password: &[u8], salt: &[u8; 16]) -> Result<String, PasswordFailure> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| PasswordFailure::Failed)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password, salt)
        .map(|phc| phc.to_string())
        .map_err(|_| PasswordFailure::Failed)
}

fn tail(text: &str, bytes: usize) -> &str {
    text.len().checked_sub(bytes).and_then(|at| text.get(at..)).unwrap_or(text)
}

/// One character repeated, a run up or down, a row of the keyboard, or a famous one made longer.
fn is_common(lower: &str) -> bool {
    const ROWS: [&str; 5] = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "1qaz2wsx3edc"];
    const FAMOUS: [&str; 6] = ["password", "admin", "iloveyou", "woaini", "mima", "qwerty"];
    let chars: Vec<char> = lower.chars().collect();
    let steps: Vec<i64> = chars.windows(2).map(|w| i64::from(u32::from(w[1])) - i64::from(u32::from(w[0]))).collect();
    if steps.windows(2).all(|w| w[0] == w[1]) && steps.first().is_some_and(|s| s.abs() <= 1) {
        return true;
    }
    let mut different = chars.clone();
    different.sort_unstable();
    different.dedup();
    if different.len() <= 2 || ROWS.iter().any(|row| row.repeat(3).contains(lower)) {
        return true;
    }
    FAMOUS.iter().any(|famous| {
        let rest = lower.replacen(famous, "", 1);
        rest.len() < lower.len()
            && (rest.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation()) || is_run(&rest))
    })
}

fn is_run(text: &str) -> bool {
    text.is_empty() || "0123456789012345678901234567890".contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_named() {
        for (text, expected) in [
            ("", Some(Weakness::Empty)),
            ("short", Some(Weakness::Short(5))),
            ("九个字不够长的密码", Some(Weakness::Short(9))),
            ("一共有十个字就够长了", None),
            ("aaaaaaaaaaaa", Some(Weakness::Common)),
            ("1234567890", Some(Weakness::Common)),
            ("qwertyuiop", Some(Weakness::Common)),
            ("password123!", Some(Weakness::Common)),
            ("my00000012x", Some(Weakness::Known)),
            ("my10000000012", Some(Weakness::Known)),
            ("correct horse battery", None),
        ] {
            assert_eq!(Password::new(text.to_owned()).weakness(&["10000000012"]), expected, "{text}");
        }
        assert_eq!(Password::new("é".repeat(257)).weakness(&[]), Some(Weakness::Long));
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::new([7; 16]).expect("hashes");
        let right = Password::new("correct horse battery".to_owned());
        let kept = passwords.hash(&right, [1; 16]).await.expect("hashes");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_eq!(passwords.fits(&right, Some(&kept)).await, Ok(true));
        assert_eq!(passwords.fits(&Password::new("correct horse batterz".to_owned()), Some(&kept)).await, Ok(false));
        assert_eq!(passwords.fits(&right, None).await, Ok(false));
        assert_eq!(passwords.fits(&Password::new("a password that nobody has".to_owned()), None).await, Ok(false));
        assert_eq!(passwords.fits(&right, Some("damaged")).await, Ok(false));
    }
}
