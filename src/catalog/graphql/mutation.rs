//! What may be changed in the catalogue.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::types::{Audience, Brand, Outlet, Product};
use crate::accounts::{OpContext, Scope};
use crate::catalog::{
    BrandChange, NewBrand, NewOutlet, NewProduct, OutletChange, OutletKind, ProductChange, SoldIn,
    create_audience, create_brand, create_outlet, create_product, resolve, update_brand,
    update_outlet, update_product,
};
use crate::channels;
use crate::channels::resolve::{input_channels, reaches};
use crate::error::{Error, Problems, Result, UserError};
use crate::graphql::context::{client_mutation_id, once};
use crate::graphql::error::{GqlResult, payload, respond};
use crate::graphql::scalars::{CountryCode, Url};
use crate::platform::ids::AssetId;

/// What a new brand shall be.
#[derive(InputObject)]
pub(crate) struct CreateBrandInput {
    /// What people call it.
    name: String,
    /// Made of the name, unless given.
    slug: Option<String>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What a brand shall become. A field that is absent stays as it is; null clears it.
#[derive(InputObject)]
pub(crate) struct UpdateBrandInput {
    /// Which brand.
    brand: ID,
    /// What people call it.
    name: MaybeUndefined<String>,
    /// Its logo: an asset of the brand.
    logo: MaybeUndefined<ID>,
    /// Its colour: `#rrggbb`.
    color: MaybeUndefined<String>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What a new product shall be.
#[derive(InputObject)]
pub(crate) struct CreateProductInput {
    /// Whose it is.
    brand: ID,
    /// The brand's own number for it: at most 100 characters, and no id.
    sku: String,
    /// What people call it.
    name: String,
    /// What kind of thing it is, in the brand's own words.
    category: Option<String>,
    /// Its page.
    url: Option<Url>,
    /// Which edition is sold now.
    edition: Option<String>,
    /// Where it is sold, at most 250; none: everywhere.
    channels: Option<Vec<ID>>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What a product shall become. A field that is absent stays as it is; null clears it.
#[derive(InputObject)]
pub(crate) struct UpdateProductInput {
    /// Which product.
    product: ID,
    /// What people call it.
    name: MaybeUndefined<String>,
    /// What kind of thing it is, in the brand's own words.
    category: MaybeUndefined<String>,
    /// Its page.
    url: MaybeUndefined<Url>,
    /// Which edition is sold now. Another one makes what was said of the last due for a recheck.
    edition: MaybeUndefined<String>,
    /// Where it is sold: the whole list, at most 250; none: everywhere.
    channels: MaybeUndefined<Vec<ID>>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What a new outlet shall be.
#[derive(InputObject)]
pub(crate) struct CreateOutletInput {
    /// What people call it.
    name: String,
    /// Who it is.
    kind: OutletKind,
    /// The domain of its pages, such as `example.com`.
    domain: Option<String>,
    /// How well known it is, from 1 (the best known) to 4.
    tier: Option<i32>,
    /// The country it is from.
    country: Option<CountryCode>,
    /// What it says about the use of its words and badges.
    usage_terms: Option<String>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What an outlet shall become. A field that is absent stays as it is; null clears it.
#[derive(InputObject)]
pub(crate) struct UpdateOutletInput {
    /// Which outlet.
    outlet: ID,
    /// What people call it.
    name: MaybeUndefined<String>,
    /// The domain of its pages, such as `example.com`.
    domain: MaybeUndefined<String>,
    /// How well known it is, from 1 (the best known) to 4.
    tier: MaybeUndefined<i32>,
    /// The country it is from.
    country: MaybeUndefined<CountryCode>,
    /// What it says about the use of its words and badges.
    usage_terms: MaybeUndefined<String>,
    /// Its logo: an asset that you see.
    logo: MaybeUndefined<ID>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What a new audience shall be.
#[derive(InputObject)]
pub(crate) struct CreateAudienceInput {
    /// What people call it.
    name: String,
    /// Made of the name, unless given.
    slug: Option<String>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

payload! {
    /// The new brand.
    CreateBrandPayload {
        /// The brand; null where something must be mended.
        brand: Option<Brand>
    }
}

payload! {
    /// The changed brand.
    UpdateBrandPayload {
        /// The brand; null where something must be mended.
        brand: Option<Brand>
    }
}

payload! {
    /// The new product.
    CreateProductPayload {
        /// The product; null where something must be mended.
        product: Option<Product>
    }
}

payload! {
    /// The changed product.
    UpdateProductPayload {
        /// The product; null where something must be mended.
        product: Option<Product>
    }
}

payload! {
    /// The new outlet.
    CreateOutletPayload {
        /// The outlet; null where something must be mended.
        outlet: Option<Outlet>
    }
}

payload! {
    /// The changed outlet.
    UpdateOutletPayload {
        /// The outlet; null where something must be mended.
        outlet: Option<Outlet>
    }
}

payload! {
    /// The new audience.
    CreateAudiencePayload {
        /// The audience; null where something must be mended.
        audience: Option<Audience>
    }
}

#[derive(Default)]
pub(crate) struct CatalogMutation;

#[Object]
impl CatalogMutation {
    /// Makes a brand.
    async fn create_brand(
        &self,
        ctx: &Context<'_>,
        input: CreateBrandInput,
    ) -> GqlResult<CreateBrandPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                create_brand(
                    &cx,
                    NewBrand {
                        name: input.name,
                        slug: input.slug,
                    },
                )
                .await
            })
            .await?;
            Brand::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |brand, payload: &mut CreateBrandPayload| payload.brand = brand,
        )
    }

    /// Changes a brand.
    async fn update_brand(
        &self,
        ctx: &Context<'_>,
        input: UpdateBrandInput,
    ) -> GqlResult<UpdateBrandPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let change = brand_change(&cx, input).await?;
                update_brand(&cx, change).await
            })
            .await?;
            Brand::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |brand, payload: &mut UpdateBrandPayload| payload.brand = brand,
        )
    }

    /// Makes a product.
    async fn create_product(
        &self,
        ctx: &Context<'_>,
        input: CreateProductInput,
    ) -> GqlResult<CreateProductPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let new = new_product(&cx, input).await?;
                create_product(&cx, new).await
            })
            .await?;
            Product::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |product, payload: &mut CreateProductPayload| payload.product = product,
        )
    }

    /// Changes a product.
    async fn update_product(
        &self,
        ctx: &Context<'_>,
        input: UpdateProductInput,
    ) -> GqlResult<UpdateProductPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let change = product_change(&cx, input).await?;
                update_product(&cx, change).await
            })
            .await?;
            Product::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |product, payload: &mut UpdateProductPayload| payload.product = product,
        )
    }

    /// Makes an outlet.
    async fn create_outlet(
        &self,
        ctx: &Context<'_>,
        input: CreateOutletInput,
    ) -> GqlResult<CreateOutletPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let new = NewOutlet {
                    name: input.name,
                    kind: input.kind,
                    domain: input.domain,
                    tier: input.tier,
                    country: input.country.map(|c| c.0),
                    usage_terms: input.usage_terms,
                };
                create_outlet(&cx, new).await
            })
            .await?;
            Outlet::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |outlet, payload: &mut CreateOutletPayload| payload.outlet = outlet,
        )
    }

    /// Changes an outlet.
    async fn update_outlet(
        &self,
        ctx: &Context<'_>,
        input: UpdateOutletInput,
    ) -> GqlResult<UpdateOutletPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let change = outlet_change(&cx, input).await?;
                update_outlet(&cx, change).await
            })
            .await?;
            Outlet::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |outlet, payload: &mut UpdateOutletPayload| payload.outlet = outlet,
        )
    }

    /// Makes an audience.
    async fn create_audience(
        &self,
        ctx: &Context<'_>,
        input: CreateAudienceInput,
    ) -> GqlResult<CreateAudiencePayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                create_audience(&cx, &input.name, input.slug).await
            })
            .await?;
            Audience::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |audience, payload: &mut CreateAudiencePayload| payload.audience = audience,
        )
    }
}

/// An asset to be a logo; one that is malformed names nothing.
fn logo(problems: &mut Problems, id: MaybeUndefined<ID>) -> MaybeUndefined<AssetId> {
    match id {
        MaybeUndefined::Undefined => MaybeUndefined::Undefined,
        MaybeUndefined::Null => MaybeUndefined::Null,
        MaybeUndefined::Value(id) => {
            if let Ok(id) = id.parse() {
                MaybeUndefined::Value(id)
            } else {
                problems.push(UserError::not_found("logo"));
                MaybeUndefined::Undefined
            }
        }
    }
}

async fn brand_change(cx: &OpContext, input: UpdateBrandInput) -> Result<BrandChange> {
    cx.viewer.require(Scope::Admin)?;
    let mut problems = Problems::new();
    let logo = logo(&mut problems, input.logo);
    let brand = problems.keep(resolve::input_brand(cx, &input.brand, "brand").await)?;
    let change = brand.map(|brand| BrandChange {
        brand,
        name: input.name,
        color: input.color,
        logo,
    });
    complete(problems, change)
}

/// What was resolved, or everything that was wrong in it.
fn complete<T>(problems: Problems, value: Option<T>) -> Result<T> {
    problems.check()?;
    value.ok_or_else(|| Error::internal("an input was neither resolved nor refused"))
}

async fn new_product(cx: &OpContext, input: CreateProductInput) -> Result<NewProduct> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let channels = match &input.channels {
        Some(texts) => {
            let tree = channels::tree(cx).await?;
            input_channels(&cx.viewer, &tree, texts, "channels", &mut problems)
        }
        None => Vec::new(),
    };
    let brand = problems.keep(resolve::input_brand(cx, &input.brand, "brand").await)?;
    let new = brand.map(|brand| NewProduct {
        brand,
        sku: input.sku,
        name: input.name,
        category: input.category,
        url: input.url.map(|u| u.0),
        edition: input.edition,
        channels,
    });
    complete(problems, new)
}

async fn product_change(cx: &OpContext, input: UpdateProductInput) -> Result<ProductChange> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let sold_in = match input.channels {
        MaybeUndefined::Undefined => None,
        given => {
            let tree = channels::tree(cx).await?;
            let texts = given.take().unwrap_or_default();
            let channels = input_channels(&cx.viewer, &tree, &texts, "channels", &mut problems);
            let hidden = tree
                .all()
                .iter()
                .map(|c| c.id)
                .filter(|id| !reaches(&cx.viewer, &tree, *id))
                .collect();
            Some(SoldIn { channels, hidden })
        }
    };
    let product = problems.keep(resolve::input_product(cx, &input.product, "product").await)?;
    let change = product.map(|product| ProductChange {
        product,
        name: input.name,
        category: input.category,
        url: input.url.map_value(|u| u.0),
        edition: input.edition,
        sold_in,
    });
    complete(problems, change)
}

async fn outlet_change(cx: &OpContext, input: UpdateOutletInput) -> Result<OutletChange> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let logo = logo(&mut problems, input.logo);
    let outlet = problems.keep(resolve::input_outlet(cx, &input.outlet, "outlet").await)?;
    let change = outlet.map(|outlet| OutletChange {
        outlet,
        name: input.name,
        domain: input.domain,
        tier: input.tier,
        country: input.country.map_value(|c| c.0),
        usage_terms: input.usage_terms,
        logo,
    });
    complete(problems, change)
}
