//! Assets and the files they are made of.
//!
//! Bytes are known by their hash, stored once and never changed. To know a hash is no right: bytes are
//! reached through what they belong to, or by the one who stored them.

pub(crate) mod fields;
pub(crate) mod file;
pub(crate) mod grants;
pub(crate) mod graphql;
mod loaders;
mod model;
pub(crate) mod service;
pub(crate) mod source;
mod store;
pub(crate) mod upload;
pub(crate) mod uses;

pub(crate) use loaders::AltsKey;
pub(crate) use model::Alt;
pub(crate) use source::{FileSource, SourceFile, StoredBytes, keep, keep_stored, resolve_source};
pub use upload::StoredUpload;
pub(crate) use upload::{discard_unclaimed, receive};
