//! Leases: a right to use, or a bar on using, a content, where, when and on what terms.

use std::sync::Arc;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::platform::clock::Timestamp;
use crate::platform::ids::{BrandId, ChannelId, LeaseId};

/// Whether a lease gives a right or takes it. DENY beats ALLOW.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LeaseAccess {
    Allow,
    Deny,
}

/// What licences of badges and quotes commonly demand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a licence is a list of yes-or-no terms"
)]
pub struct Terms {
    pub no_alteration: bool,
    pub no_translation: bool,
    pub no_excerpt: bool,
    pub no_redistribution: bool,
    pub product_bound: bool,
    pub show_year: bool,
    pub creative_approval: bool,
    pub disclaimer: Option<String>,
    pub link_back: Option<String>,
}

impl Terms {
    /// How many duties they lay on the user; the fewest are chosen where several leases cover.
    #[must_use]
    pub fn duties(&self) -> usize {
        [
            self.no_alteration,
            self.no_translation,
            self.no_excerpt,
            self.no_redistribution,
            self.product_bound,
            self.show_year,
            self.creative_approval,
            self.disclaimer.is_some(),
            self.link_back.is_some(),
        ]
        .into_iter()
        .filter(|duty| *duty)
        .count()
    }
}

/// A lease's header. What it covers is told apart, by content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: LeaseId,
    pub brand: BrandId,
    pub access: LeaseAccess,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub licensor: Option<String>,
    pub reference: Option<String>,
    /// SHA-256 and file name of the licence itself.
    pub document: Option<(String, String)>,
    /// Minor units and ISO 4217 code.
    pub fee: Option<(i64, String)>,
    pub terms: Terms,
    pub notes: Option<String>,
}

impl Lease {
    /// Whether it is in force: from its start, up to but not at its end.
    #[must_use]
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= at) && self.ends_at.is_none_or(|end| end > at)
    }
}

/// One cell of a lease's scope: a channel with all under it, and a market; none: all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub channel: Option<ChannelId>,
    pub market: Option<String>,
}

/// A lease as it holds for one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOn {
    pub lease: Arc<Lease>,
    pub places: Vec<Place>,
}
