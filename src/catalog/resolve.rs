//! An ID that may be a slug or a SKU: what it names among what the caller reaches.
//!
//! Foreign, unknown, malformed and ambiguous names are all the same: nothing.

use async_graphql::ID;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::accounts::{OpContext, Reach};
use crate::error::{Error, Problems, Result, UserError};
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AudienceId, BrandId, OutletId, ProductId, TypedId};

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

/// A thing that can be named by its id, or by a name of its own.
struct Kind {
    /// `SELECT id, <name> AS name FROM … WHERE `
    select: &'static str,
    name: &'static str,
    brand: Option<&'static str>,
}

const BRAND: Kind = Kind {
    select: "SELECT id, slug AS name FROM brands WHERE ",
    name: "slug",
    brand: Some("id"),
};
const PRODUCT: Kind = Kind {
    select: "SELECT id, sku AS name FROM products WHERE ",
    name: "sku",
    brand: Some("brand_id"),
};
const AUDIENCE: Kind = Kind {
    select: "SELECT id, slug AS name FROM audiences WHERE ",
    name: "slug",
    brand: None,
};
/// Outlets have no slug: a name that no id has.
const OUTLET: Kind = Kind {
    select: "SELECT id, '' AS name FROM outlets WHERE ",
    name: "''",
    brand: None,
};

/// What each text names, in their order; one statement, none for no texts.
async fn resolve<I: TypedId>(cx: &OpContext, kind: &Kind, texts: &[ID]) -> Result<Vec<Option<I>>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let ids = texts
        .iter()
        .filter_map(|t| t.parse::<I>().ok())
        .map(TypedId::uuid);
    let names = texts
        .iter()
        // PostgreSQL takes no NUL in a text; no name has one.
        .filter(|t| t.parse::<I>().is_err() && !t.is_empty() && !t.contains('\0'))
        .map(|t| t.as_str());
    let mut conditions = vec![Sql::any([
        Sql::new("id IN ").list(ids),
        Sql::new(kind.name).push(" IN ").list(names),
    ])];
    if let (Some(column), Reach::Only(brands)) = (kind.brand, &cx.viewer.brands) {
        conditions.push(Sql::new(column).push(" IN ").list(brands.iter().copied()));
    }
    let rows: Vec<Named> = fetch(
        cx.app.db.read(),
        Sql::new(kind.select).append(Sql::all(conditions)),
    )
    .await?;
    Ok(texts
        .iter()
        .map(|text| {
            let id = text.parse::<I>().ok().map(TypedId::uuid);
            let mut found = rows.iter().filter(|row| match id {
                Some(id) => row.id == id,
                None => row.name == text.as_str(),
            });
            match (found.next(), found.next()) {
                (Some(row), None) => Some(I::from_uuid(row.id)),
                _ => None,
            }
        })
        .collect())
}

/// One thing named in a mutation's input; NOT_FOUND at `field`.
async fn required<I: TypedId>(cx: &OpContext, kind: &Kind, text: &ID, field: &str) -> Result<I> {
    let found = resolve(cx, kind, std::slice::from_ref(text)).await?;
    found
        .into_iter()
        .next()
        .flatten()
        .ok_or_else(|| Error::not_found(field))
}

/// Things named in a list of a mutation's input, each once, in their order; what names nothing is a problem.
async fn listed<I: TypedId + PartialEq>(
    cx: &OpContext,
    kind: &Kind,
    texts: &[ID],
    field: &str,
    problems: &mut Problems,
) -> Result<Vec<I>> {
    let mut ids = Vec::new();
    for (i, id) in resolve(cx, kind, texts).await?.into_iter().enumerate() {
        match id {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => problems.push(UserError::not_found(&format!("{field}.{i}"))),
        }
    }
    Ok(ids)
}

/// The brand named in an input.
pub(crate) async fn input_brand(cx: &OpContext, text: &ID, field: &str) -> Result<BrandId> {
    required(cx, &BRAND, text, field).await
}

/// The product named in an input.
pub(crate) async fn input_product(cx: &OpContext, text: &ID, field: &str) -> Result<ProductId> {
    required(cx, &PRODUCT, text, field).await
}

/// The outlet named in an input.
pub(crate) async fn input_outlet(cx: &OpContext, text: &ID, field: &str) -> Result<OutletId> {
    required(cx, &OUTLET, text, field).await
}

/// The audience named in an input.
pub(crate) async fn input_audience(cx: &OpContext, text: &ID, field: &str) -> Result<AudienceId> {
    required(cx, &AUDIENCE, text, field).await
}

/// The products named in an input's list.
pub(crate) async fn input_products(
    cx: &OpContext,
    texts: &[ID],
    field: &str,
    problems: &mut Problems,
) -> Result<Vec<ProductId>> {
    listed(cx, &PRODUCT, texts, field, problems).await
}

/// The audiences named in an input's list.
pub(crate) async fn input_audiences(
    cx: &OpContext,
    texts: &[ID],
    field: &str,
    problems: &mut Problems,
) -> Result<Vec<AudienceId>> {
    listed(cx, &AUDIENCE, texts, field, problems).await
}

/// The brands named in an input's list.
pub(crate) async fn input_brands(
    cx: &OpContext,
    texts: &[ID],
    field: &str,
    problems: &mut Problems,
) -> Result<Vec<BrandId>> {
    listed(cx, &BRAND, texts, field, problems).await
}

/// What the texts of a filter name; what names nothing matches nothing, so it is left out.
pub(crate) async fn filter_products(cx: &OpContext, texts: &[ID]) -> Result<Vec<ProductId>> {
    Ok(resolve(cx, &PRODUCT, texts)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

/// What the texts of a filter name; what names nothing matches nothing, so it is left out.
pub(crate) async fn filter_audiences(cx: &OpContext, texts: &[ID]) -> Result<Vec<AudienceId>> {
    Ok(resolve(cx, &AUDIENCE, texts)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

/// What the text of a filter names, if anything.
pub(crate) async fn filter_brand(cx: &OpContext, text: &ID) -> Result<Option<BrandId>> {
    Ok(resolve(cx, &BRAND, std::slice::from_ref(text))
        .await?
        .into_iter()
        .next()
        .flatten())
}

/// The product that a query's argument names; NOT_FOUND.
pub(crate) async fn argument_product(cx: &OpContext, text: &ID) -> Result<ProductId> {
    let found = resolve(cx, &PRODUCT, std::slice::from_ref(text)).await?;
    found.into_iter().next().flatten().ok_or(Error::NotFound)
}

/// What each text of an input names, in their order; nothing for what names nothing. One statement.
pub(crate) async fn find_products(cx: &OpContext, texts: &[ID]) -> Result<Vec<Option<ProductId>>> {
    resolve(cx, &PRODUCT, texts).await
}
