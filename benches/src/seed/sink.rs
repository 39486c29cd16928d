//! Rows on their way into the database, as fast as each database takes them: COPY into PostgreSQL,
//! statements of many rows into SQLite.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, bail};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use uuid::Uuid;

/// What a column holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Id(Uuid),
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Int(n.into())
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of a table: `row!["a", 1, None]` in the order of the table's columns.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::seed::sink::Value::from($value)),*] };
}
pub(crate) use row;

/// The tables that are filled, in the order of their references, with the columns that are.
const TABLES: &[(&str, &str)] = &[
    ("brands", "id,name,slug,created_at"),
    ("outlets", "id,name,name_key,kind,domain,tier,created_at"),
    ("audiences", "id,name,slug,created_at"),
    (
        "channels",
        "id,slug,name,kind,market,locale,parent_id,is_public,weight,rules_changed_at,created_at",
    ),
    (
        "channel_rules",
        "channel_id,position,rule_check,value,severity",
    ),
    (
        "products",
        "id,brand_id,sku,name,name_key,category,created_at",
    ),
    (
        "contents",
        "id,brand_id,kind,title,title_key,release_at,expire_at,withdrawn_at,withdrawn_reason,archived_at,\
         trashed_at,version_count,revision,created_at,created_by_kind,updated_at",
    ),
    ("assets", "content_id,kind,locale,description"),
    ("asset_alts", "content_id,locale,alt"),
    ("files", "sha256,store_key,bytes,media_type,created_at"),
    (
        "media_facts",
        "sha256,measurer_revision,width,height,orientation,has_alpha,color_space,looked_revision,\
         perceptual_hash",
    ),
    (
        "versions",
        "id,content_id,number,state,author_kind,created_at,submitted_at,approved_at",
    ),
    ("asset_versions", "version_id,sha256,filename,body,folded"),
    (
        "endorsements",
        "content_id,outlet_id,kind,published_on,source_url,recheck_every_days,rechecked_at",
    ),
    (
        "endorsement_versions",
        "version_id,byline,material_connection",
    ),
    (
        "statements",
        "version_id,locale,is_original,headline,quote,disclosure,folded",
    ),
    ("endorsement_assets", "endorsement_id,asset_id,position"),
    (
        "evidence",
        "id,endorsement_id,url,sha256,filename,state,captured_at,checked_at,contains_quote,created_at",
    ),
    (
        "claims",
        "id,endorsement_id,product_id,claim,state,decided_by_kind,decided_at,position,created_at",
    ),
    ("content_tags", "content_id,tag"),
    ("content_channels", "content_id,channel_id,tagged_at,kind"),
    ("content_markets", "content_id,market"),
    ("content_audiences", "content_id,audience_id"),
    ("content_products", "content_id,product_id"),
    (
        "leases",
        "id,brand_id,access,starts_at,ends_at,licensor,no_alteration,no_translation,no_excerpt,\
         no_redistribution,product_bound,show_year,creative_approval,created_at,created_by_kind",
    ),
    (
        "lease_scopes",
        "lease_id,position,content_id,channel_id,market",
    ),
    (
        "placements",
        "id,content_id,version_id,channel_id,location,status,live_from,live_to,created_at,updated_at",
    ),
    ("search_words", "brand_id,word,field_class,content_id"),
];

/// Rows by table.
#[derive(Default)]
pub(crate) struct Batch(BTreeMap<&'static str, Vec<Vec<Value>>>);

impl Batch {
    /// Adds a row, its values in the order of the table's columns.
    pub(crate) fn add(&mut self, table: &'static str, row: Vec<Value>) {
        self.0.entry(table).or_default().push(row);
    }
}

/// A database that is being filled.
pub(crate) enum Sink {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Sink {
    /// Connects to a migrated database, with everything off that makes single writes safe: a seeding that
    /// was interrupted is done again from an empty database.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            let connection = SqliteConnectOptions::new()
                .filename(path)
                .foreign_keys(false)
                .pragma("synchronous", "OFF")
                .pragma("cache_size", "-400000")
                .pragma("wal_autocheckpoint", "50000")
                .statement_cache_capacity(100)
                .connect()
                .await?;
            return Ok(Self::Sqlite(connection));
        }
        let mut connection = PgConnection::connect(url).await?;
        // Foreign keys are triggers; the rows are made to fit.
        let relaxed = "SET session_replication_role = replica; SET synchronous_commit = off";
        connection
            .execute(relaxed)
            .await
            .context("seeding PostgreSQL needs a superuser")?;
        Ok(Self::Postgres(connection))
    }

    /// Whether there is nothing in it yet.
    pub(crate) async fn is_empty(&mut self) -> anyhow::Result<bool> {
        let sql = "SELECT count(*) FROM brands";
        let brands: i64 = match self {
            Self::Sqlite(db) => sqlx::query_scalar(sql).fetch_one(db).await?,
            Self::Postgres(db) => sqlx::query_scalar(sql).fetch_one(db).await?,
        };
        Ok(brands == 0)
    }

    /// Writes a batch, in one transaction on SQLite: all of them in one would outgrow the disk in its log.
    pub(crate) async fn write(&mut self, batch: Batch) -> anyhow::Result<()> {
        if let Self::Sqlite(db) = self {
            db.execute("BEGIN IMMEDIATE").await?;
        }
        self.fill(batch).await?;
        if let Self::Sqlite(db) = self {
            db.execute("COMMIT").await?;
        }
        Ok(())
    }

    async fn fill(&mut self, mut batch: Batch) -> anyhow::Result<()> {
        for (table, columns) in TABLES {
            let Some(rows) = batch.0.remove(table) else {
                continue;
            };
            let width = columns.split(',').count();
            if let Some(row) = rows.iter().find(|row| row.len() != width) {
                bail!("{table} has {width} columns, not {}", row.len());
            }
            match self {
                Self::Sqlite(db) => insert(db, table, columns, width, rows).await,
                Self::Postgres(db) => copy(db, table, columns, &rows).await,
            }
            .with_context(|| format!("filling {table}"))?;
        }
        match batch.0.keys().next() {
            Some(table) => bail!("{table} is not among the tables"),
            None => Ok(()),
        }
    }

    /// Makes it durable, and tells the planner what is in it.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(mut db) => {
                db.execute("ANALYZE").await?;
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
                db.close().await?;
            }
            Self::Postgres(mut db) => {
                db.execute("VACUUM (ANALYZE)").await?;
                db.execute("CHECKPOINT").await?;
                db.close().await?;
            }
        }
        Ok(())
    }
}

/// SQLite takes 32,766 values in a statement; a few hundred rows are where more gain nothing.
const ROWS: usize = 256;

async fn insert(
    db: &mut SqliteConnection,
    table: &str,
    columns: &str,
    width: usize,
    rows: Vec<Vec<Value>>,
) -> anyhow::Result<()> {
    let marks = format!("({})", vec!["?"; width].join(","));
    for chunk in rows.chunks(ROWS) {
        let all = vec![marks.as_str(); chunk.len()].join(",");
        let sql = format!("INSERT INTO {table} ({columns}) VALUES {all}");
        // Only the full chunk comes again.
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(chunk.len() == ROWS);
        for value in chunk.iter().flatten() {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Int(n) => query.bind(*n),
                Value::Bool(b) => query.bind(*b),
                Value::Text(text) => query.bind(text.as_str().to_owned()),
                Value::Id(id) => query.bind(id.as_bytes().to_vec()),
            };
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

async fn copy(
    db: &mut PgConnection,
    table: &str,
    columns: &str,
    rows: &[Vec<Value>],
) -> anyhow::Result<()> {
    let mut text = String::with_capacity(rows.len() * 128);
    for row in rows {
        for (i, value) in row.iter().enumerate() {
            if i > 0 {
                text.push('\t');
            }
            match value {
                Value::Null => text.push_str("\\N"),
                Value::Int(n) => write!(text, "{n}")?,
                Value::Bool(b) => text.push(if *b { 't' } else { 'f' }),
                Value::Id(id) => write!(text, "{id}")?,
                Value::Text(value) => escape(&mut text, value),
            }
        }
        text.push('\n');
    }
    let mut copy = db
        .copy_in_raw(&format!("COPY {table} ({columns}) FROM STDIN"))
        .await?;
    copy.send(text.into_bytes()).await?;
    copy.finish().await?;
    Ok(())
}

/// As COPY reads it.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
}
