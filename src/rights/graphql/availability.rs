//! The gate's answer.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::lease::{Lease, LeaseTerms};
use crate::channels::resolve::argument_channel;
use crate::channels::{self, RuleCheck, Severity};
use crate::contents::Version;
use crate::contents::graphql::Content;
use crate::error::{Error, Result};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{DateTime, Url};
use crate::platform::ids::ContentId;
use crate::rights::gate::{self, Ask, HoldReason};
use crate::rights::loaders::FactsKey;

/// The one answer to "may this go out here, now?".
pub(crate) struct Availability {
    available: bool,
    answer: gate::Availability,
}

/// How long an answer is good for one who is not told all that it hangs on.
const HOUR_MS: i64 = 3_600_000;

/// The gate's answer for a content that the viewer has been shown.
pub(crate) async fn answer(
    ctx: &Context<'_>,
    content: ContentId,
    ask: &Ask,
) -> GqlResult<Availability> {
    let facts = ctx.loader().load_one(FactsKey(content)).await.or_fail()?;
    let facts = facts
        .ok_or_else(|| Error::internal("a content is missing"))
        .or_fail()?;
    let mut answer = gate::decide(&facts, ask);
    let available = answer.is_available();
    if ctx.viewer().is_public() {
        answer = without_endorsements(answer, &facts, ask);
    }
    Ok(Availability { available, answer })
}

/// What the rules of a place find against a version that the viewer has been shown. A channel that it does not
/// reach, or a preset that the place does not have, is NOT_FOUND.
pub(crate) async fn checks(
    ctx: &Context<'_>,
    version: &Version,
    channel: &ID,
    preset: Option<&str>,
) -> Result<Vec<RuleFinding>> {
    let cx = ctx.cx();
    let tree = channels::tree(cx).await?;
    let channel = argument_channel(&cx.viewer, &tree, channel)?;
    let ask = if let Some(name) = preset {
        let preset = tree.preset(channel.id, name).ok_or(Error::NotFound)?;
        Ask::made_to(preset, &tree, &channel, cx.at())
    } else {
        Ask::new(&tree, &channel, cx.at())
    };
    let facts = ctx.loader().load_one(FactsKey(version.content)).await?;
    let facts = facts.ok_or_else(|| Error::internal("a content is missing"))?;
    let found = gate::check(&facts, version, &ask);
    Ok(found.into_iter().map(RuleFinding::from).collect())
}

/// What a public viewer is told of an attached asset: nothing of its endorsements, which it may not see.
/// Not why they are held, nor when that changes; only that the answer is good for an hour at most.
fn without_endorsements(
    mut answer: gate::Availability,
    facts: &gate::Facts,
    ask: &Ask,
) -> gate::Availability {
    if facts.attached.is_empty() {
        return answer;
    }
    let own = gate::decide(
        &gate::Facts {
            attached: Vec::new(),
            ..facts.clone()
        },
        ask,
    );
    let soon = ask.at.plus_ms(HOUR_MS);
    answer.until = Some(answer.until.map_or(soon, |until| until.min(soon)));
    answer.holds = own.holds;
    answer
}

#[Object]
impl Availability {
    /// Whether nothing holds it.
    async fn available(&self) -> bool {
        self.available
    }

    /// Every reason for which it may not go out.
    async fn holds(&self) -> Vec<Hold> {
        self.answer.holds.iter().cloned().map(Hold).collect()
    }

    /// What does not hold it, but should be seen to.
    async fn warnings(&self) -> Vec<Hold> {
        self.answer.warnings.iter().cloned().map(Hold).collect()
    }

    /// The terms it goes out on; null where no lease covers it.
    async fn terms(&self) -> Option<LeaseTerms> {
        self.answer.terms.clone().map(LeaseTerms::from)
    }

    /// When time alone can next change this answer; null: never.
    async fn until(&self) -> Option<DateTime> {
        self.answer.until.map(DateTime)
    }
}

/// One reason for which something is held, or a warning.
pub(crate) struct Hold(gate::Hold);

impl From<gate::Hold> for Hold {
    fn from(hold: gate::Hold) -> Self {
        Self(hold)
    }
}

#[Object]
impl Hold {
    /// The kind of reason.
    async fn reason(&self) -> HoldReason {
        self.0.reason
    }

    /// What is in the way and what to do, for people.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// Whose hold it is: an attached asset has its endorsements'.
    async fn content(&self, ctx: &Context<'_>) -> GqlResult<Content> {
        Content::get(ctx, self.0.content).await
    }

    /// The lease behind it, if one is.
    async fn lease(&self, ctx: &Context<'_>) -> GqlResult<Option<Lease>> {
        match self.0.lease {
            Some(id) => Lease::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// What the place's rules found, where it is their hold.
    async fn findings(&self) -> Vec<RuleFinding> {
        self.0
            .findings
            .iter()
            .cloned()
            .map(RuleFinding::from)
            .collect()
    }
}

/// What one rule of a place found.
#[derive(SimpleObject)]
pub(crate) struct RuleFinding {
    /// What was looked at.
    check: RuleCheck,
    /// Whether it holds or warns.
    severity: Severity,
    /// What the place demands, for people.
    message: String,
    /// What would have fitted.
    expected: Option<String>,
    /// What is there; null where nothing was measured.
    actual: Option<String>,
    /// Where the place says so.
    source: Option<Url>,
}

impl From<gate::Finding> for RuleFinding {
    fn from(finding: gate::Finding) -> Self {
        Self {
            check: finding.check,
            severity: finding.severity,
            message: finding.message,
            expected: finding.expected,
            actual: finding.actual,
            source: finding.source.map(Url),
        }
    }
}
