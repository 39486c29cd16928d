//! Assets and the files they are made of.
//!
//! Bytes are known by their hash, stored once and never changed. To know a hash is no right: bytes are
//! reached through what they belong to, or by the one who stored them.

pub(crate) mod fields;
pub(crate) mod file;
pub(crate) mod grants;
pub(crate) mod graphql;
mod hashes;
mod keep;
mod loaders;
mod model;
pub(crate) mod service;
pub(crate) mod source;
mod store;
pub(crate) mod upload;
pub(crate) mod uses;

pub(crate) use hashes::resolve_hashes;
pub(crate) use keep::{StoredBytes, keep, keep_all, keep_stored};
pub(crate) use loaders::AltsKey;
pub(crate) use model::Alt;
pub(crate) use source::{FileSource, SourceFile, resolve_source};
pub(crate) use store::load_alts;
pub use upload::StoredUpload;
pub(crate) use upload::{discard_unclaimed, receive};
