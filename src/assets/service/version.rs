//! Adding versions of assets.

use std::sync::Arc;

use serde_json::json;

use super::super::{keep, store};
use super::body::{Body, NewBody, clean_body};
use super::{audit, look};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::contents::ContentKind;
use crate::contents::change::announce_version;
use crate::contents::service as contents;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::Tx;
use crate::platform::ids::{ContentId, VersionId};
use crate::platform::text;

/// What a new version of an asset shall be.
pub(crate) struct NewVersion {
    pub asset: ContentId,
    pub body: NewBody,
    pub note: Option<String>,
    /// The number the caller thinks it will have; CONFLICT if it does not.
    pub expected_number: Option<i32>,
}

/// A version whose input has been found good, as far as that shows without its asset.
struct CheckedVersion {
    viewer: Arc<Viewer>,
    asset: ContentId,
    body: Body,
    note: Option<String>,
    expected: Option<i32>,
}

/// Adds a version, a DRAFT, to an asset that is not in the trash. Its bytes suit the asset's kind.
pub(crate) async fn add_asset_version(
    cx: &OpContext,
    new: NewVersion,
) -> Result<(ContentId, VersionId)> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    let body = clean_body(&mut problems, new.body)?;
    problems.check()?;
    let checked = CheckedVersion {
        viewer: Arc::clone(&cx.viewer),
        asset: new.asset,
        body: body.ok_or_else(|| Error::internal("a good input without its body"))?,
        note,
        expected: new.expected_number,
    };
    let file = checked.body.sha256();
    let made = cx
        .write(checked, |tx, new| {
            Box::pin(async move {
                let target = (new.asset, new.expected);
                let version =
                    add_version(tx, &new.viewer, target, &new.body, new.note.clone()).await?;
                Ok((new.asset, version))
            })
        })
        .await?;
    look(cx, file).await;
    Ok(made)
}

/// Adds a version to an asset, within a transaction.
pub(crate) async fn add_version(
    tx: &Tx,
    viewer: &Viewer,
    (asset, expected): (ContentId, Option<i32>),
    body: &Body,
    note: Option<String>,
) -> Result<VersionId> {
    let target = contents::lock(tx, viewer, asset, "asset").await?;
    if target.kind != ContentKind::Asset {
        return Err(Error::not_found("asset"));
    }
    target.check_not_trashed("asset")?;
    let kind = store::kind_of(&**tx, target.id).await?;
    if let Some(message) = body.misfit(kind) {
        return Err(Error::user(UserErrorCode::Invalid, body.field(), message));
    }
    let (version, number) = contents::add_version(tx, target.id, expected, note).await?;
    if let Body::File(file) = body {
        keep(tx, file).await?;
    }
    store::insert_versions(&**tx, &[(version, body)]).await?;
    announce_version(tx, "VERSION_CREATED", &target, version, number);
    let mut changes = body.describe();
    changes["version"] = json!(version);
    changes["number"] = json!(number);
    audit(tx, target.brand, "addAssetVersion", target.id, changes);
    crate::search::index(tx, target.id).await?;
    Ok(version)
}
