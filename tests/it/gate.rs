//! May it go out here, now? Through the API, as its users ask.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use crate::support::TestApp;

#[tokio::test]
async fn an_approved_picture_goes_out_where_it_is_tagged_and_nowhere_else() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let amazon = app
        .channel("amazon", json!({ "kind": "MARKETPLACE", "market": "US" }))
        .await;
    app.channel(
        "amazon.gallery",
        json!({ "kind": "MARKETPLACE", "parent": amazon }),
    )
    .await;
    app.channel("site", json!({})).await;
    let asset = app
        .asset("north", "Lantern", json!({ "channels": ["amazon"] }))
        .await;
    assert_eq!(
        app.holds(&asset, "amazon.gallery").await,
        Vec::<String>::new()
    );
    assert_eq!(app.holds(&asset, "site").await, ["NOT_TAGGED"]);
    app.stop().await;
}

#[tokio::test]
async fn a_lease_ends_to_the_millisecond_and_a_clock_set_back_does_not_reopen_it() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let asset = app
        .asset("north", "Badge", json!({ "channels": ["site"] }))
        .await;
    let end = app.app.clock.now().plus_days(40);
    app.lease(
        &[&asset],
        json!({ "endsAt": end.to_rfc3339(), "channels": ["site"] }),
    )
    .await;
    let query = format!(
        "{{ node(id: \"{asset}\") {{ ... on Content {{ availability(channel: \"site\") {{ available until }} }} }} }}"
    );
    let answer = app.query(&query).await;
    let expected = json!({ "available": true, "until": end.to_rfc3339() });
    assert_eq!(answer["node"]["availability"], expected);
    app.advance(TimeDelta::milliseconds(end.0 - app.app.clock.now().0 - 1));
    assert_eq!(app.holds(&asset, "site").await, Vec::<String>::new());
    app.advance(TimeDelta::milliseconds(1));
    assert_eq!(app.holds(&asset, "site").await, ["LEASE_ENDED"]);
    app.advance(TimeDelta::hours(-1));
    assert_eq!(app.holds(&asset, "site").await, ["LEASE_ENDED"]);
    app.stop().await;
}

#[tokio::test]
async fn a_badge_goes_out_only_where_its_endorsement_does() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let amazon = app
        .channel("amazon", json!({ "kind": "MARKETPLACE", "market": "US" }))
        .await;
    let bars = json!([{ "check": "ENDORSEMENTS", "value": false }]);
    app.channel(
        "amazon.main",
        json!({ "kind": "MARKETPLACE", "parent": amazon, "rules": bars }),
    )
    .await;
    let badge = app
        .asset(
            "north",
            "Badge",
            json!({ "kind": "BADGE", "channels": ["amazon"] }),
        )
        .await;
    let outlet = app.outlet("Trailbench", json!({})).await;
    let more = json!({ "channels": ["amazon"], "assets": [badge] });
    let win = app.endorsement("north", "Top pick", &outlet, more).await;
    assert_eq!(app.holds(&badge, "amazon").await, Vec::<String>::new());
    assert_eq!(app.holds(&badge, "amazon.main").await, ["CHANNEL_RULE"]);
    app.mutate(
        "withdrawContent",
        json!({ "id": win, "reason": "The outlet took it back" }),
        "",
    )
    .await;
    assert_eq!(app.holds(&badge, "amazon").await, ["WITHDRAWN"]);
    app.stop().await;
}

#[tokio::test]
async fn what_goes_live_is_judged_by_the_version_that_is_placed() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let rules = json!([{ "check": "BANNED_TERMS", "value": ["miracle"] }]);
    app.channel("shop", json!({ "rules": rules })).await;
    let outlet = app.outlet("Lantern Weekly", json!({})).await;
    let more = json!({ "channels": ["shop"] });
    let win = app.endorsement("north", "A miracle", &outlet, more).await;
    let version = async |headline: &str| {
        let wording = json!({ "statements": [{ "locale": "en", "headline": headline }] });
        let more = json!({ "endorsement": win, "wording": wording });
        app.mutate("addEndorsementVersion", more, "").await;
        app.approve(&win).await
    };
    let query = "query($id: ID!) { node(id: $id) { ... on Content { latestVersion { id } } } }";
    let found = app.ask(&app.admin, query, json!({ "id": win })).await;
    let first = found.data()["node"]["latestVersion"]["id"].clone();
    let place = |version: &Json, status: &str| json!({ "content": win, "version": version, "channel": "shop", "status": status, "location": "top" });
    let planned = place(&first, "PLANNED");
    let planned = app
        .mutate("createPlacement", planned, "placement { id }")
        .await["placement"]["id"]
        .clone();
    let second = json!(version("It lasts").await);
    let refused = ("NOT_AVAILABLE".to_owned(), "input.content".to_owned());
    assert_eq!(
        app.refused("createPlacement", place(&first, "LIVE")).await,
        refused
    );
    let live = app
        .mutate(
            "createPlacement",
            place(&second, "LIVE"),
            "placement { id }",
        )
        .await["placement"]["id"]
        .clone();
    let goes_live = json!({ "placement": planned, "status": "LIVE" });
    assert_eq!(app.refused("updatePlacement", goes_live).await, refused);
    let goes_back = json!({ "placement": live, "version": first });
    assert_eq!(app.refused("updatePlacement", goes_back).await, refused);
    let in_one = json!({ "placement": planned, "status": "LIVE", "version": second });
    app.mutate("updatePlacement", in_one, "").await;
    // And the other way round: the current version may not be shown there, the one that is placed may.
    let third = json!(version("Another miracle").await);
    let newer = json!({ "placement": live, "version": third });
    assert_eq!(app.refused("updatePlacement", newer).await, refused);
    let mut current = place(&third, "LIVE");
    current.as_object_mut().unwrap().remove("version");
    assert_eq!(app.refused("createPlacement", current).await, refused);
    app.mutate("createPlacement", place(&second, "LIVE"), "")
        .await;
    let cells = "{ coverage { rows { nodes { cells { state } } } } }";
    let cells = app.query(cells).await["coverage"]["rows"]["nodes"].clone();
    assert_eq!(cells, json!([{ "cells": [{ "state": "STALE" }] }]));
    app.stop().await;
}
