//! Renditions: pictures made of a version for a place's preset.
//!
//! A rendition's key is a hash of everything that its bytes depend on, so its address and size are known
//! before it is made. It is made once, however many ask, by a process of its own (`crates/draw`); what was
//! made is a file like any other. Nothing waits for it but who asks for its bytes.

mod grant;
pub(crate) mod graphql;
mod loaders;
mod make;
mod model;
mod service;
mod store;

pub(crate) use grant::RenditionGrant;
pub use make::Renditions;
pub(crate) use make::{Made, Unmade, lately_made, made};
pub(crate) use model::Plan;
pub(crate) use service::plan;
pub use service::warm;
pub(crate) use store::find_made;
