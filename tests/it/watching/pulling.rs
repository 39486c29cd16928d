//! Pages that pull: their impressions open placements and keep them alive.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::{cell, desk, placements, text};
use crate::support::TestApp;

const KEY: &str = "query($id: ID!, $channel: ID!, $product: ID) { node(id: $id) {
    ... on Content { beaconKey(channel: $channel, product: $product) } } }";

pub(super) async fn key(app: &TestApp, token: &str, content: &str, product: Json) -> Json {
    let variables = json!({ "id": content, "channel": "shop.text", "product": product });
    let found = app.ask(token, KEY, variables).await.data();
    found["node"]["beaconKey"].clone()
}

async fn send(app: &TestApp, id: &str, kind: &str, key: &Json) -> Json {
    let event = json!({ "id": id, "kind": kind, "beaconKey": key });
    app.mutate(
        "recordUsage",
        json!({ "events": [event] }),
        "accepted duplicates",
    )
    .await
}

#[tokio::test]
async fn the_first_impression_opens_the_placement_and_silence_ends_it() {
    let (app, outlet) = desk().await;
    let win = app.endorsement("north", "Win", &outlet, json!({})).await;
    assert_eq!(
        key(&app, &app.admin, &win, Json::Null).await,
        Json::Null,
        "it is not tagged"
    );
    let tag = json!({ "id": win, "revision": app.revision(&win).await, "channels": ["shop"], "products": ["L-1"] });
    app.mutate("updateContent", tag, "").await;
    // What a page's own token is told.
    let page = app.token(&["READ_PUBLIC"], &["north"], &["shop"]).await;
    let beacon = key(&app, &page, &win, Json::Null).await;
    assert!(beacon.is_string());
    assert_eq!(placements(&app, &win).await, Vec::<Json>::new());
    assert_eq!(cell(&app, "shop.text").await["state"], "GAP");

    assert_eq!(send(&app, "1", "IMPRESSION", &beacon).await["accepted"], 1);
    assert_eq!(send(&app, "2", "IMPRESSION", &beacon).await["accepted"], 1);
    assert_eq!(
        send(&app, "2", "IMPRESSION", &beacon).await["duplicates"],
        1
    );
    assert_eq!(send(&app, "3", "CLICK", &beacon).await["accepted"], 1);
    let open = placements(&app, &win).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["status"], "LIVE");
    assert_eq!(open[0]["liveTo"], Json::Null);
    assert_eq!(open[0]["channel"]["slug"], "shop.text");
    assert_eq!(open[0]["sightings"]["totalCount"], 1);
    let seen = cell(&app, "shop.text").await;
    assert_eq!(seen["state"], "LIVE");
    assert_eq!(seen["lastSeenAt"], app.app.clock.now().to_rfc3339());
    // Beside a product it is another one.
    let beside = key(&app, &page, &win, json!("L-1")).await;
    send(&app, "4", "IMPRESSION", &beside).await;
    assert_eq!(placements(&app, &win).await[0]["product"]["sku"], "L-1");
    let usage =
        "query($id: ID!) { node(id: $id) { ... on Content { usage { impressions clicks } } } }";
    let counted = app
        .ask(&app.admin, usage, json!({ "id": win }))
        .await
        .data();
    assert_eq!(
        counted["node"]["usage"],
        json!({ "impressions": 3, "clicks": 1 })
    );

    // An impression a week later keeps it alive for two weeks from then.
    app.advance(TimeDelta::days(7));
    send(&app, "5", "IMPRESSION", &beacon).await;
    let last = app.app.clock.now();
    app.advance(TimeDelta::days(13));
    let query = "query($id: ID!, $status: [PlacementStatus!]) { node(id: $id) { ... on Content {
        placements(status: $status) { totalCount nodes { status } } } } }";
    let count = async |status: &str| {
        let variables = json!({ "id": win, "status": [status] });
        let found = app.ask(&app.admin, query, variables).await.data();
        let listed = &found["node"]["placements"];
        let nodes = listed["nodes"].as_array().unwrap();
        assert!(nodes.iter().all(|p| p["status"] == status), "{listed}");
        listed["totalCount"].as_i64().unwrap()
    };
    assert_eq!((count("LIVE").await, count("RETIRED").await), (1, 1));
    assert_eq!(cell(&app, "shop.text").await["state"], "LIVE");
    app.advance(TimeDelta::days(1));
    assert_eq!((count("LIVE").await, count("RETIRED").await), (0, 2));
    assert_eq!(cell(&app, "shop.text").await["state"], "GAP");
    let over = placements(&app, &win).await;
    let ended = over.iter().find(|p| p["product"].is_null()).unwrap();
    assert_eq!(ended["liveTo"], last.plus_days(14).to_rfc3339());
    // It is live no more, and so it may be thrown away.
    let unused = "{ endorsements(filter: { unused: true }) { totalCount } }";
    assert_eq!(app.query(unused).await["endorsements"]["totalCount"], 1);
    // Clicks that come late count where they belong; who sees it again opens another.
    send(&app, "6", "CLICK", &beacon).await;
    assert_eq!(placements(&app, &win).await.len(), 2);
    send(&app, "7", "IMPRESSION", &beacon).await;
    let again = placements(&app, &win).await;
    assert_eq!(again.len(), 3);
    assert_eq!(again[0]["status"], "LIVE");
    let log = "{ auditLog(first: 3) { nodes { action } } }";
    assert_eq!(
        app.query(log).await["auditLog"]["nodes"][0]["action"],
        "openPlacement"
    );
    app.stop().await;
}

#[tokio::test]
async fn it_follows_the_version_that_pages_were_given() {
    let (app, outlet) = desk().await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let old = key(&app, &app.admin, &win, Json::Null).await;
    send(&app, "1", "IMPRESSION", &old).await;
    let wording = json!({ "statements": [{ "locale": "en", "headline": "Better" }] });
    let more = json!({ "endorsement": win, "wording": wording });
    app.mutate("addEndorsementVersion", more, "").await;
    app.approve(&win).await;
    let new = key(&app, &app.admin, &win, Json::Null).await;
    assert_ne!(old, new);
    // A page that was built once still shows the old one, and says so.
    send(&app, "2", "IMPRESSION", &old).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "STALE");
    send(&app, "3", "IMPRESSION", &new).await;
    let now = placements(&app, &win).await;
    assert_eq!(now.len(), 1);
    assert_eq!(now[0]["version"]["number"], 2);
    assert_eq!(now[0]["stale"], false);
    // One from a cache does not turn it back.
    send(&app, "4", "IMPRESSION", &old).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "LIVE");
    // Recalled, there is no key any more; a page that goes on is in breach.
    let recall = json!({ "id": win, "reason": "Not true" });
    app.mutate("withdrawContent", recall, "").await;
    assert_eq!(key(&app, &app.admin, &win, Json::Null).await, Json::Null);
    send(&app, "5", "IMPRESSION", &new).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "BREACH");
    // Retired by hand while it goes on: it is live again, and another.
    let retire = json!({ "placement": now[0]["id"], "status": "RETIRED" });
    app.mutate("updatePlacement", retire, "").await;
    app.advance(TimeDelta::minutes(1));
    send(&app, "6", "IMPRESSION", &new).await;
    let after = placements(&app, &win).await;
    let statuses: Vec<_> = after.iter().map(|p| text(&p["status"])).collect();
    assert_eq!(statuses, ["LIVE", "RETIRED"]);
    app.stop().await;
}

#[tokio::test]
async fn a_key_opens_nothing_for_who_does_not_see_the_brand_and_cannot_be_made_up() {
    let (app, outlet) = desk().await;
    app.brand("south").await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let beacon = key(&app, &app.admin, &win, Json::Null).await;
    let south = app.token(&["USAGE_WRITE"], &["south"], &[]).await;
    let elsewhere = app.token(&["USAGE_WRITE"], &["north"], &[]).await;
    let mut made_up = text(&beacon).into_bytes();
    made_up[9] ^= 1;
    let made_up = String::from_utf8_lossy(&made_up).into_owned();
    for (token, key) in [(&south, text(&beacon)), (&elsewhere, made_up)] {
        let event = json!({ "id": "1", "kind": "IMPRESSION", "beaconKey": key });
        let input = json!({ "events": [event] });
        let refused = app.mutate_as(token, "recordUsage", input, "accepted").await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{refused}");
    }
    assert_eq!(placements(&app, &win).await, Vec::<Json>::new());
    // Pages that race open one.
    let sent = (0..16).map(|n| {
        let (app, key, token) = (&app, &beacon, &elsewhere);
        async move {
            let event = json!({ "id": format!("r{n}"), "kind": "IMPRESSION", "beaconKey": key });
            let input = json!({ "events": [event] });
            app.mutate_as(token, "recordUsage", input, "accepted").await
        }
    });
    for payload in futures::future::join_all(sent).await {
        assert_eq!(payload["accepted"], 1, "{payload}");
    }
    assert_eq!(placements(&app, &win).await.len(), 1);
    app.stop().await;
}
