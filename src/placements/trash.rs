//! Throwing a content away: not while it is live somewhere.

use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde_json::json;

use crate::accounts::{OpContext, Reach, Scope, Viewer};
use crate::contents::lifecycle::{input_content, lock_named};
use crate::contents::service::announce;
use crate::contents::{ContentKind, public_id};
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_one, run};
use crate::platform::ids::ContentId;
use crate::platform::ledger::Audit;
use crate::rights::is_live;

/// Moves a content to the trash. IN_USE while a placement of it is live: its own, not those of what it is
/// attached to.
pub(crate) async fn trash_content(cx: &OpContext, id: &str) -> Result<ContentId> {
    cx.viewer.require(Scope::Write)?;
    let (kind, id) = input_content(id, "id")?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((viewer, kind, id), |tx, (viewer, kind, id)| {
        Box::pin(trash(tx, viewer, *kind, *id))
    })
    .await
}

#[derive(FromQueryResult)]
struct Live {
    places: i64,
    location: Option<String>,
}

async fn trash(tx: &Tx, viewer: &Viewer, kind: ContentKind, id: ContentId) -> Result<ContentId> {
    let target = lock_named(tx, viewer, (kind, id), "id").await?;
    target.check_not_trashed("id")?;
    check_not_live(tx, viewer, id).await?;
    let set = Sql::update("contents", [("trashed_at", tx.op.at.into())]);
    run(&**tx, set.push(" WHERE id = ").bind(id)).await?;
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "trashContent",
        subject: public_id(kind, id),
        contents: vec![id],
        changes: json!({ "trashedAt": tx.op.at.to_rfc3339() }),
    });
    announce(tx, "CONTENT_UPDATED", target.brand, kind, id);
    Ok(id)
}

async fn check_not_live(tx: &Tx, viewer: &Viewer, id: ContentId) -> Result<()> {
    let sql =
        Sql::new("SELECT count(*) AS places, min(p.location) AS location FROM placements p WHERE ")
            .append(is_live("p", tx.op.at))
            .push(" AND p.content_id = ")
            .bind(id);
    let live: Option<Live> = fetch_one(&**tx, sql).await?;
    let Some(Live {
        places,
        location: Some(location),
    }) = live
    else {
        return Ok(());
    };
    let text = match places {
        // One who reaches some channels only is not told of places in others.
        _ if viewer.channels != Reach::All => {
            "It is live. Retire its live placements first.".to_owned()
        }
        1 => format!("It is live at “{location}”. Retire that placement first."),
        n => format!(
            "It is live in {n} places, such as “{location}”. Retire those placements first."
        ),
    };
    Err(Error::user(UserErrorCode::InUse, "id", text))
}
