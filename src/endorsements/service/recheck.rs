//! Looking again whether an endorsement is still said.

use serde_json::json;

use crate::accounts::Viewer;
use crate::contents::ContentKind;
use crate::contents::service::{Target, announce, lock};
use crate::endorsements::pages::look_again;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::EndorsementId;
use crate::platform::ledger::Audit;
use crate::platform::text;

/// The note of a recheck. One that finds it said no more is the reason of a recall.
pub(crate) fn check_recheck(still_said: bool, note: Option<String>) -> Result<Option<String>> {
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
    Ok(note)
}

/// Records that somebody looked. Where it is still said, the next recheck is an interval away, and its pages are
/// looked at again; where it is not, the caller recalls what this has locked.
pub(crate) async fn record_recheck(
    tx: &Tx,
    viewer: &Viewer,
    id: EndorsementId,
    still_said: bool,
    note: Option<&str>,
) -> Result<Target> {
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
    }
    Ok(target)
}
