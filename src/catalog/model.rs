//! The catalogue's things.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::platform::ids::{AssetId, AudienceId, BrandId, OutletId, ProductId};

/// A brand: the wall within which everything else stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    pub id: BrandId,
    pub name: String,
    pub slug: String,
    pub color: Option<String>,
    pub logo: Option<AssetId>,
}

/// Something that a brand sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub id: ProductId,
    pub brand: BrandId,
    pub sku: String,
    pub name: String,
    /// What it is sorted by.
    pub name_key: String,
    pub category: Option<String>,
    pub url: Option<String>,
    pub edition: Option<String>,
}

/// Someone who says something of a product: a paper, a creator, an award's jury, a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    pub id: OutletId,
    pub name: String,
    /// What it is sorted by.
    pub name_key: String,
    pub kind: OutletKind,
    pub domain: Option<String>,
    pub tier: Option<i32>,
    pub country: Option<String>,
    pub usage_terms: Option<String>,
    pub logo: Option<AssetId>,
}

/// People to whom content speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    pub id: AudienceId,
    pub name: String,
    pub slug: String,
}

/// Who says it. A CUSTOMER's or CREATOR's words always need an ALLOW lease: the person's consent.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutletKind {
    /// A paper, a magazine, a broadcaster.
    Press,
    /// A person with an audience of their own.
    Creator,
    /// Those who give an award.
    AwardBody,
    /// A shop that says something of what it sells.
    Retailer,
    /// Someone who bought it.
    Customer,
    /// Those who study the market.
    Analyst,
    /// Those who test and certify.
    Certifier,
}

impl OutletKind {
    /// Whether nothing may be shown without the person's consent.
    #[must_use]
    pub fn needs_consent(self) -> bool {
        matches!(self, Self::Creator | Self::Customer)
    }
}
