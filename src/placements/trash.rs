//! Throwing a content away: not while it is live somewhere.

use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde_json::json;

use crate::accounts::{OpContext, Reach, Scope, Viewer};
use crate::contents::lifecycle::{input_content, lock_named};
use crate::contents::service::announce;
use crate::contents::{ContentKind, public_id};
use crate::endorsements::service::lock_attached;
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_one, run};
use crate::platform::ids::ContentId;
use crate::platform::ledger::Audit;
use crate::rights::is_live;

/// Moves a content to the trash. IN_USE while a placement of it is live, or one of an asset that is attached to
/// it: what stands with an endorsement in the trash goes out nowhere, and nobody would be told that it is.
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
    id: ContentId,
    title: String,
    places: i64,
    location: String,
}

async fn trash(tx: &Tx, viewer: &Viewer, kind: ContentKind, id: ContentId) -> Result<ContentId> {
    let target = lock_named(tx, viewer, (kind, id), "id").await?;
    target.check_not_trashed("id")?;
    let attached = match kind {
        ContentKind::Endorsement => lock_attached(tx, id).await?,
        ContentKind::Asset => Vec::new(),
    };
    check_not_live(tx, viewer, id, attached).await?;
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

async fn check_not_live(
    tx: &Tx,
    viewer: &Viewer,
    id: ContentId,
    attached: Vec<ContentId>,
) -> Result<()> {
    let sql = Sql::new(
        "SELECT c.id, c.title, count(*) AS places, min(p.location) AS location
         FROM placements p JOIN contents c ON c.id = p.content_id WHERE ",
    )
    .append(is_live("p", tx.op.at))
    .push(" AND p.content_id IN ")
    .list(attached.into_iter().chain([id]))
    .push(" GROUP BY c.id, c.title ORDER BY CASE WHEN c.id = ")
    .bind(id)
    .push(" THEN 0 ELSE 1 END, c.id LIMIT 1");
    let live: Option<Live> = fetch_one(&**tx, sql).await?;
    match live {
        Some(live) => {
            let text = live.refusal(viewer, live.id == id);
            Err(Error::user(UserErrorCode::InUse, "id", text))
        }
        None => Ok(()),
    }
}

impl Live {
    fn refusal(&self, viewer: &Viewer, is_itself: bool) -> String {
        let Self {
            title, location, ..
        } = self;
        let (it, or_detach) = if is_itself {
            ("It".to_owned(), "")
        } else {
            (format!("Its asset “{title}”"), ", or detach the asset")
        };
        match self.places {
            // One who reaches some channels only is not told of places in others.
            _ if viewer.channels != Reach::All => {
                format!("{it} is live. Retire its live placements first{or_detach}.")
            }
            1 => format!("{it} is live at “{location}”. Retire that placement first{or_detach}."),
            n => format!(
                "{it} is live in {n} places, such as “{location}”. Retire those placements first{or_detach}."
            ),
        }
    }
}
