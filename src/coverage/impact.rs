//! What other rules of a channel would change: the gate asked twice, with the rules that are and with those that
//! may come. Nothing is saved.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::FromQueryResult;

use super::load::live_in;
use super::model::Placed;
use crate::accounts::OpContext;
use crate::channels::{self, Channel, Rule, Tree};
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{ChannelId, ContentId, PlacementId};
use crate::rights::gate::{Ask, Facts, decide, rules_differ};
use crate::rights::is_live;

/// Contents whose ids are read at a time: to find them all is little more work than to find the first.
const STRIDE: usize = 20_000;
/// Contents that are read and decided at a time.
const PAGE: usize = 500;
/// Most that are told of each; all are counted.
const TOLD: usize = 250;

/// Some of them, the newest first, and how many there are.
#[derive(Clone, Debug)]
pub(super) struct Told<T> {
    pub ids: Vec<T>,
    pub total: i64,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            total: 0,
        }
    }
}

impl<T> Told<T> {
    fn add(&mut self, ids: Vec<T>) {
        self.total += i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let room = TOLD.saturating_sub(self.ids.len());
        self.ids.extend(ids.into_iter().take(room));
    }
}

/// What rules change in a channel and in all under it.
#[derive(Clone, Debug, Default)]
pub(super) struct Impact {
    pub blocked: Told<ContentId>,
    pub available: Told<ContentId>,
    pub in_breach: Told<PlacementId>,
}

/// The question in a place as it is, and as it would be.
struct Place {
    before: Ask,
    after: Ask,
}

#[derive(FromQueryResult)]
struct Stamped {
    id: ContentId,
    stamp: i64,
}

/// What it would change if these were a channel's own rules; those that it inherits stay.
pub(super) async fn impact(cx: &OpContext, channel: ChannelId, rules: Vec<Rule>) -> Result<Impact> {
    let tree = channels::tree(cx).await?;
    let (places, tagged) = places(&tree, channel, rules, cx);
    let places = Arc::new(places);
    // What is tagged neither there nor above goes out there under no rules. What is placed may be another version
    // than the one that the rules are asked about in SQL.
    let mut touched: Vec<Sql> = vec![placed_otherwise(places.keys().copied(), cx.at())];
    let differ = places.values();
    touched.extend(differ.map(|place| rules_differ(&place.before, &place.after, "c")));
    let condition = Sql::all([
        brand_condition(&cx.viewer, "c.brand_id"),
        Sql::new("c.trashed_at IS NULL AND c.archived_at IS NULL AND c.withdrawn_at IS NULL"),
        Sql::new("c.id IN (SELECT t.content_id FROM content_channels t WHERE t.channel_id IN ")
            .list(tagged)
            .push(")"),
        Sql::any(touched),
    ]);
    let db = cx.app.db.read();
    let mut impact = Impact::default();
    let mut last: Option<ContentId> = None;
    loop {
        let mut sql =
            Sql::new("SELECT c.id, c.stamp FROM contents c WHERE ").append(condition.clone());
        if let Some(last) = last {
            sql = sql.push(" AND c.id < ").bind(last);
        }
        let sql = sql
            .push(" ORDER BY c.id DESC LIMIT ")
            .bind(i64::try_from(STRIDE).unwrap_or(i64::MAX));
        let found: Vec<Stamped> = fetch(db, sql).await?;
        for page in found.chunks(PAGE) {
            let rows = page.iter().map(|row| (row.id, row.stamp));
            let facts = cx.app.facts.of(db, rows).await?;
            let ids: Vec<ContentId> = page.iter().map(|row| row.id).collect();
            let here = places.keys().copied();
            let live = live_in(db, &ids, here, cx.at(), &facts).await?;
            let places = Arc::clone(&places);
            // Thousands of questions to the gate are no work for a thread that serves.
            let judging = tokio::task::spawn_blocking(move || judge(&ids, &facts, &live, &places));
            let changed = judging.await.map_err(Error::internal)?;
            impact.blocked.add(changed.blocked);
            impact.available.add(changed.available);
            impact.in_breach.add(changed.in_breach);
        }
        if found.len() < STRIDE {
            return Ok(impact);
        }
        last = found.last().map(|row| row.id);
    }
}

/// Contents `c` that are live in one of these channels with another version than the current one.
fn placed_otherwise(channels: impl Iterator<Item = ChannelId>, at: Timestamp) -> Sql {
    Sql::new("EXISTS (SELECT 1 FROM placements p WHERE p.content_id = c.id AND ")
        .append(is_live("p", at))
        .push(" AND p.channel_id IN ")
        .list(channels)
        .push(
            " AND p.version_id IS DISTINCT FROM (SELECT v.id FROM versions v
              WHERE v.content_id = c.id AND v.state = 'APPROVED' ORDER BY v.number DESC LIMIT 1))",
        )
}

/// The places that the rules hold for, and the channels that what goes out there may be tagged to.
fn places(
    tree: &Tree,
    channel: ChannelId,
    rules: Vec<Rule>,
    cx: &OpContext,
) -> (HashMap<ChannelId, Place>, BTreeSet<ChannelId>) {
    let changed = |old: &Arc<Channel>| {
        let mut new = (**old).clone();
        if new.id == channel {
            new.rules.clone_from(&rules);
        }
        new
    };
    let after = Tree::new(tree.revision, tree.all().iter().map(changed).collect());
    let mut tagged = BTreeSet::new();
    let mut places = HashMap::new();
    for here in tree.all() {
        let chain = tree.chain(here.id);
        if !chain.iter().any(|above| above.id == channel) {
            continue;
        }
        tagged.extend(chain.iter().map(|above| above.id));
        if let Some(there) = after.get(here.id) {
            let place = Place {
                before: Ask::new(tree, &here, cx.at()),
                after: Ask::new(&after, there, cx.at()),
            };
            places.insert(here.id, place);
        }
    }
    (places, tagged)
}

#[derive(Default)]
struct Changed {
    blocked: Vec<ContentId>,
    available: Vec<ContentId>,
    in_breach: Vec<PlacementId>,
}

fn judge(
    ids: &[ContentId],
    facts: &HashMap<ContentId, Arc<Facts>>,
    live: &HashMap<ContentId, Vec<Placed>>,
    places: &HashMap<ChannelId, Place>,
) -> Changed {
    let mut changed = Changed::default();
    for id in ids {
        let Some(facts) = facts.get(id) else {
            continue;
        };
        let (mut blocked, mut available) = (false, false);
        for place in places.values() {
            let before = decide(facts, &place.before).is_available();
            let after = decide(facts, &place.after).is_available();
            blocked |= before && !after;
            available |= !before && after;
        }
        changed.blocked.extend(blocked.then_some(*id));
        changed.available.extend(available.then_some(*id));
        for placed in live.get(id).into_iter().flatten() {
            let Some(place) = places.get(&placed.channel) else {
                continue;
            };
            let open = |ask: &Ask| {
                let ask = ask.clone().for_product(placed.product);
                decide(&placed.facts, &ask).is_available()
            };
            if open(&place.before) && !open(&place.after) {
                changed.in_breach.push(placed.id);
            }
        }
    }
    changed
}
