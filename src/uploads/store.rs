//! Every query about uploads.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::model::{Lock, Upload, read_outcome};
use crate::error::{Error, Result};
use crate::platform::blob::Growth;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch, fetch_count, run};
use crate::platform::ids::UploadId;

#[derive(FromQueryResult)]
struct Row {
    id: UploadId,
    length: i64,
    received: i64,
    hash_state: Vec<u8>,
    store_key: String,
    part_bytes: i64,
    multipart_id: Option<String>,
    tail_key: Option<String>,
    lock_epoch: i64,
    locked_until: Option<Timestamp>,
    filename: String,
    metadata: String,
    expires_at: Timestamp,
    sha256: Option<String>,
    outcome: Option<String>,
    used_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

const SELECT: &str = "SELECT u.id, u.length, u.received, u.hash_state, u.store_key, u.part_bytes,
    u.multipart_id, u.tail_key, u.lock_epoch, u.locked_until, u.filename, u.metadata, u.expires_at,
    u.sha256, u.outcome, u.used_at, u.ended_at FROM uploads u WHERE ";

#[derive(FromQueryResult)]
struct Part {
    upload_id: UploadId,
    part_id: String,
}

/// An upload of this holder's.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    holder: &str,
    id: UploadId,
) -> Result<Option<Upload>> {
    let sql = Sql::new(SELECT)
        .push("u.id = ")
        .bind(id)
        .push(" AND u.holder = ")
        .bind(holder);
    Ok(load(db, sql).await?.pop())
}

/// Whole uploads of this holder's with these hashes that live and nothing has used, the oldest first.
pub(super) async fn unused(
    db: &impl ConnectionTrait,
    holder: &str,
    hashes: Vec<String>,
    at: Timestamp,
) -> Result<Vec<Upload>> {
    let sql = Sql::new(SELECT)
        .push("u.holder = ")
        .bind(holder)
        .push(" AND u.sha256 IN ")
        .list(hashes)
        .push(" AND u.ended_at IS NULL AND u.used_at IS NULL AND u.expires_at > ")
        .bind(at)
        .push(" ORDER BY u.id");
    load(db, sql).await
}

/// Whole uploads of this holder's that live and of which nobody knows what is in them: whoever was to find out was
/// cut off.
pub(super) async fn unfinished(
    db: &impl ConnectionTrait,
    holder: &str,
    at: Timestamp,
) -> Result<Vec<Upload>> {
    let sql = Sql::new(SELECT)
        .push("u.holder = ")
        .bind(holder)
        .push(" AND u.sha256 IS NULL AND u.received = u.length AND u.ended_at IS NULL AND u.expires_at > ")
        .bind(at)
        .push(" ORDER BY u.id LIMIT 250");
    load(db, sql).await
}

/// Uploads that are to be cleared away: ended ones, and those that have expired and nobody writes to.
pub(super) async fn list_past(
    db: &impl ConnectionTrait,
    at: Timestamp,
    limit: i64,
) -> Result<Vec<Upload>> {
    let sql = Sql::new(SELECT)
        .push("u.cleared_at IS NULL AND (u.ended_at IS NOT NULL OR u.expires_at <= ")
        .bind(at)
        .push(") ORDER BY u.expires_at, u.id LIMIT ")
        .bind(limit);
    load(db, sql).await
}

/// Uploads of which the objects are copies of bytes that were there before.
pub(super) async fn list_duplicates(
    db: &impl ConnectionTrait,
    ids: &[UploadId],
) -> Result<Vec<Upload>> {
    let sql = Sql::new(SELECT)
        .push("u.used_at IS NOT NULL AND u.id IN ")
        .list(ids.iter().copied())
        .push(" AND NOT EXISTS (SELECT 1 FROM files f WHERE f.store_key = u.store_key)");
    load(db, sql).await
}

async fn load(db: &impl ConnectionTrait, sql: Sql) -> Result<Vec<Upload>> {
    let rows: Vec<Row> = fetch(db, sql).await?;
    let in_parts = rows.iter().filter(|row| row.multipart_id.is_some());
    let ids: Vec<UploadId> = in_parts.map(|row| row.id).collect();
    let mut parts: HashMap<UploadId, Vec<String>> = HashMap::new();
    if !ids.is_empty() {
        let sql = Sql::new("SELECT upload_id, part_id FROM upload_parts WHERE upload_id IN ")
            .list(ids)
            .push(" ORDER BY upload_id, number");
        for part in fetch::<Part>(db, sql).await? {
            parts.entry(part.upload_id).or_default().push(part.part_id);
        }
    }
    rows.into_iter()
        .map(|row| {
            let parts = parts.remove(&row.id).unwrap_or_default();
            upload(row, parts)
        })
        .collect()
}

fn upload(row: Row, parts: Vec<String>) -> Result<Upload> {
    let outcome = match (row.sha256, row.outcome) {
        (Some(sha256), Some(outcome)) => Some((sha256, read_outcome(&outcome)?)),
        _ => None,
    };
    Ok(Upload {
        id: row.id,
        growth: Growth {
            key: row.store_key,
            length: size(row.length)?,
            bytes: size(row.received)?,
            hash_state: row.hash_state,
            part_bytes: size(row.part_bytes)?,
            multipart: row.multipart_id,
            parts: Arc::new(parts),
            tail: row.tail_key,
        },
        filename: row.filename,
        metadata: row.metadata,
        expires_at: row.expires_at,
        lock: Lock {
            epoch: row.lock_epoch,
            until: row.locked_until,
        },
        outcome,
        is_used: row.used_at.is_some(),
        is_ended: row.ended_at.is_some(),
    })
}

fn size(n: i64) -> Result<u64> {
    u64::try_from(n).map_err(Error::internal)
}

fn number(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(Error::internal)
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    upload: &Upload,
    holder: &str,
    at: Timestamp,
) -> Result<()> {
    let growth = &upload.growth;
    let row = [
        ("id", upload.id.into()),
        ("holder", holder.into()),
        ("length", number(growth.length)?.into()),
        ("received", 0_i64.into()),
        ("hash_state", growth.hash_state.clone().into()),
        ("store_key", growth.key.clone().into()),
        ("part_bytes", number(growth.part_bytes)?.into()),
        ("lock_epoch", upload.lock.epoch.into()),
        ("filename", upload.filename.clone().into()),
        ("metadata", upload.metadata.clone().into()),
        ("created_at", at.into()),
        ("expires_at", upload.expires_at.into()),
    ];
    run(db, Sql::insert("uploads", row)).await?;
    Ok(())
}

/// Takes the lock, if the upload is as it was read and nobody has it.
pub(super) async fn lock(
    db: &impl ConnectionTrait,
    upload: &Upload,
    (at, until): (Timestamp, Timestamp),
    expires_at: Timestamp,
) -> Result<bool> {
    let set = [
        ("lock_epoch", (upload.lock.epoch + 1).into()),
        ("locked_until", until.into()),
        ("expires_at", expires_at.into()),
    ];
    let sql = Sql::update("uploads", set)
        .append(still(upload.id, upload.growth.bytes, upload.lock.epoch)?)
        .push(" AND expires_at > ")
        .bind(at)
        .push(" AND (locked_until IS NULL OR locked_until <= ")
        .bind(at)
        .push(")");
    Ok(run(db, sql).await? == 1)
}

/// Keeps the lock, or gives it back.
pub(super) async fn relock(
    db: &impl ConnectionTrait,
    id: UploadId,
    epoch: i64,
    until: Option<Timestamp>,
) -> Result<bool> {
    let sql = Sql::update("uploads", [("locked_until", until.into())])
        .push(" WHERE ended_at IS NULL AND id = ")
        .bind(id)
        .push(" AND lock_epoch = ")
        .bind(epoch);
    Ok(run(db, sql).await? == 1)
}

/// Moves the offset, if it is still where the writer with this lock left it.
pub(super) async fn advance(
    db: &impl ConnectionTrait,
    (id, epoch): (UploadId, i64),
    (before, now): (&Growth, &Growth),
    until: Option<Timestamp>,
    expires_at: Timestamp,
) -> Result<bool> {
    let set = [
        ("received", number(now.bytes)?.into()),
        ("hash_state", now.hash_state.clone().into()),
        ("multipart_id", now.multipart.clone().into()),
        ("tail_key", now.tail.clone().into()),
        ("locked_until", until.into()),
        ("expires_at", expires_at.into()),
    ];
    let sql = Sql::update("uploads", set).append(still(id, before.bytes, epoch)?);
    if run(db, sql).await? == 0 {
        return Ok(false);
    }
    let mut parts = Vec::new();
    for (number, part) in now.parts.iter().enumerate().skip(before.parts.len()) {
        let number = i32::try_from(number).map_err(Error::internal)?;
        parts.push(vec![id.into(), number.into(), part.clone().into()]);
    }
    if !parts.is_empty() {
        let columns = ["upload_id", "number", "part_id"];
        run(db, Sql::insert_all("upload_parts", &columns, parts)).await?;
    }
    Ok(true)
}

fn still(id: UploadId, received: u64, epoch: i64) -> Result<Sql> {
    Ok(Sql::new(" WHERE ended_at IS NULL AND id = ")
        .bind(id)
        .push(" AND received = ")
        .bind(number(received)?)
        .push(" AND lock_epoch = ")
        .bind(epoch))
}

/// Writes what a whole upload was found to be, once.
pub(super) async fn finish(
    db: &impl ConnectionTrait,
    id: UploadId,
    (sha256, outcome): (&str, &str),
    expires_at: Timestamp,
) -> Result<()> {
    let set = [
        ("sha256", sha256.into()),
        ("outcome", outcome.into()),
        ("multipart_id", None::<String>.into()),
        ("locked_until", None::<i64>.into()),
        ("expires_at", expires_at.into()),
    ];
    let sql = Sql::update("uploads", set)
        .push(" WHERE outcome IS NULL AND ended_at IS NULL AND received = length AND id = ")
        .bind(id);
    if run(db, sql).await? == 1 {
        remove_parts(db, id).await?;
    }
    Ok(())
}

/// Marks uploads as used; how many of them are there.
pub(super) async fn set_used(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = UploadId>,
    at: Timestamp,
) -> Result<u64> {
    let sql = Sql::new("UPDATE uploads SET used_at = coalesce(used_at, ")
        .bind(at)
        .push(") WHERE ended_at IS NULL AND id IN ")
        .list(ids);
    run(db, sql).await
}

/// Ends an upload, whoever writes to it; one that has expired only if nobody does.
pub(super) async fn end(db: &impl ConnectionTrait, id: UploadId, at: Timestamp) -> Result<()> {
    let sql = Sql::new("UPDATE uploads SET lock_epoch = lock_epoch + 1, ended_at = ")
        .bind(at)
        .push(" WHERE ended_at IS NULL AND id = ")
        .bind(id);
    run(db, sql).await?;
    Ok(())
}

/// Ends an upload that has expired, unless its expiry was put off since.
pub(super) async fn end_expired(
    db: &impl ConnectionTrait,
    id: UploadId,
    at: Timestamp,
) -> Result<bool> {
    let sql = Sql::new("UPDATE uploads SET lock_epoch = lock_epoch + 1, ended_at = ")
        .bind(at)
        .push(" WHERE ended_at IS NULL AND id = ")
        .bind(id)
        .push(" AND expires_at <= ")
        .bind(at);
    Ok(run(db, sql).await? == 1)
}

/// Whether a file lies where this upload was completed.
pub(super) async fn is_kept(db: &impl ConnectionTrait, key: &str) -> Result<bool> {
    let sql = Sql::new("SELECT count(*) AS n FROM files WHERE store_key = ").bind(key);
    Ok(fetch_count(db, sql).await? > 0)
}

/// Notes that nothing of an ended upload is in the store any more.
pub(super) async fn set_cleared(
    db: &impl ConnectionTrait,
    id: UploadId,
    at: Timestamp,
) -> Result<()> {
    remove_parts(db, id).await?;
    let sql = Sql::update("uploads", [("cleared_at", at.into())])
        .push(" WHERE ended_at IS NOT NULL AND id = ")
        .bind(id);
    run(db, sql).await?;
    Ok(())
}

async fn remove_parts(db: &impl ConnectionTrait, id: UploadId) -> Result<()> {
    let sql = Sql::new("DELETE FROM upload_parts WHERE upload_id = ").bind(id);
    run(db, sql).await?;
    Ok(())
}

/// Forgets uploads that were cleared away and ended before `before`: the first `limit` of them.
pub(super) async fn delete_cleared(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<u64> {
    let sql = Sql::new(
        "DELETE FROM uploads WHERE id IN (SELECT id FROM uploads
         WHERE cleared_at IS NOT NULL AND ended_at IS NOT NULL AND ended_at < ",
    )
    .bind(before)
    .push(" ORDER BY ended_at LIMIT ")
    .bind(limit)
    .push(")");
    run(db, sql).await
}
