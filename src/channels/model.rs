//! Channels, what they demand, and the tree they stand in.

use std::collections::HashMap;
use std::sync::Arc;

use accolade_draw::{OutputType, Recipe};
use async_graphql::Enum;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::catalog::OutletKind;
use crate::platform::clock::{Day, Timestamp};
use crate::platform::ids::ChannelId;
use crate::platform::locale;

/// What kind of place a channel is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(rename_items = "SCREAMING_SNAKE_CASE")]
pub enum ChannelKind {
    Site,
    Marketplace,
    #[serde(rename = "B2B")]
    #[graphql(name = "B2B")]
    B2b,
    Social,
    Email,
    Ads,
    Retail,
    Press,
    Deck,
}

impl ChannelKind {
    /// Whether `/d/` answers without a token where nobody has said otherwise.
    #[must_use]
    pub fn public_by_default(self) -> bool {
        matches!(
            self,
            Self::Site | Self::Marketplace | Self::Social | Self::Ads | Self::Press
        )
    }

    /// Whether to show something there is to hand it on, which `noRedistribution` bars.
    #[must_use]
    pub fn redistributes(self) -> bool {
        matches!(self, Self::Deck | Self::Retail | Self::Press)
    }
}

/// How much a finding weighs: an ERROR holds, a WARN warns.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    Error,
    Warn,
}

/// What a rule looks at. The value that each takes is described at [`Demand`].
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RuleCheck {
    /// The media types that the place takes, such as `image/jpeg`.
    MediaType,
    /// Least pixels of the longer edge.
    MinLongEdge,
    /// Most pixels of the longer edge.
    MaxLongEdge,
    /// Least width in pixels.
    MinWidth,
    /// Least height in pixels.
    MinHeight,
    /// `{width, height, tolerance}`: width ÷ height may differ by the tolerance.
    AspectRatio,
    /// Most bytes.
    MaxBytes,
    /// The colour spaces that the place takes, such as `sRGB`.
    ColorSpace,
    /// `{tolerance, share}`: how far from white (0-255), and on which share of the border.
    WhiteBackground,
    /// Least share of the picture that the subject fills.
    MinSubjectFill,
    /// `false` bars endorsements and what is attached to them; a list of outlet kinds lets only those in.
    Endorsements,
    /// Most endorsements that may be live per channel and product.
    MaxEndorsements,
    /// How many months after publication an endorsement may still be shown.
    MaxAgeMonths,
    /// What must be named beside it: `outlet`, `byline`, `date`.
    Attribution,
    /// Words that the place does not want to read.
    BannedTerms,
    /// The languages that the place takes.
    Languages,
    /// `true`: a disclosure must be shown.
    Disclosure,
    /// `true`: an ALLOW lease must cover it.
    Lease,
    /// The lowest outlet tier that is let in: 2 lets in tiers 1 and 2. No tier counts as 4.
    MaxOutletTier,
}

/// What an attribution must name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attribution {
    Outlet,
    Byline,
    Date,
}

/// Which endorsements a place lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    Nobody,
    Everybody,
    Only(Vec<OutletKind>),
}

/// A check with its value: what exactly is demanded.
#[derive(Clone, Debug, PartialEq)]
pub enum Demand {
    MediaType(Vec<String>),
    MinLongEdge(i64),
    MaxLongEdge(i64),
    MinWidth(i64),
    MinHeight(i64),
    AspectRatio {
        width: i64,
        height: i64,
        tolerance: f64,
    },
    MaxBytes(i64),
    ColorSpace(Vec<String>),
    WhiteBackground {
        tolerance: u8,
        share: f64,
    },
    MinSubjectFill(f64),
    Endorsements(Admission),
    MaxEndorsements(i64),
    MaxAgeMonths(u32),
    Attribution(Vec<Attribution>),
    BannedTerms(Vec<String>),
    Languages(Vec<String>),
    Disclosure,
    Lease,
    MaxOutletTier(i32),
}

/// Longest list in a rule, and longest text in it.
const MAX_LIST: usize = 250;
const MAX_TEXT: usize = 200;
/// No edge, size or cap is larger.
const MAX_NUMBER: i64 = 1 << 53;

impl Demand {
    /// Reads a rule's value. The error says what the check wants.
    pub fn parse(check: RuleCheck, value: Option<&Json>) -> Result<Self, String> {
        let value = value.unwrap_or(&Json::Null);
        Ok(match check {
            RuleCheck::MediaType => {
                Self::MediaType(texts(value)?.iter().map(|t| t.to_lowercase()).collect())
            }
            RuleCheck::MinLongEdge => Self::MinLongEdge(number(value)?),
            RuleCheck::MaxLongEdge => Self::MaxLongEdge(number(value)?),
            RuleCheck::MinWidth => Self::MinWidth(number(value)?),
            RuleCheck::MinHeight => Self::MinHeight(number(value)?),
            RuleCheck::AspectRatio => Self::AspectRatio {
                width: edge(&value["width"])?,
                height: edge(&value["height"])?,
                tolerance: within(&value["tolerance"], 0.0, 10.0)?,
            },
            RuleCheck::MaxBytes => Self::MaxBytes(number(value)?),
            RuleCheck::ColorSpace => Self::ColorSpace(texts(value)?),
            RuleCheck::WhiteBackground => Self::WhiteBackground {
                tolerance: value["tolerance"]
                    .as_u64()
                    .and_then(|n| u8::try_from(n).ok())
                    .ok_or("Give {tolerance: 0 to 255, share: 0 to 1}.")?,
                share: within(&value["share"], 0.0, 1.0)?,
            },
            RuleCheck::MinSubjectFill => Self::MinSubjectFill(within(value, 0.0, 1.0)?),
            RuleCheck::Endorsements => Self::Endorsements(match value {
                Json::Bool(false) => Admission::Nobody,
                Json::Bool(true) => Admission::Everybody,
                Json::Array(_) => Admission::Only(
                    serde_json::from_value(value.clone())
                        .map_err(|_| "Give false, true, or a list of outlet kinds.")?,
                ),
                _ => return Err("Give false, true, or a list of outlet kinds.".to_owned()),
            }),
            RuleCheck::MaxEndorsements => Self::MaxEndorsements(number(value)?),
            RuleCheck::MaxAgeMonths => Self::MaxAgeMonths(
                u32::try_from(number(value)?)
                    .ok()
                    .filter(|n| *n <= 1200)
                    .ok_or("Give 0 to 1200 months.")?,
            ),
            RuleCheck::Attribution => Self::Attribution(
                serde_json::from_value(value.clone())
                    .map_err(|_| "Give a list of \"outlet\", \"byline\", \"date\".")?,
            ),
            RuleCheck::BannedTerms => Self::BannedTerms(
                texts(value)?
                    .iter()
                    .map(|t| crate::platform::text::fold(t))
                    .collect(),
            ),
            RuleCheck::Languages => {
                let languages = texts(value)?;
                let canonical = languages
                    .iter()
                    .map(|l| locale::canonical(l))
                    .collect::<Option<_>>();
                Self::Languages(
                    canonical
                        .ok_or("Give a list of BCP 47 languages, such as [\"en\", \"zh\"].")?,
                )
            }
            RuleCheck::Disclosure => flag(value).map(|()| Self::Disclosure)?,
            RuleCheck::Lease => flag(value).map(|()| Self::Lease)?,
            RuleCheck::MaxOutletTier => Self::MaxOutletTier(
                i32::try_from(number(value)?)
                    .ok()
                    .filter(|n| (1..=4).contains(n))
                    .ok_or("Give a tier from 1 to 4.")?,
            ),
        })
    }

    #[must_use]
    pub fn check(&self) -> RuleCheck {
        match self {
            Self::MediaType(_) => RuleCheck::MediaType,
            Self::MinLongEdge(_) => RuleCheck::MinLongEdge,
            Self::MaxLongEdge(_) => RuleCheck::MaxLongEdge,
            Self::MinWidth(_) => RuleCheck::MinWidth,
            Self::MinHeight(_) => RuleCheck::MinHeight,
            Self::AspectRatio { .. } => RuleCheck::AspectRatio,
            Self::MaxBytes(_) => RuleCheck::MaxBytes,
            Self::ColorSpace(_) => RuleCheck::ColorSpace,
            Self::WhiteBackground { .. } => RuleCheck::WhiteBackground,
            Self::MinSubjectFill(_) => RuleCheck::MinSubjectFill,
            Self::Endorsements(_) => RuleCheck::Endorsements,
            Self::MaxEndorsements(_) => RuleCheck::MaxEndorsements,
            Self::MaxAgeMonths(_) => RuleCheck::MaxAgeMonths,
            Self::Attribution(_) => RuleCheck::Attribution,
            Self::BannedTerms(_) => RuleCheck::BannedTerms,
            Self::Languages(_) => RuleCheck::Languages,
            Self::Disclosure => RuleCheck::Disclosure,
            Self::Lease => RuleCheck::Lease,
            Self::MaxOutletTier(_) => RuleCheck::MaxOutletTier,
        }
    }

    /// The rule's value as the API shows and the database keeps it.
    #[must_use]
    pub fn value(&self) -> Json {
        match self {
            Self::MediaType(list)
            | Self::ColorSpace(list)
            | Self::BannedTerms(list)
            | Self::Languages(list) => {
                json!(list)
            }
            Self::MinLongEdge(n)
            | Self::MaxLongEdge(n)
            | Self::MinWidth(n)
            | Self::MinHeight(n)
            | Self::MaxBytes(n)
            | Self::MaxEndorsements(n) => json!(n),
            Self::AspectRatio {
                width,
                height,
                tolerance,
            } => {
                json!({ "width": width, "height": height, "tolerance": tolerance })
            }
            Self::WhiteBackground { tolerance, share } => {
                json!({ "tolerance": tolerance, "share": share })
            }
            Self::MinSubjectFill(share) => json!(share),
            Self::Endorsements(Admission::Nobody) => json!(false),
            Self::Endorsements(Admission::Everybody) | Self::Disclosure | Self::Lease => {
                json!(true)
            }
            Self::Endorsements(Admission::Only(kinds)) => json!(kinds),
            Self::MaxAgeMonths(n) => json!(n),
            Self::Attribution(what) => json!(what),
            Self::MaxOutletTier(tier) => json!(tier),
        }
    }
}

fn texts(value: &Json) -> Result<Vec<String>, String> {
    let wanted = || format!("Give a list of 1 to {MAX_LIST} texts.");
    let items = value
        .as_array()
        .filter(|l| !l.is_empty() && l.len() <= MAX_LIST)
        .ok_or_else(wanted)?;
    items
        .iter()
        .map(|item| {
            item.as_str().map(str::trim).filter(|t| {
                !t.is_empty() && t.len() <= MAX_TEXT && !t.chars().any(char::is_control)
            })
        })
        .map(|text| text.map(str::to_owned).ok_or_else(wanted))
        .collect()
}

fn number(value: &Json) -> Result<i64, String> {
    value
        .as_i64()
        .filter(|n| (0..=MAX_NUMBER).contains(n))
        .ok_or_else(|| "Give a whole number, 0 or more.".to_owned())
}

/// An edge of an aspect ratio: small enough that edges multiply without overflow.
fn edge(value: &Json) -> Result<i64, String> {
    value
        .as_i64()
        .filter(|n| (1..=1_000_000).contains(n))
        .ok_or_else(|| "Give {width, height, tolerance}, the edges from 1 to 1,000,000.".to_owned())
}

fn within(value: &Json, least: f64, most: f64) -> Result<f64, String> {
    value
        .as_f64()
        .filter(|n| (least..=most).contains(n))
        .ok_or_else(|| format!("Give a number from {least} to {most}."))
}

fn flag(value: &Json) -> Result<(), String> {
    match value {
        Json::Null | Json::Bool(true) => Ok(()),
        _ => Err("Give true, or leave the rule out.".to_owned()),
    }
}

/// What a place demands, as dated data with its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub demand: Demand,
    pub severity: Severity,
    pub message: Option<String>,
    pub source: Option<String>,
    pub checked_on: Option<Day>,
}

impl Rule {
    /// How many endorsements of a brand it lets be shown there at a time; none where it demands something else, or
    /// only warns.
    pub(crate) fn cap(&self) -> Option<i64> {
        match self.demand {
            Demand::MaxEndorsements(cap) if self.severity == Severity::Error => Some(cap),
            _ => None,
        }
    }
}

/// How a picture is fitted into a preset's frame.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Fit {
    /// Fills the frame; what stands over is cut.
    Cover,
    /// Wholly inside the frame, enlarged if need be.
    Contain,
    /// Wholly inside the frame, never enlarged.
    Inside,
    /// Wholly inside, the rest filled with the background.
    Pad,
}

/// What a rendition for a place is made to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    pub name: String,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub fit: Fit,
    pub media_type: String,
    pub quality: Option<i32>,
    pub background: Option<String>,
}

impl Preset {
    /// Its frame, as the drawing knows it: how a picture stands in what is made of it.
    pub(crate) fn frame(&self) -> Recipe {
        let edge = |edge: Option<i32>| edge.and_then(|edge| u32::try_from(edge).ok());
        let fit = match self.fit {
            Fit::Cover => accolade_draw::Fit::Cover,
            Fit::Contain => accolade_draw::Fit::Contain,
            Fit::Inside => accolade_draw::Fit::Inside,
            Fit::Pad => accolade_draw::Fit::Pad,
        };
        // What it is made as is no matter of its frame.
        let output = OutputType::parse(&self.media_type).unwrap_or(OutputType::Png);
        Recipe::new(edge(self.width), edge(self.height), fit, output)
    }
}

/// A place where content is shown. Rules and presets are its own; the tree knows what it inherits.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    pub id: ChannelId,
    pub slug: String,
    pub name: String,
    pub kind: ChannelKind,
    pub market: Option<String>,
    pub locale: Option<String>,
    pub parent: Option<ChannelId>,
    pub public: bool,
    pub weight: f64,
    pub rules: Vec<Rule>,
    pub presets: Vec<Preset>,
    pub rules_changed_at: Timestamp,
}

/// All channels at one revision, as instances keep them in memory.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub revision: i64,
    channels: HashMap<ChannelId, Arc<Channel>>,
    slugs: HashMap<String, ChannelId>,
    children: HashMap<Option<ChannelId>, Vec<ChannelId>>,
}

/// Deepest that the tree may be.
pub const MAX_DEPTH: usize = 16;

impl Tree {
    #[must_use]
    pub fn new(revision: i64, mut channels: Vec<Channel>) -> Self {
        channels.sort_by(|a, b| a.slug.cmp(&b.slug));
        let mut tree = Self {
            revision,
            ..Self::default()
        };
        for channel in channels {
            tree.slugs.insert(channel.slug.clone(), channel.id);
            tree.children
                .entry(channel.parent)
                .or_default()
                .push(channel.id);
            tree.channels.insert(channel.id, Arc::new(channel));
        }
        tree
    }

    #[must_use]
    pub fn get(&self, id: ChannelId) -> Option<&Arc<Channel>> {
        self.channels.get(&id)
    }

    #[must_use]
    pub fn by_slug(&self, slug: &str) -> Option<&Arc<Channel>> {
        self.slugs.get(slug).and_then(|id| self.get(*id))
    }

    /// All channels, in the order of their slugs.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Channel>> {
        let mut all: Vec<_> = self.channels.values().cloned().collect();
        all.sort_by(|a, b| a.slug.cmp(&b.slug));
        all
    }

    /// The channels directly under one, in the order of their slugs.
    #[must_use]
    pub fn children(&self, id: ChannelId) -> Vec<Arc<Channel>> {
        let ids = self.children.get(&Some(id)).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.get(*id).cloned()).collect()
    }

    /// The channel and those above it, itself first; none for an unknown one.
    fn upwards(&self, id: ChannelId) -> impl Iterator<Item = &Arc<Channel>> {
        let above = |channel: &&Arc<Channel>| channel.parent.and_then(|id| self.get(id));
        std::iter::successors(self.get(id), above).take(MAX_DEPTH + 1)
    }

    /// The channel and those above it, itself first; empty for an unknown one.
    #[must_use]
    pub fn chain(&self, id: ChannelId) -> Vec<Arc<Channel>> {
        self.upwards(id).cloned().collect()
    }

    /// Its rules: those of the channels above, the highest first, then its own.
    #[must_use]
    pub fn rules(&self, id: ChannelId) -> Vec<Rule> {
        self.chain(id)
            .iter()
            .rev()
            .flat_map(|c| c.rules.iter().cloned())
            .collect()
    }

    /// Its presets: its own, else those of the nearest channel above that has any.
    #[must_use]
    pub fn presets(&self, id: ChannelId) -> &[Preset] {
        let mut presets = self.upwards(id).map(|c| &*c.presets);
        presets
            .find(|presets| !presets.is_empty())
            .unwrap_or_default()
    }

    /// One of its presets.
    #[must_use]
    pub fn preset(&self, id: ChannelId, name: &str) -> Option<&Preset> {
        self.presets(id).iter().find(|preset| preset.name == name)
    }

    /// Its market: its own or that of the nearest channel above.
    #[must_use]
    pub fn market(&self, id: ChannelId) -> Option<String> {
        self.upwards(id).find_map(|c| c.market.clone())
    }

    /// Its language: its own or that of the nearest channel above.
    #[must_use]
    pub fn locale(&self, id: ChannelId) -> Option<String> {
        self.upwards(id).find_map(|c| c.locale.clone())
    }
}
