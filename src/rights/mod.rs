//! Rights: leases, and the gate, which gives the one answer to "may this go out here, now?".
//!
//! The gate exists twice: as a pure function over facts ([`gate::decide`]) and as the SQL predicate that
//! selects exactly what it lets out ([`gate::lets_out`]). The two stand side by side, hold by hold, and a
//! property test keeps them equal. Lists select by the predicate and decide each row again.

mod facts;
pub mod gate;
pub(crate) mod graphql;
mod kept;
mod loaders;
mod model;
mod pinned;
mod recent;
mod service;
mod store;

pub(crate) use facts::load_facts;
pub use kept::KeptFacts;
pub(crate) use loaders::{FactsKey, LiveKey};
pub use model::{Lease, LeaseAccess, LeaseOn, Place, Terms};
pub(crate) use pinned::load_as_if;
pub use recent::Recent;
pub(crate) use recent::{content_of, recent};
pub(crate) use service::{out_on_any, refusal};
pub(crate) use store::is_live;
