//! Placements and their state machine.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::platform::clock::{Day, Timestamp};
use crate::platform::ids::{AudienceId, ChannelId, ContentId, PlacementId, ProductId, VersionId};

/// Where a placement stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlacementStatus {
    /// Meant to be shown.
    Planned,
    /// Shown now.
    Live,
    /// No longer shown, or never to be.
    Retired,
}

impl PlacementStatus {
    /// As the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "PLANNED",
            Self::Live => "LIVE",
            Self::Retired => "RETIRED",
        }
    }

    /// Whether a placement may go from here to `next`; staying is no step and always allowed.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self == next
            || matches!(
                (self, next),
                (Self::Planned, Self::Live | Self::Retired) | (Self::Live, Self::Retired)
            )
    }
}

/// A version of a content at a location in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub id: PlacementId,
    pub content: ContentId,
    pub version: VersionId,
    pub channel: ChannelId,
    pub product: Option<ProductId>,
    pub audience: Option<AudienceId>,
    /// A page's address, an ASIN and image slot, a deck's name.
    pub location: String,
    pub url: Option<String>,
    pub status: PlacementStatus,
    pub planned_for: Option<Day>,
    pub live_from: Option<Timestamp>,
    /// When it stopped being live. Of one that a page has opened: when nobody had seen it for long enough.
    pub live_to: Option<Timestamp>,
    /// The content's current version, when the placement was read.
    pub current: Option<VersionId>,
}

impl Placement {
    /// Live with another version than the content's current one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.status == PlacementStatus::Live && self.current != Some(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::PlacementStatus::{Live, Planned, Retired};

    #[test]
    fn a_placement_never_goes_back() {
        let steps = [(Planned, Live), (Planned, Retired), (Live, Retired)];
        for from in [Planned, Live, Retired] {
            for to in [Planned, Live, Retired] {
                let allowed = from == to || steps.contains(&(from, to));
                assert_eq!(from.may_become(to), allowed, "{from:?} to {to:?}");
            }
        }
    }
}
