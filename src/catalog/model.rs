//! The catalogue's things.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::platform::ids::{AssetId, BrandId};

/// A brand: the wall within which everything else stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    pub id: BrandId,
    pub name: String,
    pub slug: String,
    pub color: Option<String>,
    pub logo: Option<AssetId>,
}

/// Who says it. A CUSTOMER's or CREATOR's words always need an ALLOW lease: the person's consent.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutletKind {
    Press,
    Creator,
    AwardBody,
    Retailer,
    Customer,
    Analyst,
    Certifier,
}

impl OutletKind {
    /// Whether nothing may be shown without the person's consent.
    #[must_use]
    pub fn needs_consent(self) -> bool {
        matches!(self, Self::Creator | Self::Customer)
    }
}
