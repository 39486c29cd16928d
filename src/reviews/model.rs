//! What a review is.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::contents::{StoredFile, VersionStep};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{LeaseId, ReviewId, VersionId};
use crate::platform::op::Actor;

/// What a reviewer makes of a version.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewDecision {
    /// It may go out.
    Approve,
    /// It goes back to its author, with a note.
    RequestChanges,
}

impl ReviewDecision {
    /// The step that the version takes by it.
    #[must_use]
    pub fn step(self) -> VersionStep {
        match self {
            Self::Approve => VersionStep::Approve,
            Self::RequestChanges => VersionStep::RequestChanges,
        }
    }
}

/// One review. With a lease it is the licensor's word, for a preset or for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    pub id: ReviewId,
    pub version: VersionId,
    pub reviewer: Actor,
    pub decision: ReviewDecision,
    pub lease: Option<LeaseId>,
    pub preset: Option<String>,
    pub document: Option<StoredFile>,
    pub note: Option<String>,
    pub created_at: Timestamp,
}
