//! An upload, and what can speak against a step of it.

use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};

use super::intake::{Measured, Refused, TABLE};
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::blob::Growth;
use crate::platform::clock::Timestamp;
use crate::platform::digest::Checksum;
use crate::platform::ids::UploadId;

/// An upload as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub id: UploadId,
    /// What of its bytes is durable, and where.
    pub growth: Growth,
    /// What its sender called it: data, never a path.
    pub filename: String,
    /// What its sender said of it, as it was said.
    pub metadata: String,
    pub expires_at: Timestamp,
    pub(super) lock: Lock,
    /// The hash of all bytes, and what was found in them.
    pub(super) outcome: Option<(String, Result<Measured, Refused>)>,
    pub(super) is_used: bool,
    pub(super) is_ended: bool,
}

/// Who may write: the one who took the lock last, until it expires or is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    /// Counts how often it was taken.
    pub epoch: i64,
    pub until: Option<Timestamp>,
}

impl Lock {
    pub(super) fn is_held(self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| at < until)
    }
}

impl Upload {
    /// How many bytes are durable.
    pub(crate) fn offset(&self) -> u64 {
        self.growth.bytes
    }

    /// How many there will be.
    pub(crate) fn length(&self) -> u64 {
        self.growth.length
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.growth.bytes == self.growth.length
    }

    /// Whether its sender says that it is a table, by the key under which clients send a file's type.
    pub(super) fn is_table(&self) -> bool {
        let mut pairs = self.metadata.split(',').map(str::trim);
        pairs.any(|pair| {
            let Some(("filetype", value)) = pair.split_once(' ') else {
                return false;
            };
            let value = STANDARD.decode(value).unwrap_or_default();
            value.eq_ignore_ascii_case(TABLE.as_bytes())
        })
    }

    pub(super) fn lives(&self, at: Timestamp) -> bool {
        !self.is_ended && at < self.expires_at
    }
}

/// What an upload begins with.
pub(crate) struct NewUpload {
    pub length: u64,
    pub filename: String,
    pub metadata: String,
}

/// Bytes of an upload that come with one request.
pub(crate) struct Piece {
    /// Where they go on.
    pub offset: u64,
    /// How many there are, if that is known.
    pub announced: Option<u64>,
    /// What they hash to, if that is said: then all of them are kept or none.
    pub checksum: Option<Checksum>,
    pub body: Body,
}

/// The bytes of a piece, as they come; an error is the sender's.
pub(crate) type Body = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Why a piece was not taken, or not all of it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The upload has expired, or was ended.
    Gone,
    /// Somebody else is writing to it.
    Locked,
    /// It stands elsewhere by now.
    WrongOffset,
    /// There are more bytes than the upload was to have.
    TooLong,
    /// The bytes are not those that were announced.
    Mismatch,
    /// The bytes stopped coming.
    TooSlow,
    /// The sender broke off.
    Broken,
    /// The server is about to stop.
    Stopping,
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// An outcome as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Measured(Measured),
    Refused { code: Code, message: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Code {
    Invalid,
    TooLarge,
    UnsupportedMedia,
}

pub(super) fn write_outcome(outcome: &Result<Measured, Refused>) -> Result<String> {
    let stored = match outcome {
        Ok(measured) => Stored::Measured(measured.clone()),
        Err(refused) => Stored::Refused {
            code: match refused.code {
                UserErrorCode::TooLarge => Code::TooLarge,
                UserErrorCode::UnsupportedMedia => Code::UnsupportedMedia,
                _ => Code::Invalid,
            },
            message: refused.message.clone(),
        },
    };
    serde_json::to_string(&stored).map_err(Error::internal)
}

pub(super) fn read_outcome(text: &str) -> Result<Result<Measured, Refused>> {
    Ok(match serde_json::from_str(text).map_err(Error::internal)? {
        Stored::Measured(measured) => Ok(measured),
        Stored::Refused { code, message } => Err(Refused {
            code: match code {
                Code::Invalid => UserErrorCode::Invalid,
                Code::TooLarge => UserErrorCode::TooLarge,
                Code::UnsupportedMedia => UserErrorCode::UnsupportedMedia,
            },
            message,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_as_it_was_written() {
        let refused = |code| {
            Err(Refused {
                code,
                message: "No.".to_owned(),
            })
        };
        for outcome in [
            refused(UserErrorCode::Invalid),
            refused(UserErrorCode::TooLarge),
            refused(UserErrorCode::UnsupportedMedia),
            Ok(Measured {
                media_type: "image/png".to_owned(),
                width: Some(3),
                height: Some(2),
                orientation: 6,
                has_alpha: Some(true),
                color_space: Some("sRGB".to_owned()),
                frames: Some(1),
                duration_ms: None,
                pages: None,
            }),
        ] {
            let text = write_outcome(&outcome).unwrap();
            assert_eq!(read_outcome(&text).unwrap(), outcome);
        }
    }

    #[test]
    fn a_lock_is_held_until_it_expires() {
        let lock = |until| Lock { epoch: 1, until };
        assert!(!lock(None).is_held(Timestamp(5)));
        assert!(lock(Some(Timestamp(6))).is_held(Timestamp(5)));
        assert!(!lock(Some(Timestamp(5))).is_held(Timestamp(5)));
    }
}
