//! Use cases of placements.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{Placement, PlacementStatus};
use super::store;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::channels::{self, Rule, Tree};
use crate::contents::service::{brand_condition, check_products};
use crate::contents::{ContentKind, VersionState, public_id};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, fetch_count, fetch_one, for_update, run};
use crate::platform::ids::{
    AudienceId, BrandId, ChannelId, ContentId, PlacementId, ProductId, VersionId,
};
use crate::platform::ledger::{Audit, Event};
use crate::platform::names::named;
use crate::platform::text;
use crate::rights;
use crate::rights::gate::Ask;
use crate::rights::is_live;

/// What a new placement shall be.
#[derive(Clone, Debug)]
pub(crate) struct NewPlacement {
    pub kind: ContentKind,
    pub content: ContentId,
    /// None: the current one.
    pub version: Option<VersionId>,
    pub channel: ChannelId,
    pub product: Option<ProductId>,
    pub audience: Option<AudienceId>,
    pub location: String,
    pub url: Option<String>,
    pub status: PlacementStatus,
    pub planned_for: Option<Day>,
}

/// What changes of a placement; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlacementChange {
    pub status: Option<PlacementStatus>,
    pub version: Option<VersionId>,
    pub product: Option<Option<ProductId>>,
    pub audience: Option<Option<AudienceId>>,
    pub location: Option<String>,
    pub url: Option<Option<String>>,
}

/// What a write needs of the caller.
#[derive(Clone)]
struct Caller {
    viewer: Arc<Viewer>,
    tree: Arc<Tree>,
    /// Most endorsements that the channel shows at a time, where it says.
    cap: Option<i64>,
    /// The field of the input that a full channel is about.
    cap_field: &'static str,
}

/// A placement that was made. A repeated call knows its id alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Made {
    pub id: PlacementId,
    #[serde(skip)]
    pub placement: Option<Arc<Placement>>,
}

/// Places a version of a content, planned or live at once.
pub(crate) async fn create_placement(cx: &OpContext, mut new: NewPlacement) -> Result<Made> {
    cx.viewer.require(Scope::Write)?;
    clean(&mut new, true)?;
    let caller = caller(cx, new.channel, "channel").await?;
    cx.write((new, caller), |tx, (new, caller)| {
        Box::pin(insert(tx, new, caller))
    })
    .await
}

/// Cleans what a placement shall be, or shall become.
pub(crate) fn clean(new: &mut NewPlacement, is_new: bool) -> Result<()> {
    let mut problems = Problems::new();
    new.location = text::required(&mut problems, "location", &new.location, text::LINE);
    if is_new && new.status == PlacementStatus::Retired {
        problems.add(
            UserErrorCode::Invalid,
            "status",
            "A new placement is PLANNED or LIVE.",
        );
    }
    problems.check()
}

/// Placements by id, those that the viewer reaches. One statement.
pub(crate) async fn load(
    cx: &OpContext,
    ids: &[PlacementId],
) -> Result<HashMap<PlacementId, Arc<Placement>>> {
    store::load(cx.app.db.read(), &cx.viewer, ids, cx.at()).await
}

/// Places one of several within a transaction; its input has been cleaned.
pub(crate) async fn place(
    tx: &Tx,
    (viewer, tree): (&Arc<Viewer>, &Arc<Tree>),
    new: &NewPlacement,
) -> Result<PlacementId> {
    let caller = caller_of(viewer, tree, new.channel, "channel");
    Ok(insert(tx, new, &caller).await?.id)
}

/// Changes one of several within a transaction, which stands in this channel; its input has been cleaned.
pub(crate) async fn replace(
    tx: &Tx,
    (viewer, tree): (&Arc<Viewer>, &Arc<Tree>),
    (id, channel): (PlacementId, ChannelId),
    change: &PlacementChange,
) -> Result<PlacementId> {
    update(
        tx,
        id,
        change,
        &caller_of(viewer, tree, channel, "placement"),
    )
    .await
}

/// Changes a placement, or takes it a step further.
pub(crate) async fn update_placement(
    cx: &OpContext,
    id: PlacementId,
    mut change: PlacementChange,
) -> Result<PlacementId> {
    cx.viewer.require(Scope::Write)?;
    let found = store::load(cx.app.db.read(), &cx.viewer, &[id], cx.at()).await?;
    let before = found
        .get(&id)
        .ok_or_else(|| Error::not_found("placement"))?;
    let mut problems = Problems::new();
    change.location = change
        .location
        .map(|location| text::required(&mut problems, "location", &location, text::LINE));
    problems.check()?;
    let caller = caller(cx, before.channel, "placement").await?;
    cx.write((id, change, caller), |tx, (id, change, caller)| {
        Box::pin(update(tx, *id, change, caller))
    })
    .await
}

/// What goes live is what the gate lets out there now, as this transaction finds it: this very version, whichever
/// is current.
async fn check_gate(
    tx: &Tx,
    caller: &Caller,
    shown: (ContentId, VersionId),
    channel: ChannelId,
    product: Option<ProductId>,
) -> Result<()> {
    let channel = caller.tree.get(channel).ok_or(Error::NotFound)?;
    let ask = Ask::new(&caller.tree, channel, tx.op.at).for_product(product);
    match rights::refusal(&**tx, shown, &ask).await? {
        Some(text) => Err(Error::user(UserErrorCode::NotAvailable, "content", text)),
        None => Ok(()),
    }
}

async fn caller(cx: &OpContext, channel: ChannelId, cap_field: &'static str) -> Result<Caller> {
    let tree = channels::tree(cx).await?;
    Ok(caller_of(&cx.viewer, &tree, channel, cap_field))
}

fn caller_of(
    viewer: &Arc<Viewer>,
    tree: &Arc<Tree>,
    channel: ChannelId,
    cap_field: &'static str,
) -> Caller {
    let rules = tree.rules(channel);
    let cap = rules.iter().filter_map(Rule::cap).min();
    Caller {
        viewer: Arc::clone(viewer),
        tree: Arc::clone(tree),
        cap,
        cap_field,
    }
}

#[derive(FromQueryResult)]
struct Locked {
    brand_id: BrandId,
    kind: String,
    trashed_at: Option<Timestamp>,
    current_id: Option<VersionId>,
    stamp: i64,
    /// The stamp when the statement began.
    stamp_seen: i64,
}

/// The placed content, locked: it is not trashed, nor placed by another, before this write has ended.
struct Placed {
    content: ContentId,
    brand: BrandId,
    kind: ContentKind,
    trashed: bool,
    /// The current version.
    current: Option<VersionId>,
}

async fn lock(tx: &Tx, viewer: &Viewer, content: ContentId) -> Result<Placed> {
    let sql = Sql::new(
        "SELECT c.brand_id, c.kind, c.trashed_at, c.stamp,
         (SELECT x.stamp FROM contents x WHERE x.id = c.id) AS stamp_seen,
         (SELECT v.id FROM versions v WHERE v.content_id = c.id AND v.state = 'APPROVED'
          ORDER BY v.number DESC LIMIT 1) AS current_id
         FROM contents c WHERE c.id = ",
    )
    .bind(content)
    .push(" AND ")
    .append(brand_condition(viewer, "c.brand_id"))
    .push(for_update(&**tx));
    let locked = async || -> Result<Locked> {
        let row = fetch_one(&**tx, sql.clone()).await?;
        row.ok_or_else(|| Error::not_found("content"))
    };
    let mut row = locked().await?;
    if row.stamp != row.stamp_seen {
        // PostgreSQL waited for another writer: the row is as that left it, the sub-selects as they were before.
        row = locked().await?;
    }
    Ok(Placed {
        content,
        brand: row.brand_id,
        kind: named(&row.kind)?,
        trashed: row.trashed_at.is_some(),
        current: row.current_id,
    })
}

impl Placed {
    fn check_not_trashed(&self, field: &str) -> Result<()> {
        if !self.trashed {
            return Ok(());
        }
        let text = "It is in the trash. Restore it first.";
        Err(Error::user(UserErrorCode::NotAvailable, field, text))
    }
}

async fn insert(tx: &Tx, new: &NewPlacement, caller: &Caller) -> Result<Made> {
    let placed = lock(tx, &caller.viewer, new.content).await?;
    if placed.kind != new.kind {
        return Err(Error::not_found("content"));
    }
    placed.check_not_trashed("content")?;
    if let Some(product) = new.product {
        check_products(tx, placed.brand, &[product], "product").await?;
    }
    let version = match new.version {
        Some(version) => placeable(tx, placed.content, version).await?,
        None => placed
            .current
            .ok_or_else(|| unplaceable("It has no approved version. Have one approved first."))?,
    };
    let live = new.status == PlacementStatus::Live;
    if live {
        let shown = (placed.content, version);
        check_gate(tx, caller, shown, new.channel, new.product).await?;
        check_cap(tx, &placed, new.channel, new.product, None, caller).await?;
    }
    let id: PlacementId = tx.id();
    let placement = Placement {
        id,
        content: placed.content,
        version,
        channel: new.channel,
        product: new.product,
        audience: new.audience,
        location: new.location.clone(),
        url: new.url.clone(),
        status: new.status,
        planned_for: new.planned_for,
        live_from: live.then_some(tx.op.at),
        live_to: None,
        current: placed.current,
    };
    tx.write_last(store::insert(&placement, tx.op.at));
    let changes = json!({
        "version": version,
        "channel": new.channel,
        "product": new.product,
        "audience": new.audience,
        "location": new.location,
        "url": new.url,
        "status": new.status,
        "plannedFor": new.planned_for.map(|day| day.to_date().to_string()),
    });
    record(tx, &placed, "createPlacement", id, changes);
    if live {
        announce_live(tx, &placed, id, new.channel);
    }
    Ok(Made {
        id,
        placement: Some(Arc::new(placement)),
    })
}

async fn update(
    tx: &Tx,
    id: PlacementId,
    change: &PlacementChange,
    caller: &Caller,
) -> Result<PlacementId> {
    let found = store::load(&**tx, &caller.viewer, &[id], tx.op.at).await?;
    let content = found
        .get(&id)
        .map(|p| p.content)
        .ok_or_else(|| Error::not_found("placement"))?;
    let placed = lock(tx, &caller.viewer, content).await?;
    // Read again: until the lock was ours another write may have changed it.
    let found = store::load(&**tx, &caller.viewer, &[id], tx.op.at).await?;
    let before = found
        .get(&id)
        .ok_or_else(|| Error::not_found("placement"))?;
    check_step(before, change)?;
    if let Some(Some(product)) = change.product {
        check_products(tx, placed.brand, &[product], "product").await?;
    }
    let status = change.status.unwrap_or(before.status);
    let version = change.version.unwrap_or(before.version);
    let goes_live = status == PlacementStatus::Live && before.status != status;
    if goes_live {
        placed.check_not_trashed("placement")?;
    }
    if goes_live || change.version.is_some() {
        placeable(tx, content, version).await?;
    }
    let product = change.product.unwrap_or(before.product);
    let is_another = goes_live || product != before.product;
    if status == PlacementStatus::Live && (is_another || version != before.version) {
        check_gate(tx, caller, (content, version), before.channel, product).await?;
    }
    if status == PlacementStatus::Live && is_another {
        check_cap(tx, &placed, before.channel, product, Some(id), caller).await?;
    }
    run(&**tx, changed(tx.op.at, before, change)).await?;
    record(tx, &placed, "updatePlacement", id, describe(change));
    if goes_live {
        announce_live(tx, &placed, id, before.channel);
    }
    Ok(id)
}

/// The step can be taken from where the placement stands, and its past is not rewritten.
fn check_step(before: &Placement, change: &PlacementChange) -> Result<()> {
    let refuse =
        |field, text: String| Err(Error::user(UserErrorCode::ForbiddenTransition, field, text));
    if let Some(next) = change
        .status
        .filter(|next| !before.status.may_become(*next))
    {
        let (from, to) = (before.status.name(), next.name());
        return refuse(
            "status",
            format!("What is {from} cannot become {to}. Make a new placement."),
        );
    }
    if before.status == PlacementStatus::Retired {
        let text = "What was shown there, and for what product, is history. Make a new placement.";
        if change.version.is_some() {
            return refuse("version", text.to_owned());
        }
        if change.product.is_some() {
            return refuse("product", text.to_owned());
        }
    }
    Ok(())
}

fn changed(at: Timestamp, before: &Placement, change: &PlacementChange) -> Sql {
    let mut set: Vec<(&'static str, sea_orm::Value)> = vec![("updated_at", at.into())];
    if let Some(status) = change.status.filter(|status| *status != before.status) {
        set.push(("status", status.name().into()));
        match status {
            PlacementStatus::Live => set.push(("live_from", at.into())),
            PlacementStatus::Retired if before.live_from.is_some() => {
                set.push(("live_to", at.into()));
            }
            _ => {}
        }
    }
    set.extend(change.version.map(|version| ("version_id", version.into())));
    set.extend(change.product.map(|product| ("product_id", product.into())));
    set.extend(
        change
            .audience
            .map(|audience| ("audience_id", audience.into())),
    );
    set.extend(
        change
            .location
            .clone()
            .map(|location| ("location", location.into())),
    );
    set.extend(change.url.clone().map(|url| ("url", url.into())));
    Sql::update("placements", set)
        .push(" WHERE id = ")
        .bind(before.id)
}

fn describe(change: &PlacementChange) -> serde_json::Value {
    let fields = [
        ("status", change.status.map(|status| json!(status))),
        ("version", change.version.map(|version| json!(version))),
        ("product", change.product.map(|product| json!(product))),
        ("audience", change.audience.map(|audience| json!(audience))),
        (
            "location",
            change.location.as_ref().map(|location| json!(location)),
        ),
        ("url", change.url.as_ref().map(|url| json!(url))),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    serde_json::Value::Object(given.collect())
}

#[derive(FromQueryResult)]
struct Candidate {
    id: VersionId,
    state: String,
}

/// The version to be placed, which must be the content's and approved.
async fn placeable(tx: &Tx, content: ContentId, version: VersionId) -> Result<VersionId> {
    let sql = Sql::new("SELECT id, state FROM versions WHERE content_id = ")
        .bind(content)
        .push(" AND id = ")
        .bind(version);
    let found: Option<Candidate> = fetch_one(&**tx, sql).await?;
    let found = found.ok_or_else(|| Error::not_found("version"))?;
    if named::<VersionState>(&found.state)? != VersionState::Approved {
        let text = "This version is not approved. Place an approved one.";
        return Err(unplaceable(text));
    }
    Ok(found.id)
}

fn unplaceable(text: &str) -> Error {
    Error::user(UserErrorCode::NotAvailable, "version", text)
}

/// One more live endorsement does not exceed what the channel shows at a time for the product. The
/// channel's row is locked, so that two that race do not both take the last place.
async fn check_cap(
    tx: &Tx,
    placed: &Placed,
    channel: ChannelId,
    product: Option<ProductId>,
    itself: Option<PlacementId>,
    caller: &Caller,
) -> Result<()> {
    let Some(cap) = caller
        .cap
        .filter(|_| placed.kind == ContentKind::Endorsement)
    else {
        return Ok(());
    };
    run(
        &**tx,
        Sql::new("UPDATE channels SET weight = weight WHERE id = ").bind(channel),
    )
    .await?;
    let mut conditions = vec![
        Sql::new("p.channel_id = ").bind(channel),
        is_live("p", tx.op.at),
        Sql::new("c.kind = 'ENDORSEMENT' AND c.brand_id = ").bind(placed.brand),
        match product {
            Some(product) => Sql::new("p.product_id = ").bind(product),
            None => Sql::new("p.product_id IS NULL"),
        },
    ];
    conditions.extend(itself.map(|id| Sql::new("p.id <> ").bind(id)));
    let sql = Sql::new(
        "SELECT count(*) AS n FROM placements p JOIN contents c ON c.id = p.content_id WHERE ",
    )
    .append(Sql::all(conditions));
    if fetch_count(&**tx, sql).await? < cap {
        return Ok(());
    }
    let text = format!(
        "This channel shows at most {cap} endorsements of a product at a time. Retire one first."
    );
    Err(Error::user(
        UserErrorCode::NotAvailable,
        caller.cap_field,
        text,
    ))
}

fn record(
    tx: &Tx,
    placed: &Placed,
    action: &'static str,
    id: PlacementId,
    changes: serde_json::Value,
) {
    tx.audit(Audit {
        brand: Some(placed.brand),
        action,
        subject: id.to_string(),
        contents: vec![placed.content],
        changes,
    });
}

fn announce_live(tx: &Tx, placed: &Placed, id: PlacementId, channel: ChannelId) {
    tx.emit(Event {
        brand: Some(placed.brand),
        topic: "PLACEMENT_LIVE",
        subject: public_id(placed.kind, placed.content),
        payload: json!({ "placement": id, "channel": channel }),
    });
}
