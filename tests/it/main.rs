//! The whole application, through its public face: HTTP and GraphQL, on SQLite, and on PostgreSQL where
//! `TEST_DATABASE_URL` names one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod architecture;
mod authorisation;
mod bad_inputs;
mod gate;
mod reading;
mod support;
mod uploads;
mod walls;
