//! Queries on what was found in files.

use std::collections::HashMap;

use accolade_draw::{Measured, Whiteness};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use serde_json::{Map, Value as Json};

use super::look::REVISION;
use crate::error::{Error, Result};
use crate::platform::db::{Sql, Tx, fetch, fetch_one, run};

/// A file that nobody has looked at.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Unseen {
    pub sha256: String,
    pub media_type: String,
    pub bytes: i64,
    /// The revision that has looked at it last; 0: none.
    pub looked_revision: i32,
}

/// Files that this revision has not looked at and that a condition on `m` selects, those that the oldest
/// revisions have looked at first: at most `most`.
fn unseen(condition: Sql, most: i64) -> Sql {
    Sql::new(
        "SELECT f.sha256, f.media_type, f.bytes, m.looked_revision
         FROM media_facts m JOIN files f ON f.sha256 = m.sha256
         WHERE f.wrong_since IS NULL AND m.looked_revision < ",
    )
    .bind(REVISION)
    .push(" AND ")
    .append(condition)
    .push(" ORDER BY m.looked_revision, m.sha256 LIMIT ")
    .bind(most)
}

/// Those that come after this one in that order.
fn after(place: &Place) -> Sql {
    Sql::new("(m.looked_revision, m.sha256) > (")
        .bind(place.0)
        .push(", ")
        .bind(place.1.clone())
        .push(")")
}

/// A file, unless this revision has looked at it.
pub(super) async fn if_unseen(db: &impl ConnectionTrait, sha256: &str) -> Result<Option<Unseen>> {
    let condition = Sql::new("m.sha256 = ").bind(sha256);
    fetch_one(db, unseen(condition, 1)).await
}

/// How far the looking in the background has come: a revision, and a hash among those that it looked at last.
pub(super) type Place = (i32, String);

/// Files that this revision has not looked at, those after a place.
pub(super) async fn unseen_after(
    db: &impl ConnectionTrait,
    place: &Place,
    most: i64,
) -> Result<Vec<Unseen>> {
    fetch(db, unseen(after(place), most)).await
}

/// What came of looking at a file.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub sha256: String,
    /// What the picture looks like, or why it cannot be seen; none for what is no picture.
    pub looks: Option<std::result::Result<Measured, String>>,
    pub metadata: Map<String, Json>,
    pub pages: Option<u32>,
}

/// Writes down what was found. The first to look is right: the same bytes look the same to all.
pub(super) async fn keep(tx: &Tx, found: &Found) -> Result<()> {
    let mut set: Vec<(&'static str, Value)> = vec![("looked_revision", REVISION.into())];
    let whole = |n: u32| i32::try_from(n).ok();
    match &found.looks {
        Some(Ok(looks)) => {
            set.extend([
                ("look_error", None::<String>.into()),
                (
                    "perceptual_hash",
                    looks.perceptual_hash.cast_signed().into(),
                ),
                ("subject_width", looks.subject_width.into()),
                ("subject_height", looks.subject_height.into()),
            ]);
            let columns = ["white", "white_x", "white_y", "white_least"];
            set.extend(columns.into_iter().zip(whiteness(Some(&looks.border))));
            let columns = [
                "white_on_white",
                "on_white_x",
                "on_white_y",
                "on_white_least",
            ];
            let on_white = whiteness(looks.border_on_white.as_ref());
            set.extend(columns.into_iter().zip(on_white));
        }
        Some(Err(reason)) => set.push(("look_error", reason.clone().into())),
        None => {}
    }
    let mut sql = Sql::update("media_facts", set);
    // What its header did not say of its size, the drawing does.
    if let Some(Ok(looks)) = &found.looks {
        sql = sql
            .push(", width = coalesce(width, ")
            .bind(whole(looks.width))
            .push("), height = coalesce(height, ")
            .bind(whole(looks.height))
            .push(")");
    }
    let sql = sql
        .push(", pages = coalesce(pages, ")
        .bind(found.pages.and_then(whole))
        .push(") WHERE looked_revision < ")
        .bind(REVISION)
        .push(" AND sha256 = ")
        .bind(found.sha256.clone());
    let first = run(&**tx, sql).await? > 0;
    if first && !found.metadata.is_empty() {
        let text = serde_json::to_string(&found.metadata).map_err(Error::internal)?;
        let row = [
            ("sha256", found.sha256.clone().into()),
            ("found", text.into()),
        ];
        let sql = Sql::insert("media_metadata", row)
            .push(" ON CONFLICT (sha256) DO UPDATE SET found = excluded.found");
        run(&**tx, sql).await?;
    }
    Ok(())
}

fn whiteness(found: Option<&Whiteness>) -> [Value; 4] {
    let pixels = |n: Option<u32>| n.and_then(|n| i32::try_from(n).ok());
    [
        found.map(|w| w.histogram.clone()).into(),
        pixels(found.map(|w| w.worst.x)).into(),
        pixels(found.map(|w| w.worst.y)).into(),
        found.map(|w| i32::from(w.worst.darkest)).into(),
    ]
}

#[derive(FromQueryResult)]
struct MetadataRow {
    sha256: String,
    found: String,
}

/// What files say of themselves, by hash. One statement. A file that says nothing, or that nobody has looked
/// at yet, has no entry.
pub(super) async fn load_metadata(
    db: &impl ConnectionTrait,
    files: &[String],
) -> Result<HashMap<String, Map<String, Json>>> {
    let sql = Sql::new("SELECT sha256, found FROM media_metadata WHERE sha256 IN ")
        .list(files.iter().cloned());
    let rows: Vec<MetadataRow> = fetch(db, sql).await?;
    rows.into_iter()
        .map(|row| {
            let found = serde_json::from_str(&row.found).map_err(Error::internal)?;
            Ok((row.sha256, found))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::plans::{plan, planner, walks};
    use crate::testing::TestDatabase;

    /// It is asked every few seconds, most often in vain: it must not read all that has been looked at.
    #[tokio::test]
    async fn what_is_to_be_looked_at_is_found_by_its_index() {
        let database = TestDatabase::create().await;
        drop(database.open().await);
        let db = planner(&database).await;
        let plan = plan(&db, unseen(after(&(0, "a".into())), 100)).await;
        walks(&plan, &["media_facts_looked"]);
        db.close().await.unwrap();
        database.remove().await;
    }
}
