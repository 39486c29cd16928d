//! Brands: their queries and use cases.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::model::Brand;
use crate::accounts::{OpContext, Reach, Scope};
use crate::error::{Error, Problems, Result};
use crate::platform::db::{Sql, Tx, fetch, run, unique};
use crate::platform::ids::{AssetId, BrandId};
use crate::platform::ledger::Audit;
use crate::platform::text;

#[derive(FromQueryResult)]
struct Row {
    id: BrandId,
    name: String,
    slug: String,
    color: Option<String>,
    logo_asset_id: Option<AssetId>,
}

impl From<Row> for Brand {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            slug: row.slug,
            color: row.color,
            logo: row.logo_asset_id,
        }
    }
}

const BRANDS: &str = "SELECT id, name, slug, color, logo_asset_id FROM brands WHERE ";

/// Brands by id, whoever may see them.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    ids: &[BrandId],
) -> Result<HashMap<BrandId, Brand>> {
    let rows: Vec<Row> = fetch(
        db,
        Sql::new(BRANDS).push("id IN ").list(ids.iter().copied()),
    )
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// The brands that the viewer sees, by name.
pub(crate) async fn list_brands(cx: &OpContext) -> Result<Vec<Brand>> {
    let which = match &cx.viewer.brands {
        Reach::All => Sql::new("1 = 1"),
        Reach::Only(ids) => Sql::new("id IN ").list(ids.iter().copied()),
    };
    let rows: Vec<Row> = fetch(
        cx.app.db.read(),
        Sql::new(BRANDS).append(which).push(" ORDER BY slug"),
    )
    .await?;
    Ok(rows.into_iter().map(Brand::from).collect())
}

/// What a new brand shall be.
#[derive(Clone, Debug)]
pub(crate) struct NewBrand {
    pub name: String,
    /// None: made of the name.
    pub slug: Option<String>,
}

/// Makes a brand. Only one who reaches all brands can: the new one would be out of reach of others.
pub(crate) async fn create_brand(cx: &OpContext, new: NewBrand) -> Result<BrandId> {
    cx.viewer.require(Scope::Admin)?;
    if cx.viewer.brands != Reach::All {
        return Err(Error::Forbidden(
            "A token of some brands cannot make another brand.".to_owned(),
        ));
    }
    let mut problems = Problems::new();
    let name = text::required(&mut problems, "name", &new.name, text::LINE);
    let slug = new.slug.unwrap_or_else(|| text::slug_of(&name));
    let slug = problems
        .keep(text::slug("slug", &slug))?
        .unwrap_or_default();
    problems.check()?;
    cx.write((name, slug), |tx, (name, slug)| {
        Box::pin(insert(tx, name, slug))
    })
    .await
}

async fn insert(tx: &Tx, name: &str, slug: &str) -> Result<BrandId> {
    let id: BrandId = tx.id();
    let row = [
        ("id", id.into()),
        ("name", name.into()),
        ("slug", slug.into()),
        ("created_at", tx.op.at.into()),
    ];
    unique(
        run(&**tx, Sql::insert("brands", row)).await,
        "slug",
        "Another brand has this slug. Choose another.",
    )?;
    tx.audit(Audit {
        brand: Some(id),
        action: "createBrand",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: json!({ "name": name, "slug": slug }),
    });
    Ok(id)
}
