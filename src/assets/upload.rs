//! Bytes that arrive: streamed to the store while they are hashed, measured, and claimed or thrown away.
//!
//! They never stand in memory whole. What the store gets also goes to a spool file, because measuring
//! seeks; the spool has no name and is gone with the process. An object becomes visible only when its
//! bytes have been accepted, so what is refused leaves nothing.

use std::io::{BufReader, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use sea_orm::FromQueryResult;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::blob::{Blobs, Incoming};
use crate::platform::db::{Sql, fetch};
use crate::uploads::{Measured, Refused, check_room, clean_filename, measure};

/// Bytes that came with this request and are in the store already, but belong to nothing yet.
#[derive(Debug)]
pub struct StoredUpload {
    /// The hash of the bytes; of those that were read, where there were too many.
    pub sha256: String,
    /// Where they lie; nowhere if they were refused.
    pub store_key: String,
    /// How many there are.
    pub bytes: i64,
    /// The sender's name for them: data, never a path.
    pub filename: String,
    /// What was measured in them, or why they are not kept.
    pub outcome: Result<Measured, Refused>,
}

fn too_many(limit: u64) -> Refused {
    Refused {
        code: UserErrorCode::TooLarge,
        message: format!(
            "The file is larger than {limit} bytes, the most that can be sent this way."
        ),
    }
}

/// Streams bytes into a new object. A refusal of the bytes is an outcome; an error is one of the sender's
/// stream, the store or the spool, and leaves nothing behind. More than `limit` bytes are TOO_LARGE, and
/// what follows them is not read.
pub(crate) async fn receive<S>(
    app: &Arc<App>,
    filename: &str,
    limit: u64,
    bytes: S,
) -> Result<StoredUpload>
where
    S: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
{
    let store_key = Blobs::new_key(app.ids.uuid(app.clock.now()));
    let mut object = app.blobs.create(&store_key);
    let received = match read_all(app, &mut object, limit, bytes).await {
        Ok(received) => received,
        Err(error) => {
            give_up(object, &store_key).await;
            return Err(error);
        }
    };
    match received.outcome {
        Ok(_) => object.finish().await?,
        Err(_) => give_up(object, &store_key).await,
    }
    Ok(StoredUpload {
        sha256: received.sha256,
        store_key,
        bytes: i64::try_from(received.bytes).unwrap_or(i64::MAX),
        filename: clean_filename(filename),
        outcome: received.outcome,
    })
}

/// Ends an object that is not to be. That this fails leaves parts at most, never an object.
async fn give_up(object: Incoming, store_key: &str) {
    if let Err(error) = object.abort().await {
        tracing::warn!(error = %error, blob.key = store_key, "an unfinished object was not cleared away");
    }
}

struct Received {
    sha256: String,
    bytes: u64,
    outcome: Result<Measured, Refused>,
}

async fn read_all<S>(
    app: &Arc<App>,
    object: &mut Incoming,
    limit: u64,
    mut bytes: S,
) -> Result<Received>
where
    S: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
{
    check_room(app, 0).await?;
    let mut spool = File::from_std(new_spool(app).await?);
    let mut hash = Sha256::new();
    let mut count: u64 = 0;
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk?;
        count = count.saturating_add(chunk.len() as u64);
        if count > limit {
            let outcome = Err(too_many(limit));
            return Ok(Received {
                sha256: hex::encode(hash.finalize()),
                bytes: count,
                outcome,
            });
        }
        hash.update(&chunk);
        spool.write_all(&chunk).await?;
        object.write(chunk).await?;
    }
    spool.flush().await?;
    let mut spool = spool.into_std().await;
    let outcome = measure(move || {
        spool.seek(SeekFrom::Start(0))?;
        Ok(BufReader::new(spool))
    })
    .await?;
    Ok(Received {
        sha256: hex::encode(hash.finalize()),
        bytes: count,
        outcome,
    })
}

/// A file without a name, beside the data where there is a folder for them: `/tmp` may be memory.
async fn new_spool(app: &Arc<App>) -> Result<std::fs::File> {
    let folder = app.config.data_dir.clone();
    let spool = tokio::task::spawn_blocking(move || {
        if folder.is_dir() {
            tempfile::tempfile_in(folder)
        } else {
            tempfile::tempfile()
        }
    });
    Ok(spool.await.map_err(Error::internal)??)
}

#[derive(FromQueryResult)]
struct Claimed {
    store_key: String,
}

/// Removes the objects of uploads that no file row points to, once the request that brought them is over:
/// its operation was refused, was a repeat, or the same bytes were there before. What cannot be removed
/// now is logged and stays for the next cleaning.
pub(crate) async fn discard_unclaimed(app: &Arc<App>, uploads: &[Arc<StoredUpload>]) {
    let keys: Vec<&str> = uploads
        .iter()
        .filter(|u| u.outcome.is_ok())
        .map(|u| u.store_key.as_str())
        .collect();
    if keys.is_empty() {
        return;
    }
    let sql =
        Sql::new("SELECT store_key FROM files WHERE store_key IN ").list(keys.iter().copied());
    let claimed: Vec<Claimed> = match fetch(app.db.read(), sql).await {
        Ok(claimed) => claimed,
        Err(error) => {
            // Without knowing which are claimed, all of them stay.
            tracing::warn!(error = %error, "unclaimed uploads were not looked for");
            return;
        }
    };
    for key in keys
        .into_iter()
        .filter(|key| claimed.iter().all(|c| c.store_key != **key))
    {
        if let Err(error) = app.blobs.delete(key).await {
            tracing::warn!(error = %error, blob.key = key, "an unclaimed object was not removed");
        }
    }
}
