//! Evidence: the proof that it was said, kept even when the page goes away.

use std::sync::Arc;

use serde_json::json;

use crate::accounts::{OpContext, Scope, Viewer};
use crate::assets::{SourceFile, keep};
use crate::contents::ContentKind;
use crate::contents::service::{MAX_LABELS, announce, lock};
use crate::endorsements::model::EvidenceState;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_count, insert_many, run};
use crate::platform::fetch::{Fetcher, Rules};
use crate::platform::ids::{ContentId, EndorsementId, EvidenceId};
use crate::platform::ledger::Audit;
use crate::platform::names::name_of;
use crate::platform::text;

/// A page or a file that proves it.
pub(crate) struct NewEvidence {
    pub endorsement: EndorsementId,
    /// The page to fetch; with a file: where that is from.
    pub url: Option<String>,
    /// The file, or what is wrong with it, to be told with everything else.
    pub file: Option<Result<SourceFile>>,
    pub note: Option<String>,
}

/// A page or a file, checked.
struct Proof {
    url: Option<String>,
    file: Option<SourceFile>,
    note: Option<String>,
}

/// Adds evidence: a file counts from now on, a page once it has been fetched.
pub(crate) async fn add_evidence(cx: &OpContext, new: NewEvidence) -> Result<EvidenceId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    let has_file = new.file.is_some();
    if let Some(url) = &new.url {
        check_page(&mut problems, cx, "url", url);
        if !has_file && cx.app.fetcher.is_none() {
            let text = "This server fetches no pages. Add a file.";
            problems.add(UserErrorCode::Invalid, "url", text);
        }
    } else if !has_file {
        let text = "Give the address of the page, or the file that proves it.";
        problems.add(UserErrorCode::Required, "file", text);
    }
    let file = match new.file {
        Some(file) => problems.keep(file)?,
        None => None,
    };
    problems.check()?;
    let proof = Proof {
        url: new.url,
        file,
        note,
    };
    let input = (Arc::clone(&cx.viewer), new.endorsement, proof);
    cx.write(input, |tx, (viewer, id, proof)| {
        Box::pin(add(tx, viewer, *id, proof))
    })
    .await
}

/// An address that a page may be fetched from, on this server or another.
pub(super) fn check_page(problems: &mut Problems, cx: &OpContext, field: &str, url: &str) {
    let default = Rules::default();
    let rules = cx.app.fetcher.as_ref().map_or(&default, Fetcher::rules);
    if let Err(reason) = rules.check(url) {
        problems.add(UserErrorCode::Invalid, field, reason);
    }
}

async fn add(
    tx: &Tx,
    viewer: &Viewer,
    endorsement: EndorsementId,
    proof: &Proof,
) -> Result<EvidenceId> {
    let target = lock(tx, viewer, endorsement.into(), "endorsement").await?;
    if target.kind != ContentKind::Endorsement {
        return Err(Error::not_found("endorsement"));
    }
    target.check_not_trashed("endorsement")?;
    check_room(tx, target.id).await?;
    let (url, file, note) = (&proof.url, &proof.file, &proof.note);
    let id = match (file, url) {
        (Some(file), _) => add_file(tx, target.id, file, proof).await?,
        (None, Some(url)) => add_page(tx, target.id, url, note.as_ref()).await?,
        (None, None) => return Err(Error::internal("evidence of nothing")),
    };
    let file = file.as_ref();
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "addEvidence",
        subject: id.to_string(),
        contents: vec![target.id],
        changes: json!({
            "url": url, "sha256": file.map(|f| &f.sha256), "filename": file.map(|f| &f.filename), "note": note,
        }),
    });
    announce(tx, "CONTENT_UPDATED", target.brand, target.kind, target.id);
    Ok(id)
}

async fn add_file(
    tx: &Tx,
    endorsement: ContentId,
    file: &SourceFile,
    proof: &Proof,
) -> Result<EvidenceId> {
    keep(tx, file).await?;
    let id: EvidenceId = tx.id();
    let row = [
        ("id", id.into()),
        ("endorsement_id", endorsement.into()),
        ("url", proof.url.clone().into()),
        ("sha256", file.sha256.clone().into()),
        ("filename", file.filename.clone().into()),
        ("state", name_of(EvidenceState::Current)?.into()),
        ("captured_at", tx.op.at.into()),
        ("checked_at", tx.op.at.into()),
        ("note", proof.note.clone().into()),
        ("created_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("evidence", row)).await?;
    Ok(id)
}

/// Adds a page that is fetched as soon as may be.
async fn add_page(
    tx: &Tx,
    endorsement: ContentId,
    url: &str,
    note: Option<&String>,
) -> Result<EvidenceId> {
    let ids = add_pages(tx, &[(endorsement, url, note)]).await?;
    let id = ids.into_iter().next();
    id.ok_or_else(|| Error::internal("evidence was lost"))
}

/// Adds pages of endorsements that are fetched as soon as may be.
pub(super) async fn add_pages(
    tx: &Tx,
    pages: &[(ContentId, &str, Option<&String>)],
) -> Result<Vec<EvidenceId>> {
    let ids: Vec<EvidenceId> = pages.iter().map(|_| tx.id()).collect();
    let columns = [
        "id",
        "endorsement_id",
        "url",
        "state",
        "note",
        "next_at",
        "created_at",
    ];
    let state = name_of(EvidenceState::Pending)?;
    let rows = pages
        .iter()
        .zip(&ids)
        .map(|((endorsement, url, note), id)| {
            vec![
                (*id).into(),
                (*endorsement).into(),
                (*url).into(),
                state.clone().into(),
                note.cloned().into(),
                tx.op.at.into(),
                tx.op.at.into(),
            ]
        });
    insert_many(&**tx, "evidence", &columns, rows.collect(), "").await?;
    Ok(ids)
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
