//! Beginning to use bytes, within the transaction that does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sea_orm::Value;

use super::source::SourceFile;
use super::upload::StoredUpload;
use super::uses;
use crate::error::{Error, Result};
use crate::media;
use crate::platform::db::{Tx, insert_many};
use crate::platform::ids::UploadId;
use crate::uploads::{self, Measured};

/// Which measurer the stored facts are of; counted up when it starts to measure something else.
const MEASURER_REVISION: i32 = 1;

/// Begins to use bytes: no transaction may use any without this. Writes the rows of those that came with this
/// request, and that the caller holds them.
pub(crate) async fn keep(tx: &Tx, file: &SourceFile) -> Result<()> {
    keep_all(tx, &[file]).await
}

/// The same for many, in a fixed number of statements for every few hundred.
pub(crate) async fn keep_all(tx: &Tx, files: &[&SourceFile]) -> Result<()> {
    let mut come: BTreeMap<&str, (&SourceFile, &Arc<StoredUpload>)> = BTreeMap::new();
    let mut there: BTreeMap<&str, &str> = BTreeMap::new();
    for file in files {
        if let Some(upload) = &file.upload {
            come.entry(&file.sha256).or_insert((file, upload));
        } else {
            let field = file.stored.as_deref().unwrap_or_default();
            there.insert(&file.sha256, field);
        }
    }
    use_again(tx, &there).await?;
    let mut claims: Vec<(UploadId, &str)> = Vec::new();
    let (mut stored, mut holds) = (Vec::new(), Vec::new());
    for (file, upload) in come.values() {
        let Ok(facts) = &upload.outcome else {
            return Err(Error::internal("refused bytes were to be kept"));
        };
        claims.extend(file.finished.as_ref().map(|(id, field)| (*id, &**field)));
        stored.push(StoredBytes {
            sha256: &upload.sha256,
            store_key: &upload.store_key,
            bytes: upload.bytes,
            facts,
            seen: false,
        });
        holds.push(vec![
            tx.op.actor.key().into(),
            upload.sha256.clone().into(),
            upload.filename.clone().into(),
        ]);
    }
    uploads::claim(tx, &claims).await?;
    store_all(tx, &stored).await?;
    let columns = ["holder", "sha256", "filename"];
    let end = " ON CONFLICT (holder, sha256) DO UPDATE SET filename = excluded.filename";
    insert_many(&**tx, "file_holders", &columns, holds, end).await
}

/// Begins to use bytes that were stored before; each with the field that names it, NOT_FOUND there. They may
/// have been given up since they were looked for.
async fn use_again(tx: &Tx, there: &BTreeMap<&str, &str>) -> Result<()> {
    if there.is_empty() {
        return Ok(());
    }
    uses::begin(tx).await?;
    tx.write_last(uses::unmark(there.keys().copied()));
    let stored = uses::stored(tx, there.keys().copied()).await?;
    match there.iter().find(|(sha256, _)| !stored.contains(**sha256)) {
        Some((_, field)) => Err(Error::not_found(field)),
        None => Ok(()),
    }
}

/// An object of the store, and what was measured in it.
pub(crate) struct StoredBytes<'a> {
    pub sha256: &'a str,
    pub store_key: &'a str,
    pub bytes: i64,
    pub facts: &'a Measured,
    /// Whether nobody need look at them: they are our own, and say nothing of themselves.
    pub seen: bool,
}

/// Begins to use the bytes of an object: writes the rows of the file and of what was measured in it. Bytes that
/// are there already stay where they are, unless those have been found to be wrong: then these take their place.
pub(crate) async fn keep_stored(tx: &Tx, stored: &StoredBytes<'_>) -> Result<()> {
    store_all(tx, std::slice::from_ref(stored)).await
}

/// The same for many, each once, in the order of their hashes: so two who store the same ones do not wait for
/// each other.
async fn store_all(tx: &Tx, all: &[StoredBytes<'_>]) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let hashes: BTreeSet<&str> = all.iter().map(|stored| stored.sha256).collect();
    uses::begin(tx).await?;
    tx.write_last(uses::unmark(hashes.iter().copied()));
    let given_up = uses::given_up(tx, all.iter().map(|stored| stored.store_key)).await?;
    let rows = all.iter().filter(|s| !given_up.contains(s.store_key));
    let rows = rows.map(|stored| {
        vec![
            stored.sha256.to_owned().into(),
            stored.store_key.to_owned().into(),
            stored.bytes.into(),
            stored.facts.media_type.clone().into(),
            tx.op.at.into(),
        ]
    });
    let columns = ["sha256", "store_key", "bytes", "media_type", "created_at"];
    let end =
        " ON CONFLICT (sha256) DO UPDATE SET store_key = excluded.store_key, wrong_since = NULL
        WHERE files.wrong_since IS NOT NULL";
    insert_many(&**tx, "files", &columns, rows.collect(), end).await?;
    if !given_up.is_empty() && uses::stored(tx, hashes.iter().copied()).await?.len() < hashes.len()
    {
        return Err(Error::Unavailable(anyhow::anyhow!(
            "it took so long that its bytes were cleared away"
        )));
    }
    let rows = all.iter().map(facts).collect();
    let end = " ON CONFLICT (sha256) DO NOTHING";
    insert_many(&**tx, "media_facts", &FACTS, rows, end).await
}

const FACTS: [&str; 11] = [
    "sha256",
    "measurer_revision",
    "width",
    "height",
    "orientation",
    "has_alpha",
    "color_space",
    "frames",
    "duration_ms",
    "pages",
    "looked_revision",
];

fn facts(stored: &StoredBytes<'_>) -> Vec<Value> {
    let facts = stored.facts;
    let duration_ms = facts.duration_ms.and_then(|ms| i64::try_from(ms).ok());
    let looked = if stored.seen { media::REVISION } else { 0 };
    vec![
        stored.sha256.to_owned().into(),
        MEASURER_REVISION.into(),
        measured(facts.width).into(),
        measured(facts.height).into(),
        i32::from(facts.orientation).into(),
        facts.has_alpha.into(),
        facts.color_space.clone().into(),
        measured(facts.frames).into(),
        duration_ms.into(),
        measured(facts.pages).into(),
        looked.into(),
    ]
}

/// A measured number as the database has it; one past its range counts as not measured.
fn measured(n: Option<u32>) -> Option<i32> {
    n.and_then(|n| i32::try_from(n).ok())
}
