//! The write path: one mutation, one transaction, with its ledger.
//!
//! A write is a *unit*: complete input, and a function that runs it on a transaction. Around it stand
//! the same four things each time: has this call been answered before (idempotency), the unit itself,
//! its audit entries and outbox events, and the commit. Any error rolls all of it back.
//!
//! On PostgreSQL each unit is its own transaction, repeated when the database asks for it. On SQLite
//! one task owns the only writing connection and groups the units of concurrent requests: each in a
//! savepoint of its own, one commit for up to [`GROUP`] of them, and the answers only after it. One
//! unit's failure or panic rolls back its savepoint and nothing else.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use super::{Db, Sql};
use crate::error::{Error, Result};
use crate::platform::ids::Ids;
use crate::platform::ledger::{self, Audit, Event, Pending};
use crate::platform::op::Op;
use crate::platform::tasks;

/// Units that share a commit on SQLite.
const GROUP: usize = 64;
/// Units that may wait; past it callers are told to come back.
const QUEUE: usize = 4_096;
/// How often a unit is tried again after a serialization failure or deadlock.
const ATTEMPTS: u32 = 8;

/// The transaction of one unit. Reads and writes through it like through any connection.
pub struct Tx {
    conn: DatabaseTransaction,
    pub op: Op,
    ids: Ids,
    pending: std::sync::Mutex<Pending>,
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.conn
    }
}

impl Tx {
    /// A new id, stamped with the operation's time.
    #[must_use]
    pub fn id<I: crate::platform::ids::TypedId>(&self) -> I {
        self.ids.make(self.op.at)
    }

    /// Writes what changed to the audit log, with this transaction.
    pub fn audit(&self, entry: Audit) {
        self.pending().audit.push(entry);
    }

    /// Writes rows that nothing in this transaction reads back, at its end, together with its ledger: a round
    /// trip less.
    pub fn write_last(&self, sql: Sql) {
        self.pending().writes.push(sql);
    }

    /// Announces an event, with this transaction. It leaves the process through the outbox only.
    pub fn emit(&self, event: Event) {
        self.pending().events.push(event);
    }

    /// Writes now what was handed in for the ledger so far: for units that hand in more than memory shall hold.
    pub async fn settle(&self) -> Result<()> {
        let pending = std::mem::take(&mut *self.pending());
        ledger::record(self, pending).await
    }

    /// Has PostgreSQL plan its statements anew. It keeps a plan that it made when a table was small, which is the
    /// wrong one once the transaction has filled it.
    pub async fn replan(&self) -> Result<()> {
        if self.conn.get_database_backend() == DbBackend::Postgres {
            self.conn.execute_unprepared("DISCARD PLANS").await?;
        }
        Ok(())
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(super) type Answer = Box<dyn FnOnce(Result<(), DbErr>) + Send>;
type Body<I, T> = Box<dyn for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T>> + Send + Sync>;

/// A unit with its types erased, as it waits in the queue.
pub(super) trait Queued: Send {
    /// Runs on a transaction of its own, ends it, and answers once the outer commit is known.
    fn run(self: Box<Self>, conn: DatabaseTransaction) -> BoxFuture<'static, (Answer, bool)>;
    /// Whether it may take as long as it wants, alone.
    fn is_long(&self) -> bool;
}

#[derive(Clone)]
pub(super) enum Writer {
    Grouped(mpsc::Sender<Box<dyn Queued>>),
    Direct(DatabaseConnection),
}

impl Writer {
    pub(super) fn direct(pool: DatabaseConnection) -> Self {
        Self::Direct(pool)
    }

    /// `hurried` says whether what takes too long is ended: not while a long unit runs.
    pub(super) fn grouped(connection: DatabaseConnection, hurried: Arc<AtomicBool>) -> Self {
        let (send, receive) = mpsc::channel(QUEUE);
        tasks::spawn("writer", write_groups(connection, receive, hurried));
        Self::Grouped(send)
    }
}

/// The unit's function and input, shared so that it can be run again.
struct Unit<I, T> {
    op: Op,
    input: I,
    body: Body<I, T>,
}

impl Db {
    /// Runs one mutation in one transaction. What it returns is remembered under the operation's
    /// idempotency key, so it must be ids and plain facts: the payload is loaded anew from them.
    ///
    /// `body` may run more than once (a serialization failure), each time on a fresh transaction.
    pub async fn write<I, T, F>(&self, op: &Op, input: I, body: F) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T>> + Send + Sync + 'static,
    {
        self.write_unit(op, input, body, false).await
    }

    /// The same for a unit that writes very much, and may take as long as it wants. On SQLite nobody else writes
    /// meanwhile.
    pub async fn write_long<I, T, F>(&self, op: &Op, input: I, body: F) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T>> + Send + Sync + 'static,
    {
        self.write_unit(op, input, body, true).await
    }

    async fn write_unit<I, T, F>(&self, op: &Op, input: I, body: F, is_long: bool) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T>> + Send + Sync + 'static,
    {
        let unit = Arc::new(Unit {
            op: op.clone(),
            input,
            body: Box::new(body),
        });
        let changed = Changed(Arc::clone(&self.changes));
        match &self.writer {
            Writer::Direct(pool) => {
                let outcome = write_direct(pool, &unit).await;
                drop(changed);
                outcome
            }
            Writer::Grouped(queue) => {
                let (send, receive) = oneshot::channel();
                queue
                    .try_send(Box::new(Waiting {
                        unit,
                        changed,
                        answer: send,
                        is_long,
                    }))
                    .map_err(|_| Error::Unavailable(anyhow::anyhow!("the write queue is full")))?;
                receive
                    .await
                    .map_err(|_| Error::Unavailable(anyhow::anyhow!("the writer stopped")))?
            }
        }
    }
}

/// Counts a change when it goes, however the write ends: also where its caller has gone away.
struct Changed(Arc<AtomicU64>);

impl Drop for Changed {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// How a unit ended.
struct Ended<T> {
    outcome: Result<T>,
    /// Whether its transaction ended as it was told to. If not, the one around it is lost: a full disk
    /// makes SQLite roll back the whole of it by itself.
    sound: bool,
}

/// Runs the unit and its ledger; commits or rolls back the transaction it was given.
async fn complete<I, T>(conn: DatabaseTransaction, unit: &Unit<I, T>) -> Ended<T>
where
    I: Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let tx = Tx {
        conn,
        op: unit.op.clone(),
        ids: unit.op.ids.clone(),
        pending: <_>::default(),
    };
    let outcome = AssertUnwindSafe(attempt(&tx, unit))
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(Error::internal(format!("a write panicked: {text}")))
        });
    match outcome {
        Ok(value) => match tx.conn.commit().await {
            Ok(()) => Ended {
                outcome: Ok(value),
                sound: true,
            },
            Err(error) => Ended {
                outcome: Err(error.into()),
                sound: false,
            },
        },
        Err(error) => {
            // The unit's own error is the one to tell, whatever the rollback says.
            let sound = tx.conn.rollback().await.is_ok();
            Ended {
                outcome: Err(error),
                sound,
            }
        }
    }
}

async fn attempt<I, T>(tx: &Tx, unit: &Unit<I, T>) -> Result<T>
where
    I: Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    if let Some(outcome) = ledger::begin(tx, &unit.op).await? {
        return serde_json::from_value(outcome).map_err(Error::internal);
    }
    let value = (unit.body)(tx, &unit.input).await?;
    let pending = std::mem::take(&mut *tx.pending());
    ledger::finish(tx, &unit.op, pending, &value).await?;
    Ok(value)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that begins a transaction"
)]
async fn write_direct<I, T>(pool: &DatabaseConnection, unit: &Unit<I, T>) -> Result<T>
where
    I: Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut attempt = 1;
    loop {
        let conn = pool.begin().await?;
        match complete(conn, unit).await.outcome {
            Err(error) if attempt < ATTEMPTS && should_retry(&error) => {
                let pause = rand::random_range(1..=(5 << attempt));
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Whether PostgreSQL asks for the transaction to be repeated: serialization failure or deadlock.
fn should_retry(error: &Error) -> bool {
    let (Error::Internal(cause) | Error::Unavailable(cause)) = error else {
        return false;
    };
    cause.chain().any(|cause| {
        let Some(
            DbErr::Exec(RuntimeErr::SqlxError(sql)) | DbErr::Query(RuntimeErr::SqlxError(sql)),
        ) = cause.downcast_ref::<DbErr>()
        else {
            return false;
        };
        matches!(&**sql, sqlx::Error::Database(e) if matches!(e.code().as_deref(), Some("40001" | "40P01")))
    })
}

struct Waiting<I, T> {
    unit: Arc<Unit<I, T>>,
    changed: Changed,
    answer: oneshot::Sender<Result<T>>,
    is_long: bool,
}

impl<I, T> Queued for Waiting<I, T>
where
    I: Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn is_long(&self) -> bool {
        self.is_long
    }

    fn run(self: Box<Self>, conn: DatabaseTransaction) -> BoxFuture<'static, (Answer, bool)> {
        Box::pin(async move {
            let Ended { outcome, sound } = complete(conn, &self.unit).await;
            let answer: Answer = Box::new(move |commit| {
                drop(self.changed);
                let outcome = match commit {
                    // The caller must not take for lost what a refusal has said already.
                    Err(_) if outcome.is_err() => outcome,
                    Err(error) => Err(Error::Unavailable(
                        anyhow::Error::new(error).context("commit"),
                    )),
                    Ok(()) => outcome,
                };
                // A caller that has gone away finds its outcome under its idempotency key.
                let _ = self.answer.send(outcome);
            });
            (answer, sound)
        })
    }
}

/// The one writer of a SQLite database.
async fn write_groups(
    connection: DatabaseConnection,
    mut queue: mpsc::Receiver<Box<dyn Queued>>,
    hurried: Arc<AtomicBool>,
) {
    // A long unit that came to a group's end waits for the next, which is its own.
    let mut held: Option<Box<dyn Queued>> = None;
    loop {
        let first = match held.take() {
            Some(held) => held,
            None => match queue.recv().await {
                Some(next) => next,
                None => return,
            },
        };
        let mut answers: Vec<Answer> = Vec::new();
        let is_long = first.is_long();
        hurried.store(!is_long, Ordering::Relaxed);
        let mut next = || {
            if is_long {
                return None;
            }
            let next = queue.try_recv().ok()?;
            if next.is_long() {
                held = Some(next);
                return None;
            }
            Some(next)
        };
        let outcome = write_group(&connection, first, &mut next, &mut answers).await;
        hurried.store(true, Ordering::Relaxed);
        if let Err(error) = &outcome {
            tracing::error!(error = %error, "a group of writes was not committed");
        }
        metrics::histogram!("accolade_write_group_units")
            .record(u32::try_from(answers.len()).unwrap_or(0));
        let failure = outcome.err().map(|e| e.to_string());
        for answer in answers {
            answer(
                failure
                    .clone()
                    .map_or(Ok(()), |text| Err(DbErr::Custom(text))),
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that begins a transaction"
)]
async fn write_group(
    connection: &DatabaseConnection,
    first: Box<dyn Queued>,
    more: &mut (dyn FnMut() -> Option<Box<dyn Queued>> + Send),
    answers: &mut Vec<Answer>,
) -> Result<(), DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let group = connection.begin_with_options(options).await?;
    let mut next = Some(first);
    while let Some(unit) = next.take() {
        let savepoint = group.begin().await?;
        let (answer, sound) = unit.run(savepoint).await;
        answers.push(answer);
        if !sound {
            // What came before in this group is gone with it: none of it may be answered as done.
            let _ = group.rollback().await;
            return Err(DbErr::Custom("the group's transaction was lost".to_owned()));
        }
        if answers.len() < GROUP {
            next = more();
        }
    }
    group.commit().await
}

#[cfg(test)]
mod tests {
    use crate::error::{Error, Result};
    use crate::platform::clock::Timestamp;
    use crate::platform::db::{Db, Sql, fetch_count, run};
    use crate::platform::ids::Ids;
    use crate::platform::op::{Actor, Op};
    use crate::testing::TestDatabase;

    async fn write(db: &Db, sql: &'static str, name: String) -> Result<()> {
        let op = Op {
            actor: Actor::System,
            at: Timestamp(1),
            ids: Ids::new(),
            request_id: String::new(),
            idempotency: None,
        };
        db.write(&op, name, move |tx, name| {
            Box::pin(async move {
                let sql = Sql::new(sql);
                let sql = if name.is_empty() {
                    sql
                } else {
                    sql.bind(name.clone()).push(")")
                };
                run(&**tx, sql).await.map(|_| ())
            })
        })
        .await
    }

    const REVISION: &str = "INSERT INTO revisions (value, name) VALUES (1, ";

    /// A full disk refuses writes, loses nothing that was answered, and is over when there is room again.
    #[tokio::test]
    async fn a_full_disk_is_a_refusal_and_not_the_end() {
        let database = TestDatabase::create().await;
        if database.is_shared() {
            return; // A limit on pages is SQLite's.
        }
        let db = database.open().await;
        write(&db, REVISION, "kept".to_owned()).await.unwrap();
        write(&db, "PRAGMA max_page_count = 1", String::new())
            .await
            .unwrap();
        let large = "x".repeat(1 << 20);
        let refused = write(&db, REVISION, large).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        // What was lost is rolled back, and what still has room is written. A disk that is really full:
        // `tests/it/full_disk.rs`.
        write(&db, REVISION, "after".to_owned()).await.unwrap();
        write(&db, REVISION, "later".to_owned()).await.unwrap();
        let kept = Sql::new(
            "SELECT count(*) AS n FROM revisions WHERE name IN ('kept', 'after', 'later')",
        );
        assert_eq!(fetch_count(db.read(), kept).await.unwrap(), 3);
        database.remove().await;
    }
}
