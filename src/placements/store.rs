//! Queries on placements.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::model::{Placement, PlacementStatus};
use crate::accounts::{Reach, Viewer};
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, fetch, fetch_count, fetch_one};
use crate::platform::ids::{
    AudienceId, BrandId, ChannelId, ContentId, PlacementId, ProductId, VersionId,
};
use crate::platform::names::named;
use crate::rights::is_live;

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
    live_until: Option<Timestamp>,
    current_id: Option<VersionId>,
}

const COLUMNS: &str =
    "p.id, p.content_id, p.version_id, p.channel_id, p.product_id, p.audience_id, p.location, p.url,
     p.status, p.planned_for, p.live_from, p.live_to, p.live_until,
     (SELECT v.id FROM versions v WHERE v.content_id = p.content_id AND v.state = 'APPROVED'
      ORDER BY v.number DESC LIMIT 1) AS current_id";

impl Row {
    /// The placement as it is at an instant.
    fn placement(self, at: Timestamp) -> Result<Placement> {
        let stored: PlacementStatus = named(&self.status)?;
        let lapsed = self.live_until.filter(|until| *until <= at);
        let lapsed = lapsed.filter(|_| stored == PlacementStatus::Live);
        Ok(Placement {
            id: self.id,
            content: self.content_id,
            version: self.version_id,
            channel: self.channel_id,
            product: self.product_id,
            audience: self.audience_id,
            location: self.location,
            url: self.url,
            status: lapsed.map_or(stored, |_| PlacementStatus::Retired),
            planned_for: self.planned_for,
            live_from: self.live_from,
            live_to: self.live_to.or(lapsed),
            current: self.current_id,
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

/// Placements by id as they are at an instant, those that the viewer reaches. One statement.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[PlacementId],
    at: Timestamp,
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
        .map(|row| row.placement(at).map(|p| (p.id, Arc::new(p))))
        .collect()
}

#[derive(FromQueryResult)]
struct Owner {
    brand_id: BrandId,
}

/// The brand of a content that is placed.
pub(super) async fn brand_of(db: &impl ConnectionTrait, content: ContentId) -> Result<BrandId> {
    let sql = Sql::new("SELECT brand_id FROM contents WHERE id = ").bind(content);
    let owner: Option<Owner> = fetch_one(db, sql).await?;
    let owner = owner.ok_or_else(|| Error::internal("a placement without its content"))?;
    Ok(owner.brand_id)
}

/// The columns of a new placement.
pub(super) const ROW: [&str; 13] = [
    "id",
    "content_id",
    "version_id",
    "channel_id",
    "product_id",
    "audience_id",
    "location",
    "url",
    "status",
    "planned_for",
    "live_from",
    "created_at",
    "updated_at",
];

/// The row of a new placement, in the order of [`ROW`].
pub(super) fn row_of(placement: &Placement, at: Timestamp) -> Vec<Value> {
    vec![
        placement.id.into(),
        placement.content.into(),
        placement.version.into(),
        placement.channel.into(),
        placement.product.into(),
        placement.audience.into(),
        placement.location.clone().into(),
        placement.url.clone().into(),
        placement.status.name().into(),
        placement.planned_for.into(),
        placement.live_from.into(),
        at.into(),
        at.into(),
    ]
}

/// The insert of a new placement.
pub(super) fn insert(placement: &Placement, at: Timestamp) -> Sql {
    Sql::insert_all("placements", &ROW, [row_of(placement, at)])
}

/// Which placements of a content are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listing {
    /// None: in any status.
    pub status: Option<Vec<PlacementStatus>>,
    /// The instant at which they are in it.
    pub at: Timestamp,
    pub after: Option<PlacementId>,
    /// Rows on the page; one more is read.
    pub limit: u32,
}

/// The placements (`p`) of contents in one of the listing's statuses, as `FROM … WHERE …`.
fn listed(
    viewer: &Viewer,
    contents: &[ContentId],
    status: Option<&[PlacementStatus]>,
    at: Timestamp,
) -> Sql {
    let sql = Sql::new(
        " FROM placements p JOIN contents c ON c.id = p.content_id WHERE p.content_id IN ",
    )
    .list(contents.iter().copied())
    .push(" AND ")
    .append(visible(viewer));
    match status {
        Some(status) => {
            let any = status.iter().map(|status| match status {
                PlacementStatus::Live => is_live("p", at),
                PlacementStatus::Planned => Sql::new("p.status = 'PLANNED'"),
                PlacementStatus::Retired => {
                    Sql::new("(p.status = 'RETIRED' OR (p.status = 'LIVE' AND NOT ")
                        .append(is_live("p", at))
                        .push("))")
                }
            });
            sql.push(" AND ").append(Sql::any(any))
        }
        None => sql,
    }
}

/// How many placements of a content are listed.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    content: ContentId,
    status: Option<&[PlacementStatus]>,
    at: Timestamp,
) -> Result<i64> {
    let sql = Sql::new("SELECT count(*) AS n").append(listed(viewer, &[content], status, at));
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
        .append(listed(
            viewer,
            contents,
            listing.status.as_deref(),
            listing.at,
        ));
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
        page.rows
            .push(Arc::new(row.placement.placement(listing.at)?));
    }
    Ok(pages)
}
