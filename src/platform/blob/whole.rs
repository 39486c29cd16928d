//! Small objects, read as a whole and compared with their hash: most of what pages show. Those that are asked
//! for again and again stay in memory, up to a number of bytes, and are read anew once a minute: what has
//! become wrong where it lies is found by those who ask for it, too.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{Blobs, Place};
use crate::error::{Error, Result};

/// How long bytes stay in memory.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// What a small object was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The bytes of the hash.
    Right(Bytes),
    /// As many bytes, but others.
    Wrong,
    /// So many bytes, which are too few or too many.
    Sized(u64),
}

impl Whole {
    fn of(bytes: Vec<u8>, size: u64, sha256: &str) -> Self {
        if bytes.len() as u64 != size {
            Self::Sized(bytes.len() as u64)
        } else if hex::encode(Sha256::digest(&bytes)) == sha256 {
            Self::Right(bytes.into())
        } else {
            Self::Wrong
        }
    }
}

impl Blobs {
    /// The same store, with room in memory for so many bytes of small objects.
    #[must_use]
    pub fn keeping(mut self, bytes: u64) -> Self {
        let weigh = |key: &String, bytes: &Bytes| {
            u32::try_from(key.len() + bytes.len()).unwrap_or(u32::MAX)
        };
        self.kept = Cache::builder()
            .max_capacity(bytes)
            .weigher(weigh)
            .time_to_live(KEPT_FOR)
            .build();
        self
    }

    /// All bytes of an object that should have this size, which its caller knows to be small, and this hash.
    pub async fn whole(&self, key: &str, size: u64, sha256: &str) -> Result<Whole> {
        if let Some(bytes) = self.kept.get(key) {
            return Ok(Whole::Right(bytes));
        }
        let found = match &self.place {
            Place::Folder(root) => {
                let (path, sha256) = (root.join(key), sha256.to_owned());
                let read = spawn_blocking(move || read(&path, size, &sha256));
                read.await.map_err(Error::internal)??
            }
            Place::Bucket(_) => {
                let download = self.read(key, None).await?;
                if download.size == size {
                    let parts: Vec<Bytes> = download.bytes.try_collect().await?;
                    Whole::of(parts.concat(), size, sha256)
                } else {
                    Whole::Sized(download.size)
                }
            }
        };
        if let Whole::Right(bytes) = &found {
            self.kept.insert(key.to_owned(), bytes.clone());
        }
        Ok(found)
    }
}

fn read(path: &std::path::Path, size: u64, sha256: &str) -> std::io::Result<Whole> {
    let file = File::open(path)?;
    let found = file.metadata()?.len();
    if found != size {
        return Ok(Whole::Sized(found));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(size).read_to_end(&mut bytes)?;
    Ok(Whole::of(bytes, size, sha256))
}
