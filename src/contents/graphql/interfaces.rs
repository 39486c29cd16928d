//! The interfaces `Content` and `Version`, as the schema prints them.

use async_graphql::{ID, Interface};

use super::{Content, Version};
use crate::accounts::graphql::Actor;
use crate::assets::graphql::{Asset, AssetVersion};
use crate::audit::graphql::AuditEntry;
use crate::catalog::graphql::{Audience, Brand, Product};
use crate::channels::graphql::Channel;
use crate::contents::{ContentStatus, VersionState};
use crate::endorsements::graphql::{Endorsement, EndorsementVersion};
use crate::graphql::connection::Connection;
use crate::graphql::interface::interface_methods;
use crate::graphql::scalars::{CountryCode, DateTime, Locale};
use crate::placements::PlacementStatus;
use crate::placements::graphql::Placement;
use crate::requests::graphql::TakeDowns;
use crate::reviews::graphql::Review;
use crate::rights::graphql::{Availability, Lease};
use crate::usage::graphql::{DateRange, UsageTotals};

/// Anything that is reviewed, licensed, tagged to channels, placed and measured: an asset or an endorsement.
#[derive(Interface)]
#[graphql(
    name = "Content",
    field(name = "id", method = "i_id", ty = "ID", desc = "The content's id."),
    field(
        name = "brand",
        method = "i_brand",
        ty = "Brand",
        desc = "Whose it is."
    ),
    field(
        name = "title",
        method = "i_title",
        ty = "String",
        desc = "What it is called inside the house."
    ),
    field(
        name = "tags",
        method = "i_tags",
        ty = "Vec<String>",
        desc = "Free words, folded."
    ),
    field(
        name = "markets",
        method = "i_markets",
        ty = "Vec<CountryCode>",
        desc = "Where it may go; empty: every market."
    ),
    field(
        name = "products",
        method = "i_products",
        ty = "Vec<Product>",
        desc = "The products it is about."
    ),
    field(
        name = "channels",
        method = "i_channels",
        ty = "Vec<Channel>",
        desc = "Channel tags: where it is meant to be used."
    ),
    field(
        name = "audiences",
        method = "i_audiences",
        ty = "Vec<Audience>",
        desc = "To whom it speaks; empty: everyone."
    ),
    field(
        name = "status",
        method = "i_status",
        ty = "ContentStatus",
        desc = "Where it stands now; derived, never stored."
    ),
    field(
        name = "version",
        method = "i_version",
        ty = "Option<Version>",
        desc = "The current version: the approved one with the highest number."
    ),
    field(
        name = "latestVersion",
        method = "i_latest_version",
        ty = "Version",
        desc = "The version with the highest number."
    ),
    field(
        name = "leases",
        method = "i_leases",
        ty = "Vec<Lease>",
        desc = "The rights and bars on it, the oldest first."
    ),
    field(
        name = "availability",
        method = "i_availability",
        ty = "Availability",
        desc = "The one answer to \"may this go out here, now?\". `at` asks about another instant, with today's facts.",
        arg(name = "channel", ty = "ID"),
        arg(name = "market", ty = "Option<CountryCode>"),
        arg(name = "locale", ty = "Option<Locale>"),
        arg(name = "product", ty = "Option<ID>"),
        arg(name = "at", ty = "Option<DateTime>")
    ),
    field(
        name = "releaseAt",
        method = "i_release_at",
        ty = "Option<DateTime>",
        desc = "Embargo: not before."
    ),
    field(
        name = "expireAt",
        method = "i_expire_at",
        ty = "Option<DateTime>",
        desc = "Not at or after."
    ),
    field(
        name = "versions",
        method = "i_versions",
        ty = "Connection<Version>",
        desc = "All its versions, the newest first.",
        arg(name = "first", ty = "Option<i32>"),
        arg(name = "after", ty = "Option<String>"),
        arg(name = "last", ty = "Option<i32>"),
        arg(name = "before", ty = "Option<String>")
    ),
    field(
        name = "placements",
        method = "i_placements",
        ty = "Connection<Placement>",
        desc = "Where it is shown, was and shall be; the newest placement first.",
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "At most this many: 0 to 100, 20 unless given."
        ),
        arg(
            name = "after",
            ty = "Option<String>",
            desc = "The cursor of the last row read."
        ),
        arg(
            name = "status",
            ty = "Option<Vec<PlacementStatus>>",
            desc = "In these alone; none: in any."
        )
    ),
    field(
        name = "beaconKey",
        method = "i_beacon_key",
        ty = "Option<String>",
        desc = "For pages that pull: what a page that shows it sends with what it counts. Null while it may not go out there.",
        arg(name = "channel", ty = "ID", desc = "The channel, by its id or slug."),
        arg(
            name = "product",
            ty = "Option<ID>",
            desc = "The product beside which it is shown, by its id or SKU."
        )
    ),
    field(
        name = "usage",
        method = "i_usage",
        ty = "UsageTotals",
        desc = "What was counted where it is shown; an endorsement's includes that of its assets, each event once.",
        arg(
            name = "range",
            ty = "Option<DateRange>",
            desc = "The days that count; none: all of them."
        )
    ),
    field(
        name = "takeDowns",
        method = "i_take_downs",
        ty = "TakeDowns",
        desc = "How far it has come with taking down what was recalled: where it is live itself, and where its assets are."
    ),
    field(
        name = "revision",
        method = "i_revision",
        ty = "i32",
        desc = "The optimistic lock: send back the one you read."
    ),
    field(
        name = "createdAt",
        method = "i_created_at",
        ty = "DateTime",
        desc = "When it was made."
    ),
    field(
        name = "createdBy",
        method = "i_created_by",
        ty = "Actor",
        desc = "Who made it."
    ),
    field(
        name = "history",
        method = "i_history",
        ty = "Connection<AuditEntry>",
        desc = "What was done to it, the newest first.",
        arg(name = "first", ty = "Option<i32>"),
        arg(name = "after", ty = "Option<String>")
    ),
    field(
        name = "updatedAt",
        method = "i_updated_at",
        ty = "DateTime",
        desc = "When it was last changed."
    )
)]
pub(super) enum ContentInterface {
    Asset(Asset),
    Endorsement(Endorsement),
}

/// One state of a content: the unit of review, rendition and placement. Immutable but for its state.
#[derive(Interface)]
#[graphql(
    name = "Version",
    field(name = "id", method = "i_id", ty = "ID", desc = "The version's id."),
    field(
        name = "content",
        method = "i_content",
        ty = "Content",
        desc = "What it is a version of."
    ),
    field(
        name = "number",
        method = "i_number",
        ty = "i32",
        desc = "1, 2, 3 … per content, without a hole."
    ),
    field(
        name = "state",
        method = "i_state",
        ty = "VersionState",
        desc = "Where it stands in its review."
    ),
    field(
        name = "note",
        method = "i_note",
        ty = "Option<String>",
        desc = "What its author says of it."
    ),
    field(
        name = "author",
        method = "i_author",
        ty = "Actor",
        desc = "Who made it."
    ),
    field(
        name = "reviews",
        method = "i_reviews",
        ty = "Vec<Review>",
        desc = "What reviewers made of it, the oldest first."
    ),
    field(
        name = "createdAt",
        method = "i_created_at",
        ty = "DateTime",
        desc = "When it was made."
    )
)]
pub(super) enum VersionInterface {
    AssetVersion(AssetVersion),
    EndorsementVersion(EndorsementVersion),
}

macro_rules! content_interface {
    ($($object:ty),*) => {$(
        interface_methods! { $object {
            i_id() -> ID;
            i_brand() -> Brand;
            i_title() -> String;
            i_tags() -> Vec<String>;
            i_markets() -> Vec<CountryCode>;
            i_products() -> Vec<Product>;
            i_channels() -> Vec<Channel>;
            i_audiences() -> Vec<Audience>;
            i_status() -> ContentStatus;
            i_version() -> Option<Version>;
            i_latest_version() -> Version;
            i_leases() -> Vec<Lease>;
            i_availability(
                channel: ID, market: Option<CountryCode>, locale: Option<Locale>, product: Option<ID>,
                at: Option<DateTime>
            ) -> Availability;
            i_take_downs() -> TakeDowns;
            i_release_at() -> Option<DateTime>;
            i_expire_at() -> Option<DateTime>;
            i_versions(
                first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>
            ) -> Connection<Version>;
            i_placements(first: Option<i32>, after: Option<String>, status: Option<Vec<PlacementStatus>>) -> Connection<Placement>;
            i_beacon_key(channel: ID, product: Option<ID>) -> Option<String>;
            i_usage(range: Option<DateRange>) -> UsageTotals;
            i_revision() -> i32;
            i_created_at() -> DateTime;
            i_created_by() -> Actor;
            i_history(first: Option<i32>, after: Option<String>) -> Connection<AuditEntry>;
            i_updated_at() -> DateTime;
        } }
    )*};
}
content_interface!(Asset, Endorsement);

macro_rules! version_interface {
    ($($object:ty),*) => {$(
        interface_methods! { $object {
            i_id() -> ID;
            i_content() -> Content;
            i_number() -> i32;
            i_state() -> VersionState;
            i_note() -> Option<String>;
            i_reviews() -> Vec<Review>;
            i_author() -> Actor;
            i_created_at() -> DateTime;
        } }
    )*};
}
version_interface!(AssetVersion, EndorsementVersion);
