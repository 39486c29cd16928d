//! The database: one way to read, one way to write, the same on SQLite and PostgreSQL.

mod connect;
mod keyset;
pub mod snapshot;
mod sql;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, SqlErr, Value,
};

pub use connect::{DatabaseConfig, Opened, open};
pub use keyset::{
    Cursor, Direction, KeyPart, Page, PageRequest, SortColumn, keyset_order, keyset_page,
    keyset_range,
};
pub use sql::Sql;
pub use write::Tx;

use crate::error::{Error, Result, UserErrorCode};

tokio::task_local! {
    /// The statements that the present request has run; absent outside a request.
    pub static STATEMENTS: Arc<AtomicU64>;
}

/// A handle on the database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    read: DatabaseConnection,
    writer: write::Writer,
    statements: Arc<AtomicU64>,
    changes: Arc<AtomicU64>,
}

impl Db {
    /// The pool for reading. Writing through it is refused by SQLite; use [`Db::write`].
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Has PostgreSQL look at its tables anew, whose sizes decide how it reads them: for who has just written very
    /// much. It would do so by itself, some minutes later.
    pub async fn sample(&self) -> Result<()> {
        if self.backend() == DbBackend::Postgres {
            self.read.execute_unprepared("ANALYZE").await?;
        }
        Ok(())
    }

    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// How many statements this handle has run since the process started.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Counts what this handle may have changed: up with every write, after its commit and before its answer.
    /// Who asks before it reads, and finds the same later, has missed nothing that was acknowledged here.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }
}

/// Runs a statement and reads all its rows.
pub async fn fetch<R: FromQueryResult>(db: &impl ConnectionTrait, sql: Sql) -> Result<Vec<R>> {
    let backend = db.get_database_backend();
    Ok(R::find_by_statement(sql.into_statement(backend))
        .all(db)
        .await?)
}

/// Runs a statement and reads its first row, if there is one.
pub async fn fetch_one<R: FromQueryResult>(
    db: &impl ConnectionTrait,
    sql: Sql,
) -> Result<Option<R>> {
    let backend = db.get_database_backend();
    Ok(R::find_by_statement(sql.into_statement(backend))
        .one(db)
        .await?)
}

/// Runs a statement that returns one integer in a column named `n`.
pub async fn fetch_count(db: &impl ConnectionTrait, sql: Sql) -> Result<i64> {
    let row = db
        .query_one_raw(sql.into_statement(db.get_database_backend()))
        .await?;
    Ok(match row {
        Some(row) => row.try_get("", "n")?,
        None => 0,
    })
}

/// Runs a statement for its effect; the number of rows it touched.
pub async fn run(db: &impl ConnectionTrait, sql: Sql) -> Result<u64> {
    let backend = db.get_database_backend();
    Ok(db
        .execute_raw(sql.into_statement(backend))
        .await?
        .rows_affected())
}

/// Rows that one statement of [`insert_many`] has: few sizes, so that each is prepared once.
const ROWS: [usize; 4] = [512, 64, 8, 1];
/// Values that a statement may bind on SQLite; PostgreSQL takes twice as many.
const VALUES: usize = 32_766;

/// Inserts rows in the order of `columns`, however many, none too; `end` stands behind each statement.
pub async fn insert_many(
    db: &impl ConnectionTrait,
    table: &'static str,
    columns: &[&'static str],
    rows: Vec<Vec<Value>>,
    end: &'static str,
) -> Result<()> {
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    while left > 0 {
        let fits = |size: &&usize| **size <= left && **size * columns.len() <= VALUES;
        let size = ROWS.iter().find(fits).copied().unwrap_or(1);
        let some = rows.by_ref().take(size);
        run(db, Sql::insert_all(table, columns, some).push(end)).await?;
        left -= size;
    }
    Ok(())
}

/// Runs statements for their effects, none of which reads what another one writes. On PostgreSQL they are
/// one statement and so one round trip; references between their rows are checked at its end.
pub async fn run_together(db: &impl ConnectionTrait, statements: Vec<Sql>) -> Result<()> {
    if db.get_database_backend() != DbBackend::Postgres || statements.len() < 2 {
        for sql in statements {
            run(db, sql).await?;
        }
        return Ok(());
    }
    let parts = statements.into_iter().enumerate().map(|(i, sql)| {
        Sql::default()
            .name(&format!("w{i}"))
            .push(" AS (")
            .append(sql)
            .push(")")
    });
    let sql = Sql::new("WITH ")
        .append(Sql::commas(parts))
        .push(" SELECT 1");
    run(db, sql).await?;
    Ok(())
}

/// What makes a SELECT lock its rows until the transaction ends. SQLite has one writer and needs none.
#[must_use]
pub fn for_update(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => " FOR UPDATE",
        _ => "",
    }
}

/// Turns a violated unique constraint into TAKEN at `field`; anything else passes.
pub fn unique<T>(result: Result<T>, field: &str, message: &str) -> Result<T> {
    result.map_err(|error| match violation(&error) {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::user(UserErrorCode::Taken, field, message)
        }
        _ => error,
    })
}

/// Turns a violated foreign key into NOT_FOUND at `field`; anything else passes.
pub fn exists<T>(result: Result<T>, field: &str) -> Result<T> {
    result.map_err(|error| match violation(&error) {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::not_found(field),
        _ => error,
    })
}

fn violation(error: &Error) -> Option<SqlErr> {
    match error {
        Error::Internal(cause) => cause
            .chain()
            .find_map(|c| c.downcast_ref::<DbErr>())?
            .sql_err(),
        _ => None,
    }
}
