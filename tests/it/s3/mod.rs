//! Files in a bucket: a real S3 server, in this process.

mod faults;

use std::path::PathBuf;
use std::sync::Arc;

use accolade::platform::blob::{S3Config, StoreConfig};
use accolade::platform::clock::Clock;
use accolade::testing::TestDatabase;
use futures::TryStreamExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use self::faults::{Call, Fault, Faults};
use crate::support::{START, TestApp, noise};
use crate::tus::files_in;

const BUCKET: &str = "accolade";
const KEY_ID: &str = "test-key";
const SECRET: &str = "8f0c2f1d6a7b4e53";

/// An S3 server on a runtime of its own, so that it ends with all its connections.
pub(crate) struct Bucket {
    runtime: Option<Runtime>,
    endpoint: String,
    faults: Arc<Faults>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn answered(
    service: &s3s::service::S3Service,
    request: Request<Incoming>,
) -> Result<Response<s3s::Body>, BoxError> {
    Ok(Service::call(service, request).await?)
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
        let faults = Arc::new(Faults::default());
        let striking = Arc::clone(&faults);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (service, faults) = (service.clone(), Arc::clone(&striking));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (service, fault) = (service.clone(), faults.strike(&request));
                    async move {
                        let lost = || Err(std::io::Error::other("the line broke").into());
                        match fault {
                            Some(Fault::Refused) => {
                                let mut refusal = Response::new(s3s::Body::empty());
                                *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                                Ok(refusal)
                            }
                            Some(Fault::Reset) => lost(),
                            Some(Fault::Lost) => {
                                let _: Result<_, BoxError> = answered(&service, request).await;
                                lost()
                            }
                            Some(Fault::Silent) => std::future::pending().await,
                            None => answered(&service, request).await,
                        }
                    }
                });
                connections
                    .spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            runtime: Some(runtime),
            endpoint,
            faults,
        }
    }

    /// From now on every so-many-th request fails.
    fn fail_every(&self, nth: u64) {
        self.faults.every(nth);
    }

    /// From now on so many calls of a kind go wrong.
    fn fail(&self, call: Call, fault: Fault, times: u64) {
        self.faults.fail(call, fault, times);
    }

    /// How many requests went wrong.
    fn struck(&self) -> u64 {
        self.faults.struck()
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
    let report = accolade::care::verify::files(&app.app).await.unwrap();
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

/// What lies in the bucket's folder beside whole objects: parts, and what the server knows of them.
fn parts(database: &TestDatabase) -> Vec<PathBuf> {
    let mut files = files_in(&database.folder().join("s3"));
    files.retain(|path| path.display().to_string().contains("upload"));
    files
}

/// Two instances that share the bucket, and an owner known to both.
async fn two() -> (TestDatabase, Bucket, TestApp, TestApp) {
    let (database, bucket, app) = start().await;
    let mut other = TestApp::serve(&database, bucket.config(), Clock::fixed(START)).await;
    other.admin.clone_from(&app.admin);
    (database, bucket, app, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_become_an_object_at_any_instance() {
    let (database, bucket, a, b) = two().await;
    // Every fifth request to the bucket fails and is tried again.
    bucket.fail_every(5);
    let bytes = noise(3000, 2500, 7);
    assert!(bytes.len() > 20 << 20, "{}", bytes.len());
    let url = a.begin(bytes.len()).await;
    let mut at = 0_usize;
    // Less than a part, past one, to the end of one, two at once, and the rest.
    let sizes = [1000, 9 << 20, (7 << 20) - 1000, 100, usize::MAX];
    for (i, size) in sizes.into_iter().enumerate() {
        let app = if i % 2 == 0 { &b } else { &a };
        let here = url.replace(&a.url, &app.url);
        assert_eq!(app.offset(&here).await, at);
        let end = bytes.len().min(at.saturating_add(size));
        app.add(&here, at, &bytes[at..end]).await;
        at = end;
    }
    let file = b.make(&url).await;
    assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!(file["width"], 3000);
    // A small one is put where it lies.
    let small = noise(60, 40, 8);
    let url = a.begin(small.len()).await;
    a.add(&url, 0, &small[..100]).await;
    b.add(&url.replace(&a.url, &b.url), 100, &small[100..])
        .await;
    let other = a.make(&url).await;
    assert!(bucket.struck() > 3, "{}", bucket.struck());
    bucket.fail_every(0);
    assert!(a.bytes(&file).await == bytes);
    assert!(a.bytes(&other).await == small);
    assert_eq!(keys(&a).await.len(), 2);
    assert_eq!(parts(&database), Vec::<PathBuf>::new());
    let report = accolade::care::verify::files(&a.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (2, 0));
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_end_leave_no_parts() {
    let (database, _bucket, app) = start().await;
    let bytes = noise(2300, 2000, 9);
    let cut = 10 << 20;
    assert!(bytes.len() > cut);
    let urls = [
        app.begin(bytes.len()).await,
        app.begin(bytes.len()).await,
        app.begin(bytes.len()).await,
    ];
    for url in &urls {
        app.add(url, 0, &bytes[..cut]).await;
    }
    assert!(!parts(&database).is_empty());
    let ended = app.tus("DELETE", &urls[0]).send().await.unwrap();
    assert_eq!(ended.status(), 204);
    app.add(&urls[1], cut, &bytes[cut..]).await;
    app.make(&urls[1]).await;
    app.advance(chrono::TimeDelta::hours(24));
    accolade::uploads::sweep(&app.app).await.unwrap();
    assert_eq!(app.head(&urls[2]).await.status(), 410);
    assert_eq!(parts(&database), Vec::<PathBuf>::new());
    assert_eq!(keys(&app).await.len(), 1);
    app.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_do_not_reach_the_bucket_are_not_acknowledged() {
    let (database, bucket, app) = start().await;
    let bytes = noise(2300, 2000, 10);
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes[..1000]).await;
    bucket.fail_every(1);
    for end in [2000, bytes.len()] {
        let refused = app.piece(&url, 1000, &bytes[1000..end]).send().await;
        assert_eq!(refused.unwrap().status(), 503);
        assert_eq!(app.offset(&url).await, 1000);
    }
    bucket.fail_every(0);
    app.add(&url, 1000, &bytes[1000..]).await;
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    assert_eq!(parts(&database), Vec::<PathBuf>::new());
    assert_eq!(keys(&app).await.len(), 1);
    // A checksum that fails drops parts that were sent.
    let other = noise(2300, 2000, 11);
    let url = app.begin(other.len()).await;
    let wrong = app.piece(&url, 0, &other);
    let wrong = wrong.header(
        "Upload-Checksum",
        format!("sha256 {}", crate::tus::base64([0; 32])),
    );
    assert_eq!(wrong.send().await.unwrap().status(), 460);
    assert_eq!(app.offset(&url).await, 0);
    app.add(&url, 0, &other).await;
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == other);
    assert_eq!(parts(&database), Vec::<PathBuf>::new());
    app.stop().await;
    database.remove().await;
}
