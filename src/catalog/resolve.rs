//! An ID that may be a slug or a SKU: what it names among what the caller reaches.
//!
//! Foreign, unknown, malformed and ambiguous names are all the same: nothing.

use std::collections::{BTreeSet, HashMap};

use async_graphql::ID;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::accounts::{OpContext, Reach};
use crate::error::{Error, Problems, Result, UserError};
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AudienceId, BrandId, OutletId, ProductId, TypedId};
use crate::platform::text;

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

/// Names that are looked for with one statement.
const TOGETHER: usize = 4_096;

/// What texts name, those that name something; a statement for every 4,096, none for no texts. `within` narrows
/// what belongs to a brand to that of one.
async fn find_all<'t, I: TypedId>(
    cx: &OpContext,
    kind: &Kind,
    texts: impl IntoIterator<Item = &'t ID>,
    within: Option<BrandId>,
) -> Result<HashMap<String, I>> {
    let texts: BTreeSet<&str> = texts.into_iter().map(|text| text.as_str()).collect();
    let texts: Vec<&str> = texts.into_iter().collect();
    let mut found = HashMap::new();
    for some in texts.chunks(TOGETHER) {
        let parsed = |text: &&&str| text.parse::<I>().is_ok();
        let (ids, names): (Vec<&str>, Vec<&str>) = some.iter().partition(parsed);
        let uuids = ids.iter().filter_map(|t| t.parse::<I>().ok());
        // PostgreSQL takes no NUL in a text; no name has one.
        let names = names.iter().filter(|t| !t.is_empty() && !t.contains('\0'));
        let mut conditions = vec![Sql::any([
            Sql::new("id IN ").list(uuids.map(TypedId::uuid)),
            Sql::new(kind.name).push(" IN ").list(names.copied()),
        ])];
        if let (Some(column), Reach::Only(brands)) = (kind.brand, &cx.viewer.brands) {
            conditions.push(Sql::new(column).push(" IN ").list(brands.iter().copied()));
        }
        if let (Some(column), Some(brand)) = (kind.brand, within) {
            conditions.push(Sql::new(column).push(" = ").bind(brand));
        }
        let sql = Sql::new(kind.select).append(Sql::all(conditions));
        let rows: Vec<Named> = fetch(cx.app.db.read(), sql).await?;
        let mut by_name: HashMap<&str, Option<Uuid>> = HashMap::new();
        let mut there: BTreeSet<Uuid> = BTreeSet::new();
        for row in &rows {
            there.insert(row.id);
            // Two of one name: it names neither.
            let entry = by_name.entry(&row.name).or_insert(Some(row.id));
            *entry = entry.filter(|id| *id == row.id);
        }
        for text in some {
            let id = match text.parse::<I>() {
                Ok(id) => Some(id.uuid()).filter(|id| there.contains(id)),
                Err(_) => by_name.get(text).copied().flatten(),
            };
            found.extend(id.map(|id| ((*text).to_owned(), I::from_uuid(id))));
        }
    }
    Ok(found)
}

/// What each text names, in their order.
async fn resolve<I: TypedId>(cx: &OpContext, kind: &Kind, texts: &[ID]) -> Result<Vec<Option<I>>> {
    let found = find_all(cx, kind, texts, None).await?;
    Ok(texts
        .iter()
        .map(|text| found.get(text.as_str()).copied())
        .collect())
}

/// Names that stand in inputs, to be looked for together.
#[derive(Default)]
pub(crate) struct Asked<'i> {
    pub brands: Vec<&'i ID>,
    pub outlets: Vec<&'i ID>,
    pub products: Vec<&'i ID>,
    pub audiences: Vec<&'i ID>,
    /// The brand whose products are meant, where that is known.
    pub within: Option<BrandId>,
}

/// What names stand for.
#[derive(Default)]
pub(crate) struct Known {
    brands: HashMap<String, BrandId>,
    outlets: HashMap<String, OutletId>,
    products: HashMap<String, ProductId>,
    audiences: HashMap<String, AudienceId>,
}

impl Known {
    /// Looks names up: a statement for each kind of thing that is asked for.
    pub(crate) async fn load(cx: &OpContext, asked: Asked<'_>) -> Result<Self> {
        let within = asked.within;
        Ok(Self {
            brands: find_all(cx, &BRAND, asked.brands, None).await?,
            outlets: find_all(cx, &OUTLET, asked.outlets, None).await?,
            products: find_all(cx, &PRODUCT, asked.products, within).await?,
            audiences: find_all(cx, &AUDIENCE, asked.audiences, None).await?,
        })
    }

    /// The brand named in an input; NOT_FOUND at `field`.
    pub(crate) fn brand(&self, text: &ID, field: &str) -> Result<BrandId> {
        let found = self.brands.get(text.as_str()).copied();
        found.ok_or_else(|| Error::not_found(field))
    }

    /// The outlet named in an input; NOT_FOUND at `field`.
    pub(crate) fn outlet(&self, text: &ID, field: &str) -> Result<OutletId> {
        let found = self.outlets.get(text.as_str()).copied();
        found.ok_or_else(|| Error::not_found(field))
    }

    /// The product that a text names.
    pub(crate) fn product(&self, text: &ID) -> Option<ProductId> {
        self.products.get(text.as_str()).copied()
    }

    /// The audience that a text names.
    pub(crate) fn audience(&self, text: &ID) -> Option<AudienceId> {
        self.audiences.get(text.as_str()).copied()
    }

    /// The products named in an input's list, each once, in their order; what names nothing is a problem.
    pub(crate) fn products(
        &self,
        texts: &[ID],
        field: &str,
        problems: &mut Problems,
    ) -> Vec<ProductId> {
        listed(texts.iter().map(|text| self.product(text)), field, problems)
    }

    /// The audiences named in an input's list, each once, in their order; what names nothing is a problem.
    pub(crate) fn audiences(
        &self,
        texts: &[ID],
        field: &str,
        problems: &mut Problems,
    ) -> Vec<AudienceId> {
        listed(
            texts.iter().map(|text| self.audience(text)),
            field,
            problems,
        )
    }
}

fn listed<I: TypedId + PartialEq>(
    found: impl Iterator<Item = Option<I>>,
    field: &str,
    problems: &mut Problems,
) -> Vec<I> {
    let mut ids = Vec::new();
    for (i, id) in found.enumerate() {
        match id {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => problems.push(UserError::not_found(&format!("{field}.{i}"))),
        }
    }
    ids
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

/// The brands named in an input's list.
pub(crate) async fn input_brands(
    cx: &OpContext,
    texts: &[ID],
    field: &str,
    problems: &mut Problems,
) -> Result<Vec<BrandId>> {
    let found = resolve(cx, &BRAND, texts).await?;
    Ok(listed(found.into_iter(), field, problems))
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

/// Outlets by their name as people write it, or their domain: those that one outlet alone has. All brands share
/// outlets.
pub(crate) async fn outlets_called(
    cx: &OpContext,
    texts: &BTreeSet<String>,
) -> Result<HashMap<String, OutletId>> {
    let mut found: HashMap<String, Option<Uuid>> = HashMap::new();
    let keys: BTreeSet<String> = texts.iter().map(|text| text::sort_key(text)).collect();
    let keys: Vec<String> = keys.into_iter().filter(|key| !key.contains('\0')).collect();
    for some in keys.chunks(TOGETHER) {
        for select in [
            "SELECT id, name_key AS name FROM outlets WHERE name_key IN ",
            "SELECT id, domain AS name FROM outlets WHERE domain IN ",
        ] {
            let sql = Sql::new(select).list(some.iter().cloned());
            for row in fetch::<Named>(cx.app.db.read(), sql).await? {
                let entry = found.entry(row.name).or_insert(Some(row.id));
                *entry = entry.filter(|id| *id == row.id);
            }
        }
    }
    let called = texts.iter().filter_map(|text| {
        let id = found.get(&text::sort_key(text)).copied().flatten()?;
        Some((text.clone(), OutletId(id)))
    });
    Ok(called.collect())
}
