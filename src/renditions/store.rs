//! Queries on renditions: which were made, and who makes one now.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::model::Plan;
use crate::assets::{StoredBytes, keep_stored};
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_one, run};
use crate::platform::ids::VersionId;
use crate::uploads::Measured;

/// What is known of a rendition that somebody has asked for.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Row {
    pub key: String,
    pub version_id: VersionId,
    pub state: String,
    pub error: Option<String>,
    pub claimed_until: Option<Timestamp>,
    pub sha256: Option<String>,
    pub store_key: Option<String>,
    pub media_type: Option<String>,
    pub bytes: Option<i64>,
    pub wrong_since: Option<Timestamp>,
    pub width: Option<i32>,
    pub height: Option<i32>,
}

fn select() -> Sql {
    Sql::new(
        "SELECT r.key, r.version_id, r.state, r.error, r.claimed_until, r.sha256, f.store_key, f.media_type,
         f.bytes, f.wrong_since, m.width, m.height FROM renditions r LEFT JOIN files f ON f.sha256 = r.sha256
         LEFT JOIN media_facts m ON m.sha256 = r.sha256 WHERE r.key ",
    )
}

/// Those of these keys that somebody has asked for. One statement.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    keys: &[String],
) -> Result<HashMap<String, Row>> {
    let rows: Vec<Row> = fetch(db, select().push("IN ").list(keys.iter().cloned())).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// A rendition that somebody has asked for.
pub(super) async fn find(db: &impl ConnectionTrait, key: &str) -> Result<Option<Row>> {
    fetch_one(db, select().push("= ").bind(key)).await
}

/// A rendition of this version that was made under this key, whatever its preset has become since.
pub(crate) async fn find_made(
    db: &impl ConnectionTrait,
    version: VersionId,
    key: &str,
) -> Result<Option<super::Made>> {
    let row = find(db, key).await?.filter(|row| row.version_id == version);
    Ok(row.and_then(|row| row.made()))
}

impl Row {
    /// Its bytes, once they are there.
    pub(super) fn made(&self) -> Option<super::Made> {
        Some(super::Made {
            key: self.key.clone(),
            sha256: self.sha256.clone()?,
            store_key: self.store_key.clone()?,
            media_type: self.media_type.clone()?,
            bytes: self.bytes?,
            wrong_since: self.wrong_since,
        })
    }
}

/// Takes the making of a rendition until `until`, if nobody has it; says whether it is ours.
pub(super) async fn claim(tx: &Tx, key: &str, plan: &Plan, until: Timestamp) -> Result<bool> {
    let row = [
        ("key", key.into()),
        ("version_id", plan.version.into()),
        ("preset", plan.preset.clone().into()),
        ("state", "PENDING".into()),
        ("claimed_until", until.into()),
        ("created_at", tx.op.at.into()),
    ];
    let sql = Sql::insert("renditions", row)
        .push(
            " ON CONFLICT (key) DO UPDATE SET claimed_until = excluded.claimed_until
             WHERE renditions.state = 'PENDING' AND renditions.claimed_until <= ",
        )
        .bind(tx.op.at);
    Ok(run(&**tx, sql).await? > 0)
}

/// Gives the making of a rendition back: it failed for no reason of its own.
pub(super) async fn give_back(tx: &Tx, key: &str) -> Result<()> {
    let sql = Sql::update("renditions", [("claimed_until", tx.op.at.into())])
        .push(" WHERE state = 'PENDING' AND key = ")
        .bind(key);
    run(&**tx, sql).await?;
    Ok(())
}

/// Says for good why a rendition cannot be made.
pub(super) async fn fail(tx: &Tx, key: &str, reason: &str) -> Result<()> {
    let row = [
        ("state", "FAILED".into()),
        ("error", reason.into()),
        ("claimed_until", None::<i64>.into()),
    ];
    let sql = Sql::update("renditions", row)
        .push(" WHERE state = 'PENDING' AND key = ")
        .bind(key);
    run(&**tx, sql).await?;
    Ok(())
}

/// An object with a rendition's bytes.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub sha256: String,
    pub store_key: String,
    pub bytes: i64,
    pub facts: Measured,
    /// What a user should know of it, by name.
    pub notes: String,
}

/// Writes down that a rendition was made, and where its bytes are: those that were there first, if any. Where
/// another instance took it for abandoned and was faster, its bytes stand.
pub(super) async fn finish(tx: &Tx, key: &str, drawn: &Drawn) -> Result<()> {
    let stored = StoredBytes {
        sha256: &drawn.sha256,
        store_key: &drawn.store_key,
        bytes: drawn.bytes,
        facts: &drawn.facts,
        seen: true,
    };
    keep_stored(tx, &stored).await?;
    let row = [
        ("state", "READY".into()),
        ("sha256", drawn.sha256.clone().into()),
        ("notes", drawn.notes.clone().into()),
        ("claimed_until", None::<i64>.into()),
        ("made_at", tx.op.at.into()),
    ];
    let update = Sql::update("renditions", row)
        .push(" WHERE state = 'PENDING' AND key = ")
        .bind(key);
    run(&**tx, update).await?;
    Ok(())
}
