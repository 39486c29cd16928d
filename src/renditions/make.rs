//! Making renditions: each once, however many ask, on however many instances.
//!
//! Within an instance those who ask for the same one wait for one flight. Between instances its row says
//! who makes it and until when; one whose maker died is taken over. The drawing itself is a child process.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accolade_draw::{DrawError, Drawn, Recipe};
use accolade_media::{Limits, probe};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, Shared};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::Plan;
use super::store;
use crate::accounts::OpContext;
use crate::app::App;
use crate::error::{Error, Result};
use crate::media::StoredSource;
use crate::platform::blob::Blobs;
use crate::platform::clock::Timestamp;
use crate::platform::ids::VersionId;
use crate::platform::tasks;
use crate::platform::text;

/// How long a maker has before others take it for dead: longer than a job may take.
const CLAIM_MS: i64 = 60_000;
/// How often the makers of other instances are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How often at most: past it whoever asks is told to come again.
const MOST_LOOKS: usize = 150;
/// Renditions of which is known where their bytes are, and for how long: bytes may be found to be wrong, and be
/// put right elsewhere.
const MOST_KNOWN: u64 = 50_000;
const KNOWN_FOR: Duration = Duration::from_millis(500);

/// Where a rendition's bytes are, once they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// The name of the rendition.
    pub key: String,
    pub sha256: String,
    pub store_key: String,
    pub media_type: String,
    pub bytes: i64,
    /// Since when its object is known not to have these bytes.
    pub wrong_since: Option<Timestamp>,
}

/// Why there are no bytes.
#[derive(Clone, Debug)]
pub(crate) enum Unmade {
    /// There will never be any, and why.
    Failed(String),
    /// Too many pictures wait to be drawn.
    Busy,
    /// Not now: the store, the database or a worker is away.
    Unavailable(String),
}

impl From<Error> for Unmade {
    fn from(error: Error) -> Self {
        Self::Unavailable(format!("{error:?}"))
    }
}

type Flight = Shared<BoxFuture<'static, Result<Made, Unmade>>>;

/// What an instance keeps for making renditions.
pub struct Renditions {
    flights: Mutex<HashMap<String, Flight>>,
    /// By what is drawn: to find that costs less than to work out its name.
    known: Cache<(VersionId, Recipe), Known>,
    /// Approvals whose renditions have been seen to.
    seen_to: Cache<Uuid, ()>,
}

/// Where bytes were when it was looked up.
#[derive(Clone)]
struct Known {
    at: Duration,
    /// What this instance had changed until then: see [`Db::changes`](crate::platform::db::Db::changes).
    changes: u64,
    made: Made,
}

impl Default for Renditions {
    fn default() -> Self {
        Self {
            flights: Mutex::default(),
            known: Cache::new(MOST_KNOWN),
            seen_to: Cache::new(MOST_KNOWN),
        }
    }
}

impl Renditions {
    /// Whether an approval has not been seen to, which it is from now on.
    pub(super) fn is_new(&self, approval: Uuid) -> bool {
        self.seen_to.entry(approval).or_insert(()).is_fresh()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a planned rendition, if they were asked for a moment ago and nothing was written since. No statement.
pub(crate) fn lately_made(app: &App, plan: &Plan) -> Option<Made> {
    let drawing = (plan.version, plan.recipe.clone().ok()?);
    let known = app.renditions.known.get(&drawing)?;
    let is_good = known.changes == app.db.changes()
        && app.clock.running().saturating_sub(known.at) < KNOWN_FOR;
    is_good.then_some(known.made)
}

/// The bytes of a planned rendition, made now if nobody has made them. They are made to the end, even if
/// whoever asked goes away.
pub(crate) async fn made(app: &Arc<App>, plan: &Plan) -> Result<Made, Unmade> {
    if let Some(made) = lately_made(app, plan) {
        return Ok(made);
    }
    let recipe = plan.recipe.clone().map_err(Unmade::Failed)?;
    let key = plan.key().map_err(Unmade::Failed)?;
    let flight = {
        let mut flights = app.renditions.lock();
        if let Some(flight) = flights.get(&key) {
            flight.clone()
        } else {
            let (app, plan, named) = (Arc::clone(app), plan.clone(), key.clone());
            let work = tasks::spawn("rendition", async move {
                // Both are asked before anything is read: what changes meanwhile makes them old.
                let (at, changes) = (app.clock.running(), app.db.changes());
                let outcome = make(&app, &plan, &key).await;
                if let Ok(made) = outcome.clone() {
                    let known = Known { at, changes, made };
                    let drawing = (plan.version, recipe);
                    app.renditions.known.insert(drawing, known);
                }
                app.renditions.lock().remove(&key);
                outcome
            });
            let flight = async move {
                let ended = work.await;
                ended.unwrap_or_else(|e| Err(Unmade::Unavailable(e.to_string())))
            };
            let flight = flight.boxed().shared();
            flights.insert(named, flight.clone());
            flight
        }
    };
    flight.await
}

async fn make(app: &Arc<App>, plan: &Plan, key: &str) -> Result<Made, Unmade> {
    let cx = OpContext::system(app);
    for _ in 0..MOST_LOOKS {
        match store::find(app.db.read(), key).await? {
            Some(row) if row.state == "FAILED" => {
                return Err(Unmade::Failed(row.error.unwrap_or_default()));
            }
            Some(row) => {
                if let Some(made) = row.made() {
                    return Ok(made);
                }
                if row
                    .claimed_until
                    .is_some_and(|until| until > app.clock.now())
                {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
            }
            None => {}
        }
        let input = (key.to_owned(), plan.clone());
        let ours = cx
            .write(input, |tx, (key, plan)| {
                let until = tx.op.at.plus_ms(CLAIM_MS);
                Box::pin(store::claim(tx, key, plan, until))
            })
            .await?;
        if ours {
            return make_ours(&cx, plan, key).await;
        }
    }
    Err(Unmade::Unavailable(
        "another instance has not finished it".to_owned(),
    ))
}

/// Makes a rendition whose making is ours, and writes down how it ended.
async fn make_ours(cx: &OpContext, plan: &Plan, key: &str) -> Result<Made, Unmade> {
    let outcome = draw_and_keep(cx, plan, key).await;
    match &outcome {
        Err(Unmade::Failed(reason)) => {
            tracing::info!(version = %plan.version, preset = plan.preset, reason, "a rendition cannot be made");
            let input = (key.to_owned(), reason.clone());
            cx.write(input, |tx, (key, reason)| {
                Box::pin(store::fail(tx, key, reason))
            })
            .await?;
        }
        Err(_) => {
            cx.write(key.to_owned(), |tx, key| {
                Box::pin(store::give_back(tx, key))
            })
            .await?;
        }
        Ok(_) => {}
    }
    outcome
}

async fn draw_and_keep(cx: &OpContext, plan: &Plan, key: &str) -> Result<Made, Unmade> {
    let app = &cx.app;
    let recipe = plan.recipe.clone().map_err(Unmade::Failed)?;
    let source = StoredSource::of(app, &plan.source).await?;
    let pool = app.workers.pool(app);
    let pool = pool.map_err(|error| Unmade::Unavailable(error.to_string()))?;
    let drawn = match pool.draw(source.path().to_owned(), recipe).await {
        Ok(drawn) => drawn,
        Err(DrawError::Busy) => return Err(Unmade::Busy),
        Err(error) if error.is_transient() => return Err(Unmade::Unavailable(error.to_string())),
        Err(error) => return Err(Unmade::Failed(text::sentence(&error.to_string()))),
    };
    drop(source);
    Ok(keep(cx, key, drawn).await?)
}

/// Stores a rendition's bytes, then says so: a reader sees all of them or none.
async fn keep(cx: &OpContext, key: &str, drawn: Drawn) -> Result<Made> {
    let app = &cx.app;
    let facts = probe(&mut Cursor::new(&drawn.bytes), &Limits::default())
        .map_err(|refusal| Error::internal(format!("a rendition is none: {refusal}")))?;
    let sha256 = hex::encode(Sha256::digest(&drawn.bytes));
    let object = store::Drawn {
        sha256: sha256.clone(),
        store_key: Blobs::new_key(app.ids.uuid(app.clock.now())),
        bytes: i64::try_from(drawn.bytes.len()).map_err(Error::internal)?,
        facts: facts.into(),
        notes: notes(&drawn),
    };
    let mut incoming = app.blobs.create(&object.store_key);
    incoming.write(Bytes::from(drawn.bytes)).await?;
    incoming.finish().await?;
    let own_key = object.store_key.clone();
    cx.write((key.to_owned(), object), |tx, (key, drawn)| {
        Box::pin(store::finish(tx, key, drawn))
    })
    .await?;
    let made = store::find(app.db.read(), key)
        .await?
        .and_then(|row| row.made());
    let made = made.ok_or_else(|| Error::internal("a rendition that was made is not there"))?;
    if made.store_key != own_key {
        // The same bytes were there before.
        app.blobs.delete(&own_key).await?;
    }
    Ok(made)
}

fn notes(drawn: &Drawn) -> String {
    let mut notes: Vec<String> = drawn.facts.notes.iter().map(|n| format!("{n:?}")).collect();
    notes.extend(
        drawn
            .facts
            .quality
            .map(|quality| format!("quality {quality}")),
    );
    notes.join(", ")
}
