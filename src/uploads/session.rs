//! One piece of an upload as it arrives: locked, written, and saved every now and then.
//!
//! Whoever breaks off loses what came since the last save, which is a second's worth, and none where the
//! server lives to see it. A sender that is not heard of for a while loses the lock, not its connection: what
//! came is saved, and the lock is taken again when more comes, if nobody went on elsewhere meanwhile.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::model::{Body, Fault, Upload};
use super::{intake, store};
use crate::accounts::OpContext;
use crate::error::{Error, Result};
use crate::platform::blob::{Growing, Growth, StoreConfig};
use crate::platform::clock::Timestamp;
use crate::platform::digest::{Check, Checksum};

/// How long a lock is good for without a sign of life.
const LEASE_MS: i64 = 5_000;
/// Longest that nothing may come before the lock is given back.
const QUIET: Duration = Duration::from_secs(4);
/// Longest that nothing may come at all.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// Longest that bytes stand unsaved while more come.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Most bytes that stand unsaved before a save is begun.
const SAVE_BYTES: u64 = 32 * 1024 * 1024;
/// How long a piece may still take once the server is to stop.
const LAST_CALL: Duration = Duration::from_secs(15);

/// A save under way: what is durable and acknowledged once it is done; none if the lock was lost.
type Advance = BoxFuture<'static, Result<Option<Growth>>>;

/// A piece that is being taken.
pub(super) struct Session {
    cx: OpContext,
    /// The upload as it was saved last.
    upload: Upload,
    checksum: Option<Checksum>,
    /// None while the lock is given back.
    growing: Option<Held>,
    written: u64,
    saving: Option<Advance>,
    last_sign: Instant,
}

/// What is held while an upload is written to.
struct Held {
    growing: Growing,
    _slot: OwnedSemaphorePermit,
}

/// How many uploads an instance writes to at a time, each of which has bytes in memory: few at a bucket, where
/// they are whole parts.
#[must_use]
pub fn slots(store: &StoreConfig) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(match store {
        StoreConfig::Folder(_) => 256,
        StoreConfig::S3(_) => 48,
    }))
}

enum Event {
    Bytes(Bytes),
    End,
    Broken,
    Quiet,
    Stop,
    Saved(Result<Option<Growth>>),
}

impl Session {
    /// Takes the lock and goes on where the upload stands.
    pub(super) async fn begin(
        cx: OpContext,
        upload: Upload,
        checksum: Option<Checksum>,
    ) -> Result<Self, Fault> {
        let mut session = Self {
            cx,
            written: upload.offset(),
            upload,
            checksum,
            growing: None,
            saving: None,
            last_sign: Instant::now(),
        };
        session.take_lock().await?;
        Ok(session)
    }

    /// Takes all of the piece; the upload as it stands then.
    pub(super) async fn run(mut self, mut body: Body) -> Result<Upload, Fault> {
        let done = match self.receive(&mut body).await {
            Ok(()) => self.conclude().await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(()) => Ok(self.upload),
            Err(fault) => {
                if let Err(error) = self.part(&fault).await {
                    tracing::warn!(error = ?error, "what came of an upload was not saved");
                }
                Err(fault)
            }
        }
    }

    async fn take_lock(&mut self) -> Result<(), Fault> {
        let slots = Arc::clone(&self.cx.app.upload_slots);
        let slot = slots.try_acquire_owned().map_err(|_| {
            Error::Unavailable(anyhow!("too many uploads are written to at the same time"))
        })?;
        let cx = self.now();
        let input = (self.upload.clone(), expiry(&cx, cx.at()));
        let locked = cx
            .write(input, |tx, (upload, expires_at)| {
                Box::pin(async move {
                    let at = tx.op.at;
                    let until = at.plus_ms(LEASE_MS);
                    store::lock(&**tx, upload, (at, until), *expires_at).await
                })
            })
            .await?;
        if !locked {
            return Err(Fault::Locked);
        }
        self.upload.lock.epoch += 1;
        let check = self.checksum.clone().map(Check::new);
        let growth = self.upload.growth.clone();
        let epoch = self.upload.lock.epoch;
        match self.cx.app.blobs.grow(growth, epoch, check).await {
            Ok(Some(growing)) => {
                self.growing = Some(Held {
                    growing,
                    _slot: slot,
                });
                self.last_sign = Instant::now();
                Ok(())
            }
            Ok(None) => {
                self.give_lock_back().await?;
                Err(Fault::Locked)
            }
            Err(error) => {
                self.give_lock_back().await?;
                Err(error.into())
            }
        }
    }

    async fn receive(&mut self, body: &mut Body) -> Result<(), Fault> {
        let mut draining = self.cx.app.draining.subscribe();
        let stop = async move {
            // The other end is the application's, which outlives this.
            let _ = draining.wait_for(|draining| *draining).await;
            sleep(LAST_CALL).await;
        };
        tokio::pin!(stop);
        let mut last_bytes = Instant::now();
        loop {
            let patience = if self.growing.is_some() { QUIET } else { IDLE };
            let event = tokio::select! {
                biased;
                saved = Self::saved(&mut self.saving) => Event::Saved(saved),
                () = &mut stop => Event::Stop,
                next = body.next() => match next {
                    Some(Ok(bytes)) => Event::Bytes(bytes),
                    Some(Err(_)) => Event::Broken,
                    None => Event::End,
                },
                () = sleep_until(last_bytes + patience) => Event::Quiet,
            };
            match event {
                Event::Bytes(bytes) => {
                    last_bytes = Instant::now();
                    self.take(bytes).await?;
                }
                Event::End => return Ok(()),
                Event::Broken => return Err(Fault::Broken),
                Event::Stop => return Err(Fault::Stopping),
                Event::Saved(saved) => {
                    self.saving = None;
                    self.take_saved(saved)?;
                    intake::check_room(&self.cx.app, 0).await?;
                }
                Event::Quiet if self.growing.is_none() => return Err(Fault::TooSlow),
                // What shall be kept whole or not at all cannot wait without its lock.
                Event::Quiet if self.checksum.is_some() => return Err(Fault::TooSlow),
                Event::Quiet => {
                    self.save(None).await?;
                    self.growing = None;
                }
            }
        }
    }

    /// Resolves when the save under way, if there is one, is done.
    async fn saved(saving: &mut Option<Advance>) -> Result<Option<Growth>> {
        match saving {
            Some(saving) => saving.await,
            None => pending().await,
        }
    }

    async fn take(&mut self, bytes: Bytes) -> Result<(), Fault> {
        if self.written + bytes.len() as u64 > self.upload.length() {
            return Err(Fault::TooLong);
        }
        if self.growing.is_none() {
            self.take_lock().await?;
        }
        let Some(Held { growing, .. }) = &mut self.growing else {
            return Err(Error::internal("an upload is written to without its lock").into());
        };
        self.written += bytes.len() as u64;
        growing.write(bytes).await?;
        let is_due = self.last_sign.elapsed() >= SAVE_EVERY;
        if self.checksum.is_some() {
            if growing.is_urgent() {
                let named = growing.named();
                self.note(named).await?;
            } else if is_due {
                self.renew_lock().await?;
            }
            return Ok(());
        }
        // The end is saved once it is known to be the end.
        let is_whole = self.written == self.upload.length();
        let is_much = self.written - self.upload.offset() >= SAVE_BYTES;
        if self.saving.is_none() && !is_whole && (is_due || is_much || growing.is_urgent()) {
            self.begin_save(Some(LEASE_MS)).await?;
        }
        Ok(())
    }

    /// Acknowledges nothing, but what the store calls what is not kept yet: somebody must clear it away.
    async fn note(&mut self, multipart: Option<String>) -> Result<(), Fault> {
        let growth = Growth {
            multipart,
            ..self.upload.growth.clone()
        };
        self.last_sign = Instant::now();
        if advance(&self.cx, &self.upload, &growth, Some(LEASE_MS)).await? {
            self.upload.growth = growth;
            Ok(())
        } else {
            Err(Fault::WrongOffset)
        }
    }

    /// Begins to make durable what was written, and to acknowledge it. `lease` is how long the lock is kept
    /// then; none: it is given back.
    async fn begin_save(&mut self, lease: Option<i64>) -> Result<(), Fault> {
        let Some(Held { growing, .. }) = &mut self.growing else {
            return Ok(());
        };
        let saving = growing.save().await?;
        self.last_sign = Instant::now();
        let cx = self.cx.clone();
        let before = self.upload.clone();
        self.saving = Some(Box::pin(async move {
            let growth = saving.await?;
            let advanced = advance(&cx, &before, &growth, lease).await?;
            if let Some(tail) = &before.growth.tail
                && advanced
                && before.growth.tail != growth.tail
                && let Err(error) = cx.app.blobs.delete(tail).await
            {
                tracing::warn!(error = %error, blob.key = tail, "what an upload left behind was not removed");
            }
            Ok(advanced.then_some(growth))
        }));
        Ok(())
    }

    fn take_saved(&mut self, saved: Result<Option<Growth>>) -> Result<(), Fault> {
        match saved? {
            Some(growth) => {
                self.upload.growth = growth;
                Ok(())
            }
            None => Err(Fault::WrongOffset),
        }
    }

    async fn settle(&mut self) -> Result<(), Fault> {
        match self.saving.take() {
            Some(saving) => {
                let saved = saving.await;
                self.take_saved(saved)
            }
            None => Ok(()),
        }
    }

    /// Saves all that was written.
    async fn save(&mut self, lease: Option<i64>) -> Result<(), Fault> {
        self.settle().await?;
        self.begin_save(lease).await?;
        self.settle().await
    }

    async fn conclude(&mut self) -> Result<(), Fault> {
        self.settle().await?;
        if let Some(Held { growing, .. }) = &mut self.growing
            && !growing.check_holds().await?
        {
            return Err(Fault::Mismatch);
        }
        // Who finishes an upload keeps others from trying, for a while.
        let is_whole = self.written == self.upload.length();
        self.save(is_whole.then_some(LEASE_MS)).await?;
        self.growing = None;
        Ok(())
    }

    /// Ends early: saves what may be saved, and gives the lock back.
    async fn part(&mut self, fault: &Fault) -> Result<(), Fault> {
        let mut done = self.settle().await;
        let is_kept = matches!(fault, Fault::Broken | Fault::TooSlow | Fault::Stopping)
            && self.checksum.is_none();
        if is_kept && done.is_ok() {
            done = self.save(None).await;
        }
        if let Some(Held { growing, .. }) = self.growing.take() {
            growing.give_up(&self.upload.growth).await;
        }
        // Of no effect where another has it by now.
        self.give_lock_back().await?;
        done
    }

    async fn renew_lock(&mut self) -> Result<(), Fault> {
        self.last_sign = Instant::now();
        if self.relock(Some(LEASE_MS)).await? {
            Ok(())
        } else {
            Err(Fault::WrongOffset)
        }
    }

    async fn give_lock_back(&mut self) -> Result<()> {
        self.relock(None).await?;
        Ok(())
    }

    async fn relock(&mut self, lease: Option<i64>) -> Result<bool> {
        let (id, epoch) = (self.upload.id, self.upload.lock.epoch);
        self.now()
            .write((id, epoch, lease), |tx, (id, epoch, lease)| {
                Box::pin(async move {
                    let until = lease.map(|ms| tx.op.at.plus_ms(ms));
                    store::relock(&**tx, *id, *epoch, until).await
                })
            })
            .await
    }

    fn now(&self) -> OpContext {
        fresh(&self.cx)
    }
}

/// The same caller, at this instant.
fn fresh(cx: &OpContext) -> OpContext {
    OpContext::new(&cx.app, Arc::clone(&cx.viewer), cx.op.request_id.clone())
}

/// When an upload that is touched at `at` expires.
pub(super) fn expiry(cx: &OpContext, at: Timestamp) -> Timestamp {
    at.plus_ms(cx.app.config.uploads.expires_ms)
}

/// Acknowledges what is durable; false if the lock was lost.
async fn advance(
    cx: &OpContext,
    before: &Upload,
    growth: &Growth,
    lease: Option<i64>,
) -> Result<bool> {
    let cx = fresh(cx);
    let expires_at = expiry(&cx, cx.at());
    let input = (before.clone(), growth.clone(), lease, expires_at);
    cx.write(input, |tx, (before, growth, lease, expires_at)| {
        Box::pin(async move {
            let until = lease.map(|ms| tx.op.at.plus_ms(ms));
            let who = (before.id, before.lock.epoch);
            store::advance(&**tx, who, (&before.growth, growth), until, *expires_at).await
        })
    })
    .await
}
