//! One operation: who asks, when, and under which idempotency key.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::platform::clock::Timestamp;
use crate::platform::ids::{Ids, TokenId};

/// Who did something, as stored beside what they did: a kind and an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Actor {
    /// The server itself, or its operator at the command line.
    System,
    Token(TokenId),
}

impl Actor {
    /// The two columns in which an actor is stored.
    #[must_use]
    pub fn to_columns(self) -> (String, Option<Uuid>) {
        match self {
            Self::System => ("SYSTEM".to_owned(), None),
            Self::Token(id) => ("TOKEN".to_owned(), Some(id.0)),
        }
    }

    /// Reads the two columns; whatever is unknown is the system.
    #[must_use]
    pub fn from_columns(kind: &str, id: Option<Uuid>) -> Self {
        match (kind, id) {
            ("TOKEN", Some(id)) => Self::Token(TokenId(id)),
            _ => Self::System,
        }
    }

    /// The key under which the actor's idempotency keys and stored files are kept.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::System => "system".to_owned(),
            Self::Token(id) => id.to_string(),
        }
    }
}

/// What makes a retry safe: the caller's key, and a hash of what was asked under it.
#[derive(Clone, Debug)]
pub struct Idempotency {
    pub key: String,
    /// A keyed hash of the operation's name and canonical input, without secrets.
    pub input_hash: Vec<u8>,
}

/// One operation as the platform sees it.
#[derive(Clone, Debug)]
pub struct Op {
    pub actor: Actor,
    /// The instant at which the operation takes place; one for all that it does.
    pub at: Timestamp,
    pub ids: Ids,
    pub request_id: String,
    pub idempotency: Option<Idempotency>,
}
