//! The rows of assets, and of what their versions hold.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::model::Alt;
use super::service::{Body, Clean};
use crate::contents::AssetKind;
use crate::error::{Error, Result};
use crate::platform::db::{Sql, fetch, fetch_one, insert_many, run};
use crate::platform::ids::{ContentId, VersionId};
use crate::platform::names::{name_of, named};

/// The rows of new assets, beside their contents'.
pub(super) async fn insert_all<'c>(
    db: &impl ConnectionTrait,
    new: impl Iterator<Item = (ContentId, &'c Clean)>,
) -> Result<()> {
    let (mut rows, mut alts) = (Vec::new(), Vec::new());
    for (id, new) in new {
        rows.push(vec![
            id.into(),
            name_of(new.kind)?.into(),
            new.locale.clone().into(),
            new.description.clone().into(),
        ]);
        alts.extend(alt_rows(id, &new.alts));
    }
    let columns = ["content_id", "kind", "locale", "description"];
    insert_many(db, "assets", &columns, rows, "").await?;
    insert_many(db, "asset_alts", &ALTS, alts, "").await
}

const ALTS: [&str; 3] = ["content_id", "locale", "alt"];

fn alt_rows(id: ContentId, alts: &[Alt]) -> impl Iterator<Item = Vec<Value>> {
    alts.iter().map(move |alt| {
        vec![
            id.into(),
            alt.locale.clone().into(),
            alt.text.clone().into(),
        ]
    })
}

/// What new versions hold.
pub(super) async fn insert_versions(
    db: &impl ConnectionTrait,
    new: &[(VersionId, &Body)],
) -> Result<()> {
    let none: Option<String> = None;
    let rows = new.iter().map(|(id, body)| match body {
        Body::File(file) => vec![
            (*id).into(),
            file.sha256.clone().into(),
            file.filename.clone().into(),
            none.clone().into(),
            none.clone().into(),
        ],
        Body::Text { text, folded } => vec![
            (*id).into(),
            none.clone().into(),
            none.clone().into(),
            text.clone().into(),
            folded.clone().into(),
        ],
    });
    let columns = ["version_id", "sha256", "filename", "body", "folded"];
    insert_many(db, "asset_versions", &columns, rows.collect(), "").await
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
    insert_many(db, "asset_alts", &ALTS, alt_rows(id, alts).collect(), "").await
}

#[derive(FromQueryResult)]
struct AltRow {
    content_id: ContentId,
    locale: String,
    alt: String,
}

/// Alternative texts by asset, each list in the order of its languages. Every id asked for has an entry.
/// One statement.
pub(crate) async fn load_alts(
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
