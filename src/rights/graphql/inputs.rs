//! What the mutations take.

use async_graphql::{ID, InputObject};

use crate::assets::FileSource;
use crate::graphql::money::MoneyInput;
use crate::graphql::scalars::{CountryCode, DateTime, Url};
use crate::rights::model::{LeaseAccess, Terms};

/// A lease to be recorded, on contents of one brand.
#[derive(InputObject)]
pub(crate) struct CreateLeaseInput {
    /// What it is for.
    pub(super) contents: Vec<ID>,
    /// Whether it gives a right or takes it.
    pub(super) access: LeaseAccess,
    /// Where it holds, each channel with all under it; none: everywhere.
    pub(super) channels: Option<Vec<ID>>,
    /// In which markets it holds; none: in all.
    pub(super) markets: Option<Vec<CountryCode>>,
    /// From when; null: from ever.
    pub(super) starts_at: Option<DateTime>,
    /// Until, but not at; null: for ever.
    pub(super) ends_at: Option<DateTime>,
    /// Who gives the right.
    pub(super) licensor: Option<String>,
    /// The licensor's number or name for it.
    pub(super) reference: Option<String>,
    /// The licence itself.
    pub(super) document: Option<FileSource>,
    /// What it costs.
    pub(super) fee: Option<MoneyInput>,
    /// What it demands; nothing, unless given.
    pub(super) terms: Option<LeaseTermsInput>,
    /// What should be known of it.
    pub(super) notes: Option<String>,
    /// Makes a retry safe.
    pub(super) client_mutation_id: Option<String>,
}

/// What a lease demands; what is absent it does not demand.
#[derive(InputObject, Default)]
pub(crate) struct LeaseTermsInput {
    no_alteration: Option<bool>,
    no_translation: Option<bool>,
    no_excerpt: Option<bool>,
    no_redistribution: Option<bool>,
    product_bound: Option<bool>,
    show_year: Option<bool>,
    disclaimer: Option<String>,
    link_back: Option<Url>,
    creative_approval: Option<bool>,
}

impl From<LeaseTermsInput> for Terms {
    fn from(input: LeaseTermsInput) -> Self {
        Self {
            no_alteration: input.no_alteration.unwrap_or(false),
            no_translation: input.no_translation.unwrap_or(false),
            no_excerpt: input.no_excerpt.unwrap_or(false),
            no_redistribution: input.no_redistribution.unwrap_or(false),
            product_bound: input.product_bound.unwrap_or(false),
            show_year: input.show_year.unwrap_or(false),
            disclaimer: input.disclaimer,
            link_back: input.link_back.map(|url| url.0),
            creative_approval: input.creative_approval.unwrap_or(false),
        }
    }
}

/// A lease to be ended.
#[derive(InputObject)]
pub(crate) struct EndLeaseInput {
    /// Which.
    pub(super) lease: ID,
    /// When; null: now.
    pub(super) at: Option<DateTime>,
    /// Makes a retry safe.
    pub(super) client_mutation_id: Option<String>,
}
