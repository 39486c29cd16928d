//! Reviews: a version is submitted, and someone other than its author lets it out or sends it back.
//!
//! A version moves only as [`crate::contents::VersionState::after`] says, and only while it stands where
//! the one who moved it found it: of many reviews at once, one counts. A review with a lease records the
//! licensor's word on the version and moves nothing.

pub(crate) mod graphql;
mod loaders;
mod model;
pub(crate) mod service;
mod store;

pub(crate) use loaders::{ReviewKey, ReviewsKey};
pub use model::{Review, ReviewDecision};
