//! A multipart upload that is gone on with: parts of one size, and the bytes behind the last one in an object
//! of their own, which has another name each time and so is never half of two writers.
//!
//! One part is filled while the one before it is sent, so that two of them stand in memory.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::{ObjectStoreExt, PutPayload};
use tokio::task::JoinHandle;

use super::Blobs;
use super::growing::{Growth, Hashes, Saving};
use crate::error::{Error, Result};
use crate::platform::tasks;

pub(super) struct PartsGrowth {
    blobs: Blobs,
    store: Arc<AmazonS3>,
    epoch: i64,
    hashes: Hashes,
    /// What the store has, with parts that are not saved yet.
    growth: Growth,
    written: u64,
    /// The bytes behind the last part.
    buffer: BytesMut,
    /// The part that is being sent.
    sent: Option<JoinHandle<Result<PartId, object_store::Error>>>,
    /// Whether the name of the multipart upload is known here only.
    urgent: bool,
}

impl PartsGrowth {
    pub(super) async fn open(
        blobs: Blobs,
        growth: Growth,
        hashes: Hashes,
        epoch: i64,
    ) -> Result<Self> {
        let store = blobs.bucket()?;
        let part = size_of(growth.part_bytes)?;
        let mut buffer = BytesMut::new();
        if let Some(tail) = &growth.tail {
            let bytes = blobs.read_small(tail).await?;
            let bytes =
                bytes.ok_or_else(|| Error::internal(format!("the object {tail} is missing")))?;
            buffer = BytesMut::with_capacity(part);
            buffer.extend_from_slice(&bytes);
        }
        let in_parts = growth.parts.len() as u64 * growth.part_bytes;
        // The last part of a whole object may be a short one.
        if growth.bytes < growth.length && in_parts + buffer.len() as u64 != growth.bytes {
            return Err(Error::internal(format!(
                "the parts of {} do not make {} bytes",
                growth.key, growth.bytes
            )));
        }
        Ok(Self {
            store,
            epoch,
            hashes,
            written: growth.bytes,
            growth,
            buffer,
            sent: None,
            urgent: false,
            blobs,
        })
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.urgent
    }

    pub(super) fn named(&mut self) -> Option<String> {
        self.urgent = false;
        self.growth.multipart.clone()
    }

    pub(super) fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.hashes.update(&bytes);
        self.written += bytes.len() as u64;
        let part = size_of(self.growth.part_bytes)?;
        while !bytes.is_empty() {
            if self.buffer.capacity() == 0 {
                self.buffer = BytesMut::with_capacity(part);
            }
            let taken = bytes.split_to(bytes.len().min(part - self.buffer.len()));
            self.buffer.extend_from_slice(&taken);
            if self.buffer.len() == part {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    /// Sends what is gathered as the next part, once the one before it has arrived.
    async fn send_part(&mut self) -> Result<()> {
        self.landed().await?;
        let path = self.blobs.path(&self.growth.key);
        let id = if let Some(id) = &self.growth.multipart {
            id.clone()
        } else {
            let id = self.store.create_multipart(&path).await?;
            self.growth.multipart = Some(id.clone());
            self.urgent = true;
            id
        };
        let payload = PutPayload::from(std::mem::take(&mut self.buffer).freeze());
        let (store, number) = (Arc::clone(&self.store), self.growth.parts.len());
        self.sent = Some(tasks::spawn("upload_part", async move {
            store.put_part(&path, &id, number, payload).await
        }));
        Ok(())
    }

    async fn landed(&mut self) -> Result<()> {
        if let Some(sent) = self.sent.take() {
            let part = sent.await.map_err(Error::internal)??;
            Arc::make_mut(&mut self.growth.parts).push(part.content_id);
        }
        Ok(())
    }

    pub(super) async fn save(&mut self) -> Result<Saving> {
        let is_whole = self.written == self.growth.length;
        if is_whole && self.growth.multipart.is_some() && !self.buffer.is_empty() {
            self.send_part().await?;
        }
        self.landed().await?;
        self.urgent = false;
        let tail = (!self.buffer.is_empty()).then(|| {
            if is_whole {
                self.growth.key.clone()
            } else {
                format!("{}/{}-{}", self.growth.tails(), self.epoch, self.written)
            }
        });
        let growth = Growth {
            bytes: self.written,
            hash_state: self.hashes.whole.state(),
            // A small object is put where it will lie, and has no tail.
            tail: tail.clone().filter(|_| !is_whole),
            ..self.growth.clone()
        };
        self.growth = growth.clone();
        let blobs = self.blobs.clone();
        let bytes = Bytes::copy_from_slice(&self.buffer);
        Ok(Box::pin(async move {
            if let Some(tail) = tail {
                blobs.replace(&tail, bytes).await?;
            }
            Ok(growth)
        }))
    }
}

impl PartsGrowth {
    /// Ends a multipart upload whose name was never saved.
    pub(super) async fn give_up(self, saved: &Growth) {
        let Some(id) = self.growth.multipart.filter(|_| saved.multipart.is_none()) else {
            return;
        };
        if let Some(sent) = self.sent {
            // Whether it arrives or not, it is over then.
            let _ = sent.await;
        }
        let path = self.blobs.path(&self.growth.key);
        if let Err(error) = self.store.abort_multipart(&path, &id).await {
            tracing::warn!(error = %error, blob.key = self.growth.key, "parts were not cleared away");
        }
    }
}

fn size_of(part_bytes: u64) -> Result<usize> {
    usize::try_from(part_bytes).map_err(Error::internal)
}

/// Puts the parts together, unless that was done before.
pub(super) async fn complete(blobs: &Blobs, store: &Arc<AmazonS3>, growth: &Growth) -> Result<()> {
    let Some(id) = &growth.multipart else {
        return Ok(());
    };
    let path = blobs.path(&growth.key);
    let parts = growth.parts.iter().map(|id| PartId {
        content_id: id.clone(),
    });
    match store.complete_multipart(&path, id, parts.collect()).await {
        Ok(_) => Ok(()),
        // The parts are gone once they are an object.
        Err(error) => match blobs.store.head(&path).await {
            Ok(_) => Ok(()),
            Err(_) => Err(error.into()),
        },
    }
}

/// Removes the parts and what is behind them.
pub(super) async fn forget(blobs: &Blobs, store: &Arc<AmazonS3>, growth: &Growth) -> Result<()> {
    // First, so that parts which cannot be ended do not keep them.
    let tails = growth.tails();
    for name in blobs.names(&tails).await? {
        blobs.delete(&format!("{tails}/{name}")).await?;
    }
    if let Some(id) = &growth.multipart {
        match store.abort_multipart(&blobs.path(&growth.key), id).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
