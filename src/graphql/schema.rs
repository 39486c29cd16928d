//! The root objects, merged from the slices, once.

use async_graphql::{EmptySubscription, MergedObject, ValidationMode};

use super::node::InterfaceNodes;
use super::query::NodeQuery;
use crate::accounts::graphql::{AccountsMutation, AccountsQuery};
use crate::assets::graphql::AssetsMutation;
use crate::audit::graphql::AuditQuery;
use crate::catalog::graphql::{CatalogMutation, CatalogQuery};
use crate::channels::graphql::{ChannelsMutation, ChannelsQuery};
use crate::contents::graphql::{Content, ContentsMutation};
use crate::coverage::graphql::{AheadQuery, CoverageMutation, CoverageQuery};
use crate::endorsements::graphql::EndorsementsMutation;
use crate::imports::graphql::{ImportsMutation, ImportsQuery};
use crate::library::graphql::{LibraryQuery, SearchQuery};
use crate::placements::graphql::{PlacementsMutation, WatchMutation};
use crate::requests::graphql::{RequestsMutation, RequestsQuery};
use crate::reviews::graphql::{ReviewsMutation, ReviewsQuery};
use crate::rights::graphql::RightsMutation;
use crate::usage::graphql::UsageMutation;

#[derive(MergedObject, Default)]
pub struct Query(
    NodeQuery,
    AccountsQuery,
    AuditQuery,
    CatalogQuery,
    ChannelsQuery,
    LibraryQuery,
    SearchQuery,
    ReviewsQuery,
    CoverageQuery,
    AheadQuery,
    RequestsQuery,
    ImportsQuery,
);

#[derive(MergedObject, Default)]
pub struct Mutation(
    AccountsMutation,
    CatalogMutation,
    ChannelsMutation,
    ContentsMutation,
    AssetsMutation,
    RightsMutation,
    EndorsementsMutation,
    ReviewsMutation,
    PlacementsMutation,
    WatchMutation,
    UsageMutation,
    CoverageMutation,
    RequestsMutation,
    ImportsMutation,
);

pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// The schema, as every instance serves and `accolade schema` prints it.
#[must_use]
pub fn build() -> Schema {
    with_mode(ValidationMode::Strict)
}

/// The same for documents that [`build`]'s has validated before: it does not do so again.
#[must_use]
pub(crate) fn build_trusting() -> Schema {
    with_mode(ValidationMode::Fast)
}

fn with_mode(mode: ValidationMode) -> Schema {
    async_graphql::Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .validation_mode(mode)
        .register_output_type::<InterfaceNodes>()
        .register_output_type::<Content>()
        .finish()
}
