//! The cells of an endorsement: pure, everything that they hang on in, the states out.

use std::sync::Arc;

use super::model::{Cell, CoverageState, Placed, Win};
use crate::channels::{Channel, Tree};
use crate::placements::PlacementStatus;
use crate::platform::clock::Timestamp;
use crate::platform::ids::ChannelId;
use crate::rights::gate::{Ask, Availability, Hold, HoldReason, decide, lease_start};

/// A channel of the tree as a place where wins could be used.
pub(super) struct Place {
    pub channel: Arc<Channel>,
    /// The question there, without a product.
    pub ask: Ask,
    /// Where the channel above stands among the places.
    pub parent: Option<usize>,
    /// Whether nothing lies under it.
    pub is_leaf: bool,
    /// When what it demands last changed.
    rules_changed: Timestamp,
}

/// All places of a tree at an instant, in the order of its channels, and the order in which parents come
/// after what lies under them.
pub(super) struct Places {
    pub all: Vec<Place>,
    upward: Vec<usize>,
}

impl Places {
    pub(super) fn new(tree: &Tree, at: Timestamp) -> Self {
        let channels = tree.all();
        let index = |id: ChannelId| channels.iter().position(|channel| channel.id == id);
        let all: Vec<Place> = channels
            .iter()
            .map(|channel| {
                let chain = tree.chain(channel.id);
                let changed = chain.iter().map(|above| above.rules_changed_at).max();
                Place {
                    ask: Ask::new(tree, channel, at),
                    parent: channel.parent.and_then(index),
                    is_leaf: tree.children(channel.id).is_empty(),
                    rules_changed: changed.unwrap_or(Timestamp(0)),
                    channel: Arc::clone(channel),
                }
            })
            .collect();
        let mut upward: Vec<usize> = (0..all.len()).collect();
        upward.sort_by_key(|i| std::cmp::Reverse(all.get(*i).map(|place| place.ask.chain.len())));
        Self { all, upward }
    }
}

/// What one place says of an endorsement, apart from what lies under it.
pub(super) struct Found {
    pub cell: Cell,
    /// The state of the place itself.
    pub own: CoverageState,
    /// Why it is in breach, blocked, or not out there though it could be.
    pub holds: Vec<Hold>,
    pub until: Option<Timestamp>,
}

/// An endorsement's cells in the order of the places, what it is placed in that has others under it, and when
/// time alone changes any of that.
pub(super) struct Outcome {
    pub cells: Vec<Cell>,
    pub placed_above: Vec<(usize, CoverageState)>,
    pub until: Option<Timestamp>,
}

pub(super) fn cells(win: &Win, places: &Places, at: Timestamp) -> Outcome {
    let found = found(win, places, at);
    let all = places.all.iter().zip(&found).enumerate();
    let above = all.filter(|(_, (place, found))| !place.is_leaf && found.own.is_placed());
    Outcome {
        placed_above: above.map(|(i, (_, found))| (i, found.own)).collect(),
        until: found.iter().filter_map(|found| found.until).min(),
        cells: found.into_iter().map(|found| found.cell).collect(),
    }
}

/// What is found of an endorsement in each place, in their order. A parent's cell is the first, in the order of
/// the states, among its own and those under it; the rest is what it says itself.
pub(super) fn found(win: &Win, places: &Places, at: Timestamp) -> Vec<Found> {
    let mut found: Vec<Found> = places.all.iter().map(|place| own(win, place, at)).collect();
    for i in &places.upward {
        let parent = places.all.get(*i).and_then(|place| place.parent);
        let child = found.get(*i).map(|found| found.cell);
        if let (Some(parent), Some(child)) = (parent, child)
            && let Some(found) = found.get_mut(parent)
        {
            found.cell = first(found.cell, child);
        }
    }
    found
}

/// The first of two in the order of the states; of two gaps the older one.
fn first(a: Cell, b: Cell) -> Cell {
    match a.state.cmp(&b.state) {
        std::cmp::Ordering::Less => a,
        std::cmp::Ordering::Greater => b,
        std::cmp::Ordering::Equal => Cell {
            since: [a.since, b.since].into_iter().flatten().min(),
            ..a
        },
    }
}

/// What a place itself says of an endorsement.
fn own(win: &Win, place: &Place, at: Timestamp) -> Found {
    let here = || {
        let placed = win.placements.iter();
        placed.filter(|placed| placed.channel == place.channel.id)
    };
    let live: Vec<(&Placed, Availability)> = here()
        .filter(|placed| placed.status(at) == PlacementStatus::Live)
        .map(|placed| {
            let ask = place.ask.clone().for_product(placed.product);
            (placed, decide(&placed.facts, &ask))
        })
        .collect();
    let answer = decide(&win.facts, &place.ask);
    let untils = live.iter();
    let untils = untils.flat_map(|(placed, answer)| [answer.until, placed.ends_after(at)]);
    let waived_until = win.waivers.iter().map(|waiver| waiver.until);
    let waived_until = waived_until.map(|until| until.filter(|until| *until > at));
    let until = untils
        .chain(waived_until)
        .chain([answer.until])
        .flatten()
        .min();
    let found = |state, since, holds| Found {
        cell: Cell { state, since },
        own: state,
        holds,
        until,
    };
    if let Some((_, refused)) = live.iter().find(|(_, answer)| !answer.is_available()) {
        return found(CoverageState::Breach, None, refused.holds.clone());
    }
    if live.iter().any(|(placed, _)| !placed.is_current) {
        return found(CoverageState::Stale, None, Vec::new());
    }
    if !live.is_empty() {
        return found(CoverageState::Live, None, Vec::new());
    }
    if here().any(|placed| placed.status(at) == PlacementStatus::Planned) {
        return found(CoverageState::Planned, None, Vec::new());
    }
    let untagged = |hold: &Hold| hold.reason == HoldReason::NotTagged;
    if !is_sold(win, place) {
        // To tag it would not help.
        let mut holds = answer.holds;
        holds.retain(|hold| !untagged(hold));
        holds.push(not_sold(win));
        return found(CoverageState::Blocked, None, holds);
    }
    if !answer.holds.iter().all(untagged) {
        return found(CoverageState::Blocked, None, answer.holds);
    }
    let waived = win.waivers.iter().any(|waiver| {
        place.ask.chain.contains(&waiver.channel) && waiver.until.is_none_or(|until| at < until)
    });
    if waived {
        return found(CoverageState::Waived, None, answer.holds);
    }
    let since = usable_since(win, place, at);
    found(CoverageState::Gap, Some(since), answer.holds)
}

/// Whether one of its products is sold there. What is about no product is wanted everywhere.
fn is_sold(win: &Win, place: &Place) -> bool {
    let chain = &place.ask.chain;
    let there = |sold: &Vec<ChannelId>| sold.is_empty() || sold.iter().any(|c| chain.contains(c));
    win.sold.is_empty() || win.sold.iter().any(there)
}

fn not_sold(win: &Win) -> Hold {
    Hold {
        reason: HoldReason::ProductMismatch,
        message: "None of its products is sold there.".to_owned(),
        content: win.facts.content.id,
        lease: None,
        findings: Vec::new(),
    }
}

/// Since when it could be used there and was not: the latest of all that it took, as far as it is past.
fn usable_since(win: &Win, place: &Place, at: Timestamp) -> Timestamp {
    let chain = &place.ask.chain;
    let published = win
        .facts
        .content
        .endorsement()
        .map(|e| e.published_on.start());
    let tagged = win.times.tagged.iter();
    let tagged = tagged.filter(|(channel, _)| chain.contains(channel));
    let placed = win.placements.iter();
    let placed = placed.filter(|placed| placed.channel == place.channel.id);
    let waivers = win.waivers.iter();
    let waivers = waivers.filter(|waiver| chain.contains(&waiver.channel));
    let times = [
        published,
        win.times.approved,
        win.times.claims,
        win.times.evidence,
        win.facts.content.release_at,
        tagged.map(|(_, at)| *at).min(),
        lease_start(&win.facts, &place.ask),
        Some(place.rules_changed),
        placed.filter_map(|placed| placed.live_to).max(),
        waivers.filter_map(|waiver| waiver.until).max(),
    ];
    let latest = times.into_iter().flatten().filter(|time| *time <= at).max();
    latest.unwrap_or(at)
}

/// In which places it was ever used, and after how many whole days from when it could first be used anywhere.
pub(super) fn days_to_first_use(win: &Win, places: &Places) -> Vec<(usize, i64)> {
    let Some(detail) = win.facts.content.endorsement() else {
        return Vec::new();
    };
    let published = detail.published_on.start();
    let usable = win.times.approved.map_or(published, |at| at.max(published));
    let first = |place: &Place| {
        let here = win.placements.iter();
        let here = here.filter(|placed| placed.channel == place.channel.id);
        here.filter_map(|placed| placed.live_from).min()
    };
    let places = places.all.iter().enumerate();
    let used = places.filter_map(|(i, place)| Some((i, first(place)?)));
    used.map(|(i, used)| (i, used.0.saturating_sub(usable.0).max(0) / 86_400_000))
        .collect()
}
