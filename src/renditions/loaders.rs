//! Batch loads of renditions, for GraphQL. Whoever asks sees the version.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::store::{self, Row};
use crate::graphql::loader::{LoadError, Loaders};

/// What is known of a rendition, by its key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct RenditionKey(pub(super) String);

impl Loader<RenditionKey> for Loaders {
    type Value = Arc<Row>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[RenditionKey],
    ) -> Result<HashMap<RenditionKey, Arc<Row>>, LoadError> {
        let keys: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let found = store::load(self.db(), &keys).await?;
        Ok(found
            .into_iter()
            .map(|(key, row)| (RenditionKey(key), Arc::new(row)))
            .collect())
    }
}
