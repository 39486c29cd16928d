//! May it go out here, now? Through the API, as its users ask.

use chrono::TimeDelta;
use serde_json::json;

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
