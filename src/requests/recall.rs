//! Recall: what goes out nowhere any more, and the take-downs of what is live.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde_json::json;

use super::model::RequestState;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::channels::{self, Tree};
use crate::contents::lifecycle::{input_content, lock_named, withdraw};
use crate::contents::service::Target;
use crate::contents::{ContentKind, public_id};
use crate::endorsements::service::{check_recheck, lock_attached, record_recheck};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch};
use crate::platform::ids::{
    BrandId, ChannelId, ContentId, EndorsementId, PlacementId, ProductId, RequestId,
};
use crate::platform::ledger::{Audit, Event};
use crate::platform::text;
use crate::rights::gate::{Ask, Facts, decide};
use crate::rights::{is_live, load_facts};

/// Placements that are read, judged and written at a time.
pub(super) const PAGE: usize = 1_000;

struct Recall {
    viewer: Arc<Viewer>,
    tree: Arc<Tree>,
    content: (ContentKind, ContentId),
    reason: String,
}

/// Recalls a content, for good: it goes out nowhere from this instant on, and each place where it is live is to
/// take it down.
pub(super) async fn withdraw_content(cx: &OpContext, id: &str, reason: &str) -> Result<ContentId> {
    cx.viewer.require(Scope::Write)?;
    let content = input_content(id, "id")?;
    let mut problems = Problems::new();
    let reason = text::required(&mut problems, "reason", reason, text::PROSE);
    problems.check()?;
    let step = Recall {
        viewer: Arc::clone(&cx.viewer),
        tree: channels::tree(cx).await?,
        content,
        reason,
    };
    cx.write(step, |tx, step| {
        Box::pin(async move {
            let target = lock_named(tx, &step.viewer, step.content, "id").await?;
            target.check_not_trashed("id")?;
            if target.withdrawn_at.is_some() {
                let text = "It is withdrawn already.";
                return Err(Error::user(UserErrorCode::ForbiddenTransition, "id", text));
            }
            recall(tx, &target, &step.reason, &step.tree).await?;
            // Not how many places it is live in: whoever reads this may not reach them.
            let changes = json!({
                "withdrawnAt": tx.op.at.to_rfc3339(),
                "reason": step.reason,
            });
            tx.audit(Audit {
                brand: Some(target.brand),
                action: "withdrawContent",
                subject: target.public_id(),
                contents: vec![target.id],
                changes,
            });
            Ok(target.id)
        })
    })
    .await
}

/// Records that somebody looked again: it is still said, or it is not and is recalled with the note as the
/// reason.
pub(super) async fn recheck_endorsement(
    cx: &OpContext,
    id: EndorsementId,
    still_said: bool,
    note: Option<String>,
) -> Result<EndorsementId> {
    cx.viewer.require(Scope::Write)?;
    let note = check_recheck(still_said, note)?;
    let tree = channels::tree(cx).await?;
    let input = (Arc::clone(&cx.viewer), tree, id, still_said, note);
    cx.write(input, |tx, (viewer, tree, id, still_said, note)| {
        Box::pin(async move {
            let target = record_recheck(tx, viewer, *id, *still_said, note.as_deref()).await?;
            if !still_said {
                recall(tx, &target, note.as_deref().unwrap_or_default(), tree).await?;
            }
            Ok(*id)
        })
    })
    .await
}

/// Withdraws a locked content and opens a take-down for each place where it is live, and where an asset of it is
/// that no other endorsement keeps available. The caller audits.
async fn recall(tx: &Tx, target: &Target, reason: &str, tree: &Tree) -> Result<()> {
    let assets = match target.kind {
        ContentKind::Endorsement => lock_attached(tx, target.id).await?,
        ContentKind::Asset => Vec::new(),
    };
    withdraw(tx, target, reason).await?;
    let mut opened = open_all(tx, target, &[target.id], |_| true).await?;
    if !assets.is_empty() {
        let facts = load_facts(&**tx, &assets).await?;
        let mut kept = Kept {
            facts: &facts,
            tree,
            tx,
            known: HashMap::new(),
        };
        opened += open_all(tx, target, &assets, |place| !kept.is_kept(place)).await?;
    }
    if opened > 0 {
        tx.emit(Event {
            brand: Some(target.brand),
            topic: "REQUEST_CREATED",
            subject: public_id(target.kind, target.id),
            payload: json!({ "takeDowns": opened }),
        });
    }
    Ok(())
}

/// A live placement without an open take-down.
#[derive(FromQueryResult)]
struct Live {
    id: PlacementId,
    content_id: ContentId,
    channel_id: ChannelId,
    product_id: Option<ProductId>,
}

/// Whether what an asset is attached to beside the recalled endorsement lets it stay.
struct Kept<'r> {
    facts: &'r HashMap<ContentId, Arc<Facts>>,
    tree: &'r Tree,
    tx: &'r Tx,
    known: HashMap<(ContentId, ChannelId, Option<ProductId>), bool>,
}

impl Kept<'_> {
    fn is_kept(&mut self, place: &Live) -> bool {
        let key = (place.content_id, place.channel_id, place.product_id);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let is_kept = self.ask(place);
        if self.known.len() >= PAGE {
            self.known.clear();
        }
        self.known.insert(key, is_kept);
        is_kept
    }

    fn ask(&self, place: &Live) -> bool {
        let facts = self.facts.get(&place.content_id);
        let channel = self.tree.get(place.channel_id);
        let (Some(facts), Some(channel)) = (facts, channel) else {
            return false;
        };
        let ask = Ask::new(self.tree, channel, self.tx.op.at).for_product(place.product_id);
        let mut others = facts.attached.iter();
        others.any(|endorsement| decide(endorsement, &ask).is_available())
    }
}

/// Opens a take-down for each live placement of these contents that has none and is to go, a page at a time.
async fn open_all(
    tx: &Tx,
    target: &Target,
    contents: &[ContentId],
    mut goes: impl FnMut(&Live) -> bool,
) -> Result<usize> {
    let mut opened = 0;
    let mut last: Option<PlacementId> = None;
    loop {
        let mut sql = Sql::new(
            "SELECT p.id, p.content_id, p.channel_id, p.product_id FROM placements p
             WHERE ",
        )
        .append(is_live("p", tx.op.at))
        .push(" AND p.content_id IN ")
        .list(contents.iter().copied())
        .push(
            " AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.placement_id = p.id AND r.take_down
              AND r.state <> 'DECLINED')",
        );
        if let Some(last) = last {
            sql = sql.push(" AND p.id > ").bind(last);
        }
        let sql = sql
            .push(" ORDER BY p.id LIMIT ")
            .bind(i64::try_from(PAGE).unwrap_or(i64::MAX));
        let page: Vec<Live> = fetch(&**tx, sql).await?;
        let Some(end) = page.last().map(|place| place.id) else {
            return Ok(opened);
        };
        let going: Vec<Place> = page
            .iter()
            .filter(|place| goes(place))
            .map(|place| Place {
                id: place.id,
                recalled: target.id,
                brand: target.brand,
            })
            .collect();
        opened += insert(tx, &going).await?.len();
        if page.len() < PAGE {
            return Ok(opened);
        }
        last = Some(end);
    }
}

/// A placement that is to be taken down, and the recall that asks.
pub(super) struct Place {
    pub id: PlacementId,
    pub recalled: ContentId,
    pub brand: BrandId,
}

#[derive(FromQueryResult)]
struct Opened {
    id: RequestId,
    placement_id: PlacementId,
}

/// Opens take-downs; those that were, by placement: where another write has opened one meanwhile, that one counts.
pub(super) async fn insert(tx: &Tx, places: &[Place]) -> Result<HashMap<PlacementId, RequestId>> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = [
        "id",
        "brand_id",
        "take_down",
        "state",
        "requester_kind",
        "requester_id",
        "content_id",
        "placement_id",
        "created_at",
        "updated_at",
    ];
    let (requester_kind, requester_id) = tx.op.actor.to_columns();
    let rows = places.iter().map(|place| {
        vec![
            tx.id::<RequestId>().into(),
            place.brand.into(),
            true.into(),
            RequestState::Open.name().into(),
            requester_kind.clone().into(),
            requester_id.into(),
            place.recalled.into(),
            place.id.into(),
            tx.op.at.into(),
            tx.op.at.into(),
        ]
    });
    let sql = Sql::insert_all("requests", &columns, rows).push(
        " ON CONFLICT (placement_id) WHERE take_down AND state <> 'DECLINED' DO NOTHING
          RETURNING id, placement_id",
    );
    let opened: Vec<Opened> = fetch(&**tx, sql).await?;
    let opened = opened.into_iter().map(|row| (row.placement_id, row.id));
    Ok(opened.collect())
}
