//! Why nothing was drawn, in words that can be shown beside the rendition.

use accolade_media::Refusal;
use serde::{Deserialize, Serialize};

/// Why a job gave nothing. Each costs that job alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum DrawError {
    /// Nothing here draws such a file.
    #[error("{what} cannot be drawn")]
    Unsupported { what: String },
    /// The file claims, or the recipe asks for, more than is allowed.
    #[error("there are {actual} {what}, and at most {limit} are drawn")]
    TooLarge {
        what: String,
        actual: u64,
        limit: u64,
    },
    /// The bytes do not keep to their format.
    #[error("the file is damaged: {reason}")]
    Damaged { reason: String },
    /// The file is made to harm.
    #[error("the file is not safe to open: {reason}")]
    Unsafe { reason: String },
    /// The recipe cannot be followed, with any source or with this one.
    #[error("it cannot be drawn so: {reason}")]
    Recipe { reason: String },
    /// The lowest quality is still larger than the recipe allows.
    #[error(
        "it has {least} bytes at the lowest quality ({quality}), and at most {limit} are allowed"
    )]
    TooManyBytes { limit: u64, least: u64, quality: u8 },
    /// The type has no quality to lower.
    #[error(
        "it has {actual} bytes as {media_type}, which has no quality to lower, and at most {limit} are allowed"
    )]
    NoQuality {
        limit: u64,
        actual: u64,
        media_type: String,
    },
    /// The job wanted more memory than a job gets.
    #[error("drawing it takes more memory than a job may have")]
    OutOfMemory,
    /// The job took longer than a job may take.
    #[error("drawing it takes longer than a job may take")]
    TimedOut,
    /// The decoder failed in a way that ended its process.
    #[error("the decoder failed: {reason}")]
    Crashed { reason: String },
    /// Too many jobs wait already.
    #[error("too many pictures are waiting to be drawn; try again in a moment")]
    Busy,
    /// The pool is shutting down.
    #[error("the server is shutting down; try again in a moment")]
    Stopped,
    /// The source or the worker could not be reached; no fault of the file.
    #[error("the stored bytes could not be drawn just now: {reason}")]
    Unreadable { reason: String },
}

impl DrawError {
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn damaged(reason: impl ToString) -> Self {
        Self::Damaged {
            reason: reason.to_string(),
        }
    }

    pub(crate) fn recipe(reason: impl Into<String>) -> Self {
        Self::Recipe {
            reason: reason.into(),
        }
    }

    pub(crate) fn unreadable(reason: impl ToString) -> Self {
        Self::Unreadable {
            reason: reason.to_string(),
        }
    }

    /// Whether the same job may succeed later: it was not the file's fault.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Stopped | Self::Unreadable { .. })
    }
}

impl From<Refusal> for DrawError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Empty => Self::damaged("it is empty"),
            Refusal::Unsupported { found } => Self::unsupported(found),
            Refusal::TooLarge {
                what,
                actual,
                limit,
            } => Self::TooLarge {
                what: what.to_owned(),
                actual,
                limit,
            },
            Refusal::Damaged { reason } => Self::damaged(reason),
            Refusal::Unsafe { reason } => Self::Unsafe {
                reason: reason.into_owned(),
            },
            Refusal::Unreadable(error) => Self::unreadable(error),
        }
    }
}
