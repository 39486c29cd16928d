//! What may be asked of channels.

use std::sync::Arc;

use async_graphql::{Context, Object};

use super::types::Channel;
use crate::channels::resolve::{find, reaches};
use crate::channels::{model, tree};
use crate::error::Result;
use crate::graphql::connection::{Connection, PageArgs, Total, connection, page_in_memory};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::platform::db::KeyPart;

#[derive(Default)]
pub(crate) struct ChannelsQuery;

#[Object]
impl ChannelsQuery {
    /// The channel with this slug; null for one that you do not reach.
    async fn channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug, or its id.")] slug: String,
    ) -> GqlResult<Option<Channel>> {
        let tree = tree(ctx.cx()).await.or_fail()?;
        Ok(find(ctx.viewer(), &tree, &slug).map(|c| Channel {
            channel: Arc::clone(c),
            tree: Arc::clone(&tree),
        }))
    }

    /// The channels that you reach, by slug.
    async fn channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<Channel>> {
        list(ctx, &PageArgs::forward(first, after)).await.or_fail()
    }
}

async fn list(ctx: &Context<'_>, args: &PageArgs) -> Result<Connection<Channel>> {
    const SCOPE: &str = "channels";
    let app = ctx.app();
    let request = args.open(app, SCOPE, 1)?;
    let tree = tree(ctx.cx()).await?;
    let mut channels = tree.all();
    channels.retain(|c| reaches(ctx.viewer(), &tree, c.id));
    let total = Total::known(channels.len());
    let key = |c: &Arc<model::Channel>| vec![KeyPart::Id(c.id.0)];
    let page = page_in_memory(channels, &request, key);
    Ok(connection(app, SCOPE, page, total, key, |channel| {
        Channel {
            channel,
            tree: Arc::clone(&tree),
        }
    }))
}
