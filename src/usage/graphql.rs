//! Usage in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};

use super::loaders::{UsageKey, UsageOf};
use super::model::{self, UsageKind};
use super::record::{self, NewEvent, Recorded};
use super::store::Days;
use crate::accounts::Scope;
use crate::error::{Error, Problems, Result};
use crate::graphql::context::{Request, client_mutation_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::money::{Money, MoneyInput};
use crate::graphql::scalars::{Date, DateTime, Int64};

/// A stretch of days; both ends are in it.
#[derive(InputObject, Clone, Copy, Debug)]
pub(crate) struct DateRange {
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
}

impl DateRange {
    /// The first and the last day; BAD_REQUEST unless they are in this order.
    pub(crate) fn days(self) -> Result<Days> {
        let (from, to) = (self.from.0, self.to.0);
        if from <= to {
            return Ok((from, to));
        }
        Err(Error::BadRequest(
            "The range's `from` must not lie after its `to`.".to_owned(),
        ))
    }
}

/// How much was counted, by kind, and what it brought in.
pub(crate) struct UsageTotals(Arc<model::Totals>);

impl UsageTotals {
    /// The totals of something that the viewer sees.
    pub(crate) async fn load(
        ctx: &Context<'_>,
        of: UsageOf,
        range: Option<DateRange>,
    ) -> GqlResult<Self> {
        let days = range.map(DateRange::days).transpose().or_fail()?;
        let totals = ctx
            .loader()
            .load_one(UsageKey { of, days })
            .await
            .or_fail()?;
        Ok(Self(totals.unwrap_or_default()))
    }

    fn count(&self, kind: UsageKind) -> Int64 {
        Int64(self.0.count(kind))
    }
}

#[Object]
impl UsageTotals {
    /// How often it was shown.
    async fn impressions(&self) -> Int64 {
        self.count(UsageKind::Impression)
    }

    /// How often someone followed it.
    async fn clicks(&self) -> Int64 {
        self.count(UsageKind::Click)
    }

    /// How often someone played, opened or turned it.
    async fn interactions(&self) -> Int64 {
        self.count(UsageKind::Interaction)
    }

    /// How often a file of it was taken along.
    async fn downloads(&self) -> Int64 {
        self.count(UsageKind::Download)
    }

    /// How often it was looked at through a shared link.
    async fn share_views(&self) -> Int64 {
        self.count(UsageKind::ShareView)
    }

    /// How often someone asked about the product.
    async fn inquiries(&self) -> Int64 {
        self.count(UsageKind::Inquiry)
    }

    /// How often someone asked who may well buy.
    async fn qualified_inquiries(&self) -> Int64 {
        self.count(UsageKind::QualifiedInquiry)
    }

    /// How often someone bought.
    async fn orders(&self) -> Int64 {
        self.count(UsageKind::Order)
    }

    /// What the orders brought in, one amount for each currency, in the order of their codes.
    async fn revenue(&self) -> GqlResult<Vec<Money>> {
        let amounts = self
            .0
            .revenue
            .iter()
            .map(|(code, minor)| Money::of(*minor, code));
        amounts.collect::<Result<_>>().or_fail()
    }

    /// Clicks per impression, from 0; null without impressions.
    async fn click_rate(&self) -> Option<f64> {
        self.0.click_rate()
    }
}

/// Something that was counted at a placement: named by its beaconKey, or by its content and channel.
#[derive(InputObject, Clone, Debug)]
pub(crate) struct UsageEventInput {
    /// The sender's own, 1 to 64 characters: an event counts once for each sender and id, for 90 days.
    id: ID,
    /// What was counted.
    kind: UsageKind,
    /// When: at most 90 days back and 1 day ahead; now, unless given.
    at: Option<DateTime>,
    /// The placement's key, as the page has it.
    beacon_key: Option<String>,
    /// What was shown, with `channel`: then the newest live placement of it there is meant.
    content: Option<ID>,
    /// Where it was shown, by its id or slug.
    channel: Option<ID>,
    /// What an ORDER brought in, all of the event together.
    value: Option<MoneyInput>,
    /// How many of the kind this event stands for: 1 to 1,000,000; 1 unless given.
    count: Option<i32>,
}

impl UsageEventInput {
    fn parse(self, i: usize) -> Result<NewEvent> {
        let value = self
            .value
            .map(|v| v.to_minor(&format!("events.{i}.value")))
            .transpose()?;
        Ok(NewEvent {
            id: self.id.0,
            kind: self.kind,
            at: self.at.map(|at| at.0),
            beacon_key: self.beacon_key,
            content: self.content,
            channel: self.channel,
            value,
            count: self.count,
        })
    }
}

/// What was counted.
#[derive(InputObject)]
pub(crate) struct RecordUsageInput {
    /// At most 500 events.
    events: Vec<UsageEventInput>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

fn parse_events(events: Vec<UsageEventInput>) -> Result<Vec<NewEvent>> {
    record::check_len(events.len())?;
    let mut problems = Problems::new();
    let mut parsed = Vec::with_capacity(events.len());
    for (i, event) in events.into_iter().enumerate() {
        parsed.extend(problems.keep(event.parse(i))?);
    }
    problems.check()?;
    Ok(parsed)
}

payload! {
    /// How many of the events were new.
    RecordUsagePayload {
        /// Events that count from now on.
        accepted: i32,
        /// Events that had come before, in this call or another, and were not counted again.
        duplicates: i32,
    }
}

/// Mutations of usage.
#[derive(Default)]
pub(crate) struct UsageMutation;

#[Object]
impl UsageMutation {
    /// Records what was counted where content is shown: all the events of a call, or none. What is
    /// acknowledged is counted once, however often it is sent.
    async fn record_usage(
        &self,
        ctx: &Context<'_>,
        input: RecordUsageInput,
    ) -> GqlResult<RecordUsagePayload> {
        let key = client_mutation_id(&input);
        let done = async {
            once(ctx, |cx| async move {
                cx.viewer.require(Scope::UsageWrite)?;
                record::record_usage(&cx, parse_events(input.events)?).await
            })
            .await
        };
        respond(
            key,
            done.await,
            |recorded: Recorded, payload: &mut RecordUsagePayload| {
                payload.accepted = recorded.accepted;
                payload.duplicates = recorded.duplicates;
            },
        )
    }
}
