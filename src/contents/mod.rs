//! What assets and endorsements share: header, versions, labels, derived status.
//!
//! Versions of a content are numbered 1 … n without a hole and never change but for their state. The
//! current version is the approved one with the highest number; it is derived, never stored.

pub(crate) mod change;
pub(crate) mod graphql;
pub(crate) mod labels;
pub(crate) mod lifecycle;
mod loaders;
mod model;
pub(crate) mod service;
pub(crate) mod store;

pub use model::*;
