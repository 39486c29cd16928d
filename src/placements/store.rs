//! Queries on placements.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::model::{Placement, PlacementStatus};
use crate::accounts::{Reach, Viewer};
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, fetch, fetch_count};
use crate::platform::ids::{AudienceId, ChannelId, ContentId, PlacementId, ProductId, VersionId};
use crate::platform::names::named;

#[derive(FromQueryResult)]
struct Row {
    id: PlacementId,
    content_id: ContentId,
    version_id: VersionId,
    channel_id: ChannelId,
    product_id: Option<ProductId>,
    audience_id: Option<AudienceId>,
    location: String,
    url: Option<String>,
    status: String,
    planned_for: Option<Day>,
    live_from: Option<Timestamp>,
    live_to: Option<Timestamp>,
    current_id: Option<VersionId>,
}

const COLUMNS: &str =
    "p.id, p.content_id, p.version_id, p.channel_id, p.product_id, p.audience_id, p.location, p.url,
     p.status, p.planned_for, p.live_from, p.live_to,
     (SELECT v.id FROM versions v WHERE v.content_id = p.content_id AND v.state = 'APPROVED'
      ORDER BY v.number DESC LIMIT 1) AS current_id";

impl TryFrom<Row> for Placement {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            content: row.content_id,
            version: row.version_id,
            channel: row.channel_id,
            product: row.product_id,
            audience: row.audience_id,
            location: row.location,
            url: row.url,
            status: named(&row.status)?,
            planned_for: row.planned_for,
            live_from: row.live_from,
            live_to: row.live_to,
            current: row.current_id,
        })
    }
}

/// Placements (`p`) of contents (`c`) that the viewer reaches: the brand's wall and the channels'.
pub(crate) fn visible(viewer: &Viewer) -> Sql {
    let mut walls = vec![brand_condition(viewer, "c.brand_id")];
    if let Reach::Only(channels) = &viewer.channels {
        let reached = Sql::new(
            "p.channel_id IN (WITH RECURSIVE reached (id) AS (SELECT id FROM channels WHERE id IN ",
        )
        .list(channels.iter().copied())
        .push(
            " UNION SELECT k.id FROM channels k JOIN reached r ON k.parent_id = r.id)
              SELECT id FROM reached)",
        );
        walls.push(reached);
    }
    Sql::all(walls)
}

/// Placements by id, those that the viewer reaches. One statement.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[PlacementId],
) -> Result<HashMap<PlacementId, Arc<Placement>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = Sql::new("SELECT ")
        .push(COLUMNS)
        .push(" FROM placements p JOIN contents c ON c.id = p.content_id WHERE p.id IN ")
        .list(ids.iter().copied())
        .push(" AND ")
        .append(visible(viewer));
    let rows: Vec<Row> = fetch(db, sql).await?;
    rows.into_iter()
        .map(|row| Placement::try_from(row).map(|p| (p.id, Arc::new(p))))
        .collect()
}

/// The row of a new placement.
pub(super) fn insert(placement: &Placement, at: Timestamp) -> Sql {
    let row = [
        ("id", placement.id.into()),
        ("content_id", placement.content.into()),
        ("version_id", placement.version.into()),
        ("channel_id", placement.channel.into()),
        ("product_id", placement.product.into()),
        ("audience_id", placement.audience.into()),
        ("location", placement.location.clone().into()),
        ("url", placement.url.clone().into()),
        ("status", placement.status.name().into()),
        ("planned_for", placement.planned_for.into()),
        ("live_from", placement.live_from.into()),
        ("created_at", at.into()),
        ("updated_at", at.into()),
    ];
    Sql::insert("placements", row)
}

/// Which placements of a content are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listing {
    /// None: in any status.
    pub status: Option<Vec<PlacementStatus>>,
    pub after: Option<PlacementId>,
    /// Rows on the page; one more is read.
    pub limit: u32,
}

/// The placements (`p`) of contents in one of the listing's statuses, as `FROM … WHERE …`.
fn listed(viewer: &Viewer, contents: &[ContentId], status: Option<&[PlacementStatus]>) -> Sql {
    let sql = Sql::new(
        " FROM placements p JOIN contents c ON c.id = p.content_id WHERE p.content_id IN ",
    )
    .list(contents.iter().copied())
    .push(" AND ")
    .append(visible(viewer));
    match status {
        Some(status) => sql
            .push(" AND p.status IN ")
            .list(status.iter().map(|s| s.name())),
        None => sql,
    }
}

/// How many placements of a content are listed.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    content: ContentId,
    status: Option<&[PlacementStatus]>,
) -> Result<i64> {
    let sql = Sql::new("SELECT count(*) AS n").append(listed(viewer, &[content], status));
    fetch_count(db, sql).await
}

/// A page of a content's placements, the newest first, and one row more; and how many there are on all
/// pages, unless this one is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    pub rows: Vec<Arc<Placement>>,
    pub total: i64,
}

#[derive(FromQueryResult)]
struct ListedRow {
    total: i64,
    #[sea_orm(nested)]
    placement: Row,
}

/// The same page of the placements of several contents. One statement.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    contents: &[ContentId],
    listing: &Listing,
) -> Result<HashMap<ContentId, Listed>> {
    let counted = Sql::new("SELECT p.*, count(*) OVER (PARTITION BY p.content_id) AS total")
        .append(listed(viewer, contents, listing.status.as_deref()));
    let mut placed = Sql::new(
        "SELECT q.*, row_number() OVER (PARTITION BY q.content_id ORDER BY q.id DESC) AS place FROM (",
    )
    .append(counted)
    .push(") q");
    if let Some(after) = listing.after {
        placed = placed.push(" WHERE q.id < ").bind(after);
    }
    let sql = Sql::new("SELECT ")
        .push(COLUMNS)
        .push(", p.total FROM (")
        .append(placed)
        .push(") p WHERE p.place <= ")
        .bind(i64::from(listing.limit) + 1)
        .push(" ORDER BY p.content_id, p.id DESC");
    let rows: Vec<ListedRow> = fetch(db, sql).await?;
    let mut pages: HashMap<ContentId, Listed> = HashMap::new();
    for row in rows {
        let page = pages.entry(row.placement.content_id).or_default();
        page.total = row.total;
        page.rows.push(Arc::new(row.placement.try_into()?));
    }
    Ok(pages)
}
