//! Batch loads of imports, for GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Import;
use super::store;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::ImportId;

/// An import of the viewer's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ImportKey(pub(crate) ImportId);

impl Loader<ImportKey> for Loaders {
    type Value = Arc<Import>;
    type Error = LoadError;

    async fn load(&self, keys: &[ImportKey]) -> Result<HashMap<ImportKey, Arc<Import>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ImportId> = keys.iter().map(|key| key.0).collect();
        let found = store::load(self.db(), &self.viewer, &ids).await?;
        let found = found.into_iter();
        Ok(found
            .map(|import| (ImportKey(import.id), Arc::new(import)))
            .collect())
    }
}
