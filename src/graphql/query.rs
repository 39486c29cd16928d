//! The fields of `Query` that belong to no slice.

use async_graphql::{Context, ID, Object};
use futures::future::try_join_all;

use super::error::{GqlResult, OrFail, fail};
use super::node::{self, Node};
use crate::error::Error;

/// Most ids that may be asked for at once.
const MAX_IDS: usize = 250;

#[derive(Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Whatever has this id; null for what you cannot see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id, with its type's prefix.")] id: ID,
    ) -> GqlResult<Option<Node>> {
        node::find(ctx, &id).await.or_fail()
    }

    /// Whatever has these ids, in their order; null in place of what you cannot see.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 250 ids.")] ids: Vec<ID>,
    ) -> GqlResult<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(fail(Error::BadRequest(format!(
                "`ids` has at most {MAX_IDS} entries."
            ))));
        }
        try_join_all(ids.iter().map(|id| node::find(ctx, id)))
            .await
            .or_fail()
    }
}
