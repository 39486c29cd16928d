//! `limit`: what a handler written by hand can do for the measured requests, with axum and sqlx alone and
//! one statement for each answer. It has as many connections as the server, and what it writes is as durable.

mod sql;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accolade::platform::clock::Clock;
use accolade::platform::ids::{Ids, decode, encode};
use anyhow::Context;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlSafeStr, SqlStr, SqlitePool};
use uuid::Uuid;

use sql::{Dialect, PLACE, PLACE_STEPS, Place};

/// Where to serve, and from what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A seeded database
    #[arg(long, value_name = "URL")]
    database_url: String,
    #[arg(long, default_value = "127.0.0.1:4001")]
    listen: SocketAddr,
}

/// Rows on a page; both sides show as many.
pub(crate) const PAGE: u32 = 20;

enum Database {
    Sqlite { read: SqlitePool, write: SqlitePool },
    Postgres(PgPool),
}

struct Handler {
    database: Database,
    clock: Clock,
    ids: Ids,
    /// By slug: the channel's id and the statement of its page.
    channels: HashMap<String, (Uuid, SqlStr)>,
    list: SqlStr,
    one: SqlStr,
}

type Answer = Result<Response, Failure>;

/// What went wrong: it is in the answer, for whoever measures.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<StatusCode> for Failure {
    fn from(status: StatusCode) -> Self {
        Self(status, status.to_string())
    }
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let (database, dialect) = connect(&options.database_url).await?;
    let channels = places(&database)
        .await?
        .into_iter()
        .map(|(slug, id, place)| (slug, (id, fixed(dialect.channel_page(&place, PAGE)))))
        .collect();
    let handler = Arc::new(Handler {
        database,
        clock: Clock::system(),
        ids: Ids::new(),
        channels,
        list: fixed(dialect.asset_list(PAGE)),
        one: fixed(dialect.one()),
    });
    let router = Router::new()
        .route("/readyz", get(async || "ready"))
        .route("/channels/{slug}", get(channel_page))
        .route("/assets", get(asset_list))
        .route("/contents/{id}", get(one))
        .route("/placements", post(place))
        .with_state(handler);
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

fn fixed(sql: String) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

/// As the server connects.
async fn connect(url: &str) -> anyhow::Result<(Database, Dialect)> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", "-16000")
            .statement_cache_capacity(256);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_mins(1))
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        return Ok((Database::Sqlite { read, write }, Dialect::Sqlite));
    }
    let options: PgConnectOptions = url.parse().context("not an address of PostgreSQL")?;
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .connect_with(options.options([("jit", "off")]))
        .await?;
    Ok((Database::Postgres(pool), Dialect::Postgres))
}

/// Id, slug, market and parent.
type ChannelRow = (Uuid, String, Option<String>, Option<Uuid>);
/// The channel, its check and its value.
type RuleRow = (Uuid, String, Option<String>);

/// Runs a query on whichever database it is.
macro_rules! fetch_all {
    ($database:expr, $query:expr) => {
        match $database {
            Database::Sqlite { read, .. } => $query.fetch_all(read).await,
            Database::Postgres(pool) => $query.fetch_all(pool).await,
        }
    };
}

/// The channels, read once.
async fn places(database: &Database) -> anyhow::Result<Vec<(String, Uuid, Place)>> {
    let sql = "SELECT id, slug, market, parent_id FROM channels";
    let channels: Vec<ChannelRow> = fetch_all!(database, sqlx::query_as(sql))?;
    let sql = "SELECT channel_id, rule_check, value FROM channel_rules WHERE severity = 'ERROR'";
    let rules: Vec<RuleRow> = fetch_all!(database, sqlx::query_as(sql))?;
    let parents: HashMap<Uuid, Uuid> = channels
        .iter()
        .filter_map(|(id, _, _, parent)| Some((*id, (*parent)?)))
        .collect();
    let place = |(id, slug, market, _): ChannelRow| {
        let chain: Vec<Uuid> =
            std::iter::successors(Some(id), |id| parents.get(id).copied()).collect();
        let rule = |check: &str| {
            rules
                .iter()
                .filter(|(channel, name, _)| name == check && chain.contains(channel))
                .filter_map(|(_, _, value)| value.as_deref()?.parse().ok())
                .min()
        };
        let (max_bytes, max_tier) = (rule("MAX_BYTES"), rule("MAX_OUTLET_TIER"));
        let place = Place {
            chain,
            market,
            max_bytes,
            max_tier,
        };
        (slug, id, place)
    };
    Ok(channels.into_iter().map(place).collect())
}

impl Handler {
    fn hash(headers: &HeaderMap) -> Result<Vec<u8>, StatusCode> {
        let value = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
        let secret = value
            .and_then(|v| v.strip_prefix("Bearer "))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(Sha256::digest(secret.as_bytes()).to_vec())
    }

    /// Whether more follows, and the nodes.
    async fn page(
        &self,
        sql: &SqlStr,
        hash: Vec<u8>,
        from: Option<Uuid>,
    ) -> Result<String, Failure> {
        let now = self.clock.now().0;
        let found: Option<(bool, String)> = match &self.database {
            Database::Sqlite { read, .. } => {
                let query = sqlx::query_as(sql.clone()).bind(hash).bind(now);
                match from {
                    Some(id) => query.bind(id).fetch_optional(read).await?,
                    None => query.fetch_optional(read).await?,
                }
            }
            Database::Postgres(pool) => {
                let query = sqlx::query_as(sql.clone()).bind(hash).bind(now);
                match from {
                    Some(id) => query.bind(id).fetch_optional(pool).await?,
                    None => query.fetch_optional(pool).await?,
                }
            }
        };
        let (more, nodes) = found.ok_or(StatusCode::UNAUTHORIZED)?;
        let mut text = format!("{{\"pageInfo\":{{\"hasNextPage\":{more}}},\"nodes\":");
        spell_ids(&mut text, &nodes);
        text.push('}');
        Ok(text)
    }
}

/// Copies JSON and spells the ids that the statement has marked as the API does.
fn spell_ids(out: &mut String, json: &str) {
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('~') {
        out.push_str(before);
        let end = after.find('"').unwrap_or(after.len());
        if let Ok(id) = Uuid::try_parse(&after[..end]) {
            out.push_str(&encode("", id));
            rest = &after[end..];
        } else {
            out.push('~');
            rest = after;
        }
    }
    out.push_str(rest);
}

fn answer(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

async fn channel_page(
    State(handler): State<Arc<Handler>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let hash = Handler::hash(&headers)?;
    let (_, sql) = handler.channels.get(&slug).ok_or(StatusCode::NOT_FOUND)?;
    let contents = handler.page(sql, hash, None).await?;
    Ok(answer(format!(
        "{{\"data\":{{\"channel\":{{\"contents\":{contents}}}}}}}"
    )))
}

#[derive(Deserialize)]
struct Start {
    from: String,
}

fn read_id(text: &str) -> Result<Uuid, StatusCode> {
    Ok(decode(text).map_err(|_| StatusCode::NOT_FOUND)?.1)
}

async fn asset_list(
    State(handler): State<Arc<Handler>>,
    Query(from): Query<Start>,
    headers: HeaderMap,
) -> Answer {
    let hash = Handler::hash(&headers)?;
    let from = read_id(&from.from)?;
    let page = handler.page(&handler.list, hash, Some(from)).await?;
    Ok(answer(format!("{{\"data\":{{\"assets\":{page}}}}}")))
}

async fn one(
    State(handler): State<Arc<Handler>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let hash = Handler::hash(&headers)?;
    let (id, now) = (read_id(&id)?, handler.clock.now().0);
    let sql = handler.one.clone();
    let node: Option<String> = match &handler.database {
        Database::Sqlite { read, .. } => {
            let query = sqlx::query_scalar(sql).bind(hash).bind(now).bind(id);
            query.fetch_optional(read).await?
        }
        Database::Postgres(pool) => {
            let query = sqlx::query_scalar(sql).bind(hash).bind(now).bind(id);
            query.fetch_optional(pool).await?
        }
    };
    let mut text = "{\"data\":{\"node\":".to_owned();
    spell_ids(&mut text, &node.ok_or(StatusCode::NOT_FOUND)?);
    text.push_str("}}");
    Ok(answer(text))
}

#[derive(Deserialize)]
struct NewPlacement {
    content: String,
    channel: String,
    location: String,
}

/// Binds the ten values of a placement.
macro_rules! bound {
    ($sql:expr, $row:expr) => {
        sqlx::query($sql)
            .bind($row.hash.clone())
            .bind($row.at)
            .bind($row.content)
            .bind($row.id)
            .bind($row.channel)
            .bind($row.location.clone())
            .bind($row.entry)
            .bind(encode("placement", $row.id))
            .bind($row.changes.clone())
            .bind($row.token)
    };
}

struct Placed {
    hash: Vec<u8>,
    at: i64,
    content: Uuid,
    id: Uuid,
    channel: Uuid,
    location: String,
    entry: Uuid,
    changes: String,
    token: Uuid,
}

async fn place(
    State(handler): State<Arc<Handler>>,
    headers: HeaderMap,
    axum::Json(new): axum::Json<NewPlacement>,
) -> Answer {
    let now = handler.clock.now();
    let (channel, _) = handler
        .channels
        .get(&new.channel)
        .ok_or(StatusCode::NOT_FOUND)?;
    let changes = json!({
        "version": null, "channel": new.channel, "product": null, "audience": null, "location": new.location,
        "url": null, "status": "PLANNED", "plannedFor": null,
    });
    let row = Placed {
        hash: Handler::hash(&headers)?,
        at: now.0,
        content: read_id(&new.content)?,
        id: handler.ids.uuid(now),
        channel: *channel,
        location: new.location,
        entry: handler.ids.uuid(now),
        changes: changes.to_string(),
        // Who asks is in the row as the server has it; which token it is does not change the work.
        token: *channel,
    };
    match &handler.database {
        Database::Postgres(pool) => {
            let made = bound!(PLACE, row).fetch_optional(pool).await?;
            made.ok_or(StatusCode::NOT_FOUND)?;
        }
        Database::Sqlite { write, .. } => {
            let mut connection = write.acquire().await?;
            connection.execute("BEGIN IMMEDIATE").await?;
            for step in PLACE_STEPS {
                bound!(step, row).execute(&mut *connection).await?;
            }
            connection.execute("COMMIT").await?;
        }
    }
    let id = encode("placement", row.id);
    Ok(answer(format!(
        "{{\"data\":{{\"createPlacement\":{{\"placement\":{{\"id\":\"{id}\"}},\"userErrors\":[]}}}}}}"
    )))
}
