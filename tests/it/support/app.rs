//! A whole server on a port of its own, with a database, a folder and a clock of its own.

use std::sync::Arc;

use accolade::accounts::{Scope, create_operator_token};
use accolade::app::App;
use accolade::config::{Config, Delivery, Limits, LogFormat, UploadLimits};
use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::{Clock, Timestamp};
use accolade::platform::db::{DatabaseConfig, Sql, run};
use accolade::platform::fetch::Rules;
use accolade::platform::ids::Ids;
use accolade::platform::op::{Actor, Op};
use accolade::platform::room::Reserve;
use accolade::testing::TestDatabase;
use chrono::TimeDelta;
use reqwest::multipart::{Form, Part};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// When tests take place: 2026-06-01T12:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_780_315_200_000);

/// Tests run on small disks too.
const NO_RESERVE: Reserve = Reserve {
    bytes: 0,
    percent: 0,
};

pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    /// The secret of a token with everything.
    pub(crate) admin: String,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    database: Option<TestDatabase>,
    stop: Option<oneshot::Sender<()>>,
}

/// What GraphQL answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Json,
}

impl Answer {
    /// The data of an answer without errors.
    pub(crate) fn data(self) -> Json {
        assert!(
            self.body.get("errors").is_none(),
            "unexpected errors: {:#}",
            self.body
        );
        self.body["data"].clone()
    }

    /// The code of the first top-level error.
    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or("none")
    }
}

/// A port of one's own, and its address.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

impl TestApp {
    /// Starts a server on an empty database, at [`START`].
    pub(crate) async fn start() -> Self {
        Self::start_limited(Limits::default()).await
    }

    /// The same with limits of its own.
    pub(crate) async fn start_limited(limits: Limits) -> Self {
        let database = TestDatabase::create().await;
        let store = StoreConfig::Folder(database.folder().join("files"));
        let clock = Clock::fixed(START);
        let mut this = Self::serve_with(&database, store, clock, (limits, NO_RESERVE)).await;
        this.database = Some(database);
        this
    }

    /// Starts a server on an empty database with other settings.
    pub(crate) async fn start_set(set: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::create().await;
        let store = StoreConfig::Folder(database.folder().join("files"));
        let settings = (Limits::default(), NO_RESERVE);
        let mut this = Self::serve_set(&database, store, Clock::fixed(START), settings, set).await;
        this.database = Some(database);
        this
    }

    /// Starts another instance on a database that is there already.
    pub(crate) async fn serve(database: &TestDatabase, store: StoreConfig, clock: Clock) -> Self {
        let settings = (Limits::default(), NO_RESERVE);
        Self::serve_with(database, store, clock, settings).await
    }

    /// The same with other limits, and with something kept in reserve on the disk.
    pub(crate) async fn serve_with(
        database: &TestDatabase,
        store: StoreConfig,
        clock: Clock,
        settings: (Limits, Reserve),
    ) -> Self {
        Self::serve_set(database, store, clock, settings, |_| ()).await
    }

    /// The same with other settings besides.
    pub(crate) async fn serve_set(
        database: &TestDatabase,
        store: StoreConfig,
        clock: Clock,
        (limits, reserve): (Limits, Reserve),
        set: impl FnOnce(&mut Config),
    ) -> Self {
        let (listener, url) = listen().await;
        let mut config = Config {
            listen: listener.local_addr().unwrap(),
            data_dir: database.folder().to_owned(),
            database: DatabaseConfig {
                statement_timeout: limits.statement_timeout(),
                ..database.config().clone()
            },
            store,
            facts_cache_bytes: 1 << 20,
            delivery_cache_bytes: 1 << 20,
            coverage_cache_bytes: 1 << 20,
            draw_program: Some(env!("CARGO_BIN_EXE_accolade").into()),
            reserve,
            uploads: UploadLimits::default(),
            scrub_bytes_per_second: 0,
            fetch: Some(Rules::default()),
            public_url: url.parse().unwrap(),
            content_origin: None,
            delivery: Delivery::Stream,
            log_format: LogFormat::Text,
            log: "off".to_owned(),
            graphiql: true,
            metrics: true,
            limits,
        };
        set(&mut config);
        let app = App::open(config, clock).await.unwrap();
        let admin = create_operator_token(&app, "admin", [Scope::Admin].into(), None)
            .await
            .unwrap();
        Self::serving_on(app, admin, (listener, url))
    }

    /// Serves an application that is open already, for the bearer of this ADMIN token's secret.
    pub(crate) async fn serving(app: Arc<App>, admin: String) -> Self {
        Self::serving_on(app, admin, listen().await)
    }

    fn serving_on(app: Arc<App>, admin: String, (listener, url): (TcpListener, String)) -> Self {
        let (stop, stopped) = oneshot::channel();
        let serving = accolade::http::serve_on(Arc::clone(&app), listener, async {
            let _ = stopped.await;
        });
        accolade::platform::tasks::spawn("test_server", serving);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            app,
            admin,
            url,
            http,
            database: None,
            stop: Some(stop),
        }
    }

    /// The database of this application.
    pub(crate) fn database(&self) -> &TestDatabase {
        self.database.as_ref().unwrap()
    }

    /// Changes rows behind the server's back.
    pub(crate) async fn behind(&self, sql: &str) {
        let url = &self.database().config().url;
        let db = Database::connect(url).await.unwrap();
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    }

    /// Runs something while somebody else holds what it would write to: on PostgreSQL by this statement, on
    /// SQLite all of it.
    pub(crate) async fn while_held<T>(
        &self,
        lock: &'static str,
        asks: impl Future<Output = T>,
    ) -> T {
        let other = self.database().open().await;
        let op = Op {
            actor: Actor::System,
            at: Timestamp(1),
            ids: Ids::new(),
            request_id: String::new(),
            idempotency: None,
        };
        let sql = if self.database().is_shared() {
            lock
        } else {
            "INSERT INTO revisions (value, name) VALUES (1, 'held')"
        };
        let (held, free) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = (Arc::clone(&held), Arc::clone(&free), sql);
        let holds = other.write(&op, shared, |tx, (held, free, sql)| {
            Box::pin(async move {
                run(&**tx, Sql::new(sql)).await?;
                held.notify_one();
                free.notified().await;
                Ok(())
            })
        });
        let asks = async {
            held.notified().await;
            let asked = asks.await;
            free.notify_one();
            asked
        };
        let (held, asked) = tokio::join!(holds, asks);
        held.unwrap();
        asked
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.app.clock.advance(by);
    }

    /// An instant so many days from the start, as the API writes it.
    pub(crate) fn day(days: i64) -> String {
        START.plus_days(days).to_rfc3339()
    }

    /// Asks as the bearer of a token.
    pub(crate) async fn ask(&self, token: &str, query: &str, variables: Json) -> Answer {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(token)
            .json(&json!({ "query": query, "variables": variables }));
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.json().await.unwrap(),
        }
    }

    /// Asks as the administrator; the data.
    pub(crate) async fn query(&self, query: &str) -> Json {
        self.ask(&self.admin, query, json!({})).await.data()
    }

    /// Runs one mutation as the bearer of a token: its payload, `userErrors` and all. `select` is what is
    /// asked of the payload beside them.
    pub(crate) async fn mutate_as(
        &self,
        token: &str,
        name: &str,
        input: Json,
        select: &str,
    ) -> Json {
        let answer = self.answer_as(token, name, input, select).await;
        answer.data()[name].clone()
    }

    /// Runs one mutation as the bearer of a token: the whole answer.
    pub(crate) async fn answer_as(
        &self,
        token: &str,
        name: &str,
        input: Json,
        select: &str,
    ) -> Answer {
        self.ask(token, &mutation(name, select), json!({ "input": input }))
            .await
    }

    /// Runs one mutation as the administrator, which succeeds: its payload.
    pub(crate) async fn mutate(&self, name: &str, input: Json, select: &str) -> Json {
        let payload = self.mutate_as(&self.admin, name, input, select).await;
        assert_eq!(payload["userErrors"], json!([]), "{name} was refused");
        payload
    }

    /// Runs one mutation as the administrator, which is refused: the code and the field of its first error.
    pub(crate) async fn refused(&self, name: &str, input: Json) -> (String, String) {
        let payload = self.mutate_as(&self.admin, name, input, "").await;
        let error = &payload["userErrors"][0];
        let field: Vec<&str> = error["field"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f.as_str().unwrap())
            .collect();
        (error["code"].as_str().unwrap().to_owned(), field.join("."))
    }

    /// Runs one mutation with a file in `variables.input.<path>`; `path` is dotted.
    pub(crate) async fn upload_as(
        &self,
        token: &str,
        name: &str,
        input: Json,
        select: &str,
        path: &str,
        file: (&str, Vec<u8>),
    ) -> Json {
        let answer = self
            .send_upload(token, name, input, select, path, file)
            .await;
        answer.data()[name].clone()
    }

    /// The same, with whatever is answered.
    pub(crate) async fn send_upload(
        &self,
        token: &str,
        name: &str,
        input: Json,
        select: &str,
        path: &str,
        file: (&str, Vec<u8>),
    ) -> Answer {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(token)
            .header("GraphQL-Require-Preflight", "1")
            .multipart(upload_form(name, input, select, path, file));
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.json().await.unwrap(),
        }
    }

    /// A token with these scopes, for these brands (ids or slugs; none: all) and channels.
    pub(crate) async fn token(
        &self,
        scopes: &[&str],
        brands: &[&str],
        channels: &[&str],
    ) -> String {
        let mut input = json!({ "name": "test", "scopes": scopes });
        if !brands.is_empty() {
            input["brands"] = json!(brands);
        }
        if !channels.is_empty() {
            input["channels"] = json!(channels);
        }
        let payload = self.mutate("createAccessToken", input, "secret").await;
        payload["secret"].as_str().unwrap().to_owned()
    }

    /// The code of a payload's first user error; `OK` where it has none.
    pub(crate) fn outcome(payload: &Json) -> &str {
        payload["userErrors"][0]["code"].as_str().unwrap_or("OK")
    }

    /// A short text, which nobody has reviewed.
    pub(crate) async fn copy(&self, brand: &str, title: &str) -> String {
        let input = json!({ "brand": brand, "title": title, "kind": "COPY", "text": title });
        let payload = self.mutate("createAsset", input, "asset { id }").await;
        payload["asset"]["id"].as_str().unwrap().to_owned()
    }

    /// Stops the server and removes its database.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(database) = self.database.take() {
            drop(self.app);
            database.remove().await;
        }
    }
}

/// A mutation with a file in `variables.input.<path>`, as graphql-multipart-request-spec has it.
pub(crate) fn upload_form(
    name: &str,
    input: Json,
    select: &str,
    path: &str,
    file: (&str, Vec<u8>),
) -> Form {
    let operations = json!({ "query": mutation(name, select), "variables": { "input": input } });
    let map = json!({ "0": [format!("variables.input.{path}")] });
    Form::new()
        .text("operations", operations.to_string())
        .text("map", map.to_string())
        .part("0", Part::bytes(file.1).file_name(file.0.to_owned()))
}

pub(crate) fn mutation(name: &str, select: &str) -> String {
    let (first, rest) = name.split_at(1);
    let input = match name {
        "submitVersion" | "recallVersion" => "VersionIdInput".to_owned(),
        "archiveContent" | "restoreContent" | "trashContent" => "ContentIdInput".to_owned(),
        _ => format!("{}{rest}Input", first.to_uppercase()),
    };
    format!(
        "mutation($input: {input}!) {{ {name}(input: $input) {{ {select} userErrors {{ code field message }} }} }}"
    )
}
