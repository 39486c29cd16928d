//! What a sync changes: decided from what was sent and what is known, without a statement.

use std::collections::HashSet;
use std::sync::Arc;

use super::store::{Content, Known};
use super::{Item, NO_CONTENT, NO_PRODUCT, NO_VERSION, Rejection, Whole};
use crate::contents::VersionState;
use crate::placements::model::{Placement, PlacementStatus};
use crate::platform::db::Tx;
use crate::platform::ids::VersionId;

/// What is to be written.
pub(super) struct Plan {
    /// New placements, with their keys.
    pub added: Vec<(String, Placement)>,
    /// Placements that go on with something changed, as they are from now on.
    pub changed: Vec<Placement>,
    /// How many go on, changed or not.
    pub kept: usize,
    pub retired: Vec<Arc<Placement>>,
    pub rejected: Vec<Rejection>,
}

/// Decides. `refused`: keys that came with a fault.
pub(super) fn plan(tx: &Tx, whole: &Whole, known: &Known, refused: &HashSet<&str>) -> Plan {
    let mut plan = Plan {
        added: Vec::new(),
        changed: Vec::new(),
        kept: 0,
        retired: Vec::new(),
        rejected: Vec::new(),
    };
    let mut there: HashSet<&str> = refused.clone();
    for item in &whole.items {
        there.insert(&item.key);
        let before = known.placed.get(&item.key);
        match placement(tx, whole, known, item, before) {
            Err(reason) => plan.rejected.push(Rejection::new(&item.key, reason)),
            Ok(placement) => match before {
                Some(before) if before.id == placement.id => {
                    plan.kept += 1;
                    if **before != placement {
                        plan.changed.push(placement);
                    }
                }
                before => {
                    plan.retired.extend(before.cloned());
                    plan.added.push((item.key.clone(), placement));
                }
            },
        }
    }
    let missing = known.placed.iter();
    let missing = missing.filter(|(key, _)| !there.contains(key.as_str()));
    plan.retired
        .extend(missing.map(|(_, placement)| Arc::clone(placement)));
    // In one order, whoever takes them.
    plan.retired.sort_unstable_by_key(|placement| placement.id);
    plan
}

/// The placement of an item as it shall be: the one that its key names already, if that shows the same beside
/// the same product, else a new one. What was counted at a placement stays true.
fn placement(
    tx: &Tx,
    whole: &Whole,
    known: &Known,
    item: &Item,
    before: Option<&Arc<Placement>>,
) -> Result<Placement, &'static str> {
    let content = known.contents.get(&item.content);
    let content = content
        .filter(|content| content.kind == item.kind)
        .ok_or(NO_CONTENT)?;
    if content.is_trashed {
        return Err("It is in the trash. Restore it, or take it down.");
    }
    if let Some(product) = item.product {
        let brand = known.products.get(&product);
        if brand != Some(&content.brand) {
            return Err(NO_PRODUCT);
        }
    }
    let named = match item.version {
        Some(version) => Some(shown(content, version)?),
        None => None,
    };
    if let Some(before) = before
        && before.content == item.content
        && before.product == item.product
    {
        return Ok(Placement {
            version: named.unwrap_or(before.version),
            location: item.location.clone(),
            url: item.url.clone(),
            live_from: item.live_from.or(before.live_from),
            ..Placement::clone(before)
        });
    }
    let newest = || {
        let approved = content.current.or(content.withdrawn);
        approved.ok_or("It has no approved version.")
    };
    Ok(Placement {
        id: tx.id(),
        content: item.content,
        version: named.map_or_else(newest, Ok)?,
        channel: whole.place.channel,
        product: item.product,
        audience: None,
        location: item.location.clone(),
        url: item.url.clone(),
        status: PlacementStatus::Live,
        planned_for: None,
        live_from: Some(item.live_from.unwrap_or(tx.op.at)),
        live_to: None,
        current: content.current,
    })
}

/// The version that is said to be shown: one that was approved once.
fn shown(content: &Content, version: VersionId) -> Result<VersionId, &'static str> {
    match content.named.get(&version) {
        None => Err(NO_VERSION),
        Some(VersionState::Approved | VersionState::Withdrawn) => Ok(version),
        Some(_) => Err("This version was never approved."),
    }
}
