//! Queries on sightings.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{Sighting, SightingSource};
use crate::accounts::Viewer;
use crate::error::{Error, Result};
use crate::placements::store::visible;
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, fetch, fetch_count, fetch_one, run};
use crate::platform::ids::{PlacementId, SightingId};
use crate::platform::names::{name_of, named};

const COLUMNS: &str = "s.id, s.placement_id, s.seen_at, s.found, s.how, s.detail";

#[derive(FromQueryResult)]
struct Row {
    id: SightingId,
    placement_id: PlacementId,
    seen_at: Timestamp,
    found: bool,
    how: String,
    detail: Option<String>,
}

impl TryFrom<Row> for Sighting {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            placement: row.placement_id,
            seen_at: row.seen_at,
            found: row.found,
            how: named(&row.how)?,
            detail: row.detail,
        })
    }
}

/// The row of a new sighting, which is no beacon's.
pub(super) fn insert(sighting: &Sighting, at: Timestamp) -> Sql {
    let how = match sighting.how {
        SightingSource::Beacon => "BEACON",
        SightingSource::Crawl => "CRAWL",
        SightingSource::Person => "PERSON",
    };
    let row = [
        ("id", sighting.id.into()),
        ("placement_id", sighting.placement.into()),
        ("seen_at", sighting.seen_at.into()),
        ("found", sighting.found.into()),
        ("how", how.into()),
        ("detail", sighting.detail.clone().into()),
        ("created_at", at.into()),
    ];
    Sql::insert("sightings", row)
}

/// Writes down what a look at a placement's page has found.
pub(in crate::placements) async fn add_crawled(
    tx: &Tx,
    placement: PlacementId,
    found: bool,
    detail: &str,
) -> Result<()> {
    let sighting = Sighting {
        id: tx.id(),
        placement,
        seen_at: tx.op.at,
        found,
        how: SightingSource::Crawl,
        detail: Some(detail.to_owned()),
    };
    run(&**tx, insert(&sighting, tx.op.at)).await?;
    Ok(())
}

/// Writes down that pages sent impressions: one sighting of a placement for a day, with the time of its last.
/// One statement, whose rows are in the order of their keys: instances that take the same locks take them in
/// one order.
pub(crate) async fn seen_by_beacon(
    tx: &Tx,
    impressions: impl Iterator<Item = (PlacementId, Timestamp)>,
) -> Result<()> {
    let mut last: BTreeMap<(PlacementId, Day), Timestamp> = BTreeMap::new();
    for (placement, at) in impressions {
        let seen = last.entry((placement, at.day())).or_insert(at);
        *seen = at.max(*seen);
    }
    if last.is_empty() {
        return Ok(());
    }
    let columns = [
        "id",
        "placement_id",
        "seen_at",
        "found",
        "how",
        "beacon_day",
        "created_at",
    ];
    let how = name_of(SightingSource::Beacon)?;
    let rows = last.into_iter().map(|((placement, day), at)| {
        vec![
            tx.id::<SightingId>().into(),
            placement.into(),
            at.into(),
            true.into(),
            how.clone().into(),
            day.into(),
            tx.op.at.into(),
        ]
    });
    let sql = Sql::insert_all("sightings", &columns, rows).push(
        " ON CONFLICT (placement_id, beacon_day) DO UPDATE SET seen_at = excluded.seen_at
          WHERE excluded.seen_at > sightings.seen_at",
    );
    run(&**tx, sql).await?;
    Ok(())
}

/// A sighting of a placement that the viewer reaches.
pub(in crate::placements) async fn load(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    id: SightingId,
) -> Result<Option<Sighting>> {
    let sql = Sql::new("SELECT ")
        .push(COLUMNS)
        .push(
            " FROM sightings s JOIN placements p ON p.id = s.placement_id
              JOIN contents c ON c.id = p.content_id WHERE s.id = ",
        )
        .bind(id)
        .push(" AND ")
        .append(visible(viewer));
    let row: Option<Row> = fetch_one(db, sql).await?;
    row.map(Sighting::try_from).transpose()
}

#[derive(FromQueryResult)]
struct SeenRow {
    placement_id: PlacementId,
    seen_at: Timestamp,
}

/// When these placements were last found where they should be; none of those that never were. They must be
/// such that the viewer reaches. One statement.
pub(in crate::placements) async fn last_seen(
    db: &impl ConnectionTrait,
    placements: &[PlacementId],
) -> Result<HashMap<PlacementId, Timestamp>> {
    let sql = Sql::new(
        "SELECT placement_id, max(seen_at) AS seen_at FROM sightings WHERE found AND placement_id IN ",
    )
    .list(placements.iter().copied())
    .push(" GROUP BY placement_id");
    let rows: Vec<SeenRow> = fetch(db, sql).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.placement_id, row.seen_at))
        .collect())
}

/// Which sightings of a placement are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::placements) struct Listing {
    pub after: Option<(Timestamp, SightingId)>,
    /// Rows on the page; one more is read.
    pub limit: u32,
}

/// A page of a placement's sightings, the last seen first, and one row more; and how many there are on all
/// pages, unless this one is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    pub rows: Vec<Sighting>,
    pub total: i64,
}

#[derive(FromQueryResult)]
struct ListedRow {
    total: i64,
    #[sea_orm(nested)]
    sighting: Row,
}

/// The same page of the sightings of several placements, such that the viewer reaches. One statement.
pub(in crate::placements) async fn list(
    db: &impl ConnectionTrait,
    placements: &[PlacementId],
    listing: &Listing,
) -> Result<HashMap<PlacementId, Listed>> {
    let mut placed = Sql::new(
        "SELECT q.*, row_number() OVER (PARTITION BY q.placement_id ORDER BY q.seen_at DESC, q.id DESC) AS place
         FROM (SELECT s.*, count(*) OVER (PARTITION BY s.placement_id) AS total FROM sightings s
         WHERE s.placement_id IN ",
    )
    .list(placements.iter().copied())
    .push(") q");
    if let Some((at, id)) = listing.after {
        placed = placed
            .push(" WHERE q.seen_at < ")
            .bind(at)
            .push(" OR (q.seen_at = ")
            .bind(at)
            .push(" AND q.id < ")
            .bind(id)
            .push(")");
    }
    let sql = Sql::new("SELECT ")
        .push(COLUMNS)
        .push(", s.total FROM (")
        .append(placed)
        .push(") s WHERE s.place <= ")
        .bind(i64::from(listing.limit) + 1)
        .push(" ORDER BY s.placement_id, s.seen_at DESC, s.id DESC");
    let rows: Vec<ListedRow> = fetch(db, sql).await?;
    let mut pages: HashMap<PlacementId, Listed> = HashMap::new();
    for row in rows {
        let page = pages.entry(row.sighting.placement_id).or_default();
        page.total = row.total;
        page.rows.push(row.sighting.try_into()?);
    }
    Ok(pages)
}

/// How many sightings a placement has.
pub(in crate::placements) async fn count(
    db: &impl ConnectionTrait,
    placement: PlacementId,
) -> Result<i64> {
    let sql = Sql::new("SELECT count(*) AS n FROM sightings WHERE placement_id = ").bind(placement);
    fetch_count(db, sql).await
}
