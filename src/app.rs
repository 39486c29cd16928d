//! The application: built once, shared by everything that serves or works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use sea_orm::FromQueryResult;
use tokio::sync::{Semaphore, watch};

use crate::accounts::{Callers, OpContext};
use crate::audit;
use crate::care;
use crate::channels::TreeCache;
use crate::config::Config;
use crate::coverage::Board;
use crate::endorsements;
use crate::imports;
use crate::media::{self, Workers};
use crate::placements;
use crate::platform::blob::{Blobs, make_folder};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, Sql};
use crate::platform::fetch::Fetcher;
use crate::platform::ids::Ids;
use crate::platform::seal::Sealer;
use crate::platform::tasks;
use crate::renditions::{self, Renditions};
use crate::requests;
use crate::rights::{KeptFacts, Recent};
use crate::uploads;

/// Longest that the end of the log may keep a server from stopping.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after its start a server looks for the first time for what nothing refers to: it has more urgent
/// things to do.
const GC_AFTER: Duration = Duration::from_mins(10);

/// Everything that requests and background work share.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub blobs: Blobs,
    pub clock: Clock,
    pub ids: Ids,
    pub sealer: Sealer,
    pub callers: Callers,
    pub channels: TreeCache,
    pub facts: KeptFacts,
    pub recent: Recent,
    /// Uploads that may be written to at the same time.
    pub upload_slots: Arc<Semaphore>,
    /// The processes that untrusted bytes are drawn and looked at in.
    pub workers: Workers,
    pub renditions: Renditions,
    /// Coverage that was worked out before.
    pub board: Board,
    /// The table that is being imported.
    pub imports: imports::Running,
    /// Fetches pages that strangers name; none where no pages are fetched.
    pub fetcher: Option<Fetcher>,
    /// Heads of the audit log that wait to be published.
    pub audit_heads: audit::Heads,
    /// True from the moment the server drains: no new work, `/readyz` says so.
    pub draining: watch::Sender<bool>,
}

impl App {
    /// Opens the database and the store, migrates, and reads what the instance keeps for itself.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Arc<Self>> {
        if config.database.url.starts_with("sqlite://") {
            make_folder(&config.data_dir).with_context(|| {
                format!("making the data directory {}", config.data_dir.display())
            })?;
        }
        let opened = db::open(&config.database).await?;
        opened.migrate::<accolade_migrations::Migrator>().await?;
        let db = opened.start();
        let blobs = Blobs::open(&config.store)?.keeping(config.delivery_cache_bytes);
        let mark = db::fetch_one::<Mark>(
            db.read(),
            Sql::new("SELECT at FROM clock_marks WHERE id = 1"),
        )
        .await?;
        if let Some(mark) = mark {
            clock.has_passed(mark.at);
        }
        let sealer = Sealer::new(vec![signing_key(&db, clock.now()).await?]);
        Ok(Arc::new(Self {
            facts: KeptFacts::new(config.facts_cache_bytes),
            board: Board::new(config.coverage_cache_bytes),
            imports: imports::Running::default(),
            recent: Recent::default(),
            upload_slots: uploads::slots(&config.store),
            fetcher: config.fetch.clone().map(Fetcher::new),
            config,
            db,
            blobs,
            clock,
            ids: Ids::new(),
            sealer,
            callers: Callers::default(),
            channels: TreeCache::default(),
            workers: Workers::default(),
            renditions: Renditions::default(),
            audit_heads: audit::Heads::default(),
            draining: watch::Sender::new(false),
        }))
    }

    /// Runs `work` in the background, as [`repeat`] does.
    fn keep_up<F, W>(self: &Arc<Self>, name: &'static str, pace: impl Into<Pace>, work: F)
    where
        F: Fn(Arc<Self>) -> W + Send + 'static,
        W: Future<Output = crate::error::Result<()>> + Send + 'static,
    {
        let (app, pace) = (Arc::clone(self), pace.into());
        tasks::spawn(name, async move { repeat(&app, pace, work).await });
    }

    /// Starts the background work of a serving instance. It ends when the server drains.
    pub fn start_background(self: &Arc<Self>) {
        self.keep_up("clock_mark", Duration::from_secs(5), |app| async move {
            mark_clock(&app).await
        });
        self.keep_up("audit_seal", Duration::from_millis(250), |app| async move {
            audit::seal(&app).await.map(|_| ())
        });
        let app = Arc::clone(self);
        tasks::spawn("audit_heads", async move {
            if let Err(error) = audit::wait_for_all(&app).await {
                tracing::warn!(error = %error, "the heads of the audit log were not read");
            }
            repeat(&app, Duration::from_secs(10), |app| async move {
                audit::publish(&app).await
            })
            .await;
        });
        self.keep_up(
            "warm_renditions",
            Duration::from_secs(2),
            |app| async move { renditions::warm(&app).await },
        );
        self.keep_up("look", Duration::from_secs(5), |app| async move {
            media::sweep(&app).await
        });
        self.keep_up("fetch_pages", Duration::from_secs(2), |app| async move {
            endorsements::fetch_due(&app).await.map(|_| ())
        });
        self.keep_up("crawl", Duration::from_secs(5), |app| async move {
            placements::crawl_due(&app).await.map(|_| ())
        });
        // It looks through all that was ever recalled, which is little work or more.
        let sparingly = Pace {
            every: Duration::from_secs(2),
            rest: 100,
        };
        self.keep_up("take_downs", sparingly, |app| async move {
            requests::open_take_downs(&app).await.map(|_| ())
        });
        let app = Arc::clone(self);
        tasks::spawn("imports", async move {
            if let Err(error) = imports::begin(&app).await {
                tracing::warn!(error = %error, "imports that were cut off go on a little later");
            }
            repeat(&app, Duration::from_secs(1), |app| async move {
                imports::run_due(&app).await.map(|_| ())
            })
            .await;
        });
        self.keep_up("sweep", Duration::from_hours(1), |app| async move {
            sweep_idempotency(&app).await?;
            sweep_usage(&app).await
        });
        self.keep_up("sweep_uploads", Duration::from_mins(30), |app| async move {
            uploads::sweep(&app).await
        });
        let app = Arc::clone(self);
        tasks::spawn("gc", async move {
            let mut draining = app.draining.subscribe();
            tokio::select! {
                () = tokio::time::sleep(GC_AFTER) => {}
                _ = draining.wait_for(|d| *d) => return,
            }
            repeat(&app, Duration::from_hours(1), |app| async move {
                care::gc::run_daily(&app).await
            })
            .await;
        });
        self.keep_up("scrub", Duration::from_mins(1), |app| async move {
            care::scrub::run(&app, app.config.scrub_bytes_per_second)
                .await
                .map(|_| ())
        });
    }
}

/// Seals and publishes what the last requests have left behind: once they have ended.
pub(crate) async fn close_log(app: &Arc<App>) {
    let work = async {
        audit::seal(app).await?;
        audit::publish(app).await
    };
    match tokio::time::timeout(CLOSE_TIMEOUT, work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "the end of the audit log is published later");
        }
        Err(_) => tracing::warn!("the end of the audit log took too long to publish"),
    }
}

/// How often background work is done.
#[derive(Clone, Copy)]
struct Pace {
    /// The least pause between two turns.
    every: Duration,
    /// A pause is at least so many times as long as the turn before it took: 100 leaves 99 % of the time to others.
    rest: u32,
}

impl From<Duration> for Pace {
    fn from(every: Duration) -> Self {
        Self { every, rest: 0 }
    }
}

/// Runs `work` again and again until the server drains; a failure is logged and tried again later.
async fn repeat<F, W>(app: &Arc<App>, pace: impl Into<Pace>, work: F)
where
    F: Fn(Arc<App>) -> W,
    W: Future<Output = crate::error::Result<()>>,
{
    let pace = pace.into();
    let mut draining = app.draining.subscribe();
    loop {
        let started = Instant::now();
        if let Err(error) = work(Arc::clone(app)).await {
            tracing::warn!(error = %error, "background work failed and is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(pace.every.max(started.elapsed() * pace.rest)) => {}
            _ = draining.wait_for(|d| *d) => return,
        }
    }
}

#[derive(FromQueryResult)]
struct Mark {
    at: Timestamp,
}

/// Persists the present as the latest instant seen, so that no later start goes back behind it.
pub(crate) async fn mark_clock(app: &Arc<App>) -> crate::error::Result<()> {
    let cx = OpContext::system(app);
    cx.write((), |tx, ()| {
        Box::pin(async move {
            let at = tx.op.at;
            let sql = Sql::insert("clock_marks", [("id", 1.into()), ("at", at.into())])
                .push(" ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE clock_marks.at < excluded.at");
            db::run(&**tx, sql).await?;
            Ok(())
        })
    })
    .await
}

/// Events that one turn of the sweep takes away: few enough that no other write waits for it.
const SWEEP_BATCH: i64 = 2_000;

/// An event counts once within 90 days of its receipt; after that only the roll-ups know of it.
async fn sweep_usage(app: &Arc<App>) -> crate::error::Result<()> {
    loop {
        let cx = OpContext::system(app);
        let swept: u64 = cx
            .write((), |tx, ()| {
                Box::pin(async move {
                    let before = tx.op.at.plus_days(-90);
                    let sql = Sql::new(
                        "DELETE FROM usage_events WHERE (source, event_id) IN
                         (SELECT source, event_id FROM usage_events WHERE received_at < ",
                    )
                    .bind(before)
                    .push(" ORDER BY received_at LIMIT ")
                    .bind(SWEEP_BATCH)
                    .push(")");
                    db::run(&**tx, sql).await
                })
            })
            .await?;
        if swept == 0 {
            return Ok(());
        }
    }
}

/// Idempotency keys are good for 24 hours.
async fn sweep_idempotency(app: &Arc<App>) -> crate::error::Result<()> {
    let cx = OpContext::system(app);
    cx.write((), |tx, ()| {
        Box::pin(async move {
            let before = tx.op.at.plus_days(-1);
            let sql = Sql::new("DELETE FROM idempotency_keys WHERE created_at < ").bind(before);
            db::run(&**tx, sql).await?;
            Ok(())
        })
    })
    .await
}

#[derive(FromQueryResult)]
struct Secret {
    value: Vec<u8>,
}

/// The key that signs cursors and grants: made by the first instance, shared by all.
async fn signing_key(db: &Db, at: Timestamp) -> anyhow::Result<Vec<u8>> {
    const NAME: &str = "signing_key";
    let mut fresh = vec![0_u8; 32];
    rand::fill(&mut fresh[..]);
    let op = crate::platform::op::Op {
        actor: crate::platform::op::Actor::System,
        at,
        ids: Ids::new(),
        request_id: "start".to_owned(),
        idempotency: None,
    };
    db.write(&op, fresh, |tx, fresh| {
        Box::pin(async move {
            let row = [
                ("name", NAME.into()),
                ("value", fresh.clone().into()),
                ("created_at", tx.op.at.into()),
            ];
            db::run(
                &**tx,
                Sql::insert("instance_secrets", row).push(" ON CONFLICT (name) DO NOTHING"),
            )
            .await?;
            Ok(())
        })
    })
    .await?;
    let sql = Sql::new("SELECT value FROM instance_secrets WHERE name = ").bind(NAME);
    let key: Option<Secret> = db::fetch_one(db.read(), sql).await?;
    key.map(|key| key.value)
        .context("the signing key is missing from the database")
}
