//! Batch loads of requests, for GraphQL. They are internal: a public viewer sees none.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::{Request, TakeDowns};
use super::store;
use crate::coverage::{Spot, suggest};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{ContentId, RequestId};

/// A request that the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestKey(pub(crate) RequestId);

impl Loader<RequestKey> for Loaders {
    type Value = Arc<Request>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[RequestKey],
    ) -> Result<HashMap<RequestKey, Arc<Request>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<RequestId> = keys.iter().map(|k| k.0).collect();
        let found = store::load(self.db(), &self.viewer, self.cx.at(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, request)| (RequestKey(id), Arc::new(request)))
            .collect())
    }
}

/// What could be shown in a place now, the best first; at most so many.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SuggestionsKey(pub(crate) Spot, pub(crate) usize);

impl Loader<SuggestionsKey> for Loaders {
    type Value = Vec<ContentId>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[SuggestionsKey],
    ) -> Result<HashMap<SuggestionsKey, Vec<ContentId>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let most = keys.iter().map(|key| key.1).max().unwrap_or_default();
        let spots = keys.iter().map(|key| key.0.clone()).collect();
        let found = suggest(&self.cx, spots, most).await?;
        Ok(keys.iter().cloned().zip(found).collect())
    }
}

/// How far the take-downs of a content have come, as far as the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TakeDownsKey(pub(crate) ContentId);

impl Loader<TakeDownsKey> for Loaders {
    type Value = TakeDowns;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[TakeDownsKey],
    ) -> Result<HashMap<TakeDownsKey, TakeDowns>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = store::count_take_downs(self.db(), &self.viewer, self.cx.at(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, counts)| (TakeDownsKey(id), counts))
            .collect())
    }
}
