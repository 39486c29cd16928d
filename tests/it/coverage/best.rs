//! The best proof for a place.

use serde_json::{Value as Json, json};

use super::{Desk, text};

#[tokio::test]
async fn the_best_proof_is_known_fresh_fitting_and_proven() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let small = app.outlet("Nobody knows it", json!({ "tier": 3 })).await;
    let on = |more: Json| {
        let mut all = json!({ "channels": ["shop"] });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        all
    };
    desk.win("Known", on(json!({}))).await;
    desk.win("Old", on(json!({ "publishedOn": "2019-05-01" })))
        .await;
    desk.win("Fitting", on(json!({ "products": ["L-1"] })))
        .await;
    desk.win("Elsewhere", json!({ "channels": ["site"] })).await;
    let unknown = app
        .endorsement("north", "Unknown", &small, on(json!({})))
        .await;
    let best = async |arguments: &str| {
        let query =
            format!("{{ bestProof({arguments}) {{ score reasons endorsement {{ title }} }} }}");
        let found = app.query(&query).await["bestProof"].clone();
        let found = found.as_array().unwrap().iter();
        found
            .map(|proof| text(&proof["endorsement"]["title"]))
            .collect::<Vec<_>>()
    };
    let there = r#"channel: "shop.text""#;
    assert_eq!(best(there).await, ["Fitting", "Known", "Unknown", "Old"]);
    assert_eq!(
        best(&format!(r#"{there}, product: "L-1", first: 1"#)).await,
        ["Fitting"]
    );

    // What it brought in counts, and is told.
    let made = desk.place(&unknown, "shop.text", "LIVE").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Placement { beaconKey } } }";
    let key = app
        .ask(&app.admin, query, json!({ "id": made }))
        .await
        .data()["node"]["beaconKey"]
        .clone();
    let event = json!({ "id": "e", "kind": "ORDER", "beaconKey": key, "count": 200_000 });
    app.mutate("recordUsage", json!({ "events": [event] }), "accepted")
        .await;
    let found = app
        .query(&format!(
            "{{ bestProof({there}) {{ reasons endorsement {{ title }} }} }}"
        ))
        .await;
    let told = found["bestProof"].as_array().unwrap().iter();
    let told = { told }
        .find(|proof| proof["endorsement"]["title"] == "Unknown")
        .unwrap();
    assert!(
        told["reasons"]
            .to_string()
            .contains("It brought 200000 orders."),
        "{told}"
    );

    // No more than the place shows, and nothing that is held there.
    let rules = json!([{ "check": "MAX_ENDORSEMENTS", "value": 2 }, { "check": "MAX_OUTLET_TIER", "value": 2 }]);
    app.mutate(
        "updateChannel",
        json!({ "channel": "shop.text", "rules": rules }),
        "",
    )
    .await;
    assert_eq!(best(there).await, ["Fitting", "Known"]);
    let nowhere = app
        .ask(
            &app.admin,
            r#"{ bestProof(channel: "nowhere") { score } }"#,
            json!({}),
        )
        .await;
    assert_eq!(nowhere.code(), "NOT_FOUND");
    desk.app.stop().await;
}

/// Years of wins may be taken in at once, and wait for their review: what goes out is found behind them.
#[tokio::test]
async fn what_does_not_go_out_crowds_nothing_out() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let small = app.outlet("Nobody knows it", json!({ "tier": 3 })).await;
    let there = json!({ "channels": ["shop"] });
    app.endorsement("north", "Out there", &small, there.clone())
        .await;
    let draft = json!({ "brand": "north", "title": "Draft", "outlet": desk.outlet, "kind": "QUOTE",
        "publishedOn": "2026-05-01", "channels": ["shop"],
        "wording": { "statements": [{ "locale": "en", "headline": "Draft" }] } });
    // More than are looked at first.
    for _ in 0..310 {
        app.mutate("createEndorsement", draft.clone(), "").await;
    }
    let query = r#"{ bestProof(channel: "shop.text") { endorsement { title } } }"#;
    let found = app.query(query).await;
    assert_eq!(
        found["bestProof"],
        json!([{ "endorsement": { "title": "Out there" } }])
    );
    let request = json!({ "title": "Something for the shop", "channel": "shop.text" });
    let made = app
        .mutate(
            "createRequest",
            request,
            "request { suggestions { title } }",
        )
        .await;
    let suggestions = made["request"]["suggestions"].as_array().unwrap();
    assert!(
        suggestions.contains(&json!({ "title": "Out there" })),
        "{made}"
    );
    desk.app.stop().await;
}

/// A cap that only warns keeps nobody from being shown.
#[tokio::test]
async fn a_warning_is_no_cap() {
    let desk = Desk::new().await;
    for title in ["One", "Two"] {
        desk.win(title, json!({ "channels": ["shop"] })).await;
    }
    for (severity, shown) in [("WARN", 2), ("ERROR", 1)] {
        let rules = json!([{ "check": "MAX_ENDORSEMENTS", "value": 1, "severity": severity }]);
        let input = json!({ "channel": "shop.text", "rules": rules });
        desk.app.mutate("updateChannel", input, "").await;
        let query = r#"{ bestProof(channel: "shop.text") { score } }"#;
        let found = desk.app.query(query).await;
        assert_eq!(found["bestProof"].as_array().unwrap().len(), shown);
    }
    desk.app.stop().await;
}
