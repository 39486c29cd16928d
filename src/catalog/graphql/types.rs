//! The catalogue's objects.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use crate::assets::graphql::Asset;
use crate::catalog::{
    AudienceKey, BrandKey, OutletKey, OutletKind, ProductChannelsKey, ProductKey, model,
};
use crate::channels::graphql::Channel;
use crate::contents::ContentKind;
use crate::contents::graphql::Content;
use crate::endorsements::graphql::Endorsement;
use crate::error::{Error, Result};
use crate::graphql::connection::Connection;
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{CountryCode, Url};
use crate::library::graphql::{Of, list_of};
use crate::platform::ids::{AssetId, AudienceId, BrandId, OutletId, ProductId};

/// A brand: the wall within which everything else stands.
pub(crate) struct Brand(pub(crate) Arc<model::Brand>);

#[Object]
impl Brand {
    /// The brand's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its short name, good in place of its id.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Its logo; null while none is set.
    async fn logo(&self, ctx: &Context<'_>) -> GqlResult<Option<Asset>> {
        logo(ctx, self.0.logo).await
    }

    /// Its colour, as CSS writes it: `#rrggbb`; null while none is set.
    async fn color(&self) -> Option<&str> {
        self.0.color.as_deref()
    }
}

impl Brand {
    /// The brand with this id, if the viewer reaches it.
    pub(crate) async fn find(ctx: &Context<'_>, id: BrandId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(BrandKey(id)).await?.map(Self))
    }

    /// A brand that something visible points to.
    pub(crate) async fn get(ctx: &Context<'_>, id: BrandId) -> GqlResult<Self> {
        Self::find(ctx, id)
            .await
            .and_then(|b| b.ok_or_else(|| Error::internal("a brand is missing")))
            .or_fail()
    }
}

/// A logo, if the viewer sees it.
async fn logo(ctx: &Context<'_>, id: Option<AssetId>) -> GqlResult<Option<Asset>> {
    let Some(id) = id else { return Ok(None) };
    Ok(match Content::find(ctx, id.into()).await.or_fail()? {
        Some(Content::Asset(asset)) => Some(asset),
        _ => None,
    })
}

/// Something that a brand sells.
pub(crate) struct Product(pub(crate) Arc<model::Product>);

#[Object]
impl Product {
    /// The product's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose it is.
    async fn brand(&self, ctx: &Context<'_>) -> GqlResult<Brand> {
        Brand::get(ctx, self.0.brand).await
    }

    /// The brand's own number for it, good in place of its id where only one of your brands has it.
    async fn sku(&self) -> &str {
        &self.0.sku
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What kind of thing it is, in the brand's own words.
    async fn category(&self) -> Option<&str> {
        self.0.category.as_deref()
    }

    /// Its page.
    async fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Which edition is sold now. Another edition makes what was said of the last one due for a recheck.
    async fn edition(&self) -> Option<&str> {
        self.0.edition.as_deref()
    }

    /// Where it is sold, among the channels that you reach; empty: everywhere. No gap is counted elsewhere.
    async fn channels(&self, ctx: &Context<'_>) -> GqlResult<Vec<Channel>> {
        let ids = ctx
            .loader()
            .load_one(ProductChannelsKey(self.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        Channel::find_many(ctx, &ids).await.or_fail()
    }

    /// What was said of it, the newest first; with a channel only what may be shown there now.
    async fn endorsements(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        channel: Option<ID>,
    ) -> GqlResult<Connection<Endorsement>> {
        let of = Of::Product(self.0.id);
        list_of(
            ctx,
            ContentKind::Endorsement,
            of,
            channel,
            first,
            after,
            Endorsement::of,
        )
        .await
    }

    /// What shows it, the newest first; with a channel only what may be shown there now.
    async fn assets(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        channel: Option<ID>,
    ) -> GqlResult<Connection<Asset>> {
        let of = Of::Product(self.0.id);
        list_of(
            ctx,
            ContentKind::Asset,
            of,
            channel,
            first,
            after,
            Asset::of,
        )
        .await
    }
}

impl Product {
    /// The product with this id, if the viewer reaches its brand.
    pub(crate) async fn find(ctx: &Context<'_>, id: ProductId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(ProductKey(id)).await?.map(Self))
    }

    /// The products with these ids, in their order, without those out of reach.
    pub(crate) async fn list(ctx: &Context<'_>, ids: &[ProductId]) -> Result<Vec<Self>> {
        let mut found = ctx
            .loader()
            .load_many(ids.iter().map(|id| ProductKey(*id)))
            .await?;
        Ok(ids
            .iter()
            .filter_map(|id| found.remove(&ProductKey(*id)).map(Self))
            .collect())
    }
}

/// Someone who says something of a product: a paper, a creator, an award's jury, a customer. All brands
/// share them.
pub(crate) struct Outlet(pub(crate) Arc<model::Outlet>);

#[Object]
impl Outlet {
    /// The outlet's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Who it is. The words of a CUSTOMER or CREATOR always need their consent, an ALLOW lease.
    async fn kind(&self) -> OutletKind {
        self.0.kind
    }

    /// The domain of its pages.
    async fn domain(&self) -> Option<&str> {
        self.0.domain.as_deref()
    }

    /// How well known it is, from 1 (the best known) to 4; null: not said, which counts as 4.
    async fn tier(&self) -> Option<i32> {
        self.0.tier
    }

    /// The country it is from.
    async fn country(&self) -> Option<CountryCode> {
        self.0.country.clone().map(CountryCode)
    }

    /// Its logo, if it is an asset that you see.
    async fn logo(&self, ctx: &Context<'_>) -> GqlResult<Option<Asset>> {
        logo(ctx, self.0.logo).await
    }

    /// What it says about the use of its words and badges.
    async fn usage_terms(&self) -> Option<&str> {
        self.0.usage_terms.as_deref()
    }

    /// What it said of your brands, the newest first.
    async fn endorsements(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> GqlResult<Connection<Endorsement>> {
        let of = Of::Outlet(self.0.id);
        list_of(
            ctx,
            ContentKind::Endorsement,
            of,
            None,
            first,
            after,
            Endorsement::of,
        )
        .await
    }
}

impl Outlet {
    /// The outlet with this id.
    pub(crate) async fn find(ctx: &Context<'_>, id: OutletId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(OutletKey(id)).await?.map(Self))
    }

    /// An outlet that something visible points to.
    pub(crate) async fn get(ctx: &Context<'_>, id: OutletId) -> GqlResult<Self> {
        let found = Self::find(ctx, id).await.or_fail()?;
        found
            .ok_or_else(|| Error::internal("an outlet is missing"))
            .or_fail()
    }
}

/// People to whom content speaks. All brands share them.
pub(crate) struct Audience(pub(crate) Arc<model::Audience>);

#[Object]
impl Audience {
    /// The audience's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its short name, good in place of its id.
    async fn slug(&self) -> &str {
        &self.0.slug
    }
}

impl Audience {
    /// The audience with this id.
    pub(crate) async fn find(ctx: &Context<'_>, id: AudienceId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(AudienceKey(id)).await?.map(Self))
    }

    /// The audiences with these ids, in their order.
    pub(crate) async fn list(ctx: &Context<'_>, ids: &[AudienceId]) -> Result<Vec<Self>> {
        let mut found = ctx
            .loader()
            .load_many(ids.iter().map(|id| AudienceKey(*id)))
            .await?;
        Ok(ids
            .iter()
            .filter_map(|id| found.remove(&AudienceKey(*id)).map(Self))
            .collect())
    }
}
