//! Queries on what belongs to endorsements.

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::model::{Capture, Claim, Evidence};
use crate::contents::StoredFile;
use crate::contents::store::FileRow;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{CaptureId, ClaimId, ContentId, EvidenceId, ProductId};
use crate::platform::names::named;
use crate::platform::op::Actor;

#[derive(FromQueryResult)]
struct ClaimRow {
    id: ClaimId,
    endorsement_id: ContentId,
    product_id: ProductId,
    claim: String,
    state: String,
    decided_by_kind: Option<String>,
    decided_by_id: Option<Uuid>,
    decided_at: Option<Timestamp>,
    note: Option<String>,
}

const CLAIMS: &str =
    "SELECT k.id, k.endorsement_id, k.product_id, k.claim, k.state, k.decided_by_kind,
     k.decided_by_id, k.decided_at, k.note
     FROM claims k JOIN contents c ON c.id = k.endorsement_id WHERE ";

async fn claims(db: &impl ConnectionTrait, which: Sql) -> Result<Vec<Claim>> {
    let sql = Sql::new(CLAIMS)
        .append(which)
        .push(" ORDER BY k.endorsement_id, k.position, k.id");
    let rows: Vec<ClaimRow> = fetch(db, sql).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claim {
                id: row.id,
                endorsement: row.endorsement_id,
                product: row.product_id,
                text: row.claim,
                state: named(&row.state)?,
                decided_by: row
                    .decided_by_kind
                    .map(|kind| Actor::from_columns(&kind, row.decided_by_id)),
                decided_at: row.decided_at,
                note: row.note,
            })
        })
        .collect()
}

/// Claims by id, where a condition on the content `c` holds.
pub(super) async fn load_claims(
    db: &impl ConnectionTrait,
    ids: &[ClaimId],
    visible: Sql,
) -> Result<Vec<Claim>> {
    claims(
        db,
        Sql::all([Sql::new("k.id IN ").list(ids.iter().copied()), visible]),
    )
    .await
}

/// Claims of endorsements in their order, where a condition on the content `c` holds.
pub(super) async fn load_claims_of(
    db: &impl ConnectionTrait,
    endorsements: &[ContentId],
    visible: Sql,
) -> Result<Vec<Claim>> {
    claims(
        db,
        Sql::all([
            Sql::new("k.endorsement_id IN ").list(endorsements.iter().copied()),
            visible,
        ]),
    )
    .await
}

#[derive(FromQueryResult)]
struct EvidenceRow {
    id: EvidenceId,
    endorsement_id: ContentId,
    url: Option<String>,
    #[sea_orm(nested)]
    file: FileRow,
    state: String,
    error: Option<String>,
    captured_at: Option<Timestamp>,
    checked_at: Option<Timestamp>,
    contains_quote: Option<bool>,
    note: Option<String>,
}

const EVIDENCE: &str = "SELECT i.id, i.endorsement_id, i.url, i.sha256, coalesce(i.filename, 'evidence') AS filename,
     i.state, i.error, i.captured_at, i.checked_at, i.contains_quote, i.note, f.media_type, f.bytes, m.width,
     m.height, m.has_alpha, m.color_space, m.duration_ms, m.pages, m.frames, m.orientation
     FROM evidence i
     JOIN contents c ON c.id = i.endorsement_id
     LEFT JOIN files f ON f.sha256 = i.sha256
     LEFT JOIN media_facts m ON m.sha256 = i.sha256
     WHERE ";

async fn evidence(db: &impl ConnectionTrait, which: Sql) -> Result<Vec<Evidence>> {
    let sql = Sql::new(EVIDENCE)
        .append(which)
        .push(" ORDER BY i.endorsement_id, i.created_at, i.id");
    let rows: Vec<EvidenceRow> = fetch(db, sql).await?;
    rows.into_iter().map(one_evidence).collect()
}

fn one_evidence(row: EvidenceRow) -> Result<Evidence> {
    Ok(Evidence {
        id: row.id,
        endorsement: row.endorsement_id,
        url: row.url,
        file: row.file.stored(),
        state: named(&row.state)?,
        error: row.error,
        captured_at: row.captured_at,
        checked_at: row.checked_at,
        contains_quote: row.contains_quote,
        note: row.note,
    })
}

/// Evidence by id, where a condition on the content `c` holds.
pub(super) async fn load_evidence(
    db: &impl ConnectionTrait,
    ids: &[EvidenceId],
    visible: Sql,
) -> Result<Vec<Evidence>> {
    evidence(
        db,
        Sql::all([Sql::new("i.id IN ").list(ids.iter().copied()), visible]),
    )
    .await
}

/// Evidence of endorsements, the oldest first, where a condition on the content `c` holds.
pub(super) async fn load_evidence_of(
    db: &impl ConnectionTrait,
    endorsements: &[ContentId],
    visible: Sql,
) -> Result<Vec<Evidence>> {
    evidence(
        db,
        Sql::all([
            Sql::new("i.endorsement_id IN ").list(endorsements.iter().copied()),
            visible,
        ]),
    )
    .await
}

#[derive(FromQueryResult)]
struct CaptureRow {
    id: CaptureId,
    evidence_id: EvidenceId,
    url: String,
    status: i32,
    headers: String,
    #[sea_orm(nested)]
    file: FileRow,
    text_sha256: Option<String>,
    text_bytes: Option<i64>,
    contains_quote: Option<bool>,
    captured_at: Timestamp,
}

/// What is kept of the pages of pieces of evidence, the oldest first, where a condition on the content `c` holds.
pub(super) async fn load_captures(
    db: &impl ConnectionTrait,
    evidence: &[EvidenceId],
    visible: Sql,
) -> Result<Vec<Capture>> {
    let sql = Sql::new(
        "SELECT p.id, p.evidence_id, p.url, p.status, p.headers, p.sha256, coalesce(i.filename, 'page') AS filename,
         f.media_type, f.bytes, m.width, m.height, m.has_alpha, m.color_space, m.duration_ms, m.pages, m.frames,
         m.orientation, t.sha256 AS text_sha256, t.bytes AS text_bytes, p.contains_quote, p.captured_at
         FROM page_captures p
         JOIN evidence i ON i.id = p.evidence_id
         JOIN contents c ON c.id = i.endorsement_id
         JOIN files f ON f.sha256 = p.sha256
         LEFT JOIN media_facts m ON m.sha256 = p.sha256
         LEFT JOIN files t ON t.sha256 = p.extract_sha256
         WHERE p.evidence_id IN ",
    )
    .list(evidence.iter().copied())
    .push(" AND ")
    .append(visible)
    .push(" ORDER BY p.evidence_id, p.captured_at, p.id");
    let rows: Vec<CaptureRow> = fetch(db, sql).await?;
    rows.into_iter().map(one_capture).collect()
}

fn one_capture(row: CaptureRow) -> Result<Capture> {
    let file = row.file.stored();
    let file = file.ok_or_else(|| Error::internal("a capture without a file"))?;
    let text = row.text_sha256.zip(row.text_bytes);
    Ok(Capture {
        id: row.id,
        evidence: row.evidence_id,
        url: row.url,
        status: row.status,
        headers: serde_json::from_str(&row.headers).map_err(Error::internal)?,
        text: text.map(|(sha256, bytes)| StoredFile {
            sha256,
            filename: StoredFile::text_name(&file.filename),
            media_type: "text/plain".to_owned(),
            bytes,
            ..StoredFile::default()
        }),
        file,
        contains_quote: row.contains_quote,
        captured_at: row.captured_at,
    })
}

/// That an asset is shown with an endorsement.
#[derive(FromQueryResult)]
pub(super) struct Attachment {
    pub(super) endorsement_id: ContentId,
    pub(super) asset_id: ContentId,
}

/// The assets of endorsements, in their order.
pub(super) async fn load_assets(
    db: &impl ConnectionTrait,
    endorsements: &[ContentId],
) -> Result<Vec<Attachment>> {
    let sql = Sql::new(
        "SELECT endorsement_id, asset_id FROM endorsement_assets WHERE endorsement_id IN ",
    )
    .list(endorsements.iter().copied())
    .push(" ORDER BY endorsement_id, position, asset_id");
    fetch(db, sql).await
}

/// The endorsements that assets are attached to, the newest first.
pub(super) async fn load_endorsements(
    db: &impl ConnectionTrait,
    assets: &[ContentId],
) -> Result<Vec<Attachment>> {
    let sql =
        Sql::new("SELECT endorsement_id, asset_id FROM endorsement_assets WHERE asset_id IN ")
            .list(assets.iter().copied())
            .push(" ORDER BY asset_id, endorsement_id DESC");
    fetch(db, sql).await
}
