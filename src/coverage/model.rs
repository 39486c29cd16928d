//! Cells and rows.

use std::sync::Arc;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::placements::PlacementStatus;
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, ContentId, PlacementId, ProductId};
use crate::rights::gate::Facts;

/// How an endorsement stands in a place: the first of these that fits.
#[derive(
    Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CoverageState {
    /// Live, though the placed version may not be shown there.
    Breach,
    /// Live with another version than the current one.
    Stale,
    /// Live.
    Live,
    /// Meant to be shown.
    Planned,
    /// It could be used; somebody decided not to.
    Waived,
    /// It could be used, or could be were it tagged, and is not: waste.
    Gap,
    /// It may not be used, or the product is not sold there.
    Blocked,
}

impl CoverageState {
    /// Whether it is there, or meant to be.
    pub(super) fn is_placed(self) -> bool {
        matches!(
            self,
            Self::Breach | Self::Stale | Self::Live | Self::Planned
        )
    }
}

/// An endorsement in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub state: CoverageState,
    /// Of a gap: since when it could be used there.
    pub since: Option<Timestamp>,
}

/// What a row's cells were worked out of, but for the clock: while it stands, so do they.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Of the endorsement.
    pub stamp: i64,
    /// How often its placements, its assets and theirs have changed (migration 22).
    pub used: i64,
    /// The channel tree's revision.
    pub tree: i64,
}

/// An endorsement's cells, in the order of the channels of the tree.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub endorsement: ContentId,
    pub key: Key,
    /// When it was worked out, and when time alone changes it.
    pub at: Timestamp,
    pub until: Option<Timestamp>,
    pub cells: Box<[Cell]>,
    /// 1 is the best known; none counts as 4.
    pub tier: Option<i32>,
    /// The states of channels that others lie under, where it is placed in those themselves.
    pub placed_above: Box<[(usize, CoverageState)]>,
    /// Where it was ever used, by the channel's place among the cells: whole days from when it could first be.
    pub days_to_first_use: Box<[(usize, i64)]>,
}

impl Row {
    /// Whether it is good at an instant, under a key that has just been read.
    pub(super) fn is_good(&self, key: Key, at: Timestamp) -> bool {
        self.key == key && self.at <= at && self.until.is_none_or(|until| at < until)
    }

    /// About how many bytes it takes up.
    pub(super) fn weight(&self) -> usize {
        let above = size_of_val(&*self.placed_above);
        size_of::<Self>()
            + size_of_val(&*self.cells)
            + above
            + size_of_val(&*self.days_to_first_use)
            + 96
    }
}

/// Everything that an endorsement's cells hang on.
#[derive(Clone, Debug)]
pub(super) struct Win {
    pub facts: Arc<Facts>,
    /// Its own and those of its assets.
    pub placements: Vec<Placed>,
    pub waivers: Vec<Waiver>,
    /// For each of its products the channels that it is sold in; empty: everywhere.
    pub sold: Vec<Vec<ChannelId>>,
    pub times: Times,
}

/// A placement, and what the gate is asked about it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub id: PlacementId,
    pub channel: ChannelId,
    pub product: Option<ProductId>,
    pub status: PlacementStatus,
    pub live_from: Option<Timestamp>,
    /// Its end, which may be ahead: a page that is not seen any more ends what it has opened.
    pub live_to: Option<Timestamp>,
    /// Whether the placed version is the content's current one.
    pub is_current: bool,
    /// Of the content as it would be if the placed version were its current one.
    pub facts: Arc<Facts>,
}

impl Placed {
    /// What it is at an instant.
    pub fn status(&self, at: Timestamp) -> PlacementStatus {
        if self.live_to.is_some_and(|end| end <= at) {
            PlacementStatus::Retired
        } else {
            self.status
        }
    }

    /// When time alone ends it after an instant.
    pub fn ends_after(&self, at: Timestamp) -> Option<Timestamp> {
        let live = self.status == PlacementStatus::Live;
        self.live_to.filter(|end| live && *end > at)
    }
}

/// Somebody decided not to use it there, nor in what lies under it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiver {
    pub channel: ChannelId,
    /// None: for good.
    pub until: Option<Timestamp>,
}

/// When what makes it usable came about.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// Approval of the oldest version that still is approved.
    pub approved: Option<Timestamp>,
    /// The last decision on a claim.
    pub claims: Option<Timestamp>,
    /// The first proof that still stands.
    pub evidence: Option<Timestamp>,
    /// When it was tagged to each of its channels.
    pub tagged: Vec<(ChannelId, Timestamp)>,
}
