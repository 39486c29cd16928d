//! Where a version of a content is shown: planned, live, or a thing of the past.
//!
//! A placement goes PLANNED → LIVE → RETIRED and never back: what is shown again is another placement,
//! so that what was counted at one stays true. Only an approved version is placed. What is live cannot be
//! thrown away, which is why the trash is here.

mod beacon;
pub(crate) mod graphql;
mod loaders;
mod model;
mod service;
mod store;
mod trash;

pub(crate) use beacon::open_beacon;
pub(crate) use loaders::PlacementKey;
pub use model::{Placement, PlacementStatus};
pub(crate) use store::visible;
