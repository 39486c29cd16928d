//! What stands there of assets, as the cells of rows.

use std::collections::HashMap;
use std::iter::empty;
use std::sync::Arc;

use crate::accounts::OpContext;
use crate::assets::load_alts;
use crate::contents::{Content, VersionDetail, store as contents};
use crate::endorsements::service::Standing;
use crate::error::Result;
use crate::imports::labels::Told;
use crate::imports::table::{Cells, set};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{BrandId, ContentId, VersionId};
use crate::platform::names::name_of;

/// Assets of a brand as a table has them, with what their next change must find. A fixed number of statements.
pub(in crate::imports) async fn standing(
    cx: &OpContext,
    brand: BrandId,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, (Standing, Cells)>> {
    let db = cx.app.db.read();
    let found = contents::load(db, ids).await?;
    let found = found.into_values().filter(|content| content.brand == brand);
    let found: Vec<Arc<Content>> = found.collect();
    if found.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<ContentId> = found.iter().map(|content| content.id).collect();
    let latest: Vec<VersionId> = found.iter().map(|content| content.latest).collect();
    let labels = Told::load(cx, &ids, empty()).await?;
    let versions = contents::load_versions(db, &latest).await?;
    let alts = load_alts(db, &ids).await?;
    let mut told = HashMap::new();
    for content in &found {
        let Some(detail) = content.asset() else {
            continue;
        };
        let mut cells = Cells::new();
        let mut cell = |name: &str, value: Option<String>| set(&mut cells, name, value);
        cell("title", Some(content.title.clone()));
        cell("kind", Some(name_of(detail.kind)?));
        cell("locale", detail.locale.clone());
        cell("description", detail.description.clone());
        let release_at = content.release_at.map(Timestamp::to_rfc3339);
        let expire_at = content.expire_at.map(Timestamp::to_rfc3339);
        cell("release_at", release_at);
        cell("expire_at", expire_at);
        if let Some(version) = versions.get(&content.latest) {
            cell("note", version.note.clone());
            match &version.detail {
                VersionDetail::File(file) => {
                    cell("sha256", Some(file.sha256.clone()));
                    cell("filename", Some(file.filename.clone()));
                }
                VersionDetail::Text { body, .. } => cell("text", Some(body.clone())),
                VersionDetail::Wording(_) => {}
            }
        }
        for alt in alts
            .get(&content.id)
            .into_iter()
            .flat_map(|alts| alts.iter())
        {
            cell(&format!("alt:{}", alt.locale), Some(alt.text.clone()));
        }
        labels.tell(cx, content.id, &mut cells);
        let standing = Standing {
            id: content.id,
            revision: content.revision,
            version_count: content.version_count,
        };
        told.insert(content.id, (standing, cells));
    }
    Ok(told)
}
