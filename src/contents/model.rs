//! What assets and endorsements share: header, versions, labels, and the status the clock derives.

use std::fmt;
use std::sync::Arc;

use accolade_draw::Whiteness;
use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::catalog::OutletKind;
use crate::platform::clock::{Day, Timestamp};
use crate::platform::ids::{
    AssetId, AudienceId, BrandId, ChannelId, ContentId, EndorsementId, OutletId, ProductId,
    TypedId, VersionId,
};
use crate::platform::op::Actor;

/// The two kinds of content.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContentKind {
    /// Bytes, or a text, of the brand's own.
    Asset,
    /// What someone outside the brand said.
    Endorsement,
}

impl ContentKind {
    /// As the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asset => "ASSET",
            Self::Endorsement => "ENDORSEMENT",
        }
    }
}

/// Where a content stands. Derived from what is stored and the clock; the last that fits.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContentStatus {
    /// No approved version yet.
    Draft,
    /// Approved, its release ahead.
    Scheduled,
    /// Approved and released.
    Active,
    /// Past its expiry.
    Expired,
    /// Recalled.
    Withdrawn,
    /// Put away.
    Archived,
    /// Thrown away; it can still be restored.
    Trashed,
}

/// Where a version stands in its review.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VersionState {
    /// Being worked on.
    Draft,
    /// Waiting for a reviewer.
    InReview,
    /// Sent back by a reviewer.
    ChangesRequested,
    /// Good to go out.
    Approved,
    /// Taken back after approval.
    Withdrawn,
}

/// A step in a version's review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStep {
    Submit,
    Recall,
    Approve,
    RequestChanges,
    Withdraw,
}

/// A step that cannot be taken from where the version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version that is {from} cannot be {}", .step.done())]
pub struct ForbiddenStep {
    pub from: VersionState,
    pub step: VersionStep,
}

impl VersionStep {
    fn done(self) -> &'static str {
        match self {
            Self::Submit => "submitted",
            Self::Recall => "recalled",
            Self::Approve => "approved",
            Self::RequestChanges => "sent back",
            Self::Withdraw => "withdrawn",
        }
    }
}

impl VersionState {
    /// Where a step leads. The whole state machine is this table.
    pub fn after(self, step: VersionStep) -> Result<Self, ForbiddenStep> {
        match (self, step) {
            (Self::Draft, VersionStep::Submit) => Ok(Self::InReview),
            (Self::InReview, VersionStep::Recall) => Ok(Self::Draft),
            (Self::InReview, VersionStep::Approve) => Ok(Self::Approved),
            (Self::InReview, VersionStep::RequestChanges) => Ok(Self::ChangesRequested),
            (Self::Approved, VersionStep::Withdraw) => Ok(Self::Withdrawn),
            (from, step) => Err(ForbiddenStep { from, step }),
        }
    }

    /// As the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::InReview => "IN_REVIEW",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Approved => "APPROVED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}

impl fmt::Display for VersionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an asset is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AssetKind {
    Image,
    Video,
    Audio,
    Document,
    Logo,
    Badge,
    /// A text without a file.
    Copy,
    /// A designer's working file; it never goes out.
    Source,
}

/// What was won; who said it is the outlet's kind.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndorsementKind {
    Award,
    Ranking,
    Review,
    Quote,
    Mention,
    Rating,
    Certification,
}

/// Between the brand and the one who praises it. Anything but NONE needs its disclosure shown.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MaterialConnection {
    #[default]
    None,
    Paid,
    Gifted,
    Affiliate,
    Employee,
}

/// A content's header: what both kinds have, and what is its kind's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub id: ContentId,
    pub brand: BrandId,
    pub title: String,
    pub release_at: Option<Timestamp>,
    pub expire_at: Option<Timestamp>,
    pub withdrawn_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
    pub trashed_at: Option<Timestamp>,
    pub revision: i32,
    pub created_at: Timestamp,
    pub created_by: Actor,
    pub updated_at: Timestamp,
    /// The approved version with the highest number.
    pub current: Option<Arc<Version>>,
    /// The version with the highest number.
    pub latest: VersionId,
    /// How many versions there are: their numbers are 1 to this.
    pub version_count: i32,
    /// Another one whenever anything that the gate or a reader looks at has changed; the database sets it.
    pub stamp: i64,
    pub detail: Detail,
}

/// What is one kind's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    Asset(AssetDetail),
    Endorsement(EndorsementDetail),
}

#[derive(Clone, Debug, PartialEq)]
pub struct AssetDetail {
    pub kind: AssetKind,
    /// Of the words in it.
    pub locale: Option<String>,
    pub description: Option<String>,
    /// Fractions of the picture, from its upper left corner.
    pub focal_point: Option<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EndorsementDetail {
    pub outlet: OutletId,
    pub outlet_kind: OutletKind,
    /// 1 is the best known; none counts as 4.
    pub outlet_tier: Option<i32>,
    pub kind: EndorsementKind,
    pub published_on: Day,
    pub source_url: Option<String>,
    pub won_by: Option<Actor>,
    pub recheck_every_days: Option<i32>,
    pub rechecked_at: Timestamp,
    pub page_changed_at: Option<Timestamp>,
    /// When the first product among its own got another edition after the last recheck.
    pub edition_changed_at: Option<Timestamp>,
    /// Whether any claim is proposed or refused.
    pub has_open_claims: bool,
    /// Whether any evidence is CURRENT or CHANGED.
    pub has_evidence: bool,
}

impl EndorsementDetail {
    /// When it is to be checked again: the last recheck and its interval, or when the page was found
    /// changed or a product got a new edition since; the first of these.
    #[must_use]
    pub fn recheck_due_at(&self) -> Option<Timestamp> {
        let interval = self
            .recheck_every_days
            .map(|days| self.rechecked_at.plus_days(days.into()));
        let changed = self.page_changed_at.filter(|at| *at > self.rechecked_at);
        [interval, changed, self.edition_changed_at]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Content {
    #[must_use]
    pub fn kind(&self) -> ContentKind {
        match self.detail {
            Detail::Asset(_) => ContentKind::Asset,
            Detail::Endorsement(_) => ContentKind::Endorsement,
        }
    }

    /// The id as the API shows it.
    #[must_use]
    pub fn public_id(&self) -> String {
        public_id(self.kind(), self.id)
    }

    #[must_use]
    pub fn asset(&self) -> Option<&AssetDetail> {
        match &self.detail {
            Detail::Asset(detail) => Some(detail),
            Detail::Endorsement(_) => None,
        }
    }

    #[must_use]
    pub fn endorsement(&self) -> Option<&EndorsementDetail> {
        match &self.detail {
            Detail::Endorsement(detail) => Some(detail),
            Detail::Asset(_) => None,
        }
    }

    /// Where it stands at an instant; the last that fits, in the order of the enum.
    #[must_use]
    pub fn status(&self, at: Timestamp) -> ContentStatus {
        if self.trashed_at.is_some() {
            ContentStatus::Trashed
        } else if self.archived_at.is_some() {
            ContentStatus::Archived
        } else if self.withdrawn_at.is_some() {
            ContentStatus::Withdrawn
        } else if self.expire_at.is_some_and(|end| end <= at) {
            ContentStatus::Expired
        } else if self.current.is_none() {
            ContentStatus::Draft
        } else if self.release_at.is_some_and(|start| start > at) {
            ContentStatus::Scheduled
        } else {
            ContentStatus::Active
        }
    }
}

/// A content's id as the API shows it.
#[must_use]
pub fn public_id(kind: ContentKind, id: ContentId) -> String {
    match kind {
        ContentKind::Asset => AssetId(id.0).to_string(),
        ContentKind::Endorsement => EndorsementId(id.0).to_string(),
    }
}

/// Reads a content's id as the API shows it: its kind and id. A content of the other kind is another.
#[must_use]
pub fn parse_public_id(text: &str) -> Option<(ContentKind, ContentId)> {
    let (prefix, uuid) = crate::platform::ids::decode(text).ok()?;
    match prefix {
        AssetId::PREFIX => Some((ContentKind::Asset, ContentId(uuid))),
        EndorsementId::PREFIX => Some((ContentKind::Endorsement, ContentId(uuid))),
        _ => None,
    }
}

/// One version: immutable but for its state.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub id: VersionId,
    pub content: ContentId,
    pub number: i32,
    pub state: VersionState,
    pub note: Option<String>,
    pub author: Actor,
    pub created_at: Timestamp,
    pub detail: VersionDetail,
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionDetail {
    File(StoredFile),
    /// The text of a COPY asset, and the same folded for comparing.
    Text {
        body: String,
        folded: String,
    },
    Wording(Wording),
}

impl Version {
    #[must_use]
    pub fn file(&self) -> Option<&StoredFile> {
        match &self.detail {
            VersionDetail::File(file) => Some(file),
            _ => None,
        }
    }

    #[must_use]
    pub fn wording(&self) -> Option<&Wording> {
        match &self.detail {
            VersionDetail::Wording(wording) => Some(wording),
            _ => None,
        }
    }
}

/// The types of file that renditions are made of.
pub const DRAWN: [&str; 9] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/tiff",
    "image/bmp",
    "image/vnd.adobe.photoshop",
    DRAWINGS[0],
    DRAWINGS[1],
];
/// Those that have proportions and no pixels of their own.
pub const DRAWINGS: [&str; 2] = ["image/svg+xml", "application/pdf"];

/// Stored bytes under the name that one use of them has given them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredFile {
    pub sha256: String,
    pub filename: String,
    pub media_type: String,
    pub bytes: i64,
    /// Upright pixels; absent where there are none, or none were measured.
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub has_alpha: Option<bool>,
    pub color_space: Option<String>,
    pub duration_ms: Option<i64>,
    pub pages: Option<i32>,
    pub frames: Option<i32>,
    pub orientation: Option<i32>,
    pub looks: Looked,
}

impl StoredFile {
    /// What the text of a file of this name is called.
    pub(crate) fn text_name(filename: &str) -> String {
        format!("{filename}.txt")
    }

    /// Whether renditions are made of it.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        DRAWN.contains(&self.media_type.as_str())
    }
}

/// What came of looking at the picture in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Looked {
    /// Nobody has looked yet.
    #[default]
    NotYet,
    /// It cannot be drawn; why.
    Failed(String),
    Found(Arc<Looks>),
}

/// What a picture looks like, as far as rules ask: measured once, a fact of its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    /// How white its border is; what is transparent is not.
    pub border: Whiteness,
    /// The same on white, where that is another.
    pub border_on_white: Option<Whiteness>,
    /// Share of its width that the subject takes up.
    pub subject_width: f64,
    /// Share of its height that the subject takes up.
    pub subject_height: f64,
}

/// The facts of an endorsement's version; its statements are loaded apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    pub byline: Option<String>,
    pub rank: Option<i32>,
    pub rating: Option<String>,
    pub rating_scale: Option<String>,
    pub rating_count: Option<i32>,
    pub material_connection: MaterialConnection,
}

/// What an endorsement says, in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub locale: String,
    pub is_original: bool,
    pub headline: String,
    pub quote: Option<String>,
    pub award: Option<String>,
    pub disclosure: Option<String>,
    /// All of it, folded, for finding banned terms.
    pub folded: String,
}

/// What a content is tagged with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    pub tags: Vec<String>,
    pub markets: Vec<String>,
    pub channels: Vec<ChannelId>,
    pub audiences: Vec<AudienceId>,
    pub products: Vec<ProductId>,
}

impl Labels {
    /// Ids in the order in which they were made, texts in the order of their bytes.
    #[must_use]
    pub(crate) fn in_order(mut self) -> Self {
        self.tags.sort();
        self.markets.sort();
        self.channels.sort();
        self.audiences.sort();
        self.products.sort();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_moves_only_as_the_table_says() {
        use VersionState::*;
        use VersionStep::{Approve, Recall, RequestChanges, Submit};
        let allowed = [
            (Draft, Submit, InReview),
            (InReview, Recall, Draft),
            (InReview, Approve, Approved),
            (InReview, RequestChanges, ChangesRequested),
            (Approved, VersionStep::Withdraw, Withdrawn),
        ];
        for from in [Draft, InReview, ChangesRequested, Approved, Withdrawn] {
            for step in [
                Submit,
                Recall,
                Approve,
                RequestChanges,
                VersionStep::Withdraw,
            ] {
                let to = allowed
                    .iter()
                    .find(|(f, s, _)| *f == from && *s == step)
                    .map(|(_, _, to)| *to);
                assert_eq!(from.after(step).ok(), to, "{from:?} {step:?}");
            }
        }
    }
}
