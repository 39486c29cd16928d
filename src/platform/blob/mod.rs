//! Stored bytes: a folder or an S3 bucket behind one face.
//!
//! Bytes are written once under a name nobody has used and never changed. A reader sees a whole object
//! or none: the folder renames a finished file into place (and syncs it and its directory), S3 shows an
//! object when it is complete. Which object holds which hash is the database's to say.

mod folder;
mod growing;
mod paged;
mod parts;
mod seek;
mod signed;
mod whole;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt, RetryConfig,
};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::error::{Error, Result};

pub use folder::make_folder;
pub use growing::{Growing, Growth, Saving};
pub use paged::Paged;
pub use seek::SeekRead;
use whole::Kept;
pub use whole::Whole;

/// Bytes gathered before they are sent on as one part of a larger object.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// How often and how long a bucket is asked again: who waits for it is told within seconds that it is away.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the bytes lie.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    Folder(PathBuf),
    S3(S3Config),
}

/// An S3 bucket, or one of a store that speaks S3.
#[derive(Clone, Debug)]
pub struct S3Config {
    pub bucket: String,
    pub prefix: String,
    pub region: String,
    /// Another address than Amazon's; plain `http://` is allowed only if it is written so here.
    pub endpoint: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    place: Place,
    kept: Kept,
}

/// What is behind the common face, for what a folder and a bucket do differently.
#[derive(Clone)]
enum Place {
    Folder(PathBuf),
    Bucket(Arc<AmazonS3>),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Folder(_) => "Folder",
            Self::Bucket(_) => "Bucket",
        })
    }
}

/// A stored object's bytes, or a part of them, as they come.
pub struct Download {
    /// The size of the whole object.
    pub size: u64,
    /// The bytes in this answer: from, to (exclusive).
    pub range: std::ops::Range<u64>,
    pub bytes: BoxStream<'static, Result<Bytes, object_store::Error>>,
}

impl Blobs {
    /// Opens the store; a missing folder is made.
    pub fn open(config: &StoreConfig) -> anyhow::Result<Self> {
        match config {
            StoreConfig::Folder(folder) => {
                make_folder(folder)
                    .with_context(|| format!("making the folder {}", folder.display()))?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                Ok(Self {
                    store: Arc::new(store),
                    prefix: Path::default(),
                    place: Place::Folder(folder.clone()),
                    kept: Kept::with_room(0),
                })
            }
            StoreConfig::S3(s3) => {
                let retry = RetryConfig {
                    max_retries: RETRIES,
                    retry_timeout: RETRY_TIMEOUT,
                    ..RetryConfig::default()
                };
                let mut builder = AmazonS3Builder::new()
                    .with_retry(retry)
                    .with_bucket_name(&s3.bucket)
                    .with_region(&s3.region);
                if let Some(endpoint) = &s3.endpoint {
                    builder = builder
                        .with_endpoint(endpoint)
                        .with_allow_http(endpoint.starts_with("http://"));
                }
                if let (Some(id), Some(secret)) = (&s3.access_key_id, &s3.secret_access_key) {
                    builder = builder
                        .with_access_key_id(id)
                        .with_secret_access_key(secret);
                }
                let store = Arc::new(builder.build().context("opening the S3 bucket")?);
                Ok(Self {
                    store: Arc::clone(&store) as Arc<dyn ObjectStore>,
                    prefix: Path::from(s3.prefix.as_str()),
                    place: Place::Bucket(store),
                    kept: Kept::with_room(0),
                })
            }
        }
    }

    /// A name that no object has: two letters of its own to spread folders, then the id.
    #[must_use]
    pub fn new_key(id: Uuid) -> String {
        let hex = id.simple().to_string();
        format!("{}/{hex}", &hex[30..])
    }

    /// A writer for a new object. Nothing is visible until [`Incoming::finish`].
    #[must_use]
    pub fn create(&self, key: &str) -> Incoming {
        let writer = BufWriter::with_capacity(Arc::clone(&self.store), self.path(key), PART_BYTES);
        Incoming { writer }
    }

    /// Reads an object from `range.start` up to `range.end` (exclusive); all of it without a range.
    pub async fn read(&self, key: &str, range: Option<std::ops::Range<u64>>) -> Result<Download> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let found = self.store.get_opts(&self.path(key), options).await?;
        let (size, range) = (found.meta.size, found.range.clone());
        let bytes = match found.payload {
            GetResultPayload::File(file, _) => folder::read(file, range.clone()).boxed(),
            GetResultPayload::Stream(bytes) => bytes,
        };
        Ok(Download { size, range, bytes })
    }

    /// Puts a small object in place of the one that has this key, whole: whoever reads it sees the old or
    /// the new one. For what changes and is the server's own; what callers send has a new key each time.
    pub async fn replace(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.store.put(&self.path(key), bytes.into()).await?;
        Ok(())
    }

    /// The bytes of a small object; none where there is none.
    pub async fn read_small(&self, key: &str) -> Result<Option<Bytes>> {
        match self.store.get(&self.path(key)).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of the objects in a folder.
    pub async fn names(&self, folder: &str) -> Result<Vec<String>> {
        let folder = self.path(folder);
        let found = self.store.list_with_delimiter(Some(&folder)).await?;
        Ok(found
            .objects
            .into_iter()
            .filter_map(|meta| meta.location.filename().map(str::to_owned))
            .collect())
    }

    /// Removes an object; one that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The folders in which the objects of callers lie: see [`Blobs::new_key`].
    pub fn folders() -> impl Iterator<Item = String> {
        (0..=u8::MAX).map(|n| hex::encode([n]))
    }

    /// Whether this is a name that [`Blobs::new_key`] makes.
    #[must_use]
    pub fn is_key(name: &str) -> bool {
        let lower = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        name.split_once('/').is_some_and(|(folder, id)| {
            id.len() == 32 && lower(id) && folder.len() == 2 && id.ends_with(folder)
        })
    }

    /// The keys and sizes of the objects in a folder, as they come.
    pub fn objects(&self, folder: &str) -> BoxStream<'static, Result<(String, u64)>> {
        let prefix = self.prefix.clone();
        self.store
            .list(Some(&self.path(folder)))
            .map_ok(move |meta| (without(&prefix, meta.location.as_ref()), meta.size))
            .map_err(Error::from)
            .boxed()
    }

    /// The keys of all objects, as they come.
    pub fn keys(&self) -> BoxStream<'static, Result<String>> {
        let prefix = self.prefix.clone();
        let start = (!prefix.as_ref().is_empty()).then_some(&self.prefix);
        self.store
            .list(start)
            .map_ok(move |meta| without(&prefix, meta.location.as_ref()))
            .map_err(Error::from)
            .boxed()
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<()> {
        match self.store.head(&self.path("no-such-object")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn bucket(&self) -> Result<Arc<AmazonS3>> {
        match &self.place {
            Place::Bucket(store) => Ok(Arc::clone(store)),
            Place::Folder(_) => Err(Error::internal("a folder has no parts")),
        }
    }

    fn path(&self, key: &str) -> Path {
        if self.prefix.as_ref().is_empty() {
            Path::from(key)
        } else {
            Path::from(format!("{}/{key}", self.prefix))
        }
    }
}

/// An object's key: its place in the store without what stands before all of ours.
fn without(prefix: &Path, location: &str) -> String {
    location
        .strip_prefix(prefix.as_ref())
        .unwrap_or(location)
        .trim_start_matches('/')
        .to_owned()
}

/// An object that is being written. Dropped before [`Incoming::finish`], it leaves nothing to see.
pub struct Incoming {
    writer: BufWriter,
}

impl Incoming {
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.writer.put(bytes).await?;
        Ok(())
    }

    /// Completes the object: when this returns, it is durable and visible, whole.
    pub async fn finish(mut self) -> Result<()> {
        self.writer.shutdown().await?;
        Ok(())
    }

    /// Gives up what has been sent so far.
    pub async fn abort(mut self) -> Result<()> {
        self.writer.abort().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_other_names() {
        let key = Blobs::new_key(Uuid::from_u128(0xab));
        assert!(Blobs::is_key(&key), "{key}");
        assert!(Blobs::folders().any(|folder| key.starts_with(&folder)));
        let hex = "0".repeat(32);
        for other in [
            format!("01/{hex}"),
            format!("00/{hex}#1"),
            format!("00/{}", &hex[1..]),
            format!("00/{}A0", &hex[2..]),
            format!("audit-heads/{hex}"),
            hex.clone(),
            format!("00/00/{hex}"),
        ] {
            assert!(!Blobs::is_key(&other), "{other}");
        }
    }
}
