//! Evidence: the proof that it was said, kept even when the page goes away.

use std::sync::Arc;

use serde_json::json;

use crate::accounts::{OpContext, Scope, Viewer};
use crate::assets::{SourceFile, keep};
use crate::contents::ContentKind;
use crate::contents::service::{MAX_LABELS, announce, lock};
use crate::endorsements::model::EvidenceState;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_count, run};
use crate::platform::ids::{ContentId, EndorsementId, EvidenceId};
use crate::platform::ledger::Audit;
use crate::platform::names::name_of;
use crate::platform::text;

/// A file that proves it.
pub(crate) struct NewEvidence {
    pub endorsement: EndorsementId,
    /// The file, or what is wrong with it, to be told with everything else; none: REQUIRED.
    pub file: Option<Result<SourceFile>>,
    pub note: Option<String>,
}

/// Adds a file as evidence; it counts from now on.
pub(crate) async fn add_evidence(cx: &OpContext, new: NewEvidence) -> Result<EvidenceId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    let file = if let Some(file) = new.file {
        problems.keep(file)?
    } else {
        problems.add(
            UserErrorCode::Required,
            "file",
            "Give the file that proves it.",
        );
        None
    };
    problems.check()?;
    let file = file.ok_or_else(|| Error::internal("a good input without its file"))?;
    let input = (Arc::clone(&cx.viewer), new.endorsement, file, note);
    cx.write(input, |tx, (viewer, id, file, note)| {
        Box::pin(add(tx, viewer, *id, file, note.clone()))
    })
    .await
}

async fn add(
    tx: &Tx,
    viewer: &Viewer,
    endorsement: EndorsementId,
    file: &SourceFile,
    note: Option<String>,
) -> Result<EvidenceId> {
    let target = lock(tx, viewer, endorsement.into(), "endorsement").await?;
    if target.kind != ContentKind::Endorsement {
        return Err(Error::not_found("endorsement"));
    }
    target.check_not_trashed("endorsement")?;
    check_room(tx, target.id).await?;
    keep(tx, file).await?;
    let id: EvidenceId = tx.id();
    let row = [
        ("id", id.into()),
        ("endorsement_id", target.id.into()),
        ("sha256", file.sha256.clone().into()),
        ("filename", file.filename.clone().into()),
        ("state", name_of(EvidenceState::Current)?.into()),
        ("captured_at", tx.op.at.into()),
        ("checked_at", tx.op.at.into()),
        ("note", note.clone().into()),
        ("created_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("evidence", row)).await?;
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "addEvidence",
        subject: id.to_string(),
        contents: vec![target.id],
        changes: json!({ "sha256": file.sha256, "filename": file.filename, "note": note }),
    });
    announce(tx, "CONTENT_UPDATED", target.brand, target.kind, target.id);
    Ok(id)
}

/// An endorsement has at most 250 pieces of evidence, so that their unpaged list is never long.
async fn check_room(tx: &Tx, endorsement: ContentId) -> Result<()> {
    let sql =
        Sql::new("SELECT count(*) AS n FROM evidence WHERE endorsement_id = ").bind(endorsement);
    let count = fetch_count(&**tx, sql).await?;
    if usize::try_from(count).is_ok_and(|n| n < MAX_LABELS) {
        return Ok(());
    }
    let text = format!("An endorsement has at most {MAX_LABELS} pieces of evidence.");
    Err(Error::user(
        UserErrorCode::QuotaExceeded,
        "endorsement",
        text,
    ))
}
