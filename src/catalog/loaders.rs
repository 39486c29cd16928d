//! Batch loads of the catalogue, for GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::brands;
use super::model::Brand;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::BrandId;

/// A brand that the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BrandKey(pub(crate) BrandId);

impl Loader<BrandKey> for Loaders {
    type Value = Arc<Brand>;
    type Error = LoadError;

    async fn load(&self, keys: &[BrandKey]) -> Result<HashMap<BrandKey, Arc<Brand>>, LoadError> {
        let ids: Vec<BrandId> = keys
            .iter()
            .map(|k| k.0)
            .filter(|id| self.viewer.sees_brand(*id))
            .collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = brands::load(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, brand)| (BrandKey(id), Arc::new(brand)))
            .collect())
    }
}
