//! The same change to many contents, each in a write of its own.

use std::sync::Arc;

use async_graphql::{ID, MaybeUndefined};
use serde::{Deserialize, Serialize};

use super::diff::State;
use super::update::{check_merged, finish};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::contents::change::{HeaderChange, set_header};
use crate::contents::labels::{LabelNames, resolve_labels};
use crate::contents::service::{LabelSet, MAX_LABELS, lock, set_labels};
use crate::contents::{ContentKind, Labels, parse_public_id};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::ContentId;
use crate::platform::op::Idempotency;

/// Most contents of one call.
const MAX_CONTENTS: usize = 250;

/// What is to change in all of them. Lists are added to and taken from, not replaced.
#[derive(Clone, Debug, Default)]
pub(crate) struct BulkUpdate {
    pub release_at: MaybeUndefined<Timestamp>,
    pub expire_at: MaybeUndefined<Timestamp>,
    pub add: LabelNames,
    pub remove: LabelNames,
}

impl BulkUpdate {
    /// What of the headers is to change.
    pub(crate) fn header(&self) -> HeaderChange {
        HeaderChange {
            title: None,
            release_at: self.release_at,
            expire_at: self.expire_at,
        }
    }
}

/// What is added to the lists and taken from them, resolved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LabelPlan {
    add: LabelSet,
    remove: LabelSet,
}

/// The change with its names resolved, shared by the writes.
struct Clean {
    viewer: Arc<Viewer>,
    header: HeaderChange,
    labels: LabelPlan,
}

/// Resolves what is to change in so many contents and claims the call's key for it, so that a repeated call
/// does what the first one would have done, whatever the names mean by then. BAD_REQUEST for more than 250
/// contents; a fault of the change itself is told once and nothing is written.
pub(crate) async fn plan_updates(
    cx: OpContext,
    contents: usize,
    update: &BulkUpdate,
) -> Result<LabelPlan> {
    cx.viewer.require(Scope::Write)?;
    if contents > MAX_CONTENTS {
        return Err(Error::BadRequest(format!(
            "`ids` has at most {MAX_CONTENTS} entries."
        )));
    }
    let mut problems = Problems::new();
    let add = resolve_labels(&cx, &update.add, "add", &mut problems).await?;
    let remove = resolve_labels(&cx, &update.remove, "remove", &mut problems).await?;
    problems.check()?;
    cx.write(LabelPlan { add, remove }, |_, plan| {
        let plan = plan.clone();
        Box::pin(async { Ok(plan) })
    })
    .await
}

/// Changes contents as planned, one write each: what became of each, in their order.
pub(crate) async fn update_contents(
    cx: &OpContext,
    ids: &[ID],
    header: HeaderChange,
    labels: LabelPlan,
) -> Result<Vec<Result<ContentId>>> {
    cx.viewer.require(Scope::Write)?;
    let clean = Arc::new(Clean {
        viewer: Arc::clone(&cx.viewer),
        header,
        labels,
    });
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        match one(cx, id, &clean).await {
            // What only an operator can mend ends the call; what is done stays done, and a retry skips it.
            Err(error) if !matches!(error, Error::User(_)) => return Err(error),
            result => results.push(result),
        }
    }
    Ok(results)
}

async fn one(cx: &OpContext, id: &ID, clean: &Arc<Clean>) -> Result<ContentId> {
    let named = parse_public_id(id).ok_or_else(|| Error::not_found("ids"))?;
    // Each write has a key of its own under the call's: a retry repeats only what has not been done.
    let idempotency = cx.op.idempotency.as_ref().map(|whole| Idempotency {
        key: format!("{} {}", whole.key, id.as_str()),
        input_hash: whole.input_hash.clone(),
    });
    let cx = cx.clone().with_idempotency(idempotency);
    cx.write((named, Arc::clone(clean)), |tx, (named, clean)| {
        Box::pin(change(tx, *named, clean))
    })
    .await
}

async fn change(
    tx: &Tx,
    (kind, id): (ContentKind, ContentId),
    update: &Clean,
) -> Result<ContentId> {
    let target = lock(tx, &update.viewer, id, "ids").await?;
    if target.kind != kind {
        return Err(Error::not_found("ids"));
    }
    target.check_not_trashed("ids")?;
    check_merged(&target, &update.header)?;
    let before = State::read(tx, target.id).await?;
    set_header(tx, &target, &update.header).await?;
    let labels = merged(before.labels(), &update.labels.add, &update.labels.remove);
    check_room(&labels)?;
    set_labels(tx, &target, &labels).await?;
    finish(tx, "updateContents", &target, &before).await
}

/// The lists as they shall be; those that nothing is added to or taken from stay.
fn merged(stands: &Labels, add: &LabelSet, remove: &LabelSet) -> LabelSet {
    LabelSet {
        tags: merge(&stands.tags, add.tags.as_ref(), remove.tags.as_ref()),
        markets: merge(
            &stands.markets,
            add.markets.as_ref(),
            remove.markets.as_ref(),
        ),
        channels: merge(
            &stands.channels,
            add.channels.as_ref(),
            remove.channels.as_ref(),
        ),
        audiences: merge(
            &stands.audiences,
            add.audiences.as_ref(),
            remove.audiences.as_ref(),
        ),
        products: merge(
            &stands.products,
            add.products.as_ref(),
            remove.products.as_ref(),
        ),
    }
}

/// What is both added and taken is taken.
fn merge<T: Clone + PartialEq>(
    stands: &[T],
    add: Option<&Vec<T>>,
    remove: Option<&Vec<T>>,
) -> Option<Vec<T>> {
    if add.is_none() && remove.is_none() {
        return None;
    }
    let mut list = stands.to_vec();
    for item in add.into_iter().flatten() {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
    list.retain(|item| !remove.is_some_and(|gone| gone.contains(item)));
    Some(list)
}

fn check_room(labels: &LabelSet) -> Result<()> {
    let len = |n: Option<usize>| n.unwrap_or(0);
    let lists = [
        ("addTags", len(labels.tags.as_ref().map(Vec::len))),
        ("addMarkets", len(labels.markets.as_ref().map(Vec::len))),
        ("addChannels", len(labels.channels.as_ref().map(Vec::len))),
        ("addAudiences", len(labels.audiences.as_ref().map(Vec::len))),
        ("addProducts", len(labels.products.as_ref().map(Vec::len))),
    ];
    let mut problems = Problems::new();
    for (field, _) in lists.iter().filter(|(_, len)| *len > MAX_LABELS) {
        let text = format!("The list would have more than {MAX_LABELS} entries.");
        problems.add(UserErrorCode::QuotaExceeded, field, text);
    }
    problems.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_added_to_and_taken_from() {
        let list = |items: &[i32]| Some(items.to_vec());
        let table = [
            (None, None, None),
            (list(&[3]), None, list(&[1, 2, 3])),
            (list(&[2]), None, list(&[1, 2])),
            (None, list(&[1, 9]), list(&[2])),
            (list(&[3]), list(&[3]), list(&[1, 2])),
        ];
        for (add, remove, expected) in table {
            assert_eq!(
                merge(&[1, 2], add.as_ref(), remove.as_ref()),
                expected,
                "{add:?} {remove:?}"
            );
        }
    }
}
