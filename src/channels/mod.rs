//! Where content is shown: channels in a tree, what each demands (as dated data with its source, never
//! as code), and the presets that renditions are made to.
//!
//! What is said of a channel, a tag, a lease or a rule, holds for every channel under it.

mod check;
pub(crate) mod graphql;
mod model;
pub(crate) mod resolve;
mod service;
mod store;
mod template;

pub(crate) use check::check_rules;
pub use model::{
    Admission, Attribution, Channel, ChannelKind, Demand, Fit, MAX_DEPTH, Preset, Rule, RuleCheck,
    Severity, Tree,
};
pub use store::TreeCache;
pub(crate) use store::{fresh_tree, tree};
