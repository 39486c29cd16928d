//! Who uses stored bytes, and the end of those that nobody uses.
//!
//! To begin to use bytes and to give bytes up exclude each other: a transaction that begins to use them holds
//! a lock shared ([`begin`]), one that gives them up holds it alone, and looks only once it has it. So either
//! sees what the other has done. SQLite has one writing transaction at a time and needs no lock for it.
//!
//! An object that was given up stays so: [`super::keep`] refuses to use it, however late its upload comes.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_one, run};

/// What keeps a file: columns that refer to `files`. A holder's word that it has stored the bytes does not.
pub(crate) const USES: [(&str, &str); 7] = [
    ("asset_versions", "sha256"),
    ("evidence", "sha256"),
    ("page_captures", "sha256"),
    ("page_captures", "extract_sha256"),
    ("leases", "document_sha256"),
    ("reviews", "document_sha256"),
    ("renditions", "sha256"),
];
/// What is said of a file, and goes with it. It is said by hash.
pub(crate) const ABOUT: [&str; 3] = ["media_metadata", "media_facts", "file_holders"];
/// What keeps an object of the store: columns with its key. Whatever else comes to keep objects of its own
/// belongs here. An upload keeps its object, finished or not, until its row is swept.
pub(crate) const OWNERS: [(&str, &str); 2] = [("files", "store_key"), ("uploads", "store_key")];

/// The advisory lock of those who begin to use bytes and those who give them up; any number of our own.
const USE_LOCK: i64 = 0x4143_434f_5553_4553;

/// From here on the transaction may begin to use bytes: none that it sees are given up before it ends.
pub(super) async fn begin(tx: &Tx) -> Result<()> {
    lock(tx, "SELECT pg_advisory_xact_lock_shared(").await
}

async fn lock(tx: &Tx, call: &'static str) -> Result<()> {
    if tx.get_database_backend() == DbBackend::Postgres {
        run(&**tx, Sql::new(call).bind(USE_LOCK).push(")")).await?;
    }
    Ok(())
}

/// Those of these bytes that are stored.
pub(super) async fn stored<'h>(
    tx: &Tx,
    hashes: impl Iterator<Item = &'h str>,
) -> Result<BTreeSet<String>> {
    let sql = Sql::new("SELECT sha256 AS key FROM files WHERE sha256 IN ");
    let rows: Vec<Key> = fetch(&**tx, sql.list(hashes.map(str::to_owned))).await?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

/// Those of these objects that were given up.
pub(super) async fn given_up<'k>(
    tx: &Tx,
    keys: impl Iterator<Item = &'k str>,
) -> Result<BTreeSet<String>> {
    let sql = Sql::new(
        "SELECT name AS key FROM unreferenced WHERE kind = 'OBJECT' AND removed_at IS NOT NULL AND name IN ",
    );
    let rows: Vec<Key> = fetch(&**tx, sql.list(keys.map(str::to_owned))).await?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

/// Bytes that are used are not unreferenced: should nobody use them again, their time begins anew.
pub(super) fn unmark<'h>(hashes: impl Iterator<Item = &'h str>) -> Sql {
    Sql::new("DELETE FROM unreferenced WHERE kind = 'FILE' AND name IN ")
        .list(hashes.map(str::to_owned))
}

fn any_of(columns: &[(&'static str, &'static str)], value: &'static str) -> Sql {
    Sql::any(columns.iter().map(|(table, column)| {
        Sql::new("EXISTS (SELECT 1 FROM ")
            .push(table)
            .push(" x WHERE x.")
            .push(column)
            .push(" = ")
            .push(value)
            .push(")")
    }))
}

/// Something unreferenced: a file by its hash, or an object by its key.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Named {
    pub name: String,
    pub bytes: i64,
}

/// Files that nothing uses and that are not marked yet, in the order of their hashes.
pub(crate) async fn unused(
    db: &impl ConnectionTrait,
    after: &str,
    limit: i64,
) -> Result<Vec<Named>> {
    let sql = Sql::new("SELECT f.sha256 AS name, f.bytes FROM files f WHERE f.sha256 > ")
        .bind(after)
        .push(" AND NOT ")
        .append(any_of(&USES, "f.sha256"))
        .push(
            " AND NOT EXISTS (SELECT 1 FROM unreferenced u WHERE u.kind = 'FILE' AND u.name = f.sha256)
             ORDER BY f.sha256 LIMIT ",
        )
        .bind(limit);
    fetch(db, sql).await
}

#[derive(FromQueryResult)]
struct Key {
    key: String,
}

/// Those of these keys whose objects something keeps.
pub(crate) async fn owned(db: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<String>> {
    let parts = OWNERS.iter().map(|(table, column)| {
        Sql::new("SELECT ")
            .push(column)
            .push(" AS key FROM ")
            .push(table)
            .push(" WHERE ")
            .push(column)
            .push(" IN ")
            .list(keys.iter().cloned())
    });
    let rows: Vec<Key> = fetch(db, Sql::between(" UNION ALL ", parts)).await?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

#[derive(FromQueryResult)]
struct Known {
    name: String,
    removed_at: Option<Timestamp>,
}

/// Those of these objects that are marked, and whether they are given up already.
pub(crate) async fn marked(
    db: &impl ConnectionTrait,
    names: &[String],
) -> Result<Vec<(String, bool)>> {
    let sql =
        Sql::new("SELECT name, removed_at FROM unreferenced WHERE kind = 'OBJECT' AND name IN ")
            .list(names.iter().cloned());
    let rows: Vec<Known> = fetch(db, sql).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, row.removed_at.is_some()))
        .collect())
}

/// What an object's key says of the one who keeps it: an unfinished object has its own key with a `#` behind it.
pub(crate) fn owner_key(name: &str) -> &str {
    name.split_once('#').map_or(name, |(key, _)| key)
}

/// Marks what was found unreferenced.
pub(crate) async fn mark(tx: &Tx, kind: &'static str, found: &[Named]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let columns = ["kind", "name", "owner_key", "bytes", "marked_at"];
    let rows = found.iter().map(|one| {
        vec![
            kind.into(),
            one.name.clone().into(),
            owner_key(&one.name).into(),
            one.bytes.into(),
            tx.op.at.into(),
        ]
    });
    let sql = Sql::insert_all("unreferenced", &columns, rows)
        .push(" ON CONFLICT (kind, name) DO NOTHING");
    run(&**tx, sql).await?;
    Ok(())
}

/// Takes the marks from what is referred to again, and forgets objects that were given up before `long_ago`.
pub(crate) async fn unmark_used(tx: &Tx, long_ago: Timestamp) -> Result<()> {
    let sql = Sql::new("DELETE FROM unreferenced WHERE kind = 'FILE' AND (")
        .append(any_of(&USES, "unreferenced.name"))
        .push(" OR NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = unreferenced.name))");
    run(&**tx, sql).await?;
    let sql =
        Sql::new("DELETE FROM unreferenced WHERE kind = 'OBJECT' AND removed_at IS NULL AND ")
            .append(any_of(&OWNERS, "unreferenced.owner_key"));
    run(&**tx, sql).await?;
    let sql = Sql::new("DELETE FROM unreferenced WHERE removed_at < ").bind(long_ago);
    run(&**tx, sql).await?;
    Ok(())
}

/// What was marked before an instant and is still unreferenced, by name.
pub(crate) async fn due(
    db: &impl ConnectionTrait,
    kind: &'static str,
    marked_before: Timestamp,
    after: &str,
    limit: i64,
) -> Result<Vec<Named>> {
    let kept = match kind {
        "FILE" => any_of(&USES, "u.name"),
        _ => any_of(&OWNERS, "u.owner_key"),
    };
    let sql = Sql::new("SELECT u.name, u.bytes FROM unreferenced u WHERE u.kind = ")
        .bind(kind)
        .push(" AND u.removed_at IS NULL AND u.marked_at <= ")
        .bind(marked_before)
        .push(" AND u.name > ")
        .bind(after)
        .push(" AND NOT ")
        .append(kept)
        .push(" ORDER BY u.name LIMIT ")
        .bind(limit);
    fetch(db, sql).await
}

/// Gives up a file that was marked before an instant, if nothing uses it: its row goes, and its object, whose
/// key is answered, may be removed once this has been committed.
pub(crate) async fn give_up_file(
    tx: &Tx,
    sha256: &str,
    marked_before: Timestamp,
) -> Result<Option<Named>> {
    lock(tx, "SELECT pg_advisory_xact_lock(").await?;
    let sql = Sql::new("SELECT f.store_key AS name, f.bytes FROM files f WHERE f.sha256 = ")
        .bind(sha256)
        .push(" AND NOT ")
        .append(any_of(&USES, "f.sha256"))
        .push(
            " AND EXISTS (SELECT 1 FROM unreferenced u WHERE u.kind = 'FILE'
             AND u.name = f.sha256 AND u.marked_at <= ",
        )
        .bind(marked_before)
        .push(")");
    let Some(object) = fetch_one::<Named>(&**tx, sql).await? else {
        return Ok(None);
    };
    for table in ABOUT.into_iter().chain(["files"]) {
        let sql = Sql::new("DELETE FROM ")
            .push(table)
            .push(" WHERE sha256 = ")
            .bind(sha256);
        run(&**tx, sql).await?;
    }
    run(&**tx, unmark(std::iter::once(sha256))).await?;
    let row = [
        ("kind", "OBJECT".into()),
        ("name", object.name.clone().into()),
        ("owner_key", object.name.clone().into()),
        ("bytes", object.bytes.into()),
        ("marked_at", tx.op.at.into()),
        ("removed_at", tx.op.at.into()),
    ];
    let sql = Sql::insert("unreferenced", row)
        .push(" ON CONFLICT (kind, name) DO UPDATE SET removed_at = excluded.removed_at");
    run(&**tx, sql).await?;
    Ok(Some(object))
}

/// Gives up those of these objects that were marked before an instant and that nothing keeps; they may be
/// removed once this has been committed.
pub(crate) async fn give_up_objects(
    tx: &Tx,
    names: &[String],
    marked_before: Timestamp,
) -> Result<Vec<String>> {
    lock(tx, "SELECT pg_advisory_xact_lock(").await?;
    let sql = Sql::update("unreferenced", [("removed_at", tx.op.at.into())])
        .push(" WHERE kind = 'OBJECT' AND removed_at IS NULL AND marked_at <= ")
        .bind(marked_before)
        .push(" AND name IN ")
        .list(names.iter().cloned())
        .push(" AND NOT ")
        .append(any_of(&OWNERS, "unreferenced.owner_key"))
        .push(" RETURNING name AS key");
    let rows: Vec<Key> = fetch(&**tx, sql).await?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

/// Notes whether the object of a file has its bytes; true where that is news. A file that has another object
/// by now is not meant.
pub(crate) async fn note_wrong(
    tx: &Tx,
    sha256: &str,
    store_key: &str,
    wrong: bool,
) -> Result<bool> {
    let since = wrong.then_some(tx.op.at);
    let sql = Sql::update("files", [("wrong_since", since.into())])
        .push(" WHERE sha256 = ")
        .bind(sha256)
        .push(" AND store_key = ")
        .bind(store_key)
        .push(if wrong {
            " AND wrong_since IS NULL"
        } else {
            " AND wrong_since IS NOT NULL"
        });
    Ok(run(&**tx, sql).await? > 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::TestDatabase;

    #[derive(FromQueryResult)]
    struct Refers {
        place: String,
    }

    /// What refers to files and is listed neither as a use nor as what goes with them would keep them from
    /// being removed by an error, or go unnoticed.
    #[tokio::test]
    async fn every_reference_to_files_is_listed() {
        let database = TestDatabase::create().await;
        let db = database.open().await;
        let sql = if database.is_shared() {
            "SELECT k.table_name || '.' || k.column_name AS place
             FROM information_schema.referential_constraints r
             JOIN information_schema.key_column_usage k ON k.constraint_name = r.constraint_name
             JOIN information_schema.table_constraints t ON t.constraint_name = r.unique_constraint_name
             WHERE t.table_name = 'files'"
        } else {
            "SELECT m.name || '.' || k.\"from\" AS place FROM sqlite_schema m, pragma_foreign_key_list(m.name) k
             WHERE m.type = 'table' AND k.\"table\" = 'files'"
        };
        let found: Vec<Refers> = fetch(db.read(), Sql::new(sql)).await.unwrap();
        let found: BTreeSet<String> = found.into_iter().map(|row| row.place).collect();
        let listed: BTreeSet<String> = USES
            .into_iter()
            .chain(ABOUT.map(|table| (table, "sha256")))
            .map(|(table, column)| format!("{table}.{column}"))
            .collect();
        assert_eq!(found, listed);
        drop(db);
        database.remove().await;
    }

    /// The same for objects: a column that is called like this names one.
    #[tokio::test]
    async fn every_owner_of_objects_is_listed() {
        let database = TestDatabase::create().await;
        let db = database.open().await;
        let sql = if database.is_shared() {
            "SELECT table_name || '.' || column_name AS place FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'store_key'"
        } else {
            "SELECT m.name || '.' || c.name AS place FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'store_key'"
        };
        let found: Vec<Refers> = fetch(db.read(), Sql::new(sql)).await.unwrap();
        let found: BTreeSet<String> = found.into_iter().map(|row| row.place).collect();
        let listed: BTreeSet<String> = OWNERS
            .iter()
            .map(|(table, column)| format!("{table}.{column}"))
            .collect();
        assert_eq!(found, listed);
        drop(db);
        database.remove().await;
    }
}
