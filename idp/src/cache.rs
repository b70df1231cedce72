//! A bounded memory of what changes rarely (clients, resources). Sessions, tokens and accounts are never kept in one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an entry serves: the bound on every revocation.
const LIFE: Duration = Duration::from_secs(1);
/// The most entries.
const MOST: usize = 4_096;

pub(crate) struct Cache<T> {
    entries: Mutex<HashMap<String, (Instant, Arc<T>)>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<T> Cache<T> {
    /// The entry, unless it is older than a second.
    pub(crate) fn find(&self, key: &str) -> Option<Arc<T>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(since, _)| since.elapsed() < LIFE).map(|(_, value)| value.clone())
    }

    /// Keeps an entry; `read_at` is when it was read, or earlier.
    pub(crate) fn keep(&self, key: &str, value: T, read_at: Instant) -> Arc<T> {
        let value = Arc::new(value);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, (since, _)| since.elapsed() < LIFE);
        }
        if entries.len() < MOST {
            entries.insert(key.to_owned(), (read_at, value.clone()));
        }
        value
    }

    /// Forgets everything, after a change by this process.
    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
