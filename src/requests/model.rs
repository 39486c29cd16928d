//! Requests and their state machine.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::platform::clock::{Day, Timestamp};
use crate::platform::ids::{
    BrandId, ChannelId, ContentId, PlacementId, ProductId, RequestId, TokenId, VersionId,
};
use crate::platform::op::Actor;

/// Where a request stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RequestState {
    /// Asked, and nobody has taken it on.
    Open,
    /// Taken on.
    Accepted,
    /// There is something to look at. Back to ACCEPTED if it is not what was asked for.
    Delivered,
    /// It is what was asked for; of a take-down: its placement is retired.
    Done,
    /// It will not be done.
    Declined,
}

impl RequestState {
    /// As the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Accepted => "ACCEPTED",
            Self::Delivered => "DELIVERED",
            Self::Done => "DONE",
            Self::Declined => "DECLINED",
        }
    }

    /// Whether nothing more comes of it.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Declined)
    }

    /// Whether people may take a request from here to `next`; staying is no step and always allowed.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use RequestState::{Accepted, Declined, Delivered, Done, Open};
        self == next
            || matches!(
                (self, next),
                (Open, Accepted | Declined)
                    | (Accepted, Delivered | Declined)
                    | (Delivered, Done | Accepted)
            )
    }
}

/// What one asks of another, as it stands when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: RequestId,
    /// None: of no brand, for those who reach all.
    pub brand: Option<BrandId>,
    /// Whether it asks to take down what was recalled.
    pub take_down: bool,
    pub title: String,
    pub body: Option<String>,
    pub state: RequestState,
    pub requester: Actor,
    pub assignee: Option<TokenId>,
    pub due_on: Option<Day>,
    pub content: Option<ContentId>,
    pub placement: Option<PlacementId>,
    /// Of the placement, what is shown there.
    pub placed: Option<ContentId>,
    /// And which version of it.
    pub placed_version: Option<VersionId>,
    pub channel: Option<ChannelId>,
    pub product: Option<ProductId>,
    pub locale: Option<String>,
    pub fulfilled_by: Option<VersionId>,
    pub created_at: Timestamp,
}

impl Request {
    /// What is shown at its placement.
    #[must_use]
    pub fn shown(&self) -> Option<(ContentId, VersionId)> {
        self.placed.zip(self.placed_version)
    }
}

/// How far the take-downs of a content have come. Those that were declined count for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakeDowns {
    pub total: i64,
    pub done: i64,
}

#[cfg(test)]
mod tests {
    use super::RequestState::{Accepted, Declined, Delivered, Done, Open};

    #[test]
    fn a_request_goes_only_the_ways_there_are() {
        let steps = [
            (Open, Accepted),
            (Open, Declined),
            (Accepted, Delivered),
            (Accepted, Declined),
            (Delivered, Done),
            (Delivered, Accepted),
        ];
        let all = [Open, Accepted, Delivered, Done, Declined];
        for from in all {
            for to in all {
                let allowed = from == to || steps.contains(&(from, to));
                assert_eq!(from.may_become(to), allowed, "{from:?} to {to:?}");
            }
        }
    }
}
