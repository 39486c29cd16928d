//! Batch loads of what files say of themselves and what looks alike, for GraphQL. Whoever asks has the file
//! or the asset already.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use serde_json::{Map, Value as Json};

use super::similar::{Near, near};
use super::store;
use crate::contents::service::brand_condition;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::ContentId;

/// What a file says of itself, by its hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct MetadataKey(pub(crate) String);

impl Loader<MetadataKey> for Loaders {
    type Value = Map<String, Json>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[MetadataKey],
    ) -> Result<HashMap<MetadataKey, Self::Value>, LoadError> {
        let files: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let found = store::load_metadata(self.db(), &files).await?;
        Ok(found
            .into_iter()
            .map(|(sha256, found)| (MetadataKey(sha256), found))
            .collect())
    }
}

/// What looks like the newest version of an asset, among the assets of the viewer's brands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NearKey(pub(super) ContentId);

impl Loader<NearKey> for Loaders {
    /// The nearest first.
    type Value = Vec<Near>;
    type Error = LoadError;

    async fn load(&self, keys: &[NearKey]) -> Result<HashMap<NearKey, Vec<Near>>, LoadError> {
        let assets: Vec<ContentId> = keys.iter().map(|key| key.0).collect();
        let brands = brand_condition(&self.viewer, "c.brand_id");
        let found = near(self.db(), brands, &assets).await?;
        Ok(found
            .into_iter()
            .map(|(id, near)| (NearKey(id), near))
            .collect())
    }
}
