//! Batch loads of leases and of what the gate looks at, for GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::gate::Facts;
use super::model::Lease;
use super::store::{Scope, count_live, load_documents, load_leases, load_scopes};
use crate::contents::StoredFile;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{BrandId, ChannelId, ContentId, LeaseId, ProductId};

/// What the gate looks at, for a content that the viewer has been shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FactsKey(pub(crate) ContentId);

/// A lease of a brand that the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LeaseKey(pub(crate) LeaseId);

/// What a lease covers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ScopeKey(pub(super) LeaseId);

/// A lease's document, as a stored file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DocumentKey(pub(super) LeaseId);

impl Loader<DocumentKey> for Loaders {
    type Value = Arc<StoredFile>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[DocumentKey],
    ) -> Result<HashMap<DocumentKey, Arc<StoredFile>>, LoadError> {
        let ids: Vec<LeaseId> = keys.iter().map(|k| k.0).collect();
        let found = load_documents(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, file)| (DocumentKey(id), Arc::new(file)))
            .collect())
    }
}

impl Loader<FactsKey> for Loaders {
    type Value = Arc<Facts>;
    type Error = LoadError;

    async fn load(&self, keys: &[FactsKey]) -> Result<HashMap<FactsKey, Arc<Facts>>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = self.cx.app.facts.now(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, facts)| (FactsKey(id), facts))
            .collect())
    }
}

impl Loader<LeaseKey> for Loaders {
    type Value = Arc<Lease>;
    type Error = LoadError;

    async fn load(&self, keys: &[LeaseKey]) -> Result<HashMap<LeaseKey, Arc<Lease>>, LoadError> {
        let ids: Vec<LeaseId> = keys.iter().map(|k| k.0).collect();
        let found = load_leases(self.db(), &ids).await?;
        let visible = found
            .into_iter()
            .filter(|(_, lease)| self.viewer.sees_brand(lease.brand));
        Ok(visible.map(|(id, lease)| (LeaseKey(id), lease)).collect())
    }
}

impl Loader<ScopeKey> for Loaders {
    type Value = Arc<Scope>;
    type Error = LoadError;

    async fn load(&self, keys: &[ScopeKey]) -> Result<HashMap<ScopeKey, Arc<Scope>>, LoadError> {
        let ids: Vec<LeaseId> = keys.iter().map(|k| k.0).collect();
        let found = load_scopes(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, scope)| (ScopeKey(id), scope))
            .collect())
    }
}

/// How many endorsements are live in a channel for a product (none: for no product), by brand.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LiveKey(pub(crate) ChannelId, pub(crate) Option<ProductId>);

impl Loader<LiveKey> for Loaders {
    type Value = Arc<HashMap<BrandId, i64>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[LiveKey],
    ) -> Result<HashMap<LiveKey, Arc<HashMap<BrandId, i64>>>, LoadError> {
        let channels: Vec<ChannelId> = keys.iter().map(|key| key.0).collect();
        let counts = count_live(self.db(), &self.viewer, &channels, self.cx.at()).await?;
        let of = |key: &LiveKey| {
            let mine = counts
                .iter()
                .filter(|c| (c.channel_id, c.product_id) == (key.0, key.1));
            Arc::new(mine.map(|c| (c.brand_id, c.n)).collect())
        };
        Ok(keys.iter().map(|key| (*key, of(key))).collect())
    }
}
