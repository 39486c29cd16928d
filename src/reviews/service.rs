//! The steps of a version's review.

use std::sync::Arc;

use sea_orm::{FromQueryResult, Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::model::ReviewDecision;
use super::store::{self, Waiting};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::assets::{SourceFile, keep};
use crate::channels::resolve::reaches;
use crate::channels::tree;
use crate::contents::change::announce_version;
use crate::contents::service::{MAX_LABELS, Target, brand_condition, lock};
use crate::contents::{VersionState, VersionStep};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Page, PageRequest, Sql, Tx, fetch_count, fetch_one, run};
use crate::platform::ids::{ContentId, LeaseId, ReviewId, VersionId};
use crate::platform::ledger::Audit;
use crate::platform::names::{name_of, named};
use crate::platform::op::Actor;
use crate::platform::text;

/// The versions that wait for a review, the longest waiting first.
pub(crate) async fn review_queue(cx: &OpContext, request: &PageRequest) -> Result<Page<Waiting>> {
    cx.viewer.require(Scope::Read)?;
    store::queue(
        cx.app.db.read(),
        brand_condition(&cx.viewer, "c.brand_id"),
        request,
    )
    .await
}

/// How many versions wait for a review.
pub(crate) async fn count_review_queue(cx: &OpContext) -> Result<i64> {
    cx.viewer.require(Scope::Read)?;
    store::count_queue(cx.app.db.read(), brand_condition(&cx.viewer, "c.brand_id")).await
}

/// Asks for a review of a DRAFT.
pub(crate) async fn submit_version(cx: &OpContext, id: VersionId) -> Result<VersionId> {
    cx.viewer.require(Scope::Write)?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((viewer, id), |tx, (viewer, id)| {
        Box::pin(submit(tx, viewer, *id))
    })
    .await
}

async fn submit(tx: &Tx, viewer: &Viewer, id: VersionId) -> Result<VersionId> {
    let found = Found::lock(tx, viewer, id).await?;
    found
        .take(
            tx,
            VersionStep::Submit,
            vec![("submitted_at", tx.op.at.into())],
        )
        .await?;
    found.audit(tx, "submitVersion", json!({}));
    announce_version(tx, "VERSION_SUBMITTED", &found.target, id, found.number);
    Ok(id)
}

/// Takes a version out of its review: it is a DRAFT again.
pub(crate) async fn recall_version(cx: &OpContext, id: VersionId) -> Result<VersionId> {
    cx.viewer.require(Scope::Write)?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((viewer, id), |tx, (viewer, id)| {
        Box::pin(recall(tx, viewer, *id))
    })
    .await
}

async fn recall(tx: &Tx, viewer: &Viewer, id: VersionId) -> Result<VersionId> {
    let found = Found::lock(tx, viewer, id).await?;
    found
        .take(
            tx,
            VersionStep::Recall,
            vec![("submitted_at", None::<i64>.into())],
        )
        .await?;
    found.audit(tx, "recallVersion", json!({}));
    Ok(id)
}

/// Takes back an approved version. The approved one with the next lower number becomes the current one.
pub(crate) async fn withdraw_version(
    cx: &OpContext,
    id: VersionId,
    reason: &str,
) -> Result<VersionId> {
    cx.viewer.require(Scope::Review)?;
    let mut problems = Problems::new();
    let reason = text::required(&mut problems, "reason", reason, text::PROSE);
    problems.check()?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((viewer, id, reason), |tx, (viewer, id, reason)| {
        Box::pin(withdraw(tx, viewer, *id, reason))
    })
    .await
}

async fn withdraw(tx: &Tx, viewer: &Viewer, id: VersionId, reason: &str) -> Result<VersionId> {
    let found = Found::lock(tx, viewer, id).await?;
    let set = vec![
        ("withdrawn_at", tx.op.at.into()),
        ("withdrawn_reason", reason.to_owned().into()),
    ];
    found.take(tx, VersionStep::Withdraw, set).await?;
    found.audit(tx, "withdrawVersion", json!({ "reason": reason }));
    announce_version(tx, "VERSION_WITHDRAWN", &found.target, id, found.number);
    // The current version is another one now, and the index knows its words.
    crate::search::index(tx, found.target.id).await?;
    Ok(id)
}

/// A review to be given.
#[derive(Clone, Debug)]
pub(crate) struct NewReview {
    pub version: VersionId,
    pub decision: ReviewDecision,
    /// Required for REQUEST_CHANGES.
    pub note: Option<String>,
    /// An ALLOW lease of the content: this is the licensor's word under it, and no state moves.
    pub lease: Option<LeaseId>,
    /// Only with a lease; none: for all presets.
    pub preset: Option<String>,
    pub document: Option<SourceFile>,
}

/// Reviews a version of somebody else's.
pub(crate) async fn review_version(cx: &OpContext, mut new: NewReview) -> Result<ReviewId> {
    cx.viewer.require(Scope::Review)?;
    let mut problems = Problems::new();
    new.note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    if new.note.is_none() && new.decision == ReviewDecision::RequestChanges {
        problems.add(
            UserErrorCode::Required,
            "note",
            "Say what is to be changed.",
        );
    }
    if let Some(preset) = &new.preset {
        check_preset(cx, &mut problems, preset, new.lease.is_some()).await?;
    }
    problems.check()?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((viewer, new), |tx, (viewer, new)| {
        Box::pin(review(tx, viewer, new))
    })
    .await
}

/// A licensor's word is on a preset of a channel that the viewer reaches.
async fn check_preset(
    cx: &OpContext,
    problems: &mut Problems,
    preset: &str,
    has_lease: bool,
) -> Result<()> {
    if !has_lease {
        let text = "A preset is named together with the lease whose licensor has spoken.";
        problems.add(UserErrorCode::Invalid, "preset", text);
        return Ok(());
    }
    let tree = tree(cx).await?;
    let channels = tree.all();
    let mut known = channels
        .iter()
        .filter(|c| reaches(&cx.viewer, &tree, c.id))
        .flat_map(|c| &c.presets);
    if !known.any(|p| p.name == preset) {
        problems.add(
            UserErrorCode::NotFound,
            "preset",
            "No channel that you reach has a preset of this name.",
        );
    }
    Ok(())
}

async fn review(tx: &Tx, viewer: &Viewer, new: &NewReview) -> Result<ReviewId> {
    let found = Found::lock(tx, viewer, new.version).await?;
    if found.author == tx.op.actor {
        let text = "A version is reviewed by someone other than its author.";
        return Err(Error::user(UserErrorCode::SelfReview, "version", text));
    }
    if let Some(lease) = new.lease {
        check_lease(tx, lease, found.target.id).await?;
    } else {
        let approved =
            (new.decision == ReviewDecision::Approve).then(|| ("approved_at", tx.op.at.into()));
        found
            .take(tx, new.decision.step(), approved.into_iter().collect())
            .await?;
    }
    check_room(tx, new.version).await?;
    let id = insert(tx, new).await?;
    let changes = json!({
        "review": id,
        "decision": new.decision,
        "note": new.note,
        "lease": new.lease,
        "preset": new.preset,
        "document": new.document.as_ref().map(|d| &d.sha256),
    });
    found.audit(tx, "reviewVersion", changes);
    match (new.lease, new.decision) {
        (Some(_), _) => announce_version(
            tx,
            "CONTENT_UPDATED",
            &found.target,
            new.version,
            found.number,
        ),
        (None, ReviewDecision::Approve) => {
            announce_version(
                tx,
                "VERSION_APPROVED",
                &found.target,
                new.version,
                found.number,
            );
            crate::search::index(tx, found.target.id).await?;
        }
        (None, ReviewDecision::RequestChanges) => {
            announce_version(
                tx,
                "VERSION_CHANGES_REQUESTED",
                &found.target,
                new.version,
                found.number,
            );
        }
    }
    Ok(id)
}

/// The licensor has a word only under an ALLOW lease of this content.
async fn check_lease(tx: &Tx, lease: LeaseId, content: ContentId) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Row {
        access: String,
    }
    let sql = Sql::new(
        "SELECT l.access FROM leases l JOIN lease_scopes s ON s.lease_id = l.id WHERE l.id = ",
    )
    .bind(lease)
    .push(" AND s.content_id = ")
    .bind(content)
    .push(" LIMIT 1");
    let row: Row = fetch_one(&**tx, sql)
        .await?
        .ok_or_else(|| Error::not_found("lease"))?;
    if row.access == "ALLOW" {
        return Ok(());
    }
    Err(Error::user(
        UserErrorCode::Invalid,
        "lease",
        "A DENY lease has nothing to approve. Name an ALLOW lease.",
    ))
}

/// A version has at most 250 reviews, so that their unpaged list is never long.
async fn check_room(tx: &Tx, version: VersionId) -> Result<()> {
    let sql = Sql::new("SELECT count(*) AS n FROM reviews WHERE version_id = ").bind(version);
    let count = fetch_count(&**tx, sql).await?;
    if usize::try_from(count).is_ok_and(|n| n < MAX_LABELS) {
        return Ok(());
    }
    let text = format!("A version has at most {MAX_LABELS} reviews.");
    Err(Error::user(UserErrorCode::QuotaExceeded, "version", text))
}

async fn insert(tx: &Tx, new: &NewReview) -> Result<ReviewId> {
    if let Some(document) = &new.document {
        keep(tx, document).await?;
    }
    let id: ReviewId = tx.id();
    let (reviewer_kind, reviewer_id) = tx.op.actor.to_columns();
    let row = [
        ("id", id.into()),
        ("version_id", new.version.into()),
        ("reviewer_kind", reviewer_kind.into()),
        ("reviewer_id", reviewer_id.into()),
        ("decision", name_of(new.decision)?.into()),
        ("lease_id", new.lease.into()),
        ("preset", new.preset.clone().into()),
        (
            "document_sha256",
            new.document.as_ref().map(|d| d.sha256.clone()).into(),
        ),
        (
            "document_filename",
            new.document.as_ref().map(|d| d.filename.clone()).into(),
        ),
        ("note", new.note.clone().into()),
        ("created_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("reviews", row)).await?;
    Ok(id)
}

#[derive(FromQueryResult)]
struct VersionRow {
    content_id: ContentId,
    number: i32,
    state: String,
    author_kind: String,
    author_id: Option<Uuid>,
}

/// A version as a step finds it, its content locked.
struct Found {
    id: VersionId,
    target: Target,
    number: i32,
    state: VersionState,
    author: Actor,
}

impl Found {
    /// Locks the version's content and reads the version as it stands then. NOT_FOUND for what the viewer
    /// does not reach.
    async fn lock(tx: &Tx, viewer: &Viewer, id: VersionId) -> Result<Self> {
        let missing = || Error::not_found("version");
        let read = || {
            Sql::new("SELECT content_id, number, state, author_kind, author_id FROM versions WHERE id = ").bind(id)
        };
        let known: VersionRow = fetch_one(&**tx, read()).await?.ok_or_else(missing)?;
        let target = lock(tx, viewer, known.content_id, "version").await?;
        target.check_not_trashed("version")?;
        // Whoever was faster has moved it by now.
        let row: VersionRow = fetch_one(&**tx, read()).await?.ok_or_else(missing)?;
        Ok(Self {
            id,
            target,
            number: row.number,
            state: named(&row.state)?,
            author: Actor::from_columns(&row.author_kind, row.author_id),
        })
    }

    /// Takes a step from where the version stands; FORBIDDEN_TRANSITION if none leads on from there.
    async fn take(
        &self,
        tx: &Tx,
        step: VersionStep,
        also: Vec<(&'static str, Value)>,
    ) -> Result<()> {
        let refuse =
            |text: String| Error::user(UserErrorCode::ForbiddenTransition, "version", text);
        let to = self
            .state
            .after(step)
            .map_err(|e| refuse(format!("{}.", capital(&e.to_string()))))?;
        let set = std::iter::once(("state", to.name().into())).chain(also);
        let sql = Sql::update("versions", set)
            .push(" WHERE id = ")
            .bind(self.id)
            .push(" AND state = ")
            .bind(self.state.name());
        match run(&**tx, sql).await? {
            1 => Ok(()),
            _ => Err(refuse(
                "Someone was faster. Look at where the version stands now.".to_owned(),
            )),
        }
    }

    fn audit(&self, tx: &Tx, action: &'static str, changes: Json) {
        let mut changes = changes;
        changes["number"] = json!(self.number);
        tx.audit(Audit {
            brand: Some(self.target.brand),
            action,
            subject: self.id.to_string(),
            contents: vec![self.target.id],
            changes,
        });
    }
}

/// The same text with a capital at its beginning.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|c| c.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
