//! What the gate is told: the facts of a content, and the question.

use std::collections::HashMap;
use std::sync::Arc;

use crate::channels::{Channel, Demand, Preset, Rule, Severity, Tree};
use crate::contents::{Content, Labels, Statement};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{BrandId, ChannelId, LeaseId, ProductId};
use crate::platform::locale;
use crate::rights::model::LeaseOn;

/// Everything about one content that the gate looks at.
#[derive(Clone, Debug)]
pub struct Facts {
    pub content: Arc<Content>,
    pub labels: Arc<Labels>,
    pub leases: Arc<Vec<LeaseOn>>,
    /// Of the current version.
    pub statements: Arc<Vec<Statement>>,
    /// What licensors said of the current version, the oldest first.
    pub licensor_words: Arc<Vec<LicensorWord>>,
    /// The endorsements that an asset is attached to; theirs are empty.
    pub attached: Vec<Arc<Facts>>,
}

/// A licensor's recorded word on a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicensorWord {
    pub lease: LeaseId,
    /// The preset it is about; none: all of them.
    pub preset: Option<String>,
    pub approves: bool,
}

/// What it is to be shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown in the channel itself.
    Show,
    /// To be handed on: a deck or a share link.
    HandOn,
}

/// The question: here, now, for whom?
#[derive(Clone, Debug)]
pub struct Ask {
    pub at: Timestamp,
    pub channel: Arc<Channel>,
    /// The channel and those above it.
    pub chain: Vec<ChannelId>,
    /// Asked for, else the channel's; none: unknown.
    pub market: Option<String>,
    /// Asked for, else the channel's; none: whatever the place takes.
    pub locale: Option<String>,
    pub product: Option<ProductId>,
    pub purpose: Purpose,
    /// What the place gets is made to one of these, the first where it may choose. None: it gets originals.
    pub presets: Vec<Preset>,
    /// The channel's rules and those it inherits.
    pub rules: Vec<Rule>,
    /// How many endorsements are live there for the product, by brand; asked only if a rule caps them.
    pub live_endorsements: Arc<HashMap<BrandId, i64>>,
}

impl Ask {
    /// The question for a channel of the tree, with what the channel itself says filled in.
    #[must_use]
    pub fn new(tree: &Tree, channel: &Arc<Channel>, at: Timestamp) -> Self {
        let presets = tree.presets(channel.id).to_vec();
        Self::for_one_of(presets, tree, channel, at)
    }

    /// The question for one preset.
    #[must_use]
    pub fn made_to(preset: &Preset, tree: &Tree, channel: &Arc<Channel>, at: Timestamp) -> Self {
        Self::for_one_of(vec![preset.clone()], tree, channel, at)
    }

    fn for_one_of(
        presets: Vec<Preset>,
        tree: &Tree,
        channel: &Arc<Channel>,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            chain: tree.chain(channel.id).iter().map(|c| c.id).collect(),
            market: tree.market(channel.id),
            locale: tree.locale(channel.id),
            product: None,
            purpose: Purpose::Show,
            presets,
            rules: tree.rules(channel.id),
            live_endorsements: Arc::default(),
            channel: Arc::clone(channel),
        }
    }

    #[must_use]
    pub fn in_market(mut self, market: Option<String>) -> Self {
        self.market = market.or(self.market);
        self
    }

    #[must_use]
    pub fn in_locale(mut self, locale: Option<String>) -> Self {
        self.locale = locale.or(self.locale);
        self
    }

    #[must_use]
    pub fn for_product(mut self, product: Option<ProductId>) -> Self {
        self.product = product;
        self
    }

    #[must_use]
    pub fn to(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// The preset whose rendition the place's rules are asked about.
    #[must_use]
    pub fn preset(&self) -> Option<&Preset> {
        self.presets.first()
    }

    /// Whether the place caps how many endorsements are live.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        let caps = |rule: &Rule| matches!(rule.demand, Demand::MaxEndorsements(_));
        self.rules.iter().any(caps)
    }

    /// Whether to show it there is to hand it on.
    #[must_use]
    pub fn redistributes(&self) -> bool {
        self.purpose == Purpose::HandOn || self.channel.kind.redistributes()
    }

    /// The severity with which the place demands something without a value of its own, if it does.
    pub(super) fn demands(&self, wanted: &Demand) -> Option<Severity> {
        let severities = self
            .rules
            .iter()
            .filter(|r| r.demand == *wanted)
            .map(|r| r.severity);
        severities.min_by_key(|s| matches!(s, Severity::Warn))
    }

    /// The lists of languages that the place takes; one that is in all of them is taken.
    pub(super) fn languages(&self) -> impl Iterator<Item = &Vec<String>> {
        self.rules.iter().filter_map(|rule| match &rule.demand {
            Demand::Languages(list) => Some(list),
            _ => None,
        })
    }

    /// In which order statements are preferred: by RFC 4647 lookup of the locale, or, where none is known,
    /// as the place's languages stand.
    pub(super) fn preference(&self) -> Vec<Preference> {
        match &self.locale {
            Some(asked) => locale::lookup_chain(asked)
                .into_iter()
                .map(Preference::Exactly)
                .collect(),
            None => self
                .languages()
                .next()
                .cloned()
                .unwrap_or_default()
                .into_iter()
                .map(Preference::In)
                .collect(),
        }
    }
}

/// One step in the search for a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    /// This very locale.
    Exactly(String),
    /// A locale in this range.
    In(String),
}

impl Preference {
    pub(super) fn takes(&self, candidate: &str) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == candidate,
            Self::In(range) => locale::range_matches(range, candidate),
        }
    }
}
