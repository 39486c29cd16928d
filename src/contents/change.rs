//! Changing the header of a content. All of it runs inside a write's transaction, on a locked content.

use async_graphql::MaybeUndefined;
use sea_orm::Value;

use super::service::Target;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::VersionId;
use crate::platform::ledger::Event;
use crate::platform::text;

/// What of the header is to change; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderChange {
    pub title: Option<String>,
    pub release_at: MaybeUndefined<Timestamp>,
    pub expire_at: MaybeUndefined<Timestamp>,
}

/// Changes the header. The caller has checked that the merged expiry lies after the merged release.
pub(crate) async fn set_header(tx: &Tx, target: &Target, change: &HeaderChange) -> Result<()> {
    let mut set: Vec<(&'static str, Value)> = Vec::new();
    if let Some(title) = &change.title {
        set.push(("title", title.clone().into()));
        set.push(("title_key", text::sort_key(title).into()));
    }
    if !change.release_at.is_undefined() {
        set.push(("release_at", change.release_at.value().copied().into()));
    }
    if !change.expire_at.is_undefined() {
        set.push(("expire_at", change.expire_at.value().copied().into()));
    }
    if !set.is_empty() {
        run(
            &**tx,
            Sql::update("contents", set)
                .push(" WHERE id = ")
                .bind(target.id),
        )
        .await?;
    }
    Ok(())
}

/// Announces an event about a version of a content.
pub(crate) fn announce_version(
    tx: &Tx,
    topic: &'static str,
    target: &Target,
    version: VersionId,
    number: i32,
) {
    tx.emit(Event {
        brand: Some(target.brand),
        topic,
        subject: target.public_id(),
        payload: serde_json::json!({ "version": version, "number": number }),
    });
}
