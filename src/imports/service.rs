//! Handing in a table.

use std::collections::BTreeSet;

use async_graphql::ID;
use serde_json::json;

use super::model::{ImportKind, MAX_BYTES};
use super::store::{self, NewImport};
use crate::accounts::{OpContext, Scope};
use crate::assets::resolve_hashes;
use crate::catalog::resolve::{filter_brand, input_brand};
use crate::contents::service::MAX_LABELS;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::ids::{ImportId, UploadId};
use crate::platform::ledger::Audit;
use crate::uploads;

/// A table to be imported.
pub(super) struct NewTable {
    pub brand: ID,
    pub kind: ImportKind,
    pub upload: ID,
    pub dry_run: bool,
}

/// Hands in a table; a job imports it.
pub(super) async fn import_file(cx: &OpContext, new: NewTable) -> Result<ImportId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let brand = problems.keep(input_brand(cx, &new.brand, "brand").await)?;
    let upload = problems.keep(table(cx, &new.upload).await)?;
    problems.check()?;
    let (Some(brand), Some((upload, file))) = (brand, upload) else {
        return Err(Error::internal("a problem was lost"));
    };
    let import = NewImport {
        brand,
        kind: new.kind,
        upload,
        filename: file.filename.clone(),
        dry_run: new.dry_run,
    };
    let changes = json!({
        "kind": new.kind,
        "filename": file.filename,
        "sha256": file.sha256,
        "bytes": file.bytes,
        "dryRun": new.dry_run,
    });
    cx.write((import, changes), |tx, (import, changes)| {
        Box::pin(async move {
            let id = store::insert(tx, import).await?;
            tx.audit(Audit {
                brand: Some(import.brand),
                action: "importFile",
                subject: id.to_string(),
                contents: Vec::new(),
                changes: changes.clone(),
            });
            Ok(id)
        })
    })
    .await
}

/// Which of these bytes a table of a brand's assets may name; those that were refused when they came are told
/// again by the import.
pub(super) async fn stored_bytes(
    cx: &OpContext,
    brand: &ID,
    hashes: &BTreeSet<String>,
) -> Result<Vec<String>> {
    cx.viewer.require(Scope::Read)?;
    if hashes.len() > MAX_LABELS {
        let text = format!("Ask for at most {MAX_LABELS} at a time.");
        return Err(Error::BadRequest(text));
    }
    let Some(brand) = filter_brand(cx, brand).await? else {
        return Ok(Vec::new());
    };
    let found = resolve_hashes(cx, brand, hashes).await?;
    Ok(found.into_keys().collect())
}

/// A whole upload of the viewer's own that is a table.
async fn table(cx: &OpContext, text: &ID) -> Result<(UploadId, uploads::Finished)> {
    let missing = || Error::not_found("upload");
    let id: UploadId = text.parse().map_err(|_| missing())?;
    let file = uploads::finished(cx, id).await?.ok_or_else(missing)?;
    let is_table = file
        .outcome
        .as_ref()
        .is_ok_and(|facts| facts.media_type == uploads::TABLE);
    if !is_table {
        let text = "This is no table. Upload it with `filetype text/csv` in Upload-Metadata.";
        return Err(Error::user(UserErrorCode::UnsupportedMedia, "upload", text));
    }
    if file.bytes > MAX_BYTES {
        let text = format!("A table has at most {MAX_BYTES} bytes. Split it.");
        return Err(Error::user(UserErrorCode::TooLarge, "upload", text));
    }
    Ok((id, file))
}
