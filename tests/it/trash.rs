//! What is live is not thrown away, nor what keeps it available.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::TestApp;

async fn desk() -> (TestApp, String) {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("shop", json!({})).await;
    app.channel("site", json!({})).await;
    let outlet = app.outlet("Lantern Weekly", json!({})).await;
    (app, outlet)
}

fn tagged(assets: &[&str]) -> Json {
    json!({ "channels": ["shop", "site"], "assets": assets })
}

fn placed(content: &str, channel: &str) -> Json {
    json!({ "content": content, "channel": channel, "location": "/home", "status": "LIVE" })
}

async fn refusal(app: &TestApp, token: &str, content: &str) -> (Json, Json) {
    let input = json!({ "id": content });
    let payload = app.mutate_as(token, "trashContent", input, "").await;
    let error = &payload["userErrors"][0];
    (error["code"].clone(), error["message"].clone())
}

#[tokio::test]
async fn a_win_is_not_thrown_away_while_an_asset_of_it_is_live() {
    let (app, outlet) = desk().await;
    let more = json!({ "channels": ["shop", "site"] });
    let badge = app.asset("north", "Badge", more.clone()).await;
    let spare = app.asset("north", "Spare", more).await;
    let win = app
        .endorsement("north", "It lasts", &outlet, tagged(&[&spare, &badge]))
        .await;
    let mut live = Vec::new();
    for channel in ["site", "shop"] {
        let made = app
            .mutate(
                "createPlacement",
                placed(&badge, channel),
                "placement { id }",
            )
            .await;
        live.push(made["placement"]["id"].clone());
    }
    let told = |text: &str| (json!("IN_USE"), json!(text));
    let many = "Its asset “Badge” is live in 2 places, such as “/home”. Retire those placements first, or detach the asset.";
    assert_eq!(refusal(&app, &app.admin, &win).await, told(many));
    let retire = |id: &Json| json!({ "placement": id, "status": "RETIRED" });
    app.mutate("updatePlacement", retire(&live[0]), "").await;
    let one =
        "Its asset “Badge” is live at “/home”. Retire that placement first, or detach the asset.";
    assert_eq!(refusal(&app, &app.admin, &win).await, told(one));
    let site = app.token(&["WRITE"], &["north"], &["site"]).await;
    let some = "Its asset “Badge” is live. Retire its live placements first, or detach the asset.";
    assert_eq!(refusal(&app, &site, &win).await, told(some));
    // Put away, it stays in sight: what is live of it is a breach.
    app.mutate("archiveContent", json!({ "id": win }), "").await;
    let cells =
        "{ coverage(filter: { channels: [\"shop\"] }) { rows { nodes { cells { state } } } } }";
    let cells = async || app.query(cells).await["coverage"]["rows"]["nodes"].clone();
    let breach = json!([{ "cells": [{ "state": "BREACH" }] }]);
    assert_eq!(cells().await, breach);
    assert_eq!(refusal(&app, &app.admin, &win).await, told(one));
    assert_eq!(cells().await, breach);
    // Alone again, the badge is what it says itself.
    app.mutate("restoreContent", json!({ "id": win }), "").await;
    let revision = app.revision(&win).await;
    let detach = json!({ "id": win, "revision": revision, "assets": [spare] });
    app.mutate("updateContent", detach, "").await;
    assert_eq!(app.holds(&badge, "shop").await, Vec::<String>::new());
    app.mutate("trashContent", json!({ "id": win }), "").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_win_is_not_thrown_away_while_an_asset_of_it_goes_live() {
    let (app, outlet) = desk().await;
    for round in 0..8 {
        let more = json!({ "channels": ["shop", "site"] });
        let badge = app.asset("north", &format!("Badge {round}"), more).await;
        let title = format!("Win {round}");
        let win = app
            .endorsement("north", &title, &outlet, tagged(&[&badge]))
            .await;
        let trash = async {
            tokio::time::sleep(Duration::from_millis(2 * round)).await;
            app.mutate_as(&app.admin, "trashContent", json!({ "id": win }), "")
                .await
        };
        let (trashed, placed) = tokio::join!(
            trash,
            app.mutate_as(&app.admin, "createPlacement", placed(&badge, "site"), ""),
        );
        let (trashed, placed) = (TestApp::outcome(&trashed), TestApp::outcome(&placed));
        let done = [trashed, placed]
            .iter()
            .filter(|code| **code == "OK")
            .count();
        assert_eq!(done, 1, "trash: {trashed}, placement: {placed}");
    }
    app.stop().await;
}
