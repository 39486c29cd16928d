//! A copy of a SQLite database, while others read and write it.
//!
//! `VACUUM INTO` reads in one transaction, so the copy is the database as it was at one commit, and in WAL mode
//! neither readers nor the writer wait for it. (SQLite's backup API begins anew at each write of another
//! process, and is not reachable through sqlx without unsafe code.)

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

/// Longest to wait for a lock of another process.
const BUSY: Duration = Duration::from_secs(10);
/// What SQLite says where another connection has the database.
const SQLITE_BUSY: &str = "5";

/// The path of a SQLite database; none if it is not one.
#[must_use]
pub fn sqlite_path(url: &str) -> Option<&Path> {
    url.strip_prefix("sqlite://").map(Path::new)
}

/// Writes a copy to a path where nothing is yet, and to the disk.
pub async fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let name = to.to_str().context("the path is not UTF-8")?;
    let options = SqliteConnectOptions::new()
        .filename(from)
        .busy_timeout(BUSY);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .with_context(|| format!("opening {}", from.display()))?;
    sqlx::query("VACUUM INTO ?")
        .bind(name)
        .execute(&mut connection)
        .await
        .context("copying the database")?;
    connection.close().await?;
    forget_uploads(to).await?;
    // SQLite leaves this to us.
    let to = to.to_owned();
    tokio::task::spawn_blocking(move || std::fs::File::open(to)?.sync_all()).await??;
    Ok(())
}

/// Uploads that nothing uses yet are not copied: their senders must learn that they are not there, rather than
/// go on with, or use, bytes that are missing.
async fn forget_uploads(copy: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(copy);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    for sql in ["DELETE FROM upload_parts", "DELETE FROM uploads"] {
        sqlx::query(sql).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

/// A file as a database that nobody writes names it.
#[derive(Clone, Debug)]
pub struct NamedFile {
    pub sha256: String,
    pub store_key: String,
    pub bytes: i64,
}

/// A copy, opened for reading.
pub struct Snapshot(SqliteConnection);

impl Snapshot {
    /// Opens a copy, which must be sound.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(true);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .with_context(|| format!("opening {}", path.display()))?;
        let said: String = sqlx::query("PRAGMA quick_check(1)")
            .fetch_one(&mut connection)
            .await
            .context("checking the copy of the database")?
            .try_get(0)?;
        ensure!(said == "ok", "the copy of the database is damaged: {said}");
        Ok(Self(connection))
    }

    /// Files in the order of their hashes.
    pub async fn files_after(
        &mut self,
        sha256: &str,
        limit: i64,
    ) -> anyhow::Result<Vec<NamedFile>> {
        let sql =
            "SELECT sha256, store_key, bytes FROM files WHERE sha256 > ? ORDER BY sha256 LIMIT ?";
        let rows = sqlx::query(sql)
            .bind(sha256)
            .bind(limit)
            .fetch_all(&mut self.0)
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(NamedFile {
                    sha256: row.try_get(0)?,
                    store_key: row.try_get(1)?,
                    bytes: row.try_get(2)?,
                })
            })
            .collect()
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.0.close().await?)
    }
}

/// Fails where a process has the database open; else all of it stands in its one file afterwards. What cannot
/// be read as a database is nobody's.
pub async fn ensure_unused(path: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_millis(200));
    let Ok(mut connection) = SqliteConnection::connect_with(&options).await else {
        return Ok(());
    };
    // Only who is alone with it may leave the WAL.
    let left = sqlx::query("PRAGMA journal_mode = DELETE")
        .fetch_one(&mut connection)
        .await;
    let in_use = match left {
        Ok(row) => row.try_get::<String, _>(0)?.to_lowercase() != "delete",
        Err(sqlx::Error::Database(error)) => error.code().as_deref() == Some(SQLITE_BUSY),
        Err(_) => false,
    };
    let _ = connection.close().await;
    if in_use {
        bail!("{} is in use: stop the server first", path.display());
    }
    Ok(())
}
