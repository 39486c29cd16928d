//! Bytes that arrive in pieces, over bad lines, at any instance; and what every way in has in common.
//!
//! An upload belongs to the token that made it, and nobody else learns that it is there. What of it is
//! acknowledged is durable: the bytes are synced, then the row says so, then the sender is told. Whoever
//! writes holds the upload's lock, and each step names the offset and the lock that it goes on from, so that
//! of two writers one is told to look again. A whole upload is completed where it lies, measured, and then
//! waits for a mutation that uses it (`file: {tus: ID}`), until it expires.

mod intake;
mod model;
mod service;
mod session;
mod store;

pub use intake::{Measured, Refused};
pub(crate) use intake::{TABLE, check_room, clean_filename, measure};
pub(crate) use model::{Body, Fault, NewUpload, Piece, Upload};
pub use service::sweep;
pub(crate) use service::{
    Finished, append, claim, create, discard_duplicates, end, find, finished, unused,
};
pub use session::slots;
