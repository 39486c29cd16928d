//! Lists, filters, order and pages of content, through the gate's SQL; and the one door through which
//! content is loaded for a viewer.

pub(crate) mod filter;
mod found;
pub(crate) mod graphql;
mod hanging;
pub(crate) mod list;
mod loaders;
#[cfg(test)]
pub(crate) mod plans;

pub(crate) use loaders::{ContentKey, LabelsKey, StatementsKey, VersionKey};
