//! Queries on contents, their versions and labels. Nothing here knows who asks: callers start from
//! what the viewer may see.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::model::{
    AssetDetail, Content, ContentKind, Detail, EndorsementDetail, Labels, Looked, Looks, Statement,
    StoredFile, Version, VersionDetail, VersionState, Wording,
};
use crate::error::{Error, Result};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{
    AudienceId, BrandId, ChannelId, ContentId, OutletId, ProductId, VersionId,
};
use crate::platform::names::named;
use crate::platform::op::Actor;
use accolade_draw::{Whiteness, WorstPixel};

#[derive(FromQueryResult)]
struct ContentRow {
    id: ContentId,
    brand_id: BrandId,
    kind: String,
    title: String,
    release_at: Option<Timestamp>,
    expire_at: Option<Timestamp>,
    withdrawn_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    trashed_at: Option<Timestamp>,
    revision: i32,
    created_at: Timestamp,
    created_by_kind: String,
    created_by_id: Option<Uuid>,
    updated_at: Timestamp,
    latest_id: VersionId,
    version_count: i32,
    stamp: i64,
    asset_kind: Option<String>,
    asset_locale: Option<String>,
    description: Option<String>,
    focal_x: Option<f64>,
    focal_y: Option<f64>,
    outlet_id: Option<OutletId>,
    endorsement_kind: Option<String>,
    outlet_kind: Option<String>,
    outlet_tier: Option<i32>,
    published_on: Option<Day>,
    source_url: Option<String>,
    won_by_kind: Option<String>,
    won_by_id: Option<Uuid>,
    recheck_every_days: Option<i32>,
    rechecked_at: Option<Timestamp>,
    page_changed_at: Option<Timestamp>,
    edition_changed_at: Option<Timestamp>,
    has_open_claims: bool,
    has_evidence: bool,
}

/// The columns of a [`ContentRow`]. What would be an EXISTS is a sub-select of one row: the former PostgreSQL
/// may answer by reading the whole table once.
const CONTENT_COLUMNS: &str = "c.id, c.brand_id, c.kind, c.title, c.release_at, c.expire_at, c.withdrawn_at,
     c.archived_at, c.trashed_at, c.revision, c.created_at, c.created_by_kind, c.created_by_id, c.updated_at,
     c.version_count, c.stamp, a.kind AS asset_kind, a.locale AS asset_locale, a.description, a.focal_x, a.focal_y,
     e.outlet_id, o.kind AS outlet_kind, o.tier AS outlet_tier, e.kind AS endorsement_kind, e.published_on,
     e.source_url, e.won_by_kind, e.won_by_id, e.recheck_every_days, e.rechecked_at, e.page_changed_at,
     CASE WHEN v.number = c.version_count THEN v.id ELSE (SELECT x.id FROM versions x
      WHERE x.content_id = c.id AND x.number = c.version_count) END AS latest_id,
     CASE WHEN c.kind = 'ENDORSEMENT' THEN (SELECT min(p.edition_changed_at) FROM content_products cp
      JOIN products p ON p.id = cp.product_id
      WHERE cp.content_id = c.id AND p.edition_changed_at > e.rechecked_at) END AS edition_changed_at,
     (c.kind = 'ENDORSEMENT' AND (SELECT 1 FROM claims k
      WHERE k.endorsement_id = c.id AND k.state <> 'CONFIRMED' LIMIT 1) IS NOT NULL) AS has_open_claims,
     (c.kind = 'ENDORSEMENT' AND (SELECT 1 FROM evidence i
      WHERE i.endorsement_id = c.id AND i.state IN ('CURRENT', 'CHANGED') LIMIT 1) IS NOT NULL)
       AS has_evidence";

/// What a [`ContentRow`] is read from beside `contents c`, and the version that is current.
const CONTENT_TABLES: &str = " LEFT JOIN assets a ON a.content_id = c.id
     LEFT JOIN endorsements e ON e.content_id = c.id
     LEFT JOIN outlets o ON o.id = e.outlet_id
     LEFT JOIN versions v ON v.id = (SELECT x.id FROM versions x WHERE x.content_id = c.id
       AND x.state = 'APPROVED' ORDER BY x.number DESC LIMIT 1)";

/// A content together with the version that is current, if one is.
#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    content: ContentRow,
    current_id: Option<VersionId>,
    v_number: Option<i32>,
    v_note: Option<String>,
    v_author_kind: Option<String>,
    v_author_id: Option<Uuid>,
    v_created_at: Option<Timestamp>,
    #[sea_orm(nested)]
    body: BodyRow,
}

/// Contents by id, whoever may see them. One statement.
pub(crate) async fn load(
    db: &impl ConnectionTrait,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, Arc<Content>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let which = Sql::new("SELECT id FROM contents WHERE id IN ").list(ids.iter().copied());
    let found = select(db, which).await?;
    Ok(found.into_iter().map(|c| (c.id, c)).collect())
}

/// The contents whose `id` a sub-select has, whoever may see them. One statement.
pub(crate) async fn select(db: &impl ConnectionTrait, which: Sql) -> Result<Vec<Arc<Content>>> {
    let sql = Sql::new("SELECT ")
        .push(CONTENT_COLUMNS)
        .push(
            ", v.id AS current_id, v.number AS v_number, v.note AS v_note, v.author_kind AS v_author_kind,
             v.author_id AS v_author_id, v.created_at AS v_created_at, ",
        )
        .push(BODY_COLUMNS)
        .push(" FROM (")
        .append(which)
        .push(") which JOIN contents c ON c.id = which.id")
        .push(CONTENT_TABLES)
        .push(BODY_TABLES);
    let rows: Vec<Row> = fetch(db, sql).await?;
    rows.into_iter()
        .map(|row| content(row).map(Arc::new))
        .collect()
}

fn content(row: Row) -> Result<Content> {
    let Row {
        content: row,
        current_id,
        v_number,
        v_note,
        v_author_kind,
        v_author_id,
        v_created_at,
        body,
    } = row;
    let current = match (current_id, v_number, v_author_kind, v_created_at) {
        (Some(id), Some(number), Some(author_kind), Some(created_at)) => Some(Arc::new(Version {
            id,
            content: row.id,
            number,
            state: VersionState::Approved,
            note: v_note,
            author: Actor::from_columns(&author_kind, v_author_id),
            created_at,
            detail: body.detail()?,
        })),
        _ => None,
    };
    let missing = || Error::internal("a content without the row of its kind");
    let detail = match named(&row.kind)? {
        ContentKind::Asset => Detail::Asset(AssetDetail {
            kind: named(row.asset_kind.as_deref().ok_or_else(missing)?)?,
            locale: row.asset_locale,
            description: row.description,
            focal_point: row.focal_x.zip(row.focal_y),
        }),
        ContentKind::Endorsement => Detail::Endorsement(EndorsementDetail {
            outlet: row.outlet_id.ok_or_else(missing)?,
            outlet_kind: named(row.outlet_kind.as_deref().ok_or_else(missing)?)?,
            outlet_tier: row.outlet_tier,
            kind: named(row.endorsement_kind.as_deref().ok_or_else(missing)?)?,
            published_on: row.published_on.ok_or_else(missing)?,
            source_url: row.source_url,
            won_by: row
                .won_by_kind
                .map(|kind| Actor::from_columns(&kind, row.won_by_id)),
            recheck_every_days: row.recheck_every_days,
            rechecked_at: row.rechecked_at.ok_or_else(missing)?,
            page_changed_at: row.page_changed_at,
            edition_changed_at: row.edition_changed_at,
            has_open_claims: row.has_open_claims,
            has_evidence: row.has_evidence,
        }),
    };
    Ok(Content {
        id: row.id,
        brand: row.brand_id,
        title: row.title,
        release_at: row.release_at,
        expire_at: row.expire_at,
        withdrawn_at: row.withdrawn_at,
        archived_at: row.archived_at,
        trashed_at: row.trashed_at,
        revision: row.revision,
        created_at: row.created_at,
        created_by: Actor::from_columns(&row.created_by_kind, row.created_by_id),
        updated_at: row.updated_at,
        current,
        latest: row.latest_id,
        version_count: row.version_count,
        stamp: row.stamp,
        detail,
    })
}

/// A stored file as a part of a row: its columns are `sha256` and `filename` of what refers to it, and those
/// of `files` and `media_facts`. All null where there is none.
#[derive(FromQueryResult)]
pub(crate) struct FileRow {
    sha256: Option<String>,
    filename: Option<String>,
    media_type: Option<String>,
    bytes: Option<i64>,
    width: Option<i32>,
    height: Option<i32>,
    has_alpha: Option<bool>,
    color_space: Option<String>,
    duration_ms: Option<i64>,
    pages: Option<i32>,
    frames: Option<i32>,
    orientation: Option<i32>,
}

impl FileRow {
    /// The file, if the row has one.
    pub(crate) fn stored(self) -> Option<StoredFile> {
        Some(StoredFile {
            sha256: self.sha256?,
            filename: self.filename?,
            media_type: self.media_type?,
            bytes: self.bytes?,
            width: self.width,
            height: self.height,
            has_alpha: self.has_alpha,
            color_space: self.color_space,
            duration_ms: self.duration_ms,
            pages: self.pages,
            frames: self.frames,
            orientation: self.orientation,
            looks: Looked::NotYet,
        })
    }
}

/// What came of looking at a file's picture, as a part of a row; see migration 15.
#[derive(FromQueryResult)]
struct LooksRow {
    look_error: Option<String>,
    white: Option<Vec<u8>>,
    white_x: Option<i32>,
    white_y: Option<i32>,
    white_least: Option<i32>,
    white_on_white: Option<Vec<u8>>,
    on_white_x: Option<i32>,
    on_white_y: Option<i32>,
    on_white_least: Option<i32>,
    subject_width: Option<f64>,
    subject_height: Option<f64>,
}

impl LooksRow {
    fn looked(self) -> Looked {
        if let Some(reason) = self.look_error {
            return Looked::Failed(reason);
        }
        let on_white = whiteness(
            self.white_on_white,
            (self.on_white_x, self.on_white_y, self.on_white_least),
        );
        let border = whiteness(self.white, (self.white_x, self.white_y, self.white_least));
        match (border, self.subject_width, self.subject_height) {
            (Some(border), Some(subject_width), Some(subject_height)) => {
                Looked::Found(Arc::new(Looks {
                    border,
                    border_on_white: on_white,
                    subject_width,
                    subject_height,
                }))
            }
            _ => Looked::NotYet,
        }
    }
}

fn whiteness(
    histogram: Option<Vec<u8>>,
    (x, y, darkest): (Option<i32>, Option<i32>, Option<i32>),
) -> Option<Whiteness> {
    let pixels = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let worst = WorstPixel {
        x: pixels(x),
        y: pixels(y),
        darkest: u8::try_from(pixels(darkest)).unwrap_or_default(),
    };
    histogram.map(|histogram| Whiteness { histogram, worst })
}

/// What a version holds, of whichever kind it is.
#[derive(FromQueryResult)]
struct BodyRow {
    #[sea_orm(nested)]
    file: FileRow,
    #[sea_orm(nested)]
    looks: LooksRow,
    body: Option<String>,
    folded: Option<String>,
    byline: Option<String>,
    ranked: Option<i32>,
    rating: Option<String>,
    rating_scale: Option<String>,
    rating_count: Option<i32>,
    material_connection: Option<String>,
}

impl BodyRow {
    fn detail(self) -> Result<VersionDetail> {
        let missing = || Error::internal("a version without the row of its kind");
        Ok(if let Some(file) = self.file.stored() {
            let looks = self.looks.looked();
            VersionDetail::File(StoredFile { looks, ..file })
        } else if let Some(body) = self.body {
            VersionDetail::Text {
                body,
                folded: self.folded.unwrap_or_default(),
            }
        } else {
            VersionDetail::Wording(Wording {
                byline: self.byline,
                rank: self.ranked,
                rating: self.rating,
                rating_scale: self.rating_scale,
                rating_count: self.rating_count,
                material_connection: named(
                    self.material_connection.as_deref().ok_or_else(missing)?,
                )?,
            })
        })
    }
}

/// The columns of a [`BodyRow`].
const BODY_COLUMNS: &str = "av.sha256, av.filename, av.body, av.folded, f.media_type, f.bytes, m.width, m.height,
     m.has_alpha, m.color_space, m.duration_ms, m.pages, m.frames, m.orientation, m.look_error, m.white,
     m.white_x, m.white_y, m.white_least, m.white_on_white, m.on_white_x, m.on_white_y, m.on_white_least,
     m.subject_width, m.subject_height, ev.byline, ev.ranked,
     ev.rating, ev.rating_scale, ev.rating_count, ev.material_connection";

/// What a [`BodyRow`] is read from, beside `versions v`.
const BODY_TABLES: &str = " LEFT JOIN asset_versions av ON av.version_id = v.id
     LEFT JOIN files f ON f.sha256 = av.sha256
     LEFT JOIN media_facts m ON m.sha256 = av.sha256
     LEFT JOIN endorsement_versions ev ON ev.version_id = v.id";

#[derive(FromQueryResult)]
struct VersionRow {
    id: VersionId,
    content_id: ContentId,
    number: i32,
    state: String,
    note: Option<String>,
    author_kind: String,
    author_id: Option<Uuid>,
    created_at: Timestamp,
    #[sea_orm(nested)]
    body: BodyRow,
}

/// Versions by id, whoever may see them. One statement.
pub(crate) async fn load_versions(
    db: &impl ConnectionTrait,
    ids: &[VersionId],
) -> Result<HashMap<VersionId, Arc<Version>>> {
    let condition = Sql::new("v.id IN ").list(ids.iter().copied());
    let found = select_versions(db, condition).await?;
    Ok(found.into_iter().map(|v| (v.id, Arc::new(v))).collect())
}

/// Versions that a condition on `v` selects, with its order and limit.
pub(crate) async fn select_versions(
    db: &impl ConnectionTrait,
    condition: Sql,
) -> Result<Vec<Version>> {
    let sql = Sql::new(
        "SELECT v.id, v.content_id, v.number, v.state, v.note, v.author_kind, v.author_id, v.created_at, ",
    )
    .push(BODY_COLUMNS)
    .push(" FROM versions v")
    .push(BODY_TABLES)
    .push(" WHERE ")
    .append(condition);
    let rows: Vec<VersionRow> = fetch(db, sql).await?;
    rows.into_iter().map(version).collect()
}

fn version(row: VersionRow) -> Result<Version> {
    Ok(Version {
        id: row.id,
        content: row.content_id,
        number: row.number,
        state: named(&row.state)?,
        note: row.note,
        author: Actor::from_columns(&row.author_kind, row.author_id),
        created_at: row.created_at,
        detail: row.body.detail()?,
    })
}

#[derive(FromQueryResult)]
struct LabelRow {
    content_id: ContentId,
    what: i32,
    label: Option<String>,
    id: Option<Uuid>,
}

/// Tags, markets, channels, audiences and products of contents. One statement. Every id asked for has an
/// entry. Ids are in the order they were made, texts in the order of their bytes.
pub(crate) async fn load_labels(
    db: &impl ConnectionTrait,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, Arc<Labels>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let part = |sql: Sql| sql.push(" WHERE content_id IN ").list(ids.iter().copied());
    // A bare NULL has no type of its own on PostgreSQL: the first branch of the union gives it one.
    let sql = part(Sql::new(
        "SELECT content_id, 1 AS what, tag AS label, content_id AS id FROM content_tags",
    ))
    .append(part(Sql::new(
        " UNION ALL SELECT content_id, 2, market, content_id FROM content_markets",
    )))
    .append(part(Sql::new(
        " UNION ALL SELECT content_id, 3, '', channel_id FROM content_channels",
    )))
    .append(part(Sql::new(
        " UNION ALL SELECT content_id, 4, '', audience_id FROM content_audiences",
    )))
    .append(part(Sql::new(
        " UNION ALL SELECT content_id, 5, '', product_id FROM content_products",
    )));
    let rows: Vec<LabelRow> = fetch(db, sql).await?;
    let mut labels: HashMap<ContentId, Labels> =
        ids.iter().map(|id| (*id, Labels::default())).collect();
    for row in rows {
        let Some(entry) = labels.get_mut(&row.content_id) else {
            continue;
        };
        match (row.what, row.label, row.id) {
            (1, Some(tag), _) => entry.tags.push(tag),
            (2, Some(market), _) => entry.markets.push(market),
            (3, _, Some(id)) => entry.channels.push(ChannelId(id)),
            (4, _, Some(id)) => entry.audiences.push(AudienceId(id)),
            (5, _, Some(id)) => entry.products.push(ProductId(id)),
            _ => {}
        }
    }
    Ok(labels
        .into_iter()
        .map(|(id, labels)| (id, Arc::new(labels.in_order())))
        .collect())
}

#[derive(FromQueryResult)]
struct StatementRow {
    version_id: VersionId,
    locale: String,
    is_original: bool,
    headline: String,
    quote: Option<String>,
    award: Option<String>,
    disclosure: Option<String>,
    folded: String,
}

/// Statements by version: the original first, then by language. One statement.
pub(crate) async fn load_statements(
    db: &impl ConnectionTrait,
    versions: &[VersionId],
) -> Result<HashMap<VersionId, Arc<Vec<Statement>>>> {
    let sql = Sql::new(
        "SELECT version_id, locale, is_original, headline, quote, award, disclosure, folded
         FROM statements WHERE version_id IN ",
    )
    .list(versions.iter().copied())
    .push(" ORDER BY version_id, is_original DESC, locale");
    let rows: Vec<StatementRow> = fetch(db, sql).await?;
    let mut statements: HashMap<VersionId, Vec<Statement>> = HashMap::new();
    for row in rows {
        statements
            .entry(row.version_id)
            .or_default()
            .push(Statement {
                locale: row.locale,
                is_original: row.is_original,
                headline: row.headline,
                quote: row.quote,
                award: row.award,
                disclosure: row.disclosure,
                folded: row.folded,
            });
    }
    Ok(versions
        .iter()
        .map(|id| (*id, Arc::new(statements.remove(id).unwrap_or_default())))
        .collect())
}
