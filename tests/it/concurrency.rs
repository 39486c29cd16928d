//! Many callers at once: numbers without holes, one winner, and no two truths.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value as Json, json};

use crate::support::TestApp;

const WRITERS: usize = 16;
const VERSIONS_EACH: usize = 5;
const REVIEWERS: usize = 50;
const ROUNDS: u64 = 12;

/// The numbers of all versions of a content, in the order of the API.
async fn numbers(app: &TestApp, content: &str) -> Vec<i64> {
    let query = "query($id: ID!) { node(id: $id) { ... on Content {
        versions(first: 100) { totalCount nodes { number } } } } }";
    let answer = app.ask(&app.admin, query, json!({ "id": content })).await;
    let versions = answer.data()["node"]["versions"].clone();
    let numbers: Vec<i64> = versions["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["number"].as_i64().unwrap())
        .collect();
    assert_eq!(versions["totalCount"], numbers.len());
    numbers
}

/// How often something was done to a content, by action.
async fn actions(app: &TestApp, content: &str) -> BTreeMap<String, usize> {
    let query = "query($id: ID!) { node(id: $id) { ... on Content {
        history(first: 100) { nodes { action } } } } }";
    let answer = app.ask(&app.admin, query, json!({ "id": content })).await;
    let mut counted = BTreeMap::new();
    for entry in answer.data()["node"]["history"]["nodes"]
        .as_array()
        .unwrap()
    {
        *counted
            .entry(entry["action"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_of_racing_writers_are_numbered_without_a_hole() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let content = app.copy("north", "Slogan").await;
    let mut tokens = Vec::new();
    for _ in 0..WRITERS {
        tokens.push(app.token(&["READ", "WRITE"], &[], &[]).await);
    }
    let started = Instant::now();
    let writers = tokens.iter().enumerate().map(|(writer, token)| {
        let (app, content) = (&app, &content);
        async move {
            let mut taken = Vec::new();
            for i in 0..VERSIONS_EACH {
                let input = json!({ "asset": content, "text": format!("Words {writer} {i}") });
                let payload = app
                    .mutate_as(token, "addAssetVersion", input, "version { number }")
                    .await;
                assert_eq!(TestApp::outcome(&payload), "OK", "{payload:#}");
                taken.push(payload["version"]["number"].as_i64().unwrap());
            }
            assert!(taken.is_sorted(), "{taken:?}");
            taken
        }
    });
    let mut taken: Vec<i64> = join_all(writers).await.concat();
    let count = WRITERS * VERSIONS_EACH;
    eprintln!(
        "{count} versions by {WRITERS} writers: {:.0} a second",
        f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64()
    );
    taken.sort_unstable();
    let last = i64::try_from(count).unwrap() + 1;
    assert_eq!(taken, (2..=last).collect::<Vec<_>>());
    let mut kept = numbers(&app, &content).await;
    kept.sort_unstable();
    assert_eq!(kept, (1..=last).collect::<Vec<_>>());
    assert_eq!(actions(&app, &content).await["addAssetVersion"], count);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_racing_approvals_one_counts() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let content = app.copy("north", "Slogan").await;
    let payload = app
        .mutate(
            "addAssetVersion",
            json!({ "asset": content, "text": "Better" }),
            "version { id }",
        )
        .await;
    let version = &payload["version"]["id"];
    app.mutate("submitVersion", json!({ "version": version }), "")
        .await;
    let mut tokens = Vec::new();
    for _ in 0..REVIEWERS {
        tokens.push(app.token(&["REVIEW"], &[], &[]).await);
    }
    let reviews = tokens.iter().map(|token| {
        let input = json!({ "version": version, "decision": "APPROVE" });
        app.mutate_as(token, "reviewVersion", input, "")
    });
    let outcomes = join_all(reviews).await;
    let won = outcomes
        .iter()
        .filter(|payload| TestApp::outcome(payload) == "OK")
        .count();
    assert_eq!(won, 1, "{outcomes:#?}");
    for payload in &outcomes {
        let code = TestApp::outcome(payload);
        assert!(
            ["OK", "FORBIDDEN_TRANSITION", "CONFLICT"].contains(&code),
            "{payload:#}"
        );
    }
    assert_eq!(actions(&app, &content).await["reviewVersion"], 1);
    let query =
        "query($id: ID!) { node(id: $id) { ... on Version { state reviews { decision } } } }";
    let answer = app.ask(&app.admin, query, json!({ "id": version })).await;
    assert_eq!(
        answer.data()["node"],
        json!({ "state": "APPROVED", "reviews": [{ "decision": "APPROVE" }] })
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_updates_of_one_revision_the_second_is_told_the_new_one() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let content = app.copy("north", "Slogan").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Content { revision title } } }";
    for round in 0..ROUNDS {
        let read = app.ask(&app.admin, query, json!({ "id": content })).await;
        let revision = read.data()["node"]["revision"].as_i64().unwrap();
        let titles = ["left", "right"].map(|side| format!("Round {round} {side}"));
        let updates = titles.iter().map(|title| {
            let input = json!({ "id": content, "revision": revision, "title": title });
            app.mutate_as(
                &app.admin,
                "updateContent",
                input,
                "content { revision title }",
            )
        });
        let outcomes = join_all(updates).await;
        let (won, lost): (Vec<&Json>, Vec<&Json>) = outcomes
            .iter()
            .partition(|payload| TestApp::outcome(payload) == "OK");
        assert_eq!((won.len(), lost.len()), (1, 1), "{outcomes:#?}");
        assert_eq!(won[0]["content"]["revision"], revision + 1);
        let error = &lost[0]["userErrors"][0];
        assert_eq!(error["code"], "CONFLICT");
        assert_eq!(error["field"], json!(["input", "revision"]));
        let named = format!("revision {}", revision + 1);
        assert!(
            error["message"].as_str().unwrap().contains(&named),
            "{error}"
        );
        let read = app.ask(&app.admin, query, json!({ "id": content })).await;
        assert_eq!(read.data()["node"], won[0]["content"]);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_live_is_not_thrown_away_at_the_same_time() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let mut lived = 0;
    for round in 0..ROUNDS {
        let more = json!({ "channels": ["site"] });
        let content = app.asset("north", &format!("Picture {round}"), more).await;
        let place =
            json!({ "content": content, "channel": "site", "location": "/home", "status": "LIVE" });
        // Placing reads more before it writes: the later the trash begins, the closer the two come.
        let trash = async {
            tokio::time::sleep(Duration::from_millis(3 * round)).await;
            app.mutate_as(&app.admin, "trashContent", json!({ "id": content }), "")
                .await
        };
        let (trashed, placed) = tokio::join!(
            trash,
            app.mutate_as(&app.admin, "createPlacement", place, ""),
        );
        let (trashed, placed) = (TestApp::outcome(&trashed), TestApp::outcome(&placed));
        assert_eq!(
            [trashed, placed]
                .iter()
                .filter(|code| **code == "OK")
                .count(),
            1,
            "trash: {trashed}, placement: {placed}"
        );
        let query = "query($id: ID!) { node(id: $id) { ... on Content { status
            placements(status: [LIVE]) { totalCount } } } }";
        let read = app
            .ask(&app.admin, query, json!({ "id": content }))
            .await
            .data();
        let live = read["node"]["placements"]["totalCount"].as_i64().unwrap();
        assert_eq!(live, i64::from(placed == "OK"));
        assert_eq!(read["node"]["status"] == "TRASHED", trashed == "OK");
        lived += live;
    }
    eprintln!("the placement was first in {lived} of {ROUNDS} rounds");
    app.stop().await;
}
