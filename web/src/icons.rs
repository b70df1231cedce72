//! Drawings on a grid of 24, as the pages use them, ready to stand in HTML; the word stands beside each.

/// A tick in a circle: passed, valid.
pub const TICK: &str = r#"<svg class="icon passed" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9"/><path d="m7.8 12.4 2.9 2.9 5.6-6"/></svg>"#;
/// A cross in an octagon: failed, not valid.
pub const CROSS: &str = r#"<svg class="icon failed" viewBox="0 0 24 24" aria-hidden="true"><path d="M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3z"/><path d="m9 9 6 6m0-6-6 6"/></svg>"#;
/// A dash in a dashed circle: not done.
pub const DASH: &str = r#"<svg class="icon undone" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9" stroke-dasharray="3.2 2.45"/><path d="M8.5 12h7"/></svg>"#;
/// A question mark in a dashed circle: undetermined.
pub const QUESTION: &str = r#"<svg class="icon undone" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9" stroke-dasharray="3.2 2.45"/><path d="M9.5 9.7a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7m0 3v.1"/></svg>"#;
/// Two bars in a square: suspended.
pub const BARS: &str = r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><rect x="3.5" y="3.5" width="17" height="17" rx="1.5"/><path d="M9.5 8.5v7m5-7v7"/></svg>"#;
/// A crossed calendar: expired.
pub const CALENDAR: &str = r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 6h16v14H4zM4 10.5h16M8 3.5V6m8-2.5V6m-6 7.2 4 4m0-4-4 4"/></svg>"#;
/// A clock: ends soon.
pub const CLOCK: &str = r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.2 2"/></svg>"#;
/// A sheet of paper.
pub const SHEET: &str =
    r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 3h8l4.5 4.5V21H6zM14 3v4.5h4.5"/></svg>"#;
/// A lock: cannot be undone.
pub const LOCK: &str = r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3"/></svg>"#;
/// A list: written down.
pub const LIST: &str = r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01"/></svg>"#;
