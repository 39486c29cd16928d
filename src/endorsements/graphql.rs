//! Endorsements in GraphQL.

mod inputs;
mod json_ld;
mod mutation;
mod proof;
mod updates;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::model::choose_statement;
use super::{AttachedKey, ClaimsKey, EvidenceOfKey};
use crate::accounts::graphql::Actor;
use crate::assets::graphql::Asset;
use crate::catalog::graphql::Outlet;
use crate::contents::graphql::{ContentFields, VersionFields};
use crate::contents::{self, ContentKind, EndorsementKind, MaterialConnection};
use crate::error::{Error, Result};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{Date, DateTime, Decimal, Json, Locale, Url};
use crate::library::filter::public_asks;
use crate::library::{ContentKey, StatementsKey};
use crate::platform::ids::ContentId;
use crate::rights::FactsKey;
use crate::rights::gate::{Ask, Facts, Wordless, decide, wordless, wordless_in};

pub(crate) use mutation::EndorsementsMutation;
pub(crate) use proof::{Claim, Evidence};

/// A win: what someone outside the brand said of it, with the proof and the right to repeat it.
#[derive(Clone)]
pub(crate) struct Endorsement(ContentFields);

impl Endorsement {
    /// `content` is an endorsement.
    pub(crate) fn of(content: Arc<contents::Content>) -> Self {
        Self(ContentFields(content))
    }

    /// Its content's id.
    pub(crate) fn content_id(&self) -> ContentId {
        self.0.0.id
    }

    /// The endorsement with this id, if the viewer sees it.
    pub(crate) async fn find(ctx: &Context<'_>, id: ContentId) -> Result<Option<Self>> {
        let found = ctx.loader().load_one(ContentKey(id)).await?;
        Ok(found
            .filter(|c| c.kind() == ContentKind::Endorsement)
            .map(Self::of))
    }

    /// Those of these that the viewer sees, in their order.
    pub(crate) async fn find_all(ctx: &Context<'_>, ids: &[ContentId]) -> Result<Vec<Self>> {
        let found = ctx
            .loader()
            .load_many(ids.iter().copied().map(ContentKey))
            .await?;
        let seen = ids
            .iter()
            .filter_map(|id| found.get(&ContentKey(*id)).cloned());
        Ok(seen
            .filter(|c| c.kind() == ContentKind::Endorsement)
            .map(Self::of)
            .collect())
    }
}

#[Object]
impl Endorsement {
    #[graphql(flatten)]
    async fn content_fields(&self) -> &ContentFields {
        &self.0
    }

    /// What was won; who said it is the outlet's kind.
    async fn kind(&self) -> EndorsementKind {
        self.0
            .0
            .endorsement()
            .map_or(EndorsementKind::Mention, |e| e.kind)
    }

    /// Who said it.
    async fn outlet(&self, ctx: &Context<'_>) -> GqlResult<Outlet> {
        match self.0.0.endorsement() {
            Some(detail) => Outlet::get(ctx, detail.outlet).await,
            None => Err(Error::internal("an endorsement without its detail")).or_fail(),
        }
    }

    /// Whose work it was: reuse is credited to them. Null: nobody's in particular.
    async fn won_by(&self, ctx: &Context<'_>) -> GqlResult<Option<Actor>> {
        match self.0.0.endorsement().and_then(|e| e.won_by) {
            Some(actor) => Actor::of(ctx, actor).await.or_fail().map(Some),
            None => Ok(None),
        }
    }

    /// The day on which it was said.
    async fn published_on(&self) -> Date {
        Date(
            self.0
                .0
                .endorsement()
                .map_or_else(|| self.0.0.created_at.day(), |e| e.published_on),
        )
    }

    /// Where it was said; null where it was not on the web.
    async fn source_url(&self) -> Option<Url> {
        self.0
            .0
            .endorsement()
            .and_then(|e| e.source_url.clone())
            .map(Url)
    }

    /// When somebody must look again whether it is still said: the last recheck and its interval, or when
    /// the page was found changed or a product got a new edition since. Null: never.
    async fn recheck_due_at(&self) -> Option<DateTime> {
        self.0
            .0
            .endorsement()
            .and_then(contents::EndorsementDetail::recheck_due_at)
            .map(DateTime)
    }

    /// Badge, logo, clip or screenshot to show with it, in their order; with a channel only those that may
    /// be shown there now. One that is attached to endorsements goes out only where one of them does.
    async fn assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what the gate lets out here.")] channel: Option<ID>,
    ) -> GqlResult<Vec<Asset>> {
        let ids = ctx
            .loader()
            .load_one(AttachedKey(self.0.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        match channel {
            Some(channel) => {
                let out = out_in(ctx, &channel, &ids).await.or_fail()?;
                Asset::find_all(ctx, &out).await.or_fail()
            }
            None => Asset::find_all(ctx, &ids).await.or_fail(),
        }
    }

    /// The proof that it was said, the oldest first.
    async fn evidence(&self, ctx: &Context<'_>) -> GqlResult<Vec<Evidence>> {
        let evidence = ctx
            .loader()
            .load_one(EvidenceOfKey(self.0.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        Ok(evidence.iter().cloned().map(Evidence).collect())
    }

    /// The selling points that it backs, in their order.
    async fn claims(&self, ctx: &Context<'_>) -> GqlResult<Vec<Claim>> {
        let claims = ctx
            .loader()
            .load_one(ClaimsKey(self.0.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        Ok(claims.iter().cloned().map(Claim).collect())
    }

    /// What the current version says to a reader of `locale`: the best match by BCP 47 lookup, the
    /// original where none fits or none is asked for. Null while there is no current version.
    async fn statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reader's language.")] locale: Option<Locale>,
    ) -> GqlResult<Option<Statement>> {
        let Some(facts) = ctx
            .loader()
            .load_one(FactsKey(self.0.0.id))
            .await
            .or_fail()?
        else {
            return Ok(None);
        };
        let bars = bars(ctx, &facts).await.or_fail()?;
        let locale = locale.as_ref().map(|l| l.0.as_str());
        let chosen = choose_statement(&facts.statements, locale, bars.no_translation).cloned();
        Ok(chosen.map(|statement| Statement::under(statement, bars)))
    }

    /// What a page in a channel says of it in the words of schema.org, ready for `<script type="application/ld+json">`:
    /// the product with its award, review or rating, or the brand where it is about no one product; disclosure,
    /// disclaimer, year and link as the statement and the lease there want them, and no quote where the lease bars
    /// it. Its texts end no script, so it may be written there as JSON as it is. Null while it may not be shown
    /// there, and where it is about other products than the one that is asked for.
    async fn json_ld(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where the page is: the channel's id or slug.")] channel: ID,
        #[graphql(
            desc = "The product that the page is about, by id or SKU; null: its only one, if it has one."
        )]
        product: Option<ID>,
        #[graphql(desc = "The page's language; null: the channel's.")] locale: Option<Locale>,
    ) -> GqlResult<Option<Json>> {
        let about = (channel, product, locale);
        let found = json_ld::json_ld(ctx, &self.0.0, about).await.or_fail()?;
        Ok(found.map(Json))
    }

    /// The current version: the approved one with the highest number.
    async fn version(&self) -> Option<EndorsementVersion> {
        self.0.0.current.clone().map(EndorsementVersion::of)
    }

    /// The version with the highest number.
    async fn latest_version(&self, ctx: &Context<'_>) -> GqlResult<EndorsementVersion> {
        Ok(EndorsementVersion::of(self.0.latest(ctx).await?))
    }
}

/// One wording of an endorsement, in all its languages.
#[derive(Clone)]
pub(crate) struct EndorsementVersion(VersionFields);

impl EndorsementVersion {
    /// `version` is an endorsement's.
    pub(crate) fn of(version: Arc<contents::Version>) -> Self {
        Self(VersionFields(version))
    }

    /// The endorsement that it is a wording of.
    fn content_id(&self) -> ContentId {
        self.0.0.content
    }

    fn wording(&self) -> Option<&contents::Wording> {
        self.0.0.wording()
    }
}

/// A decimal as it was stored.
fn decimal(text: Option<&String>) -> Option<Decimal> {
    text.and_then(|text| text.parse().ok()).map(Decimal)
}

#[Object]
impl EndorsementVersion {
    #[graphql(flatten)]
    async fn version_fields(&self) -> &VersionFields {
        &self.0
    }

    /// What it says, once for each language: the original first. A public viewer gets what the leases leave.
    async fn statements(&self, ctx: &Context<'_>) -> GqlResult<Vec<Statement>> {
        let statements = ctx
            .loader()
            .load_one(StatementsKey(self.0.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        if !ctx.viewer().is_public() {
            return Ok(statements.iter().cloned().map(Statement).collect());
        }
        let facts = ctx
            .loader()
            .load_one(FactsKey(self.0.0.content))
            .await
            .or_fail()?;
        let bars = match facts {
            Some(facts) => bars(ctx, &facts).await.or_fail()?,
            None => Wordless::default(),
        };
        let shown = statements
            .iter()
            .filter(|s| s.is_original || !bars.no_translation);
        Ok(shown
            .cloned()
            .map(|statement| Statement::under(statement, bars))
            .collect())
    }

    /// Who said it, by name.
    async fn byline(&self) -> Option<&str> {
        self.wording().and_then(|w| w.byline.as_deref())
    }

    /// The place in a ranking; 1 is the first.
    async fn rank(&self) -> Option<i32> {
        self.wording().and_then(|w| w.rank)
    }

    /// The points given, out of `ratingScale`.
    async fn rating(&self) -> Option<Decimal> {
        decimal(self.wording().and_then(|w| w.rating.as_ref()))
    }

    /// The most points that could be given; null without a rating.
    async fn rating_scale(&self) -> Option<Decimal> {
        decimal(self.wording().and_then(|w| w.rating_scale.as_ref()))
    }

    /// How many people's ratings it sums up.
    async fn rating_count(&self) -> Option<i32> {
        self.wording().and_then(|w| w.rating_count)
    }

    /// What ties the one who praises to the brand. Anything but NONE needs its disclosure shown.
    async fn material_connection(&self) -> MaterialConnection {
        self.wording()
            .map(|w| w.material_connection)
            .unwrap_or_default()
    }
}

/// What an endorsement says, in one language. `quote` is verbatim, or its translation; null where the leases
/// in force bar excerpts.
pub(crate) struct Statement(contents::Statement);

impl Statement {
    /// What the leases leave of a statement.
    fn under(mut statement: contents::Statement, bars: Wordless) -> Self {
        if bars.no_excerpt {
            statement.quote = None;
        }
        Self(statement)
    }
}

/// What the leases leave of an endorsement's words for this viewer: a public one reads for the places that
/// its token names.
async fn bars(ctx: &Context<'_>, facts: &Facts) -> Result<Wordless> {
    if !ctx.viewer().is_public() {
        return Ok(wordless(facts, ctx.at()));
    }
    let tree = crate::channels::tree(ctx.cx()).await?;
    Ok(wordless_in(facts, &public_asks(ctx.cx(), &tree)))
}

/// Those of these contents that the gate lets out in a channel now, in their order.
async fn out_in(ctx: &Context<'_>, channel: &ID, ids: &[ContentId]) -> Result<Vec<ContentId>> {
    let cx = ctx.cx();
    let tree = crate::channels::tree(cx).await?;
    let channel = crate::channels::resolve::argument_channel(&cx.viewer, &tree, channel)?;
    let ask = Ask::new(&tree, &channel, cx.at());
    let facts = ctx
        .loader()
        .load_many(ids.iter().copied().map(FactsKey))
        .await?;
    let out = |id: &&ContentId| {
        facts
            .get(&FactsKey(**id))
            .is_some_and(|f| decide(f, &ask).is_available())
    };
    Ok(ids.iter().filter(out).copied().collect())
}

#[Object]
impl Statement {
    /// The language.
    async fn locale(&self) -> Locale {
        Locale(self.0.locale.clone())
    }

    /// Whether it was said in this language; the others are translations.
    async fn is_original(&self) -> bool {
        self.0.is_original
    }

    /// The gist, in one line.
    async fn headline(&self) -> &str {
        &self.0.headline
    }

    /// The words themselves.
    async fn quote(&self) -> Option<&str> {
        self.0.quote.as_deref()
    }

    /// The award's name, as its giver writes it.
    async fn award(&self) -> Option<&str> {
        self.0.award.as_deref()
    }

    /// What must be shown of the tie between the one who praises and the brand.
    async fn disclosure(&self) -> Option<&str> {
        self.0.disclosure.as_deref()
    }
}
