//! Whole tables: years of wins at once, from a spreadsheet and back into one.
//!
//! A table comes as an upload and is imported by a job. It is read twice: first to check every row, then, if none
//! is at fault, to write all of them in one transaction. So a file is imported as a whole or not at all, whoever
//! is killed when. Each row has a key of its sender's, by which a second run finds what the first has made: what
//! the row says already is left alone, what it says otherwise is changed.
//!
//! Rows go through the same checks and the same writes as single mutations do, only many at a time.

mod assets;
mod endorsements;
pub(crate) mod export;
pub(crate) mod graphql;
mod keyed;
mod labels;
mod loaders;
mod model;
mod placements;
mod plan;
mod reading;
mod run;
mod service;
mod spool;
mod store;
mod table;
mod walk;

pub(crate) use run::begin;
pub use run::run_due;
pub use store::Running;
