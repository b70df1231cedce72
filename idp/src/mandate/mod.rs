//! Mandates: who may act for which organisation, in which role, for which matters, until when.
//!
//! The protocol reads the tables `organisations` and `mandates` (migration 10); a mandate is live when
//! `ended_at IS NULL AND starts_at <= now AND (until IS NULL OR until > now)` and its organisation is `registered`.
