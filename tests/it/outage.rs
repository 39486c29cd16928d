//! PostgreSQL goes away and comes back: short refusals, nothing lost, nothing done twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::platform::db::{Sql, fetch_count};
use accolade::testing::{TestDatabase, test_server};
use futures::future::join_all;
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp, mutation};

const OUTAGES: u32 = 10;
const WRITERS: usize = 4;

/// A PostgreSQL server of the test's own, which it may kill.
struct Cluster {
    folder: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
    root: bool,
}

impl Cluster {
    fn start() -> Option<Self> {
        let bin = programs()?;
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let who = Command::new("id").arg("-u").output().unwrap();
        let root = who.stdout.trim_ascii() == b"0";
        if root {
            // It does not run as root.
            let given = Command::new("chown")
                .arg("postgres")
                .arg(folder.path())
                .status();
            if !given.is_ok_and(|status| status.success()) {
                return None;
            }
        }
        let this = Self {
            folder,
            bin,
            port,
            root,
        };
        let made = this.run(
            "initdb",
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
            ],
        );
        assert!(made, "initdb failed");
        this.up();
        Some(this)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let path = self.bin.join(program);
        let mut command = if self.root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command
            .arg("--pgdata")
            .arg(self.folder.path().join("data"))
            .args(arguments);
        command.current_dir(self.folder.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().unwrap().success()
    }

    fn up(&self) {
        let log = format!("--log={}", self.folder.path().join("log").display());
        let options = format!(
            "--options=-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.port
        );
        assert!(
            self.run("pg_ctl", &["start", "--wait", &log, &options]),
            "it does not start"
        );
    }

    /// As if it were killed: no connection is told, nothing is written down.
    fn down(&self) {
        assert!(
            self.run("pg_ctl", &["stop", "--wait", "--mode=immediate"]),
            "it does not stop"
        );
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "--mode=immediate"]);
    }
}

/// Where PostgreSQL's programs are.
#[expect(
    clippy::disallowed_methods,
    reason = "the test's own setting, which no server reads"
)]
fn programs() -> Option<PathBuf> {
    if let Ok(bin) = std::env::var("PG_BIN") {
        return Some(bin.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| has_programs(folder));
    found.pop().or(on_path)
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "pg_ctl"]
        .iter()
        .all(|name| folder.join(name).exists())
}

/// What the clients have seen.
struct Seen {
    began: Instant,
    over: AtomicBool,
    /// When the last write was acknowledged, in milliseconds since the beginning.
    last: AtomicU64,
    refused: AtomicU64,
}

impl Seen {
    fn now(&self) -> u64 {
        self.began.elapsed().as_millis().try_into().unwrap()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether this is an answer; otherwise it must be a refusal for now.
    fn answered(&self, status: u16, body: &Json) -> bool {
        if body.get("errors").is_none() {
            return true;
        }
        let codes = body["errors"].as_array().unwrap();
        for error in codes {
            assert_eq!(
                error["extensions"]["code"], "UNAVAILABLE",
                "{status} {body:#}"
            );
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        false
    }
}

/// Makes outlets, each until it is acknowledged: their ids by their names.
async fn write(app: &TestApp, seen: &Seen, writer: usize) -> BTreeMap<String, String> {
    let mut made = BTreeMap::new();
    let query = mutation("createOutlet", "outlet { id }");
    while !seen.is_over() {
        let name = format!("Outlet {writer} {}", made.len());
        let input = json!({ "name": name, "kind": "PRESS", "clientMutationId": name });
        let id = loop {
            let answer = app.ask(&app.admin, &query, json!({ "input": input })).await;
            if seen.answered(answer.status, &answer.body) {
                let payload = &answer.body["data"]["createOutlet"];
                assert_eq!(TestApp::outcome(payload), "OK", "{payload:#}");
                break payload["outlet"]["id"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        seen.last.store(seen.now(), Ordering::Relaxed);
        made.insert(name, id);
    }
    made
}

async fn read(app: &TestApp, seen: &Seen) {
    while !seen.is_over() {
        let answer = app
            .ask(&app.admin, "{ outlets { totalCount } }", json!({}))
            .await;
        seen.answered(answer.status, &answer.body);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn kill_it(cluster: &Cluster, seen: &Seen) {
    for _ in 0..OUTAGES {
        tokio::time::sleep(Duration::from_millis(150)).await;
        tokio::task::block_in_place(|| cluster.down());
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::task::block_in_place(|| cluster.up());
        let back = seen.now();
        while seen.last.load(Ordering::Relaxed) <= back {
            assert!(seen.now() < back + 30_000, "it does not recover");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = seen.last.load(Ordering::Relaxed) - back;
        eprintln!("it is written to again after {took} ms");
    }
    seen.over.store(true, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_database_server_is_killed_every_write_is_done_once_in_the_end() {
    if test_server().is_none() {
        eprintln!("skipped: TEST_DATABASE_URL names no PostgreSQL");
        return;
    }
    let Some(cluster) = Cluster::start() else {
        eprintln!(
            "skipped: PostgreSQL cannot be started here (PG_BIN may name the folder of initdb)"
        );
        return;
    };
    let database = TestDatabase::create_on(Some(cluster.url())).await;
    let store = StoreConfig::Folder(database.folder().join("files"));
    let app = TestApp::serve(&database, store, Clock::fixed(START)).await;
    let seen = Seen {
        began: Instant::now(),
        over: AtomicBool::new(false),
        last: AtomicU64::new(0),
        refused: AtomicU64::new(0),
    };
    let writers = join_all((0..WRITERS).map(|writer| write(&app, &seen, writer)));
    let readers = join_all((0..2).map(|_| read(&app, &seen)));
    let (made, _, ()) = tokio::join!(writers, readers, kill_it(&cluster, &seen));
    let made: BTreeMap<String, String> = made.into_iter().flatten().collect();
    eprintln!(
        "{} outlets, {} refusals, {:?}",
        made.len(),
        seen.refused.load(Ordering::Relaxed),
        seen.began.elapsed()
    );

    // Each is there once, whichever of its answers were lost.
    let query = "query($after: String) { outlets(first: 100, after: $after) {
        nodes { id name } pageInfo { hasNextPage endCursor } } }";
    let mut there = BTreeMap::new();
    let mut after = Json::Null;
    loop {
        let answer = app.ask(&app.admin, query, json!({ "after": after })).await;
        let page = answer.data()["outlets"].clone();
        for node in page["nodes"].as_array().unwrap() {
            let text = |field: &str| node[field].as_str().unwrap().to_owned();
            assert_eq!(there.insert(text("name"), text("id")), None, "made twice");
        }
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(there, made);
    let open = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()";
    let open = fetch_count(app.app.db.read(), Sql::new(open))
        .await
        .unwrap();
    assert!(
        open <= i64::from(database.config().connections),
        "{open} connections"
    );
    let locked = "SELECT count(*) AS n FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let locked = fetch_count(app.app.db.read(), Sql::new(locked))
        .await
        .unwrap();
    assert_eq!(locked, 0);
    app.stop().await;
    database.remove().await;
}
