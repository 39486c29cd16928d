//! The request's batch loader: one for all keys, holding who asks.
//!
//! Slices implement `Loader<TheirKey> for Loaders` beside their queries. A loader answers only what the
//! viewer may see; what is missing from its answer does not exist for this request.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::runtime::TokioTimer;
use futures::FutureExt;
use futures::task::{FutureObj, Spawn, SpawnError};
use sea_orm::DatabaseConnection;

use crate::accounts::{OpContext, Viewer};
use crate::error::Error;
use crate::platform::db::STATEMENTS;

/// What every batch load needs.
pub(crate) struct Loaders {
    /// Who asks, and when.
    pub(crate) cx: OpContext,
    pub(crate) viewer: Arc<Viewer>,
}

impl Loaders {
    pub(crate) fn new(cx: &OpContext) -> Self {
        Self {
            cx: cx.clone(),
            viewer: Arc::clone(&cx.viewer),
        }
    }

    pub(crate) fn db(&self) -> &DatabaseConnection {
        self.cx.app.db.read()
    }
}

/// A loader's failure, shared by all who waited for the batch.
#[derive(Clone, Debug)]
pub(crate) struct LoadError(Arc<Error>);

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match &*error.0 {
            Error::Unavailable(cause) => Self::Unavailable(anyhow::anyhow!("{cause:#}")),
            other => Self::internal(other),
        }
    }
}

/// The loader as resolvers hold it; what it loaded once it keeps for the request.
pub(crate) type RequestLoader = Arc<DataLoader<Loaders, HashMapCache>>;

pub(crate) fn request_loader(loaders: Loaders) -> RequestLoader {
    let loader = DataLoader::with_cache(
        loaders,
        CountedSpawner,
        TokioTimer::default(),
        HashMapCache::default(),
    );
    Arc::new(loader.delay(Duration::ZERO))
}

/// Spawns a batch inside the request's statement count.
struct CountedSpawner;

impl Spawn for CountedSpawner {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        match STATEMENTS.try_with(Arc::clone) {
            Ok(count) => {
                crate::platform::tasks::spawn("batch", STATEMENTS.scope(count, batch).boxed())
            }
            Err(_) => crate::platform::tasks::spawn("batch", batch.boxed()),
        };
        Ok(())
    }
}
