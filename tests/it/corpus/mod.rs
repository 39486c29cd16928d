//! The corpus: every sample of `crates/media/tests/samples/manifest.json` goes through a running server, whose
//! pictures are drawn by child processes of its own, and what becomes of it is what the manifest says.

mod crafted;
mod jobs;
mod kills;
mod pictures;
mod samples;

use std::path::{Path, PathBuf};

use accolade::platform::db::{Sql, fetch, fetch_count};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, FromQueryResult};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::support::Home;

/// One line of the manifest, as far as a server can show it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    path: String,
    expect: Expect,
    /// The name of the refusal, where one is expected.
    refusal: Option<String>,
    media_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    orientation: Option<u8>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Expect {
    Accept,
    /// Accepted as an original that is only ever saved; its renditions are rasters.
    Neutralise,
    Refuse,
    /// Accepted or refused, as long as there is an answer.
    Survive,
}

impl Sample {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(folder().join(&self.path)).unwrap()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/media/tests/samples")
}

fn manifest() -> Vec<Sample> {
    let text = std::fs::read_to_string(folder().join("manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The files of another corpus, of which nothing is known: those under the folder that `TEST_CORPUS` names.
#[expect(
    clippy::disallowed_methods,
    reason = "the test's own setting, which no server reads"
)]
fn others() -> Vec<Sample> {
    let Ok(folder) = std::env::var("TEST_CORPUS") else {
        return Vec::new();
    };
    let sample = |path: PathBuf| Sample {
        path: path.to_str().unwrap().to_owned(),
        expect: Expect::Survive,
        refusal: None,
        media_type: None,
        width: None,
        height: None,
        orientation: None,
    };
    let files = crate::tus::files_in(Path::new(&folder));
    files.into_iter().map(sample).collect()
}

/// What a server's database says, read past the server.
struct Rows(DatabaseConnection);

#[derive(FromQueryResult)]
struct Key {
    store_key: String,
}

impl Rows {
    async fn of(home: &Home) -> Self {
        let url = &home.database.config().url;
        Self(Database::connect(url).await.unwrap())
    }

    async fn count(&self, sql: &'static str) -> i64 {
        fetch_count(&self.0, Sql::new(sql)).await.unwrap()
    }

    /// Rows that only accepted bytes have.
    async fn of_contents(&self) -> (i64, i64, i64) {
        (
            self.count("SELECT count(*) AS n FROM files").await,
            self.count("SELECT count(*) AS n FROM assets").await,
            self.count("SELECT count(*) AS n FROM media_facts").await,
        )
    }

    /// The objects that rows point to.
    async fn keys(&self) -> Vec<String> {
        let sql = Sql::new("SELECT store_key FROM files");
        let rows: Vec<Key> = fetch(&self.0, sql).await.unwrap();
        let mut keys: Vec<String> = rows.into_iter().map(|row| row.store_key).collect();
        keys.sort();
        keys
    }

    async fn run(&self, sql: &str) {
        self.0.execute_unprepared(sql).await.unwrap();
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

/// Everything that lies in the store, finished or not, as keys.
fn objects(home: &Home) -> Vec<String> {
    let files = home.files();
    let keys = crate::tus::files_in(&files).into_iter().map(|path| {
        let key = path.strip_prefix(&files).unwrap();
        key.to_str().unwrap().to_owned()
    });
    keys.filter(|key| !key.starts_with("audit-heads/"))
        .collect()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or("")
}
