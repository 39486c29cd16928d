//! The demo's story as `story.json` tells it. A key that is not known here is an error, so nothing of the
//! story is passed over unnoticed.

use std::collections::BTreeMap;

use anyhow::Context;
use rust_decimal::Decimal;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

const TEXT: &str = include_str!("story.json");

/// Reads the story that goes with this binary.
pub(super) fn read() -> anyhow::Result<Story> {
    serde_json::from_str(TEXT).context("reading the demo's story")
}

/// The whole story. Keys join its parts; times are days from the moment of seeding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Story {
    #[expect(dead_code, reason = "it speaks to who reads the file")]
    about: String,
    pub(super) brands: Vec<Brand>,
    pub(super) users: Vec<User>,
    pub(super) products: Vec<Product>,
    pub(super) outlets: Vec<Outlet>,
    pub(super) audiences: Vec<Audience>,
    pub(super) channels: Vec<Channel>,
    pub(super) assets: Vec<Asset>,
    pub(super) endorsements: Vec<Endorsement>,
    pub(super) leases: Vec<Lease>,
    pub(super) waivers: Vec<Waiver>,
    pub(super) placements: Vec<Placement>,
    pub(super) usage: Vec<Usage>,
    #[expect(dead_code, reason = "what the story is meant to show is for its test")]
    expect: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Brand {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) color: String,
    /// An asset.
    pub(super) logo: Option<String>,
}

/// Somebody who works for a brand. The API has no users yet: a token with this name stands for each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct User {
    pub(super) key: String,
    pub(super) name: String,
    #[expect(dead_code, reason = "a token has no address")]
    email: String,
    pub(super) roles: Vec<Role>,
    pub(super) brands: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Role {
    Sales,
    Designer,
    Pr,
    Product,
    Approver,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Product {
    pub(super) key: String,
    pub(super) brand: String,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) url: String,
    pub(super) edition: Option<String>,
    /// None: it is sold everywhere.
    pub(super) channels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Outlet {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) domain: String,
    pub(super) tier: Option<i32>,
    pub(super) country: String,
    pub(super) usage_terms: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Audience {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) slug: String,
}

/// Its slug is its key.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Channel {
    pub(super) slug: String,
    name: String,
    kind: String,
    market: Option<String>,
    locale: Option<String>,
    parent: Option<String>,
    template: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Asset {
    pub(super) key: String,
    pub(super) brand: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) locale: Option<String>,
    pub(super) versions: Vec<AssetVersion>,
    pub(super) tags: Vec<String>,
    pub(super) products: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) markets: Vec<String>,
    pub(super) channels: Vec<String>,
    pub(super) alt: Vec<Alt>,
}

/// A file, or the text of a COPY.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AssetVersion {
    pub(super) file: Option<String>,
    pub(super) text: Option<String>,
    pub(super) note: String,
    pub(super) state: State,
    pub(super) author: String,
    pub(super) reviewer: Option<String>,
    pub(super) days_ago: u32,
}

/// How far a version has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum State {
    InReview,
    Approved,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alt {
    locale: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Endorsement {
    pub(super) key: String,
    pub(super) brand: String,
    pub(super) title: String,
    pub(super) outlet: String,
    pub(super) kind: String,
    pub(super) published_on_days_ago: u32,
    pub(super) source_url: Option<String>,
    pub(super) won_by: String,
    pub(super) recheck_every_days: Option<i32>,
    pub(super) wording: Wording,
    pub(super) state: State,
    pub(super) author: String,
    pub(super) reviewer: Option<String>,
    pub(super) days_ago: u32,
    pub(super) claims: Vec<Claim>,
    pub(super) assets: Vec<String>,
    pub(super) evidence: Evidence,
    pub(super) tags: Vec<String>,
    pub(super) products: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) markets: Vec<String>,
    pub(super) channels: Vec<String>,
    pub(super) release_in_days: Option<i32>,
    pub(super) expire_in_days: Option<i32>,
}

/// As the API's `WordingInput`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Wording {
    statements: Vec<Statement>,
    byline: Option<String>,
    rank: Option<i32>,
    rating: Option<String>,
    rating_scale: Option<String>,
    rating_count: Option<i32>,
    material_connection: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Statement {
    locale: String,
    is_original: bool,
    headline: String,
    quote: Option<String>,
    award: Option<String>,
    disclosure: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Claim {
    pub(super) text: String,
    pub(super) product: String,
    /// PROPOSED, or what was decided.
    pub(super) state: String,
    pub(super) decided_by: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Evidence {
    pub(super) file: String,
    pub(super) note: String,
}

/// A gap that is left on purpose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Waiver {
    pub(super) endorsement: String,
    pub(super) channel: String,
    pub(super) reason: String,
    pub(super) until_in_days: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Lease {
    pub(super) key: String,
    pub(super) contents: Vec<String>,
    pub(super) access: String,
    pub(super) channels: Vec<String>,
    pub(super) markets: Vec<String>,
    pub(super) starts_in_days: i32,
    pub(super) ends_in_days: Option<i32>,
    pub(super) licensor: String,
    pub(super) reference: String,
    pub(super) fee: Option<Money>,
    /// As the API's `LeaseTermsInput`.
    pub(super) terms: BTreeMap<String, Json>,
    pub(super) notes: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Money {
    pub(super) amount: Decimal,
    pub(super) currency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Placement {
    pub(super) key: String,
    pub(super) content: String,
    /// The version's number, from 1.
    pub(super) version: usize,
    pub(super) channel: String,
    pub(super) product: String,
    pub(super) audience: Option<String>,
    pub(super) location: String,
    pub(super) url: Option<String>,
    pub(super) status: String,
    /// Since when it is live; a planned one was written down yesterday.
    pub(super) days_ago: Option<u32>,
    pub(super) planned_in_days: Option<i32>,
}

/// What was counted at a placement on each of the last days.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) placement: String,
    pub(super) kind: String,
    pub(super) per_day: u32,
    pub(super) days: u32,
    /// Of each one.
    pub(super) value: Option<Money>,
}
