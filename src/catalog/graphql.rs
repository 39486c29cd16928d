//! The catalogue in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};

use super::loaders::BrandKey;
use super::{NewBrand, create_brand, list_brands, model};
use crate::error::{Error, Result};
use crate::graphql::context::{Request, client_mutation_id, mutation};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::platform::ids::BrandId;

/// A brand: the wall within which everything else stands.
pub(crate) struct Brand(pub(crate) Arc<model::Brand>);

#[Object]
impl Brand {
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

    /// Its colour, as CSS writes it.
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

#[derive(Default)]
pub(crate) struct CatalogQuery;

#[Object]
impl CatalogQuery {
    /// The brands that you reach, by slug.
    async fn brands(&self, ctx: &Context<'_>) -> GqlResult<Vec<Brand>> {
        let brands = list_brands(ctx.cx()).await.or_fail()?;
        Ok(brands.into_iter().map(|b| Brand(Arc::new(b))).collect())
    }
}

#[derive(InputObject)]
pub(crate) struct CreateBrandInput {
    name: String,
    /// Made of the name, unless given.
    slug: Option<String>,
    client_mutation_id: Option<String>,
}

payload! {
    CreateBrandPayload { brand: Option<Brand> }
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
            let cx = mutation(ctx)?;
            let id = create_brand(
                &cx,
                NewBrand {
                    name: input.name,
                    slug: input.slug,
                },
            )
            .await?;
            Brand::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |brand, payload: &mut CreateBrandPayload| payload.brand = brand,
        )
    }
}
