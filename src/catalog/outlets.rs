//! Outlets: their queries and use cases. All brands of an instance share them.

use std::collections::HashMap;

use async_graphql::MaybeUndefined;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::brands::check_logo;
use super::model::{Outlet, OutletKind};
use super::patch::{self, Patch};
use super::products::like;
use crate::accounts::{OpContext, Reach, Scope};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{
    Direction, Page, PageRequest, SortColumn, Sql, Tx, fetch, fetch_count, keyset_page, run,
};
use crate::platform::ids::{AssetId, BrandId, OutletId};
use crate::platform::ledger::Audit;
use crate::platform::names::{name_of, named};
use crate::platform::text;

#[derive(FromQueryResult)]
struct Row {
    id: OutletId,
    name: String,
    name_key: String,
    kind: String,
    domain: Option<String>,
    tier: Option<i32>,
    country: Option<String>,
    usage_terms: Option<String>,
    logo_asset_id: Option<AssetId>,
}

fn outlet(row: Row) -> Result<Outlet> {
    Ok(Outlet {
        id: row.id,
        name: row.name,
        name_key: row.name_key,
        kind: named(&row.kind)?,
        domain: row.domain,
        tier: row.tier,
        country: row.country,
        usage_terms: row.usage_terms,
        logo: row.logo_asset_id,
    })
}

const OUTLETS: &str =
    "SELECT o.id, o.name, o.name_key, o.kind, o.domain, o.tier, o.country, o.usage_terms,
     o.logo_asset_id FROM outlets o WHERE ";

/// Outlets by name; those of one name by id.
const BY_NAME: [SortColumn; 2] = [
    SortColumn {
        expr: "o.name_key",
        direction: Direction::Ascending,
    },
    SortColumn {
        expr: "o.id",
        direction: Direction::Ascending,
    },
];

/// Outlets by id.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    ids: &[OutletId],
) -> Result<HashMap<OutletId, Outlet>> {
    let rows: Vec<Row> = fetch(
        db,
        Sql::new(OUTLETS).push("o.id IN ").list(ids.iter().copied()),
    )
    .await?;
    rows.into_iter()
        .map(|row| outlet(row).map(|o| (o.id, o)))
        .collect()
}

/// The outlets whose name or domain fits, as a condition on `o`.
fn matching(query: Option<&str>) -> Sql {
    let Some(query) = query.map(str::trim).filter(|q| !q.is_empty()) else {
        return Sql::new("1 = 1");
    };
    let folded = like(&text::fold(query));
    Sql::any([
        Sql::new("o.name_key LIKE ")
            .bind(format!("%{folded}%"))
            .push(" ESCAPE '\\'"),
        Sql::new("o.domain LIKE ")
            .bind(format!("{folded}%"))
            .push(" ESCAPE '\\'"),
    ])
}

/// A page of the outlets, by name.
pub(crate) async fn list_outlets(
    cx: &OpContext,
    query: Option<&str>,
    request: &PageRequest,
) -> Result<Page<Outlet>> {
    let sql = Sql::new(OUTLETS)
        .append(matching(query))
        .append(keyset_page(&BY_NAME, request));
    let rows: Vec<Row> = fetch(cx.app.db.read(), sql).await?;
    let outlets = rows.into_iter().map(outlet).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(outlets, request))
}

/// How many outlets there are whose name or domain fits.
pub(crate) async fn count_outlets(cx: &OpContext, query: Option<&str>) -> Result<i64> {
    let sql = Sql::new("SELECT count(*) AS n FROM outlets o WHERE ").append(matching(query));
    fetch_count(cx.app.db.read(), sql).await
}

/// What a new outlet shall be.
#[derive(Clone, Debug)]
pub(crate) struct NewOutlet {
    pub name: String,
    pub kind: OutletKind,
    pub domain: Option<String>,
    pub tier: Option<i32>,
    pub country: Option<String>,
    pub usage_terms: Option<String>,
}

/// Makes an outlet.
pub(crate) async fn create_outlet(cx: &OpContext, new: NewOutlet) -> Result<OutletId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let clean = NewOutlet {
        name: text::required(&mut problems, "name", &new.name, text::LINE),
        domain: domain(&mut problems, new.domain.as_deref()),
        tier: tier(&mut problems, new.tier),
        usage_terms: text::optional(
            &mut problems,
            "usageTerms",
            new.usage_terms.as_deref(),
            text::PROSE,
        ),
        ..new
    };
    problems.check()?;
    cx.write(clean, |tx, new| Box::pin(insert(tx, new))).await
}

/// A host's name, in lower case, without scheme and path.
fn domain(problems: &mut Problems, given: Option<&str>) -> Option<String> {
    let text = text::optional(problems, "domain", given, 253)?.to_lowercase();
    match url::Host::parse(&text) {
        Ok(url::Host::Domain(host)) if host.contains('.') => Some(host),
        _ => {
            problems.add(
                UserErrorCode::Invalid,
                "domain",
                "Write the domain alone, such as example.com.",
            );
            None
        }
    }
}

fn tier(problems: &mut Problems, given: Option<i32>) -> Option<i32> {
    if given.is_some_and(|tier| !(1..=4).contains(&tier)) {
        problems.add(
            UserErrorCode::Invalid,
            "tier",
            "Give a tier from 1 (the best known) to 4.",
        );
    }
    given
}

async fn insert(tx: &Tx, new: &NewOutlet) -> Result<OutletId> {
    let id: OutletId = tx.id();
    let row = [
        ("id", id.into()),
        ("name", new.name.clone().into()),
        ("name_key", text::sort_key(&new.name).into()),
        ("kind", name_of(new.kind)?.into()),
        ("domain", new.domain.clone().into()),
        ("tier", new.tier.into()),
        ("country", new.country.clone().into()),
        ("usage_terms", new.usage_terms.clone().into()),
        ("created_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("outlets", row)).await?;
    tx.audit(Audit {
        brand: None,
        action: "createOutlet",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: json!({
            "name": new.name,
            "kind": new.kind,
            "domain": new.domain,
            "tier": new.tier,
            "country": new.country,
            "usageTerms": new.usage_terms,
        }),
    });
    Ok(id)
}

/// What an outlet shall become.
#[derive(Clone, Debug)]
pub(crate) struct OutletChange {
    pub outlet: OutletId,
    pub name: MaybeUndefined<String>,
    pub domain: MaybeUndefined<String>,
    pub tier: MaybeUndefined<i32>,
    pub country: MaybeUndefined<String>,
    pub usage_terms: MaybeUndefined<String>,
    pub logo: MaybeUndefined<AssetId>,
}

/// Changes an outlet. Its logo may be any asset that the viewer sees.
pub(crate) async fn update_outlet(cx: &OpContext, change: OutletChange) -> Result<OutletId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let mut patch = Patch::default();
    if let Some(name) = patch::text(&mut problems, "name", &change.name, text::LINE) {
        patch.set("name_key", text::sort_key(&name));
        patch.put("name", "name", name);
    }
    if let Some(given) = patch::given(&change.domain) {
        patch.put("domain", "domain", domain(&mut problems, given.as_deref()));
    }
    if let Some(given) = patch::given(&change.tier) {
        patch.put("tier", "tier", tier(&mut problems, given));
    }
    if let Some(country) = patch::given(&change.country) {
        patch.put("country", "country", country);
    }
    if let Some(terms) = patch::clearable(
        &mut problems,
        "usageTerms",
        &change.usage_terms,
        text::PROSE,
    ) {
        patch.put("usage_terms", "usageTerms", terms);
    }
    let logo = patch::given(&change.logo);
    if let Some(logo) = logo {
        patch.put("logo_asset_id", "logo", logo);
    }
    problems.check()?;
    let input = (
        change.outlet,
        logo.flatten(),
        cx.viewer.brands.clone(),
        patch,
    );
    cx.write(input, |tx, (id, logo, brands, patch)| {
        Box::pin(apply(tx, *id, *logo, brands, patch))
    })
    .await
}

async fn apply(
    tx: &Tx,
    id: OutletId,
    logo: Option<AssetId>,
    brands: &Reach<BrandId>,
    patch: &Patch,
) -> Result<OutletId> {
    let known = Sql::new("SELECT count(*) AS n FROM outlets WHERE id = ").bind(id);
    if fetch_count(&**tx, known).await? == 0 {
        return Err(Error::not_found("outlet"));
    }
    if let Some(logo) = logo {
        let seen = match brands {
            Reach::All => Sql::new("1 = 1"),
            Reach::Only(ids) => Sql::new("brand_id IN ").list(ids.iter().copied()),
        };
        check_logo(tx, logo, seen).await?;
    }
    if patch.is_empty() {
        return Ok(id);
    }
    let update = Sql::update("outlets", patch.columns().to_vec())
        .push(" WHERE id = ")
        .bind(id);
    run(&**tx, update).await?;
    tx.audit(Audit {
        brand: None,
        action: "updateOutlet",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: patch.changes(),
    });
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_hosts_alone() {
        let mut problems = Problems::new();
        assert_eq!(
            domain(&mut problems, Some(" Gazette.Example ")),
            Some("gazette.example".to_owned())
        );
        assert_eq!(domain(&mut problems, Some(" ")), None);
        assert!(problems.is_empty());
        for bad in [
            "https://a.example",
            "a.example/b",
            "localhost",
            "127.0.0.1",
            "a b.example",
        ] {
            let mut problems = Problems::new();
            domain(&mut problems, Some(bad));
            assert!(!problems.is_empty(), "{bad}");
        }
    }
}
