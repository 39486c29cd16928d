//! The whole state of an integration.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::{cell, desk, placements, text};
use crate::support::TestApp;

const COUNTS: &str = "added kept retired rejected { key reason }";

async fn sync(app: &TestApp, placements: Json) -> Json {
    let input = json!({ "integration": "shop", "channel": "shop.text", "placements": placements });
    app.mutate("syncPlacements", input, COUNTS).await
}

fn counts(payload: &Json) -> [i64; 3] {
    ["added", "kept", "retired"].map(|name| payload[name].as_i64().unwrap())
}

fn statuses(placements: &[Json]) -> Vec<String> {
    placements.iter().map(|p| text(&p["status"])).collect()
}

#[tokio::test]
async fn what_is_new_is_live_what_is_missing_is_retired_and_the_same_again_changes_nothing() {
    let (app, outlet) = desk().await;
    let tagged = json!({ "channels": ["shop"], "products": ["L-1"] });
    let one = app
        .endorsement("north", "One", &outlet, tagged.clone())
        .await;
    let two = app.endorsement("north", "Two", &outlet, tagged).await;
    let since = TestApp::day(-3);
    let whole = json!([
        { "key": "a", "content": one, "product": "L-1", "location": "A+ 1", "url": "https://shop.example/1",
          "liveFrom": since },
        { "key": "b", "content": two, "location": "A+ 2" },
    ]);
    let first = sync(&app, whole.clone()).await;
    assert_eq!(counts(&first), [2, 0, 0]);
    assert_eq!(first["rejected"], json!([]));
    let made = placements(&app, &one).await[0].clone();
    assert_eq!(made["status"], "LIVE");
    assert_eq!(made["liveFrom"], since);
    assert_eq!(made["product"]["sku"], "L-1");
    assert_eq!(made["channel"]["slug"], "shop.text");
    let log = async || {
        let query = "{ auditLog(first: 50) { nodes { action } } }";
        app.query(query).await["auditLog"]["nodes"].clone()
    };
    let before = log().await;
    app.advance(TimeDelta::minutes(1));
    let again = sync(&app, whole.clone()).await;
    assert_eq!(counts(&again), [0, 2, 0]);
    assert_eq!(placements(&app, &one).await, std::slice::from_ref(&made));
    assert_eq!(log().await, before, "nothing was changed");

    // Somewhere else, it is the same placement; beside no product, another.
    let moved = json!([
        { "key": "a", "content": one, "product": "L-1", "location": "A+ 3", "liveFrom": since },
        { "key": "b", "content": two, "product": "L-1", "location": "A+ 2" },
    ]);
    assert_eq!(counts(&sync(&app, moved.clone()).await), [1, 1, 1]);
    let now = placements(&app, &one).await;
    assert_eq!(now[0]["id"], made["id"]);
    assert_eq!(now[0]["location"], "A+ 3");
    assert_eq!(now[0]["url"], Json::Null);
    assert_eq!(statuses(&placements(&app, &two).await), ["LIVE", "RETIRED"]);
    // What is missing is over; what comes back is another placement.
    assert_eq!(counts(&sync(&app, json!([moved[0]])).await), [0, 1, 1]);
    assert_eq!(counts(&sync(&app, moved).await), [1, 1, 0]);
    assert_eq!(
        statuses(&placements(&app, &two).await),
        ["LIVE", "RETIRED", "RETIRED"]
    );
    // Nothing at all.
    assert_eq!(counts(&sync(&app, json!([])).await), [0, 0, 2]);
    assert_eq!(counts(&sync(&app, json!([])).await), [0, 0, 0]);
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_rejected_and_leaves_what_is_there() {
    let (app, outlet) = desk().await;
    app.brand("south").await;
    app.product("south", "S-1").await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let draft = app.draft_asset("north", "Draft", json!({})).await;
    let gone = app.asset("north", "Gone", json!({})).await;
    app.mutate("trashContent", json!({ "id": gone }), "").await;
    let good = json!({ "key": "good", "content": win, "location": "top" });
    assert_eq!(counts(&sync(&app, json!([good])).await), [1, 0, 0]);
    let long = "k".repeat(201);
    let whole = json!([
        // Its key is live already: something is there, whatever is wrong with what is said of it.
        { "key": "good", "content": win, "location": " " },
        { "key": "", "content": win, "location": "top" },
        { "key": long, "content": win, "location": "top" },
        { "key": "nowhere", "content": "junk", "location": "top" },
        { "key": "draft", "content": draft, "location": "top" },
        { "key": "gone", "content": gone, "location": "top" },
        { "key": "product", "content": win, "location": "top", "product": "S-1" },
        { "key": "early", "content": win, "location": "top", "liveFrom": TestApp::day(1) },
        { "key": "twice", "content": win, "location": "here" },
        { "key": "twice", "content": win, "location": "there" },
    ]);
    let payload = sync(&app, whole).await;
    assert_eq!(counts(&payload), [1, 0, 0]);
    let rejected = payload["rejected"].as_array().unwrap().iter();
    let mut rejected: Vec<_> = rejected
        .map(|r| (text(&r["key"]), text(&r["reason"])))
        .collect();
    rejected.sort();
    let told = |key: &str| {
        let found = rejected.iter().find(|(k, _)| k == key);
        found
            .unwrap_or_else(|| panic!("{key} in {rejected:#?}"))
            .1
            .clone()
    };
    assert_eq!(rejected.len(), 9, "{rejected:#?}");
    assert!(told("good").starts_with("location: "), "{}", told("good"));
    assert!(told("").contains("1 to 200"));
    assert_eq!(told("nowhere"), "There is no such content.");
    assert_eq!(told("draft"), "It has no approved version.");
    assert!(told("gone").contains("trash"));
    assert!(told("product").contains("no such product"));
    assert!(told("early").contains("liveFrom"));
    assert!(told("twice").contains("more than once"));
    let there = placements(&app, &win).await;
    assert_eq!(statuses(&there), ["LIVE", "LIVE"]);
    assert_eq!(there[0]["location"], "here");
    assert_eq!(there[1]["location"], "top");
    let many: Vec<Json> = (0..5_001)
        .map(|i| json!({ "key": i.to_string(), "content": "x", "location": "x" }))
        .collect();
    let input = json!({ "integration": "shop", "channel": "shop.text", "placements": many });
    let refused = app
        .answer_as(&app.admin, "syncPlacements", input, COUNTS)
        .await;
    assert_eq!(refused.code(), "BAD_REQUEST", "{:#}", refused.body);
    app.stop().await;
}

#[tokio::test]
async fn a_report_pins_the_version_and_what_may_not_be_there_is_a_breach() {
    let (app, outlet) = desk().await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let whole = json!([{ "key": "a", "content": win, "location": "top" }]);
    sync(&app, whole.clone()).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "LIVE");
    let wording = json!({ "statements": [{ "locale": "en", "headline": "Better" }] });
    let more = json!({ "endorsement": win, "wording": wording });
    app.mutate("addEndorsementVersion", more, "").await;
    let second = app.approve(&win).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "STALE");
    // That it is there still says nothing of the version.
    sync(&app, whole).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "STALE");
    let newer = json!([{ "key": "a", "content": win, "version": second, "location": "top" }]);
    assert_eq!(counts(&sync(&app, newer.clone()).await), [0, 1, 0]);
    assert_eq!(cell(&app, "shop.text").await["state"], "LIVE");
    // Recalled, it is still there, and said to be.
    let recall = json!({ "id": win, "reason": "Not true" });
    app.mutate("withdrawContent", recall, "").await;
    assert_eq!(counts(&sync(&app, newer).await), [0, 1, 0]);
    assert_eq!(cell(&app, "shop.text").await["state"], "BREACH");
    sync(&app, json!([])).await;
    // And what nobody has approved for the place is taken too.
    let other = app.endorsement("north", "Other", &outlet, json!({})).await;
    let payload = sync(
        &app,
        json!([{ "key": "b", "content": other, "location": "top" }]),
    )
    .await;
    assert_eq!(counts(&payload), [1, 0, 0]);
    app.stop().await;
}

#[tokio::test]
async fn keys_belong_to_the_token_the_integration_and_the_channel() {
    let (app, outlet) = desk().await;
    app.channel("site", json!({})).await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let other = app.token(&["USAGE_WRITE"], &["north"], &[]).await;
    let send = async |token: &str, integration: &str, channel: &str, placements: Json| {
        let input =
            json!({ "integration": integration, "channel": channel, "placements": placements });
        let payload = app.mutate_as(token, "syncPlacements", input, COUNTS).await;
        counts(&payload)
    };
    let one = json!([{ "key": "a", "content": win, "location": "top" }]);
    assert_eq!(send(&app.admin, "x", "shop", one.clone()).await, [1, 0, 0]);
    assert_eq!(send(&app.admin, "y", "shop", one.clone()).await, [1, 0, 0]);
    assert_eq!(send(&app.admin, "x", "site", one.clone()).await, [1, 0, 0]);
    assert_eq!(send(&other, "x", "shop", one.clone()).await, [1, 0, 0]);
    assert_eq!(send(&other, "x", "shop", json!([])).await, [0, 0, 1]);
    assert_eq!(send(&app.admin, "x", "shop", one).await, [0, 1, 0]);
    assert_eq!(
        statuses(&placements(&app, &win).await),
        ["RETIRED", "LIVE", "LIVE", "LIVE"]
    );
    app.stop().await;
}

#[tokio::test]
async fn thousands_are_taken_at_once_and_two_at_a_time_count_once() {
    let (app, outlet) = desk().await;
    let mut wins = Vec::new();
    for n in 0..3 {
        let title = format!("Win {n}");
        wins.push(app.endorsement("north", &title, &outlet, json!({})).await);
    }
    let whole: Vec<Json> = (0..5_000)
        .map(|n| json!({ "key": n.to_string(), "content": wins[n % 3], "location": format!("Slot {n}") }))
        .collect();
    let whole = Json::from(whole);
    let (one, two) = tokio::join!(sync(&app, whole.clone()), sync(&app, whole));
    let mut both = [counts(&one), counts(&two)];
    both.sort_unstable();
    assert_eq!(both, [[0, 5_000, 0], [5_000, 0, 0]]);
    let query = "query($id: ID!) { node(id: $id) { ... on Content { placements(status: [LIVE]) { totalCount } } } }";
    let mut live = 0;
    for win in &wins {
        let found = app.ask(&app.admin, query, json!({ "id": win })).await;
        live += found.data()["node"]["placements"]["totalCount"]
            .as_i64()
            .unwrap();
    }
    assert_eq!(live, 5_000);
    assert_eq!(counts(&sync(&app, json!([])).await), [0, 0, 5_000]);
    app.stop().await;
}

#[tokio::test]
async fn what_is_too_long_for_one_call_is_reported_in_parts() {
    let (app, outlet) = desk().await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    let rows = |range: std::ops::Range<usize>| {
        let location = "x".repeat(300);
        let row = |i| json!({ "key": format!("k{i}"), "content": win, "location": location });
        Json::Array(range.map(row).collect())
    };
    let input = |name: &str, placements: Json| json!({ "integration": name, "channel": "shop.text", "placements": placements });
    let whole = input("shop", rows(0..4_000));
    let refused = app
        .answer_as(&app.admin, "syncPlacements", whole, COUNTS)
        .await;
    assert_eq!((refused.status, refused.code()), (413, "BAD_REQUEST"));
    let text = refused.body["errors"][0]["message"].as_str().unwrap();
    assert!(
        text.contains("under an integration name of its own"),
        "{text}"
    );
    for (name, range) in [("shop 1", 0..2), ("shop 2", 2..4), ("shop 1", 0..2)] {
        app.mutate("syncPlacements", input(name, rows(range)), COUNTS)
            .await;
    }
    let live = placements(&app, &win).await;
    assert_eq!(statuses(&live), ["LIVE"; 4]);
    app.stop().await;
}
