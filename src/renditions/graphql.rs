//! Renditions in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::grant;
use super::loaders::RenditionKey;
use super::model::{Plan, RenditionState};
use super::service::{plans, tagged};
use super::store::Row;
use crate::channels::resolve::{argument_channel, reaches};
use crate::channels::{Channel, tree};
use crate::contents::{Content, Version};
use crate::error::{Error, Result};
use crate::graphql::context::Request;
use crate::graphql::scalars::{Int64, Url};
use crate::platform::ids::ContentId;
use crate::rights::FactsKey;
use crate::rights::gate::Facts;

/// A picture made of a version for a preset of a place. Its address and size are known before it is made.
pub(crate) struct Rendition {
    plan: Plan,
    /// None: it cannot be made.
    key: Option<String>,
    /// The place whose preset it is.
    channel: Arc<Channel>,
    row: Option<Arc<Row>>,
}

impl Rendition {
    /// Planned ones with what is known of them: one load for all.
    async fn of(ctx: &Context<'_>, plans: Vec<(Arc<Channel>, Plan)>) -> Result<Vec<Self>> {
        let keys: Vec<_> = plans.iter().map(|(_, plan)| plan.key().ok()).collect();
        let some = keys.iter().flatten().cloned().map(RenditionKey);
        let rows = ctx.loader().load_many(some).await?;
        let renditions = plans.into_iter().zip(keys);
        let renditions = renditions.map(|((channel, plan), key)| Self {
            row: key
                .clone()
                .and_then(|key| rows.get(&RenditionKey(key)).cloned()),
            plan,
            key,
            channel,
        });
        Ok(renditions.collect())
    }

    /// Of a content's current version: for this channel, or else for the first of its own that has such a
    /// preset. A channel that the viewer does not reach is NOT_FOUND.
    pub(crate) async fn of_current(
        ctx: &Context<'_>,
        content: &Content,
        channel: Option<&ID>,
        preset: Option<&str>,
    ) -> Result<Option<Self>> {
        let cx = ctx.cx();
        let tree = tree(cx).await?;
        let Some(version) = content.current.as_ref() else {
            return Ok(None);
        };
        let facts = facts(ctx, content.id).await?;
        let channels = if let Some(channel) = channel {
            vec![argument_channel(&cx.viewer, &tree, channel)?]
        } else {
            let mut own = tagged(&tree, &facts.labels.channels);
            own.retain(|channel| reaches(&cx.viewer, &tree, channel.id));
            own
        };
        for channel in channels {
            let named = |plan: &Plan| preset.is_none_or(|name| plan.preset == name);
            let mut plans = plans(cx, &tree, &channel, (&facts, version)).into_iter();
            if let Some(plan) = plans.find(named) {
                return Ok(Self::of(ctx, vec![(channel, plan)]).await?.pop());
            }
        }
        Ok(None)
    }

    /// All of a version: one for each preset of the places that the content is tagged to, and that the viewer
    /// reaches. The same picture for two places stands there once.
    pub(crate) async fn all_of(ctx: &Context<'_>, version: &Version) -> Result<Vec<Self>> {
        let cx = ctx.cx();
        let tree = tree(cx).await?;
        let facts = facts(ctx, version.content).await?;
        let mut all: Vec<(Arc<Channel>, Plan)> = Vec::new();
        for channel in tagged(&tree, &facts.labels.channels) {
            if !reaches(&cx.viewer, &tree, channel.id) {
                continue;
            }
            for plan in plans(cx, &tree, &channel, (&facts, version)) {
                if !all.iter().any(|(_, other)| *other == plan) {
                    all.push((Arc::clone(&channel), plan));
                }
            }
        }
        Self::of(ctx, all).await
    }

    fn state(&self) -> RenditionState {
        let failed = |row: &Arc<Row>| row.state == "FAILED";
        match &self.row {
            _ if self.key.is_none() => RenditionState::Failed,
            Some(row) if failed(row) => RenditionState::Failed,
            Some(row) if row.sha256.is_some() => RenditionState::Ready,
            _ => RenditionState::Pending,
        }
    }
}

async fn facts(ctx: &Context<'_>, content: ContentId) -> Result<Arc<Facts>> {
    let facts = ctx.loader().load_one(FactsKey(content)).await?;
    facts.ok_or_else(|| Error::internal("a content that is shown has no facts"))
}

/// A picture made of a version for a preset of a place. Its address and size are known before it is made.
#[Object]
impl Rendition {
    /// The name of the preset.
    async fn preset(&self) -> &str {
        &self.plan.preset
    }

    /// How far it has come. One that is PENDING is made when its address is asked for.
    #[graphql(name = "state")]
    async fn rendition_state(&self) -> RenditionState {
        self.state()
    }

    /// Where its bytes are, for the rest of the hour and as long as it may go out; null: it cannot be made.
    async fn url(&self, ctx: &Context<'_>) -> Option<Url> {
        let key = self.key.as_deref()?;
        if self.state() == RenditionState::Failed {
            return None;
        }
        let of = (self.plan.version, self.channel.id);
        Some(Url(grant::url(ctx.cx(), of, &self.plan.preset, key)))
    }

    /// What it is made as.
    async fn media_type(&self) -> Option<&str> {
        Some(&self.plan.media_type)
    }

    /// Pixels from left to right; null where they are known only once it is made.
    async fn width(&self) -> Option<i32> {
        let made = self.row.as_ref().and_then(|row| row.width);
        made.or_else(|| i32::try_from(self.plan.size?.0).ok())
    }

    /// Pixels from top to bottom; null where they are known only once it is made.
    async fn height(&self) -> Option<i32> {
        let made = self.row.as_ref().and_then(|row| row.height);
        made.or_else(|| i32::try_from(self.plan.size?.1).ok())
    }

    /// How many bytes it has; null until it is made.
    async fn bytes(&self) -> Option<Int64> {
        self.row.as_ref()?.bytes.map(Int64)
    }

    /// Why it cannot be made, and what to do; null unless it has failed.
    async fn error(&self) -> Option<&str> {
        match &self.plan.recipe {
            Err(reason) => Some(reason),
            Ok(_) => self.row.as_ref()?.error.as_deref(),
        }
    }
}
