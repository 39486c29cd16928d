//! Why a file is not kept, in words for whoever uploaded it.

use std::borrow::Cow;

/// Why a file is refused. Each message says what its uploader can do; all but
/// [`Unreadable`](Self::Unreadable) are theirs to mend.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There are no bytes.
    #[error("the file is empty; choose another one, or upload it again")]
    Empty,
    /// The bytes are of no type that is kept.
    #[error(
        "this is {found}, which is not accepted; upload a JPEG, PNG, GIF, WebP, AVIF, HEIC, TIFF, \
         BMP, PSD or SVG picture, an MP4, MOV or WebM film, an MP3, M4A, WAV, Ogg or FLAC \
         recording, a PDF, a DOCX, PPTX or XLSX document, or a ZIP archive"
    )]
    Unsupported {
        /// What the bytes are instead: a media type or a few words.
        found: Cow<'static, str>,
    },
    /// The file claims more than is allowed. Reported from headers, before anything is unpacked.
    #[error(
        "the file has {actual} {what}, and at most {limit} are accepted; make it smaller and \
         upload it again"
    )]
    TooLarge {
        /// The unit, and what is counted.
        what: &'static str,
        /// How many the file has or claims. Where counting stops at the limit, the first number
        /// past it.
        actual: u64,
        /// How many are accepted.
        limit: u64,
    },
    /// The bytes begin like an accepted type and do not keep to it, or end too early.
    #[error(
        "the file is damaged: {reason}; export or copy it again from its source, then upload it"
    )]
    Damaged {
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// The file is whole, and harmful to whoever opens it.
    #[error("the file is not safe to open: {reason}; save it without that and upload it again")]
    Unsafe {
        /// What is harmful in it.
        reason: Cow<'static, str>,
    },
    /// The reader failed; nothing is known about the file.
    #[error("the stored bytes could not be read; try again")]
    Unreadable(#[from] std::io::Error),
}

impl Refusal {
    /// A [`Refusal::Damaged`] for `reason`.
    pub(crate) fn damaged(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged {
            reason: reason.into(),
        }
    }

    /// The [`Refusal::Damaged`] of a file that ends before it is complete.
    pub(crate) fn truncated() -> Self {
        Self::damaged("it ends in the middle")
    }

    /// A [`Refusal::Unsupported`] for `found`.
    pub(crate) fn unsupported(found: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported {
            found: found.into(),
        }
    }

    /// A [`Refusal::Unsafe`] for `reason`.
    pub(crate) fn harmful(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsafe {
            reason: reason.into(),
        }
    }
}
