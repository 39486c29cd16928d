//! Queries on usage: roll-ups are read, events are only written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::model::{Totals, UsageKind};
use super::record::At;
use crate::accounts::Viewer;
use crate::contents::service::brand_condition;
use crate::error::Result;
use crate::placements::{seen_by_beacon, visible};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, fetch, run};
use crate::platform::ids::{ChannelId, ContentId, PlacementId};
use crate::platform::names::named;
use crate::rights::is_live;

/// The first and the last day that count.
pub(crate) type Days = (Day, Day);

#[derive(FromQueryResult)]
struct CountRow {
    owner_id: Uuid,
    kind: String,
    amount: i64,
}

#[derive(FromQueryResult)]
struct RevenueRow {
    owner_id: Uuid,
    currency: String,
    minor: i64,
}

/// The totals of contents: of their placements, and for an endorsement of those of its assets.
pub(crate) async fn of_contents(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[ContentId],
    days: Option<Days>,
) -> Result<HashMap<Uuid, Totals>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // UNION, not UNION ALL: each placement once, however it comes in.
    let owned = Sql::new(
        "SELECT p.content_id AS owner_id, p.id AS placement_id
         FROM placements p JOIN contents c ON c.id = p.content_id WHERE p.content_id IN ",
    )
    .list(ids.iter().copied())
    .push(" AND ")
    .append(visible(viewer))
    .push(
        " UNION SELECT a.endorsement_id, p.id FROM endorsement_assets a
          JOIN placements p ON p.content_id = a.asset_id JOIN contents c ON c.id = p.content_id
          WHERE a.endorsement_id IN ",
    )
    .list(ids.iter().copied())
    .push(" AND ")
    .append(visible(viewer));
    totals(db, owned, days).await
}

/// The totals of placements.
pub(super) async fn of_placements(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[PlacementId],
    days: Option<Days>,
) -> Result<HashMap<Uuid, Totals>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let owned = Sql::new(
        "SELECT p.id AS owner_id, p.id AS placement_id
         FROM placements p JOIN contents c ON c.id = p.content_id WHERE p.id IN ",
    )
    .list(ids.iter().copied())
    .push(" AND ")
    .append(visible(viewer));
    totals(db, owned, days).await
}

/// Sums the roll-ups of `owned` (`owner_id`, `placement_id`) by owner. Two statements.
async fn totals(
    db: &impl ConnectionTrait,
    owned: Sql,
    days: Option<Days>,
) -> Result<HashMap<Uuid, Totals>> {
    let range = |sql: Sql| match days {
        Some((from, to)) => sql
            .push(" WHERE d.day BETWEEN ")
            .bind(from)
            .push(" AND ")
            .bind(to),
        None => sql,
    };
    let counts =
        Sql::new("SELECT o.owner_id, d.kind, CAST(sum(d.amount) AS bigint) AS amount FROM (")
            .append(owned.clone())
            .push(") o JOIN usage_days d ON d.placement_id = o.placement_id");
    let counts: Vec<CountRow> =
        fetch(db, range(counts).push(" GROUP BY o.owner_id, d.kind")).await?;
    let revenue =
        Sql::new("SELECT o.owner_id, d.currency, CAST(sum(d.minor) AS bigint) AS minor FROM (")
            .append(owned)
            .push(") o JOIN usage_revenue_days d ON d.placement_id = o.placement_id");
    let revenue: Vec<RevenueRow> =
        fetch(db, range(revenue).push(" GROUP BY o.owner_id, d.currency")).await?;
    let mut totals: HashMap<Uuid, Totals> = HashMap::new();
    for row in counts {
        totals
            .entry(row.owner_id)
            .or_default()
            .counts
            .insert(named(&row.kind)?, row.amount);
    }
    for row in revenue {
        totals
            .entry(row.owner_id)
            .or_default()
            .revenue
            .insert(row.currency, row.minor);
    }
    Ok(totals)
}

#[derive(FromQueryResult)]
struct Known {
    id: PlacementId,
}

/// Those of the placements that the viewer reaches.
pub(super) async fn reachable(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[PlacementId],
) -> Result<Vec<PlacementId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = Sql::new(
        "SELECT p.id FROM placements p JOIN contents c ON c.id = p.content_id WHERE p.id IN ",
    )
    .list(ids.iter().copied())
    .push(" AND ")
    .append(visible(viewer));
    let rows: Vec<Known> = fetch(db, sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(FromQueryResult)]
struct LiveRow {
    id: PlacementId,
    content_id: ContentId,
    channel_id: ChannelId,
}

/// The newest live placement of each of the contents in each of the channels, as far as there is one.
pub(super) async fn newest_live(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    contents: &[ContentId],
    channels: &[ChannelId],
    at: Timestamp,
) -> Result<HashMap<(ContentId, ChannelId), PlacementId>> {
    if contents.is_empty() || channels.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = Sql::new(
        "SELECT q.id, q.content_id, q.channel_id FROM (
         SELECT p.id, p.content_id, p.channel_id,
           row_number() OVER (PARTITION BY p.content_id, p.channel_id ORDER BY p.id DESC) AS place
         FROM placements p JOIN contents c ON c.id = p.content_id
         WHERE ",
    )
    .append(is_live("p", at))
    .push(" AND p.content_id IN ")
    .list(contents.iter().copied())
    .push(" AND p.channel_id IN ")
    .list(channels.iter().copied())
    .push(" AND ")
    .append(brand_condition(viewer, "c.brand_id"))
    .push(") q WHERE q.place = 1");
    let rows: Vec<LiveRow> = fetch(db, sql).await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.content_id, row.channel_id), row.id))
        .collect())
}

#[derive(FromQueryResult)]
struct SeenRow {
    id: ContentId,
}

/// Those of the contents that the viewer sees.
pub(super) async fn seen(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    contents: impl Iterator<Item = ContentId>,
) -> Result<HashSet<ContentId>> {
    let contents: HashSet<ContentId> = contents.collect();
    if contents.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = Sql::new("SELECT c.id FROM contents c WHERE c.id IN ")
        .list(contents)
        .push(" AND ")
        .append(brand_condition(viewer, "c.brand_id"));
    let rows: Vec<SeenRow> = fetch(db, sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// An event as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Whose id it is: the caller's key, or for a page that of what it shows.
    pub source: Arc<str>,
    pub id: String,
    pub place: At,
    pub kind: UsageKind,
    pub at: Timestamp,
    pub amount: i64,
    /// Minor units and currency.
    pub value: Option<(i64, String)>,
}

impl Event {
    /// What makes it one event, however often it is sent.
    pub(super) fn key(&self) -> (String, String) {
        (self.source.to_string(), self.id.clone())
    }
}

#[derive(FromQueryResult)]
struct KeyRow {
    source: String,
    event_id: String,
}

fn keys_of(rows: Vec<KeyRow>) -> HashSet<(String, String)> {
    { rows.into_iter() }
        .map(|row| (row.source, row.event_id))
        .collect()
}

/// Those of the events that have come before, as far as that is known: a call at the same time may be sending
/// others.
pub(super) async fn known(tx: &Tx, events: &[Event]) -> Result<HashSet<(String, String)>> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let keys = events.iter().map(|event| {
        Sql::new("(")
            .bind(&*event.source)
            .push(", ")
            .bind(&*event.id)
            .push(")")
    });
    let sql =
        Sql::new("SELECT source, event_id FROM usage_events WHERE (source, event_id) IN (VALUES ")
            .append(Sql::commas(keys))
            .push(")");
    Ok(keys_of(fetch(&**tx, sql).await?))
}

/// Inserts the events that have not come before and adds them to the roll-ups; which those were. `events` are
/// sorted by their keys, each once: instances that take the same locks take them in one order.
pub(super) async fn add(
    tx: &Tx,
    events: &[(PlacementId, &Event)],
) -> Result<HashSet<(String, String)>> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let columns = [
        "source",
        "event_id",
        "placement_id",
        "kind",
        "at",
        "received_at",
        "amount",
        "value_minor",
        "currency",
    ];
    let rows = events.iter().map(|(placement, event)| {
        vec![
            (*event.source).into(),
            event.id.as_str().into(),
            (*placement).into(),
            event.kind.name().into(),
            event.at.into(),
            tx.op.at.into(),
            event.amount.into(),
            event.value.as_ref().map(|(minor, _)| *minor).into(),
            event
                .value
                .as_ref()
                .map(|(_, currency)| currency.clone())
                .into(),
        ]
    });
    let insert = Sql::insert_all("usage_events", &columns, rows)
        .push(" ON CONFLICT DO NOTHING RETURNING source, event_id");
    let inserted = keys_of(fetch(&**tx, insert).await?);
    let new: Vec<(PlacementId, &Event)> = { events.iter().copied() }
        .filter(|(_, event)| inserted.contains(&event.key()))
        .collect();
    add_counts(tx, &new).await?;
    let shown = new.iter().filter(|(_, e)| e.kind == UsageKind::Impression);
    seen_by_beacon(tx, shown.map(|(placement, event)| (*placement, event.at))).await?;
    add_revenue(tx, &new).await?;
    Ok(inserted)
}

async fn add_counts(tx: &Tx, events: &[(PlacementId, &Event)]) -> Result<()> {
    let mut sums: BTreeMap<(PlacementId, Day, &str), i64> = BTreeMap::new();
    for (placement, event) in events {
        *sums
            .entry((*placement, event.at.day(), event.kind.name()))
            .or_default() += event.amount;
    }
    if sums.is_empty() {
        return Ok(());
    }
    let rows = sums.into_iter().map(|((placement, day, kind), amount)| {
        vec![placement.into(), day.into(), kind.into(), amount.into()]
    });
    let sql = Sql::insert_all("usage_days", &["placement_id", "day", "kind", "amount"], rows).push(
        " ON CONFLICT (placement_id, day, kind) DO UPDATE SET amount = usage_days.amount + excluded.amount",
    );
    run(&**tx, sql).await?;
    Ok(())
}

async fn add_revenue(tx: &Tx, events: &[(PlacementId, &Event)]) -> Result<()> {
    let mut sums: BTreeMap<(PlacementId, Day, &str), i64> = BTreeMap::new();
    for (placement, event) in events {
        if let Some((minor, currency)) = &event.value {
            *sums
                .entry((*placement, event.at.day(), currency.as_str()))
                .or_default() += *minor;
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let rows = sums.into_iter().map(|((placement, day, currency), minor)| {
        vec![placement.into(), day.into(), currency.into(), minor.into()]
    });
    let sql = Sql::insert_all(
        "usage_revenue_days",
        &["placement_id", "day", "currency", "minor"],
        rows,
    )
    .push(
        " ON CONFLICT (placement_id, day, currency)
              DO UPDATE SET minor = usage_revenue_days.minor + excluded.minor",
    );
    run(&**tx, sql).await?;
    Ok(())
}
