//! What can go wrong, sorted by who can mend it.
//!
//! `User` is for the person at the other end: it becomes `userErrors` and changes nothing. Everything
//! else becomes a top-level GraphQL error or an HTTP status; its cause goes to the log, never out.

use std::fmt;

use async_graphql::Enum;
use sea_orm::{DbErr, RuntimeErr};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The codes of `userErrors`, as the contract names them.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserErrorCode {
    /// Something that must be given is absent or empty.
    Required,
    /// The value does not fit; the message says what would.
    Invalid,
    /// The text is longer than the field holds.
    TooLong,
    /// The id names nothing that you can see.
    NotFound,
    /// The name is in use already.
    Taken,
    /// Someone else was faster: read again and decide again.
    Conflict,
    /// The thing is not in a state from which this step can be taken.
    ForbiddenTransition,
    /// The gate does not let it out there now.
    NotAvailable,
    /// The bytes are of no type that is kept here.
    UnsupportedMedia,
    /// Larger than the limit; the message names it.
    TooLarge,
    /// The bytes that arrived are not those that were announced.
    ChecksumMismatch,
    /// This `clientMutationId` was used for another input.
    IdempotencyConflict,
    /// A version is not reviewed by its author.
    SelfReview,
    /// It is in use; the message says where.
    InUse,
    /// A list is full; the message names its limit.
    QuotaExceeded,
}

/// One thing that the user can mend: what, where in the input, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    pub code: UserErrorCode,
    /// The path of the input field, such as `["input", "endsAt"]`; empty where it is about the whole.
    pub field: Vec<String>,
    pub message: String,
}

impl UserError {
    /// `field` is a dotted path below the input: `"endsAt"`, `"rules.2.value"`; empty for the whole.
    #[must_use]
    pub fn new(code: UserErrorCode, field: &str, message: impl Into<String>) -> Self {
        let mut path = vec!["input".to_owned()];
        path.extend(
            field
                .split('.')
                .filter(|s| !s.is_empty())
                .map(str::to_owned),
        );
        Self {
            code,
            field: path,
            message: message.into(),
        }
    }

    /// The text for every id that the caller cannot see: foreign, random and malformed alike.
    #[must_use]
    pub fn not_found(field: &str) -> Self {
        Self::new(
            UserErrorCode::NotFound,
            field,
            "Nothing with this id is visible to you.",
        )
    }
}

/// A failed operation.
#[derive(Debug)]
pub enum Error {
    /// What the user can mend; the operation has changed nothing.
    User(Vec<UserError>),
    /// A request that only its programmer can mend. The text goes out.
    BadRequest(String),
    Unauthenticated,
    /// The caller's token does not have this right. The text goes out.
    Forbidden(String),
    /// A query argument names nothing that the caller can see.
    NotFound,
    /// Something we depend on is away for now; a retry may succeed.
    Unavailable(anyhow::Error),
    /// Our fault. The cause goes to the log with the request's id.
    Internal(anyhow::Error),
}

impl Error {
    /// One user error at `field`.
    #[must_use]
    pub fn user(code: UserErrorCode, field: &str, message: impl Into<String>) -> Self {
        Self::User(vec![UserError::new(code, field, message)])
    }

    /// An id in a mutation's input that names nothing visible.
    #[must_use]
    pub fn not_found(field: &str) -> Self {
        Self::User(vec![UserError::not_found(field)])
    }

    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal(anyhow::anyhow!("{cause}"))
    }
}

/// Less room is left than is kept in reserve.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{free} bytes are free, less than is kept in reserve")]
pub struct NoRoom {
    pub free: u64,
}

/// What is said of it outside.
pub(crate) const NO_ROOM: &str = "The server has no room left to store this. Nothing was changed; reading goes on. Tell its operator.";

/// Whether something failed because a disk is full, or nearly so.
pub(crate) fn is_no_room(cause: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    cause.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|e| matches!(e.kind(), StorageFull | QuotaExceeded))
            || cause.is::<NoRoom>()
            || matches!(
                cause.downcast_ref::<sqlx::Error>(),
                // SQLITE_FULL, and PostgreSQL's disk_full.
                Some(sqlx::Error::Database(e)) if e.code().is_some_and(|code| code == "13" || code == "53100")
            )
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(errors) => {
                for (i, e) in errors.iter().enumerate() {
                    let sep = if i == 0 { "" } else { "; " };
                    write!(f, "{sep}{}: {}", e.field.join("."), e.message)?;
                }
                Ok(())
            }
            Self::BadRequest(text) | Self::Forbidden(text) => f.write_str(text),
            Self::Unauthenticated => f.write_str("no valid access token"),
            Self::NotFound => f.write_str("nothing with this id is visible to the caller"),
            Self::Unavailable(cause) => write!(f, "unavailable: {cause:#}"),
            Self::Internal(cause) => write!(f, "internal: {cause:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

impl From<DbErr> for Error {
    fn from(cause: DbErr) -> Self {
        let away = match &cause {
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => {
                is_outage(e)
            }
            _ => false,
        };
        let cause = anyhow::Error::new(cause).context("database");
        if away {
            Self::Unavailable(cause)
        } else {
            Self::Internal(cause)
        }
    }
}

/// Whether the database is away, shutting down, out of space or out of time, rather than our query wrong.
fn is_outage(cause: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match cause {
        E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => true,
        E::Database(e) => e.code().is_some_and(|code| {
            // PostgreSQL: 08 connection, 53 resources, 57 intervention and timeout. SQLite: BUSY, IOERR, FULL.
            ["08", "53", "57"]
                .iter()
                .any(|class| code.len() == 5 && code.starts_with(class))
                || (code.len() < 5
                    && code
                        .parse::<u32>()
                        .is_ok_and(|c| matches!(c & 0xff, 5 | 6 | 9 | 10 | 13)))
        }),
        _ => false,
    }
}

impl From<object_store::Error> for Error {
    fn from(cause: object_store::Error) -> Self {
        Self::Unavailable(anyhow::Error::new(cause).context("object store"))
    }
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Self::Unavailable(anyhow::Error::new(cause).context("input or output"))
    }
}

/// Collects every error of an input before the operation is refused, so that the user mends all at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<UserError>);

impl Problems {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&mut self, code: UserErrorCode, field: &str, message: impl Into<String>) {
        self.0.push(UserError::new(code, field, message));
    }

    pub fn push(&mut self, error: UserError) {
        self.0.push(error);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the value of `result`, or its user errors; any other error ends the operation.
    pub fn keep<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::User(errors)) => {
                self.0.extend(errors);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Fails with everything collected, if anything was.
    pub fn check(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::User(self.0))
        }
    }
}
