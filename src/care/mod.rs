//! Care of the store: what nothing refers to is removed, what is stored is read again, and copies are made
//! that can be put back.

pub mod backup;
pub mod gc;
mod manifest;
pub mod restore;
pub mod scrub;
mod turns;
pub mod verify;

pub use turns::TURN_MS;
