//! What a list may be narrowed to.

use async_graphql::{ID, InputObject};

use crate::contents::{AssetKind, ContentStatus, EndorsementKind, VersionState};
use crate::graphql::scalars::{CountryCode, DateTime};
use crate::library::filter::Filter;
use crate::rights::gate::HoldReason;

/// Filters on a connection: each list is any-of, the fields together are all-of. An empty list matches
/// nothing, and so does an id that you cannot see.
#[derive(InputObject, Clone, Debug, Default)]
pub(crate) struct ContentFilter {
    /// These and no others.
    ids: Option<Vec<ID>>,
    /// Of this brand.
    brand: Option<ID>,
    /// Standing like this now. What is in the trash is listed only if TRASHED is asked for.
    status: Option<Vec<ContentStatus>>,
    /// Assets of these kinds.
    asset_kind: Option<Vec<AssetKind>>,
    /// Endorsements of these kinds.
    endorsement_kind: Option<Vec<EndorsementKind>>,
    /// With any of these tags.
    tags: Option<Vec<String>>,
    /// For any of these products.
    product: Option<Vec<ID>>,
    /// Meant for any of these channels: tagged to it or to one above it.
    channel: Option<Vec<ID>>,
    /// For any of these audiences by name; what is for everyone is not among them.
    audience: Option<Vec<ID>>,
    /// For any of these markets by name; what is for every market is not among them.
    market: Option<Vec<CountryCode>>,
    /// Said by any of these outlets.
    outlet: Option<Vec<ID>>,
    /// What the gate lets out in this channel now.
    available_in: Option<ID>,
    /// With a version in any of these states.
    version_state: Option<Vec<VersionState>>,
    /// Made after this instant.
    created_after: Option<DateTime>,
    /// Made before this instant.
    created_before: Option<DateTime>,
    /// True: live nowhere that you reach. False: live somewhere there.
    unused: Option<bool>,
    /// Held for any of these reasons; reasons that need a channel to know find nothing.
    holds: Option<Vec<HoldReason>>,
}

impl From<ContentFilter> for Filter {
    fn from(input: ContentFilter) -> Self {
        Self {
            ids: input.ids,
            brand: input.brand,
            status: input.status,
            asset_kind: input.asset_kind,
            endorsement_kind: input.endorsement_kind,
            tags: input.tags,
            product: input.product,
            channel: input.channel,
            audience: input.audience,
            market: input
                .market
                .map(|list| list.into_iter().map(|m| m.0).collect()),
            outlet: input.outlet,
            available_in: input.available_in,
            version_state: input.version_state,
            created_after: input.created_after.map(|at| at.0),
            created_before: input.created_before.map(|at| at.0),
            unused: input.unused,
            holds: input.holds,
        }
    }
}
