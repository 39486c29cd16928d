//! What is really there: sightings, and what integrations say.

mod beacons;
mod crawling;
mod pulling;
mod sightings;
mod syncing;

use serde_json::{Value as Json, json};

use crate::support::TestApp;

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// A brand with a product, a channel under another, and an outlet, whose id is returned.
async fn desk() -> (TestApp, String) {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.product("north", "L-1").await;
    app.channel("shop", json!({})).await;
    app.channel("shop.text", json!({ "parent": "shop" })).await;
    let outlet = app.outlet("Lantern Weekly", json!({})).await;
    (app, outlet)
}

/// All placements of a content, the newest first.
async fn placements(app: &TestApp, content: &str) -> Vec<Json> {
    let query = "query($id: ID!) { node(id: $id) { ... on Content { placements { nodes {
        id status stale location url liveFrom liveTo version { number } product { sku } channel { slug } beaconKey
        sightings { totalCount nodes { seenAt found how detail } } } } } } }";
    let found = app.ask(&app.admin, query, json!({ "id": content })).await;
    let found = found.data()["node"]["placements"]["nodes"].clone();
    found.as_array().unwrap().clone()
}

/// The cell of the one win in a channel.
async fn cell(app: &TestApp, channel: &str) -> Json {
    let query = "query($c: ID!) { coverage(filter: { channels: [$c] }) { rows { nodes {
        cells { state lastSeenAt placements { location } } } } } }";
    let found = app.ask(&app.admin, query, json!({ "c": channel })).await;
    found.data()["coverage"]["rows"]["nodes"][0]["cells"][0].clone()
}
