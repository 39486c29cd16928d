//! Files in pieces, by the tus protocol: every MUST of it, bad lines, several instances, and what becomes of them.

mod ending;
mod hostile;
mod lines;
mod protocol;
mod using;

use std::path::PathBuf;

use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::platform::db::{Sql, fetch_count};
use accolade::testing::TestDatabase;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp};

pub(crate) const OCTETS: &str = "application/offset+octet-stream";

const FILE: &str = "asset { latestVersion { ... on AssetVersion { file { sha256 filename bytes mediaType width url } } } }";

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

impl TestApp {
    /// A request of the protocol as the bearer of a token.
    pub(crate) fn tus_as(&self, token: &str, method: &str, url: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http
            .request(method, url)
            .bearer_auth(token)
            .header("Tus-Resumable", "1.0.0")
    }

    pub(crate) fn tus(&self, method: &str, url: &str) -> RequestBuilder {
        self.tus_as(&self.admin, method, url)
    }

    pub(crate) fn uploads(&self) -> String {
        format!("{}/uploads", self.url)
    }

    /// Begins an upload of so many bytes: its address.
    pub(crate) async fn begin(&self, length: usize) -> String {
        let request = self
            .tus("POST", &self.uploads())
            .header("Upload-Length", length)
            .header(
                "Upload-Metadata",
                format!("filename {}", base64("picture.png")),
            );
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201);
        text(response.headers(), "location").unwrap().to_owned()
    }

    /// Sends a whole file as the bearer of a token: the upload's id.
    pub(crate) async fn uploaded_as(&self, token: &str, bytes: Vec<u8>) -> String {
        let request = self
            .tus_as(token, "POST", &self.uploads())
            .header("Upload-Length", bytes.len())
            .header("Content-Type", OCTETS)
            .body(bytes);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201);
        let url = text(response.headers(), "location").unwrap();
        url.rsplit('/').next().unwrap().to_owned()
    }

    pub(crate) fn piece(&self, url: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
        self.tus("PATCH", url)
            .header("Upload-Offset", offset)
            .header("Content-Type", OCTETS)
            .body(bytes.to_vec())
    }

    /// Adds a piece, which is taken.
    pub(crate) async fn add(&self, url: &str, offset: usize, bytes: &[u8]) {
        let response = self.piece(url, offset, bytes).send().await.unwrap();
        let status = response.status();
        let said = response.headers().get("upload-offset").cloned();
        assert_eq!(status, 204, "{}", response.text().await.unwrap());
        assert_eq!(said.unwrap(), (offset + bytes.len()).to_string().as_str());
    }

    pub(crate) async fn head(&self, url: &str) -> Response {
        self.tus("HEAD", url).send().await.unwrap()
    }

    /// Where an upload stands.
    pub(crate) async fn offset(&self, url: &str) -> usize {
        let response = self.head(url).await;
        assert_eq!(response.status(), 200);
        text(response.headers(), "upload-offset")
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Makes an asset of an upload as the bearer of a token: the payload.
    pub(crate) async fn make_as(&self, token: &str, url: &str) -> Json {
        let id = url.rsplit('/').next().unwrap();
        let input = json!({ "brand": "north", "title": "T", "file": { "tus": id } });
        self.mutate_as(token, "createAsset", input, FILE).await
    }

    /// Makes an asset of an upload: its file.
    pub(crate) async fn make(&self, url: &str) -> Json {
        let payload = self.make_as(&self.admin, url).await;
        assert_eq!(Self::outcome(&payload), "OK", "{payload:#}");
        payload["asset"]["latestVersion"]["file"].clone()
    }

    /// The bytes of a file.
    pub(crate) async fn bytes(&self, file: &Json) -> Bytes {
        let response = self.http.get(file["url"].as_str().unwrap()).send();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        fetch_count(self.app.db.read(), Sql::new(sql))
            .await
            .unwrap()
    }

    /// All files below the store's folder, whole and partial.
    fn stored(&self) -> Vec<PathBuf> {
        let StoreConfig::Folder(folder) = &self.app.config.store else {
            panic!("no folder");
        };
        files_in(folder)
    }
}

pub(crate) fn files_in(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
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

/// An application with a brand.
async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.brand("north").await;
    app
}

/// Two instances on one database and folder.
async fn two() -> (TestDatabase, TestApp, TestApp) {
    let database = TestDatabase::create().await;
    let store = StoreConfig::Folder(database.folder().join("files"));
    let a = TestApp::serve(&database, store.clone(), Clock::fixed(START)).await;
    let mut b = TestApp::serve(&database, store, Clock::fixed(START)).await;
    a.brand("north").await;
    // One owner, at both.
    b.admin.clone_from(&a.admin);
    (database, a, b)
}
