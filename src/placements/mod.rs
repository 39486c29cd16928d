//! Where a version of a content is shown: planned, live, or a thing of the past.
//!
//! A placement goes PLANNED → LIVE → RETIRED and never back: what is shown again is another placement,
//! so that what was counted at one stays true. Only an approved version is placed. What is live cannot be
//! thrown away, which is why the trash is here.

mod beacon;
mod crawl;
pub(crate) mod graphql;
mod loaders;
mod model;
mod pull;
pub(crate) mod service;
mod sightings;
mod store;
mod sync;
mod trash;

pub(crate) use beacon::open_beacon;
pub use crawl::crawl_due;
pub(crate) use loaders::{LastSeenKey, PlacementKey};
pub use model::{Placement, PlacementStatus};
pub(crate) use pull::{Pulled, Shown, open_pulled, placements_of};
pub(crate) use sightings::seen_by_beacon;
pub use sightings::{Sighting, SightingSource};
pub(crate) use store::visible;
