//! Putting a content away, taking it back, and withdrawing it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::model::{ContentKind, parse_public_id};
use super::service::{Target, announce, lock};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::ContentId;
use crate::platform::ledger::Audit;

/// A content named in an input by its public id. A malformed id names nothing.
pub(crate) fn input_content(id: &str, field: &str) -> Result<(ContentKind, ContentId)> {
    parse_public_id(id).ok_or_else(|| Error::not_found(field))
}

/// The content to be changed, as [`lock`] finds it; one of the other kind is not the one that was named.
pub(crate) async fn lock_named(
    tx: &Tx,
    viewer: &Viewer,
    named: (ContentKind, ContentId),
    field: &str,
) -> Result<Target> {
    let target = lock(tx, viewer, named.1, field).await?;
    if target.kind == named.0 {
        Ok(target)
    } else {
        Err(Error::not_found(field))
    }
}

/// What a step in a content's life needs.
struct Step {
    viewer: Arc<Viewer>,
    content: (ContentKind, ContentId),
}

impl Step {
    fn new(cx: &OpContext, id: &str) -> Result<Self> {
        cx.viewer.require(Scope::Write)?;
        let content = input_content(id, "id")?;
        Ok(Self {
            viewer: Arc::clone(&cx.viewer),
            content,
        })
    }

    async fn lock(&self, tx: &Tx) -> Result<Target> {
        lock_named(tx, &self.viewer, self.content, "id").await
    }
}

fn forbidden(message: &str) -> Error {
    Error::user(UserErrorCode::ForbiddenTransition, "id", message)
}

/// Puts a content away: it goes out nowhere until it is restored.
pub(crate) async fn archive_content(cx: &OpContext, id: &str) -> Result<ContentId> {
    cx.write(Step::new(cx, id)?, |tx, step| Box::pin(archive(tx, step)))
        .await
}

async fn archive(tx: &Tx, step: &Step) -> Result<ContentId> {
    let target = step.lock(tx).await?;
    target.check_not_trashed("id")?;
    if target.archived_at.is_some() {
        return Err(forbidden("It is archived already."));
    }
    set(tx, &target, [("archived_at", Some(tx.op.at).into())]).await?;
    announce(tx, "CONTENT_ARCHIVED", target.brand, target.kind, target.id);
    audit(
        tx,
        &target,
        "archiveContent",
        json!({ "archivedAt": tx.op.at.to_rfc3339() }),
    );
    Ok(target.id)
}

/// Takes a content back from the archive, the trash or both. A recall stays: it was decided for a reason.
pub(crate) async fn restore_content(cx: &OpContext, id: &str) -> Result<ContentId> {
    cx.write(Step::new(cx, id)?, |tx, step| Box::pin(restore(tx, step)))
        .await
}

async fn restore(tx: &Tx, step: &Step) -> Result<ContentId> {
    let target = step.lock(tx).await?;
    if target.archived_at.is_none() && target.trashed_at.is_none() {
        return Err(forbidden(
            "It is neither archived nor in the trash, so there is nothing to restore.",
        ));
    }
    let none: Option<Timestamp> = None;
    set(
        tx,
        &target,
        [("archived_at", none.into()), ("trashed_at", none.into())],
    )
    .await?;
    announce(tx, "CONTENT_UPDATED", target.brand, target.kind, target.id);
    audit(
        tx,
        &target,
        "restoreContent",
        json!({ "archivedAt": null, "trashedAt": null }),
    );
    Ok(target.id)
}

/// Withdraws a locked content that is not withdrawn yet, and announces it. The caller audits.
pub(crate) async fn withdraw(tx: &Tx, target: &Target, reason: &str) -> Result<()> {
    let row = [
        ("withdrawn_at", Some(tx.op.at).into()),
        ("withdrawn_reason", Some(reason.to_owned()).into()),
    ];
    set(tx, target, row).await?;
    announce(
        tx,
        "CONTENT_WITHDRAWN",
        target.brand,
        target.kind,
        target.id,
    );
    Ok(())
}

async fn set<const N: usize>(
    tx: &Tx,
    target: &Target,
    columns: [(&'static str, sea_orm::Value); N],
) -> Result<()> {
    run(
        &**tx,
        Sql::update("contents", columns)
            .push(" WHERE id = ")
            .bind(target.id),
    )
    .await?;
    Ok(())
}

fn audit(tx: &Tx, target: &Target, action: &'static str, changes: Json) {
    tx.audit(Audit {
        brand: Some(target.brand),
        action,
        subject: target.public_id(),
        contents: vec![target.id],
        changes,
    });
}
