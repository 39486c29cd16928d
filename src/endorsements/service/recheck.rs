//! Looking again whether an endorsement is still said.

use std::sync::Arc;

use serde_json::json;

use crate::accounts::{OpContext, Scope, Viewer};
use crate::contents::ContentKind;
use crate::contents::lifecycle::withdraw;
use crate::contents::service::{announce, lock};
use crate::endorsements::pages::look_again;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::EndorsementId;
use crate::platform::ledger::Audit;
use crate::platform::text;

/// Records that somebody looked: it is still said, the next recheck is an interval away, and its pages are
/// looked at again; or it is not, and the endorsement is recalled with the note as the reason.
pub(crate) async fn recheck_endorsement(
    cx: &OpContext,
    id: EndorsementId,
    still_said: bool,
    note: Option<String>,
) -> Result<EndorsementId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let note = text::optional(&mut problems, "note", note.as_deref(), text::PROSE);
    if !still_said && note.is_none() {
        problems.add(
            UserErrorCode::Required,
            "note",
            "Say what became of it: this recalls the endorsement.",
        );
    }
    problems.check()?;
    let input = (Arc::clone(&cx.viewer), id, still_said, note);
    cx.write(input, |tx, (viewer, id, still_said, note)| {
        Box::pin(recheck(tx, viewer, *id, *still_said, note.clone()))
    })
    .await
}

async fn recheck(
    tx: &Tx,
    viewer: &Viewer,
    id: EndorsementId,
    still_said: bool,
    note: Option<String>,
) -> Result<EndorsementId> {
    let target = lock(tx, viewer, id.into(), "endorsement").await?;
    if target.kind != ContentKind::Endorsement {
        return Err(Error::not_found("endorsement"));
    }
    target.check_not_trashed("endorsement")?;
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "recheckEndorsement",
        subject: id.to_string(),
        contents: vec![target.id],
        changes: json!({ "stillSaid": still_said, "note": note }),
    });
    if still_said {
        let sql = Sql::new("UPDATE endorsements SET page_changed_at = NULL, rechecked_at = ")
            .bind(tx.op.at)
            .push(" WHERE content_id = ")
            .bind(target.id);
        run(&**tx, sql).await?;
        look_again(tx, target.id).await?;
        announce(tx, "CONTENT_UPDATED", target.brand, target.kind, target.id);
    } else if target.withdrawn_at.is_some() {
        return Err(Error::user(
            UserErrorCode::ForbiddenTransition,
            "endorsement",
            "It is withdrawn already.",
        ));
    } else {
        withdraw(tx, &target, &note.unwrap_or_default()).await?;
    }
    Ok(id)
}
