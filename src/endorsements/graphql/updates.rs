//! The inputs that change contents, one or many.

use async_graphql::{ID, InputObject, MaybeUndefined};

use super::inputs::{ClaimInput, markets};
use crate::assets::Alt;
use crate::assets::graphql::AltInput;
use crate::contents::labels::LabelNames;
use crate::endorsements::service::{BulkUpdate, ContentUpdate, NewClaim};
use crate::graphql::scalars::{CountryCode, Date, DateTime, Locale, Url};

/// A point of a picture, in fractions of its width and height from the upper left corner.
#[derive(InputObject)]
pub(super) struct PointInput {
    /// 0 is the left edge, 1 the right.
    x: f64,
    /// 0 is the upper edge, 1 the lower.
    y: f64,
}

/// A change of a content. What is absent stays as it is; null clears it; a list is the whole list.
#[derive(InputObject)]
pub(super) struct UpdateContentInput {
    /// An asset or an endorsement.
    pub(super) id: ID,
    /// The revision that you have read; CONFLICT if someone was faster.
    pub(super) revision: i32,
    /// At most 300 characters.
    title: MaybeUndefined<String>,
    /// What it shows; an asset's only.
    description: MaybeUndefined<String>,
    /// Free words, at most 250.
    tags: MaybeUndefined<Vec<String>>,
    /// The products it is about: ids or SKUs.
    products: MaybeUndefined<Vec<ID>>,
    /// Where it is meant to be used: ids or slugs. Channels that you do not reach stay.
    channels: MaybeUndefined<Vec<ID>>,
    /// Where it may go; empty: everywhere.
    markets: MaybeUndefined<Vec<CountryCode>>,
    /// Whom it is for: ids or slugs; empty: everyone.
    audiences: MaybeUndefined<Vec<ID>>,
    /// Embargo: not before.
    release_at: MaybeUndefined<DateTime>,
    /// Not at or after.
    expire_at: MaybeUndefined<DateTime>,
    /// Assets of the same brand to show with it, in this order; an endorsement's only.
    assets: MaybeUndefined<Vec<ID>>,
    /// Alternative texts by language; an asset's only.
    alt: MaybeUndefined<Vec<AltInput>>,
    /// What is kept in view when a preset crops; an asset's only.
    focal_point: MaybeUndefined<PointInput>,
    /// The language of the words in it; an asset's only.
    locale: MaybeUndefined<Locale>,
    /// Where it was said; an endorsement's only.
    source_url: MaybeUndefined<Url>,
    /// The day on which it was said; an endorsement's only.
    published_on: MaybeUndefined<Date>,
    /// Whose work it was: an access token's id; an endorsement's only.
    won_by: MaybeUndefined<ID>,
    /// After how many days somebody must look again, 1 to 3,650; an endorsement's only.
    recheck_every_days: MaybeUndefined<i32>,
    /// The selling points that it backs; one with the same text and product keeps its decision. An
    /// endorsement's only.
    claims: MaybeUndefined<Vec<ClaimInput>>,
    client_mutation_id: Option<String>,
}

/// The same change of many contents. What is absent stays as it is; null clears a time.
#[derive(InputObject)]
pub(super) struct UpdateContentsInput {
    /// Assets and endorsements, at most 250.
    pub(super) ids: Vec<ID>,
    /// Embargo: not before.
    release_at: MaybeUndefined<DateTime>,
    /// Not at or after.
    expire_at: MaybeUndefined<DateTime>,
    /// Markets to be added. A content without markets goes everywhere; this narrows it.
    add_markets: Option<Vec<CountryCode>>,
    /// Markets to be taken out. A content that is left without any goes everywhere.
    remove_markets: Option<Vec<CountryCode>>,
    /// Audiences to be added: ids or slugs.
    add_audiences: Option<Vec<ID>>,
    /// Audiences to be taken out: ids or slugs.
    remove_audiences: Option<Vec<ID>>,
    /// Tags to be added.
    add_tags: Option<Vec<String>>,
    /// Tags to be taken out.
    remove_tags: Option<Vec<String>>,
    /// Channels to be added: ids or slugs.
    add_channels: Option<Vec<ID>>,
    /// Channels to be taken out: ids or slugs.
    remove_channels: Option<Vec<ID>>,
    /// Products to be added: ids or SKUs.
    add_products: Option<Vec<ID>>,
    /// Products to be taken out: ids or SKUs.
    remove_products: Option<Vec<ID>>,
    client_mutation_id: Option<String>,
}

impl From<UpdateContentsInput> for BulkUpdate {
    fn from(input: UpdateContentsInput) -> Self {
        Self {
            release_at: input.release_at.map_value(|t| t.0),
            expire_at: input.expire_at.map_value(|t| t.0),
            add: LabelNames {
                tags: input.add_tags,
                products: input.add_products,
                channels: input.add_channels,
                markets: markets(input.add_markets),
                audiences: input.add_audiences,
            },
            remove: LabelNames {
                tags: input.remove_tags,
                products: input.remove_products,
                channels: input.remove_channels,
                markets: markets(input.remove_markets),
                audiences: input.remove_audiences,
            },
        }
    }
}

/// A list that is absent stays, null clears it.
fn list<T, U>(given: MaybeUndefined<Vec<T>>, each: impl Fn(T) -> U) -> Option<Vec<U>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(Vec::new()),
        MaybeUndefined::Value(items) => Some(items.into_iter().map(each).collect()),
    }
}

impl From<UpdateContentInput> for ContentUpdate {
    fn from(input: UpdateContentInput) -> Self {
        Self {
            title: input.title,
            labels: LabelNames {
                tags: list(input.tags, |t| t),
                products: list(input.products, |p| p),
                channels: list(input.channels, |c| c),
                markets: list(input.markets, |m| m.0),
                audiences: list(input.audiences, |a| a),
            },
            release_at: input.release_at.map_value(|t| t.0),
            expire_at: input.expire_at.map_value(|t| t.0),
            description: input.description,
            alt: list(input.alt, Alt::from),
            focal_point: input.focal_point.map_value(|p| (p.x, p.y)),
            locale: input.locale.map_value(|l| l.0),
            source_url: input.source_url.map_value(|u| u.0),
            published_on: input.published_on.map_value(|d| d.0),
            won_by: input.won_by,
            recheck_every_days: input.recheck_every_days,
            claims: list(input.claims, NewClaim::from),
            assets: list(input.assets, |a| a),
        }
    }
}
