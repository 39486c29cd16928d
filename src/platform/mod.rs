//! The ground the slices stand on: time, ids, the database, the ledger, bytes.
//!
//! Nothing here knows a word of the domain. What differs between SQLite and PostgreSQL, a folder and
//! S3, or a test and production, differs here and nowhere above.

pub mod blob;
pub mod clock;
pub mod csv;
pub mod db;
pub mod digest;
pub mod fetch;
pub mod ids;
pub mod ledger;
pub mod locale;
pub mod money;
pub mod names;
pub mod op;
pub mod queue;
pub mod room;
pub mod seal;
pub mod tasks;
pub mod text;
