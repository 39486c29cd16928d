//! Sightings by people and by beacons.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::{cell, desk, placements, text};
use crate::support::TestApp;

async fn placed(app: &TestApp, content: &str) -> Json {
    let input =
        json!({ "content": content, "channel": "shop.text", "location": "top", "status": "LIVE" });
    let made = app
        .mutate("createPlacement", input, "placement { id beaconKey }")
        .await;
    made["placement"].clone()
}

#[tokio::test]
async fn what_somebody_saw_is_listed_and_the_last_time_it_was_there_is_told() {
    let (app, outlet) = desk().await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let placement = placed(&app, &win).await["id"].clone();
    assert_eq!(cell(&app, "shop.text").await["lastSeenAt"], Json::Null);
    let see = async |found: bool, days: i64, detail: Json| {
        let at = TestApp::day(days);
        let input =
            json!({ "placement": placement, "found": found, "seenAt": at, "detail": detail });
        let select = "sighting { found seenAt how detail }";
        app.mutate_as(&app.admin, "recordSighting", input, select)
            .await
    };
    let first = see(true, -2, json!("Under the fold")).await;
    assert_eq!(
        first["sighting"],
        json!({ "found": true, "seenAt": TestApp::day(-2), "how": "PERSON", "detail": "Under the fold" })
    );
    see(true, -3, Json::Null).await;
    see(false, -1, Json::Null).await;
    let listed = placements(&app, &win).await[0]["sightings"].clone();
    assert_eq!(listed["totalCount"], 3);
    let order = listed["nodes"].as_array().unwrap().iter();
    let order: Vec<_> = order.map(|s| text(&s["seenAt"])).collect();
    assert_eq!(
        order,
        [TestApp::day(-1), TestApp::day(-2), TestApp::day(-3)]
    );
    // Not being found is not being seen; and the channel above tells of those under it.
    for channel in ["shop.text", "shop"] {
        assert_eq!(cell(&app, channel).await["lastSeenAt"], TestApp::day(-2));
    }
    // Page by page.
    let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Placement {
        sightings(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { seenAt } } } } }";
    let page = async |after: Json| {
        let variables = json!({ "id": placement, "after": after });
        let found = app.ask(&app.admin, query, variables).await.data();
        found["node"]["sightings"].clone()
    };
    let one = page(Json::Null).await;
    assert_eq!(one["pageInfo"]["hasNextPage"], true);
    let two = page(one["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(two["nodes"], json!([{ "seenAt": TestApp::day(-3) }]));
    assert_eq!(two["pageInfo"]["hasNextPage"], false);
    assert_eq!(two["totalCount"], 3);
    // What lies ahead nobody has seen.
    let early = see(true, 1, Json::Null).await;
    assert_eq!(early["sighting"], Json::Null);
    assert_eq!(early["userErrors"][0]["code"], "INVALID");
    assert_eq!(early["userErrors"][0]["field"], json!(["input", "seenAt"]));
    // What is retired and still there is worth knowing.
    let retired = json!({ "placement": placement, "status": "RETIRED" });
    app.mutate("updatePlacement", retired, "").await;
    let still = see(true, 0, json!("Still there")).await;
    assert_eq!(still["sighting"]["found"], true);
    let history = "query($id: ID!) { node(id: $id) { ... on Content { history { nodes { action changes } } } } }";
    let log = app.ask(&app.admin, history, json!({ "id": win })).await;
    let last = log.data()["node"]["history"]["nodes"][0].clone();
    assert_eq!(last["action"], "recordSighting");
    assert_eq!(last["changes"]["detail"], "Still there");
    app.stop().await;
}

#[tokio::test]
async fn impressions_are_a_sighting_a_day_with_the_time_of_the_last() {
    let (app, outlet) = desk().await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let key = placed(&app, &win).await["beaconKey"].clone();
    let now = app.app.clock.now();
    let send = async |id: &str, kind: &str, ms: i64| {
        let at = now.plus_ms(ms).to_rfc3339();
        let event = json!({ "id": id, "kind": kind, "beaconKey": key, "at": at });
        app.mutate("recordUsage", json!({ "events": [event] }), "accepted")
            .await
    };
    let day = 86_400_000;
    send("a", "IMPRESSION", -2 * day).await;
    send("b", "IMPRESSION", -5).await;
    send("c", "IMPRESSION", -3).await;
    // An earlier one that comes late, one that came before, and what is no impression.
    send("d", "IMPRESSION", -9).await;
    send("c", "IMPRESSION", 0).await;
    send("e", "CLICK", -1).await;
    let listed = placements(&app, &win).await[0]["sightings"].clone();
    let seen = |ms: i64| json!({ "seenAt": now.plus_ms(ms).to_rfc3339(), "found": true, "how": "BEACON", "detail": null });
    assert_eq!(listed["nodes"], json!([seen(-3), seen(-2 * day)]));
    let last = now.plus_ms(-3).to_rfc3339();
    assert_eq!(cell(&app, "shop.text").await["lastSeenAt"], last);
    app.advance(TimeDelta::days(1));
    send("f", "IMPRESSION", day).await;
    let listed = placements(&app, &win).await[0]["sightings"].clone();
    assert_eq!(listed["totalCount"], 3);
    app.stop().await;
}
