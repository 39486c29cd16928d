//! What a version of an asset holds: a file or a text.

use serde_json::{Value as Json, json};

use super::super::model::{default_kind, suits};
use super::super::source::SourceFile;
use crate::contents::AssetKind;
use crate::error::{Problems, Result, UserErrorCode};
use crate::platform::text;

/// What a version is to hold, as an input gives it: a file or a text.
pub(crate) struct NewBody {
    /// The file, or what is wrong with it, to be told with everything else.
    pub file: Option<Result<SourceFile>>,
    pub text: Option<String>,
}

/// What a version holds.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    File(SourceFile),
    /// A COPY's text, and the same folded for comparing.
    Text {
        text: String,
        folded: String,
    },
}

/// A file or a text, one of them; none where the input is at fault.
pub(super) fn clean_body(problems: &mut Problems, body: NewBody) -> Result<Option<Body>> {
    match (body.file, body.text) {
        (Some(_), Some(_)) => {
            problems.add(
                UserErrorCode::Invalid,
                "text",
                "Give a file or a text, not both.",
            );
            Ok(None)
        }
        (None, None) => {
            problems.add(
                UserErrorCode::Required,
                "file",
                "Give a file, or the text of a COPY.",
            );
            Ok(None)
        }
        (Some(file), None) => Ok(problems.keep(file)?.map(Body::File)),
        (None, Some(given)) => {
            let text = text::required(problems, "text", &given, text::PROSE);
            let folded = text::fold(&text);
            Ok(Some(Body::Text { text, folded }))
        }
    }
}

impl Body {
    pub(super) fn default_kind(&self) -> AssetKind {
        match self {
            Self::File(file) => default_kind(&file.media_type),
            Self::Text { .. } => AssetKind::Copy,
        }
    }

    /// What is wrong with an asset of this kind holding it, if anything.
    pub(super) fn misfit(&self, kind: AssetKind) -> Option<String> {
        match self {
            Self::Text { .. } if kind == AssetKind::Copy => None,
            Self::Text { .. } => Some("Only a COPY is a text. Give a file instead.".to_owned()),
            Self::File(_) if kind == AssetKind::Copy => {
                Some("A COPY is a text without a file. Give its text instead.".to_owned())
            }
            Self::File(file) if suits(kind, &file.media_type) => None,
            Self::File(file) => Some(format!(
                "A file of type {} does not suit an asset of this kind. Give one that does.",
                file.media_type
            )),
        }
    }

    pub(super) fn sha256(&self) -> Option<String> {
        match self {
            Self::File(file) => Some(file.sha256.clone()),
            Self::Text { .. } => None,
        }
    }

    /// The field of the input that it came in.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Text { .. } => "text",
        }
    }

    /// As the audit log keeps it.
    pub(super) fn describe(&self) -> Json {
        match self {
            Self::File(file) => json!({
                "sha256": file.sha256,
                "filename": file.filename,
                "mediaType": file.media_type,
                "bytes": file.bytes,
            }),
            Self::Text { text, .. } => json!({ "text": text }),
        }
    }
}

/// Two bodies are the same where they hold the same; what a file is called does not count.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one.sha256 == other.sha256,
            (Self::Text { text: one, .. }, Self::Text { text: other, .. }) => one == other,
            _ => false,
        }
    }
}
