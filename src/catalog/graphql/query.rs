//! What may be asked of the catalogue.

use std::sync::Arc;

use async_graphql::{Context, Object};

use super::types::{Audience, Brand, Outlet, Product};
use crate::catalog::{
    count_outlets, count_products, list_audiences, list_brands, list_outlets, list_products, model,
};
use crate::error::{Error, Result};
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::platform::db::KeyPart;
use crate::platform::text;

/// Longest text to look for, in characters.
const MAX_QUERY: usize = 200;

#[derive(Default)]
pub(crate) struct CatalogQuery;

#[Object]
impl CatalogQuery {
    /// The brands that you reach, by slug.
    async fn brands(&self, ctx: &Context<'_>) -> GqlResult<Vec<Brand>> {
        let brands = list_brands(ctx.cx()).await.or_fail()?;
        Ok(brands.into_iter().map(|b| Brand(Arc::new(b))).collect())
    }

    /// The products of the brands that you reach, by name.
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those with this in their name, or at the beginning of their SKU.")]
        query: Option<String>,
        #[graphql(desc = "How many, at most 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<Product>> {
        products(ctx, query, PageArgs::forward(first, after))
            .await
            .or_fail()
    }

    /// The outlets, by name.
    async fn outlets(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only those with this in their name, or at the beginning of their domain."
        )]
        query: Option<String>,
        #[graphql(desc = "How many, at most 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<Outlet>> {
        outlets(ctx, query, PageArgs::forward(first, after))
            .await
            .or_fail()
    }

    /// The audiences, by slug.
    async fn audiences(&self, ctx: &Context<'_>) -> GqlResult<Vec<Audience>> {
        let audiences = list_audiences(ctx.cx()).await.or_fail()?;
        Ok(audiences
            .into_iter()
            .map(|a| Audience(Arc::new(a)))
            .collect())
    }
}

/// The name of a list with its filter, for its cursors.
fn scope(list: &str, query: Option<&str>) -> Result<String> {
    let query = query.map(text::fold).unwrap_or_default();
    if query.chars().count() > MAX_QUERY || query.chars().any(char::is_control) {
        return Err(Error::BadRequest(format!(
            "`query` has at most {MAX_QUERY} characters, none of control."
        )));
    }
    Ok(format!("{list}:{}", query.trim()))
}

async fn products(
    ctx: &Context<'_>,
    query: Option<String>,
    args: PageArgs,
) -> Result<Connection<Product>> {
    let cx = ctx.cx();
    let scope = scope("products", query.as_deref())?;
    let request = args.open(&cx.app, &scope, 2)?;
    let page = list_products(cx, query.as_deref(), &request).await?;
    let counted = cx.clone();
    let total = Total::counted(move || {
        let (cx, query) = (counted.clone(), query.clone());
        async move { count_products(&cx, query.as_deref()).await }
    });
    let key = |p: &model::Product| vec![KeyPart::Text(p.name_key.clone()), KeyPart::Id(p.id.0)];
    Ok(connection(&cx.app, &scope, page, total, key, |p| {
        Product(Arc::new(p))
    }))
}

async fn outlets(
    ctx: &Context<'_>,
    query: Option<String>,
    args: PageArgs,
) -> Result<Connection<Outlet>> {
    let cx = ctx.cx();
    let scope = scope("outlets", query.as_deref())?;
    let request = args.open(&cx.app, &scope, 2)?;
    let page = list_outlets(cx, query.as_deref(), &request).await?;
    let counted = cx.clone();
    let total = Total::counted(move || {
        let (cx, query) = (counted.clone(), query.clone());
        async move { count_outlets(&cx, query.as_deref()).await }
    });
    let key = |o: &model::Outlet| vec![KeyPart::Text(o.name_key.clone()), KeyPart::Id(o.id.0)];
    Ok(connection(&cx.app, &scope, page, total, key, |o| {
        Outlet(Arc::new(o))
    }))
}
