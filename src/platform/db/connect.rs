//! Opening the database.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult,
    SqliteTransactionMode, SqlxPostgresConnector, SqlxSqliteConnector, TransactionOptions,
    TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::write::Writer;
use super::{Db, STATEMENTS, Sql, fetch};

/// Longest that one statement may run before the database ends it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest that a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The advisory lock under which PostgreSQL is migrated; any number of our own.
const MIGRATION_LOCK: i64 = 0x4143_434f_4c41_4445;

/// Which database, and how many connections to it.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// Connections in the pool (PostgreSQL), or readers (SQLite, which has one writer besides).
    pub connections: u32,
}

/// A database that is open but not yet in use: this is the moment to migrate it.
pub struct Opened {
    read: DatabaseConnection,
    write: DatabaseConnection,
    statements: Arc<AtomicU64>,
}

/// Opens the database, creating a SQLite file where there is none.
pub async fn open(config: &DatabaseConfig) -> anyhow::Result<Opened> {
    let statements = Arc::new(AtomicU64::new(0));
    if let Some(path) = config.url.strip_prefix("sqlite://") {
        let write_pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // A COMMIT that failed leaves the connection in a transaction that is none: begin anew.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(sqlite_options(Path::new(path)).create_if_missing(true))
            .await
            .with_context(|| format!("opening the SQLite database {path}"))?;
        let read_pool = SqlitePoolOptions::new()
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
        });
    }
    let options: PgConnectOptions = config
        .url
        .parse()
        .context("the database URL must begin with sqlite:// or postgres://")?;
    let timeout = STATEMENT_TIMEOUT.as_millis().to_string();
    let pool = PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.options([
            ("statement_timeout", timeout.as_str()),
            // The gate's predicate is many small subselects: compiling them took seconds, running them does not.
            ("jit", "off"),
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
        let writer = match self.read.get_database_backend() {
            DbBackend::Postgres => Writer::direct(self.write),
            _ => Writer::grouped(self.write),
        };
        Db {
            read: self.read,
            writer,
            statements: self.statements,
        }
    }
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
        .statement_cache_capacity(256)
}

fn counted(mut connection: DatabaseConnection, statements: &Arc<AtomicU64>) -> DatabaseConnection {
    let total = Arc::clone(statements);
    connection.set_metric_callback(move |_| {
        total.fetch_add(1, Ordering::Relaxed);
        let _ = STATEMENTS.try_with(|n| n.fetch_add(1, Ordering::Relaxed));
    });
    connection
}
