//! Bytes that come in and go out: what they are is found in them, they are kept once, and names are words.

mod keeping;
mod serving;

use std::fs;
use std::path::{Path, PathBuf};

use accolade::platform::db::{Sql, fetch_count};
use futures::TryStreamExt;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value as Json, json};

use crate::support::TestApp;

const VERSION: &str = "asset { id kind version { id } latestVersion { id file { sha256 filename mediaType bytes width height url downloadUrl } } }";

impl TestApp {
    /// Makes an asset of these bytes: its payload.
    async fn send(&self, name: &str, kind: Option<&str>, bytes: Vec<u8>) -> Json {
        let mut input = json!({ "brand": "north", "title": "A file", "file": { "upload": null } });
        if let Some(kind) = kind {
            input["kind"] = json!(kind);
        }
        let file = (name, bytes);
        self.upload_as(
            &self.admin,
            "createAsset",
            input,
            VERSION,
            "file.upload",
            file,
        )
        .await
    }

    /// The file of an asset that was just made.
    async fn sent(&self, name: &str, kind: Option<&str>, bytes: Vec<u8>) -> Json {
        let payload = self.send(name, kind, bytes).await;
        assert_eq!(payload["userErrors"], json!([]), "{name} was refused");
        payload["asset"]["latestVersion"]["file"].clone()
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let sql = Sql::new("SELECT count(*) AS n FROM ").push(table);
        fetch_count(self.app.db.read(), sql).await.unwrap()
    }

    async fn objects(&self) -> Vec<String> {
        self.app.blobs.keys().try_collect().await.unwrap()
    }

    /// Everything that lies in the folder of the store, finished or not.
    fn in_store_folder(&self) -> Vec<PathBuf> {
        files_in(&self.database().folder().join("files"))
    }

    async fn get(&self, url: &Json, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.get(url.as_str().unwrap());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

impl TestApp {
    /// A multipart request with one file in `variables.input`.
    fn multipart_form(query: &str, bytes: Vec<u8>) -> reqwest::multipart::Form {
        let operations = json!({ "query": query, "variables": { "input": null } });
        reqwest::multipart::Form::new()
            .text("operations", operations.to_string())
            .text("map", json!({ "0": ["variables.input"] }).to_string())
            .part(
                "0",
                reqwest::multipart::Part::bytes(bytes).file_name("a.png"),
            )
    }
}
