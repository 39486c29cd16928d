//! Proves that what is stored is what was stored: every object has the bytes that its row's hash names.
//!
//! What is found to be wrong is noted beside its row, and is not delivered from then on; what is right again,
//! too.

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use sea_orm::FromQueryResult;
use sha2::{Digest, Sha256};

use crate::accounts::OpContext;
use crate::app::App;
use crate::assets::uses;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Sql};

/// Rows read at a time.
const BATCH: i64 = 500;

/// What a walk over all files found.
#[derive(Debug, Default)]
pub struct Report {
    pub files: u64,
    pub bytes: u64,
    pub faults: Vec<Fault>,
}

/// A file whose object is not what its row says.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub sha256: String,
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sha256, self.what)
    }
}

/// A file's row.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Row {
    pub(super) sha256: String,
    store_key: String,
    bytes: i64,
    wrong_since: Option<Timestamp>,
}

/// What reading an object said.
pub(super) enum Verdict {
    /// It has the bytes it should have, so many.
    Right(u64),
    Wrong(String),
    /// It was not read to its end.
    Stopped,
}

/// Is told of the bytes that were read, and may hold the reader up or stop it.
pub(super) trait Pace: Send {
    /// Whether to go on.
    fn read(&mut self, bytes: usize) -> impl Future<Output = Result<bool>> + Send;
}

/// As fast as the store gives them.
struct AtOnce;

impl Pace for AtOnce {
    async fn read(&mut self, _bytes: usize) -> Result<bool> {
        Ok(true)
    }
}

/// Files in the order of their hashes.
pub(super) async fn rows_after(app: &App, sha256: &str) -> Result<Vec<Row>> {
    let sql = Sql::new("SELECT sha256, store_key, bytes, wrong_since FROM files WHERE sha256 > ")
        .bind(sha256)
        .push(" ORDER BY sha256 LIMIT ")
        .bind(BATCH);
    db::fetch(app.db.read(), sql).await
}

/// Reads every stored object and compares it with its row. A store that is away ends the walk: then
/// nothing is known about the rest.
pub async fn files(app: &Arc<App>) -> Result<Report> {
    let mut report = Report::default();
    let mut after = String::new();
    loop {
        let rows = rows_after(app, &after).await?;
        let Some(last) = rows.last() else {
            return Ok(report);
        };
        after.clone_from(&last.sha256);
        for row in rows {
            match check(app, row.clone(), &mut AtOnce).await? {
                Some(Verdict::Right(bytes)) => {
                    report.files += 1;
                    report.bytes += bytes;
                }
                Some(Verdict::Wrong(what)) => {
                    report.files += 1;
                    report.faults.push(Fault {
                        sha256: row.sha256,
                        what,
                    });
                }
                Some(Verdict::Stopped) | None => {}
            }
        }
    }
}

/// Reads the object of a row and notes what it says; nothing where the file is gone meanwhile.
pub(super) async fn check(
    app: &Arc<App>,
    mut row: Row,
    pace: &mut impl Pace,
) -> Result<Option<Verdict>> {
    loop {
        let verdict = compare(app, &row, pace).await?;
        let wrong = match verdict {
            Verdict::Right(_) => false,
            Verdict::Wrong(_) => true,
            Verdict::Stopped => return Ok(Some(verdict)),
        };
        if wrong {
            // A file may be removed, or get another object, while this one is read.
            let Some(now) = find(app, &row.sha256).await? else {
                return Ok(None);
            };
            if now.store_key != row.store_key {
                row = now;
                continue;
            }
        }
        if let Verdict::Wrong(what) = &verdict {
            note_wrong(app, &row.sha256, &row.store_key, what).await?;
        } else if row.wrong_since.is_some() && note(app, &row.sha256, &row.store_key, false).await?
        {
            tracing::info!(file.sha256 = row.sha256, "a file has its bytes again");
        }
        return Ok(Some(verdict));
    }
}

/// Notes that the object of a file does not have its bytes: it is not delivered from then on.
pub(crate) async fn note_wrong(
    app: &Arc<App>,
    sha256: &str,
    store_key: &str,
    what: &str,
) -> Result<()> {
    if note(app, sha256, store_key, true).await? {
        metrics::counter!("accolade_wrong_files_found_total").increment(1);
        tracing::error!(
            file.sha256 = sha256,
            blob.key = store_key,
            what,
            "a stored file is not what was stored and is not delivered any more: put its bytes back, or send them again"
        );
    }
    Ok(())
}

async fn note(app: &Arc<App>, sha256: &str, store_key: &str, wrong: bool) -> Result<bool> {
    let input = (sha256.to_owned(), store_key.to_owned());
    OpContext::system(app)
        .write(input, move |tx, (sha256, store_key)| {
            Box::pin(uses::note_wrong(tx, sha256, store_key, wrong))
        })
        .await
}

async fn find(app: &App, sha256: &str) -> Result<Option<Row>> {
    let sql = Sql::new("SELECT sha256, store_key, bytes, wrong_since FROM files WHERE sha256 = ")
        .bind(sha256);
    db::fetch_one(app.db.read(), sql).await
}

async fn compare(app: &App, row: &Row, pace: &mut impl Pace) -> Result<Verdict> {
    let (hash, size) = match read(app, row, pace).await {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(Verdict::Stopped),
        Err(error) if is_missing(&error) => {
            return Ok(Verdict::Wrong("the object is missing".to_owned()));
        }
        // One object that cannot be read is its own fault, if the store is there.
        Err(error) if app.blobs.ping().await.is_ok() => {
            return Ok(Verdict::Wrong(format!(
                "the object cannot be read: {error}"
            )));
        }
        Err(error) => return Err(error),
    };
    Ok(if i64::try_from(size) != Ok(row.bytes) {
        Verdict::Wrong(format!("the object has {size} bytes, not {}", row.bytes))
    } else if hash == row.sha256 {
        Verdict::Right(size)
    } else {
        Verdict::Wrong(format!("the object's bytes have the hash {hash}"))
    })
}

/// The hash and the size of an object; none where the reader was stopped.
async fn read(app: &App, row: &Row, pace: &mut impl Pace) -> Result<Option<(String, u64)>> {
    let mut download = app.blobs.read(&row.store_key, None).await?;
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    while let Some(bytes) = download.bytes.try_next().await? {
        size += bytes.len() as u64;
        hash.update(&bytes);
        if !pace.read(bytes.len()).await? {
            return Ok(None);
        }
    }
    Ok(Some((hex::encode(hash.finalize()), size)))
}

fn is_missing(error: &Error) -> bool {
    let Error::Unavailable(cause) = error else {
        return false;
    };
    cause
        .chain()
        .filter_map(|c| c.downcast_ref::<object_store::Error>())
        .any(|c| matches!(c, object_store::Error::NotFound { .. }))
}
