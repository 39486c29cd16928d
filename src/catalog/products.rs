//! Products: their queries and use cases.

use std::collections::HashMap;

use async_graphql::MaybeUndefined;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::model::Product;
use super::patch::{self, Patch};
use crate::accounts::{OpContext, Reach, Scope, Viewer};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{
    Direction, Page, PageRequest, SortColumn, Sql, Tx, exists, fetch, fetch_count, fetch_one,
    keyset_page, run, unique,
};
use crate::platform::ids::{BrandId, ChannelId, ProductId, looks_like_id};
use crate::platform::ledger::Audit;
use crate::platform::text;

/// Longest SKU, in characters.
const MAX_SKU: usize = 100;
/// Longest address, in characters.
const MAX_URL: usize = 2_048;
/// Most channels that a product is said to be sold in.
const MAX_CHANNELS: usize = 250;

#[derive(FromQueryResult)]
struct Row {
    id: ProductId,
    brand_id: BrandId,
    sku: String,
    name: String,
    name_key: String,
    category: Option<String>,
    url: Option<String>,
    edition: Option<String>,
}

impl From<Row> for Product {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            brand: row.brand_id,
            sku: row.sku,
            name: row.name,
            name_key: row.name_key,
            category: row.category,
            url: row.url,
            edition: row.edition,
        }
    }
}

const PRODUCTS: &str = "SELECT p.id, p.brand_id, p.sku, p.name, p.name_key, p.category, p.url, p.edition FROM products p WHERE ";

/// Products by name; those of one name by id.
const BY_NAME: [SortColumn; 2] = [
    SortColumn {
        expr: "p.name_key",
        direction: Direction::Ascending,
    },
    SortColumn {
        expr: "p.id",
        direction: Direction::Ascending,
    },
];

/// Products by id, whoever may see them.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, Product>> {
    let rows: Vec<Row> = fetch(
        db,
        Sql::new(PRODUCTS)
            .push("p.id IN ")
            .list(ids.iter().copied()),
    )
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

#[derive(FromQueryResult)]
struct ChannelRow {
    product_id: ProductId,
    channel_id: ChannelId,
}

/// The channels that products are sold in, in the order they were made. Every id asked for has an entry.
pub(super) async fn load_channels(
    db: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, Vec<ChannelId>>> {
    let sql = Sql::new("SELECT product_id, channel_id FROM product_channels WHERE product_id IN ")
        .list(ids.iter().copied())
        .push(" ORDER BY product_id, channel_id");
    let rows: Vec<ChannelRow> = fetch(db, sql).await?;
    let mut channels: HashMap<ProductId, Vec<ChannelId>> =
        ids.iter().map(|id| (*id, Vec::new())).collect();
    for row in rows {
        channels
            .entry(row.product_id)
            .or_default()
            .push(row.channel_id);
    }
    Ok(channels)
}

/// The products that the viewer sees and whose name or SKU fits, as a condition on `p`.
fn matching(viewer: &Viewer, query: Option<&str>) -> Sql {
    let brands = match &viewer.brands {
        Reach::All => Sql::new("1 = 1"),
        Reach::Only(ids) => Sql::new("p.brand_id IN ").list(ids.iter().copied()),
    };
    let Some(query) = query.map(str::trim).filter(|q| !q.is_empty()) else {
        return brands;
    };
    let folded = like(&text::fold(query));
    let found = Sql::any([
        Sql::new("p.name_key LIKE ")
            .bind(format!("%{folded}%"))
            .push(" ESCAPE '\\'"),
        Sql::new("lower(p.sku) LIKE ")
            .bind(format!("{folded}%"))
            .push(" ESCAPE '\\'"),
        Sql::new("p.sku = ").bind(query.to_owned()),
    ]);
    Sql::all([brands, found])
}

/// A text as a LIKE pattern that means it literally.
pub(super) fn like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

/// A page of the products that the viewer sees, by name.
pub(crate) async fn list_products(
    cx: &OpContext,
    query: Option<&str>,
    request: &PageRequest,
) -> Result<Page<Product>> {
    let sql = Sql::new(PRODUCTS)
        .append(matching(&cx.viewer, query))
        .append(keyset_page(&BY_NAME, request));
    let rows: Vec<Row> = fetch(cx.app.db.read(), sql).await?;
    Ok(Page::from_rows(rows, request).map(Product::from))
}

/// How many products the viewer sees whose name or SKU fits.
pub(crate) async fn count_products(cx: &OpContext, query: Option<&str>) -> Result<i64> {
    let sql =
        Sql::new("SELECT count(*) AS n FROM products p WHERE ").append(matching(&cx.viewer, query));
    fetch_count(cx.app.db.read(), sql).await
}

/// What a new product shall be. Brand and channels are such as the viewer reaches.
#[derive(Clone, Debug)]
pub(crate) struct NewProduct {
    pub brand: BrandId,
    pub sku: String,
    pub name: String,
    pub category: Option<String>,
    pub url: Option<String>,
    pub edition: Option<String>,
    /// Where it is sold; empty: everywhere.
    pub channels: Vec<ChannelId>,
}

/// Makes a product.
pub(crate) async fn create_product(cx: &OpContext, new: NewProduct) -> Result<ProductId> {
    cx.viewer.require(Scope::Write)?;
    if !cx.viewer.sees_brand(new.brand) {
        return Err(Error::not_found("brand"));
    }
    let mut problems = Problems::new();
    let sku = text::required(&mut problems, "sku", &new.sku, MAX_SKU);
    if looks_like_id(&sku) {
        problems.add(
            UserErrorCode::Invalid,
            "sku",
            "A SKU must not look like an id. Choose another.",
        );
    }
    let clean = NewProduct {
        name: text::required(&mut problems, "name", &new.name, text::LINE),
        category: text::optional(
            &mut problems,
            "category",
            new.category.as_deref(),
            text::LINE,
        ),
        url: text::optional(&mut problems, "url", new.url.as_deref(), MAX_URL),
        edition: text::optional(&mut problems, "edition", new.edition.as_deref(), text::LINE),
        sku,
        ..new
    };
    check_channels(&mut problems, &clean.channels);
    problems.check()?;
    cx.write(clean, |tx, new| Box::pin(insert(tx, new))).await
}

fn check_channels(problems: &mut Problems, channels: &[ChannelId]) {
    if channels.len() > MAX_CHANNELS {
        problems.add(
            UserErrorCode::QuotaExceeded,
            "channels",
            format!("At most {MAX_CHANNELS} channels."),
        );
    }
}

async fn insert(tx: &Tx, new: &NewProduct) -> Result<ProductId> {
    let id: ProductId = tx.id();
    let row = [
        ("id", id.into()),
        ("brand_id", new.brand.into()),
        ("sku", new.sku.clone().into()),
        ("name", new.name.clone().into()),
        ("name_key", text::sort_key(&new.name).into()),
        ("category", new.category.clone().into()),
        ("url", new.url.clone().into()),
        ("edition", new.edition.clone().into()),
        ("created_at", tx.op.at.into()),
    ];
    let inserted = run(&**tx, Sql::insert("products", row)).await;
    unique(
        inserted,
        "sku",
        "Another product of this brand has this SKU. Choose another.",
    )?;
    add_channels(tx, id, &new.channels).await?;
    tx.audit(Audit {
        brand: Some(new.brand),
        action: "createProduct",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: json!({
            "sku": new.sku,
            "name": new.name,
            "category": new.category,
            "url": new.url,
            "edition": new.edition,
            "channels": new.channels,
        }),
    });
    Ok(id)
}

async fn add_channels(tx: &Tx, id: ProductId, channels: &[ChannelId]) -> Result<()> {
    if channels.is_empty() {
        return Ok(());
    }
    let rows = channels
        .iter()
        .map(|channel| vec![id.into(), (*channel).into()]);
    let add = Sql::insert_all("product_channels", &["product_id", "channel_id"], rows);
    exists(
        run(&**tx, add.push(" ON CONFLICT DO NOTHING")).await,
        "channels",
    )
    .map(|_| ())
}

/// Where a product is sold, as the viewer says; what stands beyond the viewer's reach stays.
#[derive(Clone, Debug)]
pub(crate) struct SoldIn {
    pub channels: Vec<ChannelId>,
    /// The channels that the viewer does not reach.
    pub hidden: Vec<ChannelId>,
}

/// What a product shall become.
#[derive(Clone, Debug)]
pub(crate) struct ProductChange {
    pub product: ProductId,
    pub name: MaybeUndefined<String>,
    pub category: MaybeUndefined<String>,
    pub url: MaybeUndefined<String>,
    pub edition: MaybeUndefined<String>,
    pub sold_in: Option<SoldIn>,
}

struct Update {
    product: ProductId,
    brands: Reach<BrandId>,
    patch: Patch,
    edition: Option<Option<String>>,
    sold_in: Option<SoldIn>,
}

/// Changes a product that the viewer reaches. Another edition starts the recheck of what was said of it.
pub(crate) async fn update_product(cx: &OpContext, change: ProductChange) -> Result<ProductId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let mut patch = Patch::default();
    if let Some(name) = patch::text(&mut problems, "name", &change.name, text::LINE) {
        patch.set("name_key", text::sort_key(&name));
        patch.put("name", "name", name);
    }
    if let Some(category) =
        patch::clearable(&mut problems, "category", &change.category, text::LINE)
    {
        patch.put("category", "category", category);
    }
    if let Some(url) = patch::clearable(&mut problems, "url", &change.url, MAX_URL) {
        patch.put("url", "url", url);
    }
    let edition = patch::clearable(&mut problems, "edition", &change.edition, text::LINE);
    if let Some(sold_in) = &change.sold_in {
        check_channels(&mut problems, &sold_in.channels);
        patch.note("channels", &sold_in.channels);
    }
    problems.check()?;
    let update = Update {
        product: change.product,
        brands: cx.viewer.brands.clone(),
        patch,
        edition,
        sold_in: change.sold_in,
    };
    cx.write(update, |tx, update| Box::pin(apply(tx, update)))
        .await
}

#[derive(FromQueryResult)]
struct Owner {
    brand_id: BrandId,
}

async fn apply(tx: &Tx, update: &Update) -> Result<ProductId> {
    let id = update.product;
    let owner: Option<Owner> = fetch_one(
        &**tx,
        Sql::new("SELECT brand_id FROM products WHERE id = ").bind(id),
    )
    .await?;
    let brand = owner
        .map(|o| o.brand_id)
        .filter(|b| update.brands.contains(b))
        .ok_or_else(|| Error::not_found("product"))?;
    let mut patch = update.patch.clone();
    if !patch.columns().is_empty() {
        let set = Sql::update("products", patch.columns().to_vec())
            .push(" WHERE id = ")
            .bind(id);
        run(&**tx, set).await?;
    }
    if let Some(edition) = &update.edition
        && change_edition(tx, id, edition.as_deref()).await?
    {
        patch.note("edition", edition);
    }
    if let Some(sold_in) = &update.sold_in {
        replace_channels(tx, id, sold_in).await?;
    }
    if !patch.is_empty() {
        tx.audit(Audit {
            brand: Some(brand),
            action: "updateProduct",
            subject: id.to_string(),
            contents: Vec::new(),
            changes: patch.changes(),
        });
    }
    Ok(id)
}

/// Sets the edition and the time of its change, unless it is the same; whether it was another.
async fn change_edition(tx: &Tx, id: ProductId, edition: Option<&str>) -> Result<bool> {
    let set = [
        ("edition", edition.map(str::to_owned).into()),
        ("edition_changed_at", tx.op.at.into()),
    ];
    let update = Sql::update("products", set).push(" WHERE id = ").bind(id);
    let update = match edition {
        Some(edition) => update
            .push(" AND (edition IS NULL OR edition <> ")
            .bind(edition.to_owned())
            .push(")"),
        None => update.push(" AND edition IS NOT NULL"),
    };
    Ok(run(&**tx, update).await? == 1)
}

async fn replace_channels(tx: &Tx, id: ProductId, sold_in: &SoldIn) -> Result<()> {
    let delete = Sql::new("DELETE FROM product_channels WHERE product_id = ").bind(id);
    let stay: Vec<ChannelId> = sold_in
        .channels
        .iter()
        .chain(&sold_in.hidden)
        .copied()
        .collect();
    // `NOT IN (NULL)` would keep everything.
    let delete = if stay.is_empty() {
        delete
    } else {
        delete.push(" AND channel_id NOT IN ").list(stay)
    };
    run(&**tx, delete).await?;
    add_channels(tx, id, &sold_in.channels).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_its_text() {
        assert_eq!(like(r"50%_\"), r"50\%\_\\");
    }
}
