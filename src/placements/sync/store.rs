//! Statements of a sync.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::{FromQueryResult, Value};
use serde_json::json;

use super::Item;
use super::plan::Plan;
use crate::accounts::Viewer;
use crate::contents::service::brand_condition;
use crate::contents::{ContentKind, VersionState, public_id};
use crate::error::{Error, Result};
use crate::placements::model::Placement;
use crate::placements::store::{self as placements, ROW, row_of};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_one, for_update, insert_many, run};
use crate::platform::ids::{
    BrandId, ChannelId, ContentId, PlacementId, ProductId, TokenId, VersionId,
};
use crate::platform::ledger::{Audit, Event};
use crate::platform::names::named;

/// Whose placements they are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub token: TokenId,
    pub integration: String,
    pub channel: ChannelId,
}

impl Place {
    fn condition(&self) -> Sql {
        Sql::new("k.token_id = ")
            .bind(self.token)
            .push(" AND k.channel_id = ")
            .bind(self.channel)
            .push(" AND k.integration = ")
            .bind(self.integration.clone())
    }
}

/// A content that was named, locked.
pub(super) struct Content {
    pub brand: BrandId,
    pub kind: ContentKind,
    pub is_trashed: bool,
    pub current: Option<VersionId>,
    /// The newest of those that were approved and withdrawn.
    pub withdrawn: Option<VersionId>,
    /// The versions that were named.
    pub named: HashMap<VersionId, VersionState>,
}

/// What the database has of what was sent, and of what was sent before.
pub(super) struct Known {
    /// What is live, by its key.
    pub placed: HashMap<String, Arc<Placement>>,
    pub contents: HashMap<ContentId, Content>,
    pub products: HashMap<ProductId, BrandId>,
}

#[derive(FromQueryResult)]
struct Locked {
    id: TokenId,
}

/// Has two syncs of a token take turns.
pub(super) async fn lock_token(tx: &Tx, token: TokenId) -> Result<()> {
    let sql = Sql::new("SELECT id FROM access_tokens WHERE id = ")
        .bind(token)
        .push(for_update(&**tx));
    let locked: Option<Locked> = fetch_one(&**tx, sql).await?;
    locked
        .filter(|locked| locked.id == token)
        .map(|_| ())
        .ok_or_else(|| Error::internal("a token vanished"))
}

#[derive(FromQueryResult)]
struct KeyRow {
    key: String,
    placement_id: PlacementId,
}

#[derive(FromQueryResult)]
struct ContentRow {
    id: ContentId,
    brand_id: BrandId,
    kind: String,
    trashed_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct VersionRow {
    id: VersionId,
    content_id: ContentId,
    number: i32,
    state: String,
}

#[derive(FromQueryResult)]
struct ProductRow {
    id: ProductId,
    brand_id: BrandId,
}

/// Reads it, and locks the contents: none is trashed before this write has ended. Five statements.
pub(super) async fn known(
    tx: &Tx,
    viewer: &Viewer,
    place: &Place,
    items: &[Item],
) -> Result<Known> {
    let sql = Sql::new(
        "SELECT k.key, k.placement_id FROM placement_keys k JOIN placements p ON p.id = k.placement_id
         WHERE p.status = 'LIVE' AND ",
    )
    .append(place.condition());
    let keys: Vec<KeyRow> = fetch(&**tx, sql).await?;
    let ids: Vec<PlacementId> = keys.iter().map(|k| k.placement_id).collect();
    let live = placements::load(&**tx, viewer, &ids, tx.op.at).await?;
    let mut wanted: BTreeSet<ContentId> = items.iter().map(|item| item.content).collect();
    wanted.extend(live.values().map(|placement| placement.content));
    let contents = contents(tx, viewer, wanted, items).await?;
    let placed = keys.into_iter().filter_map(|row| {
        let placement = live.get(&row.placement_id)?;
        Some((row.key, Arc::clone(placement)))
    });
    let products: BTreeSet<ProductId> = items.iter().filter_map(|item| item.product).collect();
    let sql = Sql::new("SELECT id, brand_id FROM products WHERE id IN ").list(products);
    let products: Vec<ProductRow> = fetch(&**tx, sql).await?;
    Ok(Known {
        placed: placed.collect(),
        contents,
        products: products.into_iter().map(|p| (p.id, p.brand_id)).collect(),
    })
}

async fn contents(
    tx: &Tx,
    viewer: &Viewer,
    wanted: BTreeSet<ContentId>,
    items: &[Item],
) -> Result<HashMap<ContentId, Content>> {
    let sql = Sql::new("SELECT id, brand_id, kind, trashed_at FROM contents WHERE id IN ")
        .list(wanted)
        .push(" AND ")
        .append(brand_condition(viewer, "brand_id"))
        .push(" ORDER BY id")
        .push(for_update(&**tx));
    let rows: Vec<ContentRow> = fetch(&**tx, sql).await?;
    let mut contents = HashMap::new();
    for row in rows {
        let content = Content {
            brand: row.brand_id,
            kind: named(&row.kind)?,
            is_trashed: row.trashed_at.is_some(),
            current: None,
            withdrawn: None,
            named: HashMap::new(),
        };
        contents.insert(row.id, content);
    }
    // Of each content the newest of those that may stand in a placement, and what was named.
    let named_versions: BTreeSet<VersionId> = items.iter().filter_map(|i| i.version).collect();
    let found: Vec<ContentId> = contents.keys().copied().collect();
    let sql = Sql::new(
        "SELECT v.id, v.content_id, v.number, v.state FROM versions v WHERE v.content_id IN ",
    )
    .list(found)
    .push(" AND (v.id IN ")
    .list(named_versions)
    .push(
        " OR (v.state IN ('APPROVED', 'WITHDRAWN') AND NOT EXISTS (SELECT 1 FROM versions n
              WHERE n.content_id = v.content_id AND n.state = v.state AND n.number > v.number)))",
    );
    let mut rows: Vec<VersionRow> = fetch(&**tx, sql).await?;
    // A version that was named may be older than the newest of its state: that comes last.
    rows.sort_unstable_by_key(|row| row.number);
    for row in rows {
        let Some(content) = contents.get_mut(&row.content_id) else {
            continue;
        };
        let state: VersionState = named(&row.state)?;
        match state {
            VersionState::Approved => content.current = Some(row.id),
            VersionState::Withdrawn => content.withdrawn = Some(row.id),
            _ => {}
        }
        content.named.insert(row.id, state);
    }
    Ok(contents)
}

/// Writes what was planned, and says so in the log.
pub(super) async fn apply(tx: &Tx, place: &Place, known: &Known, plan: &Plan) -> Result<()> {
    retire(tx, plan).await?;
    let added = plan.added.iter().map(|(_, placement)| placement);
    let rows = added.map(|placement| row_of(placement, tx.op.at));
    insert_many(&**tx, "placements", &ROW, rows.collect(), "").await?;
    let rows = plan.changed.iter().map(|p| row_of(p, tx.op.at));
    let end = " ON CONFLICT (id) DO UPDATE SET version_id = excluded.version_id,
        location = excluded.location, url = excluded.url, live_from = excluded.live_from,
        updated_at = excluded.updated_at";
    insert_many(&**tx, "placements", &ROW, rows.collect(), end).await?;
    let columns = [
        "token_id",
        "integration",
        "channel_id",
        "key",
        "placement_id",
    ];
    let rows = plan.added.iter().map(|(key, placement)| -> Vec<Value> {
        vec![
            place.token.into(),
            place.integration.clone().into(),
            place.channel.into(),
            key.clone().into(),
            placement.id.into(),
        ]
    });
    let end = " ON CONFLICT (token_id, channel_id, integration, key)
        DO UPDATE SET placement_id = excluded.placement_id";
    insert_many(&**tx, "placement_keys", &columns, rows.collect(), end).await?;
    tell(tx, place, known, plan);
    tx.settle().await
}

/// What is no longer there has no key any more: should it come back, it is another placement.
async fn retire(tx: &Tx, plan: &Plan) -> Result<()> {
    if plan.retired.is_empty() {
        return Ok(());
    }
    let ids = || plan.retired.iter().map(|placement| placement.id);
    let set = [
        ("status", "RETIRED".into()),
        ("live_to", tx.op.at.into()),
        ("updated_at", tx.op.at.into()),
    ];
    let sql = Sql::update("placements", set).push(" WHERE id IN ");
    run(&**tx, sql.list(ids())).await?;
    let sql = Sql::new("DELETE FROM placement_keys WHERE placement_id IN ").list(ids());
    run(&**tx, sql).await?;
    Ok(())
}

fn tell(tx: &Tx, place: &Place, known: &Known, plan: &Plan) {
    let brand = |placement: &Placement| known.contents.get(&placement.content).map(|c| c.brand);
    let audit = |placement: &Placement, changes: serde_json::Value| {
        tx.audit(Audit {
            brand: brand(placement),
            action: "syncPlacements",
            subject: placement.id.to_string(),
            contents: vec![placement.content],
            changes,
        });
    };
    for placement in &plan.retired {
        audit(
            placement,
            json!({ "status": "RETIRED", "integration": place.integration }),
        );
    }
    for placement in &plan.changed {
        let changes = json!({
            "version": placement.version,
            "location": placement.location,
            "url": placement.url,
            "integration": place.integration,
        });
        audit(placement, changes);
    }
    for (key, placement) in &plan.added {
        let changes = json!({
            "version": placement.version,
            "channel": placement.channel,
            "product": placement.product,
            "location": placement.location,
            "url": placement.url,
            "status": "LIVE",
            "integration": place.integration,
            "key": key,
        });
        audit(placement, changes);
        let Some(content) = known.contents.get(&placement.content) else {
            continue;
        };
        tx.emit(Event {
            brand: Some(content.brand),
            topic: "PLACEMENT_LIVE",
            subject: public_id(content.kind, placement.content),
            payload: json!({ "placement": placement.id, "channel": placement.channel }),
        });
    }
}
