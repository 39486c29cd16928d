//! What is to come, in GraphQL: rights that end, and what other rules would change.

use async_graphql::{Context, ID, Object};

use super::CoverageFilter;
use crate::accounts::OpContext;
use crate::channels::graphql::ChannelRuleInput;
use crate::channels::{self, check_rules, resolve};
use crate::contents::graphql::Content;
use crate::coverage::ending::Ending;
use crate::coverage::filter;
use crate::coverage::impact::{Impact, impact};
use crate::error::{Error, Problems, Result};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::DateTime;
use crate::placements::PlacementKey;
use crate::placements::graphql::Placement;
use crate::platform::ids::{ContentId, PlacementId};
use crate::rights::graphql::Lease;

/// Most days that rights are looked ahead.
const MAX_DAYS: i32 = 3_650;

/// A right that ends: a lease of a content, or the content itself.
pub(crate) struct RightsEnding {
    ending: Ending,
    content: Content,
    replacements: Vec<Content>,
}

#[Object]
impl RightsEnding {
    /// The lease that ends; null: the content expires.
    async fn lease(&self, ctx: &Context<'_>) -> GqlResult<Option<Lease>> {
        match self.ending.lease {
            Some(id) => Lease::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// When it ends.
    async fn ends_at(&self) -> DateTime {
        DateTime(self.ending.ends_at)
    }

    /// What may be shown less then.
    async fn content(&self) -> &Content {
        &self.content
    }

    /// What is live because of it: where it, or an asset that is shown for it, may be now and may be no more from
    /// that instant on. The newest 50.
    async fn placements(&self, ctx: &Context<'_>) -> GqlResult<Vec<Placement>> {
        load_placements(ctx, &self.ending.placements)
            .await
            .or_fail()
    }

    /// How many those are.
    async fn placement_count(&self) -> i32 {
        i32::try_from(self.ending.placed).unwrap_or(i32::MAX)
    }

    /// What could take their place: of the same kind and brand, may be shown in the same channel for the same
    /// product now, and still may then. The best first, at most 5.
    async fn replacements(&self) -> &[Content] {
        &self.replacements
    }
}

/// What other rules would change in a channel and in all under it, without a product. Nothing is saved.
pub(crate) struct RuleImpact {
    impact: Impact,
    blocked: Vec<Content>,
    available: Vec<Content>,
}

fn count(total: i64) -> i32 {
    i32::try_from(total).unwrap_or(i32::MAX)
}

#[Object]
impl RuleImpact {
    /// What may be shown there now and could be no more, somewhere in it. The newest 250.
    async fn newly_blocked(&self) -> &[Content] {
        &self.blocked
    }

    /// How many those are.
    async fn newly_blocked_count(&self) -> i32 {
        count(self.impact.blocked.total)
    }

    /// What may not be shown there now and could be, somewhere in it. The newest 250.
    async fn newly_available(&self) -> &[Content] {
        &self.available
    }

    /// How many those are.
    async fn newly_available_count(&self) -> i32 {
        count(self.impact.available.total)
    }

    /// What is live there and may be, and would be in breach. The newest 250 as their contents go.
    async fn placements_in_breach(&self, ctx: &Context<'_>) -> GqlResult<Vec<Placement>> {
        let ids = &self.impact.in_breach.ids;
        load_placements(ctx, ids).await.or_fail()
    }

    /// How many those are.
    async fn placements_in_breach_count(&self) -> i32 {
        count(self.impact.in_breach.total)
    }
}

async fn load_placements(ctx: &Context<'_>, ids: &[PlacementId]) -> Result<Vec<Placement>> {
    let keys = ids.iter().copied().map(PlacementKey);
    let found = ctx.loader().load_many(keys).await?;
    let seen = ids.iter().filter_map(|id| found.get(&PlacementKey(*id)));
    Ok(seen.cloned().map(Placement).collect())
}

/// Questions about what is to come.
#[derive(Default)]
pub(crate) struct AheadQuery;

#[Object]
impl AheadQuery {
    /// Rights that end soon, the soonest first, at most 250: leases of contents, and contents that expire. A lease
    /// that others continue is left out, unless something that is live depends on it. The filter's wins with
    /// their assets; without outlets, who won it, and states, other assets of the brand and products too.
    async fn rights_ending(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far to look ahead: 0 to 3,650 days.")] within_days: i32,
        #[graphql(desc = "Which contents and channels; null: all.")] filter: Option<CoverageFilter>,
    ) -> GqlResult<Vec<RightsEnding>> {
        let wants = ctx.look_ahead().field("replacements").exists();
        rights_ending(ctx, within_days, filter.unwrap_or_default().into(), wants)
            .await
            .or_fail()
    }

    /// What it would change if a channel had these rules of its own instead of those that it has; what it inherits
    /// stays. A dry run: nothing is saved.
    async fn rule_impact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel, by its id or slug; all under it is looked at, too.")]
        channel: ID,
        #[graphql(desc = "Its own rules, the whole list, at most 250.")] rules: Vec<
            ChannelRuleInput,
        >,
    ) -> GqlResult<RuleImpact> {
        rule_impact(ctx, &channel, rules).await.or_fail()
    }
}

async fn rights_ending(
    ctx: &Context<'_>,
    days: i32,
    filter: filter::Filter,
    with_replacements: bool,
) -> Result<Vec<RightsEnding>> {
    if !(0..=MAX_DAYS).contains(&days) {
        let text = format!("`withinDays` must be between 0 and {MAX_DAYS}.");
        return Err(Error::BadRequest(text));
    }
    let cx: &OpContext = ctx.cx();
    let scope = filter.scope(cx).await?;
    let wanted = filter.wanted(cx, &scope.survey.condition).await?;
    let endings = scope
        .endings(cx, &wanted, days.into(), with_replacements)
        .await?;
    let ids = endings.iter().map(|ending| ending.content);
    let contents = find(ctx, ids).await?;
    let ids = endings
        .iter()
        .flat_map(|ending| ending.replacements.clone());
    let replacements = find(ctx, ids).await?;
    let told = endings.into_iter().filter_map(|ending| {
        let by_id = |id: &ContentId| replacements.iter().find(|(other, _)| other == id);
        let (_, content) = contents.iter().find(|(id, _)| *id == ending.content)?;
        let replacements = ending.replacements.iter().filter_map(by_id);
        Some(RightsEnding {
            content: content.clone(),
            replacements: replacements.map(|(_, content)| content.clone()).collect(),
            ending,
        })
    });
    Ok(told.collect())
}

/// The contents with these ids that the viewer sees, each once.
async fn find(
    ctx: &Context<'_>,
    ids: impl Iterator<Item = ContentId>,
) -> Result<Vec<(ContentId, Content)>> {
    let ids: std::collections::BTreeSet<ContentId> = ids.collect();
    let ids: Vec<ContentId> = ids.into_iter().collect();
    let found = Content::find_many(ctx, &ids).await?;
    let seen = ids.into_iter().zip(found);
    Ok(seen
        .filter_map(|(id, content)| Some((id, content?)))
        .collect())
}

async fn rule_impact(
    ctx: &Context<'_>,
    channel: &ID,
    rules: Vec<ChannelRuleInput>,
) -> Result<RuleImpact> {
    let cx = ctx.cx();
    let tree = channels::tree(cx).await?;
    let channel = resolve::argument_channel(&cx.viewer, &tree, channel)?;
    let mut problems = Problems::new();
    let rules = rules.into_iter().map(ChannelRuleInput::into_rule).collect();
    let rules = check_rules(&mut problems, rules);
    problems.check().map_err(in_argument)?;
    let impact = impact(cx, channel.id, rules).await?;
    let contents = async |ids: &[ContentId]| -> Result<Vec<Content>> {
        let found = Content::find_many(ctx, ids).await?;
        Ok(found.into_iter().flatten().collect())
    };
    Ok(RuleImpact {
        blocked: contents(&impact.blocked.ids).await?,
        available: contents(&impact.available.ids).await?,
        impact,
    })
}

/// What is wrong with a mutation's input, as it is told of a query's argument.
fn in_argument(error: Error) -> Error {
    let Error::User(errors) = error else {
        return error;
    };
    let texts = errors.iter().map(|error| {
        let path = error.field.get(1..).unwrap_or_default().join(".");
        format!("`{path}`: {}", error.message)
    });
    Error::BadRequest(texts.collect::<Vec<_>>().join(" "))
}
