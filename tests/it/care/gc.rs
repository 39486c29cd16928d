//! What nothing refers to is removed, once it has been so for long enough, and nothing else ever is.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use accolade::care::gc::{self, Order, Report};
use accolade::care::verify;
use accolade::platform::blob::{Blobs, StoreConfig};
use accolade::platform::clock::Clock;
use accolade::testing::TestDatabase;
use bytes::Bytes;
use chrono::TimeDelta;
use futures::TryStreamExt;
use reqwest::multipart::{Form, Part};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{key_of, let_go, picture, status, upload};
use crate::s3::Bucket;
use crate::support::{Home, START, TestApp, noise};

const AT_ONCE: Order = Order {
    grace_ms: 0,
    dry_run: false,
};

async fn clean(app: &TestApp, order: Order) -> Report {
    let mut told = (0_u64, 0_u64);
    let tell = &mut |step: &gc::Step| match step {
        gc::Step::Marked(_) => told.0 += 1,
        gc::Step::Removed(_) => told.1 += 1,
    };
    let report = gc::run(&app.app, order, tell).await.unwrap().unwrap();
    assert_eq!(told.0, report.marked_files + report.marked_objects);
    assert_eq!(told.1, report.removed_files + report.removed_objects);
    report
}

async fn keys(app: &TestApp) -> BTreeSet<String> {
    let keys: Vec<String> = app.app.blobs.keys().try_collect().await.unwrap();
    keys.into_iter()
        .filter(|key| !key.starts_with("audit-heads/"))
        .collect()
}

/// An object that no row knows, as a killed upload leaves it.
async fn orphan(app: &TestApp, bytes: &'static [u8]) -> String {
    let key = Blobs::new_key(app.app.ids.uuid(app.app.clock.now()));
    let mut object = app.app.blobs.create(&key);
    object.write(Bytes::from_static(bytes)).await.unwrap();
    object.finish().await.unwrap();
    key
}

async fn check_sound(app: &TestApp) {
    let report = verify::files(&app.app).await.unwrap();
    assert_eq!(report.faults, []);
}

/// Marks, waits, removes; on whatever the application stands.
async fn two_phases(app: &TestApp) {
    let kept = picture(app, noise(40, 30, 1)).await;
    let gone = picture(app, noise(40, 30, 2)).await;
    let object = orphan(app, b"half of a film").await;
    let gone_key = key_of(app, &gone.sha256).await.unwrap();
    let kept_key = key_of(app, &kept.sha256).await.unwrap();
    let_go(app, &gone.sha256, &kept.sha256).await;

    let dry = Order {
        dry_run: true,
        ..Order::default()
    };
    let marked = Report {
        marked_files: 1,
        marked_objects: 1,
        ..Report::default()
    };
    // To ask changes nothing.
    assert_eq!(clean(app, dry).await, marked);
    assert_eq!(clean(app, Order::default()).await, marked);
    assert_eq!(clean(app, Order::default()).await, Report::default());
    app.advance(TimeDelta::hours(23));
    assert_eq!(clean(app, Order::default()).await, Report::default());
    assert_eq!(keys(app).await.len(), 3);

    app.advance(TimeDelta::hours(2));
    let would = clean(app, dry).await;
    assert_eq!((would.removed_files, would.removed_objects), (1, 1));
    assert_eq!(keys(app).await.len(), 3);
    let done = clean(app, Order::default()).await;
    assert_eq!((done.removed_files, done.removed_objects), (1, 2));
    assert!(done.removed_bytes > 14);
    assert_eq!(keys(app).await, [kept_key.clone()].into());
    assert!(!keys(app).await.contains(&object) && gone_key != kept_key);
    assert_eq!(key_of(app, &gone.sha256).await, None);
    assert_eq!(clean(app, Order::default()).await, Report::default());
    check_sound(app).await;
    // The holder's word went with the bytes.
    let again = json!({ "brand": "north", "title": "Again", "file": { "sha256": gone.sha256 } });
    assert_eq!(
        app.refused("createAsset", again).await,
        ("NOT_FOUND".to_owned(), "input.file.sha256".to_owned())
    );
    // And they may come again.
    let again = picture(app, noise(40, 30, 2)).await;
    assert_eq!(again.sha256, gone.sha256);
    assert_eq!(status(app, &again.url).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_refers_to_goes_after_the_grace() {
    let app = TestApp::start().await;
    app.brand("north").await;
    two_phases(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_cleaned_alike() {
    let database = TestDatabase::create().await;
    let bucket = Bucket::start(database.folder().join("s3"));
    let store = StoreConfig::S3(bucket.settings());
    let app = TestApp::serve(&database, store, Clock::fixed(START)).await;
    app.brand("north").await;
    two_phases(&app).await;
    app.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_used_again_stay() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let other = picture(&app, noise(40, 30, 1)).await;
    let hot = picture(&app, noise(40, 30, 2)).await;
    let_go(&app, &hot.sha256, &other.sha256).await;
    assert_eq!(clean(&app, Order::default()).await.marked_files, 1);
    app.advance(TimeDelta::hours(25));
    let again = json!({ "brand": "north", "title": "Again", "file": { "sha256": hot.sha256 } });
    app.mutate("createAsset", again, "").await;
    assert_eq!(clean(&app, Order::default()).await, Report::default());
    // Let go once more, their time begins anew.
    let_go(&app, &hot.sha256, &other.sha256).await;
    let report = clean(&app, Order::default()).await;
    assert_eq!((report.marked_files, report.removed_files), (1, 0));
    check_sound(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_ours_is_looked_at() {
    let app = TestApp::start().await;
    app.brand("north").await;
    picture(&app, noise(40, 30, 1)).await;
    let files = app.database().folder().join("files");
    let id = Uuid::from_u128(0xcd).simple().to_string();
    let old = SystemTime::UNIX_EPOCH + Duration::from_hours(30);
    let foreign = [
        "notes.txt",
        "cd/readme",
        "renditions/1",
        "audit-heads/instance",
    ];
    let (cut_off, written) = (format!("cd/{id}#1"), format!("cd/{id}#2"));
    for name in foreign.into_iter().chain([cut_off.as_str(), &written]) {
        let path = files.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"bytes").unwrap();
        if name != written {
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
    }
    let report = clean(&app, AT_ONCE).await;
    assert_eq!((report.marked_objects, report.removed_objects), (2, 1));
    assert!(!files.join(&cut_off).exists());
    for name in foreign.into_iter().chain([written.as_str()]) {
        assert!(files.join(name).exists(), "{name}");
    }
    check_sound(&app).await;
    app.stop().await;
}

/// A request that takes so long that its first file's object is cleared away before it has a row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_given_up_is_never_used() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let (first, second) = (noise(40, 30, 1), noise(40, 30, 2));
    let input =
        |title: &str| json!({ "brand": "north", "title": title, "file": { "upload": null } });
    let query = "mutation($a: CreateAssetInput!, $b: CreateAssetInput!) {
        a: createAsset(input: $a) { asset { id } userErrors { code } }
        b: createAsset(input: $b) { asset { id } userErrors { code } } }";
    let operations =
        json!({ "query": query, "variables": { "a": input("First"), "b": input("Second") } });
    let map = json!({ "0": ["variables.a.file.upload"], "1": ["variables.b.file.upload"] });
    let (send, receive) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let slow = futures::stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|chunk| (chunk, receive))
    });
    let form = Form::new()
        .text("operations", operations.to_string())
        .text("map", map.to_string())
        .part("0", Part::bytes(first).file_name("a.png"))
        .part(
            "1",
            Part::stream(reqwest::Body::wrap_stream(slow)).file_name("b.png"),
        );
    let request = app
        .http
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&app.admin)
        .header("GraphQL-Require-Preflight", "1")
        .multipart(form);
    let request = accolade::platform::tasks::spawn("request", request.send());
    let (head, rest) = second.split_at(100);
    send.send(Ok(Bytes::copy_from_slice(head))).await.unwrap();
    while keys(&app).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let report = clean(&app, AT_ONCE).await;
    assert_eq!(report.removed_objects, 1);
    send.send(Ok(Bytes::copy_from_slice(rest))).await.unwrap();
    drop(send);
    let body: Json = request.await.unwrap().unwrap().json().await.unwrap();
    assert!(
        body.to_string().contains("UNAVAILABLE"),
        "what has no bytes was made: {body:#}"
    );
    assert_eq!(body["data"]["a"], Json::Null, "{body:#}");
    check_sound(&app).await;
    // Sent again it is taken.
    picture(&app, noise(40, 30, 1)).await;
    check_sound(&app).await;
    app.stop().await;
}

/// The last use of bytes goes away, all that is unreferenced is removed at once, and meanwhile, each time a
/// little later, the same bytes are sent and used again: whatever was answered as done has its bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cleaning_races_with_uploads_and_new_uses() {
    const ROUNDS: u32 = 40;
    let app = TestApp::start().await;
    app.brand("north").await;
    let keeper = picture(&app, noise(20, 20, 999)).await;
    let hot = noise(30, 30, 1);
    let sha256 = hex::encode(Sha256::digest(&hot));
    let began = Instant::now();
    clean(&app, AT_ONCE).await;
    let takes = began.elapsed();
    let (mut removed, mut late, mut not_found) = (0, 0, 0);
    for round in 0..ROUNDS {
        picture(&app, hot.clone()).await;
        let_go(&app, &sha256, &keeper.sha256).await;
        // From before it begins to after it has ended.
        let later = takes * round / 20;
        let uploading = async {
            tokio::time::sleep(later).await;
            let body = upload(&app, hot.clone()).await;
            let made = body["data"]["createAsset"]["asset"].is_object();
            let away = body["errors"][0]["extensions"]["code"] == "UNAVAILABLE";
            assert!(made || away, "{body:#}");
            away
        };
        let using = async {
            tokio::time::sleep(later).await;
            let input = json!({ "brand": "north", "title": "Use", "file": { "sha256": sha256 } });
            let payload = app.mutate_as(&app.admin, "createAsset", input, "").await;
            let outcome = TestApp::outcome(&payload).to_owned();
            assert!(
                ["OK", "NOT_FOUND"].contains(&outcome.as_str()),
                "{payload:#}"
            );
            outcome == "NOT_FOUND"
        };
        let cleaning = clean(&app, AT_ONCE);
        let (report, was_late, was_gone) = tokio::join!(cleaning, uploading, using);
        removed += report.removed_files;
        late += u32::from(was_late);
        not_found += u32::from(was_gone);
        check_sound(&app).await;
    }
    // At the latest where nobody came between.
    let_go(&app, &sha256, &keeper.sha256).await;
    removed += clean(&app, AT_ONCE).await.removed_files;
    assert!(removed > 0);
    eprintln!("of {ROUNDS}: {removed} removed, {late} uploads too late, {not_found} uses too late");
    let last = picture(&app, hot).await;
    clean(&app, AT_ONCE).await;
    assert_eq!(status(&app, &last.url).await, 200);
    check_sound(&app).await;
    // What is left has a row each.
    assert_eq!(keys(&app).await.len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_what_it_does() {
    let home = Home::new().await;
    let hex = Uuid::from_u128(0xab).simple().to_string();
    let object = home.files().join("ab").join(&hex);
    fs::create_dir_all(object.parent().unwrap()).unwrap();
    fs::write(&object, b"left behind").unwrap();
    let run = |arguments: &[&str]| {
        let output = home.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&["gc", "--dry-run"]);
    assert!(
        said.contains(&format!("dry run: marked object ab/{hex}, 11 bytes")),
        "{said}"
    );
    let said = run(&["gc"]);
    assert!(
        said.contains(&format!("marked object ab/{hex}, 11 bytes")),
        "{said}"
    );
    assert!(object.exists());
    let said = run(&["gc", "--grace-hours", "0"]);
    assert!(
        said.contains(&format!("removed object ab/{hex}, 11 bytes")),
        "{said}"
    );
    assert!(
        said.contains("removed: 0 files and 1 objects, 11 bytes"),
        "{said}"
    );
    assert!(!object.exists());
    home.database.remove().await;
}
