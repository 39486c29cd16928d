//! The whole application, through its public face: HTTP and GraphQL, on SQLite, and on PostgreSQL where
//! `TEST_DATABASE_URL` names one.
#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says what it expects by failing, and what it measured"
)]

mod ahead;
mod architecture;
mod audit;
mod authorisation;
mod bad_inputs;
mod care;
mod concurrency;
mod corpus;
mod coverage;
mod crash;
mod delivery;
mod demo;
mod full_disk;
mod fuzz;
mod gate;
mod idempotency;
mod imports;
mod instances;
mod json_ld;
mod lifecycle;
mod logging;
mod media;
mod migrating;
mod outage;
mod proof;
mod reading;
mod renditions;
mod replays;
mod requests;
mod s3;
mod secrets;
mod support;
mod trash;
mod tus;
mod uploads;
mod walls;
mod watching;
