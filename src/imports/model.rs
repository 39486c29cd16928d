//! Imports, and what may be wrong with a table.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::platform::clock::Timestamp;
use crate::platform::ids::{BrandId, ImportId, UploadId};
use crate::platform::op::Actor;

/// Largest table, in bytes.
pub(super) const MAX_BYTES: i64 = 256 << 20;
/// Most rows of a table.
pub(super) const MAX_ROWS: u64 = 250_000;
/// Most rows of a table that change what is there: each is a mutation of its own within the transaction.
pub(super) const MAX_CHANGES: u64 = 5_000;
/// Most rows of a table of placements: each asks the gate within the transaction.
pub(super) const MAX_PLACEMENTS: u64 = 10_000;
/// Most errors that are told.
pub(super) const MAX_ERRORS: usize = 100;

/// What the rows of a table are.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ImportKind {
    /// What the brand has made: a row for each asset, which names its bytes by the hash under which you have
    /// uploaded them, or which the brand's assets have.
    Assets,
    /// What others said: a row for each endorsement.
    Endorsements,
    /// Where versions are shown: a row for each placement.
    Placements,
}

/// How far an import has come.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ImportState {
    /// Its turn has not come.
    Waiting,
    /// Its rows are read and checked.
    Checking,
    /// Its rows are good, and are written.
    Writing,
    /// All of it is there, or was tried where it is a dry run.
    Done,
    /// Rows are at fault; nothing was changed.
    Refused,
    /// It could not be done; nothing was changed.
    Failed,
}

/// What is wrong, and where in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowError {
    /// Counted from 1, the header's.
    pub line: i64,
    pub column: Option<String>,
    pub message: String,
}

/// The first errors of a table, and how many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub first: Vec<RowError>,
    pub count: u64,
}

impl Faults {
    pub(super) fn add(&mut self, line: u64, column: Option<&str>, message: impl Into<String>) {
        self.count += 1;
        if self.first.len() < MAX_ERRORS {
            self.first.push(RowError {
                line: i64::try_from(line).unwrap_or(i64::MAX),
                column: column.map(str::to_owned),
                message: message.into(),
            });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In the order of their lines.
    pub(super) fn sorted(mut self) -> Self {
        self.first.sort_by_key(|error| error.line);
        self
    }
}

/// What rows come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
}

impl Counts {
    pub(super) fn rows(self) -> u64 {
        self.created + self.updated + self.unchanged
    }
}

/// A table that is imported, or was.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub id: ImportId,
    pub brand: BrandId,
    pub kind: ImportKind,
    pub upload: UploadId,
    pub filename: String,
    pub dry_run: bool,
    pub state: ImportState,
    pub rows: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub error_count: i64,
    pub errors: Vec<RowError>,
    /// How often it was taken up; of two who are at it the later counts.
    pub attempts: i32,
    pub maker: Actor,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}
