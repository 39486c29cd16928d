//! Queries on imports and the keys of their rows, and the import that this instance is at.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use uuid::Uuid;

use super::model::{Counts, Faults, Import, ImportKind, ImportState};
use crate::accounts::Viewer;
use crate::contents::ContentKind;
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_one, insert_many, run};
use crate::platform::ids::{BrandId, ContentId, ImportId, UploadId, looks_like_id};
use crate::platform::names::{name_of, named};
use crate::platform::op::Actor;

/// The import that this instance is at, and how far it is.
#[derive(Default)]
pub struct Running(Mutex<Option<(ImportId, Progress)>>);

/// How far an import is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub state: ImportState,
    pub rows: u64,
    pub done: u64,
}

impl Running {
    pub(super) fn of(&self, id: ImportId) -> Option<Progress> {
        let running = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .filter(|(known, _)| *known == id)
            .map(|(_, progress)| progress)
    }

    pub(super) fn set(&self, running: Option<(ImportId, Progress)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

#[derive(FromQueryResult)]
struct ImportRow {
    id: ImportId,
    brand_id: BrandId,
    kind: String,
    upload_id: UploadId,
    filename: String,
    dry_run: bool,
    state: String,
    row_count: i64,
    created: i64,
    updated: i64,
    unchanged: i64,
    error_count: i64,
    errors: String,
    attempts: i32,
    created_at: Timestamp,
    created_by_kind: String,
    created_by_id: Option<Uuid>,
    ended_at: Option<Timestamp>,
}

const SELECT: &str =
    "SELECT id, brand_id, kind, upload_id, filename, dry_run, state, row_count, created, updated,
    unchanged, error_count, errors, attempts, created_at, created_by_kind, created_by_id, ended_at
    FROM imports WHERE ";

async fn select(db: &impl ConnectionTrait, which: Sql) -> Result<Vec<Import>> {
    let rows: Vec<ImportRow> = fetch(db, Sql::new(SELECT).append(which)).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Import {
                id: row.id,
                brand: row.brand_id,
                kind: named(&row.kind)?,
                upload: row.upload_id,
                filename: row.filename,
                dry_run: row.dry_run,
                state: named(&row.state)?,
                rows: row.row_count,
                created: row.created,
                updated: row.updated,
                unchanged: row.unchanged,
                error_count: row.error_count,
                errors: serde_json::from_str(&row.errors).map_err(Error::internal)?,
                attempts: row.attempts,
                maker: Actor::from_columns(&row.created_by_kind, row.created_by_id),
                created_at: row.created_at,
                ended_at: row.ended_at,
            })
        })
        .collect()
}

/// The viewer's own imports of brands that it reaches.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    ids: &[ImportId],
) -> Result<Vec<Import>> {
    let (kind, maker) = viewer.actor.to_columns();
    let own = Sql::new("created_by_kind = ")
        .bind(kind)
        .push(" AND created_by_id = ")
        .bind(maker);
    let named = Sql::new("id IN ").list(ids.iter().copied());
    select(
        db,
        Sql::all([named, own, brand_condition(viewer, "brand_id")]),
    )
    .await
}

/// An import, whoever made it.
pub(super) async fn get(db: &impl ConnectionTrait, id: ImportId) -> Result<Import> {
    let found = select(db, Sql::new("id = ").bind(id)).await?.pop();
    found.ok_or_else(|| Error::internal("an import is gone"))
}

pub(super) struct NewImport {
    pub brand: BrandId,
    pub kind: ImportKind,
    pub upload: UploadId,
    pub filename: String,
    pub dry_run: bool,
}

pub(super) async fn insert(tx: &Tx, new: &NewImport) -> Result<ImportId> {
    let id: ImportId = tx.id();
    let (maker_kind, maker_id) = tx.op.actor.to_columns();
    let row = [
        ("id", id.into()),
        ("brand_id", new.brand.into()),
        ("kind", name_of(new.kind)?.into()),
        ("upload_id", new.upload.into()),
        ("filename", new.filename.clone().into()),
        ("dry_run", new.dry_run.into()),
        ("state", name_of(ImportState::Waiting)?.into()),
        ("created_at", tx.op.at.into()),
        ("created_by_kind", maker_kind.into()),
        ("created_by_id", maker_id.into()),
    ];
    run(&**tx, Sql::insert("imports", row)).await?;
    Ok(id)
}

#[derive(FromQueryResult)]
struct Named {
    id: ImportId,
}

/// Whether an import waits for somebody.
pub(super) async fn any_due(db: &impl ConnectionTrait, at: Timestamp) -> Result<bool> {
    let sql = due(at).push(" LIMIT 1");
    Ok(fetch_one::<Named>(db, sql).await?.is_some())
}

fn due(at: Timestamp) -> Sql {
    Sql::new("SELECT id FROM imports WHERE ended_at IS NULL AND (claimed_until IS NULL OR claimed_until <= ")
        .bind(at)
        .push(") ORDER BY id")
}

/// Takes the import that has waited longest until `until`, if one waits. One that is being written right now is
/// locked by its writer, and passed over.
pub(super) async fn claim(tx: &Tx, until: Timestamp) -> Result<Option<ImportId>> {
    let skip = match tx.get_database_backend() {
        DbBackend::Postgres => " LIMIT 1 FOR UPDATE SKIP LOCKED",
        _ => " LIMIT 1",
    };
    let Some(Named { id }) = fetch_one(&**tx, due(tx.op.at).push(skip)).await? else {
        return Ok(None);
    };
    let sql = Sql::new(
        "UPDATE imports SET state = 'CHECKING', attempts = attempts + 1, claimed_until = ",
    )
    .bind(until)
    .push(" WHERE id = ")
    .bind(id);
    run(&**tx, sql).await?;
    Ok(Some(id))
}

/// That an import is still at the attempt that it was read with; a condition.
fn still(import: &Import) -> Sql {
    Sql::new(" WHERE ended_at IS NULL AND id = ")
        .bind(import.id)
        .push(" AND attempts = ")
        .bind(import.attempts)
}

/// Keeps an import for longer, or gives it back until then; false where somebody else has it by now. Its row is
/// locked until the transaction ends.
pub(super) async fn keep(tx: &Tx, import: &Import, until: Timestamp) -> Result<bool> {
    let sql = Sql::new("UPDATE imports SET claimed_until = ").bind(until);
    Ok(run(&**tx, sql.append(still(import))).await? > 0)
}

/// A SQLite database belongs to one server: what an earlier one was at is free.
pub(super) async fn free_all(tx: &Tx) -> Result<()> {
    let sql = Sql::new(
        "UPDATE imports SET claimed_until = NULL WHERE ended_at IS NULL AND claimed_until IS NOT NULL",
    );
    run(&**tx, sql).await?;
    Ok(())
}

/// Ends an import; false where somebody else has it by now.
pub(super) async fn end(
    tx: &Tx,
    import: &Import,
    state: ImportState,
    counts: Counts,
    faults: &Faults,
) -> Result<bool> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let errors = serde_json::to_string(&faults.first).map_err(Error::internal)?;
    let row = [
        ("state", name_of(state)?.into()),
        ("row_count", number(counts.rows()).into()),
        ("created", number(counts.created).into()),
        ("updated", number(counts.updated).into()),
        ("unchanged", number(counts.unchanged).into()),
        ("error_count", number(faults.count).into()),
        ("errors", errors.into()),
        ("claimed_until", None::<i64>.into()),
        ("ended_at", tx.op.at.into()),
    ];
    Ok(run(&**tx, Sql::update("imports", row).append(still(import))).await? > 0)
}

/// What a key stands for.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub target: Uuid,
    /// Of the row that it was last; none where the key is the thing's own id.
    pub hash: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct KeyRow {
    key: String,
    target_id: Uuid,
    row_hash: Vec<u8>,
}

/// What keys stand for. One statement.
pub(super) async fn keys(
    db: &impl ConnectionTrait,
    brand: BrandId,
    kind: &'static str,
    keys: impl IntoIterator<Item = String>,
) -> Result<HashMap<String, Known>> {
    let sql = Sql::new("SELECT key, target_id, row_hash FROM import_keys WHERE brand_id = ")
        .bind(brand)
        .push(" AND kind = ")
        .bind(kind)
        .push(" AND key IN ")
        .list(keys);
    let rows: Vec<KeyRow> = fetch(db, sql).await?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            target: row.target_id,
            hash: Some(row.row_hash),
        };
        (row.key, known)
    });
    Ok(known.collect())
}

/// A row that was written: its key, what it has become, and what it said.
pub(super) struct Written {
    pub key: String,
    pub target: Uuid,
    pub hash: Vec<u8>,
}

/// Remembers keys of new things: a key that is there already is a violation.
pub(super) async fn insert_keys(
    tx: &Tx,
    (brand, kind): (BrandId, &'static str),
    written: impl IntoIterator<Item = Written>,
    end: &'static str,
) -> Result<()> {
    let columns = ["brand_id", "kind", "key", "target_id", "row_hash"];
    let rows = written.into_iter().map(|one| {
        vec![
            brand.into(),
            kind.into(),
            one.key.into(),
            one.target.into(),
            one.hash.into(),
        ]
    });
    insert_many(&**tx, "import_keys", &columns, rows.collect(), end).await
}

/// For keys that are there: they stand for what they stood for, and their rows say something else.
pub(super) const AGAIN: &str =
    " ON CONFLICT (brand_id, kind, key) DO UPDATE SET row_hash = excluded.row_hash";

#[derive(FromQueryResult)]
struct ContentRow {
    id: ContentId,
}

/// Ids that are looked for with one statement.
const TOGETHER: usize = 4_096;

/// Those of these contents that are of a brand and kind. A statement for every 4,096.
pub(super) async fn contents_of(
    db: &impl ConnectionTrait,
    brand: BrandId,
    kind: ContentKind,
    ids: impl Iterator<Item = ContentId>,
) -> Result<Vec<ContentId>> {
    let ids: Vec<ContentId> = ids.collect();
    let mut found = Vec::new();
    for some in ids.chunks(TOGETHER) {
        let sql = Sql::new("SELECT id FROM contents WHERE id IN ")
            .list(some.iter().copied())
            .push(" AND brand_id = ")
            .bind(brand)
            .push(" AND kind = ")
            .bind(kind.name());
        let rows: Vec<ContentRow> = fetch(db, sql).await?;
        found.extend(rows.into_iter().map(|row| row.id));
    }
    Ok(found)
}

#[derive(FromQueryResult)]
struct NamedRow {
    id: Uuid,
    name: String,
}

/// The names of things by id: what a table calls them. One statement, none for none.
pub(super) async fn names_of(
    db: &impl ConnectionTrait,
    select: &'static str,
    ids: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<NamedRow> = fetch(db, Sql::new(select).list(ids)).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

#[derive(FromQueryResult)]
struct TargetRow {
    key: String,
    target_id: Uuid,
}

/// The key of each of these things: of several the first that is not its id.
pub(super) async fn keys_of_targets(
    db: &impl ConnectionTrait,
    kind: &'static str,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>> {
    let sql = Sql::new("SELECT key, target_id FROM import_keys WHERE kind = ")
        .bind(kind)
        .push(" AND target_id IN ")
        .list(ids.iter().copied())
        .push(" ORDER BY key");
    let rows: Vec<TargetRow> = fetch(db, sql).await?;
    let mut keys: HashMap<Uuid, String> = HashMap::new();
    for row in rows.into_iter().filter(|row| !looks_like_id(&row.key)) {
        keys.entry(row.target_id).or_insert(row.key);
    }
    Ok(keys)
}
