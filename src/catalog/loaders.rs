//! Batch loads of the catalogue, for GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::ID;
use async_graphql::dataloader::Loader;

use super::model::{Audience, Brand, Outlet, Product};
use super::{audiences, brands, outlets, products, resolve};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{AudienceId, BrandId, ChannelId, OutletId, ProductId};

/// A brand that the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BrandKey(pub(crate) BrandId);

/// A product of a brand that the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProductKey(pub(crate) ProductId);

/// The channels that a product is sold in, whoever reaches them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProductChannelsKey(pub(crate) ProductId);

/// An outlet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OutletKey(pub(crate) OutletId);

/// An audience.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AudienceKey(pub(crate) AudienceId);

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

impl Loader<ProductKey> for Loaders {
    type Value = Arc<Product>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Arc<Product>>, LoadError> {
        let ids: Vec<ProductId> = keys.iter().map(|k| k.0).collect();
        let found = products::load(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .filter(|(_, product)| self.viewer.sees_brand(product.brand))
            .map(|(id, product)| (ProductKey(id), Arc::new(product)))
            .collect())
    }
}

impl Loader<ProductChannelsKey> for Loaders {
    type Value = Arc<Vec<ChannelId>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[ProductChannelsKey],
    ) -> Result<HashMap<ProductChannelsKey, Arc<Vec<ChannelId>>>, LoadError> {
        let ids: Vec<ProductId> = keys.iter().map(|k| k.0).collect();
        let found = products::load_channels(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, channels)| (ProductChannelsKey(id), Arc::new(channels)))
            .collect())
    }
}

impl Loader<OutletKey> for Loaders {
    type Value = Arc<Outlet>;
    type Error = LoadError;

    async fn load(&self, keys: &[OutletKey]) -> Result<HashMap<OutletKey, Arc<Outlet>>, LoadError> {
        let ids: Vec<OutletId> = keys.iter().map(|k| k.0).collect();
        let found = outlets::load(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, outlet)| (OutletKey(id), Arc::new(outlet)))
            .collect())
    }
}

impl Loader<AudienceKey> for Loaders {
    type Value = Arc<Audience>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[AudienceKey],
    ) -> Result<HashMap<AudienceKey, Arc<Audience>>, LoadError> {
        let ids: Vec<AudienceId> = keys.iter().map(|k| k.0).collect();
        let found = audiences::load(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, audience)| (AudienceKey(id), Arc::new(audience)))
            .collect())
    }
}

/// The product that a text names, by id or SKU, among the viewer's brands.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProductNameKey(pub(crate) String);

impl Loader<ProductNameKey> for Loaders {
    type Value = ProductId;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[ProductNameKey],
    ) -> Result<HashMap<ProductNameKey, ProductId>, LoadError> {
        let texts: Vec<ID> = keys.iter().map(|key| ID(key.0.clone())).collect();
        let found = resolve::find_products(&self.cx, &texts).await?;
        Ok(keys
            .iter()
            .cloned()
            .zip(found)
            .filter_map(|(key, id)| id.map(|id| (key, id)))
            .collect())
    }
}
