//! Ids, numbers, times and texts.

use serde_json::{Value as Json, json};

use super::MIB;
use crate::support::TestApp;

#[tokio::test]
async fn an_id_that_names_nothing_is_not_found_wherever_it_stands() {
    let app = TestApp::start().await;
    let brand = app.brand("north").await;
    app.channel("site", json!({})).await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    let long = "x".repeat(10_000);
    for id in [
        brand.as_str(),
        "junk",
        "",
        "asset_",
        "asset_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "ASSET_01",
        "最",
        &long,
    ] {
        for (name, field) in [
            ("archiveContent", "id"),
            ("trashContent", "id"),
            ("submitVersion", "version"),
            ("endLease", "lease"),
            ("revokeAccessToken", "token"),
        ] {
            app.assert_refused(
                name,
                json!({ field: id }),
                &format!("NOT_FOUND input.{field}"),
            )
            .await;
        }
        let data = app
            .ask(
                &app.admin,
                "query($id: ID!, $ids: [ID!]) { assets(filter: { ids: $ids }) { totalCount }
                 endorsements(filter: { outlet: $ids }) { totalCount } node(id: $id) { __typename } }",
                json!({ "id": id, "ids": [id] }),
            )
            .await
            .data();
        assert_eq!(data["assets"]["totalCount"], 0);
        assert_eq!(data["endorsements"]["totalCount"], 0);
        assert!(data["node"].is_null() || id == brand, "{id:.40}");
        let query = "query($id: ID!, $a: ID!) { node(id: $a) { ... on Content { availability(channel: $id) { available } } } }";
        let answer = app
            .ask(&app.admin, query, json!({ "id": id, "a": asset }))
            .await;
        assert_eq!(answer.code(), "NOT_FOUND", "{id:.40}");
    }
    app.assert_still_works(1).await;
    app.stop().await;
}

#[tokio::test]
async fn lists_of_ids_and_events_are_bounded() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids = |n: usize| json!({ "ids": vec![&asset; n] });
    let answer = app.ask(&app.admin, nodes, ids(251)).await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    assert!(
        answer.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("250")
    );
    let found = app.ask(&app.admin, nodes, ids(250)).await.data();
    assert_eq!(found["nodes"].as_array().unwrap().len(), 250);
    let mut many = ids(251);
    many["addTags"] = json!(["spring"]);
    let answer = app.answer_as(&app.admin, "updateContents", many, "").await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    assert!(
        answer.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("250")
    );
    let event = json!({ "id": "a", "kind": "CLICK", "beaconKey": "x" });
    let answer = app
        .answer_as(
            &app.admin,
            "recordUsage",
            json!({ "events": vec![event; 501] }),
            "",
        )
        .await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    let found = app
        .query("{ assets(filter: { tags: [\"spring\"] }) { totalCount } }")
        .await;
    assert_eq!(found["assets"]["totalCount"], 0);
    app.stop().await;
}

#[tokio::test]
async fn numbers_days_and_times_are_read_strictly() {
    let app = TestApp::start().await;
    app.channel("site", json!({})).await;
    app.brand("north").await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    let lease = |name: &str, value: Json| {
        let mut input = json!({ "contents": [asset], "access": "ALLOW" });
        input[name] = value;
        input
    };
    for amount in [
        "1e400",
        "NaN",
        "Infinity",
        "1,5",
        "",
        " 1",
        "0x10",
        "99999999999999999999999999999999999",
    ] {
        let fee = json!({ "amount": amount, "currency": "EUR" });
        app.bad_input("createLease", lease("fee", fee)).await;
    }
    for currency in ["EURO", "eur", "XXZ", ""] {
        let fee = json!({ "amount": "1", "currency": currency });
        app.bad_input("createLease", lease("fee", fee)).await;
    }
    for time in [
        "2026-11-22T09:30:00",
        "2026-11-22",
        "2026-02-30T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "yesterday",
        "",
        "+10000-01-01T00:00:00Z",
    ] {
        app.bad_input("createLease", lease("endsAt", json!(time)))
            .await;
    }
    app.bad_input("createLease", lease("endsAt", json!(1_780_000_000)))
        .await;
    for country in ["us", "USA", "ZZ", ""] {
        app.bad_input("createLease", lease("markets", json!([country])))
            .await;
    }
    for day in [
        "2025-02-30",
        "2025-2-3",
        "25-02-03",
        "2025-02-03T00:00:00Z",
        "",
        "02025-02-03",
    ] {
        let wording = json!({ "statements": [{ "locale": "en", "headline": "H" }] });
        let input = json!({ "brand": "north", "title": "T", "outlet": "x", "kind": "QUOTE", "publishedOn": day, "wording": wording });
        app.bad_input("createEndorsement", input).await;
    }
    // As variables and in the document itself.
    for query in [
        "{ assets(first: 9007199254740993) { totalCount } }",
        "{ assets(first: 1.5) { totalCount } }",
        "{ assets(first: \"1\") { totalCount } }",
        "{ channel(slug: \"site\") { contents(at: \"2026-11-22T09:30:00\") { totalCount } } }",
    ] {
        app.bad_query(query, "BAD_REQUEST").await;
    }
    let found = app
        .query(&format!(
            "{{ node(id: \"{asset}\") {{ ... on Content {{ leases {{ id }} }} }} }}"
        ))
        .await;
    assert_eq!(found["node"]["leases"], json!([]));
    app.stop().await;
}

#[tokio::test]
async fn a_title_is_a_line_of_visible_text() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let titled = |title: &str| json!({ "brand": "north", "title": title, "text": "words" });
    for (title, code) in [
        ("a\u{0}b", "INVALID"),
        ("a\u{7}b", "INVALID"),
        ("", "REQUIRED"),
        ("  \t ", "REQUIRED"),
        ("\u{200b}\u{feff} \u{2060}", "REQUIRED"),
    ] {
        app.assert_refused("createAsset", titled(title), &format!("{code} input.title"))
            .await;
    }
    let (given, message) = app
        .refusal(&app.admin, "createAsset", titled(&"x".repeat(900_000)))
        .await;
    assert_eq!(given, "TOO_LONG input.title");
    assert!(
        message.contains("At most") && message.len() < 100,
        "{message}"
    );
    let lone = r#"{"query": "mutation($t: String!) { createBrand(input: { name: $t }) { brand { id } } }", "variables": {"t": "a\ud800"}}"#;
    let answer = app.raw("application/json", lone).await;
    assert_eq!((answer.status, answer.code()), (400, "BAD_REQUEST"));
    let huge = json!({ "query": "{ __typename }", "variables": { "t": "x".repeat(10 * MIB) } });
    let answer = app.raw("application/json", huge.to_string()).await;
    assert_eq!(answer.status, 413);
    app.assert_still_works(0).await;
    let brands = app.query("{ brands { slug } }").await;
    assert_eq!(brands["brands"], json!([{ "slug": "north" }]));
    app.stop().await;
}

#[tokio::test]
async fn an_end_lies_after_its_beginning() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    for (from, to) in [(2, 2), (3, 2)] {
        let times = json!({ "brand": "north", "title": "T", "text": "words",
            "releaseAt": TestApp::day(from), "expireAt": TestApp::day(to) });
        app.assert_refused("createAsset", times, "INVALID input.expireAt")
            .await;
        let times = json!({ "id": asset, "revision": 1, "releaseAt": TestApp::day(from), "expireAt": TestApp::day(to) });
        app.assert_refused("updateContent", times, "INVALID input.expireAt")
            .await;
        let lease = json!({ "contents": [asset], "access": "ALLOW",
            "startsAt": TestApp::day(from), "endsAt": TestApp::day(to) });
        app.assert_refused("createLease", lease, "INVALID input.endsAt")
            .await;
    }
    app.assert_still_works(1).await;
    app.stop().await;
}

#[tokio::test]
async fn a_preset_is_one_that_can_be_made() {
    let app = TestApp::start().await;
    let preset = |name: &str, value: Json| {
        let mut preset =
            json!({ "name": "card", "fit": "INSIDE", "width": 100, "mediaType": "image/webp" });
        preset[name] = value;
        json!({ "slug": "site", "name": "Site", "kind": "SITE", "presets": [preset] })
    };
    for (field, value) in [
        ("width", json!(1_000_000)),
        ("height", json!(1_000_000)),
        ("width", json!(0)),
        ("height", json!(0)),
        ("width", json!(-1)),
        ("quality", json!(101)),
        ("quality", json!(0)),
        ("quality", json!(-1)),
        ("mediaType", json!("image/tiff")),
        ("mediaType", json!("text/html")),
        ("background", json!("red; url(x)")),
        ("name", json!("../card")),
    ] {
        let expected = format!("INVALID input.presets.0.{field}");
        app.assert_refused("createChannel", preset(field, value), &expected)
            .await;
    }
    app.mutate("createChannel", preset("quality", json!(100)), "")
        .await;
    app.stop().await;
}
