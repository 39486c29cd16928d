//! Sightings: checks that a placement really is there, by a person, by its beacon, or by a look at its page.

mod store;

use std::sync::Arc;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) use self::store::add_crawled;
pub(crate) use self::store::seen_by_beacon;
pub(super) use self::store::{Listed, Listing, count, last_seen, list, load};
use super::store as placements;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::{PlacementId, SightingId};
use crate::platform::text;

/// How far ahead the clock of whoever saw it may be, in milliseconds.
const MAX_AHEAD_MS: i64 = 600_000;

/// How a placement was looked at.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SightingSource {
    /// Its page sent an impression. One stands for all of a day, with the time of the last.
    Beacon,
    /// Its page was fetched and searched.
    Crawl,
    /// Somebody looked.
    Person,
}

/// A check that a placement really is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub id: SightingId,
    pub placement: PlacementId,
    pub seen_at: Timestamp,
    /// Whether it was there.
    pub found: bool,
    pub how: SightingSource,
    /// What was seen, for people.
    pub detail: Option<String>,
}

/// What somebody saw.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub placement: PlacementId,
    pub found: bool,
    /// None: now.
    pub at: Option<Timestamp>,
    pub detail: Option<String>,
}

/// Records what somebody saw at a placement, whatever its status: what is retired and still there is worth
/// knowing most of all.
pub(super) async fn record_sighting(cx: &OpContext, mut seen: Seen) -> Result<SightingId> {
    cx.viewer.require(Scope::UsageWrite)?;
    let mut problems = Problems::new();
    seen.detail = text::optional(&mut problems, "detail", seen.detail.as_deref(), text::PROSE);
    if seen.at.is_some_and(|at| at > cx.at().plus_ms(MAX_AHEAD_MS)) {
        let text = "Nothing is seen before its time. Leave `seenAt` out for now.";
        problems.add(UserErrorCode::Invalid, "seenAt", text);
    }
    problems.check()?;
    let viewer = Arc::clone(&cx.viewer);
    cx.write((seen, viewer), |tx, (seen, viewer)| {
        Box::pin(record(tx, seen, viewer))
    })
    .await
}

async fn record(tx: &Tx, seen: &Seen, viewer: &Viewer) -> Result<SightingId> {
    let found = placements::load(&**tx, viewer, &[seen.placement], tx.op.at).await?;
    let placement = found
        .get(&seen.placement)
        .ok_or_else(|| Error::not_found("placement"))?;
    let brand = placements::brand_of(&**tx, placement.content).await?;
    let sighting = Sighting {
        id: tx.id(),
        placement: seen.placement,
        seen_at: seen.at.unwrap_or(tx.op.at),
        found: seen.found,
        how: SightingSource::Person,
        detail: seen.detail.clone(),
    };
    tx.write_last(store::insert(&sighting, tx.op.at));
    tx.audit(crate::platform::ledger::Audit {
        brand: Some(brand),
        action: "recordSighting",
        subject: seen.placement.to_string(),
        contents: vec![placement.content],
        changes: json!({
            "found": sighting.found,
            "seenAt": sighting.seen_at.to_rfc3339(),
            "detail": sighting.detail,
        }),
    });
    Ok(sighting.id)
}
