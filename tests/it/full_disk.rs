//! A full disk: what cannot be kept is refused, what is there stays readable, and room is enough to go on.

use std::path::{Path, PathBuf};
use std::process::Command;

use accolade::config::Limits;
use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::platform::room::Reserve;
use accolade::testing::{TestDatabase, test_server};
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp, mutation, noise};

/// A small file system of its own.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount one.
    fn mount(folder: &Path, options: &str) -> Option<Self> {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder);
        let mounted = command.output().is_ok_and(|said| said.status.success());
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Takes all the room there is; what is returned takes it away again.
fn fill(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut size = 1 << 20;
    while size > 0 {
        let path = folder.join(format!("filler-{}", files.len()));
        let written = std::fs::write(&path, vec![0_u8; size]);
        // What was written of one that failed stays: it is full now, or as good as.
        if path.exists() {
            files.push(path);
        }
        if written.is_err() {
            size /= 4;
        }
        assert!(files.len() < 20_000);
    }
    files
}

async fn upload(app: &TestApp, seed: u64) -> reqwest::Response {
    let input =
        json!({ "brand": "north", "title": format!("Picture {seed}"), "file": { "upload": null } });
    let form = crate::support::upload_form(
        "createAsset",
        input,
        "asset { id latestVersion { ... on AssetVersion { file { url } } } }",
        "file.upload",
        ("a.png", noise(60, 60, seed)),
    );
    app.http
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&app.admin)
        .header("GraphQL-Require-Preflight", "1")
        .multipart(form)
        .send()
        .await
        .unwrap()
}

/// The body of an upload that was taken.
async fn stored(app: &TestApp, seed: u64) -> Json {
    let response = upload(app, seed).await;
    assert_eq!(response.status(), 200);
    let body: Json = response.json().await.unwrap();
    assert_eq!(
        body["data"]["createAsset"]["userErrors"],
        json!([]),
        "{body:#}"
    );
    body["data"]["createAsset"]["asset"].clone()
}

async fn no_upload(app: &TestApp, seed: u64) {
    let response = upload(app, seed).await;
    assert_eq!(response.status(), 507);
    let body: Json = response.json().await.unwrap();
    assert_eq!(
        body["errors"][0]["extensions"]["code"], "UNAVAILABLE",
        "{body:#}"
    );
    let text = body["errors"][0]["message"].as_str().unwrap();
    assert!(text.contains("no room left"), "{text}");
}

async fn outlets(app: &TestApp) -> usize {
    let data = app.query("{ outlets { totalCount } }").await;
    data["outlets"]["totalCount"]
        .as_u64()
        .unwrap()
        .try_into()
        .unwrap()
}

/// Makes outlets until one is refused: how many it were.
async fn outlets_until_refused(app: &TestApp) -> usize {
    let terms = "x".repeat(9_000);
    for n in 0..2_000 {
        let input = json!({ "name": format!("Outlet {n}"), "kind": "PRESS", "usageTerms": terms });
        let answer = app
            .ask(
                &app.admin,
                &mutation("createOutlet", ""),
                json!({ "input": input }),
            )
            .await;
        if answer.body.get("errors").is_some() {
            assert_eq!(answer.code(), "UNAVAILABLE", "{:#}", answer.body);
            return n;
        }
    }
    panic!("nothing was refused");
}

async fn refuses_and_recovers(options: &str) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let Some(disk) = Disk::mount(&place, options) else {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    };
    let database = TestDatabase::create_in(folder, test_server()).await;
    let store = StoreConfig::Folder(place.join("files"));
    let app = TestApp::serve(&database, store, Clock::fixed(START)).await;
    app.brand("north").await;
    let picture = stored(&app, 1).await;
    let url = picture["latestVersion"]["file"]["url"].as_str().unwrap();

    let mut made = 0;
    for round in 0..3 {
        let fillers = fill(&place);
        no_upload(&app, 100 + round).await;
        if !database.is_shared() && !options.contains("nr_inodes") {
            outlets_until_refused(&app).await;
            // Not once only: nothing that was refused stands in the way of what comes after it.
            for _ in 0..3 {
                outlets_until_refused(&app).await;
            }
        }
        let now = outlets(&app).await;
        assert!(now >= made, "{now} of {made}");
        made = now;
        let got = app.http.get(url).send().await.unwrap();
        assert_eq!(got.status(), 200);
        assert!(got.bytes().await.unwrap() == noise(60, 60, 1));
        let ready = app.http.get(format!("{}/readyz", app.url)).send();
        assert_eq!(ready.await.unwrap().status(), 200);

        for path in fillers {
            std::fs::remove_file(path).unwrap();
        }
        // There is room again: nothing has to be started anew.
        app.outlet(&format!("After {round}"), json!({})).await;
        stored(&app, 200 + round).await;
        assert_eq!(outlets(&app).await, made + 1);
        made += 1;
    }
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (4, 0), "{report:?}");
    app.stop().await;
    database.remove().await;
    drop(disk);
}

#[tokio::test]
async fn a_disk_without_bytes_refuses_and_recovers() {
    refuses_and_recovers("size=12m").await;
}

#[tokio::test]
async fn a_disk_without_inodes_refuses_and_recovers() {
    refuses_and_recovers("size=64m,nr_inodes=120").await;
}

#[tokio::test]
async fn an_upload_in_pieces_stops_where_the_disk_is_full_and_goes_on_after() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("small");
    std::fs::create_dir(&place).unwrap();
    let Some(disk) = Disk::mount(&place, "size=16m") else {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    };
    let database = TestDatabase::create_in(folder, test_server()).await;
    let store = StoreConfig::Folder(place.join("files"));
    let app = TestApp::serve(&database, store, Clock::fixed(START)).await;
    app.brand("north").await;
    let bytes = noise(1200, 1000, 5);
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes[..100_000]).await;
    let fillers = fill(&place);
    let refused = app
        .piece(&url, 100_000, &bytes[100_000..])
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 507);
    // More than there is room for is not begun.
    let begun = app
        .tus("POST", &app.uploads())
        .header("Upload-Length", 17 << 20);
    assert_eq!(begun.send().await.unwrap().status(), 507);
    let at = app.offset(&url).await;
    assert!(at >= 100_000, "{at}");
    for path in fillers {
        std::fs::remove_file(path).unwrap();
    }
    app.add(&url, at, &bytes[at..]).await;
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    app.stop().await;
    database.remove().await;
    drop(disk);
}

#[tokio::test]
async fn uploads_leave_a_reserve_for_everything_else() {
    let database = TestDatabase::create().await;
    let store = StoreConfig::Folder(database.folder().join("files"));
    for reserve in [
        Reserve {
            bytes: u64::MAX,
            percent: 0,
        },
        Reserve {
            bytes: 0,
            percent: 100,
        },
    ] {
        let app = TestApp::serve_with(
            &database,
            store.clone(),
            Clock::fixed(START),
            (Limits::default(), reserve),
        )
        .await;
        if app.query("{ brands { id } }").await["brands"] == json!([]) {
            app.brand("north").await;
        }
        no_upload(&app, 1).await;
        let begun = app.tus("POST", &app.uploads()).header("Upload-Length", 3);
        assert_eq!(begun.send().await.unwrap().status(), 507);
        // A text, a row and a read take no such room.
        app.copy("north", "Slogan").await;
        app.outlet("Gazette", json!({})).await;
        assert!(outlets(&app).await > 0);
        app.stop().await;
    }
    let app = TestApp::serve(&database, store, Clock::fixed(START)).await;
    stored(&app, 1).await;
    app.stop().await;
    database.remove().await;
}
