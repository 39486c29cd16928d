//! The job that imports tables, one after the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;

use super::model::{Counts, Faults, Import, ImportState, MAX_ERRORS};
use super::plan::{self, Planned};
use super::spool::Spool;
use super::store::{self, Progress};
use super::walk::Walk;
use crate::accounts::{OpContext, Scope, Viewer, bearer_lives, viewer_of};
use crate::app::App;
use crate::channels::{Tree, tree};
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::db::Tx;
use crate::platform::ids::ImportId;
use crate::platform::ledger::Audit;
use crate::platform::op::Actor;
use crate::platform::tasks;
use crate::uploads;

/// How long an import is its taker's without a sign of life.
const CLAIM_MS: i64 = 30_000;
/// How often its taker gives one.
const SIGN: Duration = Duration::from_secs(8);
/// How long an import rests that could not be gone on with.
const REST_MS: i64 = 15_000;
/// How often an import is taken up before it is given up.
const MOST_ATTEMPTS: i32 = 5;
/// How often it is taken up where nobody lived to say why it did not come off.
const MOST_TAKEN: i32 = 20;
/// Rows that change what is known of the sizes of tables.
const MANY: u64 = 1_000;
/// Batches that are ready before they are written.
const AHEAD: usize = 2;

/// Why an import ended without being done.
enum Halt {
    /// The table, or who sent it, is at fault.
    Refused(Faults),
    /// Something of ours: it is taken up again.
    Later(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Later(error)
    }
}

impl Halt {
    fn refused(line: u64, message: &str) -> Self {
        let mut faults = Faults::default();
        faults.add(line, None, message);
        Self::Refused(faults)
    }
}

/// Makes free what an earlier server of a database that belongs to one server was at.
pub(crate) async fn begin(app: &Arc<App>) -> Result<()> {
    if app.db.backend() != sea_orm::DbBackend::Sqlite {
        return Ok(());
    }
    let cx = OpContext::system(app);
    cx.write((), |tx, ()| Box::pin(store::free_all(tx))).await
}

/// Imports the tables that wait; says how many. One whose job failed is taken up again later.
pub async fn run_due(app: &Arc<App>) -> Result<usize> {
    let mut done = 0;
    while !*app.draining.borrow() {
        let cx = OpContext::system(app);
        if !store::any_due(app.db.read(), cx.at()).await? {
            break;
        }
        let until = cx.at().plus_ms(CLAIM_MS);
        let claim = cx.write(until, |tx, until| Box::pin(store::claim(tx, *until)));
        let Some(id) = claim.await? else { break };
        let outcome = one(app, id).await;
        app.imports.set(None);
        outcome?;
        done += 1;
    }
    Ok(done)
}

async fn one(app: &Arc<App>, id: ImportId) -> Result<()> {
    let import = Arc::new(store::get(app.db.read(), id).await?);
    if import.attempts > MOST_TAKEN {
        tracing::error!(import.id = %id, "an import is given up: each time the server ended over it");
        return give_up(app, &import).await;
    }
    match attempt(app, &import).await {
        Ok(()) => Ok(()),
        Err(Halt::Refused(faults)) => {
            end(
                app,
                &import,
                ImportState::Refused,
                Counts::default(),
                faults,
            )
            .await
        }
        Err(Halt::Later(error)) if import.attempts < MOST_ATTEMPTS || *app.draining.borrow() => {
            let cx = OpContext::system(app);
            let until = cx.at().plus_ms(REST_MS);
            cx.write((import, until), |tx, (import, until)| {
                Box::pin(store::keep(tx, import, *until))
            })
            .await?;
            Err(error)
        }
        Err(Halt::Later(error)) => {
            tracing::error!(error = %error, import.id = %id, "an import is given up");
            give_up(app, &import).await
        }
    }
}

async fn give_up(app: &Arc<App>, import: &Arc<Import>) -> Result<()> {
    let mut faults = Faults::default();
    let text = "The server could not do it, several times. Tell its operator.";
    faults.add(1, None, text);
    end(app, import, ImportState::Failed, Counts::default(), faults).await
}

async fn end(
    app: &Arc<App>,
    import: &Arc<Import>,
    state: ImportState,
    counts: Counts,
    faults: Faults,
) -> Result<()> {
    let cx = OpContext::system(app);
    let input = (Arc::clone(import), state, counts, faults.sorted());
    cx.write(input, |tx, (import, state, counts, faults)| {
        Box::pin(async move {
            store::end(tx, import, *state, *counts, faults)
                .await
                .map(|_| ())
        })
    })
    .await
}

/// The import's maker as it stands now; none where it may not do this any more.
async fn maker(app: &Arc<App>, import: &Import) -> Result<Option<OpContext>> {
    let viewer = match import.maker {
        Actor::System => Some(Viewer::system()),
        Actor::Token(id) => bearer_lives(app, id).await?,
    };
    let viewer = viewer.filter(|viewer| may(viewer, import));
    Ok(viewer.map(|viewer| OpContext::new(app, Arc::new(viewer), import.id.to_string())))
}

fn may(viewer: &Viewer, import: &Import) -> bool {
    viewer.may(Scope::Write) && viewer.sees_brand(import.brand)
}

async fn attempt(app: &Arc<App>, import: &Arc<Import>) -> Result<(), Halt> {
    let Some(cx) = maker(app, import).await? else {
        return Err(Halt::refused(1, NOT_ANY_MORE));
    };
    let Some(spool) = Spool::of(&cx, import.upload).await? else {
        let text = "The table is not there any more. Send it again.";
        return Err(Halt::refused(1, text));
    };
    let counts = check(&cx, import, &spool).await?;
    if !import.dry_run || plan::is_tried(import.kind) {
        uploads::check_room(app, 0).await?;
        apply(&cx, import, spool, counts).await?;
    }
    if import.dry_run {
        end(app, import, ImportState::Done, counts, Faults::default()).await?;
    }
    Ok(())
}

const NOT_ANY_MORE: &str = "Your token may not do this any more.";

fn stopping(app: &App) -> Result<()> {
    if *app.draining.borrow() {
        return Err(Error::Unavailable(anyhow::anyhow!(
            "the server is about to stop"
        )));
    }
    Ok(())
}

/// Reads the whole table and checks it: what it comes to.
async fn check(cx: &OpContext, import: &Arc<Import>, spool: &Spool) -> Result<Counts, Halt> {
    let mut walk = Walk::begin(cx.clone(), import, spool.clone());
    let (mut counts, mut signed) = (Counts::default(), Instant::now());
    while let Some(planned) = walk.next().await? {
        plan::count(&planned, &mut counts, &mut walk.faults);
        stopping(&cx.app)?;
        cx.app.imports.set(Some((
            import.id,
            Progress {
                state: ImportState::Checking,
                rows: 0,
                done: counts.rows(),
            },
        )));
        if signed.elapsed() > SIGN {
            signed = Instant::now();
            let system = OpContext::system(&cx.app);
            let until = system.at().plus_ms(CLAIM_MS);
            let kept = system.write((Arc::clone(import), until), |tx, (import, until)| {
                Box::pin(store::keep(tx, import, *until))
            });
            if !kept.await? {
                return Err(Halt::Later(Error::internal(
                    "another instance has taken the import",
                )));
            }
        }
    }
    if walk.faults.is_empty() {
        Ok(counts)
    } else {
        Err(Halt::Refused(walk.faults))
    }
}

/// What the writing of a table needs.
struct Apply {
    cx: OpContext,
    tree: Arc<Tree>,
    import: Arc<Import>,
    spool: Spool,
    rows: u64,
    /// What was found wrong, for the caller: the transaction tells only that it was rolled back.
    found: Arc<Mutex<Faults>>,
}

/// Writes the whole table, in one transaction.
async fn apply(
    cx: &OpContext,
    import: &Arc<Import>,
    spool: Spool,
    counts: Counts,
) -> Result<(), Halt> {
    let found: Arc<Mutex<Faults>> = Arc::default();
    // Its own instant: the check may have taken long.
    let cx = OpContext::new(&cx.app, Arc::clone(&cx.viewer), import.id.to_string());
    let cx = &cx;
    let input = Apply {
        cx: cx.clone(),
        tree: tree(cx).await?,
        import: Arc::clone(import),
        spool,
        rows: counts.rows(),
        found: Arc::clone(&found),
    };
    let written = cx
        .app
        .db
        .write_long(&cx.op, input, |tx, apply| Box::pin(write(tx, apply)));
    match written.await {
        Ok(()) => {
            if counts.rows() >= MANY {
                // It is imported, whether this comes off or not.
                if let Err(error) = cx.app.db.sample().await {
                    tracing::warn!(error = %error, "the tables that an import filled were not sampled");
                }
            }
            Ok(())
        }
        Err(Error::User(errors)) => {
            let mut faults =
                std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
            if faults.is_empty() && errors.is_empty() {
                return Ok(());
            }
            if faults.is_empty() {
                for error in errors {
                    faults.add(1, None, error.message);
                }
            }
            Err(Halt::Refused(faults))
        }
        Err(error) => Err(Halt::Later(error)),
    }
}

/// What the one who reads ahead has to say.
enum Ahead {
    Rows(Vec<Planned>),
    Faults(Faults),
    Failed(Error),
    End,
}

/// Reads on while what was read before is written, a few batches ahead.
fn read_ahead(apply: &Apply) -> mpsc::Receiver<Ahead> {
    let (send, receive) = mpsc::channel(AHEAD);
    let import = &apply.import;
    let mut walk = Walk::begin(apply.cx.clone(), import, apply.spool.clone());
    tasks::spawn("import_ahead", async move {
        loop {
            let next = match walk.next().await {
                Err(error) => Ahead::Failed(error),
                Ok(_) if !walk.faults.is_empty() => Ahead::Faults(std::mem::take(&mut walk.faults)),
                Ok(Some(planned)) => Ahead::Rows(planned),
                Ok(None) => Ahead::End,
            };
            let goes_on = matches!(next, Ahead::Rows(_));
            if send.send(next).await.is_err() || !goes_on {
                return;
            }
        }
    });
    receive
}

async fn write(tx: &Tx, apply: &Apply) -> Result<()> {
    let import = &apply.import;
    // From here on nobody else takes it.
    let until = tx.op.at.plus_ms(CLAIM_MS);
    if !store::keep(tx, import, until).await? {
        return Err(Error::internal("another instance has taken the import"));
    }
    may_still(tx, import, &apply.cx.viewer).await?;
    let caller = (&apply.cx.viewer, &apply.tree);
    let mut ahead = read_ahead(apply);
    let (mut counts, mut found) = (Counts::default(), Faults::default());
    let mut replanned = 0;
    loop {
        let planned = match ahead.recv().await {
            Some(Ahead::Rows(planned)) => planned,
            Some(Ahead::End) => break,
            Some(Ahead::Failed(error)) => return Err(error),
            Some(Ahead::Faults(faults)) => return Err(refuse(apply, faults)),
            None => return Err(Error::internal("the table was not read to its end")),
        };
        plan::count(&planned, &mut counts, &mut found);
        plan::write(tx, (import.brand, import.kind), caller, planned, &mut found).await?;
        if found.count >= MAX_ERRORS as u64 {
            break;
        }
        stopping(&apply.cx.app)?;
        // The tables that it fills have doubled.
        if counts.rows() >= replanned * 2 {
            tx.replan().await?;
            replanned = counts.rows();
        }
        apply.cx.app.imports.set(Some((
            import.id,
            Progress {
                state: ImportState::Writing,
                rows: apply.rows,
                done: counts.rows(),
            },
        )));
    }
    if !found.is_empty() {
        return Err(refuse(apply, found));
    }
    if import.dry_run {
        // It was tried: nothing of it stays.
        return Err(refuse(apply, Faults::default()));
    }
    if !store::end(tx, import, ImportState::Done, counts, &Faults::default()).await? {
        return Err(Error::internal("another instance has taken the import"));
    }
    tx.audit(Audit {
        brand: Some(import.brand),
        action: "finishImport",
        subject: import.id.to_string(),
        contents: Vec::new(),
        changes: json!({ "created": counts.created, "updated": counts.updated, "unchanged": counts.unchanged }),
    });
    Ok(())
}

/// Keeps what was found wrong, and rolls everything back.
fn refuse(apply: &Apply, faults: Faults) -> Error {
    *apply.found.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    Error::User(Vec::new())
}

/// The rows were checked for this viewer: it must be the same one still.
async fn may_still(tx: &Tx, import: &Import, checked: &Viewer) -> Result<()> {
    let now = viewer_of(tx, import.maker).await?;
    if now.is_some_and(|now| now == *checked && may(&now, import)) {
        return Ok(());
    }
    Err(Error::user(UserErrorCode::Invalid, "", NOT_ANY_MORE))
}
