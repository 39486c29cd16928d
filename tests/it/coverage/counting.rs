//! What is counted, and for whom.

use serde_json::{Value as Json, json};

use super::{Desk, cell, text};

#[tokio::test]
async fn the_sum_counts_leaves_and_what_is_asked_for() {
    let desk = Desk::new().await;
    let first = desk
        .win("First", json!({ "channels": ["shop", "site"] }))
        .await;
    let second = desk
        .win("Second", json!({ "tags": ["two"], "products": ["L-1"] }))
        .await;
    desk.place(&first, "shop.gallery", "LIVE").await;
    let found = desk.coverage(json!({})).await;
    let summary = &found["summary"];
    assert_eq!(summary["endorsements"], 2);
    // Four leaves each: the shop itself has slots.
    assert_eq!((&summary["live"], &summary["gap"]), (&json!(1), &json!(7)));
    assert_eq!(summary["coverage"], json!(0.125));
    assert_eq!(summary["medianDaysToFirstUse"], json!(0.0));

    let of = async |filter: Json| {
        let found = desk.coverage(filter).await;
        let rows = found["rows"]["nodes"].as_array().unwrap().clone();
        assert_eq!(found["rows"]["totalCount"], rows.len());
        assert_eq!(found["summary"]["endorsements"], rows.len());
        let ids = rows.iter().map(|row| text(&row["endorsement"]["id"]));
        (
            ids.collect::<Vec<_>>(),
            found["channels"].as_array().unwrap().len(),
        )
    };
    assert_eq!(
        of(json!({})).await,
        (vec![second.clone(), first.clone()], 5)
    );
    assert_eq!(
        of(json!({ "states": ["LIVE"] })).await,
        (vec![first.clone()], 5)
    );
    assert_eq!(
        of(json!({ "products": ["L-1"] })).await,
        (vec![second.clone()], 5)
    );
    assert_eq!(of(json!({ "products": ["none"] })).await, (vec![], 5));
    assert_eq!(
        of(json!({ "outlets": [desk.outlet], "channels": ["shop"] }))
            .await
            .1,
        3
    );
    assert_eq!(
        of(json!({ "states": ["LIVE"], "channels": ["site"] }))
            .await
            .0,
        Vec::<String>::new()
    );
    assert_eq!(
        of(json!({ "brand": "south" })).await.0,
        Vec::<String>::new()
    );
    desk.app.stop().await;
}

#[tokio::test]
async fn what_is_placed_above_others_is_counted() {
    let desk = Desk::new().await;
    let win = desk.win("First", json!({ "channels": ["shop"] })).await;
    desk.place(&win, "shop", "LIVE").await;
    let summary = desk.coverage(json!({})).await["summary"].clone();
    assert_eq!((&summary["live"], &summary["gap"]), (&json!(1), &json!(4)));
    let expired = json!({ "ids": [win], "expireAt": "2027-01-01T00:00:00Z" });
    desk.app.mutate("updateContents", expired, "").await;
    let later = desk.coverage(json!({ "at": "2027-01-02T00:00:00Z" })).await;
    assert_eq!(later["summary"]["breach"], 1);
    let elsewhere = desk.coverage(json!({ "channels": ["site"] })).await;
    assert_eq!(elsewhere["summary"]["live"], 0);
    desk.app.stop().await;
}

#[tokio::test]
async fn a_cell_tells_its_newest_placements_and_how_many_there_are() {
    let desk = Desk::new().await;
    let win = desk.win("First", json!({ "channels": ["shop"] })).await;
    for place in ["shop.gallery", "shop.text"] {
        for n in 0..6 {
            let input = json!({ "content": win, "channel": place, "status": "LIVE", "location": format!("{place} {n}") });
            desk.app.mutate("createPlacement", input, "").await;
        }
    }
    let found = desk.coverage(json!({})).await;
    let shop = cell(&found, &win, "shop");
    assert_eq!(shop["placementCount"], 12);
    let told = shop["placements"].as_array().unwrap();
    assert_eq!(told.len(), 10);
    assert_eq!(told[0]["location"], "shop.text 5");
    assert_eq!(cell(&found, &win, "shop.text")["placementCount"], 6);
    desk.app.stop().await;
}

#[tokio::test]
async fn of_no_channel_there_is_nothing() {
    let desk = Desk::new().await;
    desk.win("First", json!({ "channels": ["shop"] })).await;
    for channels in [json!([]), json!(["nope"])] {
        let found = desk.coverage(json!({ "channels": channels })).await;
        assert_eq!(found["summary"]["endorsements"], 0, "{channels}");
        assert_eq!(found["rows"]["totalCount"], 0, "{channels}");
    }
    desk.app.stop().await;
}

/// What stands in a channel out of sight shows in no number and in no row.
#[tokio::test]
async fn a_channel_out_of_sight_counts_for_nothing() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let on = json!({ "channels": ["site", "deck"] });
    let used = desk.win("Used", on.clone()).await;
    let old = desk.win("Archived", on).await;
    for win in [&used, &old] {
        desk.place(win, "deck", "LIVE").await;
    }
    app.mutate("archiveContent", json!({ "id": old }), "").await;
    let limited = app.token(&["READ"], &[], &["site"]).await;
    for (token, filter, rows, days) in [
        (&app.admin, json!({}), 2, json!(0.0)),
        (&app.admin, json!({ "channels": ["site"] }), 2, Json::Null),
        (&limited, json!({}), 1, Json::Null),
    ] {
        let found = desk.coverage_as(token, filter.clone()).await;
        assert_eq!(found["rows"]["totalCount"], rows, "{filter}");
        let told = &found["summary"]["medianDaysToFirstUse"];
        assert_eq!(*told, days, "{filter}");
    }
    desk.app.stop().await;
}

/// A gap is as old as the last change of what the place demands, not of how that is said or when it was read.
#[tokio::test]
async fn to_read_rules_again_makes_no_gap_younger() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let rule = |months: i32, more: Json| {
        let mut rule = json!({ "check": "MAX_AGE_MONTHS", "value": months });
        rule.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "channel": "site", "rules": [rule] })
    };
    app.mutate("updateChannel", rule(90, json!({})), "").await;
    desk.win("First", json!({ "channels": ["site"] })).await;
    let since = async || {
        let found = app
            .query(r#"{ waste(filter: { channels: ["site"] }) { nodes { usableSince } } }"#)
            .await;
        text(&found["waste"]["nodes"][0]["usableSince"])
    };
    let first = since().await;
    app.advance(chrono::TimeDelta::days(3));
    let read = json!({ "checkedOn": "2026-07-01", "message": "Too old", "source": "https://rules.example" });
    app.mutate("updateChannel", rule(90, read), "").await;
    assert_eq!(since().await, first);
    app.mutate("updateChannel", rule(80, json!({})), "").await;
    assert_ne!(since().await, first);
    desk.app.stop().await;
}
