//! Bytes that are named by their hashes, many at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::source::{SourceFile, held_of, sent, stored};
use super::upload::StoredUpload;
use crate::accounts::{OpContext, Scope};
use crate::error::Result;
use crate::platform::db::Sql;
use crate::platform::ids::BrandId;
use crate::uploads::{self, clean_filename};

/// The field that names bytes by their hash.
const FIELD: &str = "sha256";

impl SourceFile {
    /// Bytes that are yet to come: to check what would be made of them, never to be kept.
    pub(crate) fn promised(sha256: String, media_type: String) -> Self {
        Self {
            filename: clean_filename(""),
            media_type,
            bytes: 0,
            upload: None,
            finished: None,
            stored: Some(FIELD.to_owned()),
            sha256,
        }
    }

    /// The same under another name.
    pub(crate) fn named(self, filename: &str) -> Self {
        Self {
            filename: clean_filename(filename),
            ..self
        }
    }
}

/// Those of these bytes that the caller may make assets of a brand of: what it has stored before, its uploads
/// that nothing has used yet, and what versions of the brand's assets hold, which it may read. Others do not
/// exist for it, whether or not somebody has stored them. Bytes that were refused are an error of the user's.
/// Three statements, or fewer.
pub(crate) async fn resolve_hashes(
    cx: &OpContext,
    brand: BrandId,
    hashes: &BTreeSet<String>,
) -> Result<BTreeMap<String, Result<SourceFile>>> {
    let mut found: BTreeMap<String, Result<SourceFile>> = BTreeMap::new();
    let db = cx.app.db.read();
    let left = |found: &BTreeMap<String, Result<SourceFile>>| {
        let left = hashes.iter().filter(|hash| !found.contains_key(*hash));
        left.cloned().collect::<Vec<String>>()
    };
    if !hashes.is_empty() {
        let holder = cx.viewer.actor.key();
        let held = held_of(db, &holder, left(&found)).await?;
        found.extend(held.into_iter().map(known));
    }
    let more = left(&found);
    if !more.is_empty() && cx.viewer.may(Scope::Read) && cx.viewer.sees_brand(brand) {
        let sql = Sql::new(
            "SELECT f.sha256, min(a.filename) AS filename, f.media_type, f.bytes FROM asset_versions a
             JOIN versions v ON v.id = a.version_id JOIN contents c ON c.id = v.content_id
             JOIN files f ON f.sha256 = a.sha256 WHERE c.brand_id = ",
        )
        .bind(brand)
        .push(" AND a.sha256 IN ")
        .list(more)
        .push(" GROUP BY f.sha256, f.media_type, f.bytes");
        found.extend(stored(db, sql).await?.into_iter().map(known));
    }
    let more = left(&found);
    if !more.is_empty() {
        for (id, upload) in uploads::unused(cx, more).await? {
            let stored = StoredUpload {
                sha256: upload.sha256.clone(),
                store_key: upload.store_key,
                bytes: upload.bytes,
                filename: upload.filename,
                outcome: upload.outcome,
            };
            let file = sent(Arc::new(stored), FIELD).map(|file| SourceFile {
                finished: Some((id, FIELD.to_owned())),
                ..file
            });
            found.insert(upload.sha256, file);
        }
    }
    Ok(found)
}

fn known(file: SourceFile) -> (String, Result<SourceFile>) {
    let stored = Some(FIELD.to_owned());
    (file.sha256.clone(), Ok(SourceFile { stored, ..file }))
}
