//! Queries on the audit log and its seals.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use uuid::Uuid;

use super::heads;
use super::model::{BreakKind, Broken, Entry, GENESIS, Seal, Walk};
use crate::accounts::{Reach, Viewer};
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{
    Direction, Page, PageRequest, SortColumn, Sql, Tx, fetch, fetch_count, fetch_one, keyset_page,
    run,
};
use crate::platform::ids::{AuditEntryId, BrandId, ContentId};
use crate::platform::ledger::chain_of;
use crate::platform::op::Actor;

#[derive(FromQueryResult)]
struct Row {
    id: AuditEntryId,
    at: Timestamp,
    brand_id: Option<BrandId>,
    actor_kind: String,
    actor_id: Option<Uuid>,
    action: String,
    subject: String,
    changes: String,
    sequence: Option<i64>,
    previous_hash: Option<String>,
    hash: Option<String>,
}

fn entry(row: Row) -> Result<Entry> {
    let seal = match (row.sequence, row.previous_hash, row.hash) {
        (Some(sequence), Some(previous_hash), Some(hash)) => Some(Seal {
            sequence,
            previous_hash,
            hash,
        }),
        _ => None,
    };
    Ok(Entry {
        id: row.id,
        at: row.at,
        brand: row.brand_id,
        actor: Actor::from_columns(&row.actor_kind, row.actor_id),
        action: row.action,
        subject: row.subject,
        changes: serde_json::from_str(&row.changes).map_err(Error::internal)?,
        seal,
    })
}

const ENTRIES: &str =
    "SELECT e.id, e.at, e.brand_id, e.actor_kind, e.actor_id, e.action, e.subject, e.changes,
     s.sequence, s.previous_hash, s.hash
     FROM audit_entries e LEFT JOIN audit_seals s ON s.entry_id = e.id WHERE ";

const NEWEST: [SortColumn; 1] = [SortColumn {
    expr: "e.id",
    direction: Direction::Descending,
}];

/// The chains that the viewer reads: those of its brands; the instance's with all brands only.
fn readable(viewer: &Viewer) -> Sql {
    let chains = match &viewer.brands {
        Reach::All => Sql::new("1 = 1"),
        Reach::Only(brands) => Sql::new("e.brand_id IN ").list(brands.iter().copied()),
    };
    Sql::all([chains, told(viewer)])
}

/// A token of some channels is not told of placements here: what was placed where it does not reach would
/// stand in the changes.
fn told(viewer: &Viewer) -> Sql {
    match &viewer.channels {
        Reach::All => Sql::new("1 = 1"),
        Reach::Only(_) => Sql::new("e.subject NOT LIKE 'placement%'"),
    }
}

/// A page of what the viewer reads, the newest first.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    request: &PageRequest,
) -> Result<Page<Entry>> {
    let sql = Sql::new(ENTRIES)
        .append(readable(viewer))
        .append(keyset_page(&NEWEST, request));
    let rows: Vec<Row> = fetch(db, sql).await?;
    Ok(Page::from_rows(
        rows.into_iter().map(entry).collect::<Result<Vec<_>>>()?,
        request,
    ))
}

/// How many entries the viewer reads.
pub(super) async fn count(db: &impl ConnectionTrait, viewer: &Viewer) -> Result<i64> {
    fetch_count(
        db,
        Sql::new("SELECT count(*) AS n FROM audit_entries e WHERE ").append(readable(viewer)),
    )
    .await
}

/// Entries by id, among those that the viewer reads.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[AuditEntryId],
) -> Result<Vec<Entry>> {
    let which = Sql::all([
        readable(viewer),
        Sql::new("e.id IN ").list(ids.iter().copied()),
    ]);
    let rows: Vec<Row> = fetch(db, Sql::new(ENTRIES).append(which)).await?;
    rows.into_iter().map(entry).collect()
}

#[derive(FromQueryResult)]
struct HistoryRow {
    content_id: ContentId,
    #[sea_orm(nested)]
    entry: Row,
}

/// The first `limit` entries about each content, the newest first, or those after one. One statement.
pub(super) async fn load_histories(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    contents: &[ContentId],
    limit: u32,
    after: Option<AuditEntryId>,
) -> Result<HashMap<ContentId, Vec<Entry>>> {
    let mut ranked = Sql::new(
        "SELECT h.content_id, h.entry_id,
         row_number() OVER (PARTITION BY h.content_id ORDER BY h.entry_id DESC) AS place
         FROM audit_entry_contents h JOIN audit_entries e ON e.id = h.entry_id WHERE h.content_id IN ",
    )
    .list(contents.iter().copied())
    .push(" AND ")
    .append(told(viewer));
    if let Some(after) = after {
        ranked = ranked.push(" AND h.entry_id < ").bind(after);
    }
    let sql = Sql::new(
        "SELECT r.content_id, e.id, e.at, e.brand_id, e.actor_kind, e.actor_id, e.action, e.subject, e.changes,
         s.sequence, s.previous_hash, s.hash FROM (",
    )
    .append(ranked)
    .push(
        ") r JOIN audit_entries e ON e.id = r.entry_id
         LEFT JOIN audit_seals s ON s.entry_id = e.id WHERE r.place <= ",
    )
    .bind(i64::from(limit))
    .push(" ORDER BY r.content_id, e.id DESC");
    let rows: Vec<HistoryRow> = fetch(db, sql).await?;
    let mut histories: HashMap<ContentId, Vec<Entry>> =
        contents.iter().map(|id| (*id, Vec::new())).collect();
    for row in rows {
        histories
            .entry(row.content_id)
            .or_default()
            .push(entry(row.entry)?);
    }
    Ok(histories)
}

#[derive(FromQueryResult)]
struct CountRow {
    content_id: ContentId,
    n: i64,
}

/// How many entries there are about each content. One statement.
pub(super) async fn count_histories(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    contents: &[ContentId],
) -> Result<HashMap<ContentId, i64>> {
    let sql =
        Sql::new("SELECT h.content_id, count(*) AS n FROM audit_entry_contents h JOIN audit_entries e ON e.id = h.entry_id WHERE h.content_id IN ")
            .list(contents.iter().copied())
            .push(" AND ")
            .append(told(viewer))
            .push(" GROUP BY h.content_id");
    let rows: Vec<CountRow> = fetch(db, sql).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.content_id, row.n))
        .collect())
}

/// The advisory lock of the one sealer; any number of our own.
const SEAL_LOCK: i64 = 0x4143_434f_5345_414c;

#[derive(FromQueryResult)]
struct Locked {
    locked: bool,
}

/// Whether this transaction is the one that seals, until it ends.
pub(super) async fn lock_sealing(tx: &Tx) -> Result<bool> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let sql = Sql::new("SELECT pg_try_advisory_xact_lock(")
        .bind(SEAL_LOCK)
        .push(") AS locked");
    Ok(fetch_one::<Locked>(&**tx, sql)
        .await?
        .is_some_and(|row| row.locked))
}

/// How many entries from before `before` wait for their seal.
pub(super) async fn count_waiting(db: &impl ConnectionTrait, before: Timestamp) -> Result<i64> {
    fetch_count(db, count_of_waiting(before)).await
}

/// Those that wait come first, on SQLite too: they are few, and the log is long.
fn count_of_waiting(before: Timestamp) -> Sql {
    Sql::new(
        "SELECT count(*) AS n FROM audit_unsealed u CROSS JOIN audit_entries e
         WHERE e.id = u.entry_id AND e.at <= ",
    )
    .bind(before)
}

/// The oldest entries from before `before` that wait for their seal.
pub(super) async fn waiting(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Entry>> {
    let sql = Sql::new(
        "SELECT e.id, e.at, e.brand_id, e.actor_kind, e.actor_id, e.action, e.subject, e.changes,
         s.sequence, s.previous_hash, s.hash
         FROM audit_unsealed u CROSS JOIN audit_entries e
         LEFT JOIN audit_seals s ON s.entry_id = e.id WHERE e.id = u.entry_id AND e.at <= ",
    )
    .bind(before)
    .push(" ORDER BY e.at, e.id LIMIT ")
    .bind(limit);
    let rows: Vec<Row> = fetch(db, sql).await?;
    rows.into_iter().map(entry).collect()
}

#[derive(FromQueryResult)]
struct Head {
    sequence: i64,
    hash: String,
}

#[derive(FromQueryResult)]
struct BrandRow {
    id: BrandId,
}

/// The names of all chains that there can be.
pub(super) async fn chains(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let brands: Vec<BrandRow> = fetch(db, Sql::new("SELECT id FROM brands")).await?;
    let brands = brands.into_iter().map(|row| Some(row.id.0));
    Ok(brands.chain([None]).map(chain_of).collect())
}

/// Whether a chain still holds what was published as its head.
pub(super) async fn has_seal(db: &impl ConnectionTrait, head: &heads::Head) -> Result<bool> {
    let sql = Sql::new("SELECT count(*) AS n FROM audit_seals WHERE chain = ")
        .bind(head.chain.clone())
        .push(" AND sequence = ")
        .bind(head.sequence)
        .push(" AND hash = ")
        .bind(head.hash.clone());
    Ok(fetch_count(db, sql).await? == 1)
}

/// An entry that has no seal and does not wait for one either: the two change in one transaction.
pub(super) async fn lost_seal(db: &impl ConnectionTrait) -> Result<Option<Broken>> {
    #[derive(FromQueryResult)]
    struct Lost {
        id: AuditEntryId,
        brand_id: Option<Uuid>,
    }
    let sql = "SELECT e.id, e.brand_id FROM audit_entries e
               WHERE NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.entry_id = e.id)
               AND NOT EXISTS (SELECT 1 FROM audit_unsealed u WHERE u.entry_id = e.id)
               ORDER BY e.id LIMIT 1";
    let lost: Option<Lost> = fetch_one(db, Sql::new(sql)).await?;
    Ok(lost.map(|lost| Broken {
        chain: chain_of(lost.brand_id),
        sequence: 0,
        entry: Some(lost.id),
        kind: BreakKind::LostSeal,
    }))
}

/// Where a chain ends.
pub(super) async fn head(db: &impl ConnectionTrait, chain: &str) -> Result<(i64, String)> {
    let sql = Sql::new("SELECT sequence, hash FROM audit_seals WHERE chain = ")
        .bind(chain)
        .push(" ORDER BY sequence DESC LIMIT 1");
    let head: Option<Head> = fetch_one(db, sql).await?;
    Ok(head.map_or_else(|| (0, GENESIS.to_owned()), |h| (h.sequence, h.hash)))
}

/// Appends seals to their chains and takes their entries off the list of those that wait.
pub(super) async fn insert_seals(tx: &Tx, seals: &[(String, AuditEntryId, Seal)]) -> Result<()> {
    if seals.is_empty() {
        return Ok(());
    }
    let columns = ["chain", "sequence", "entry_id", "previous_hash", "hash"];
    let rows = seals.iter().map(|(chain, entry, seal)| {
        vec![
            chain.clone().into(),
            seal.sequence.into(),
            (*entry).into(),
            seal.previous_hash.clone().into(),
            seal.hash.clone().into(),
        ]
    });
    run(&**tx, Sql::insert_all("audit_seals", &columns, rows)).await?;
    Ok(())
}

/// Takes entries off the list of those that wait for their seal.
pub(super) async fn stop_waiting(tx: &Tx, entries: &[AuditEntryId]) -> Result<()> {
    let sql =
        Sql::new("DELETE FROM audit_unsealed WHERE entry_id IN ").list(entries.iter().copied());
    run(&**tx, sql).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct SealRow {
    chain: String,
    sequence: i64,
    entry_id: AuditEntryId,
    previous_hash: String,
    hash: String,
    id: Option<AuditEntryId>,
    at: Option<Timestamp>,
    brand_id: Option<BrandId>,
    actor_kind: Option<String>,
    actor_id: Option<Uuid>,
    action: Option<String>,
    subject: Option<String>,
    changes: Option<String>,
}

/// A seal as it stands in its chain, with its entry if that is still there.
pub(super) struct Sealed {
    pub(super) chain: String,
    pub(super) entry_id: AuditEntryId,
    pub(super) seal: Seal,
    pub(super) entry: Option<Entry>,
}

/// The seals of all chains after a place, chain by chain in their sequence.
pub(super) async fn seals_after(
    db: &impl ConnectionTrait,
    after: Option<&Walk>,
    limit: i64,
) -> Result<Vec<Sealed>> {
    let place = match after {
        Some(walk) => Sql::new("(s.chain, s.sequence) > ").list([
            sea_orm::Value::from(walk.chain.clone()),
            sea_orm::Value::from(walk.sequence),
        ]),
        None => Sql::new("1 = 1"),
    };
    let sql = Sql::new(
        "SELECT s.chain, s.sequence, s.entry_id, s.previous_hash, s.hash, e.id, e.at, e.brand_id, e.actor_kind,
         e.actor_id, e.action, e.subject, e.changes
         FROM audit_seals s LEFT JOIN audit_entries e ON e.id = s.entry_id WHERE ",
    )
    .append(place)
    .push(" ORDER BY s.chain, s.sequence LIMIT ")
    .bind(limit);
    let rows: Vec<SealRow> = fetch(db, sql).await?;
    Ok(rows.into_iter().map(sealed).collect())
}

fn sealed(row: SealRow) -> Sealed {
    let entry = match (row.id, row.at, row.action, row.subject, row.changes) {
        (Some(id), Some(at), Some(action), Some(subject), Some(changes)) => Some(Entry {
            id,
            at,
            brand: row.brand_id,
            actor: Actor::from_columns(&row.actor_kind.unwrap_or_default(), row.actor_id),
            action,
            subject,
            // What is no JSON any more was certainly not sealed like that.
            changes: serde_json::from_str(&changes).unwrap_or_default(),
            seal: None,
        }),
        _ => None,
    };
    let seal = Seal {
        sequence: row.sequence,
        previous_hash: row.previous_hash,
        hash: row.hash,
    };
    Sealed {
        chain: row.chain,
        entry_id: row.entry_id,
        seal,
        entry,
    }
}

/// How many entries have no seal.
pub(super) async fn count_unsealed(db: &impl ConnectionTrait) -> Result<i64> {
    let sql = "SELECT count(*) AS n FROM audit_entries e
               WHERE NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.entry_id = e.id)";
    fetch_count(db, Sql::new(sql)).await
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend};

    use super::*;
    use crate::testing::TestDatabase;

    /// It is asked four times a second.
    #[tokio::test]
    async fn what_waits_is_counted_without_reading_the_log() {
        let database = TestDatabase::create().await;
        let db = database.open().await;
        if db.backend() == DbBackend::Sqlite {
            let mut explain = count_of_waiting(Timestamp(1)).into_statement(DbBackend::Sqlite);
            explain.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
            let rows = db.read().query_all_raw(explain).await.unwrap();
            let plan: Vec<String> = rows
                .iter()
                .map(|row| row.try_get("", "detail").unwrap())
                .collect();
            assert!(
                plan.iter().any(|step| step.contains("SEARCH e")),
                "{plan:?}"
            );
        }
        drop(db);
        database.remove().await;
    }
}
