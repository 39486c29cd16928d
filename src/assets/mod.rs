//! Assets and the files they are made of.

pub(crate) mod graphql;
/// Bytes that came with this request and are in the store already, but belong to nothing yet.
#[derive(Debug)]
pub struct StoredUpload { pub sha256: String }
