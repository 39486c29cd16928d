//! Queries on leases.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::model::{Lease, LeaseOn, Place, Terms};
use crate::accounts::Viewer;
use crate::contents::StoredFile;
use crate::contents::service::brand_condition;
use crate::contents::store::FileRow;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{BrandId, ChannelId, ContentId, LeaseId, ProductId};
use crate::platform::names::named;

#[derive(FromQueryResult)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a licence is a list of yes-or-no terms"
)]
struct LeaseRow {
    id: LeaseId,
    brand_id: BrandId,
    access: String,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    licensor: Option<String>,
    reference: Option<String>,
    document_sha256: Option<String>,
    document_filename: Option<String>,
    fee_minor: Option<i64>,
    fee_currency: Option<String>,
    no_alteration: bool,
    no_translation: bool,
    no_excerpt: bool,
    no_redistribution: bool,
    product_bound: bool,
    show_year: bool,
    creative_approval: bool,
    disclaimer: Option<String>,
    link_back: Option<String>,
    notes: Option<String>,
}

/// A lease's row together with one cell of its scope.
#[derive(FromQueryResult)]
struct ScopedRow {
    #[sea_orm(nested)]
    lease: LeaseRow,
    content_id: ContentId,
    channel_id: Option<ChannelId>,
    market: Option<String>,
}

const COLUMNS: &str = "l.id, l.brand_id, l.access, l.starts_at, l.ends_at, l.licensor, l.reference,
     l.document_sha256, l.document_filename, l.fee_minor, l.fee_currency, l.no_alteration, l.no_translation,
     l.no_excerpt, l.no_redistribution, l.product_bound, l.show_year, l.creative_approval, l.disclaimer,
     l.link_back, l.notes";

fn lease(row: LeaseRow) -> Result<Lease> {
    Ok(Lease {
        id: row.id,
        brand: row.brand_id,
        access: named(&row.access)?,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        licensor: row.licensor,
        reference: row.reference,
        document: row.document_sha256.zip(row.document_filename),
        fee: row.fee_minor.zip(row.fee_currency),
        terms: Terms {
            no_alteration: row.no_alteration,
            no_translation: row.no_translation,
            no_excerpt: row.no_excerpt,
            no_redistribution: row.no_redistribution,
            product_bound: row.product_bound,
            show_year: row.show_year,
            creative_approval: row.creative_approval,
            disclaimer: row.disclaimer,
            link_back: row.link_back,
        },
        notes: row.notes,
    })
}

/// Leases by id, whoever may see them.
pub(super) async fn load_leases(
    db: &impl ConnectionTrait,
    ids: &[LeaseId],
) -> Result<HashMap<LeaseId, Arc<Lease>>> {
    let sql = Sql::new("SELECT ")
        .push(COLUMNS)
        .push(" FROM leases l WHERE l.id IN ")
        .list(ids.iter().copied());
    let rows: Vec<LeaseRow> = fetch(db, sql).await?;
    rows.into_iter()
        .map(|row| lease(row).map(|l| (l.id, Arc::new(l))))
        .collect()
}

/// The documents of leases, as stored files.
pub(super) async fn load_documents(
    db: &impl ConnectionTrait,
    ids: &[LeaseId],
) -> Result<HashMap<LeaseId, StoredFile>> {
    #[derive(FromQueryResult)]
    struct Row {
        id: LeaseId,
        #[sea_orm(nested)]
        document: FileRow,
    }
    let sql = Sql::new(
        "SELECT l.id, l.document_sha256 AS sha256, l.document_filename AS filename, f.media_type, f.bytes,
         m.width, m.height, m.has_alpha, m.color_space, m.duration_ms, m.pages, m.frames, m.orientation
         FROM leases l
         JOIN files f ON f.sha256 = l.document_sha256
         LEFT JOIN media_facts m ON m.sha256 = l.document_sha256
         WHERE l.id IN ",
    )
    .list(ids.iter().copied());
    let rows: Vec<Row> = fetch(db, sql).await?;
    let document = |row: Row| row.document.stored().map(|file| (row.id, file));
    Ok(rows.into_iter().filter_map(document).collect())
}

/// What a lease covers, over all its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) contents: Vec<ContentId>,
    pub(crate) channels: Vec<ChannelId>,
    pub(crate) markets: Vec<String>,
}

/// The scopes of leases, each thing once, in the order of their ids.
pub(super) async fn load_scopes(
    db: &impl ConnectionTrait,
    ids: &[LeaseId],
) -> Result<HashMap<LeaseId, Arc<Scope>>> {
    #[derive(FromQueryResult)]
    struct Row {
        lease_id: LeaseId,
        content_id: ContentId,
        channel_id: Option<ChannelId>,
        market: Option<String>,
    }
    let sql = Sql::new(
        "SELECT lease_id, content_id, channel_id, market FROM lease_scopes WHERE lease_id IN ",
    )
    .list(ids.iter().copied())
    .push(" ORDER BY lease_id, position");
    let rows: Vec<Row> = fetch(db, sql).await?;
    let mut scopes: HashMap<LeaseId, Scope> = HashMap::new();
    for row in rows {
        let scope = scopes.entry(row.lease_id).or_default();
        push_once(&mut scope.contents, row.content_id);
        row.channel_id
            .into_iter()
            .for_each(|c| push_once(&mut scope.channels, c));
        row.market
            .into_iter()
            .for_each(|m| push_once(&mut scope.markets, m));
    }
    Ok(scopes
        .into_iter()
        .map(|(id, scope)| (id, Arc::new(scope)))
        .collect())
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// The leases on contents, the oldest first. One statement. Every id asked for has an entry.
pub(super) async fn load_leases_on(
    db: &impl ConnectionTrait,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, Arc<Vec<LeaseOn>>>> {
    let sql = Sql::new("SELECT ")
        .push(COLUMNS)
        .push(
            ", s.content_id, s.channel_id, s.market
             FROM lease_scopes s JOIN leases l ON l.id = s.lease_id WHERE s.content_id IN ",
        )
        .list(ids.iter().copied())
        .push(" ORDER BY l.id, s.position");
    let rows: Vec<ScopedRow> = fetch(db, sql).await?;
    let mut headers: HashMap<LeaseId, Arc<Lease>> = HashMap::new();
    let mut found: HashMap<ContentId, Vec<LeaseOn>> =
        ids.iter().map(|id| (*id, Vec::new())).collect();
    for row in rows {
        let id = row.lease.id;
        let header = if let Some(header) = headers.get(&id) {
            Arc::clone(header)
        } else {
            let header = Arc::new(lease(row.lease)?);
            headers.insert(id, Arc::clone(&header));
            header
        };
        let place = Place {
            channel: row.channel_id,
            market: row.market,
        };
        let on = found.entry(row.content_id).or_default();
        match on.last_mut().filter(|last| last.lease.id == id) {
            Some(last) => last.places.push(place),
            None => on.push(LeaseOn {
                lease: header,
                places: vec![place],
            }),
        }
    }
    Ok(found
        .into_iter()
        .map(|(id, on)| (id, Arc::new(on)))
        .collect())
}

/// Whether a placement, a row of this alias, is live at an instant: those that pages have opened are until
/// nobody has seen them for a while.
pub(crate) fn is_live(placement: &'static str, at: Timestamp) -> Sql {
    Sql::of(
        "({c}.status = 'LIVE' AND ({c}.live_until IS NULL OR {c}.live_until > ",
        placement,
    )
    .bind(at)
    .push("))")
}

/// How many endorsements of a brand are live in a channel for a product.
#[derive(FromQueryResult)]
pub(super) struct LiveCount {
    pub(super) channel_id: ChannelId,
    pub(super) product_id: Option<ProductId>,
    pub(super) brand_id: BrandId,
    pub(super) n: i64,
}

/// What is live in channels, of the brands that the viewer reaches. One statement.
pub(super) async fn count_live(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    channels: &[ChannelId],
    at: Timestamp,
) -> Result<Vec<LiveCount>> {
    let sql = Sql::new(
        "SELECT p.channel_id, p.product_id, c.brand_id, count(*) AS n
         FROM placements p JOIN contents c ON c.id = p.content_id
         WHERE ",
    )
    .append(is_live("p", at))
    .push(" AND c.kind = 'ENDORSEMENT' AND p.channel_id IN ")
    .list(channels.iter().copied())
    .push(" AND ")
    .append(brand_condition(viewer, "c.brand_id"))
    .push(" GROUP BY p.channel_id, p.product_id, c.brand_id");
    fetch(db, sql).await
}
