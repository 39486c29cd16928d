//! Kinds of events and their totals.

use std::collections::BTreeMap;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

/// What an event counts.
#[derive(
    Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UsageKind {
    /// It was shown to someone.
    Impression,
    /// Someone followed it.
    Click,
    /// Someone played, opened or turned it.
    Interaction,
    /// Someone took a file with them.
    Download,
    /// Someone looked at it through a shared link.
    ShareView,
    /// Someone asked about the product.
    Inquiry,
    /// Someone asked who may well buy.
    QualifiedInquiry,
    /// Someone bought.
    Order,
}

impl UsageKind {
    /// As the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Impression => "IMPRESSION",
            Self::Click => "CLICK",
            Self::Interaction => "INTERACTION",
            Self::Download => "DOWNLOAD",
            Self::ShareView => "SHARE_VIEW",
            Self::Inquiry => "INQUIRY",
            Self::QualifiedInquiry => "QUALIFIED_INQUIRY",
            Self::Order => "ORDER",
        }
    }
}

/// How much was counted, by kind, and what it brought in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub counts: BTreeMap<UsageKind, i64>,
    /// In minor units, by currency code.
    pub revenue: BTreeMap<String, i64>,
}

impl Totals {
    #[must_use]
    pub fn count(&self, kind: UsageKind) -> i64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// Clicks per impression; none without impressions.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate is no count: it needs no more digits"
    )]
    pub fn click_rate(&self) -> Option<f64> {
        let impressions = self.count(UsageKind::Impression);
        (impressions > 0).then(|| self.count(UsageKind::Click) as f64 / impressions as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_click_rate_needs_impressions() {
        let mut totals = Totals::default();
        totals.counts.insert(UsageKind::Click, 1);
        assert_eq!(totals.click_rate(), None);
        totals.counts.insert(UsageKind::Impression, 4);
        assert_eq!(totals.click_rate(), Some(0.25));
    }
}
