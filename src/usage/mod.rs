//! What was counted where content is shown: impressions, clicks, inquiries, orders.
//!
//! An event counts once for its sender and id, however often it is sent, for 90 days. It is added to the
//! roll-ups by day in the transaction that inserts it, and only these are ever read. Events are counted,
//! not decided by anyone: they are in no audit log.

pub(crate) mod graphql;
mod loaders;
mod model;
mod pages;
mod record;
mod store;

pub(crate) use loaders::UsageOf;
pub use model::{Totals, UsageKind};
pub(crate) use pages::{PageEvent, Queue, Refused, Said};
pub(crate) use store::of_contents as totals_of;
