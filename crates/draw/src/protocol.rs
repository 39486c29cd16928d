//! What a pool and its workers say to each other: a length in four bytes (little endian), that many
//! bytes of JSON, and after an answer with a rendition the rendition's bytes.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::measure::Measured;
use crate::{DrawError, DrawnFacts, Limits, Metadata, Recipe};

/// Longest message.
pub(crate) const MAX_MESSAGE: u32 = 256 * 1024;
/// Bytes of a length.
pub(crate) const LENGTH_BYTES: usize = 4;

/// One job of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The one file that the worker opens.
    pub source: PathBuf,
    pub task: Task,
    pub limits: Limits,
}

/// What is done with the source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Task {
    Draw(Recipe),
    Measure,
    /// What it says of itself.
    Describe,
}

/// What a worker found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) isolation: Isolation,
    pub(crate) result: Result<Outcome, DrawError>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// As many bytes follow.
    Drawn {
        facts: DrawnFacts,
        bytes: u64,
    },
    Measured(Measured),
    Described(Metadata),
}

/// How far a worker is kept apart from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// Memory, time, files and core dumps are limited, and the kernel lets it read what it has open, write
    /// its answer, and nothing else: no file is opened, no connection made, no program started.
    Full,
    /// Memory, time, files and core dumps are limited. This kernel cannot forbid the rest.
    LimitsOnly,
}

/// Writes one message.
pub(crate) fn write_message(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len())
        .ok()
        .filter(|length| *length <= MAX_MESSAGE)
        .ok_or_else(|| io::Error::other("the message is too long"))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&json)?;
    to.flush()
}

/// Reads one message; none at the end.
pub(crate) fn read_message<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH_BYTES];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let length = u32::from_le_bytes(length);
    if length > MAX_MESSAGE {
        return Err(io::Error::other("the message is too long"));
    }
    let mut json = vec![0; length as usize];
    from.read_exact(&mut json)?;
    Ok(Some(serde_json::from_slice(&json)?))
}
