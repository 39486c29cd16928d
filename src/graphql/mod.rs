//! The GraphQL face: root objects, scalars, connections, limits, and how errors go out. No rules.

pub(crate) mod access;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod error;
pub(crate) mod guard;
pub(crate) mod interface;
pub(crate) mod loader;
pub(crate) mod money;
pub(crate) mod node;
pub(crate) mod query;
pub(crate) mod scalars;
pub(crate) mod schema;
pub(crate) mod upload;

pub(crate) use schema::build_trusting;
pub use schema::{Schema, build};
