//! Every win by every place it could be used: used, gone stale, in breach, or wasted.
//!
//! A cell is a function of what the gate looks at, of placements and waivers, and of the clock; none is
//! stored. What was worked out is remembered by the instance as long as nothing that it hangs on has changed
//! ([`board`]).

mod best;
mod board;
mod cells;
mod ending;
mod filter;
mod impact;
mod load;
mod model;
mod pool;
mod service;
mod waiver;

pub(crate) mod graphql;

pub use board::Board;
pub use model::CoverageState;
pub(crate) use pool::{Spot, suggest};
