//! What assets and endorsements share in GraphQL: written once in [`ContentFields`] and
//! [`VersionFields`], which the objects of both kinds take in (`flatten`), and the two interfaces.

mod interfaces;
mod mutation;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use self::interfaces::{ContentInterface, VersionInterface};
pub(crate) use self::mutation::{ContentIdInput, ContentsMutation};
use super::loaders::VersionsKey;
use super::model::{self, ContentKind, ContentStatus, Labels, VersionDetail, VersionState};
use crate::accounts::graphql::Actor;
use crate::assets::AltsKey;
use crate::assets::graphql::{Asset, AssetVersion};
use crate::audit::graphql::{AuditEntry, history};
use crate::catalog::ProductNameKey;
use crate::catalog::graphql::{Audience, Brand, Product};
use crate::channels::graphql::Channel;
use crate::endorsements::graphql::{Endorsement, EndorsementVersion};
use crate::error::{Error, Result};
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::interface::resolved_on_object;
use crate::graphql::scalars::{CountryCode, DateTime, Locale};
use crate::library::{ContentKey, LabelsKey, VersionKey};
use crate::placements::PlacementStatus;
use crate::placements::graphql::{Placement, beacon_key_of, placements_of};
use crate::platform::db::{KeyPart, Page};
use crate::platform::ids::{ContentId, VersionId};
use crate::requests::graphql::TakeDowns;
use crate::reviews::ReviewsKey;
use crate::reviews::graphql::Review;
use crate::rights::gate::Ask;
use crate::rights::graphql::{Availability, Lease, answer};
use crate::rights::{FactsKey, LiveKey};
use crate::usage::UsageOf;
use crate::usage::graphql::{DateRange, UsageTotals};

/// An asset or an endorsement: the interface `Content`.
#[derive(Clone)]
pub(crate) enum Content {
    Asset(Asset),
    Endorsement(Endorsement),
}
resolved_on_object!(Content as ContentInterface { Asset, Endorsement });

impl Content {
    /// The object of a content's kind.
    pub(crate) fn of(content: Arc<model::Content>) -> Self {
        match content.kind() {
            ContentKind::Asset => Self::Asset(Asset::of(content)),
            ContentKind::Endorsement => Self::Endorsement(Endorsement::of(content)),
        }
    }

    /// The content with this id, if the viewer sees it.
    pub(crate) async fn find(ctx: &Context<'_>, id: ContentId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(ContentKey(id)).await?.map(Self::of))
    }

    /// The contents with these ids, in their order; none where the viewer sees none.
    pub(crate) async fn find_many(
        ctx: &Context<'_>,
        ids: &[ContentId],
    ) -> Result<Vec<Option<Self>>> {
        let found = ctx
            .loader()
            .load_many(ids.iter().map(|id| ContentKey(*id)))
            .await?;
        Ok(ids
            .iter()
            .map(|id| found.get(&ContentKey(*id)).cloned().map(Self::of))
            .collect())
    }

    /// The content as a mutation of this request has left it, whatever the request had loaded before.
    pub(crate) async fn reload(ctx: &Context<'_>, id: ContentId) -> Result<Option<Self>> {
        let loader = ctx.loader();
        loader.clear::<ContentKey>();
        loader.clear::<FactsKey>();
        loader.clear::<AltsKey>();
        loader.clear::<VersionKey>();
        loader.clear::<VersionsKey>();
        Self::find(ctx, id).await
    }

    /// A content that something visible points to.
    pub(crate) async fn get(ctx: &Context<'_>, id: ContentId) -> GqlResult<Self> {
        let found = Self::find(ctx, id).await.or_fail()?;
        found
            .ok_or_else(|| Error::internal("a content is missing"))
            .or_fail()
    }
}

/// A question to the gate, as it is asked in GraphQL.
pub(crate) struct Question {
    pub(crate) channel: ID,
    pub(crate) market: Option<CountryCode>,
    pub(crate) locale: Option<Locale>,
    pub(crate) product: Option<ID>,
    pub(crate) at: Option<DateTime>,
}

impl Question {
    /// The question with what it names, and with what counts where the place caps its wins.
    pub(crate) async fn ask(self, ctx: &Context<'_>) -> Result<Ask> {
        let cx = ctx.cx();
        let tree = crate::channels::tree(cx).await?;
        let channel = crate::channels::resolve::argument_channel(&cx.viewer, &tree, &self.channel)?;
        // Rows of a list ask the same question: names and counts are looked up once for all of them.
        let product = match &self.product {
            Some(text) => {
                let named = ctx
                    .loader()
                    .load_one(ProductNameKey(text.to_string()))
                    .await?;
                Some(named.ok_or(Error::NotFound)?)
            }
            None => None,
        };
        let mut ask = Ask::new(&tree, &channel, cx.at())
            .for_product(product)
            .in_market(self.market.map(|m| m.0))
            .in_locale(self.locale.map(|l| l.0));
        if ask.is_capped() {
            let live = ctx.loader().load_one(LiveKey(channel.id, product)).await?;
            ask.live_endorsements = live.unwrap_or_default();
        }
        ask.at = crate::library::graphql::at(cx, self.at)?;
        Ok(ask)
    }
}

/// The fields of [`Content`].
#[derive(Clone)]
pub(crate) struct ContentFields(pub(crate) Arc<model::Content>);

impl ContentFields {
    pub(crate) async fn labels(&self, ctx: &Context<'_>) -> GqlResult<Arc<Labels>> {
        let labels = ctx
            .loader()
            .load_one(LabelsKey::of(&self.0))
            .await
            .or_fail()?;
        Ok(labels.unwrap_or_default())
    }

    /// The newest version; for a public viewer, the current one.
    pub(crate) async fn latest(&self, ctx: &Context<'_>) -> GqlResult<Arc<model::Version>> {
        let content = &self.0;
        match &content.current {
            Some(current) if ctx.viewer().is_public() || current.id == content.latest => {
                return Ok(Arc::clone(current));
            }
            _ => {}
        }
        let found = ctx.loader().load_one(VersionKey(content.latest)).await;
        found
            .or_fail()?
            .ok_or_else(|| Error::internal("a version is missing"))
            .or_fail()
    }
}

#[Object]
impl ContentFields {
    /// The content's id.
    async fn id(&self) -> ID {
        self.0.public_id().into()
    }

    /// Whose it is.
    async fn brand(&self, ctx: &Context<'_>) -> GqlResult<Brand> {
        Brand::get(ctx, self.0.brand).await
    }

    /// What it is called inside the house.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Free words, folded, in the order of their bytes.
    async fn tags(&self, ctx: &Context<'_>) -> GqlResult<Vec<String>> {
        Ok(self.labels(ctx).await?.tags.clone())
    }

    /// Where it may go; empty: every market.
    async fn markets(&self, ctx: &Context<'_>) -> GqlResult<Vec<CountryCode>> {
        Ok(self
            .labels(ctx)
            .await?
            .markets
            .iter()
            .cloned()
            .map(CountryCode)
            .collect())
    }

    /// The products it is about.
    async fn products(&self, ctx: &Context<'_>) -> GqlResult<Vec<Product>> {
        let labels = self.labels(ctx).await?;
        Product::list(ctx, &labels.products).await.or_fail()
    }

    /// Channel tags: where it is meant to be used, among the channels that you reach.
    async fn channels(&self, ctx: &Context<'_>) -> GqlResult<Vec<Channel>> {
        let labels = self.labels(ctx).await?;
        Channel::find_many(ctx, &labels.channels).await.or_fail()
    }

    /// To whom it speaks; empty: everyone. It narrows and ranks what is pulled, it never holds.
    async fn audiences(&self, ctx: &Context<'_>) -> GqlResult<Vec<Audience>> {
        let labels = self.labels(ctx).await?;
        Audience::list(ctx, &labels.audiences).await.or_fail()
    }

    /// Embargo: not before.
    async fn release_at(&self) -> Option<DateTime> {
        self.0.release_at.map(DateTime)
    }

    /// Not at or after.
    async fn expire_at(&self) -> Option<DateTime> {
        self.0.expire_at.map(DateTime)
    }

    /// All its versions, the newest first.
    async fn versions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the newest on; at most 100, 20 unless given.")]
        first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many up to the oldest; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> GqlResult<Connection<Version>> {
        let scope = format!("versions:{}", self.0.id);
        let page = PageArgs {
            first,
            after,
            last,
            before,
        };
        let page = page.open(ctx.app(), &scope, 1).or_fail()?;
        let count = self.0.version_count;
        let key = VersionsKey::of(self.0.id, count, &page);
        let mut rows = ctx
            .loader()
            .load_one(key)
            .await
            .or_fail()?
            .unwrap_or_default();
        if !page.backwards {
            rows.reverse();
        }
        let rows = Page::from_rows(rows, &page);
        let total = Total::known(usize::try_from(count).unwrap_or(0));
        let key = |version: &Arc<model::Version>| vec![KeyPart::Int(version.number.into())];
        Ok(connection(ctx.app(), &scope, rows, total, key, Version::of))
    }

    /// Where it stands now; derived, never stored.
    async fn status(&self, ctx: &Context<'_>) -> ContentStatus {
        self.0.status(ctx.at())
    }

    /// The rights and bars on it, the oldest first.
    async fn leases(&self, ctx: &Context<'_>) -> GqlResult<Vec<Lease>> {
        let facts = ctx.loader().load_one(FactsKey(self.0.id)).await.or_fail()?;
        let leases = facts.map(|f| Arc::clone(&f.leases)).unwrap_or_default();
        Ok(leases
            .iter()
            .map(|on| Lease(Arc::clone(&on.lease)))
            .collect())
    }

    /// The one answer to "may this go out here, now?". `at` asks about another instant, with today's facts.
    async fn availability(
        &self,
        ctx: &Context<'_>,
        channel: ID,
        market: Option<CountryCode>,
        locale: Option<Locale>,
        product: Option<ID>,
        at: Option<DateTime>,
    ) -> GqlResult<Availability> {
        let question = Question {
            channel,
            market,
            locale,
            product,
            at,
        };
        let ask = question.ask(ctx).await.or_fail()?;
        answer(ctx, self.0.id, &ask).await
    }

    /// Where it is shown, was and shall be; the newest placement first.
    async fn placements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many: 0 to 100, 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the last row read.")] after: Option<String>,
        #[graphql(desc = "In these alone; none: in any.")] status: Option<Vec<PlacementStatus>>,
    ) -> GqlResult<Connection<Placement>> {
        placements_of(ctx, self.0.id, PageArgs::forward(first, after), status).await
    }

    /// What was counted where it is shown; an endorsement's includes that of its assets, each event once.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The days that count; none: all of them.")] range: Option<DateRange>,
    ) -> GqlResult<UsageTotals> {
        UsageTotals::load(ctx, UsageOf::Content(self.0.id), range).await
    }

    /// For pages that pull: what a page that shows it sends with what it counts (`POST /e`, without a token, or
    /// `recordUsage`). The first impression opens a placement, which is live until none has come for 14 days and
    /// follows the version that pages were given. Null while it may not go out there.
    async fn beacon_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel, by its id or slug.")] channel: ID,
        #[graphql(desc = "The product beside which it is shown, by its id or SKU.")]
        product: Option<ID>,
    ) -> GqlResult<Option<String>> {
        beacon_key_of(ctx, &self.0, channel, product)
            .await
            .or_fail()
    }

    /// How far it has come with taking down what was recalled: where it is live itself, and where its assets are.
    async fn take_downs(&self, ctx: &Context<'_>) -> GqlResult<TakeDowns> {
        TakeDowns::load(ctx, self.0.id).await
    }

    /// The optimistic lock: send back the one you read.
    async fn revision(&self) -> i32 {
        self.0.revision
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Who made it.
    async fn created_by(&self, ctx: &Context<'_>) -> GqlResult<Actor> {
        Actor::of(ctx, self.0.created_by).await.or_fail()
    }

    /// What was done to it, the newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<AuditEntry>> {
        history(ctx, self.0.id, &PageArgs::forward(first, after))
            .await
            .or_fail()
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// An asset's version or an endorsement's: the interface `Version`.
#[derive(Clone)]
pub(crate) enum Version {
    AssetVersion(AssetVersion),
    EndorsementVersion(EndorsementVersion),
}
resolved_on_object!(Version as VersionInterface { AssetVersion, EndorsementVersion });

impl Version {
    /// The object of a version's kind.
    pub(crate) fn of(version: Arc<model::Version>) -> Self {
        match version.detail {
            VersionDetail::Wording(_) => Self::EndorsementVersion(EndorsementVersion::of(version)),
            VersionDetail::File(_) | VersionDetail::Text { .. } => {
                Self::AssetVersion(AssetVersion::of(version))
            }
        }
    }

    /// The version with this id, if the viewer sees its content; a public viewer sees the one that goes out,
    /// not those before it nor those in the works.
    pub(crate) async fn find(ctx: &Context<'_>, id: VersionId) -> Result<Option<Self>> {
        let Some(found) = ctx.loader().load_one(VersionKey(id)).await? else {
            return Ok(None);
        };
        let content = ctx.loader().load_one(ContentKey(found.content)).await?;
        let goes_out = |c: &model::Content| c.current.as_ref().is_some_and(|v| v.id == id);
        let seen = content.is_some_and(|c| !ctx.viewer().is_public() || goes_out(&c));
        Ok(seen.then(|| Self::of(found)))
    }

    /// A version that something visible points to.
    pub(crate) async fn get(ctx: &Context<'_>, id: VersionId) -> GqlResult<Self> {
        let found = ctx.loader().load_one(VersionKey(id)).await.or_fail()?;
        found
            .map(Self::of)
            .ok_or_else(|| Error::internal("a version is missing"))
            .or_fail()
    }
}

/// The fields of [`Version`].
#[derive(Clone)]
pub(crate) struct VersionFields(pub(crate) Arc<model::Version>);

#[Object]
impl VersionFields {
    /// The version's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is a version of.
    async fn content(&self, ctx: &Context<'_>) -> GqlResult<Content> {
        Content::get(ctx, self.0.content).await
    }

    /// 1, 2, 3 … per content: unique, without a hole, whoever uploads at the same moment.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// Where it stands in its review.
    async fn state(&self) -> VersionState {
        self.0.state
    }

    /// What its author says of it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Who made it.
    async fn author(&self, ctx: &Context<'_>) -> GqlResult<Actor> {
        Actor::of(ctx, self.0.author).await.or_fail()
    }

    /// What reviewers made of it, the oldest first.
    async fn reviews(&self, ctx: &Context<'_>) -> GqlResult<Vec<Review>> {
        let reviews = ctx
            .loader()
            .load_one(ReviewsKey(self.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        Ok(reviews.iter().cloned().map(Review).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}
