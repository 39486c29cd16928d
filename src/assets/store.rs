//! The rows of assets, and of what their versions hold.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::model::Alt;
use super::service::Body;
use crate::contents::AssetKind;
use crate::error::{Error, Result};
use crate::platform::db::{Sql, fetch, fetch_one, run};
use crate::platform::ids::{ContentId, VersionId};
use crate::platform::names::{name_of, named};

/// The row of a new asset, beside its content's.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    id: ContentId,
    kind: AssetKind,
    locale: Option<String>,
    description: Option<String>,
) -> Result<()> {
    let row = [
        ("content_id", id.into()),
        ("kind", name_of(kind)?.into()),
        ("locale", locale.into()),
        ("description", description.into()),
    ];
    run(db, Sql::insert("assets", row)).await?;
    Ok(())
}

/// What a new version holds.
pub(super) async fn insert_version(
    db: &impl ConnectionTrait,
    id: VersionId,
    body: &Body,
) -> Result<()> {
    let none: Option<String> = None;
    let row = match body {
        Body::File(file) => [
            ("version_id", id.into()),
            ("sha256", file.sha256.clone().into()),
            ("filename", file.filename.clone().into()),
            ("body", none.clone().into()),
            ("folded", none.into()),
        ],
        Body::Text { text, folded } => [
            ("version_id", id.into()),
            ("sha256", none.clone().into()),
            ("filename", none.into()),
            ("body", text.clone().into()),
            ("folded", folded.clone().into()),
        ],
    };
    run(db, Sql::insert("asset_versions", row)).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct KindRow {
    kind: String,
}

/// The kind of an asset that is there.
pub(super) async fn kind_of(db: &impl ConnectionTrait, id: ContentId) -> Result<AssetKind> {
    let sql = Sql::new("SELECT kind FROM assets WHERE content_id = ").bind(id);
    let row: Option<KindRow> = fetch_one(db, sql).await?;
    named(
        &row.ok_or_else(|| Error::internal("an asset without its row"))?
            .kind,
    )
}

/// Makes an asset's alternative texts exactly these.
pub(super) async fn replace_alts(
    db: &impl ConnectionTrait,
    id: ContentId,
    alts: &[Alt],
) -> Result<()> {
    run(
        db,
        Sql::new("DELETE FROM asset_alts WHERE content_id = ").bind(id),
    )
    .await?;
    if !alts.is_empty() {
        let rows = alts.iter().map(|alt| {
            vec![
                id.into(),
                alt.locale.clone().into(),
                alt.text.clone().into(),
            ]
        });
        run(
            db,
            Sql::insert_all("asset_alts", &["content_id", "locale", "alt"], rows),
        )
        .await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct AltRow {
    content_id: ContentId,
    locale: String,
    alt: String,
}

/// Alternative texts by asset, each list in the order of its languages. Every id asked for has an entry.
/// One statement.
pub(super) async fn load_alts(
    db: &impl ConnectionTrait,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, Arc<Vec<Alt>>>> {
    let sql = Sql::new("SELECT content_id, locale, alt FROM asset_alts WHERE content_id IN ")
        .list(ids.iter().copied());
    let rows: Vec<AltRow> = fetch(db, sql).await?;
    let mut alts: HashMap<ContentId, Vec<Alt>> = ids.iter().map(|id| (*id, Vec::new())).collect();
    for row in rows {
        let alt = Alt {
            locale: row.locale,
            text: row.alt,
        };
        alts.entry(row.content_id).or_default().push(alt);
    }
    for list in alts.values_mut() {
        list.sort_by(|a, b| a.locale.cmp(&b.locale));
    }
    Ok(alts
        .into_iter()
        .map(|(id, list)| (id, Arc::new(list)))
        .collect())
}
