//! Many callers at once: numbers without holes, one winner, and no two truths.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::platform::db::{Sql, fetch_count};
use accolade::testing::TestDatabase;
use futures::future::join_all;
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp};

const WRITERS: usize = 32;
const REVIEWERS: usize = 50;
const ROUNDS: u64 = 12;

/// The numbers of all versions of a content, in the order of the API.
async fn numbers(app: &TestApp, content: &str) -> Vec<i64> {
    let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Content {
        versions(first: 100, after: $after) { totalCount nodes { number } pageInfo { hasNextPage endCursor } } } } }";
    let mut numbers: Vec<i64> = Vec::new();
    let mut variables = json!({ "id": content });
    loop {
        let answer = app.ask(&app.admin, query, variables.clone()).await;
        let page = answer.data()["node"]["versions"].clone();
        let nodes = page["nodes"].as_array().unwrap();
        numbers.extend(
            nodes
                .iter()
                .map(|version| version["number"].as_i64().unwrap()),
        );
        if page["pageInfo"]["hasNextPage"] != true {
            assert_eq!(page["totalCount"], numbers.len());
            return numbers;
        }
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

/// How often something was done to a content, by action.
async fn actions(app: &TestApp, content: &str) -> BTreeMap<String, usize> {
    let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Content {
        history(first: 100, after: $after) { nodes { action } pageInfo { hasNextPage endCursor } } } } }";
    let mut counted = BTreeMap::new();
    let mut variables = json!({ "id": content });
    loop {
        let answer = app.ask(&app.admin, query, variables.clone()).await;
        let page = answer.data()["node"]["history"].clone();
        for entry in page["nodes"].as_array().unwrap() {
            let action = entry["action"].as_str().unwrap().to_owned();
            *counted.entry(action).or_default() += 1;
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return counted;
        }
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

/// How many versions each writer adds; `TEST_ADDS` names another number.
const ADDS: usize = 4;

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own setting, which no server reads"
)]
fn adds() -> usize {
    std::env::var("TEST_ADDS").map_or(ADDS, |text| text.parse().unwrap())
}

/// Two instances on one database; on SQLite, which has one instance, that one twice.
struct Pair {
    database: TestDatabase,
    first: TestApp,
    second: Option<TestApp>,
}

impl Pair {
    async fn start() -> Self {
        let database = TestDatabase::create().await;
        let instance = async || {
            let store = StoreConfig::Folder(database.folder().join("files"));
            TestApp::serve(&database, store, Clock::fixed(START)).await
        };
        let first = instance().await;
        let second = if database.is_shared() {
            Some(instance().await)
        } else {
            None
        };
        Self {
            database,
            first,
            second,
        }
    }

    /// The instance that serves the n-th client.
    fn of(&self, n: usize) -> &TestApp {
        match &self.second {
            Some(second) if n % 2 == 1 => second,
            _ => &self.first,
        }
    }

    async fn tokens(&self, count: usize, scope: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        for _ in 0..count {
            tokens.push(self.first.token(&[scope], &[], &[]).await);
        }
        tokens
    }

    async fn stop(self) {
        self.first.stop().await;
        if let Some(second) = self.second {
            second.stop().await;
        }
        self.database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_of_racing_writers_are_numbered_without_a_hole() {
    let pair = Pair::start().await;
    let app = &pair.first;
    app.brand("north").await;
    let content = app.copy("north", "Slogan").await;
    let tokens = pair.tokens(WRITERS, "WRITE").await;
    let started = Instant::now();
    let writers = tokens.iter().enumerate().map(|(writer, token)| {
        let (app, content) = (pair.of(writer), &content);
        async move {
            let mut taken = Vec::new();
            for i in 0..adds() {
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
    let count = WRITERS * adds();
    eprintln!(
        "{count} versions by {WRITERS} writers: {:.0} a second",
        f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64()
    );
    taken.sort_unstable();
    let last = i64::try_from(count).unwrap() + 1;
    assert_eq!(taken, (2..=last).collect::<Vec<_>>());
    let mut kept = numbers(app, &content).await;
    kept.sort_unstable();
    assert_eq!(kept, (1..=last).collect::<Vec<_>>());
    assert_eq!(actions(app, &content).await["addAssetVersion"], count);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_that_expect_the_same_number_one_gets_it() {
    let pair = Pair::start().await;
    let app = &pair.first;
    app.brand("north").await;
    let content = app.copy("north", "Slogan").await;
    let tokens = pair.tokens(WRITERS, "WRITE").await;
    for expected in 2..8 {
        let writes = tokens.iter().enumerate().map(|(writer, token)| {
            let input = json!({ "asset": content, "text": format!("Words {writer}"), "expectedNumber": expected });
            pair.of(writer)
                .mutate_as(token, "addAssetVersion", input, "version { number }")
        });
        let outcomes = join_all(writes).await;
        let (won, lost): (Vec<&Json>, Vec<&Json>) = outcomes
            .iter()
            .partition(|payload| TestApp::outcome(payload) == "OK");
        assert_eq!(won.len(), 1, "{outcomes:#?}");
        assert_eq!(won[0]["version"]["number"], expected);
        for payload in lost {
            assert_eq!(TestApp::outcome(payload), "CONFLICT", "{payload:#}");
        }
    }
    let mut kept = numbers(app, &content).await;
    kept.sort_unstable();
    assert_eq!(kept, (1..8).collect::<Vec<_>>());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_racing_reviews_one_counts() {
    let pair = Pair::start().await;
    let app = &pair.first;
    app.brand("north").await;
    let tokens = pair.tokens(REVIEWERS, "REVIEW").await;
    for (decision, state, topic) in [
        ("APPROVE", "APPROVED", "VERSION_APPROVED"),
        (
            "REQUEST_CHANGES",
            "CHANGES_REQUESTED",
            "VERSION_CHANGES_REQUESTED",
        ),
    ] {
        let content = app.copy("north", decision).await;
        let query = "query($id: ID!) { node(id: $id) { ... on Content { latestVersion { id } } } }";
        let found = app.ask(&app.admin, query, json!({ "id": content })).await;
        let version = found.data()["node"]["latestVersion"]["id"].clone();
        app.mutate("submitVersion", json!({ "version": version }), "")
            .await;
        let announced = announced(app, topic).await;
        let reviews = tokens.iter().enumerate().map(|(n, token)| {
            let input = json!({ "version": version, "decision": decision, "note": "Why" });
            pair.of(n).mutate_as(token, "reviewVersion", input, "")
        });
        let outcomes = join_all(reviews).await;
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for payload in &outcomes {
            *counted.entry(TestApp::outcome(payload)).or_default() += 1;
        }
        assert_eq!(counted.remove("OK"), Some(1), "{outcomes:#?}");
        let refused = |code: &str| counted.get(code).copied().unwrap_or(0);
        assert_eq!(
            refused("FORBIDDEN_TRANSITION") + refused("CONFLICT"),
            REVIEWERS - 1,
            "{counted:?}"
        );
        assert_eq!(actions(app, &content).await["reviewVersion"], 1);
        assert_eq!(self::announced(app, topic).await, announced + 1, "{topic}");
        let query =
            "query($id: ID!) { node(id: $id) { ... on Version { state reviews { decision } } } }";
        let answer = app.ask(&app.admin, query, json!({ "id": version })).await;
        assert_eq!(
            answer.data()["node"],
            json!({ "state": state, "reviews": [{ "decision": decision }] })
        );
    }
    pair.stop().await;
}

/// How many events of a topic wait to be announced.
async fn announced(app: &TestApp, topic: &str) -> i64 {
    let sql = Sql::new("SELECT count(*) AS n FROM outbox_events WHERE topic = ").bind(topic);
    fetch_count(app.app.db.read(), sql).await.unwrap()
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_live_while_it_is_recalled_is_to_be_taken_down() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let mut lived = 0;
    for round in 0..ROUNDS {
        let more = json!({ "channels": ["site"] });
        let content = app.asset("north", &format!("Picture {round}"), more).await;
        let place =
            json!({ "content": content, "channel": "site", "location": "/home", "status": "LIVE" });
        let recall = async {
            tokio::time::sleep(Duration::from_millis(3 * round)).await;
            let input = json!({ "id": content, "reason": "Wrong year" });
            app.mutate_as(&app.admin, "withdrawContent", input, "")
                .await
        };
        let (recalled, placed) = tokio::join!(
            recall,
            app.mutate_as(&app.admin, "createPlacement", place, ""),
        );
        assert_eq!(TestApp::outcome(&recalled), "OK");
        let query = "query($id: ID!) { node(id: $id) { ... on Content { takeDowns { total done }
            placements(status: [LIVE]) { totalCount } } } requests(content: $id) { totalCount } }";
        let read = app
            .ask(&app.admin, query, json!({ "id": content }))
            .await
            .data();
        let live = read["node"]["placements"]["totalCount"].as_i64().unwrap();
        assert_eq!(live, i64::from(TestApp::outcome(&placed) == "OK"));
        let take_downs = json!({ "total": live, "done": 0 });
        assert_eq!(read["node"]["takeDowns"], take_downs);
        assert_eq!(read["requests"]["totalCount"], live);
        lived += live;
    }
    eprintln!("the placement was first in {lived} of {ROUNDS} rounds");
    app.stop().await;
}
