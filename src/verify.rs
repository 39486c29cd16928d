//! Proves that what is stored is what was stored: every object has the bytes that its row's hash names.

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use sea_orm::FromQueryResult;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::{Error, Result};
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

#[derive(FromQueryResult)]
struct Row {
    sha256: String,
    store_key: String,
    bytes: i64,
}

/// Reads every stored object and compares it with its row. A store that is away ends the walk: then
/// nothing is known about the rest.
pub async fn files(app: &Arc<App>) -> Result<Report> {
    let mut report = Report::default();
    let mut after = String::new();
    loop {
        let sql = Sql::new("SELECT sha256, store_key, bytes FROM files WHERE sha256 > ")
            .bind(after)
            .push(" ORDER BY sha256 LIMIT ")
            .bind(BATCH);
        let rows: Vec<Row> = db::fetch(app.db.read(), sql).await?;
        let Some(last) = rows.last() else {
            return Ok(report);
        };
        after = last.sha256.clone();
        for row in rows {
            report.files += 1;
            match compare(app, &row).await? {
                Ok(bytes) => report.bytes += bytes,
                Err(what) => report.faults.push(Fault {
                    sha256: row.sha256,
                    what,
                }),
            }
        }
    }
}

/// The size of an object that is as it should be, or what is wrong with it.
async fn compare(app: &App, row: &Row) -> Result<std::result::Result<u64, String>> {
    let mut download = match app.blobs.read(&row.store_key, None).await {
        Ok(download) => download,
        Err(error) if is_missing(&error) => return Ok(Err("the object is missing".to_owned())),
        Err(error) => return Err(error),
    };
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    while let Some(bytes) = download.bytes.try_next().await? {
        size += bytes.len() as u64;
        hash.update(&bytes);
    }
    let found = hex::encode(hash.finalize());
    if i64::try_from(size) != Ok(row.bytes) {
        return Ok(Err(format!(
            "the object has {size} bytes, not {}",
            row.bytes
        )));
    }
    Ok(if found == row.sha256 {
        Ok(size)
    } else {
        Err(format!("the object's bytes have the hash {found}"))
    })
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
