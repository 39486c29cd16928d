//! Audiences: their queries and use cases. All brands of an instance share them.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::model::Audience;
use crate::accounts::{OpContext, Scope};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch, fetch_count, run, unique};
use crate::platform::ids::AudienceId;
use crate::platform::ledger::Audit;
use crate::platform::text;

/// Most audiences of an instance: their list has no pages.
const MAX_AUDIENCES: i64 = 250;

#[derive(FromQueryResult)]
struct Row {
    id: AudienceId,
    name: String,
    slug: String,
}

impl From<Row> for Audience {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            slug: row.slug,
        }
    }
}

const AUDIENCES: &str = "SELECT id, name, slug FROM audiences";

/// Audiences by id.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    ids: &[AudienceId],
) -> Result<HashMap<AudienceId, Audience>> {
    let rows: Vec<Row> = fetch(
        db,
        Sql::new(AUDIENCES)
            .push(" WHERE id IN ")
            .list(ids.iter().copied()),
    )
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// All audiences, by slug.
pub(crate) async fn list_audiences(cx: &OpContext) -> Result<Vec<Audience>> {
    let rows: Vec<Row> =
        fetch(cx.app.db.read(), Sql::new(AUDIENCES).push(" ORDER BY slug")).await?;
    Ok(rows.into_iter().map(Audience::from).collect())
}

/// Makes an audience; without a slug, one is made of the name.
pub(crate) async fn create_audience(
    cx: &OpContext,
    name: &str,
    slug: Option<String>,
) -> Result<AudienceId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let name = text::required(&mut problems, "name", name, text::LINE);
    let slug = slug.unwrap_or_else(|| text::slug_of(&name));
    let slug = problems
        .keep(text::slug("slug", &slug))?
        .unwrap_or_default();
    problems.check()?;
    cx.write((name, slug), |tx, (name, slug)| {
        Box::pin(insert(tx, name, slug))
    })
    .await
}

async fn insert(tx: &Tx, name: &str, slug: &str) -> Result<AudienceId> {
    if fetch_count(&**tx, Sql::new("SELECT count(*) AS n FROM audiences")).await? >= MAX_AUDIENCES {
        let text = format!("There are {MAX_AUDIENCES} audiences already, which is the most.");
        return Err(Error::user(UserErrorCode::QuotaExceeded, "", text));
    }
    let id: AudienceId = tx.id();
    let row = [
        ("id", id.into()),
        ("name", name.into()),
        ("slug", slug.into()),
        ("created_at", tx.op.at.into()),
    ];
    let inserted = run(&**tx, Sql::insert("audiences", row)).await;
    unique(
        inserted,
        "slug",
        "Another audience has this slug. Choose another.",
    )?;
    tx.audit(Audit {
        brand: None,
        action: "createAudience",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: json!({ "name": name, "slug": slug }),
    });
    Ok(id)
}
