//! A call that is repeated with its `clientMutationId` runs once.

use chrono::TimeDelta;
use std::time::Duration;

use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::testing::TestDatabase;
use futures::TryStreamExt;
use futures::future::join_all;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp, mutation, noise};

const CALLERS: usize = 100;

async fn assets(app: &TestApp) -> Json {
    app.query("{ assets { totalCount } }").await["assets"]["totalCount"].clone()
}

fn slogan(text: &str) -> Json {
    json!({ "brand": "north", "title": "Slogan", "kind": "COPY", "text": text, "clientMutationId": "one" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_call_sent_a_hundred_times_runs_once_and_after_a_restart_still() {
    let database = TestDatabase::create().await;
    let store = StoreConfig::Folder(database.folder().join("files"));
    let first = TestApp::serve(&database, store.clone(), Clock::fixed(START)).await;
    first.brand("north").await;
    let token = first.token(&["READ", "WRITE"], &[], &[]).await;
    let select = "clientMutationId asset { id title latestVersion { id number } }";
    let calls =
        (0..CALLERS).map(|_| first.mutate_as(&token, "createAsset", slogan("Lasts"), select));
    let answers = join_all(calls).await;
    assert_eq!(TestApp::outcome(&answers[0]), "OK", "{:#}", answers[0]);
    assert_eq!(answers[0]["clientMutationId"], "one");
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(assets(&first).await, 1);
    let made = first
        .query("{ auditLog(first: 100) { nodes { action } } }")
        .await["auditLog"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "createAsset")
        .count();
    assert_eq!(made, 1);
    first.stop().await;

    let second = TestApp::serve(&database, store, Clock::fixed(START)).await;
    let again = second
        .mutate_as(&token, "createAsset", slogan("Lasts"), select)
        .await;
    assert_eq!(again, answers[0]);
    let other = second
        .mutate_as(&token, "createAsset", slogan("Lasts longer"), select)
        .await;
    assert_eq!(TestApp::outcome(&other), "IDEMPOTENCY_CONFLICT");
    assert_eq!(other["asset"], Json::Null);
    assert_eq!(assets(&second).await, 1);
    second.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn a_key_is_good_for_one_input_of_one_mutation_of_one_caller() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let made = app
        .mutate("createAsset", slogan("Lasts"), "asset { id }")
        .await;
    // The order of the fields is not part of the input; another mutation with the same key is another input.
    let mut turned = serde_json::Map::new();
    for (name, value) in slogan("Lasts").as_object().unwrap().iter().rev() {
        turned.insert(name.clone(), value.clone());
    }
    let again = app
        .mutate("createAsset", turned.into(), "asset { id }")
        .await;
    assert_eq!(again, made);
    let conflict = (
        "IDEMPOTENCY_CONFLICT".to_owned(),
        "input.clientMutationId".to_owned(),
    );
    assert_eq!(app.refused("createAsset", slogan("Other")).await, conflict);
    let brand = json!({ "name": "South", "clientMutationId": "one" });
    assert_eq!(app.refused("createBrand", brand).await, conflict);

    let other = app.token(&["READ", "WRITE"], &[], &[]).await;
    let theirs = app
        .mutate_as(&other, "createAsset", slogan("Other"), "asset { id }")
        .await;
    assert_eq!(TestApp::outcome(&theirs), "OK");
    assert_ne!(theirs["asset"]["id"], made["asset"]["id"]);
    assert_eq!(assets(&app).await, 2);
    app.stop().await;
}

#[tokio::test]
async fn a_refused_call_is_not_remembered() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let content = app.copy("north", "Slogan").await;
    let query =
        format!("{{ node(id: \"{content}\") {{ ... on Content {{ latestVersion {{ id }} }} }} }}");
    let version = app.query(&query).await["node"]["latestVersion"]["id"].clone();
    app.mutate("submitVersion", json!({ "version": version }), "")
        .await;

    let submit = json!({ "version": version, "clientMutationId": "again" });
    let (code, _) = app.refused("submitVersion", submit.clone()).await;
    assert_eq!(code, "FORBIDDEN_TRANSITION");
    app.mutate("recallVersion", json!({ "version": version }), "")
        .await;
    app.mutate("submitVersion", submit.clone(), "").await;
    // From now on it is remembered: the answer is the same though the state would not allow it.
    app.mutate("submitVersion", submit, "").await;

    let taken = json!({ "name": "North", "slug": "north", "clientMutationId": "brand" });
    assert_eq!(app.refused("createBrand", taken).await.0, "TAKEN");
    let free = json!({ "name": "North", "slug": "north-2", "clientMutationId": "brand" });
    app.mutate("createBrand", free, "").await;
    app.stop().await;
}

#[tokio::test]
async fn an_upload_is_told_by_its_bytes() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let input = json!({ "brand": "north", "title": "Picture", "file": { "upload": null }, "clientMutationId": "up" });
    let send = |name: &'static str, bytes: Vec<u8>| {
        let (app, input) = (&app, input.clone());
        async move {
            app.upload_as(
                &app.admin,
                "createAsset",
                input,
                "asset { id }",
                "file.upload",
                (name, bytes),
            )
            .await
        }
    };
    let made = send("picture.png", noise(40, 40, 1)).await;
    assert_eq!(TestApp::outcome(&made), "OK", "{made:#}");
    assert_eq!(send("picture.png", noise(40, 40, 1)).await, made);
    let other = send("picture.png", noise(40, 40, 2)).await;
    assert_eq!(TestApp::outcome(&other), "IDEMPOTENCY_CONFLICT");
    assert_eq!(assets(&app).await, 1);
    let kept: Vec<String> = app.app.blobs.keys().try_collect().await.unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_secret_is_told_once() {
    let app = TestApp::start().await;
    let input = json!({ "name": "Site", "scopes": ["READ"], "clientMutationId": "token" });
    let select = "secret token { id }";
    let made = app.mutate("createAccessToken", input.clone(), select).await;
    assert!(made["secret"].is_string());
    let again = app.mutate("createAccessToken", input, select).await;
    assert_eq!(again["secret"], Json::Null);
    assert_eq!(again["token"], made["token"]);
    let me = app
        .ask(
            made["secret"].as_str().unwrap(),
            "{ me { ... on AccessToken { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(me.data()["me"]["id"], made["token"]["id"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_after_its_time_is_told_to_who_asks_again() {
    let app = TestApp::start().await;
    if app.database().is_shared() {
        eprintln!("skipped: PostgreSQL ends a write together with its request");
        return app.stop().await;
    }
    app.brand("north").await;
    let url = app.database().config().url.clone();
    let mut one = ConnectOptions::new(url);
    one.max_connections(1);
    let behind = Database::connect(one).await.unwrap();
    behind.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let input = json!({ "brand": "north", "title": "Picture", "file": { "upload": null }, "clientMutationId": "late" });
    let select = "asset { latestVersion { ... on AssetVersion { file { url } } } }";
    let bytes = noise(40, 40, 1);
    let send = || {
        app.send_upload(
            &app.admin,
            "createAsset",
            input.clone(),
            select,
            "file.upload",
            ("a.png", bytes.clone()),
        )
    };
    // The first write waits for the database until it gives up, at about the time at which the upload's
    // caller is sent away; the upload's own write has its turn after that.
    let blocking = json!({ "input": { "name": "Trailbench", "kind": "PRESS" } });
    let blocker = mutation("createOutlet", "");
    let (first, late, ()) = tokio::join!(
        app.ask(&app.admin, &blocker, blocking),
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            send().await
        },
        async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            behind.execute_unprepared("ROLLBACK").await.unwrap();
        },
    );
    for answer in [first, late] {
        assert_eq!(
            (answer.status, answer.code()),
            (503, "UNAVAILABLE"),
            "{:#}",
            answer.body
        );
    }
    behind.close().await.unwrap();
    let again = send().await.data()["createAsset"].clone();
    assert_eq!(TestApp::outcome(&again), "OK", "{again:#}");
    let file = &again["asset"]["latestVersion"]["file"];
    let got = app
        .http
        .get(file["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(got.status(), 200);
    assert!(got.bytes().await.unwrap() == bytes);
    assert_eq!(assets(&app).await, 1);
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0), "{report:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_repeated_call_is_judged_as_of_the_first() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let asset = app.asset("north", "Badge", json!({})).await;
    let lease = app.lease(&[&asset], json!({})).await;
    let soon = app.app.clock.now().plus_ms(3_600_000).to_rfc3339();
    let end = json!({ "lease": lease, "at": soon, "clientMutationId": "end" });
    let token =
        json!({ "name": "t", "scopes": ["READ"], "expiresAt": soon, "clientMutationId": "make" });
    let ended = app
        .mutate("endLease", end.clone(), "lease { id endsAt }")
        .await;
    let made = app
        .mutate("createAccessToken", token.clone(), "token { id }")
        .await;
    // By now both instants have passed; a first call would be refused.
    app.advance(TimeDelta::hours(2));
    let late = json!({ "lease": lease, "at": soon });
    assert_eq!(app.refused("endLease", late).await.0, "INVALID");
    assert_eq!(
        app.mutate("endLease", end, "lease { id endsAt }").await,
        ended
    );
    assert_eq!(
        app.mutate("createAccessToken", token, "token { id }").await,
        made
    );
    app.stop().await;
}
