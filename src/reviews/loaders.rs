//! Batch loads of reviews, for GraphQL: only what the viewer sees.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Review;
use super::store;
use crate::contents::service::brand_condition;
use crate::graphql::loader::{LoadError, Loaders, grouped};
use crate::platform::ids::{ReviewId, VersionId};

/// A review of a version that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReviewKey(pub(crate) ReviewId);

/// The reviews of a version that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReviewsKey(pub(crate) VersionId);

impl Loader<ReviewKey> for Loaders {
    type Value = Arc<Review>;
    type Error = LoadError;

    async fn load(&self, keys: &[ReviewKey]) -> Result<HashMap<ReviewKey, Arc<Review>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ReviewId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load(self.db(), &ids, visible).await?;
        Ok(found
            .into_iter()
            .map(|review| (ReviewKey(review.id), Arc::new(review)))
            .collect())
    }
}

impl Loader<ReviewsKey> for Loaders {
    type Value = Arc<Vec<Arc<Review>>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[ReviewsKey],
    ) -> Result<HashMap<ReviewsKey, Arc<Vec<Arc<Review>>>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<VersionId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load_of(self.db(), &ids, visible).await?;
        Ok(grouped(found.into_iter().map(|review| {
            (ReviewsKey(review.version), Arc::new(review))
        })))
    }
}
