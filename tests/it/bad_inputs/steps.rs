//! Steps that the state of things does not allow.

use serde_json::{Value as Json, json};

use crate::support::TestApp;

#[tokio::test]
async fn who_read_something_older_is_told_what_is_there_now() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let made = json!({ "brand": "north", "title": "Slogan", "text": "one" });
    let made = app
        .mutate("createAsset", made, "asset { id revision }")
        .await;
    let (id, revision) = (
        &made["asset"]["id"],
        made["asset"]["revision"].as_i64().unwrap(),
    );
    let update = |revision: i64| json!({ "id": id, "revision": revision, "title": "Other" });
    app.mutate("updateContent", update(revision), "").await;
    for stale in [revision, 0, -1, 1000] {
        let (given, message) = app
            .refusal(&app.admin, "updateContent", update(stale))
            .await;
        assert_eq!(given, "CONFLICT input.revision");
        assert!(message.contains(&(revision + 1).to_string()), "{message}");
    }
    let version = |n: i64| json!({ "asset": id, "text": "two", "expectedNumber": n });
    for stale in [1, 3, 0, -1] {
        let (given, message) = app
            .refusal(&app.admin, "addAssetVersion", version(stale))
            .await;
        assert_eq!(given, "CONFLICT input.expectedNumber");
        assert!(message.contains('2'), "{message}");
    }
    let next = app
        .mutate("addAssetVersion", version(2), "version { number }")
        .await;
    assert_eq!(
        next["version"]["number"], 2,
        "what was refused took no number"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_version_takes_one_step_at_a_time_and_not_by_its_author() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let author = app.token(&["WRITE", "REVIEW"], &[], &[]).await;
    let made = json!({ "brand": "north", "title": "Slogan", "text": "one" });
    let made = app
        .mutate_as(
            &author,
            "createAsset",
            made,
            "asset { latestVersion { id } }",
        )
        .await;
    let version = made["asset"]["latestVersion"]["id"].as_str().unwrap();
    let approve = json!({ "version": version, "decision": "APPROVE" });
    let reviewer = app.token(&["REVIEW"], &[], &[]).await;
    let step = async |token: &str, name: &str, input: &Json| {
        app.refusal(token, name, input.clone()).await.0
    };
    let this = json!({ "version": version });
    let gone = json!({ "version": version, "reason": "wrong" });
    assert_eq!(
        step(&reviewer, "reviewVersion", &approve).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    assert_eq!(
        step(&author, "recallVersion", &this).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    assert_eq!(
        step(&reviewer, "withdrawVersion", &gone).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    app.mutate_as(&author, "submitVersion", this.clone(), "")
        .await;
    assert_eq!(
        step(&author, "submitVersion", &this).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    assert_eq!(
        step(&author, "reviewVersion", &approve).await,
        "SELF_REVIEW input.version"
    );
    let done = app
        .mutate_as(
            &reviewer,
            "reviewVersion",
            approve.clone(),
            "version { state }",
        )
        .await;
    assert_eq!(done["version"]["state"], "APPROVED");
    assert_eq!(
        step(&reviewer, "reviewVersion", &approve).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_input_is_refused() {
    let app = TestApp::start().await;
    let brand = |name: &str| json!({ "name": name, "clientMutationId": "k1" });
    let first = app
        .mutate(
            "createBrand",
            brand("North"),
            "brand { id } clientMutationId",
        )
        .await;
    assert_eq!(first["clientMutationId"], "k1");
    let again = app
        .mutate(
            "createBrand",
            brand("North"),
            "brand { id } clientMutationId",
        )
        .await;
    assert_eq!(again, first);
    let (given, _) = app.refusal(&app.admin, "createBrand", brand("South")).await;
    assert_eq!(given, "IDEMPOTENCY_CONFLICT input.clientMutationId");
    let audience = json!({ "name": "North", "clientMutationId": "k1" });
    let (given, _) = app.refusal(&app.admin, "createAudience", audience).await;
    assert_eq!(given, "IDEMPOTENCY_CONFLICT input.clientMutationId");
    for key in [String::new(), "k".repeat(256)] {
        let input = json!({ "name": "East", "clientMutationId": key });
        app.assert_refused("createBrand", input, "INVALID input.clientMutationId")
            .await;
    }
    // Another's keys are another's.
    let other = app.token(&["ADMIN"], &[], &[]).await;
    let theirs = app
        .mutate_as(&other, "createBrand", brand("South"), "brand { name }")
        .await;
    assert_eq!(theirs["brand"]["name"], "South");
    let brands = app.query("{ brands { name } }").await;
    assert_eq!(brands["brands"].as_array().unwrap().len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn what_is_live_is_not_thrown_away() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let asset = app
        .asset("north", "Lantern", json!({ "channels": ["site"] }))
        .await;
    let placed =
        json!({ "content": asset, "channel": "site", "location": "home, top", "status": "LIVE" });
    let placed = app
        .mutate("createPlacement", placed, "placement { id }")
        .await;
    let (given, message) = app
        .refusal(&app.admin, "trashContent", json!({ "id": asset }))
        .await;
    assert_eq!(given, "IN_USE input.id");
    assert!(message.contains("home, top"), "{message}");
    app.assert_still_works(1).await;
    let retired = json!({ "placement": placed["placement"]["id"], "status": "RETIRED" });
    app.mutate("updatePlacement", retired, "").await;
    app.mutate("trashContent", json!({ "id": asset }), "").await;
    app.stop().await;
}

#[tokio::test]
async fn the_tree_of_channels_is_bounded_and_its_slugs_are_taken_once() {
    let app = TestApp::start().await;
    app.channel("c0", json!({})).await;
    let taken = json!({ "slug": "c0", "name": "Again", "kind": "SITE" });
    app.assert_refused("createChannel", taken, "TAKEN input.slug")
        .await;
    let level = |i: usize| json!({ "slug": format!("c{i}"), "name": "C", "kind": "SITE", "parent": format!("c{}", i - 1) });
    let mut deep = 1;
    let (given, message) = loop {
        let payload = app
            .mutate_as(&app.admin, "createChannel", level(deep), "")
            .await;
        if payload["userErrors"] != json!([]) {
            break app.refusal(&app.admin, "createChannel", level(deep)).await;
        }
        deep += 1;
        assert!(deep < 65, "the tree has no end");
    };
    assert_eq!(given, "INVALID input.parent");
    assert!(message.contains(&deep.to_string()), "{message}");
    let own = json!({ "slug": "self", "name": "S", "kind": "SITE", "parent": "self" });
    app.assert_refused("createChannel", own, "NOT_FOUND input.parent")
        .await;
    let found = app.query("{ channels { totalCount } }").await;
    assert_eq!(found["channels"]["totalCount"], deep);
    app.stop().await;
}
