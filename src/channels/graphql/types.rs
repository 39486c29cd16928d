//! The objects of channels.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use crate::channels::model::{self, ChannelKind, Fit, RuleCheck, Severity, Tree};
use crate::channels::resolve::reaches;
use crate::channels::{fresh_tree, tree};
use crate::contents::ContentKind;
use crate::error::{Error, Result};
use crate::graphql::connection::PageArgs;
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{CountryCode, Date, DateTime, Json, Locale, Url};
use crate::library::graphql::{ContentConnection, Pull, channel_contents};
use crate::platform::ids::ChannelId;

/// A place where content is shown, in a tree. What is said of a channel (a tag, a lease, a rule) holds for
/// every channel under it.
#[derive(Clone)]
pub(crate) struct Channel {
    pub(crate) channel: Arc<model::Channel>,
    /// The tree it stands in: its parent, children, rules and presets cost no statement.
    pub(crate) tree: Arc<Tree>,
}

impl Channel {
    /// The channel with this id, if the viewer reaches it.
    pub(crate) async fn find(ctx: &Context<'_>, id: ChannelId) -> Result<Option<Self>> {
        let tree = tree(ctx.cx()).await?;
        Ok(Self::within(ctx, &tree, id))
    }

    /// A channel that something visible points to.
    pub(crate) async fn get(ctx: &Context<'_>, id: ChannelId) -> GqlResult<Self> {
        let found = Self::find(ctx, id).await.or_fail()?;
        found
            .ok_or_else(|| Error::internal("a channel is missing"))
            .or_fail()
    }

    /// The channels with these ids, in their order, without those out of reach.
    pub(crate) async fn find_many(ctx: &Context<'_>, ids: &[ChannelId]) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let tree = tree(ctx.cx()).await?;
        Ok(ids
            .iter()
            .filter_map(|id| Self::within(ctx, &tree, *id))
            .collect())
    }

    fn within(ctx: &Context<'_>, tree: &Arc<Tree>, id: ChannelId) -> Option<Self> {
        let channel = tree.get(id).filter(|c| reaches(ctx.viewer(), tree, c.id))?;
        Some(Self {
            channel: Arc::clone(channel),
            tree: Arc::clone(tree),
        })
    }

    /// A channel as it is after a mutation.
    pub(super) async fn after(ctx: &Context<'_>, id: ChannelId) -> Result<Option<Self>> {
        let tree = fresh_tree(ctx.cx()).await?;
        Ok(Self::within(ctx, &tree, id))
    }
}

#[Object]
impl Channel {
    /// The channel's id.
    async fn id(&self) -> ID {
        self.channel.id.to_string().into()
    }

    /// Its short name, good in place of its id, such as `amazon-us.gallery`.
    async fn slug(&self) -> &str {
        &self.channel.slug
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.channel.name
    }

    /// What kind of place it is.
    async fn kind(&self) -> ChannelKind {
        self.channel.kind
    }

    /// The market it is for: its own or that of the nearest channel above; null: none in particular.
    async fn market(&self) -> Option<CountryCode> {
        self.tree.market(self.channel.id).map(CountryCode)
    }

    /// Its language: its own or that of the nearest channel above; null: none in particular.
    async fn locale(&self) -> Option<Locale> {
        self.tree.locale(self.channel.id).map(Locale)
    }

    /// The channel it stands under; null at the top, and where you do not reach it.
    async fn parent(&self, ctx: &Context<'_>) -> Option<Channel> {
        Self::within(ctx, &self.tree, self.channel.parent?)
    }

    /// The channels directly under it, by slug.
    async fn children(&self, ctx: &Context<'_>) -> Vec<Channel> {
        let children = self.tree.children(self.channel.id);
        children
            .iter()
            .filter_map(|c| Self::within(ctx, &self.tree, c.id))
            .collect()
    }

    /// Whether what goes out there is for everyone to fetch.
    async fn public(&self) -> bool {
        self.channel.public
    }

    /// How much attention the place gets, for ranking gaps.
    async fn weight(&self) -> f64 {
        self.channel.weight
    }

    /// What it demands: the rules of the channels above it, the highest first, then its own.
    async fn rules(&self) -> Vec<ChannelRule> {
        self.tree
            .rules(self.channel.id)
            .into_iter()
            .map(ChannelRule)
            .collect()
    }

    /// What may be shown there, the newest first: only what the gate lets out. `product`: what is about it.
    /// `audience`: what is for any of these or for everyone. `at`: at another instant, with today's facts.
    #[expect(
        clippy::too_many_arguments,
        reason = "the question has this many parts"
    )]
    async fn contents(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        kind: Option<ContentKind>,
        product: Option<ID>,
        market: Option<CountryCode>,
        audience: Option<Vec<ID>>,
        locale: Option<Locale>,
        at: Option<DateTime>,
    ) -> GqlResult<ContentConnection> {
        let pull = Pull {
            kind,
            product,
            market,
            audience,
            locale,
            at,
        };
        let args = PageArgs::forward(first, after);
        channel_contents(ctx, &self.tree, self.channel.id, pull, &args).await
    }

    /// What renditions are made to for it: its own presets, else those of the nearest channel above that has any.
    async fn presets(&self) -> Vec<RenditionPreset> {
        self.tree
            .presets(self.channel.id)
            .iter()
            .cloned()
            .map(RenditionPreset)
            .collect()
    }
}

/// What a place demands, as dated data with its source: the operators change their minds.
pub(crate) struct ChannelRule(pub(crate) model::Rule);

#[Object]
impl ChannelRule {
    /// What it looks at.
    async fn check(&self) -> RuleCheck {
        self.0.demand.check()
    }

    /// What the check wants, in the form that belongs to the check.
    async fn value(&self) -> Option<Json> {
        Some(Json(self.0.demand.value()))
    }

    /// An ERROR holds, a WARN warns.
    async fn severity(&self) -> Severity {
        self.0.severity
    }

    /// What to tell people who break it.
    async fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Where the operator of the place says so.
    async fn source(&self) -> Option<Url> {
        self.0.source.clone().map(Url)
    }

    /// The day on which somebody last read it there.
    async fn checked_on(&self) -> Option<Date> {
        self.0.checked_on.map(Date)
    }
}

/// What a rendition for a place is made to be.
pub(crate) struct RenditionPreset(pub(crate) model::Preset);

#[Object]
impl RenditionPreset {
    /// Its name, unique in its channel.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Width in pixels; null: as the height gives it.
    async fn width(&self) -> Option<i32> {
        self.0.width
    }

    /// Height in pixels; null: as the width gives it.
    async fn height(&self) -> Option<i32> {
        self.0.height
    }

    /// How the picture is fitted into the frame.
    async fn fit(&self) -> Fit {
        self.0.fit
    }

    /// What it is made as, such as `image/jpeg`.
    async fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// From 1 to 100, for types that have it; null: ours.
    async fn quality(&self) -> Option<i32> {
        self.0.quality
    }

    /// What fills the rest: `#rrggbb`; null: nothing, or white where the type needs something.
    async fn background(&self) -> Option<&str> {
        self.0.background.as_deref()
    }
}
