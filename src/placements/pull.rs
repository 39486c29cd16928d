//! Pages that pull: a page asks what it may show, shows it, and says so with its first impression. That opens
//! the placement, and those after it keep it alive (docs/decisions/0024).
//!
//! The key names the version that the page was given. So the placement follows what pages show: with the first
//! impression of a newer version it is that version's, and as long as none comes, it is stale.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{Placement, PlacementStatus};
use super::store::{ROW, row_of};
use crate::accounts::Viewer;
use crate::app::App;
use crate::contents::service::brand_condition;
use crate::contents::{ContentKind, public_id};
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, for_update, insert_many, run};
use crate::platform::ids::{BrandId, ChannelId, ContentId, PlacementId, ProductId, VersionId};
use crate::platform::ledger::{Audit, Event};
use crate::platform::names::named;

const PURPOSE: &str = "pull";
/// How long a placement that a page has opened is live after its last impression, in days.
const ALIVE_DAYS: i64 = 14;
/// Where in the channel such a placement is, for people.
const LOCATION: &str = "Pages that pull";

/// What a page was given to show, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Pulled {
    #[serde(rename = "c")]
    pub content: ContentId,
    #[serde(rename = "h")]
    pub channel: ChannelId,
    #[serde(rename = "p")]
    pub product: Option<ProductId>,
    #[serde(rename = "v")]
    pub version: VersionId,
}

/// The key that a page sends with what it counts there.
pub(super) fn pull_key(app: &App, pulled: &Pulled) -> String {
    app.sealer.seal(PURPOSE, pulled)
}

/// What a key names; none for what is no key of ours.
pub(crate) fn open_pulled(app: &App, key: &str) -> Option<Pulled> {
    app.sealer.open(PURPOSE, key).ok()
}

/// What came with a key: the first and the last impression, if there were any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

impl Shown {
    /// Takes an impression in.
    pub(crate) fn at(&mut self, at: Timestamp) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }
}

/// Where something is pulled, whatever the version.
type Spot = (ContentId, ChannelId, Option<ProductId>);

impl Pulled {
    fn spot(&self) -> Spot {
        (self.content, self.channel, self.product)
    }
}

#[derive(FromQueryResult)]
struct OwnerRow {
    id: ContentId,
    brand_id: BrandId,
    kind: String,
}

#[derive(FromQueryResult)]
struct VersionRow {
    id: VersionId,
    number: i32,
}

#[derive(Clone, FromQueryResult)]
struct KnownRow {
    id: PlacementId,
    content_id: ContentId,
    version_id: VersionId,
    version_number: i32,
    channel_id: ChannelId,
    product_id: Option<ProductId>,
    location: String,
    url: Option<String>,
    status: String,
    live_from: Option<Timestamp>,
    live_until: Timestamp,
}

impl KnownRow {
    fn is_live(&self) -> bool {
        self.status == PlacementStatus::Live.name()
    }
}

/// What is to be written of the placements that pages opened.
#[derive(Default)]
struct Changes {
    over: BTreeSet<PlacementId>,
    /// New ones and those that go on, each with until when it is live.
    rows: Vec<(Placement, Timestamp)>,
    opened: Vec<Placement>,
}

/// The placement of each key, opened and kept alive by impressions. What is no impression is counted at the
/// newest placement that was opened there. Keys of contents that the viewer does not see have none. The number
/// of statements does not depend on how many keys there are.
pub(crate) async fn placements_of(
    tx: &Tx,
    viewer: &Viewer,
    keys: &BTreeMap<Pulled, Shown>,
) -> Result<HashMap<Pulled, PlacementId>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let contents: BTreeSet<ContentId> = keys.keys().map(|key| key.content).collect();
    // Locked in one order: of two pages that race, one opens it.
    let sql = Sql::new("SELECT id, brand_id, kind FROM contents WHERE id IN ")
        .list(contents.iter().copied())
        .push(" AND ")
        .append(brand_condition(viewer, "brand_id"))
        .push(" ORDER BY id")
        .push(for_update(&**tx));
    let owners: Vec<OwnerRow> = fetch(&**tx, sql).await?;
    let owners: HashMap<ContentId, OwnerRow> =
        owners.into_iter().map(|row| (row.id, row)).collect();
    let newest = newest(tx, &contents).await?;
    let versions: BTreeSet<VersionId> = keys.keys().map(|key| key.version).collect();
    let sql = Sql::new("SELECT id, number FROM versions WHERE id IN ").list(versions);
    let numbers: Vec<VersionRow> = fetch(&**tx, sql).await?;
    let numbers: HashMap<VersionId, i32> = numbers.iter().map(|v| (v.id, v.number)).collect();

    let (mut changes, mut found) = (Changes::default(), HashMap::new());
    for (spot, keys) in by_spot(keys) {
        if !owners.contains_key(&spot.0) {
            continue;
        }
        let id = settle(tx, &mut changes, newest.get(&spot), &keys, &numbers);
        found.extend(keys.into_iter().map(|(key, _)| (key, id)));
    }
    write(tx, &changes).await?;
    for placement in &changes.opened {
        if let Some(owner) = owners.get(&placement.content) {
            tell(tx, placement, owner)?;
        }
    }
    Ok(found)
}

fn by_spot(keys: &BTreeMap<Pulled, Shown>) -> BTreeMap<Spot, Vec<(Pulled, Shown)>> {
    let mut spots: BTreeMap<Spot, Vec<(Pulled, Shown)>> = BTreeMap::new();
    for (key, shown) in keys {
        spots.entry(key.spot()).or_default().push((*key, *shown));
    }
    spots
}

/// The newest placement of each spot of these contents.
async fn newest(tx: &Tx, contents: &BTreeSet<ContentId>) -> Result<HashMap<Spot, KnownRow>> {
    let sql = Sql::new(
        "SELECT q.*, v.number AS version_number FROM (SELECT p.id, p.content_id, p.version_id, p.channel_id,
           p.product_id, p.location, p.url, p.status, p.live_from, p.live_until,
           row_number() OVER (PARTITION BY p.content_id, p.channel_id, p.product_id ORDER BY p.id DESC) AS place
         FROM placements p WHERE p.live_until IS NOT NULL AND p.content_id IN ",
    )
    .list(contents.iter().copied())
    .push(") q JOIN versions v ON v.id = q.version_id WHERE q.place = 1");
    let rows: Vec<KnownRow> = fetch(&**tx, sql).await?;
    let spot = |row: &KnownRow| (row.content_id, row.channel_id, row.product_id);
    Ok(rows.into_iter().map(|row| (spot(&row), row)).collect())
}

/// Decides what becomes of a spot: the id of its placement.
fn settle(
    tx: &Tx,
    changes: &mut Changes,
    known: Option<&KnownRow>,
    keys: &[(Pulled, Shown)],
    numbers: &HashMap<VersionId, i32>,
) -> PlacementId {
    let number = |key: &Pulled| numbers.get(&key.version).copied().unwrap_or(0);
    let shown = |(key, shown): &(Pulled, Shown)| shown.last.map(|_| (number(key), *key));
    let version = keys.iter().filter_map(shown).max();
    let first = keys.iter().filter_map(|(_, shown)| shown.first).min();
    let last = keys.iter().filter_map(|(_, shown)| shown.last).max();
    // Without an impression nothing is kept alive; but what is counted must have its place.
    let until = last.map(|at| at.plus_days(ALIVE_DAYS));
    if let Some(known) = known {
        // An impression that comes late belongs to what was live then.
        let goes_on = first.is_none_or(|first| first < known.live_until);
        if goes_on && (known.is_live() || until.is_none_or(|until| until <= known.live_until)) {
            if let (Some((newer, key)), Some(until)) = (version, until) {
                keep(changes, known, (newer, key), until);
            }
            return known.id;
        }
        if known.is_live() {
            changes.over.insert(known.id);
        }
    }
    let newest = || keys.iter().map(|(key, _)| (number(key), *key)).max();
    let Some((_, key)) = version.or_else(newest) else {
        // There is no spot without a key.
        return tx.id();
    };
    let placement = Placement {
        id: tx.id(),
        content: key.content,
        version: key.version,
        channel: key.channel,
        product: key.product,
        audience: None,
        location: LOCATION.to_owned(),
        url: None,
        status: PlacementStatus::Live,
        planned_for: None,
        live_from: Some(first.unwrap_or(tx.op.at).min(tx.op.at)),
        live_to: None,
        current: None,
    };
    let until = until.unwrap_or(tx.op.at.plus_days(ALIVE_DAYS));
    changes.opened.push(placement.clone());
    let id = placement.id;
    changes.rows.push((placement, until));
    id
}

/// Keeps a live placement alive, and has it follow a newer version. It is written once a day, not with every
/// impression.
fn keep(changes: &mut Changes, known: &KnownRow, (number, key): (i32, Pulled), until: Timestamp) {
    let is_newer = number > known.version_number;
    let is_later = until.day() > known.live_until.day();
    if !known.is_live() || !(is_newer || is_later) {
        return;
    }
    let placement = Placement {
        id: known.id,
        content: known.content_id,
        version: if is_newer {
            key.version
        } else {
            known.version_id
        },
        channel: known.channel_id,
        product: known.product_id,
        audience: None,
        location: known.location.clone(),
        url: known.url.clone(),
        status: PlacementStatus::Live,
        planned_for: None,
        live_from: known.live_from,
        live_to: None,
        current: None,
    };
    changes.rows.push((placement, until.max(known.live_until)));
}

async fn write(tx: &Tx, changes: &Changes) -> Result<()> {
    if !changes.over.is_empty() {
        let sql = Sql::new(
            "UPDATE placements SET status = 'RETIRED', live_to = live_until, updated_at = ",
        )
        .bind(tx.op.at)
        .push(" WHERE id IN ")
        .list(changes.over.iter().copied());
        run(&**tx, sql).await?;
    }
    let columns: Vec<&'static str> = ROW.into_iter().chain(["live_until"]).collect();
    let rows = changes.rows.iter().map(|(placement, until)| -> Vec<Value> {
        let mut row = row_of(placement, tx.op.at);
        row.push((*until).into());
        row
    });
    let end = " ON CONFLICT (id) DO UPDATE SET version_id = excluded.version_id,
        live_until = excluded.live_until, updated_at = excluded.updated_at";
    insert_many(&**tx, "placements", &columns, rows.collect(), end).await
}

fn tell(tx: &Tx, placement: &Placement, owner: &OwnerRow) -> Result<()> {
    tx.audit(Audit {
        brand: Some(owner.brand_id),
        action: "openPlacement",
        subject: placement.id.to_string(),
        contents: vec![placement.content],
        changes: json!({
            "version": placement.version,
            "channel": placement.channel,
            "product": placement.product,
            "status": "LIVE",
        }),
    });
    let kind: ContentKind = named(&owner.kind)?;
    tx.emit(Event {
        brand: Some(owner.brand_id),
        topic: "PLACEMENT_LIVE",
        subject: public_id(kind, placement.content),
        payload: json!({ "placement": placement.id, "channel": placement.channel }),
    });
    Ok(())
}
