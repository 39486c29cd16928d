//! Batch loads of what is an asset's own, for GraphQL. Whoever asks has the asset already.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Alt;
use super::store;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::ContentId;

/// The alternative texts of an asset.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AltsKey(pub(crate) ContentId);

impl Loader<AltsKey> for Loaders {
    type Value = Arc<Vec<Alt>>;
    type Error = LoadError;

    async fn load(&self, keys: &[AltsKey]) -> Result<HashMap<AltsKey, Self::Value>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = store::load_alts(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, alts)| (AltsKey(id), alts))
            .collect())
    }
}
