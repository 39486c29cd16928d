//! Asking the gate, and setting and ending leases.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::facts::load_facts;
use super::gate::{Ask, Availability, Facts, decide};
use super::model::{LeaseAccess, Terms};
use super::pinned::load_as_if;
use crate::accounts::{OpContext, Reach, Scope, Viewer};
use crate::assets::{SourceFile, keep};
use crate::channels::resolve::reaches;
use crate::channels::{Channel, Tree, tree};
use crate::contents::service::{brand_condition, check_len};
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_count, run};
use crate::platform::ids::{BrandId, ChannelId, ContentId, LeaseId, VersionId};
use crate::platform::ledger::{Audit, Event};
use crate::platform::text;

/// Most cells of a lease's scope, and most leases on a content.
const MAX_SCOPE: usize = 250;

/// Why this version of a content may not go out, in one sentence; none: it may. Another version than the current
/// one takes three statements more.
pub(crate) async fn refusal(
    db: &impl ConnectionTrait,
    (content, version): (ContentId, VersionId),
    ask: &Ask,
) -> Result<Option<String>> {
    let facts = load_facts(db, &[content]).await?;
    let own = facts.get(&content).ok_or(Error::NotFound)?;
    let current = own.content.current.as_ref().map(|v| v.id);
    let answer = if current == Some(version) {
        decide(own, ask)
    } else {
        let pinned = load_as_if(db, &facts, &[version]).await?;
        decide(pinned.get(&version).ok_or(Error::NotFound)?, ask)
    };
    if answer.is_available() {
        return Ok(None);
    }
    let texts: Vec<&str> = answer
        .holds
        .iter()
        .map(|hold| hold.message.as_str())
        .collect();
    Ok(Some(texts.join(" ")))
}

/// Whether the gate lets a content out at an instant in any of the channels: then until when that is sure.
pub(crate) fn out_on_any(
    facts: &Facts,
    tree: &Tree,
    channels: impl Iterator<Item = Arc<Channel>>,
    at: Timestamp,
) -> Option<Option<Timestamp>> {
    let open = channels
        .map(|channel| decide(facts, &Ask::new(tree, &channel, at)))
        .find(Availability::is_available);
    open.map(|answer| answer.until)
}

/// What a new lease shall be.
#[derive(Clone, Debug)]
pub(super) struct NewLease {
    pub contents: Vec<ContentId>,
    pub access: LeaseAccess,
    pub channels: Vec<ChannelId>,
    pub markets: Vec<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub licensor: Option<String>,
    pub reference: Option<String>,
    pub document: Option<SourceFile>,
    /// Minor units and ISO 4217 code.
    pub fee: Option<(i64, String)>,
    pub terms: Terms,
    pub notes: Option<String>,
}

/// Records a lease on contents of one brand.
pub(super) async fn create_lease(
    cx: &OpContext,
    mut new: NewLease,
    mut problems: Problems,
) -> Result<LeaseId> {
    cx.viewer.require(Scope::Write)?;
    new.licensor = text::optional(
        &mut problems,
        "licensor",
        new.licensor.as_deref(),
        text::LINE,
    );
    new.reference = text::optional(
        &mut problems,
        "reference",
        new.reference.as_deref(),
        text::LINE,
    );
    new.notes = text::optional(&mut problems, "notes", new.notes.as_deref(), text::PROSE);
    let disclaimer = new.terms.disclaimer.as_deref();
    new.terms.disclaimer = text::optional(&mut problems, "terms.disclaimer", disclaimer, 1_000);
    if let (Some(start), Some(end)) = (new.starts_at, new.ends_at)
        && end <= start
    {
        problems.add(
            UserErrorCode::Invalid,
            "endsAt",
            "The end must lie after the start.",
        );
    }
    new.markets.sort();
    new.markets.dedup();
    check_len(&mut problems, "contents", new.contents.len());
    if cells(&new).len() > MAX_SCOPE {
        let text = format!(
            "Contents × channels × markets may be at most {MAX_SCOPE}. Make several leases of it."
        );
        problems.add(UserErrorCode::QuotaExceeded, "contents", text);
    }
    problems.check()?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((new, viewer), |tx, (new, viewer)| {
        Box::pin(async move {
            let brand =
                common_brand(tx, &new.contents, brand_condition(viewer, "brand_id")).await?;
            insert(tx, brand, new).await
        })
    })
    .await
}

/// The cross product of contents, channels and markets; none stands for all.
fn cells(new: &NewLease) -> Vec<(ContentId, Option<ChannelId>, Option<String>)> {
    let channels: Vec<Option<ChannelId>> = or_all(new.channels.iter().copied().map(Some).collect());
    let markets: Vec<Option<String>> = or_all(new.markets.iter().cloned().map(Some).collect());
    let mut cells = Vec::new();
    for content in &new.contents {
        for channel in &channels {
            for market in &markets {
                cells.push((*content, *channel, market.clone()));
                if cells.len() > MAX_SCOPE {
                    return cells;
                }
            }
        }
    }
    cells
}

fn or_all<T>(list: Vec<Option<T>>) -> Vec<Option<T>> {
    if list.is_empty() { vec![None] } else { list }
}

/// The brand of all the contents, their rows locked; NOT_FOUND for one that the viewer does not reach.
async fn common_brand(tx: &Tx, contents: &[ContentId], reach: Sql) -> Result<BrandId> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        id: ContentId,
        brand_id: BrandId,
    }
    let sql = Sql::new("UPDATE contents SET updated_at = ")
        .bind(tx.op.at)
        .push(" WHERE id IN ")
        .list(contents.iter().copied())
        .push(" AND ")
        .append(reach)
        .push(" RETURNING id, brand_id");
    let rows: Vec<Row> = fetch(&**tx, sql).await?;
    let mut problems = Problems::new();
    for (i, id) in contents.iter().enumerate() {
        if !rows.iter().any(|row| row.id == *id) {
            problems.push(UserError::not_found(&format!("contents.{i}")));
        }
    }
    problems.check()?;
    match rows.first() {
        Some(first) if rows.iter().all(|row| row.brand_id == first.brand_id) => Ok(first.brand_id),
        _ => {
            let text = "A lease is for contents of one brand. Make one for each brand.";
            Err(Error::user(UserErrorCode::Invalid, "contents", text))
        }
    }
}

async fn insert(tx: &Tx, brand: BrandId, new: &NewLease) -> Result<LeaseId> {
    if let Some(document) = &new.document {
        keep(tx, document).await?;
    }
    let id: LeaseId = tx.id();
    let (actor_kind, actor_id) = tx.op.actor.to_columns();
    let terms = &new.terms;
    let row = [
        ("id", id.into()),
        ("brand_id", brand.into()),
        (
            "access",
            crate::platform::names::name_of(new.access)?.into(),
        ),
        ("starts_at", new.starts_at.into()),
        ("ends_at", new.ends_at.into()),
        ("licensor", new.licensor.clone().into()),
        ("reference", new.reference.clone().into()),
        (
            "document_sha256",
            new.document.as_ref().map(|d| d.sha256.clone()).into(),
        ),
        (
            "document_filename",
            new.document.as_ref().map(|d| d.filename.clone()).into(),
        ),
        ("fee_minor", new.fee.as_ref().map(|f| f.0).into()),
        ("fee_currency", new.fee.as_ref().map(|f| f.1.clone()).into()),
        ("no_alteration", terms.no_alteration.into()),
        ("no_translation", terms.no_translation.into()),
        ("no_excerpt", terms.no_excerpt.into()),
        ("no_redistribution", terms.no_redistribution.into()),
        ("product_bound", terms.product_bound.into()),
        ("show_year", terms.show_year.into()),
        ("creative_approval", terms.creative_approval.into()),
        ("disclaimer", terms.disclaimer.clone().into()),
        ("link_back", terms.link_back.clone().into()),
        ("notes", new.notes.clone().into()),
        ("created_at", tx.op.at.into()),
        ("created_by_kind", actor_kind.into()),
        ("created_by_id", actor_id.into()),
    ];
    run(&**tx, Sql::insert("leases", row)).await?;
    let rows =
        cells(new)
            .into_iter()
            .enumerate()
            .map(|(i, (content, channel, market))| -> Vec<Value> {
                vec![
                    id.into(),
                    i32::try_from(i).unwrap_or(i32::MAX).into(),
                    content.into(),
                    channel.into(),
                    market.into(),
                ]
            });
    let columns = ["lease_id", "position", "content_id", "channel_id", "market"];
    run(&**tx, Sql::insert_all("lease_scopes", &columns, rows)).await?;
    check_quota(tx, &new.contents).await?;
    tx.audit(Audit {
        brand: Some(brand),
        action: "createLease",
        subject: id.to_string(),
        contents: new.contents.clone(),
        changes: json!({
            "access": new.access,
            "channels": new.channels,
            "markets": new.markets,
            "startsAt": new.starts_at.map(Timestamp::to_rfc3339),
            "endsAt": new.ends_at.map(Timestamp::to_rfc3339),
            "licensor": new.licensor,
            "reference": new.reference,
        }),
    });
    tx.emit(Event {
        brand: Some(brand),
        topic: "LEASE_CREATED",
        subject: id.to_string(),
        payload: json!({}),
    });
    Ok(id)
}

/// A content has at most 250 leases, so that its list is never long.
async fn check_quota(tx: &Tx, contents: &[ContentId]) -> Result<()> {
    let sql = Sql::new(
        "SELECT coalesce(max(n), 0) AS n FROM (SELECT count(DISTINCT lease_id) AS n FROM lease_scopes
         WHERE content_id IN ",
    )
    .list(contents.iter().copied())
    .push(" GROUP BY content_id) counts");
    if fetch_count(&**tx, sql).await? <= i64::try_from(MAX_SCOPE).unwrap_or(i64::MAX) {
        return Ok(());
    }
    let text = format!("A content has at most {MAX_SCOPE} leases.");
    Err(Error::user(UserErrorCode::QuotaExceeded, "contents", text))
}

/// Ends a lease, now or at an instant to come; an end that has passed already cannot be moved.
pub(super) async fn end_lease(
    cx: &OpContext,
    id: LeaseId,
    at: Option<Timestamp>,
) -> Result<LeaseId> {
    cx.viewer.require(Scope::Write)?;
    let now = cx.at();
    let end = at.unwrap_or(now);
    if end < now {
        let text = "A lease ends now or later: what was allowed then stays allowed.";
        return Err(Error::user(UserErrorCode::Invalid, "at", text));
    }
    let caller = (Arc::clone(&cx.viewer), tree(cx).await?);
    cx.write((id, end, caller), |tx, (id, end, (viewer, tree))| {
        Box::pin(async move {
            check_reach(tx, *id, viewer, tree).await?;
            end_at(tx, *id, *end, viewer).await
        })
    })
    .await
}

/// A token of some channels ends only what holds in those alone; what reaches further it does not find.
async fn check_reach(tx: &Tx, id: LeaseId, viewer: &Viewer, tree: &Tree) -> Result<()> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        channel_id: Option<ChannelId>,
    }
    if viewer.channels == Reach::All {
        return Ok(());
    }
    let sql = Sql::new("SELECT DISTINCT channel_id FROM lease_scopes WHERE lease_id = ").bind(id);
    let rows: Vec<Row> = fetch(&**tx, sql).await?;
    let reached = |row: &Row| row.channel_id.is_some_and(|c| reaches(viewer, tree, c));
    if rows.iter().all(reached) {
        return Ok(());
    }
    let text = "The lease holds in channels that your token does not reach.";
    Err(Error::user(UserErrorCode::Invalid, "lease", text))
}

async fn end_at(tx: &Tx, id: LeaseId, end: Timestamp, viewer: &Viewer) -> Result<LeaseId> {
    #[derive(sea_orm::FromQueryResult)]
    struct On {
        content_id: ContentId,
    }
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        brand_id: BrandId,
        starts_at: Option<Timestamp>,
        ends_at: Option<Timestamp>,
    }
    // Touching the row locks it: two who end a lease do so one after the other.
    let sql = Sql::new("UPDATE leases SET brand_id = brand_id WHERE id = ")
        .bind(id)
        .push(" AND ")
        .append(brand_condition(viewer, "brand_id"))
        .push(" RETURNING brand_id, starts_at, ends_at");
    let lease: Vec<Row> = fetch(&**tx, sql).await?;
    let lease = lease
        .into_iter()
        .next()
        .ok_or_else(|| Error::not_found("lease"))?;
    if let Some(ended) = lease.ends_at.filter(|ended| *ended <= tx.op.at) {
        let text = format!(
            "It ended at {} already. Record a new lease.",
            ended.to_rfc3339()
        );
        return Err(Error::user(
            UserErrorCode::ForbiddenTransition,
            "lease",
            text,
        ));
    }
    // A lease that is ended before it starts never was.
    let end = lease.starts_at.map_or(end, |start| start.max(end));
    run(
        &**tx,
        Sql::update("leases", [("ends_at", end.into())])
            .push(" WHERE id = ")
            .bind(id),
    )
    .await?;
    let sql = Sql::new("SELECT DISTINCT content_id FROM lease_scopes WHERE lease_id = ").bind(id);
    let contents: Vec<On> = fetch(&**tx, sql).await?;
    tx.audit(Audit {
        brand: Some(lease.brand_id),
        action: "endLease",
        subject: id.to_string(),
        contents: contents.into_iter().map(|row| row.content_id).collect(),
        changes: json!({
            "endsAt": {
                "from": lease.ends_at.map(Timestamp::to_rfc3339),
                "to": end.to_rfc3339(),
            }
        }),
    });
    if end <= tx.op.at {
        let subject = id.to_string();
        tx.emit(Event {
            brand: Some(lease.brand_id),
            topic: "LEASE_ENDED",
            subject,
            payload: json!({}),
        });
    }
    Ok(id)
}
