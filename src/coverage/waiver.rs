//! Deciding not to use a win somewhere.

use std::sync::Arc;

use serde_json::json;

use super::cells::{Places, cells};
use super::load::wins;
use super::model::CoverageState;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::channels::{self, Tree};
use crate::contents::{self, ContentKind};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::{ChannelId, ContentId};
use crate::platform::ledger::Audit;
use crate::platform::text;

/// What is waived: a gap, and that of all that lies under its channel.
#[derive(Clone, Debug)]
pub(super) struct NewWaiver {
    pub endorsement: ContentId,
    pub channel: ChannelId,
    pub reason: String,
    /// None: for good. What is not ahead ends a waiver.
    pub until: Option<Timestamp>,
}

struct Caller {
    viewer: Arc<Viewer>,
    tree: Arc<Tree>,
}

/// Waives a gap, or changes or ends a waiver. NOT_AVAILABLE where there is neither.
pub(super) async fn waive(cx: &OpContext, mut new: NewWaiver) -> Result<(ContentId, ChannelId)> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    new.reason = text::required(&mut problems, "reason", &new.reason, text::PROSE);
    problems.check()?;
    let caller = Caller {
        viewer: Arc::clone(&cx.viewer),
        tree: channels::tree(cx).await?,
    };
    cx.write((new, caller), |tx, (new, caller)| {
        Box::pin(write(tx, new, caller))
    })
    .await
}

async fn write(tx: &Tx, new: &NewWaiver, caller: &Caller) -> Result<(ContentId, ChannelId)> {
    let target =
        contents::service::lock(tx, &caller.viewer, new.endorsement, "endorsement").await?;
    if target.kind != ContentKind::Endorsement {
        return Err(Error::not_found("endorsement"));
    }
    let places = Places::new(&caller.tree, tx.op.at);
    let here = places
        .all
        .iter()
        .position(|place| place.channel.id == new.channel);
    let wins = wins(&**tx, &[new.endorsement]).await?;
    let state = wins.first().zip(here).and_then(|(win, here)| {
        let found = cells(win, &places, tx.op.at);
        found.cells.get(here).map(|cell| cell.state)
    });
    if !matches!(state, Some(CoverageState::Gap | CoverageState::Waived)) {
        let text = "There is no gap to waive: it is used there, is meant to be, or may not be.";
        return Err(Error::user(UserErrorCode::NotAvailable, "channel", text));
    }
    let (kind, id) = tx.op.actor.to_columns();
    let row = [
        ("endorsement_id", new.endorsement.into()),
        ("channel_id", new.channel.into()),
        ("reason", new.reason.clone().into()),
        ("until", new.until.into()),
        ("created_at", tx.op.at.into()),
        ("created_by_kind", kind.into()),
        ("created_by_id", id.into()),
    ];
    let sql = Sql::insert("waivers", row).push(
        " ON CONFLICT (endorsement_id, channel_id) DO UPDATE SET reason = excluded.reason,
          until = excluded.until, created_at = excluded.created_at,
          created_by_kind = excluded.created_by_kind, created_by_id = excluded.created_by_id",
    );
    run(&**tx, sql).await?;
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "waiveGap",
        subject: target.public_id(),
        contents: vec![target.id],
        changes: json!({
            "channel": new.channel,
            "reason": new.reason,
            "until": new.until.map(Timestamp::to_rfc3339),
        }),
    });
    Ok((new.endorsement, new.channel))
}
