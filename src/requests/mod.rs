//! What one asks of another: a picture that is missing, a translation; and recall, which asks that what is
//! live is taken down.
//!
//! A take-down's state is derived: its placement's retirement is its end, whoever retires it. What is recalled
//! goes out nowhere from that instant on, so a take-down is about places that the server does not deliver to.

pub(crate) mod graphql;
mod late;
mod loaders;
mod model;
mod recall;
mod service;
mod store;

pub use late::open_take_downs;
pub use model::RequestState;
