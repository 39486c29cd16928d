//! What files show and say of themselves: found by looking at their bytes, in a process apart.
//!
//! Bytes are kept once their structure has been walked; what they look like (how white the border, how large
//! the subject, a hash of the looks) is found afterwards, at once where it is quick, else in the background.
//! Until then rules that ask for it find against the picture. What was found is a fact of the bytes and never
//! changes; what a rule makes of it is never stored.

mod loaders;
mod look;
mod similar;
mod store;
mod workers;

pub(crate) mod graphql;

pub(crate) use loaders::MetadataKey;
pub use look::sweep;
pub(crate) use look::{REVISION, look};
pub(crate) use similar::looks_alike;
pub(crate) use workers::StoredSource;
pub use workers::Workers;
