//! The request's batch loader: one for all keys, holding who asks.
//!
//! Slices implement `Loader<TheirKey> for Loaders` beside their queries. A loader answers only what the
//! viewer may see; what is missing from its answer does not exist for this request.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::Hash;
use std::iter::once;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::runtime::Timer;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::task::{FutureObj, Spawn, SpawnError};
use futures::{FutureExt, StreamExt};
use sea_orm::DatabaseConnection;

use crate::accounts::{OpContext, Viewer};
use crate::error::Error;

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

/// What was found, as lists under the keys it belongs to, in the order in which it was found.
pub(crate) fn grouped<K: Eq + Hash, T>(
    found: impl IntoIterator<Item = (K, T)>,
) -> HashMap<K, Arc<Vec<T>>> {
    let mut lists: HashMap<K, Vec<T>> = HashMap::new();
    for (key, one) in found {
        lists.entry(key).or_default().push(one);
    }
    let lists = lists.into_iter();
    lists.map(|(key, list)| (key, Arc::new(list))).collect()
}

/// The loader as resolvers hold it; what it loaded once it keeps for the request.
pub(crate) type RequestLoader = Arc<DataLoader<Loaders, HashMapCache>>;

/// A loader for one operation, which runs beside its batches.
pub(crate) fn request_loader(loaders: Loaders) -> (RequestLoader, Batches) {
    let begun = Begun::default();
    let loader = DataLoader::with_cache(loaders, begun.clone(), AtOnce, HashMapCache::default());
    (Arc::new(loader.delay(Duration::ZERO)), Batches(begun))
}

/// The batches of one operation. They run in its own task, each time the resolvers have come as far as they can: so a
/// batch has all that they ask for, no timer and no other thread is woken for it, and it ends when the operation does.
pub(crate) struct Batches(Begun);

impl Batches {
    /// Runs the operation that loads by these batches.
    pub(crate) async fn beside<T>(self, operation: impl Future<Output = T>) -> T {
        // A set of one: it is polled only when it was woken, not for each row that a batch is sent.
        let mut operation: FuturesUnordered<_> = once(operation).collect();
        let mut running = FuturesUnordered::new();
        poll_fn(move |cx| {
            loop {
                while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
                if let Poll::Ready(Some(outcome)) = operation.poll_next_unpin(cx) {
                    return Poll::Ready(outcome);
                }
                let begun = self.0.take();
                if begun.is_empty() {
                    return Poll::Pending;
                }
                running.extend(begun);
            }
        })
        .await
    }
}

/// Batches that no one has polled yet.
#[derive(Clone, Default)]
struct Begun(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl Begun {
    fn take(&self) -> Vec<FutureObj<'static, ()>> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FutureObj<'static, ()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spawn for Begun {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.lock().push(batch);
        Ok(())
    }
}

/// The loader asks for a pause, in which others may ask too: they have, see [`Batches`].
struct AtOnce;

impl Timer for AtOnce {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::dataloader::Loader;
    use futures::future::join_all;

    use super::*;

    /// Halves numbers, and notes how many at a time.
    #[derive(Clone, Default)]
    struct Halves(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Halves {
        type Value = u32;
        type Error = ();

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, ()> {
            self.0.lock().unwrap().push(keys.len());
            tokio::task::yield_now().await;
            Ok(keys.iter().map(|key| (*key, key / 2)).collect())
        }
    }

    #[tokio::test]
    async fn what_is_asked_at_one_level_is_one_batch() {
        let (halves, begun) = (Halves::default(), Begun::default());
        let loader = DataLoader::new(halves.clone(), begun.clone(), AtOnce).delay(Duration::ZERO);
        let quarter = |number: u32| {
            let loader = &loader;
            async move {
                let half = loader.load_one(number).await.unwrap();
                loader.load_one(half.unwrap()).await.unwrap()
            }
        };
        let quarters = join_all([8, 12, 40].map(quarter));
        let quarters = Batches(begun).beside(quarters).await;
        assert_eq!(quarters, [Some(2), Some(3), Some(10)]);
        assert_eq!(*halves.0.lock().unwrap(), [3, 3]);
    }

    #[tokio::test]
    async fn a_batch_ends_with_its_operation() {
        let (halves, begun) = (Halves::default(), Begun::default());
        let loader = DataLoader::new(halves.clone(), begun.clone(), AtOnce).delay(Duration::ZERO);
        let asks = async {
            let asked = loader.load_one(2);
            assert!(asked.now_or_never().is_none());
        };
        Batches(begun).beside(asks).await;
        tokio::task::yield_now().await;
        assert!(halves.0.lock().unwrap().is_empty());
    }
}
