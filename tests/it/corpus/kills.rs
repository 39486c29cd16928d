//! A server that is killed while a picture is drawn.

use std::process::Command;

use serde_json::json;

use super::jobs::{at_work, children, is_alive, within_a_minute};
use super::{Rows, folder, objects, text};
use crate::support::{Home, noise};

const RENDITION: &str =
    "query($id: ID!) { node(id: $id) { ... on Asset { latestVersion { ... on AssetVersion {
    renditions { state url } } } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_it_draws_leaves_no_child_and_the_next_one_draws() {
    let home = Home::new().await;
    let server = home.serve().await;
    let brand = json!({ "name": "north", "slug": "north" });
    server.mutate("createBrand", brand, "").await.unwrap();
    // It takes its time to be drawn.
    let preset = json!([{ "name": "slow", "width": 1000, "height": 1000, "fit": "INSIDE", "mediaType": "image/avif" }]);
    let channel = json!({ "slug": "site", "name": "site", "kind": "SITE", "presets": preset });
    server.mutate("createChannel", channel, "").await.unwrap();
    let photo = std::fs::read(folder().join("photos/wood-l-4000x3000.jpg")).unwrap();
    let input =
        json!({ "brand": "north", "title": "T", "channels": ["site"], "file": { "upload": null } });
    let file = ("photo.jpg", photo);
    let made = server
        .upload("createAsset", input, "asset { id }", "file.upload", file)
        .await
        .unwrap();
    let asset = json!({ "id": made["asset"]["id"] });
    let planned = server.ask(RENDITION, asset.clone()).await.unwrap();
    let url = text(&planned["node"]["latestVersion"]["renditions"][0]["url"]).to_owned();

    let asking = server.http.get(&url).send();
    let asking = accolade::platform::tasks::spawn("test_asking", asking);
    let process = server.process();
    let mut worker = None;
    within_a_minute("nothing is drawn", || {
        worker = children(process)
            .into_iter()
            .find(|child| at_work(*child).is_some());
        worker.is_some()
    })
    .await;
    // Held there, so that it is at work when the server is killed.
    let worker = worker.unwrap();
    let held = Command::new("kill")
        .args(["-STOP", &worker.to_string()])
        .status();
    assert!(held.unwrap().success());
    let mut workers = children(process);
    assert!(
        workers.contains(&worker) && is_alive(worker),
        "it was done too soon"
    );
    let mut server = server;
    server.kill();
    server.end().await;
    assert!(asking.await.unwrap().is_err(), "it was answered");
    within_a_minute("a worker outlives its server", || {
        workers.retain(|worker| is_alive(*worker));
        workers.is_empty()
    })
    .await;
    let rows = Rows::of(&home).await;
    let begun = "SELECT count(*) AS n FROM renditions WHERE state = 'PENDING' AND claimed_until IS NOT NULL";
    assert_eq!(rows.count(begun).await, 1);
    assert_eq!(objects(&home), rows.keys().await);

    // The minute that the dead one had is over.
    rows.run("UPDATE renditions SET claimed_until = 1").await;
    let server = home.serve().await;
    let planned = server.ask(RENDITION, asset.clone()).await.unwrap();
    let rendition = &planned["node"]["latestVersion"]["renditions"][0];
    assert_eq!(rendition["state"], "PENDING");
    let got = server
        .http
        .get(text(&rendition["url"]))
        .send()
        .await
        .unwrap();
    assert_eq!(got.status(), 200);
    assert!(!got.bytes().await.unwrap().is_empty());
    let drawn = server.ask(RENDITION, asset).await.unwrap();
    assert_eq!(
        drawn["node"]["latestVersion"]["renditions"][0]["state"],
        "READY"
    );
    assert_eq!(objects(&home), rows.keys().await);
    // And a picture that comes now is drawn at once.
    assert!(server.picture("Other", noise(20, 20, 1)).await.is_some());
    rows.close().await;
    drop(server);
    home.database.remove().await;
}
