//! The catalogue in GraphQL.

mod mutation;
mod query;
mod types;

pub(crate) use mutation::CatalogMutation;
pub(crate) use query::CatalogQuery;
pub(crate) use types::{Audience, Brand, Outlet, Product};
