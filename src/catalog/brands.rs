//! Brands: their queries and use cases.

use std::collections::HashMap;

use async_graphql::MaybeUndefined;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::model::Brand;
use super::patch::{self, Patch};
use crate::accounts::{OpContext, Reach, Scope};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch, fetch_count, run, unique};
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

/// What a brand shall become.
#[derive(Clone, Debug)]
pub(crate) struct BrandChange {
    pub brand: BrandId,
    pub name: MaybeUndefined<String>,
    pub color: MaybeUndefined<String>,
    pub logo: MaybeUndefined<AssetId>,
}

/// Changes a brand that the viewer reaches.
pub(crate) async fn update_brand(cx: &OpContext, change: BrandChange) -> Result<BrandId> {
    cx.viewer.require(Scope::Admin)?;
    if !cx.viewer.sees_brand(change.brand) {
        return Err(Error::not_found("brand"));
    }
    let mut problems = Problems::new();
    let mut patch = Patch::default();
    if let Some(name) = patch::text(&mut problems, "name", &change.name, text::LINE) {
        patch.put("name", "name", name);
    }
    if let Some(color) = patch::given(&change.color) {
        if color.as_deref().is_some_and(|c| !is_color(c)) {
            problems.add(
                UserErrorCode::Invalid,
                "color",
                "Write the colour as # and six hex digits, such as #1a2b3c.",
            );
        }
        patch.put("color", "color", color.map(|c| c.to_lowercase()));
    }
    let logo = patch::given(&change.logo);
    if let Some(logo) = logo {
        patch.put("logo_asset_id", "logo", logo);
    }
    problems.check()?;
    let input = (change.brand, logo.flatten(), patch);
    cx.write(input, |tx, (id, logo, patch)| {
        Box::pin(change_brand(tx, *id, *logo, patch))
    })
    .await
}

async fn change_brand(
    tx: &Tx,
    id: BrandId,
    logo: Option<AssetId>,
    patch: &Patch,
) -> Result<BrandId> {
    if let Some(logo) = logo {
        check_logo(tx, logo, Sql::new("brand_id = ").bind(id)).await?;
    }
    if patch.is_empty() {
        return Ok(id);
    }
    let update = Sql::update("brands", patch.columns().to_vec())
        .push(" WHERE id = ")
        .bind(id);
    if run(&**tx, update).await? == 0 {
        return Err(Error::not_found("brand"));
    }
    tx.audit(Audit {
        brand: Some(id),
        action: "updateBrand",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: patch.changes(),
    });
    Ok(id)
}

/// A logo is an asset, not thrown away, among those that `whose` (a condition on contents) selects.
pub(super) async fn check_logo(tx: &Tx, logo: AssetId, whose: Sql) -> Result<()> {
    let sql = Sql::new(
        "SELECT count(*) AS n FROM contents WHERE kind = 'ASSET' AND trashed_at IS NULL AND id = ",
    )
    .bind(logo)
    .push(" AND ")
    .append(whose);
    if fetch_count(&**tx, sql).await? == 0 {
        return Err(Error::not_found("logo"));
    }
    Ok(())
}

/// `#rrggbb`.
pub(crate) fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_six_digits() {
        assert!(is_color("#1a2B3c"));
        for bad in [
            "", "#", "1a2b3c", "#1a2b3", "#1a2b3cc", "#1a2b3g", "red", "#é1234",
        ] {
            assert!(!is_color(bad), "{bad}");
        }
    }
}
