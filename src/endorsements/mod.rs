//! Endorsements: what someone outside the brand said, its proof, and its claims.
//!
//! A version holds the wording in all its languages, of which exactly one is the original. Whatever an
//! endorsement needs to be shown (evidence, confirmed claims, a fresh recheck) is a fact stored here; the
//! gate judges it. `updateContent` lives here too, for both kinds: it is the later of the two slices.

pub(crate) mod graphql;
mod loaders;
mod model;
mod pages;
pub(crate) mod service;
mod store;

pub(crate) use loaders::{
    AttachedKey, AttachedToKey, CapturesKey, ClaimKey, ClaimsKey, EvidenceKey, EvidenceOfKey,
};
pub use model::{Claim, ClaimState, Evidence, EvidenceState, choose_statement};
pub use pages::fetch_due;
pub(crate) use pages::{contains_quote, page_text};
