//! An object that arrives in pieces, over many requests and perhaps at several instances.
//!
//! What of it is durable is a [`Growth`]: the caller keeps it, together with the hash so far, and hands it
//! back to go on. Whatever was written past it is forgotten then. Nothing is visible under the object's key
//! until [`Blobs::complete`]: the folder has a partial file beside it, which is renamed into place; a bucket
//! has the parts of a multipart upload, and the bytes behind the last part in an object of their own.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;

use super::folder::FileGrowth;
use super::parts::PartsGrowth;
use super::{Blobs, Place};
use crate::error::{Error, Result};
use crate::platform::digest::{Check, Sha256Run};

/// The smallest part of a large object in a bucket; S3 takes none under 5 MiB, but for the last.
const MIN_PART: u64 = 8 * 1024 * 1024;
/// Parts of one object; S3 takes 10,000.
const MAX_PARTS: u64 = 9_000;
/// Where the bytes behind the last part wait.
const TAILS: &str = "uploads";

/// Where an object that grows stands: what of it survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The object's name once it is complete.
    pub key: String,
    /// How long it will be.
    pub length: u64,
    /// How much of it is durable.
    pub bytes: u64,
    /// The state of the hash over those.
    pub hash_state: Vec<u8>,
    /// The size of every part but the last.
    pub part_bytes: u64,
    /// The bucket's name for the parts, once there are any.
    pub multipart: Option<String>,
    /// The bucket's names of the parts.
    pub parts: Arc<Vec<String>>,
    /// The object that holds the bytes behind the last part.
    pub tail: Option<String>,
}

impl Growth {
    /// An object of this length of which nothing has arrived.
    #[must_use]
    pub fn new(key: String, length: u64) -> Self {
        Self {
            key,
            length,
            bytes: 0,
            hash_state: Sha256Run::default().state(),
            part_bytes: length.div_ceil(MAX_PARTS).max(MIN_PART),
            multipart: None,
            parts: Arc::default(),
            tail: None,
        }
    }

    /// The hash over what is durable.
    pub fn hash(&self) -> Result<Sha256Run> {
        Sha256Run::resume(&self.hash_state)
            .ok_or_else(|| Error::internal("an upload's hash cannot be gone on with"))
    }

    /// The folder of objects for bytes behind the last part.
    pub(super) fn tails(&self) -> String {
        let (_, name) = self.key.rsplit_once('/').unwrap_or(("", &self.key));
        format!("{TAILS}/{name}")
    }
}

/// What runs over the bytes as they are written.
#[derive(Clone, Debug)]
pub(super) struct Hashes {
    pub(super) whole: Sha256Run,
    pub(super) check: Option<Check>,
}

impl Hashes {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        if let Some(check) = &mut self.check {
            check.update(bytes);
        }
    }
}

/// An object that is being written to. Dropped, it is as its last saved [`Growth`] says.
pub struct Growing(Kind);

enum Kind {
    File(FileGrowth),
    Parts(Box<PartsGrowth>),
}

/// A save that is under way: what is durable once it is done.
pub type Saving = BoxFuture<'static, Result<Growth>>;

impl Growing {
    /// Takes bytes. They are hashed and on their way to the store, not yet durable.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.0 {
            Kind::File(file) => file.write(bytes).await,
            Kind::Parts(parts) => parts.write(bytes).await,
        }
    }

    /// Begins to make durable all that was written; writing may go on meanwhile. One at a time.
    pub async fn save(&mut self) -> Result<Saving> {
        match &mut self.0 {
            Kind::File(file) => file.save().await,
            Kind::Parts(parts) => parts.save().await,
        }
    }

    /// Whether there is something that should be saved at once: whoever forgets it leaves it for good.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        match &self.0 {
            Kind::File(_) => false,
            Kind::Parts(parts) => parts.is_urgent(),
        }
    }

    /// The store's name for what is not saved, which need not be told again.
    pub fn named(&mut self) -> Option<String> {
        match &mut self.0 {
            Kind::File(_) => None,
            Kind::Parts(parts) => parts.named(),
        }
    }

    /// Whether the bytes written since it was opened are those that were announced.
    pub async fn check_holds(&mut self) -> Result<bool> {
        let hashes = match &mut self.0 {
            Kind::File(file) => file.hashes().await?,
            Kind::Parts(parts) => parts.hashes(),
        };
        Ok(hashes.check.as_ref().is_none_or(Check::holds))
    }

    /// Ends without a save: removes what would be found by nobody, `saved` being what the caller keeps.
    pub async fn give_up(self, saved: &Growth) {
        if let Kind::Parts(parts) = self.0 {
            parts.give_up(saved).await;
        }
    }
}

impl Blobs {
    /// Goes on with an object where `growth` says. `epoch` tells this writer from those before it; `check`
    /// runs over what is written from here on. None where another writer has it still.
    pub async fn grow(
        &self,
        growth: Growth,
        epoch: i64,
        check: Option<Check>,
    ) -> Result<Option<Growing>> {
        let hashes = Hashes {
            whole: growth.hash()?,
            check,
        };
        let kind = match &self.place {
            Place::Folder(root) => FileGrowth::open(root.clone(), growth, hashes)
                .await?
                .map(Kind::File),
            Place::Bucket(_) => {
                let parts = PartsGrowth::open(self.clone(), growth, hashes, epoch).await?;
                Some(Kind::Parts(Box::new(parts)))
            }
        };
        Ok(kind.map(Growing))
    }

    /// Makes an object of which all bytes are durable visible under its key. To do it again does nothing.
    pub async fn complete(&self, growth: &Growth) -> Result<()> {
        match &self.place {
            Place::Folder(root) => super::folder::complete(root.clone(), growth).await?,
            Place::Bucket(store) => super::parts::complete(self, store, growth).await?,
        }
        let size = self.store.head(&self.path(&growth.key)).await?.size;
        if size == growth.length {
            return Ok(());
        }
        Err(Error::internal(format!(
            "the object {} has {size} bytes, not {}",
            growth.key, growth.length
        )))
    }

    /// Removes all there is of an object that is not to be, but for the complete object itself.
    pub async fn forget(&self, growth: &Growth) -> Result<()> {
        match &self.place {
            Place::Folder(root) => super::folder::forget(root.clone(), growth).await,
            Place::Bucket(store) => super::parts::forget(self, store, growth).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_large_enough_for_few_of_them() {
        for (length, part) in [
            (0, MIN_PART),
            (50 << 30, MIN_PART),
            (256 << 30, (256_u64 << 30).div_ceil(MAX_PARTS)),
        ] {
            let growth = Growth::new("ab/cd".to_owned(), length);
            assert_eq!(growth.part_bytes, part);
            assert!(length.div_ceil(growth.part_bytes) <= MAX_PARTS);
        }
        assert_eq!(
            Growth::new("ab/cd".to_owned(), 1).tails(),
            "uploads/cd".to_owned()
        );
    }
}
