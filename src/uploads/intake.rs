//! What all bytes that arrive go through: is there room, what are they, what are they called.

use std::sync::Arc;

use accolade_media::{Facts, Limits, Refusal, probe};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::blob::{SeekRead, StoreConfig};
use crate::platform::text;

/// Longest file name that is kept, in characters.
const MAX_FILENAME: usize = 255;
/// What a file without a usable name is called.
const NO_NAME: &str = "file";

/// The type of a table that is to be imported. Its sender says so; nothing else is made of it.
pub(crate) const TABLE: &str = "text/csv";

/// What was measured in accepted bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub media_type: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub orientation: u8,
    pub has_alpha: Option<bool>,
    pub color_space: Option<String>,
    pub frames: Option<u32>,
    pub duration_ms: Option<u64>,
    pub pages: Option<u32>,
}

impl Measured {
    /// Bytes of which no more is known than their type.
    pub(crate) fn of_type(media_type: &str) -> Self {
        Self {
            media_type: media_type.to_owned(),
            width: None,
            height: None,
            orientation: 1,
            has_alpha: None,
            color_space: None,
            frames: None,
            duration_ms: None,
            pages: None,
        }
    }
}

impl From<Facts> for Measured {
    fn from(facts: Facts) -> Self {
        Self {
            media_type: facts.media_type.to_owned(),
            width: facts.width,
            height: facts.height,
            orientation: facts.orientation,
            has_alpha: facts.has_alpha,
            color_space: facts.color_space.map(str::to_owned),
            frames: facts.frames,
            duration_ms: facts.duration_ms,
            pages: facts.pages,
        }
    }
}

/// Why bytes are not kept, for the one who sent them. A request that never uses them does not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: UserErrorCode,
    pub message: String,
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        let code = match refusal {
            Refusal::Unsupported { .. } => UserErrorCode::UnsupportedMedia,
            Refusal::TooLarge { .. } => UserErrorCode::TooLarge,
            _ => UserErrorCode::Invalid,
        };
        Self {
            code,
            message: text::sentence(&refusal.to_string()),
        }
    }
}

/// Refuses new bytes where the disk that they go to, or that they are measured on, is nearly full, or would
/// be once `bytes` more are in the store.
pub(crate) async fn check_room(app: &Arc<App>, bytes: u64) -> Result<()> {
    let reserve = app.config.reserve;
    let mut folders = vec![(app.config.data_dir.clone(), 0)];
    if let StoreConfig::Folder(folder) = &app.config.store {
        folders.push((folder.clone(), bytes));
    }
    blocking(move || {
        folders
            .iter()
            .try_for_each(|(folder, bytes)| reserve.check(folder, *bytes))
    })
    .await?
}

/// Measures bytes, away from the threads that serve. A refusal of the bytes is an outcome.
pub(crate) async fn measure<R: SeekRead>(
    open: impl FnOnce() -> std::io::Result<R> + Send + 'static,
) -> Result<Result<Measured, Refused>> {
    let probed = blocking(move || {
        let reader = open()?;
        probe(reader, &Limits::default())
    })
    .await?;
    match probed {
        Ok(facts) => Ok(Ok(facts.into())),
        Err(Refusal::Unreadable(cause)) => Err(cause.into()),
        Err(refusal) => Ok(Err((&refusal).into())),
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Error::internal)
}

/// A sender's file name as it is kept: without control characters, at most 255 characters. It stays what
/// it is otherwise, `../../x` too: it is shown, and never becomes a path.
#[must_use]
pub(crate) fn clean_filename(name: &str) -> String {
    let kept: String = name.chars().filter(|c| !c.is_control()).collect();
    let kept: String = kept.trim().chars().take(MAX_FILENAME).collect();
    if kept.is_empty() {
        NO_NAME.to_owned()
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_kept_as_text() {
        let long = "é".repeat(300);
        let cases = [
            ("badge.png", "badge.png"),
            ("  top pick 2026.pdf ", "top pick 2026.pdf"),
            ("../../etc/passwd", "../../etc/passwd"),
            ("a\u{0}b\nc\u{7f}\u{85}d", "abcd"),
            ("最佳.png", "最佳.png"),
            ("", "file"),
            (" \u{1} ", "file"),
            (long.as_str(), &long[..510]),
        ];
        for (given, kept) in cases {
            assert_eq!(clean_filename(given), kept, "{given:?}");
        }
    }

    #[test]
    fn refusals_become_sentences_with_codes() {
        let cases = [
            (Refusal::Empty, UserErrorCode::Invalid),
            (
                Refusal::Unsupported {
                    found: "text".into(),
                },
                UserErrorCode::UnsupportedMedia,
            ),
            (
                Refusal::TooLarge {
                    what: "pixels",
                    actual: 2,
                    limit: 1,
                },
                UserErrorCode::TooLarge,
            ),
            (
                Refusal::Damaged {
                    reason: "it ends".into(),
                },
                UserErrorCode::Invalid,
            ),
            (
                Refusal::Unsafe {
                    reason: "a script".into(),
                },
                UserErrorCode::Invalid,
            ),
        ];
        for (refusal, code) in cases {
            let refused = Refused::from(&refusal);
            assert_eq!(refused.code, code);
            assert!(
                refused.message.starts_with('T') && refused.message.ends_with('.'),
                "{refused:?}"
            );
        }
    }
}
