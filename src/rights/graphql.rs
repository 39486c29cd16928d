//! Leases and the gate's answer in GraphQL.

mod availability;
mod inputs;
mod lease;
mod mutation;

pub(crate) use availability::{Availability, Hold, RuleFinding, answer, checks};
pub(crate) use lease::Lease;
pub(crate) use mutation::RightsMutation;
