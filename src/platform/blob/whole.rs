//! Small objects, read as a whole and compared with their hash: most of what pages show. Those that are asked
//! for again and again stay in memory, up to a number of bytes, and are read anew once a minute: what has
//! become wrong where it lies is found by those who ask for it, too. Who asks a second time gets them with a
//! file that they are sent from.

use std::fs::File;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::paged::Paged;
use super::{Blobs, Place};
use crate::error::{Error, Result};

/// How long bytes stay in memory.
const KEPT_FOR: Duration = Duration::from_mins(1);
/// How many of them may be in files at the same time: each is an open one.
const MOST_PAGED: usize = 128;

/// What a small object was found to hold.
#[derive(Clone, Debug)]
pub enum Whole {
    /// The bytes of the hash, and the file they can be sent from, where there is one.
    Right(Bytes, Option<Arc<Paged>>),
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
            Self::Right(bytes.into(), None)
        } else {
            Self::Wrong
        }
    }
}

/// Small objects that were read a moment ago, by their keys.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    objects: Cache<String, Arc<Object>>,
    files: Arc<Semaphore>,
}

#[derive(Debug)]
struct Object {
    bytes: Bytes,
    /// Made for the second who asks, unless too many are open then.
    paged: OnceLock<Option<Arc<Paged>>>,
}

impl Kept {
    /// Room for so many bytes. What may lie in a file counts twice.
    pub(super) fn with_room(bytes: u64) -> Self {
        let weigh = |key: &String, object: &Arc<Object>| {
            let length = object.bytes.len();
            let copies = if length < Paged::LEAST { 1 } else { 2 };
            u32::try_from(key.len() + copies * length).unwrap_or(u32::MAX)
        };
        let objects = Cache::builder()
            .max_capacity(bytes)
            .weigher(weigh)
            .time_to_live(KEPT_FOR);
        Self {
            objects: objects.build(),
            files: Arc::new(Semaphore::new(MOST_PAGED)),
        }
    }

    fn get(&self, key: &str) -> Option<Whole> {
        let object = self.objects.get(key)?;
        let paged = object.paged.get_or_init(|| self.page(&object.bytes));
        Some(Whole::Right(object.bytes.clone(), paged.clone()))
    }

    /// The bytes in a file of their own. Where none can be had, they are sent as they are.
    fn page(&self, bytes: &Bytes) -> Option<Arc<Paged>> {
        if bytes.len() < Paged::LEAST {
            return None;
        }
        let permit = Arc::clone(&self.files).try_acquire_owned().ok()?;
        Paged::new(bytes.clone(), permit).map(Arc::new).ok()
    }

    fn insert(&self, key: &str, bytes: Bytes) {
        let paged = OnceLock::new();
        let object = Arc::new(Object { bytes, paged });
        self.objects.insert(key.to_owned(), object);
    }
}

impl Blobs {
    /// The same store, with room in memory for so many bytes of small objects.
    #[must_use]
    pub fn keeping(mut self, bytes: u64) -> Self {
        self.kept = Kept::with_room(bytes);
        self
    }

    /// All bytes of an object that should have this size, which its caller knows to be small, and this hash.
    pub async fn whole(&self, key: &str, size: u64, sha256: &str) -> Result<Whole> {
        if let Some(right) = self.kept.get(key) {
            return Ok(right);
        }
        // Seldom, and large.
        Box::pin(self.read_whole(key, size, sha256)).await
    }

    async fn read_whole(&self, key: &str, size: u64, sha256: &str) -> Result<Whole> {
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
        if let Whole::Right(bytes, _) = &found {
            self.kept.insert(key, bytes.clone());
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
