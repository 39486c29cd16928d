//! The audit log: every change has its entry, written in the change's own transaction by the platform's
//! ledger. Here the entries are sealed into hash chains (one per brand and one for the instance), read
//! and verified.
//!
//! An entry's seal is the SHA-256 of the seal before it and of the entry in canonical JSON (RFC 8785), so
//! anyone who has the entries can check that none was changed, left out or put between. How far a chain goes
//! is kept outside the database (`heads.rs`), so that its end cannot be cut off either.

mod canonical;
pub(crate) mod graphql;
mod heads;
mod loaders;
mod model;
mod service;
mod store;

pub use heads::{Head, Heads, publish, wait_for_all};
pub use model::{AuditReport, BreakKind, Broken, Entry, GENESIS, Seal};
pub(crate) use service::{count_log, list_log};
pub use service::{seal, verify};
