//! Queries on requests.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::late;
use super::model::{Request, RequestState, TakeDowns};
use crate::accounts::{Reach, Viewer};
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::placements;
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{
    Direction, Page, PageRequest, SortColumn, Sql, fetch, fetch_count, keyset_page,
};
use crate::platform::ids::{
    BrandId, ChannelId, ContentId, PlacementId, ProductId, RequestId, TokenId, VersionId,
};
use crate::platform::names::named;
use crate::platform::op::Actor;
use crate::rights::is_live;

#[derive(FromQueryResult)]
struct Row {
    id: RequestId,
    brand_id: Option<BrandId>,
    take_down: bool,
    title: Option<String>,
    body: Option<String>,
    state: String,
    requester_kind: String,
    requester_id: Option<Uuid>,
    assignee_id: Option<TokenId>,
    due_on: Option<Day>,
    content_id: Option<ContentId>,
    placement_id: Option<PlacementId>,
    placed_id: Option<ContentId>,
    placed_version_id: Option<VersionId>,
    channel_id: Option<ChannelId>,
    product_id: Option<ProductId>,
    locale: Option<String>,
    fulfilled_by_id: Option<VersionId>,
    created_at: Timestamp,
    location: Option<String>,
}

/// Whether the placement has ended at an instant: pages that pull end theirs by the clock.
fn has_ended(at: Timestamp) -> Sql {
    Sql::new("(p.status = 'RETIRED' OR (p.status = 'LIVE' AND NOT ")
        .append(is_live("p", at))
        .push("))")
}

/// The state as it stands at an instant: a take-down is done once its placement has ended.
fn state(at: Timestamp) -> Sql {
    Sql::new("CASE WHEN r.take_down AND r.state <> 'DECLINED' AND ")
        .append(has_ended(at))
        .push(" THEN 'DONE' ELSE r.state END")
}

/// What was not named is that of the placement; why something was recalled is said with the content.
const COLUMNS: &str = " AS state, r.id, r.brand_id, r.take_down, r.title, coalesce(r.body, c.withdrawn_reason) AS body,
     r.requester_kind, r.requester_id, r.assignee_id, r.due_on, coalesce(r.content_id, p.content_id) AS content_id,
     r.placement_id, p.content_id AS placed_id,
     p.version_id AS placed_version_id, coalesce(r.channel_id, p.channel_id) AS channel_id,
     coalesce(r.product_id, p.product_id) AS product_id, r.locale, r.fulfilled_by_id, r.created_at, p.location";

const FROM: &str = " FROM requests r LEFT JOIN placements p ON p.id = r.placement_id
     LEFT JOIN contents c ON r.take_down AND c.id = r.content_id WHERE ";

impl TryFrom<Row> for Request {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let title = row.title.unwrap_or_else(|| {
            let location = row.location.unwrap_or_default();
            format!("Take it down: {location}")
        });
        Ok(Self {
            id: row.id,
            brand: row.brand_id,
            take_down: row.take_down,
            title,
            body: row.body,
            state: named(&row.state)?,
            requester: Actor::from_columns(&row.requester_kind, row.requester_id),
            assignee: row.assignee_id,
            due_on: row.due_on,
            content: row.content_id,
            placement: row.placement_id,
            placed: row.placed_id,
            placed_version: row.placed_version_id,
            channel: row.channel_id,
            product: row.product_id,
            locale: row.locale,
            fulfilled_by: row.fulfilled_by_id,
            created_at: row.created_at,
        })
    }
}

/// Requests (`r`, at the placement `p`) that the viewer reaches: the brand's wall and the channel's.
fn visible(viewer: &Viewer) -> Sql {
    let mut walls = vec![brand_condition(viewer, "r.brand_id")];
    if let Reach::Only(channels) = &viewer.channels {
        let reached = Sql::new(
            "(coalesce(r.channel_id, p.channel_id) IS NULL OR coalesce(r.channel_id, p.channel_id) IN
              (WITH RECURSIVE reached (id) AS (SELECT id FROM channels WHERE id IN ",
        )
        .list(channels.iter().copied())
        .push(
            " UNION SELECT k.id FROM channels k JOIN reached s ON k.parent_id = s.id)
              SELECT id FROM reached))",
        );
        walls.push(reached);
    }
    Sql::all(walls)
}

/// Requests by id, those that the viewer reaches. One statement.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    at: Timestamp,
    ids: &[RequestId],
) -> Result<HashMap<RequestId, Request>> {
    let sql = Sql::new("SELECT ")
        .append(state(at))
        .push(COLUMNS)
        .push(FROM)
        .push("r.id IN ")
        .list(ids.iter().copied())
        .push(" AND ")
        .append(visible(viewer));
    let rows: Vec<Row> = fetch(db, sql).await?;
    rows.into_iter()
        .map(|row| Request::try_from(row).map(|request| (request.id, request)))
        .collect()
}

/// Which requests are listed; the fields together are all-of.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// None: in any.
    pub states: Option<Vec<RequestState>>,
    /// About this content, or at a placement of it.
    pub content: Option<ContentId>,
    pub assignee: Option<TokenId>,
    /// Take-downs only.
    pub take_downs: bool,
}

impl Listing {
    fn condition(&self, viewer: &Viewer, at: Timestamp) -> Sql {
        let mut parts = vec![visible(viewer)];
        if let Some(states) = &self.states {
            let names = states.iter().map(|state| state.name());
            parts.push(state(at).push(" IN ").list(names));
        }
        if let Some(content) = self.content {
            parts.push(
                Sql::new("r.id IN (SELECT id FROM requests WHERE content_id = ")
                    .bind(content)
                    .push(
                        " UNION SELECT q.id FROM requests q JOIN placements k ON k.id = q.placement_id
                          WHERE k.content_id = ",
                    )
                    .bind(content)
                    .push(")"),
            );
        }
        parts.extend(
            self.assignee
                .map(|token| Sql::new("r.assignee_id = ").bind(token)),
        );
        if self.take_downs {
            parts.push(Sql::new("r.take_down"));
        }
        Sql::all(parts)
    }
}

/// A page of requests, the newest first.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    at: Timestamp,
    listing: &Listing,
    request: &PageRequest,
) -> Result<Page<Request>> {
    let order = [SortColumn {
        expr: "r.id",
        direction: Direction::Descending,
    }];
    let sql = Sql::new("SELECT ")
        .append(state(at))
        .push(COLUMNS)
        .push(FROM)
        .append(listing.condition(viewer, at))
        .append(keyset_page(&order, request));
    let rows: Vec<Row> = fetch(db, sql).await?;
    let requests: Result<Vec<Request>> = rows.into_iter().map(Request::try_from).collect();
    Ok(Page::from_rows(requests?, request))
}

/// How many requests are listed.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    at: Timestamp,
    listing: &Listing,
) -> Result<i64> {
    let sql = Sql::new("SELECT count(*) AS n")
        .push(FROM)
        .append(listing.condition(viewer, at));
    fetch_count(db, sql).await
}

#[derive(FromQueryResult)]
struct CountRow {
    content_id: ContentId,
    total: i64,
    done: i64,
}

/// How far the take-downs of contents have come: those of their recall, and those at their placements; what became
/// live after its recall counts before its take-down is opened. One statement; a content without any has no entry.
pub(super) async fn count_take_downs(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    at: Timestamp,
    contents: &[ContentId],
) -> Result<HashMap<ContentId, TakeDowns>> {
    let asked = Sql::new("SELECT x.content_id, count(*) AS total, count(CASE WHEN ")
    .append(has_ended(at))
    .push(" THEN 1 END) AS done FROM (SELECT q.id, q.content_id FROM requests q WHERE q.take_down AND q.content_id IN ")
    .list(contents.iter().copied())
    .push(
        " UNION SELECT q.id, k.content_id FROM requests q JOIN placements k ON k.id = q.placement_id
          WHERE q.take_down AND k.content_id IN ",
    )
    .list(contents.iter().copied())
    .push(
        ") x JOIN requests r ON r.id = x.id JOIN placements p ON p.id = r.placement_id
         WHERE r.state <> 'DECLINED' AND ",
    )
    .append(visible(viewer))
    .push(" GROUP BY x.content_id");
    let named = |column: &'static str| Sql::new(column).push(" IN ").list(contents.iter().copied());
    let unasked = [
        ("c.id", late::own(at), named("c.id")),
        ("c.id", late::of_assets(at), named("c.id")),
        ("k.id", late::of_assets(at), named("k.id")),
    ];
    let mut sql = Sql::new(
        "SELECT n.content_id, CAST(sum(n.total) AS bigint) AS total, CAST(sum(n.done) AS bigint) AS done FROM (",
    )
    .append(asked);
    for (content, places, condition) in unasked {
        sql = sql
            .push(" UNION ALL SELECT ")
            .push(content)
            .push(", count(*), 0")
            .append(places)
            .push(" AND ")
            .append(condition)
            .push(" AND ")
            .append(placements::visible(viewer))
            .push(" GROUP BY ")
            .push(content);
    }
    let rows: Vec<CountRow> = fetch(db, sql.push(") n GROUP BY n.content_id")).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let counts = TakeDowns {
                total: row.total,
                done: row.done,
            };
            (row.content_id, counts)
        })
        .collect())
}
