//! What pages count for themselves, without a token.

use std::fmt::Write;

use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde_json::{Value as Json, json};

use super::pulling::key;
use super::{cell, desk, placements};
use crate::support::{Answer, START, TestApp};

const TEXT: &str = "text/plain;charset=UTF-8";

/// Sends a body as a page does that lies elsewhere.
async fn beacon(app: &TestApp, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = { app.http.post(format!("{}/e", app.url)) }
        .header("Origin", "https://shop.example")
        .header("Content-Type", content_type)
        .body(body);
    let response = request.send().await.unwrap();
    let allowed = response.headers().get("access-control-allow-origin");
    assert_eq!(allowed.unwrap(), "*");
    let credentials = "access-control-allow-credentials";
    assert!(!response.headers().contains_key(credentials));
    Answer {
        status: response.status().as_u16(),
        body: response.json().await.unwrap(),
    }
}

async fn count(app: &TestApp, events: Json) -> Json {
    let body = json!({ "events": events }).to_string();
    let said = beacon(app, TEXT, body).await;
    assert_eq!(said.status, 202, "{:#}", said.body);
    said.body
}

fn event(id: &str, kind: &str, key: &Json) -> Json {
    json!({ "id": id, "kind": kind, "beaconKey": key })
}

/// What is counted of a content.
async fn counted(app: &TestApp, content: &str) -> (i64, i64) {
    let query =
        "query($id: ID!) { node(id: $id) { ... on Content { usage { impressions clicks } } } }";
    let found = app.ask(&app.admin, query, json!({ "id": content })).await;
    let usage = &found.data()["node"]["usage"];
    (
        usage["impressions"].as_i64().unwrap(),
        usage["clicks"].as_i64().unwrap(),
    )
}

/// A win that may be pulled, and the key that its page was given.
async fn pulled(app: &TestApp, outlet: &str) -> (String, Json) {
    let win = app.endorsement("north", "Win", outlet, json!({})).await;
    let tag = json!({ "id": win, "revision": app.revision(&win).await, "channels": ["shop"], "products": ["L-1"] });
    app.mutate("updateContent", tag, "").await;
    let page = app.token(&["READ_PUBLIC"], &["north"], &["shop"]).await;
    let key = key(app, &page, &win, Json::Null).await;
    assert!(key.is_string());
    (win, key)
}

#[tokio::test]
async fn a_page_without_a_token_opens_its_placement_and_is_seen() {
    let (app, outlet) = desk().await;
    let (win, key) = pulled(&app, &outlet).await;
    assert_eq!(cell(&app, "shop.text").await["state"], "GAP");
    let first = [event("1", "IMPRESSION", &key), event("2", "CLICK", &key)];
    let said = count(&app, json!(first)).await;
    assert_eq!(
        said,
        json!({ "accepted": 2, "duplicates": 0, "errors": [] })
    );
    assert_eq!(cell(&app, "shop.text").await["state"], "LIVE");
    let open = placements(&app, &win).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["sightings"]["nodes"][0]["how"], "BEACON");

    // The same again, in one request with itself and what is new.
    let again = [
        event("1", "IMPRESSION", &key),
        event("3", "IMPRESSION", &key),
        event("3", "IMPRESSION", &key),
    ];
    let said = count(&app, json!(again)).await;
    assert_eq!(
        said,
        json!({ "accepted": 1, "duplicates": 2, "errors": [] })
    );
    assert_eq!(counted(&app, &win).await, (2, 1));

    // Ids are each key's own: no page takes those of another, nor a token's.
    let placed = &open[0]["beaconKey"];
    let other = [event("1", "IMPRESSION", placed)];
    assert_eq!(count(&app, json!(other)).await["accepted"], 1);
    let input = json!({ "events": [event("1", "IMPRESSION", &key)] });
    let said = app.mutate("recordUsage", input, "accepted").await;
    assert_eq!(said["accepted"], 1);
    assert_eq!(counted(&app, &win).await, (4, 1));
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_count_takes_nothing_from_the_others() {
    let (app, outlet) = desk().await;
    let (win, key) = pulled(&app, &outlet).await;
    let at = |id: &str, days: i64| {
        let at = app.app.clock.now().plus_days(days).to_rfc3339();
        json!({ "id": id, "kind": "IMPRESSION", "beaconKey": key, "at": at })
    };
    let events = [
        event("good", "IMPRESSION", &key),
        event("", "CLICK", &key),
        event(&"x".repeat(65), "CLICK", &key),
        event("made up", "CLICK", &json!("made up")),
        at("old", -91),
        at("ahead", 2),
        json!({ "id": "no time", "kind": "CLICK", "beaconKey": key, "at": "yesterday" }),
        at("late", -89),
        event("click", "CLICK", &key),
    ];
    let said = count(&app, json!(events)).await;
    assert_eq!(
        (&said["accepted"], &said["duplicates"]),
        (&json!(3), &json!(0))
    );
    let errors: Vec<String> = said["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(fault)
        .collect();
    let expected = [
        "INVALID events.1.id",
        "INVALID events.2.id",
        "NOT_FOUND events.3.beaconKey",
        "INVALID events.4.at",
        "INVALID events.5.at",
        "INVALID events.6.at",
    ];
    assert_eq!(errors, expected);
    assert_eq!(counted(&app, &win).await, (2, 1));
    app.stop().await;
}

fn fault(error: &Json) -> String {
    let field: Vec<&str> = { error["field"].as_array().unwrap().iter() }
        .map(|f| f.as_str().unwrap())
        .collect();
    assert!(error["message"].is_string());
    format!("{} {}", error["code"].as_str().unwrap(), field.join("."))
}

#[tokio::test]
async fn a_body_that_is_none_counts_nothing_and_says_why() {
    let (app, outlet) = desk().await;
    let (win, key) = pulled(&app, &outlet).await;
    let one = |change: Json| {
        let mut event = event("1", "IMPRESSION", &key);
        for (name, value) in change.as_object().unwrap() {
            event[name] = value.clone();
        }
        json!({ "events": [event] }).to_string()
    };
    let good = one(json!({}));
    let many = |count: usize| {
        let mut text = String::from("{\"events\":[0");
        for _ in 1..count {
            write!(text, ",0").unwrap();
        }
        text + "]}"
    };
    let crowd: Vec<Json> = (0..501)
        .map(|i| json!({ "id": i.to_string(), "kind": "CLICK", "beaconKey": "k" }))
        .collect();
    let form = "application/x-www-form-urlencoded";
    for (what, content_type, body, status) in [
        ("a form", form, good.clone(), 415),
        ("no type", "", good.clone(), 415),
        ("no JSON", TEXT, "hello".to_owned(), 400),
        ("nothing", TEXT, String::new(), 400),
        ("a list", TEXT, "[]".to_owned(), 400),
        (
            "other fields",
            TEXT,
            "{\"events\":[],\"a\":1}".to_owned(),
            400,
        ),
        (
            "said twice",
            TEXT,
            "{\"events\":[],\"events\":[]}".to_owned(),
            400,
        ),
        ("an order", TEXT, one(json!({ "kind": "ORDER" })), 400),
        ("a count", TEXT, one(json!({ "count": 2 })), 400),
        (
            "a value",
            TEXT,
            one(json!({ "value": { "amount": "1", "currency": "EUR" } })),
            400,
        ),
        ("a content", TEXT, one(json!({ "content": win })), 400),
        ("no key", TEXT, one(json!({ "beaconKey": null })), 400),
        ("a number as id", TEXT, one(json!({ "id": 1 })), 400),
        (
            "501 events",
            TEXT,
            json!({ "events": crowd }).to_string(),
            400,
        ),
        ("a crowd", TEXT, many(20_000), 400),
        ("65 KiB", TEXT, good.clone() + &" ".repeat(65 * 1024), 413),
        ("a million", TEXT, many(1_000_000), 413),
    ] {
        let said = beacon(&app, content_type, body).await;
        assert_eq!(said.status, status, "{what}: {:#}", said.body);
        assert_eq!(said.code(), "BAD_REQUEST", "{what}");
        let message = said.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.ends_with('.'), "{what}: {message}");
    }
    assert_eq!(placements(&app, &win).await, Vec::<Json>::new());
    assert_eq!(beacon(&app, "application/json", good).await.status, 202);
    let none = beacon(&app, TEXT, "{\"events\":[]}").await;
    assert_eq!((none.status, &none.body["accepted"]), (202, &json!(0)));

    let asked = {
        app.http
            .request(reqwest::Method::OPTIONS, format!("{}/e", app.url))
    }
    .header("Origin", "https://shop.example")
    .header("Access-Control-Request-Method", "POST")
    .header("Access-Control-Request-Headers", "content-type");
    let allowed = asked.send().await.unwrap();
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "*");
    assert_eq!(allowed.headers()["access-control-allow-methods"], "POST");
    assert_eq!(
        allowed.headers()["access-control-allow-headers"],
        "Content-Type"
    );
    let read = app.http.get(format!("{}/e", app.url)).send().await.unwrap();
    assert_eq!(
        (read.status().as_u16(), &read.headers()["allow"]),
        (405, &"OPTIONS, POST".parse().unwrap())
    );
    app.stop().await;
}

/// Sent at the same time, to every instance, some of them twice: each counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_pages_counts_exactly() {
    let (app, outlet) = desk().await;
    let (win, key) = pulled(&app, &outlet).await;
    let other = if app.database().is_shared() {
        let store = StoreConfig::Folder(app.database().folder().join("files"));
        Some(TestApp::serve(app.database(), store, Clock::fixed(START)).await)
    } else {
        None
    };
    let apps: Vec<&TestApp> = other.iter().chain([&app]).collect();
    let sent = (0..120).map(|i| {
        // Every third event comes again with the next request.
        let ids = [i, i + 1000, if i % 3 == 0 { i + 1 } else { i }];
        let events = ids.map(|id| event(&id.to_string(), "IMPRESSION", &key));
        let at = apps[i % apps.len()];
        async move { count(at, json!(events)).await }
    });
    let said = join_all(sent).await;
    let sum = |field: &str| said.iter().map(|s| s[field].as_i64().unwrap()).sum::<i64>();
    // 0 to 120 without what only a third would bring, and 1,000 to 1,119.
    assert_eq!(sum("accepted"), 240);
    assert_eq!(sum("accepted") + sum("duplicates"), 360);
    assert_eq!(counted(&app, &win).await, (240, 0));
    assert_eq!(placements(&app, &win).await.len(), 1);
    if let Some(other) = other {
        other.stop().await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_past_what_may_wait_are_told_to_come_back() {
    let (app, outlet) = desk().await;
    let (win, key) = pulled(&app, &outlet).await;
    // 100 events fit into a body; 10,000 may wait.
    let body = |request: usize| {
        let events = (0..100).map(|i| event(&format!("{request}.{i}"), "IMPRESSION", &key));
        json!({ "events": events.collect::<Vec<Json>>() }).to_string()
    };
    let mut waiting: FuturesUnordered<_> = (0..105)
        .map(|i| beacon(&app, TEXT, body(i)).map(move |said| (i, said)))
        .collect();
    // Those who cannot wait are told at once, while the others still do.
    let refused = app
        .while_held("LOCK TABLE usage_events IN ACCESS EXCLUSIVE MODE", async {
            let refused: Vec<(usize, Answer)> = waiting.by_ref().take(5).collect().await;
            assert!(waiting.next().now_or_never().is_none());
            refused
        })
        .await;
    for (_, said) in &refused {
        assert_eq!((said.status, said.code()), (503, "UNAVAILABLE"));
    }
    let rest: Vec<(usize, Answer)> = waiting.collect().await;
    assert_eq!(rest.len(), 100);
    for (_, said) in &rest {
        assert_eq!((said.status, &said.body["accepted"]), (202, &json!(100)));
    }
    // What was refused was not taken, and is taken now.
    assert_eq!(counted(&app, &win).await, (10_000, 0));
    for (i, _) in refused {
        assert_eq!(beacon(&app, TEXT, body(i)).await.body["accepted"], 100);
    }
    assert_eq!(counted(&app, &win).await, (10_500, 0));
    app.stop().await;
}
