//! What pages count for themselves, without a token: impressions and clicks, by the keys that they were given to
//! show something with. A key is sealed, so it is right enough to count where it says; nothing else is taken.
//!
//! Pages come in crowds. So their events wait in a queue of bounded length, and one task writes what waits in one
//! transaction, however many requests brought it. A request is answered when its events are durable.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use anyhow::anyhow;
use futures::FutureExt;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::model::UsageKind;
use super::record::{At, Batch, Fate, check_len, faults};
use super::store::Event;
use crate::accounts::OpContext;
use crate::app::App;
use crate::error::{Error, Result};
use crate::graphql::scalars::HOW_TIME;
use crate::platform::clock::Timestamp;
use crate::platform::tasks;

/// Most events that wait: past it a page is told to come back.
const MAX_WAITING: usize = 10_000;
/// A turn writes at most so many events and those of one more request.
const TURN: usize = 1_000;

/// What a page may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum PageKind {
    Impression,
    Click,
}

/// An event as a page sends it. Each stands for one impression or click, and has no value.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PageEvent {
    /// The page's own, 1 to 64 characters: an event counts once for each key and id, for 90 days.
    id: String,
    kind: PageKind,
    /// When, as RFC 3339; now, unless given.
    at: Option<String>,
    beacon_key: String,
}

/// What became of a page's event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It counts from now on.
    Accepted,
    /// It had come before.
    Duplicate,
    /// Its id or time cannot be: the field, and what to do.
    Invalid(&'static str, String),
    /// Its key names nothing.
    Unknown,
}

/// Why events were not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Too many wait already.
    Full,
    Other(Error),
}

/// The events that wait to be written.
pub(crate) struct Queue {
    app: Arc<App>,
    room: Arc<Semaphore>,
    waiting: mpsc::UnboundedSender<Waiting>,
}

/// The events of one request.
struct Waiting {
    events: Vec<Event>,
    answer: oneshot::Sender<Result<Vec<Fate>>>,
    _room: OwnedSemaphorePermit,
}

impl Queue {
    /// Starts the task that writes; it ends when the queue does.
    pub(crate) fn start(app: &Arc<App>) -> Self {
        let (waiting, turns) = mpsc::unbounded_channel();
        tasks::spawn("usage", write_turns(Arc::clone(app), turns));
        Self {
            app: Arc::clone(app),
            room: Arc::new(Semaphore::new(MAX_WAITING)),
            waiting,
        }
    }

    /// Counts events; what became of each, in their order. What cannot count takes nothing from the others.
    pub(crate) async fn count(&self, events: Vec<PageEvent>) -> Result<Vec<Said>, Refused> {
        check_len(events.len()).map_err(Refused::Other)?;
        let now = self.app.clock.now();
        let read: Vec<Result<Event, Said>> = { events.into_iter() }
            .map(|event| self.read(event, now))
            .collect();
        let good: Vec<Event> = read.iter().flatten().cloned().collect();
        let fates = self.write(good).await?;
        let mut fates = fates.into_iter();
        let said = read.into_iter().map(|read| match read {
            Err(said) => said,
            Ok(_) => match fates.next() {
                Some(Fate::New) => Said::Accepted,
                Some(Fate::Known) => Said::Duplicate,
                Some(Fate::Unknown) | None => Said::Unknown,
            },
        });
        Ok(said.collect())
    }

    fn read(&self, event: PageEvent, now: Timestamp) -> Result<Event, Said> {
        let at = match event.at {
            Some(text) => Timestamp::from_rfc3339(&text)
                .ok_or_else(|| Said::Invalid("at", HOW_TIME.to_owned()))?,
            None => now,
        };
        if let Some((field, text)) = faults(now, &event.id, at).next() {
            return Err(Said::Invalid(field, text));
        }
        let place = At::of_key(&self.app, &event.beacon_key).ok_or(Said::Unknown)?;
        Ok(Event {
            source: place.source(),
            id: event.id,
            place,
            kind: match event.kind {
                PageKind::Impression => UsageKind::Impression,
                PageKind::Click => UsageKind::Click,
            },
            at,
            amount: 1,
            value: None,
        })
    }

    /// Waits until the events are written.
    async fn write(&self, events: Vec<Event>) -> Result<Vec<Fate>, Refused> {
        // Few, as was checked.
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Ok(Vec::new());
        }
        let room = Arc::clone(&self.room).try_acquire_many_owned(count);
        let (answer, written) = oneshot::channel();
        let waiting = Waiting {
            events,
            answer,
            _room: room.map_err(|_| Refused::Full)?,
        };
        let gone = |()| Refused::Other(Error::Unavailable(anyhow!("usage is not written")));
        self.waiting.send(waiting).map_err(|_| gone(()))?;
        let written = written.await.map_err(|_| gone(()))?;
        written.map_err(Refused::Other)
    }
}

async fn write_turns(app: Arc<App>, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    while let Some(first) = waiting.recv().await {
        let mut count = first.events.len();
        let mut turn = vec![first];
        while count < TURN
            && let Ok(next) = waiting.try_recv()
        {
            count += next.events.len();
            turn.push(next);
        }
        // Whoever waits for a turn that panicked is told; the next turn goes on.
        if let Err(panic) = AssertUnwindSafe(write_turn(&app, turn))
            .catch_unwind()
            .await
        {
            drop(panic);
            tracing::error!("writing usage panicked");
        }
    }
}

/// Writes what several requests brought, and answers each.
async fn write_turn(app: &Arc<App>, turn: Vec<Waiting>) {
    let cx = OpContext::system(app);
    let all = turn
        .iter()
        .flat_map(|waiting| waiting.events.iter().cloned());
    let batch = Batch::of(Arc::clone(&cx.viewer), all.collect());
    let keys: Vec<(String, String)> = batch.events.iter().map(Event::key).collect();
    let written = cx.write(batch, |tx, batch| Box::pin(batch.add(tx))).await;
    match written {
        Ok(fates) => {
            let mut fates: HashMap<(String, String), Fate> = keys.into_iter().zip(fates).collect();
            for waiting in turn {
                let of = waiting.events.iter().map(|event| {
                    // Sent twice in one turn, it counts for the first.
                    let fate = fates.get_mut(&event.key());
                    fate.map_or(Fate::Unknown, |fate| {
                        let said = *fate;
                        if said == Fate::New {
                            *fate = Fate::Known;
                        }
                        said
                    })
                });
                let answer = of.collect();
                // Who has gone away meanwhile sends it again, and is told that it had come.
                let _ = waiting.answer.send(Ok(answer));
            }
        }
        Err(error) => {
            tracing::warn!(error = %error, requests = turn.len(), "usage could not be written");
            for waiting in turn {
                let away = Error::Unavailable(anyhow!("usage could not be written"));
                let _ = waiting.answer.send(Err(away));
            }
        }
    }
}
