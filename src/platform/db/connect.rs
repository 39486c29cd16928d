//! Opening the database.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult,
    SqliteTransactionMode, SqlxPostgresConnector, SqlxSqliteConnector, TransactionOptions,
    TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use super::write::Writer;
use super::{Db, STATEMENTS, Sql, fetch};

/// A group of writes on SQLite may take so many times what one statement may.
const GROUP_FACTOR: u32 = 3;
/// A connection that has lain still for longer is asked whether it is alive before it is used. One that was
/// in use a moment ago was asked when it came back.
const STALE: Duration = Duration::from_secs(1);
/// Steps of SQLite's machine between two looks at the time.
const STEPS: i32 = 10_000;
/// Longest that a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that each connection keeps prepared.
const STATEMENT_CACHE: usize = 256;

/// Rows of SQLite's that may wait to be taken.
const ROW_BUFFER: usize = 1_024;

/// The advisory lock under which PostgreSQL is migrated; any number of our own.
const MIGRATION_LOCK: i64 = 0x4143_434f_4c41_4445;

/// Which database, and how many connections to it.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// Connections in the pool (PostgreSQL), or readers (SQLite, which has one writer besides).
    pub connections: u32,
    /// Longest that one statement may run before the database ends it.
    pub statement_timeout: Duration,
}

/// A database that is open but not yet in use: this is the moment to migrate it.
pub struct Opened {
    read: DatabaseConnection,
    write: DatabaseConnection,
    statements: Arc<AtomicU64>,
    /// Whether statements on SQLite's writing connection are ended: not while it is migrated.
    in_use: Arc<AtomicBool>,
}

/// Opens the database, creating a SQLite file where there is none.
pub async fn open(config: &DatabaseConfig) -> anyhow::Result<Opened> {
    let statements = Arc::new(AtomicU64::new(0));
    let in_use = Arc::new(AtomicBool::new(false));
    if let Some(path) = config.url.strip_prefix("sqlite://") {
        let group_timeout = config.statement_timeout * GROUP_FACTOR;
        let write_pool = limited(SqlitePoolOptions::new(), group_timeout, &in_use)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // A COMMIT that failed leaves the connection in a transaction that is none: begin anew.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(sqlite_options(Path::new(path)).create_if_missing(true))
            .await
            .with_context(|| format!("opening the SQLite database {path}"))?;
        let always = Arc::new(AtomicBool::new(true));
        let read_pool = limited(SqlitePoolOptions::new(), config.statement_timeout, &always)
            .max_connections(config.connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(sqlite_options(Path::new(path)).pragma("query_only", "ON"))
            .await?;
        let read = counted(
            SqlxSqliteConnector::from_sqlx_sqlite_pool(read_pool),
            &statements,
        );
        let write = counted(
            SqlxSqliteConnector::from_sqlx_sqlite_pool(write_pool),
            &statements,
        );
        return Ok(Opened {
            read,
            write,
            statements,
            in_use,
        });
    }
    let options: PgConnectOptions = config
        .url
        .parse()
        .context("the database URL must begin with sqlite:// or postgres://")?;
    let options = options.statement_cache_capacity(STATEMENT_CACHE);
    let timeout = config.statement_timeout.as_millis().to_string();
    let pool = PgPoolOptions::new()
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > STALE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .max_connections(config.connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.options([
            ("statement_timeout", timeout.as_str()),
            // The gate's predicate is many small subselects: compiling them took seconds, running them does not.
            ("jit", "off"),
            // Nor is it planned anew each time: that costs several times what running it does.
            ("plan_cache_mode", "force_generic_plan"),
            // Many small questions at a time: workers of their own would take longer to start than they save.
            ("max_parallel_workers_per_gather", "0"),
        ]))
        .await
        .context("connecting to PostgreSQL")?;
    let read = counted(
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
        &statements,
    );
    Ok(Opened {
        write: read.clone(),
        read,
        statements,
        in_use,
    })
}

impl Opened {
    /// Brings the database to the newest migration, in one transaction: all of it or, killed at any
    /// point, none. Instances that start together do it one after the other; the later find it done.
    #[expect(
        clippy::disallowed_methods,
        reason = "migrations have a transaction of their own"
    )]
    pub async fn migrate<M: MigratorTrait>(&self) -> anyhow::Result<()> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let tx = self.write.begin_with_options(options).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
            tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                .await?;
        }
        refuse_newer::<M>(&tx).await?;
        M::up(&tx, None).await.context("migrating the database")?;
        tx.commit().await.context("committing the migrations")
    }

    /// Takes the database into use.
    #[must_use]
    pub fn start(self) -> Db {
        self.in_use.store(true, Ordering::Relaxed);
        let writer = match self.read.get_database_backend() {
            DbBackend::Postgres => Writer::direct(self.write),
            _ => Writer::grouped(self.write, self.in_use),
        };
        Db {
            read: self.read,
            writer,
            statements: self.statements,
            changes: Arc::default(),
        }
    }
}

/// A pool whose connections end what runs for longer than `limit` from when they were taken, while `armed`.
///
/// The watch is set anew when a connection comes back, which is after its caller has gone on; so nobody waits
/// for it. It begins with the first statement that takes long enough to be looked at.
fn limited(
    options: SqlitePoolOptions,
    limit: Duration,
    armed: &Arc<AtomicBool>,
) -> SqlitePoolOptions {
    let (fresh, again) = (Arc::clone(armed), Arc::clone(armed));
    options
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let armed = Arc::clone(&fresh);
            Box::pin(watch(connection, limit, armed))
        })
        .after_release(move |connection, _| {
            let armed = Arc::clone(&again);
            Box::pin(async move {
                watch(connection, limit, armed).await?;
                Ok(true)
            })
        })
}

async fn watch(
    connection: &mut SqliteConnection,
    limit: Duration,
    armed: Arc<AtomicBool>,
) -> Result<(), sqlx::Error> {
    let mut began: Option<Instant> = None;
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(STEPS, move || {
        !armed.load(Ordering::Relaxed) || began.get_or_insert_with(Instant::now).elapsed() < limit
    });
    Ok(())
}

/// A database that a newer version has changed is not touched by an older one, which knows nothing of what
/// stands in it.
async fn refuse_newer<M: MigratorTrait>(tx: &DatabaseTransaction) -> anyhow::Result<()> {
    #[derive(FromQueryResult)]
    struct Applied {
        version: String,
    }
    M::install(tx).await.context("reading the migrations")?;
    let sql = Sql::new("SELECT version FROM seaql_migrations ORDER BY version");
    let known: BTreeSet<String> = M::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect();
    let applied: Vec<Applied> = fetch(tx, sql).await?;
    let newer: Vec<String> = applied
        .into_iter()
        .map(|row| row.version)
        .filter(|version| !known.contains(version))
        .collect();
    ensure!(
        newer.is_empty(),
        "the database is of a newer version of Accolade (it has {}, which this one does not know): \
         start that version, or restore a backup from before it",
        newer.join(", ")
    );
    Ok(())
}

/// Every commit reaches the disk (`FULL`), readers never wait for the writer (WAL).
fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-16000")
        .statement_cache_capacity(STATEMENT_CACHE)
        // Past so many rows the reader's thread waits for its rows to be taken, one by one.
        .row_buffer_size(ROW_BUFFER)
}

fn counted(mut connection: DatabaseConnection, statements: &Arc<AtomicU64>) -> DatabaseConnection {
    let total = Arc::clone(statements);
    connection.set_metric_callback(move |_| {
        total.fetch_add(1, Ordering::Relaxed);
        let _ = STATEMENTS.try_with(|n| n.fetch_add(1, Ordering::Relaxed));
    });
    connection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Result};
    use crate::platform::clock::Timestamp;
    use crate::platform::db::{Sql, fetch_count, run};
    use crate::platform::ids::Ids;
    use crate::platform::op::{Actor, Op};
    use crate::testing::TestDatabase;

    const ENDLESS: &str =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i > 0)
        SELECT count(*) AS n FROM r WHERE i < 0";

    async fn short(database: &TestDatabase) -> Db {
        let config = DatabaseConfig {
            connections: 2,
            statement_timeout: Duration::from_millis(200),
            ..database.config().clone()
        };
        let opened = open(&config).await.unwrap();
        opened
            .migrate::<accolade_migrations::Migrator>()
            .await
            .unwrap();
        opened.start()
    }

    const ONE: &str = "SELECT count(*) AS n FROM (SELECT 1) AS one";

    async fn one(db: &Db) -> Result<i64> {
        fetch_count(db.read(), Sql::new(ONE)).await
    }

    #[tokio::test]
    async fn an_endless_statement_is_ended_and_its_connection_goes_on() {
        let database = TestDatabase::create().await;
        let db = short(&database).await;
        // More often than there are connections: fresh ones, and those that were ended before.
        for _ in 0..3 {
            let (a, b) = tokio::join!(
                fetch_count(db.read(), Sql::new(ENDLESS)),
                fetch_count(db.read(), Sql::new(ENDLESS)),
            );
            for ended in [a, b] {
                assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
            }
            let (a, b, c) = tokio::join!(one(&db), one(&db), one(&db));
            assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (1, 1, 1));
        }
        // Nor do those that nobody waits for any more hold their connections.
        for _ in 0..4 {
            let given_up = Duration::from_millis(20);
            let endless = fetch_count(db.read(), Sql::new(ENDLESS));
            assert!(tokio::time::timeout(given_up, endless).await.is_err());
        }
        assert_eq!(one(&db).await.unwrap(), 1);
        database.remove().await;
    }

    #[tokio::test]
    async fn an_endless_write_is_ended_and_the_next_one_is_written() {
        let database = TestDatabase::create().await;
        let db = short(&database).await;
        let op = Op {
            actor: Actor::System,
            at: Timestamp(1),
            ids: Ids::new(),
            request_id: String::new(),
            idempotency: None,
        };
        let write = async |name: &'static str, sql: &'static str| {
            db.write(&op, (name, sql), |tx, (name, sql)| {
                Box::pin(async move {
                    let row = [("name", (*name).into()), ("value", 1.into())];
                    run(&**tx, Sql::insert("revisions", row)).await?;
                    fetch_count(&**tx, Sql::new(sql)).await
                })
            })
            .await
        };
        assert_eq!(write("first", ONE).await.unwrap(), 1);
        let ended = write("ended", ENDLESS).await;
        assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
        assert_eq!(write("second", ONE).await.unwrap(), 1);
        let kept = "SELECT count(*) AS n FROM revisions WHERE name IN ('first', 'ended', 'second')";
        assert_eq!(fetch_count(db.read(), Sql::new(kept)).await.unwrap(), 2);
        database.remove().await;
    }
}
