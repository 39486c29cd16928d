//! Coverage and waste in GraphQL.

mod ahead;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::best::{Wanted, best};
use super::cells::Place;
use super::filter::{self, Scope};
use super::model::CoverageState;
use super::service::{Gap, Summary, Told};
use super::waiver::{NewWaiver, waive};
use crate::accounts::{self, OpContext};
use crate::catalog::resolve as catalog;
use crate::channels::graphql::Channel;
use crate::channels::{self, resolve};
use crate::contents::ContentKind;
use crate::contents::lifecycle::input_content;
use crate::endorsements::graphql::Endorsement;
use crate::error::{Error, Problems, Result};
use crate::graphql::connection::{Connection, PageArgs, Total, check_limit, connection};
use crate::graphql::context::{Request, client_mutation_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::{CountryCode, DateTime, Locale};
use crate::placements::graphql::Placement;
use crate::placements::{LastSeenKey, PlacementKey};
use crate::platform::clock::Timestamp;
use crate::platform::db::{KeyPart, Page};
use crate::platform::ids::{ChannelId, ContentId};
use crate::rights::gate::Ask;
use crate::rights::graphql::Hold;

pub(crate) use ahead::AheadQuery;

/// Filters on coverage: each list is any-of, the fields together are all-of. What names nothing that you see
/// matches nothing.
#[derive(InputObject, Clone, Debug, Default)]
pub(crate) struct CoverageFilter {
    /// Wins of this brand: its id or slug.
    brand: Option<ID>,
    /// Wins of one of these products, by id or SKU.
    products: Option<Vec<ID>>,
    /// These channels and all under them, by id or slug.
    channels: Option<Vec<ID>>,
    /// Wins of one of these outlets.
    outlets: Option<Vec<ID>>,
    /// Wins of this one's work.
    won_by: Option<ID>,
    /// Wins with a cell in one of these states.
    states: Option<Vec<CoverageState>>,
    /// As it will be at this instant, if nobody changes anything; null: now.
    at: Option<DateTime>,
}

impl From<CoverageFilter> for filter::Filter {
    fn from(input: CoverageFilter) -> Self {
        Self {
            brand: input.brand,
            products: input.products,
            channels: input.channels,
            outlets: input.outlets,
            won_by: input.won_by,
            states: input.states,
            at: input.at.map(|at| at.0),
        }
    }
}

impl CoverageFilter {
    async fn scope(self, cx: &OpContext) -> Result<Scope> {
        filter::Filter::from(self).scope(cx).await
    }
}

/// Every win by every channel: used, gone stale, in breach, or wasted.
pub(crate) struct Coverage {
    scope: Scope,
    /// Of the filter: a cursor belongs to it.
    name: String,
}

#[Object]
impl Coverage {
    /// The columns, in the order of their slugs.
    async fn channels(&self) -> Vec<Channel> {
        let places = &self.scope.survey.places.all;
        let columns = self.scope.columns.iter().filter_map(|i| places.get(*i));
        let channel = |place: &Place| Channel {
            channel: Arc::clone(&place.channel),
            tree: Arc::clone(&self.scope.survey.tree),
        };
        columns.map(channel).collect()
    }

    /// The wins, the newest first.
    async fn rows(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; null: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to go on from.")] after: Option<String>,
    ) -> GqlResult<Connection<CoverageRow>> {
        self.page(ctx, PageArgs::forward(first, after))
            .await
            .or_fail()
    }

    /// All rows summed up: the cells of channels that nothing lies under.
    async fn summary(&self) -> GqlResult<CoverageSummary> {
        Ok(CoverageSummary(self.scope.summary().await.or_fail()?))
    }
}

impl Coverage {
    async fn page(&self, ctx: &Context<'_>, args: PageArgs) -> Result<Connection<CoverageRow>> {
        let name = format!("coverage {}", self.name);
        let request = args.open(ctx.app(), &name, 1)?;
        let before = request.after.as_ref().and_then(|key| key.first());
        let before = match before {
            Some(KeyPart::Id(id)) => Some(ContentId(*id)),
            _ => None,
        };
        let limit = request.limit as usize;
        let mut ids = self.scope.page(before, limit.saturating_add(1)).await?;
        let has_next = ids.len() > limit;
        ids.truncate(limit);
        let rows = self.scope.told(&ids).await?;
        let placed = rows.iter().flat_map(|(_, cells)| cells);
        let placed = placed.flat_map(|cell| cell.placements.iter().copied().map(PlacementKey));
        let placements = ctx.loader().load_many(placed).await?;
        let placements: HashMap<_, _> = placements
            .into_iter()
            .map(|(PlacementKey(id), placement)| (id, Placement(placement)))
            .collect();
        let found = Endorsement::find_all(ctx, &ids).await?;
        let rows = rows.into_iter().filter_map(|(id, cells)| {
            let endorsement = found.iter().find(|e| e.content_id() == id)?.clone();
            let cells = cells.into_iter().map(|told| CoverageCell {
                placements: told
                    .placements
                    .iter()
                    .filter_map(|id| placements.get(id).cloned())
                    .collect(),
                told,
            });
            Some((id, endorsement, cells.collect::<Vec<_>>()))
        });
        let page = Page {
            items: rows.collect(),
            has_next,
            has_previous: before.is_some(),
        };
        let scope = self.scope.clone();
        let total = Total::counted(move || {
            let scope = scope.clone();
            async move { scope.count().await }
        });
        Ok(connection(
            ctx.app(),
            &name,
            page,
            total,
            |(id, _, _)| vec![KeyPart::Id(id.0)],
            |(_, endorsement, cells)| CoverageRow { endorsement, cells },
        ))
    }
}

/// A win by every channel.
#[derive(SimpleObject)]
pub(crate) struct CoverageRow {
    /// The win.
    endorsement: Endorsement,
    /// A cell for each column, in their order.
    cells: Vec<CoverageCell>,
}

/// A win in a channel.
pub(crate) struct CoverageCell {
    told: Told,
    placements: Vec<Placement>,
}

#[Object]
impl CoverageCell {
    /// Where.
    async fn channel(&self, ctx: &Context<'_>) -> GqlResult<Channel> {
        Channel::get(ctx, self.told.channel).await
    }

    /// How it stands there: of the channel and all under it, the first that fits in the order of the states.
    async fn state(&self) -> CoverageState {
        self.told.cell.state
    }

    /// Placements of the win and of its assets there and in all under it, planned or live: the newest 10. Those of
    /// one content are all at [`Content.placements`].
    async fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// How many those are.
    async fn placement_count(&self) -> i32 {
        i32::try_from(self.told.placed).unwrap_or(i32::MAX)
    }

    /// Why it is in breach or blocked in the channel itself, or what a gap has left undone.
    async fn holds(&self) -> Vec<Hold> {
        self.told.holds.iter().cloned().map(Hold::from).collect()
    }

    /// When one of its live placements, of the newest 250, was last found where it should be; null for none that
    /// ever was.
    async fn last_seen_at(&self, ctx: &Context<'_>) -> GqlResult<Option<DateTime>> {
        let keys: Vec<_> = self.told.live.iter().copied().map(LastSeenKey).collect();
        let seen = ctx.loader().load_many(keys).await.or_fail()?;
        Ok(seen.into_values().max().map(DateTime))
    }

    /// Of a gap: whole days since it could first be used.
    async fn gap_days(&self) -> Option<i32> {
        self.told.gap_days.and_then(|days| i32::try_from(days).ok())
    }
}

/// How many wins there are, and how many of their cells in each state: of channels that nothing lies under, and of
/// others where the win is placed in the channel itself.
pub(crate) struct CoverageSummary(Summary);

impl CoverageSummary {
    fn count(&self, state: CoverageState) -> i32 {
        i32::try_from(self.0.count(state)).unwrap_or(i32::MAX)
    }
}

#[Object]
impl CoverageSummary {
    /// How many wins.
    async fn endorsements(&self) -> i32 {
        i32::try_from(self.0.endorsements).unwrap_or(i32::MAX)
    }

    /// Live, though they may not be.
    async fn breach(&self) -> i32 {
        self.count(CoverageState::Breach)
    }

    /// Live with another version than the current one.
    async fn stale(&self) -> i32 {
        self.count(CoverageState::Stale)
    }

    /// Live.
    async fn live(&self) -> i32 {
        self.count(CoverageState::Live)
    }

    /// Meant to be shown.
    async fn planned(&self) -> i32 {
        self.count(CoverageState::Planned)
    }

    /// Waste: could be used, and are not.
    async fn gap(&self) -> i32 {
        self.count(CoverageState::Gap)
    }

    /// Could be used; somebody decided not to.
    async fn waived(&self) -> i32 {
        self.count(CoverageState::Waived)
    }

    /// May not be used.
    async fn blocked(&self) -> i32 {
        self.count(CoverageState::Blocked)
    }

    /// What is live as a share of what could be: live, stale, planned and gaps. Null: nothing could be.
    async fn coverage(&self) -> Option<f64> {
        self.0.coverage()
    }

    /// The middle of the days that wins took from when they could first be used to when they first were.
    /// Null: none was.
    async fn median_days_to_first_use(&self) -> Option<f64> {
        self.0.median_days_to_first_use
    }
}

/// A gap with what it wastes.
pub(crate) struct Waste {
    gap: Gap,
    endorsement: Endorsement,
}

#[Object]
impl Waste {
    /// The win that is not used.
    async fn endorsement(&self) -> &Endorsement {
        &self.endorsement
    }

    /// Where.
    async fn channel(&self, ctx: &Context<'_>) -> GqlResult<Channel> {
        Channel::get(ctx, self.gap.channel).await
    }

    /// Since when it could be used there.
    async fn usable_since(&self) -> DateTime {
        DateTime(self.gap.since)
    }

    /// Whole days since then.
    async fn days(&self) -> i32 {
        i32::try_from(self.gap.days).unwrap_or(i32::MAX)
    }

    /// Days × the channel's weight × how well known the outlet is (tier 1: 4, 2: 2, 3: 1, else ½).
    #[expect(clippy::cast_precision_loss, reason = "thousandths of some millions")]
    async fn score(&self) -> f64 {
        self.gap.score as f64 / 1_000.0
    }
}

/// An endorsement fit for a place, and why.
#[derive(SimpleObject)]
pub(crate) struct Proof {
    /// The endorsement.
    endorsement: Endorsement,
    /// How well it suits, beside the others.
    score: f64,
    /// Why, for people.
    reasons: Vec<String>,
}

/// What proof is wanted for.
struct ProofRequest {
    channel: ID,
    product: Option<ID>,
    market: Option<CountryCode>,
    locale: Option<Locale>,
    audience: Option<Vec<ID>>,
    first: Option<i32>,
    at: Option<DateTime>,
}

impl ProofRequest {
    async fn wanted(self, cx: &OpContext) -> Result<Wanted> {
        let tree = channels::tree(cx).await?;
        let channel = resolve::argument_channel(&cx.viewer, &tree, &self.channel)?;
        let product = match &self.product {
            Some(text) => Some(catalog::argument_product(cx, text).await?),
            None => None,
        };
        let audiences = match &self.audience {
            Some(texts) => catalog::filter_audiences(cx, texts).await?,
            None => Vec::new(),
        };
        let mut ask = Ask::new(&tree, &channel, cx.at())
            .for_product(product)
            .in_market(self.market.map(|market| market.0))
            .in_locale(self.locale.map(|locale| locale.0));
        ask.at = self.at.map_or(ask.at, |at| at.0);
        Ok(Wanted {
            ask,
            audiences,
            first: check_limit("first", self.first.unwrap_or(FIRST_PROOFS))? as usize,
        })
    }
}

/// How many endorsements are told unless asked otherwise.
const FIRST_PROOFS: i32 = 5;

/// Questions about coverage.
#[derive(Default)]
pub(crate) struct CoverageQuery;

#[Object]
impl CoverageQuery {
    /// Every win by every channel: used, gone stale, in breach, or wasted.
    async fn coverage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which wins and channels; null: all.")] filter: Option<CoverageFilter>,
    ) -> GqlResult<Coverage> {
        let filter = filter.unwrap_or_default();
        let name = format!("{filter:?}");
        let scope = filter.scope(ctx.cx()).await.or_fail()?;
        Ok(Coverage { scope, name })
    }

    /// The endorsements that suit a place best now, and why: by how well known the outlet is, how fresh they are,
    /// how well they fit what is asked, and what they brought in. Only what may be shown there, and no more than
    /// the place shows at a time.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is an argument of the field"
    )]
    async fn best_proof(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where: the channel's id or slug.")] channel: ID,
        #[graphql(desc = "Beside which product, by id or SKU; null: none.")] product: Option<ID>,
        #[graphql(desc = "In which market; null: the channel's.")] market: Option<CountryCode>,
        #[graphql(desc = "In which language; null: the channel's.")] locale: Option<Locale>,
        #[graphql(desc = "For whom, by id or slug; null: whoever comes.")] audience: Option<
            Vec<ID>,
        >,
        #[graphql(desc = "How many, 1 to 100; null: 5.")] first: Option<i32>,
        #[graphql(desc = "As it will be at this instant; null: now.")] at: Option<DateTime>,
    ) -> GqlResult<Vec<Proof>> {
        let request = ProofRequest {
            channel,
            product,
            market,
            locale,
            audience,
            first,
            at,
        };
        best_proof(ctx, request).await.or_fail()
    }

    /// Gaps, the worst first: wins that could be used in a channel, and are not. Pages go on as of the instant
    /// of the first.
    async fn waste(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which wins and channels; null: all.")] filter: Option<CoverageFilter>,
        #[graphql(desc = "How many, 1 to 100; null: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to go on from.")] after: Option<String>,
    ) -> GqlResult<Connection<Waste>> {
        waste(
            ctx,
            filter.unwrap_or_default(),
            PageArgs::forward(first, after),
        )
        .await
        .or_fail()
    }
}

async fn best_proof(ctx: &Context<'_>, request: ProofRequest) -> Result<Vec<Proof>> {
    let wanted = request.wanted(ctx.cx()).await?;
    let proofs = best(ctx.cx(), &wanted).await?;
    let ids: Vec<ContentId> = proofs.iter().map(|proof| proof.endorsement).collect();
    let found = Endorsement::find_all(ctx, &ids).await?;
    let seen = proofs.into_iter().filter_map(|proof| {
        let endorsement = found.iter().find(|e| e.content_id() == proof.endorsement)?;
        Some(Proof {
            endorsement: endorsement.clone(),
            score: proof.score,
            reasons: proof.reasons,
        })
    });
    Ok(seen.collect())
}

async fn waste(
    ctx: &Context<'_>,
    mut filter: CoverageFilter,
    args: PageArgs,
) -> Result<Connection<Waste>> {
    let name = format!("waste {filter:?}");
    let request = args.open(ctx.app(), &name, 4)?;
    let mut after = None;
    if let Some(
        [
            KeyPart::Int(at),
            KeyPart::Int(score),
            KeyPart::Id(endorsement),
            KeyPart::Id(channel),
        ],
    ) = request.after.as_deref()
    {
        // The list stays what it was on its first page: scores grow by the day.
        filter.at = Some(DateTime(Timestamp(*at)));
        after = Some((*score, ContentId(*endorsement), ChannelId(*channel)));
    }
    let scope = filter.scope(ctx.cx()).await?;
    let limit = request.limit as usize;
    let (mut gaps, total) = scope.waste(after, limit.saturating_add(1)).await?;
    let has_next = gaps.len() > limit;
    gaps.truncate(limit);
    let mut ids: Vec<ContentId> = gaps.iter().map(|gap| gap.endorsement).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = Endorsement::find_all(ctx, &ids).await?;
    let seen = gaps.into_iter().filter_map(|gap| {
        let endorsement = found.iter().find(|e| e.content_id() == gap.endorsement)?;
        Some(Waste {
            endorsement: endorsement.clone(),
            gap,
        })
    });
    let page = Page {
        items: seen.collect(),
        has_next,
        has_previous: after.is_some(),
    };
    let at = scope.survey.at.0;
    Ok(connection(
        ctx.app(),
        &name,
        page,
        Total::known(usize::try_from(total).unwrap_or(usize::MAX)),
        |waste| {
            vec![
                KeyPart::Int(at),
                KeyPart::Int(waste.gap.score),
                KeyPart::Id(waste.gap.endorsement.0),
                KeyPart::Id(waste.gap.channel.0),
            ]
        },
        |waste| waste,
    ))
}

/// Which gap is waived, and why.
#[derive(InputObject)]
pub(crate) struct WaiveGapInput {
    /// The win.
    endorsement: ID,
    /// The channel, by id or slug; what lies under it is waived with it.
    channel: ID,
    /// Why it is not to be used there. Up to 10,000 characters.
    reason: String,
    /// Until when; null: for good. An instant that is past ends a waiver.
    until: Option<DateTime>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

impl WaiveGapInput {
    async fn resolve(self, cx: &OpContext) -> Result<NewWaiver> {
        cx.viewer.require(accounts::Scope::Write)?;
        let (kind, endorsement) = input_content(&self.endorsement, "endorsement")?;
        if kind != ContentKind::Endorsement {
            return Err(Error::not_found("endorsement"));
        }
        let tree = channels::tree(cx).await?;
        let mut problems = Problems::new();
        let channel = resolve::input_channel(&cx.viewer, &tree, &self.channel, "channel");
        let channel = problems.keep(channel)?;
        problems.check()?;
        Ok(NewWaiver {
            endorsement,
            channel: channel.ok_or_else(|| Error::not_found("channel"))?,
            reason: self.reason,
            until: self.until.map(|at| at.0),
        })
    }
}

payload! {
    /// What was waived.
    WaiveGapPayload {
        /// The cell as it is now.
        cell: Option<CoverageCell>
    }
}

/// Mutations of coverage.
#[derive(Default)]
pub(crate) struct CoverageMutation;

#[Object]
impl CoverageMutation {
    /// Decides not to use a win in a channel, with a reason and for a time: it is waste no longer. Once more
    /// changes that, and an end that is past takes it back. NOT_AVAILABLE where there is no gap.
    async fn waive_gap(
        &self,
        ctx: &Context<'_>,
        input: WaiveGapInput,
    ) -> GqlResult<WaiveGapPayload> {
        let key = client_mutation_id(&input);
        let done = async {
            let (endorsement, channel) = once(ctx, |cx| async move {
                let new = input.resolve(&cx).await?;
                waive(&cx, new).await
            })
            .await?;
            cell(ctx, endorsement, channel).await
        };
        respond(key, done.await, |cell, payload: &mut WaiveGapPayload| {
            payload.cell = cell;
        })
    }
}

/// One cell as it is now; none for one who does not see the endorsement any more.
async fn cell(
    ctx: &Context<'_>,
    endorsement: ContentId,
    channel: ChannelId,
) -> Result<Option<CoverageCell>> {
    if Endorsement::find(ctx, endorsement).await?.is_none() {
        return Ok(None);
    }
    let scope = CoverageFilter::default().scope(ctx.cx()).await?;
    let told = scope.told(&[endorsement]).await?.pop();
    let cells = told.into_iter().flat_map(|(_, cells)| cells);
    let Some(told) = { cells }.find(|cell| cell.channel == channel) else {
        return Ok(None);
    };
    let keys = told.placements.iter().copied().map(PlacementKey);
    let found = ctx.loader().load_many(keys).await?;
    let placements = told.placements.iter();
    let placements = placements.filter_map(|id| found.get(&PlacementKey(*id)).cloned());
    Ok(Some(CoverageCell {
        placements: placements.map(Placement).collect(),
        told,
    }))
}
