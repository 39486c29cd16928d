//! The child processes that untrusted bytes are drawn and looked at in, and the files that they open.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use accolade_draw::{Pool, PoolConfig};
use futures::StreamExt;
use sea_orm::FromQueryResult;
use tokio::io::AsyncWriteExt;

use super::store::Place;
use crate::app::App;
use crate::error::{Error, Result};
use crate::platform::blob::StoreConfig;
use crate::platform::db::{Sql, fetch_one};

/// An instance's workers: a bounded number of jobs at once, a bounded number waiting.
#[derive(Default)]
pub struct Workers {
    pool: OnceLock<Pool>,
    /// How far the looking in the background has come.
    swept_to: Mutex<Place>,
}

impl Workers {
    /// The pool; started with the first job.
    pub(crate) fn pool(&self, app: &App) -> std::io::Result<Pool> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool.clone());
        }
        let program = match &app.config.draw_program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        let pool = Pool::start(PoolConfig::new(program, vec!["draw".into()]))?;
        Ok(self.pool.get_or_init(|| pool).clone())
    }

    pub(super) fn swept_to(&self) -> Place {
        self.lock().clone()
    }

    pub(super) fn sweep_on_from(&self, place: Place) {
        *self.lock() = place;
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.swept_to.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stored bytes as a file that a worker can open: where they lie, or a copy for as long as it is needed.
pub(crate) struct StoredSource {
    path: PathBuf,
    _copy: Option<tempfile::TempPath>,
}

#[derive(FromQueryResult)]
struct Stored {
    store_key: String,
}

impl StoredSource {
    /// The bytes with this hash. Bytes without a row are UNAVAILABLE: they have just been cleared away.
    pub(crate) async fn of(app: &App, sha256: &str) -> Result<Self> {
        let sql = Sql::new("SELECT store_key FROM files WHERE sha256 = ").bind(sha256);
        let stored: Option<Stored> = fetch_one(app.db.read(), sql).await?;
        let stored = stored.ok_or_else(|| Error::Unavailable(anyhow::anyhow!("no such file")))?;
        if let StoreConfig::Folder(folder) = &app.config.store {
            return Ok(Self {
                path: folder.join(&stored.store_key),
                _copy: None,
            });
        }
        let folder = app.config.data_dir.clone();
        let copy = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::NamedTempFile::new_in(folder)
        });
        let (file, path) = copy.await.map_err(Error::internal)??.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut bytes = app.blobs.read(&stored.store_key, None).await?.bytes;
        while let Some(chunk) = bytes.next().await {
            file.write_all(&chunk?).await?;
        }
        file.flush().await?;
        Ok(Self {
            path: path.to_path_buf(),
            _copy: Some(path),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
