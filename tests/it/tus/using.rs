//! What a whole upload is good for.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::start;
use crate::support::{TestApp, noise};

#[tokio::test]
async fn an_upload_may_be_used_again_and_by_every_mutation_with_a_file() {
    let app = start().await;
    let bytes = noise(60, 40, 1);
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes).await;
    let id = url.rsplit('/').next().unwrap();
    let file = app.make(&url).await;
    assert_eq!(app.make(&url).await["sha256"], file["sha256"]);

    let asset = app.draft_asset("north", "Other", json!({})).await;
    let version = json!({ "asset": asset, "file": { "tus": id } });
    app.mutate("addAssetVersion", version, "").await;
    let outlet = app.outlet("Gazette", json!({})).await;
    let endorsement = app.endorsement("north", "Win", &outlet, json!({})).await;
    let proof = json!({ "endorsement": endorsement, "file": { "tus": id } });
    app.mutate("addEvidence", proof, "").await;
    let lease = json!({ "contents": [endorsement], "access": "ALLOW", "document": { "tus": id } });
    app.mutate("createLease", lease, "").await;
    let hash = hex::encode(Sha256::digest(&bytes));
    let named = json!({ "brand": "north", "title": "T", "file": { "sha256": hash } });
    app.mutate("createAsset", named, "").await;
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!(report.faults.len(), 0);
    app.stop().await;
}

#[tokio::test]
async fn bytes_that_are_there_already_are_kept_once() {
    let app = start().await;
    let bytes = noise(60, 40, 2);
    let input = json!({ "brand": "north", "title": "First", "file": { "upload": null } });
    let other = app.token(&["WRITE"], &[], &[]).await;
    let file = ("a.png", bytes.clone());
    app.upload_as(&other, "createAsset", input, "", "file.upload", file)
        .await;
    let kept = app.stored();
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes).await;
    let hash = hex::encode(Sha256::digest(&bytes));
    // To have sent them is a right to them; that somebody else has is not, and is not told.
    let named = json!({ "brand": "north", "title": "T", "file": { "sha256": hash } });
    let before = app.refused("createAsset", named.clone()).await;
    assert_eq!(
        before,
        ("NOT_FOUND".to_owned(), "input.file.sha256".to_owned())
    );
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    assert_eq!(app.stored(), kept);
    // Who asks before sending is told so.
    app.mutate("createAsset", named, "").await;
    app.make(&url).await;
    assert_eq!(app.stored(), kept);
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));
    app.stop().await;
}

#[tokio::test]
async fn a_refused_mutation_leaves_the_upload_to_be_used() {
    let app = start().await;
    let bytes = noise(60, 40, 3);
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes).await;
    let id = url.rsplit('/').next().unwrap();
    let bad = json!({ "brand": "north", "title": "", "file": { "tus": id } });
    assert_eq!(app.refused("createAsset", bad).await.0, "REQUIRED");
    let misfit = json!({ "brand": "north", "title": "T", "kind": "AUDIO", "file": { "tus": id } });
    assert_eq!(app.refused("createAsset", misfit).await.0, "INVALID");
    let once =
        json!({ "brand": "north", "title": "T", "file": { "tus": id }, "clientMutationId": "k" });
    let select = "asset { id }";
    let made = app.mutate("createAsset", once.clone(), select).await;
    let gone = app.tus("DELETE", &url).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    // What was made of it stays, and is answered alike.
    let again = app.mutate("createAsset", once, select).await;
    assert_eq!(again["asset"]["id"], made["asset"]["id"]);
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_that_race_make_one_file() {
    let app = start().await;
    let bytes = noise(60, 40, 4);
    let first = app.begin(bytes.len()).await;
    let second = app.begin(bytes.len()).await;
    app.add(&first, 0, &bytes).await;
    app.add(&second, 0, &bytes).await;
    let uses = (0..12).map(|i| app.make(if i % 2 == 0 { &first } else { &second }));
    for file in futures::future::join_all(uses).await {
        assert!(app.bytes(&file).await == bytes);
    }
    assert_eq!(app.stored().len(), 1);
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));
    assert_eq!(
        TestApp::outcome(&app.make_as(&app.admin, &first).await),
        "OK"
    );
    app.stop().await;
}
