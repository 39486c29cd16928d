//! Files in a bucket: a real S3 server, in this process.

use std::path::PathBuf;

use accolade::platform::blob::{S3Config, StoreConfig};
use accolade::platform::clock::Clock;
use accolade::testing::TestDatabase;
use futures::TryStreamExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::support::{START, TestApp, noise};

const BUCKET: &str = "accolade";
const KEY_ID: &str = "test-key";
const SECRET: &str = "8f0c2f1d6a7b4e53";

/// An S3 server on a runtime of its own, so that it ends with all its connections.
pub(crate) struct Bucket {
    runtime: Option<Runtime>,
    endpoint: String,
}

impl Bucket {
    pub(crate) fn start(root: PathBuf) -> Self {
        std::fs::create_dir_all(root.join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = service.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                connections
                    .spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            runtime: Some(runtime),
            endpoint,
        }
    }

    fn config(&self) -> StoreConfig {
        StoreConfig::S3(self.settings())
    }

    pub(crate) fn settings(&self) -> S3Config {
        S3Config {
            bucket: BUCKET.to_owned(),
            prefix: "brand/assets".to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(self.endpoint.clone()),
            access_key_id: Some(KEY_ID.to_owned()),
            secret_access_key: Some(SECRET.to_owned()),
        }
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn start() -> (TestDatabase, Bucket, TestApp) {
    let database = TestDatabase::create().await;
    let bucket = Bucket::start(database.folder().join("s3"));
    let app = TestApp::serve(&database, bucket.config(), Clock::fixed(START)).await;
    app.brand("north").await;
    (database, bucket, app)
}

fn picture(title: &str) -> Json {
    json!({ "brand": "north", "title": title, "file": { "upload": null } })
}

/// Stores a picture: its file, as the API shows it.
async fn upload(app: &TestApp, title: &str, bytes: Vec<u8>) -> Json {
    let select =
        "asset { latestVersion { ... on AssetVersion { file { url sha256 bytes width } } } }";
    let payload = app
        .upload_as(
            &app.admin,
            "createAsset",
            picture(title),
            select,
            "file.upload",
            ("picture.png", bytes),
        )
        .await;
    assert_eq!(TestApp::outcome(&payload), "OK", "{payload:#}");
    payload["asset"]["latestVersion"]["file"].clone()
}

async fn fetch(app: &TestApp, url: &Json) -> reqwest::Response {
    app.http.get(url.as_str().unwrap()).send().await.unwrap()
}

async fn keys(app: &TestApp) -> Vec<String> {
    app.app.blobs.keys().try_collect().await.unwrap()
}

async fn ready(app: &TestApp) -> (u16, Json) {
    let response = app
        .http
        .get(format!("{}/readyz", app.url))
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_gives_back_what_was_stored() {
    let (database, _bucket, app) = start().await;
    // The second is larger than one part.
    for (title, width, height) in [("Small", 60, 40), ("Large", 2000, 1900)] {
        let bytes = noise(width, height, 7);
        let file = upload(&app, title, bytes.clone()).await;
        assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)));
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["width"], width);
        let got = fetch(&app, &file["url"]).await;
        assert_eq!(got.status(), 200);
        assert!(got.bytes().await.unwrap() == bytes, "{title}: other bytes");
        let part = app
            .http
            .get(file["url"].as_str().unwrap())
            .header("Range", "bytes=-100");
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert!(part.bytes().await.unwrap() == bytes[bytes.len() - 100..]);
    }
    let large = noise(2000, 1900, 7);
    assert!(large.len() > 9 * 1024 * 1024, "{}", large.len());
    assert_eq!(keys(&app).await.len(), 2);
    // The same bytes again are another asset's, but no other object.
    upload(&app, "Large again", large).await;
    upload(&app, "Small again", noise(60, 40, 7)).await;
    assert_eq!(keys(&app).await.len(), 2);
    let report = accolade::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (2, 0));
    app.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_bucket_bytes_are_unavailable_and_the_rest_works() {
    let (database, mut bucket, app) = start().await;
    let file = upload(&app, "Picture", noise(60, 40, 1)).await;
    let (status, body) = ready(&app).await;
    assert_eq!(status, 200, "{body}");
    bucket.stop();

    let (status, body) = ready(&app).await;
    assert_eq!(status, 503);
    assert_eq!(
        (&body["store"], &body["database"]),
        (&json!(false), &json!(true))
    );
    for bytes in [noise(60, 40, 2), noise(2000, 1900, 2)] {
        let refused = app
            .send_upload(
                &app.admin,
                "createAsset",
                picture("Late"),
                "",
                "file.upload",
                ("late.png", bytes),
            )
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (503, "UNAVAILABLE"),
            "{:#}",
            refused.body
        );
    }
    assert_eq!(fetch(&app, &file["url"]).await.status(), 503);
    let read = app.query("{ assets { totalCount nodes { title latestVersion { ... on AssetVersion { file { sha256 width } } } } } }");
    let read = read.await["assets"].clone();
    assert_eq!(read["totalCount"], 1);
    assert_eq!(
        read["nodes"][0]["latestVersion"]["file"]["sha256"],
        file["sha256"]
    );
    app.copy("north", "A slogan needs no bucket").await;
    app.stop().await;
    database.remove().await;
}
