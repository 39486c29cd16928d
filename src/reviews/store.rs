//! Queries on reviews and on the queue of versions that wait for one.

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::model::Review;
use crate::contents::store::FileRow;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{
    Direction, Page, PageRequest, SortColumn, Sql, fetch, fetch_count, keyset_page,
};
use crate::platform::ids::{LeaseId, ReviewId, VersionId};
use crate::platform::names::named;
use crate::platform::op::Actor;

#[derive(FromQueryResult)]
struct Row {
    id: ReviewId,
    version_id: VersionId,
    reviewer_kind: String,
    reviewer_id: Option<Uuid>,
    decision: String,
    lease_id: Option<LeaseId>,
    preset: Option<String>,
    note: Option<String>,
    created_at: Timestamp,
    #[sea_orm(nested)]
    document: FileRow,
}

const REVIEWS: &str = "SELECT r.id, r.version_id, r.reviewer_kind, r.reviewer_id, r.decision, r.lease_id, r.preset,
     r.note, r.created_at, r.document_sha256 AS sha256, r.document_filename AS filename, f.media_type, f.bytes, m.width, m.height,
     m.has_alpha, m.color_space, m.duration_ms, m.pages, m.frames, m.orientation
     FROM reviews r
     JOIN versions v ON v.id = r.version_id
     JOIN contents c ON c.id = v.content_id
     LEFT JOIN files f ON f.sha256 = r.document_sha256
     LEFT JOIN media_facts m ON m.sha256 = r.document_sha256
     WHERE ";

async fn reviews(db: &impl ConnectionTrait, which: Sql) -> Result<Vec<Review>> {
    let sql = Sql::new(REVIEWS)
        .append(which)
        .push(" ORDER BY r.version_id, r.created_at, r.id");
    let rows: Vec<Row> = fetch(db, sql).await?;
    rows.into_iter().map(review).collect()
}

fn review(row: Row) -> Result<Review> {
    Ok(Review {
        id: row.id,
        version: row.version_id,
        reviewer: Actor::from_columns(&row.reviewer_kind, row.reviewer_id),
        decision: named(&row.decision)?,
        lease: row.lease_id,
        preset: row.preset,
        document: row.document.stored(),
        note: row.note,
        created_at: row.created_at,
    })
}

/// Reviews by id, where a condition on the content `c` holds.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    ids: &[ReviewId],
    visible: Sql,
) -> Result<Vec<Review>> {
    reviews(
        db,
        Sql::all([Sql::new("r.id IN ").list(ids.iter().copied()), visible]),
    )
    .await
}

/// Reviews of versions, the oldest first, where a condition on the content `c` holds.
pub(super) async fn load_of(
    db: &impl ConnectionTrait,
    versions: &[VersionId],
    visible: Sql,
) -> Result<Vec<Review>> {
    reviews(
        db,
        Sql::all([
            Sql::new("r.version_id IN ").list(versions.iter().copied()),
            visible,
        ]),
    )
    .await
}

/// A version that waits for a review.
#[derive(FromQueryResult)]
pub(crate) struct Waiting {
    pub(crate) id: VersionId,
    pub(crate) submitted_at: Timestamp,
}

const WAITING: &str = " FROM versions v JOIN contents c ON c.id = v.content_id
     WHERE v.state = 'IN_REVIEW' AND c.trashed_at IS NULL AND ";

/// Versions that wait for a review, the longest waiting first, where a condition on the content `c` holds.
pub(super) async fn queue(
    db: &impl ConnectionTrait,
    visible: Sql,
    request: &PageRequest,
) -> Result<Page<Waiting>> {
    let order = [
        SortColumn {
            expr: "v.submitted_at",
            direction: Direction::Ascending,
        },
        SortColumn {
            expr: "v.id",
            direction: Direction::Ascending,
        },
    ];
    let sql = Sql::new("SELECT v.id, v.submitted_at")
        .push(WAITING)
        .append(visible)
        .append(keyset_page(&order, request));
    Ok(Page::from_rows(fetch(db, sql).await?, request))
}

/// How many versions wait for a review.
pub(super) async fn count_queue(db: &impl ConnectionTrait, visible: Sql) -> Result<i64> {
    fetch_count(
        db,
        Sql::new("SELECT count(*) AS n")
            .push(WAITING)
            .append(visible),
    )
    .await
}
