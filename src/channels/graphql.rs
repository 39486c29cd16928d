//! stand-in
use super::model;
use crate::error::Result;
use crate::graphql::context::Request;
use crate::platform::ids::ChannelId;
use async_graphql::{Context, Object};
use std::sync::Arc;
pub(crate) struct Channel {
    pub(crate) channel: Arc<model::Channel>,
    pub(crate) tree: Arc<model::Tree>,
}
#[Object]
impl Channel {
    async fn name(&self) -> &str {
        &self.channel.name
    }
}
impl Channel {
    pub(crate) async fn find_many(ctx: &Context<'_>, ids: &[ChannelId]) -> Result<Vec<Self>> {
        let tree = super::tree(ctx.cx()).await?;
        Ok(ids
            .iter()
            .filter_map(|id| tree.get(*id))
            .filter(|c| super::resolve::reaches(ctx.viewer(), &tree, c.id))
            .map(|c| Self {
                channel: Arc::clone(c),
                tree: Arc::clone(&tree),
            })
            .collect())
    }
}
