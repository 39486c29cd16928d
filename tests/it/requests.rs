//! What one asks of another, and recall.

use std::slice::from_ref;

use accolade::requests::open_take_downs;
use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use crate::support::TestApp;

const STATES: [&str; 5] = ["OPEN", "ACCEPTED", "DELIVERED", "DONE", "DECLINED"];

struct Desk {
    app: TestApp,
    outlet: String,
}

impl Desk {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        app.product("north", "L-1").await;
        for slug in ["shop", "site"] {
            app.channel(slug, json!({})).await;
        }
        let outlet = app.outlet("Lantern Weekly", json!({})).await;
        Self { app, outlet }
    }

    async fn win(&self, title: &str, more: Json) -> String {
        let mut all = json!({ "channels": ["shop", "site"] });
        let more = more.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        self.app
            .endorsement("north", title, &self.outlet, all)
            .await
    }

    async fn badge(&self, title: &str) -> String {
        let more = json!({ "channels": ["shop", "site"] });
        self.app.asset("north", title, more).await
    }

    async fn place(&self, content: &str, channel: &str, status: &str) -> String {
        let input = json!({ "content": content, "channel": channel, "status": status,
            "location": format!("{channel} of {content}") });
        let made = self
            .app
            .mutate("createPlacement", input, "placement { id }")
            .await;
        text(&made["placement"]["id"])
    }

    async fn retire(&self, placement: &str) {
        let input = json!({ "placement": placement, "status": "RETIRED" });
        self.app.mutate("updatePlacement", input, "").await;
    }

    async fn recall(&self, content: &str) -> Json {
        let input = json!({ "id": content, "reason": "Wrong year" });
        let select = "content { status takeDowns { total done } }
            takeDowns { id title body state takeDown content { id } placement { id } channel { slug } }";
        self.app.mutate("withdrawContent", input, select).await
    }

    async fn ask(&self, more: Json) -> String {
        let mut input = json!({ "title": "A badge for the shop" });
        let more = more.as_object().unwrap().clone();
        input.as_object_mut().unwrap().extend(more);
        let made = self
            .app
            .mutate("createRequest", input, "request { id }")
            .await;
        text(&made["request"]["id"])
    }

    /// What `updateRequest` says of a step: the state that it leaves, or the code and the field of its error.
    async fn step(&self, request: &str, more: Json) -> String {
        let mut input = json!({ "request": request });
        let more = more.as_object().unwrap().clone();
        input.as_object_mut().unwrap().extend(more);
        let app = &self.app;
        let payload = app
            .mutate_as(&app.admin, "updateRequest", input, "request { state }")
            .await;
        match payload["userErrors"][0]["code"].as_str() {
            Some(code) => format!("{code} {}", payload["userErrors"][0]["field"][1]),
            None => text(&payload["request"]["state"]),
        }
    }

    /// How many requests are listed, and the placements that they are about, the newest first.
    async fn listed(&self, arguments: &str) -> Vec<Json> {
        let query =
            format!("{{ requests({arguments}) {{ totalCount nodes {{ placement {{ id }} }} }} }}");
        let found = self.app.query(&query).await;
        let nodes = found["requests"]["nodes"].as_array().unwrap().clone();
        assert_eq!(found["requests"]["totalCount"], nodes.len(), "{arguments}");
        nodes
            .into_iter()
            .map(|node| node["placement"]["id"].clone())
            .collect()
    }

    async fn take_downs(&self, content: &str) -> (i64, i64) {
        self.take_downs_as(&self.app.admin, content).await
    }

    async fn take_downs_as(&self, token: &str, content: &str) -> (i64, i64) {
        let query =
            "query($id: ID!) { node(id: $id) { ... on Content { takeDowns { total done } } } }";
        let found = self.app.ask(token, query, json!({ "id": content })).await;
        let counts = found.data()["node"]["takeDowns"].clone();
        (
            counts["total"].as_i64().unwrap(),
            counts["done"].as_i64().unwrap(),
        )
    }

    /// The key of a page of the shop that pulls.
    async fn key(&self, content: &str) -> Json {
        let query =
            "query($id: ID!) { node(id: $id) { ... on Content { beaconKey(channel: \"shop\") } } }";
        let app = &self.app;
        let found = app.ask(&app.admin, query, json!({ "id": content })).await;
        found.data()["node"]["beaconKey"].clone()
    }

    /// The page is looked at.
    async fn impression(&self, id: &str, key: &Json) {
        let event = json!({ "id": id, "kind": "IMPRESSION", "beaconKey": key });
        let input = json!({ "events": [event] });
        let counted = self.app.mutate("recordUsage", input, "accepted").await;
        assert_eq!(counted["accepted"], 1);
    }

    /// An integration says what it shows on the site.
    async fn sync(&self, contents: &[&str]) {
        let placements: Vec<Json> = contents
            .iter()
            .map(|id| json!({ "key": id, "content": id, "location": "Top" }))
            .collect();
        let input = json!({ "integration": "site", "channel": "site", "placements": placements });
        let synced = self
            .app
            .mutate("syncPlacements", input, "rejected { key }")
            .await;
        assert_eq!(synced["rejected"], json!([]));
    }

    async fn sweep(&self) -> usize {
        open_take_downs(&self.app.app).await.unwrap()
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// The placements of take-downs, in the order of their ids.
fn placements(take_downs: &Json) -> Vec<String> {
    let nodes = take_downs.as_array().unwrap().iter();
    let mut ids: Vec<String> = nodes.map(|node| text(&node["placement"]["id"])).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(mut ids: [String; N]) -> Vec<String> {
    ids.sort();
    ids.into()
}

#[tokio::test]
async fn a_request_keeps_what_was_asked_and_goes_its_way() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let win = desk.win("It lasts", json!({})).await;
    let designer = json!({ "name": "designer", "scopes": ["WRITE"], "brands": ["north"] });
    let designer = app
        .mutate("createAccessToken", designer, "token { id }")
        .await;
    let designer = text(&designer["token"]["id"]);
    let request = desk
        .ask(json!({ "body": "  In Chinese. ", "assignee": designer, "dueOn": "2026-07-01", "content": win,
            "channel": "shop", "product": "L-1", "locale": "zh" }))
        .await;
    let query = "query($id: ID!) { node(id: $id) { ... on Request { title body state takeDown dueOn locale
        brand { slug } requester { __typename } assignee { ... on AccessToken { name } } content { id }
        placement { id } channel { slug } product { sku } fulfilledBy { id } createdAt } } }";
    let found = app.ask(&app.admin, query, json!({ "id": request })).await;
    assert_eq!(
        found.data()["node"],
        json!({ "title": "A badge for the shop", "body": "In Chinese.", "state": "OPEN", "takeDown": false,
            "dueOn": "2026-07-01", "locale": "zh", "brand": { "slug": "north" },
            "requester": { "__typename": "AccessToken" }, "assignee": { "name": "designer" },
            "content": { "id": win }, "placement": null, "channel": { "slug": "shop" },
            "product": { "sku": "L-1" }, "fulfilledBy": null, "createdAt": TestApp::day(0) })
    );

    // Every step from every state; the way there is one of those that are allowed.
    let ways: [(&str, &[&str]); 5] = [
        ("OPEN", &[]),
        ("ACCEPTED", &["ACCEPTED"]),
        ("DELIVERED", &["ACCEPTED", "DELIVERED"]),
        (
            "DONE",
            &["ACCEPTED", "DELIVERED", "ACCEPTED", "DELIVERED", "DONE"],
        ),
        ("DECLINED", &["ACCEPTED", "DECLINED"]),
    ];
    let allowed = [
        ("OPEN", "ACCEPTED"),
        ("OPEN", "DECLINED"),
        ("ACCEPTED", "DELIVERED"),
        ("ACCEPTED", "DECLINED"),
        ("DELIVERED", "DONE"),
        ("DELIVERED", "ACCEPTED"),
    ];
    for (from, way) in ways {
        for to in STATES {
            let request = desk.ask(json!({})).await;
            for state in way {
                assert_eq!(desk.step(&request, json!({ "state": state })).await, *state);
            }
            let outcome = desk.step(&request, json!({ "state": to })).await;
            if from == to || allowed.contains(&(from, to)) {
                assert_eq!(outcome, to, "from {from}");
            } else {
                assert_eq!(outcome, "FORBIDDEN_TRANSITION \"state\"", "{from} to {to}");
            }
        }
    }

    // What fulfils it; nobody changes what is closed.
    let other = desk.badge("A badge").await;
    let version = app
        .ask(
            &app.admin,
            "query($id: ID!) { node(id: $id) { ... on Content { latestVersion { id } } } }",
            json!({ "id": other }),
        )
        .await
        .data()["node"]["latestVersion"]["id"]
        .clone();
    let given = json!({ "state": "ACCEPTED", "fulfilledBy": version, "assignee": null });
    assert_eq!(desk.step(&request, given).await, "ACCEPTED");
    let found = app.ask(&app.admin, query, json!({ "id": request })).await;
    let node = &found.data()["node"];
    assert_eq!(
        (&node["fulfilledBy"]["id"], &node["assignee"]),
        (&version, &Json::Null)
    );
    assert_eq!(
        desk.step(&request, json!({ "state": "DELIVERED" })).await,
        "DELIVERED"
    );
    assert_eq!(
        desk.step(&request, json!({ "state": "DONE" })).await,
        "DONE"
    );
    let late = desk.step(&request, json!({ "fulfilledBy": null })).await;
    assert_eq!(late, "FORBIDDEN_TRANSITION \"fulfilledBy\"");
    desk.app.stop().await;
}

#[tokio::test]
async fn requests_are_listed_by_state_content_and_assignee() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let (one, two) = (
        desk.win("One", json!({})).await,
        desk.win("Two", json!({})).await,
    );
    let made = app
        .mutate(
            "createAccessToken",
            json!({ "name": "d", "scopes": ["READ"] }),
            "token { id }",
        )
        .await;
    let designer = text(&made["token"]["id"]);
    let placed = desk.place(&two, "site", "PLANNED").await;
    let a = desk.ask(json!({ "content": one })).await;
    let b = desk
        .ask(json!({ "placement": placed, "assignee": designer }))
        .await;
    let c = desk
        .ask(json!({ "content": one, "assignee": designer }))
        .await;
    desk.step(&c, json!({ "state": "DECLINED" })).await;
    let ids = async |arguments: String| {
        let query = format!(
            "{{ requests({arguments}first: 50) {{ totalCount nodes {{ id content {{ id }} }} }} }}"
        );
        let found = app.query(&query).await["requests"].clone();
        let nodes = found["nodes"].as_array().unwrap().clone();
        assert_eq!(found["totalCount"], nodes.len());
        nodes
            .iter()
            .map(|node| text(&node["id"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(String::new()).await, [c.clone(), b.clone(), a.clone()]);
    assert_eq!(
        ids("state: [OPEN], ".to_owned()).await,
        [b.clone(), a.clone()]
    );
    assert_eq!(ids("state: [], ".to_owned()).await, Vec::<String>::new());
    assert_eq!(
        ids(format!("content: \"{one}\", ")).await,
        [c.clone(), a.clone()]
    );
    assert_eq!(
        ids(format!("content: \"{two}\", ")).await,
        from_ref(&b),
        "what is shown there"
    );
    assert_eq!(
        ids(format!(
            "assignee: \"{designer}\", state: [OPEN, ACCEPTED], "
        ))
        .await,
        from_ref(&b)
    );
    // Pages go on where the last one ended, and no cursor fits another list.
    let page = app
        .query("{ requests(first: 2) { nodes { id } pageInfo { endCursor hasNextPage } } }")
        .await;
    assert_eq!(page["requests"]["pageInfo"]["hasNextPage"], true);
    let after = text(&page["requests"]["pageInfo"]["endCursor"]);
    let rest = app
        .query(&format!(
            "{{ requests(after: \"{after}\") {{ nodes {{ id }} }} }}"
        ))
        .await;
    assert_eq!(rest["requests"]["nodes"], json!([{ "id": a }]));
    let wrong = format!("{{ requests(after: \"{after}\", state: [OPEN]) {{ nodes {{ id }} }} }}");
    assert_eq!(
        app.ask(&app.admin, &wrong, json!({})).await.code(),
        "BAD_REQUEST"
    );
    desk.app.stop().await;
}

#[tokio::test]
async fn a_request_is_of_one_brand_and_whoever_is_asked_sees_it() {
    let desk = Desk::new().await;
    let app = &desk.app;
    app.brand("south").await;
    app.product("south", "S-1").await;
    let win = desk.win("It lasts", json!({})).await;
    let placed = desk.place(&win, "site", "PLANNED").await;
    let refused = async |more: Json| {
        let mut input = json!({ "title": "T" });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        app.refused("createRequest", input).await
    };
    let is = |code: &str, field: &str| (code.to_owned(), format!("input.{field}"));
    assert_eq!(
        refused(json!({ "title": " " })).await,
        is("REQUIRED", "title")
    );
    assert_eq!(
        refused(json!({ "title": "x".repeat(301) })).await,
        is("TOO_LONG", "title")
    );
    assert_eq!(
        refused(json!({ "body": "x".repeat(10_001) })).await,
        is("TOO_LONG", "body")
    );
    assert_eq!(
        refused(json!({ "content": win, "product": "S-1" })).await,
        is("INVALID", "product")
    );
    assert_eq!(
        refused(json!({ "content": win, "brand": "south" })).await,
        is("INVALID", "content")
    );
    assert_eq!(
        refused(json!({ "placement": placed, "channel": "shop" })).await,
        is("INVALID", "channel")
    );
    // Who is asked must be able to look at it.
    let token = async |more: Json| {
        let mut input = json!({ "name": "t", "scopes": ["READ"] });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        text(&app.mutate("createAccessToken", input, "token { id }").await["token"]["id"])
    };
    let blind = [
        token(json!({ "brands": ["south"] })).await,
        token(json!({ "scopes": ["USAGE_WRITE"] })).await,
        token(json!({ "channels": ["shop"] })).await,
    ];
    for assignee in blind {
        let asked = json!({ "content": win, "channel": "site", "assignee": assignee });
        assert_eq!(refused(asked).await, is("INVALID", "assignee"));
    }
    // One who has several brands says which; one who has one need not.
    app.brand("east").await;
    let both = app.token(&["WRITE"], &["north", "south"], &[]).await;
    let one = app.token(&["WRITE"], &["north"], &[]).await;
    let input = json!({ "title": "T" });
    let payload = app
        .mutate_as(&both, "createRequest", input.clone(), "")
        .await;
    assert_eq!(payload["userErrors"][0]["field"], json!(["input", "brand"]));
    let select = "request { id brand { slug } }";
    let payload = app
        .mutate_as(&one, "createRequest", input.clone(), select)
        .await;
    assert_eq!(payload["request"]["brand"]["slug"], "north");
    // Of no brand: for those who reach all.
    let payload = app.mutate("createRequest", input, select).await;
    assert_eq!(payload["request"]["brand"], Json::Null);
    let query = "{ requests { nodes { id } } }";
    let seen = app.ask(&one, query, json!({})).await.data();
    assert_eq!(seen["requests"]["nodes"].as_array().unwrap().len(), 1);
    // Nor does one who reaches some channels see what is for others.
    desk.ask(json!({ "content": win, "channel": "site" })).await;
    let shop = app.token(&["READ"], &["north"], &["shop"]).await;
    let site = app.token(&["READ"], &["north"], &["site"]).await;
    for (token, count) in [(shop, 1), (site, 2)] {
        let seen = app.ask(&token, query, json!({})).await.data();
        assert_eq!(seen["requests"]["nodes"].as_array().unwrap().len(), count);
    }
    desk.app.stop().await;
}

#[tokio::test]
async fn a_recall_asks_each_live_place_to_take_it_down() {
    let desk = Desk::new().await;
    let win = desk.win("It lasts", json!({})).await;
    let live = [
        desk.place(&win, "shop", "LIVE").await,
        desk.place(&win, "site", "LIVE").await,
    ];
    desk.place(&win, "shop", "PLANNED").await;
    let gone = desk.place(&win, "site", "LIVE").await;
    desk.retire(&gone).await;
    let done = desk.recall(&win).await;
    assert_eq!(placements(&done["takeDowns"]), sorted(live.clone()));
    assert_eq!(
        done["content"],
        json!({ "status": "WITHDRAWN", "takeDowns": { "total": 2, "done": 0 } })
    );
    let first = &done["takeDowns"][1];
    assert_eq!(
        (
            &first["title"],
            &first["body"],
            &first["state"],
            &first["takeDown"]
        ),
        (
            &json!(format!("Take it down: shop of {win}")),
            &json!("Wrong year"),
            &json!("OPEN"),
            &json!(true)
        )
    );
    assert_eq!(first["channel"]["slug"], "shop");

    // A take-down ends with its placement, whoever retires it, in lists and counts alike.
    let about = format!("content: \"{win}\"");
    assert_eq!(desk.listed(&about).await.len(), 2);
    desk.retire(&live[0]).await;
    assert_eq!(
        desk.listed(&format!("{about}, state: [DONE]")).await,
        [json!(live[0])]
    );
    assert_eq!(
        desk.listed(&format!("{about}, state: [OPEN]")).await,
        [json!(live[1])]
    );
    assert_eq!(desk.take_downs(&win).await, (2, 1));
    desk.app
        .behind(
            "UPDATE placements SET status = 'RETIRED', live_to = live_from WHERE status = 'LIVE'",
        )
        .await;
    assert_eq!(desk.take_downs(&win).await, (2, 2));
    assert_eq!(
        desk.listed(&format!("{about}, state: [DONE]")).await.len(),
        2
    );
    desk.app.stop().await;
}

#[tokio::test]
async fn a_take_down_is_not_done_nor_declined_by_saying_so() {
    let desk = Desk::new().await;
    let badge = desk.badge("Badge").await;
    let win = desk.win("It lasts", json!({ "assets": [badge] })).await;
    let placed = desk.place(&badge, "shop", "LIVE").await;
    let done = desk.recall(&win).await;
    assert_eq!(placements(&done["takeDowns"]), from_ref(&placed));
    assert_eq!(done["takeDowns"][0]["content"]["id"], win);
    let request = text(&done["takeDowns"][0]["id"]);
    for state in ["DELIVERED", "DONE"] {
        let outcome = desk.step(&request, json!({ "state": state })).await;
        assert_eq!(outcome, "FORBIDDEN_TRANSITION \"state\"");
    }
    assert_eq!(
        desk.step(&request, json!({ "state": "ACCEPTED" })).await,
        "ACCEPTED"
    );
    let outcome = desk.step(&request, json!({ "state": "DECLINED" })).await;
    assert_eq!(outcome, "NOT_AVAILABLE \"state\"");
    // Another win brings the badge back: then there is nothing to take down, until that one is recalled too.
    let other = desk.win("It shines", json!({ "assets": [badge] })).await;
    assert_eq!(
        desk.step(&request, json!({ "state": "DECLINED" })).await,
        "DECLINED"
    );
    assert_eq!(desk.take_downs(&win).await, (0, 0));
    let again = desk.recall(&other).await;
    assert_eq!(placements(&again["takeDowns"]), from_ref(&placed));
    assert_eq!(
        desk.take_downs(&badge).await,
        (1, 0),
        "at its own placement"
    );
    desk.retire(&placed).await;
    assert_eq!(desk.take_downs(&other).await, (1, 1));
    assert_eq!(
        desk.step(&request, json!({ "state": "OPEN" })).await,
        "FORBIDDEN_TRANSITION \"state\""
    );
    desk.app.stop().await;
}

#[tokio::test]
async fn what_another_win_keeps_available_is_not_taken_down() {
    let desk = Desk::new().await;
    let (shared, own) = (desk.badge("Shared").await, desk.badge("Own").await);
    let win = desk
        .win("It lasts", json!({ "assets": [shared, own] }))
        .await;
    // It keeps the shared badge in the shop, and nowhere else.
    desk.win(
        "It shines",
        json!({ "assets": [shared], "channels": ["shop"] }),
    )
    .await;
    let kept = desk.place(&shared, "shop", "LIVE").await;
    let goes = [
        desk.place(&shared, "site", "LIVE").await,
        desk.place(&own, "shop", "LIVE").await,
        desk.place(&win, "shop", "LIVE").await,
    ];
    let done = desk.recall(&win).await;
    assert_eq!(placements(&done["takeDowns"]), sorted(goes.clone()));
    assert_eq!(desk.app.holds(&shared, "shop").await, Vec::<String>::new());
    assert_ne!(desk.app.holds(&shared, "site").await, Vec::<String>::new());
    // Of a placement one take-down is open, however often it is recalled.
    let again = desk.recall(&own).await;
    assert_eq!(placements(&again["takeDowns"]), [goes[1].clone()]);
    assert_eq!(desk.listed("state: [OPEN]").await.len(), 3);
    let last = desk.recall(&shared).await;
    assert_eq!(
        placements(&last["takeDowns"]),
        sorted([goes[0].clone(), kept])
    );
    assert_eq!(desk.listed("state: [OPEN]").await.len(), 4);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_is_said_no_more_is_recalled_with_its_take_downs() {
    let desk = Desk::new().await;
    let win = desk.win("It lasts", json!({})).await;
    let placed = desk.place(&win, "shop", "LIVE").await;
    let select = "endorsement { status } takeDowns { placement { id } body }";
    let still = json!({ "endorsement": win, "stillSaid": true });
    let payload = desk.app.mutate("recheckEndorsement", still, select).await;
    assert_eq!(payload["takeDowns"], json!([]));
    let gone = json!({ "endorsement": win, "stillSaid": false, "note": "The page is gone" });
    let payload = desk
        .app
        .mutate("recheckEndorsement", gone.clone(), select)
        .await;
    assert_eq!(
        payload["takeDowns"],
        json!([{ "placement": { "id": placed }, "body": "The page is gone" }])
    );
    assert_eq!(payload["endorsement"]["status"], "WITHDRAWN");
    assert_eq!(
        desk.app.refused("recheckEndorsement", gone).await.0,
        "FORBIDDEN_TRANSITION"
    );
    desk.app.stop().await;
}

/// Rows behind the server's back: making thousands through it would take minutes.
#[tokio::test]
async fn a_recall_of_thousands_of_places_tells_some_and_asks_all() {
    let desk = Desk::new().await;
    let win = desk.win("It lasts", json!({})).await;
    desk.place(&win, "shop", "LIVE").await;
    let id = if desk.app.app.db.backend() == sea_orm::DbBackend::Sqlite {
        "randomblob(16)"
    } else {
        "gen_random_uuid()"
    };
    let sql = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         INSERT INTO placements (id, content_id, version_id, channel_id, location, status, live_from, created_at,
           updated_at)
         SELECT {id}, p.content_id, p.version_id, p.channel_id, p.location, p.status, p.live_from, p.created_at,
           p.updated_at FROM placements p, n"
    );
    desk.app.behind(&sql).await;
    let done = desk.recall(&win).await;
    assert_eq!(done["takeDowns"].as_array().unwrap().len(), 250);
    assert_eq!(
        done["content"]["takeDowns"],
        json!({ "total": 2501, "done": 0 })
    );
    let found = desk
        .app
        .query("{ requests(state: [OPEN]) { totalCount } }")
        .await;
    assert_eq!(found["requests"]["totalCount"], 2501);
    desk.app.stop().await;
}

/// Where it is live is nothing that one who reaches other channels is told, not even as a number.
#[tokio::test]
async fn the_history_of_a_recall_does_not_tell_of_places_that_are_not_reached() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let win = desk.win("It lasts", json!({})).await;
    desk.place(&win, "shop", "LIVE").await;
    desk.recall(&win).await;
    let site = app.token(&["READ"], &["north"], &["site"]).await;
    let query = "query($id: ID!) { node(id: $id) { ... on Content { takeDowns { total done }
        history(first: 50) { nodes { action changes } } } } }";
    let found = app.ask(&site, query, json!({ "id": win })).await.data();
    let node = &found["node"];
    assert_eq!(node["takeDowns"], json!({ "total": 0, "done": 0 }));
    let history = node["history"]["nodes"].as_array().unwrap();
    let recall = history
        .iter()
        .find(|entry| entry["action"] == "withdrawContent")
        .unwrap();
    let told = json!({ "withdrawnAt": TestApp::day(0), "reason": "Wrong year" });
    assert_eq!(recall["changes"], told);
    desk.app.stop().await;
}

#[tokio::test]
async fn a_take_down_is_done_when_its_page_falls_silent() {
    let desk = Desk::new().await;
    let win = desk.win("It lasts", json!({})).await;
    let key = desk.key(&win).await;
    desk.impression("1", &key).await;
    let done = desk.recall(&win).await;
    assert_eq!(
        done["content"]["takeDowns"],
        json!({ "total": 1, "done": 0 })
    );
    let about = format!("content: \"{win}\"");
    desk.app.advance(TimeDelta::days(13));
    assert_eq!(desk.take_downs(&win).await, (1, 0));
    assert_eq!(
        desk.listed(&format!("{about}, state: [OPEN]")).await.len(),
        1
    );
    desk.app.advance(TimeDelta::days(1));
    assert_eq!(desk.take_downs(&win).await, (1, 1));
    assert_eq!(
        desk.listed(&format!("{about}, state: [DONE]")).await.len(),
        1
    );
    assert_eq!(desk.sweep().await, 0);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_is_live_again_after_its_recall_is_asked_for_by_itself() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let win = desk.win("It lasts", json!({})).await;
    let key = desk.key(&win).await;
    let placed = desk.place(&win, "shop", "LIVE").await;
    desk.recall(&win).await;
    desk.retire(&placed).await;
    assert_eq!(desk.take_downs(&win).await, (1, 1));
    let before = app.app.db.statements();
    assert_eq!(desk.sweep().await, 0);
    assert_eq!(
        app.app.db.statements() - before,
        1,
        "where there is nothing"
    );

    // The page has its key still. It is counted at once, and asked for soon after.
    desk.impression("1", &key).await;
    desk.sync(&[&win]).await;
    assert_eq!(desk.take_downs(&win).await, (3, 1));
    let shop = app.token(&["READ"], &["north"], &["shop"]).await;
    assert_eq!(desk.take_downs_as(&shop, &win).await, (2, 1));
    let south = app.token(&["READ"], &["north"], &["site"]).await;
    assert_eq!(desk.take_downs_as(&south, &win).await, (1, 0));
    let about = format!("content: \"{win}\"");
    assert_eq!(desk.listed(&about).await.len(), 1);
    assert_eq!(desk.sweep().await, 2);
    assert_eq!(desk.take_downs(&win).await, (3, 1));
    assert_eq!(desk.take_downs_as(&shop, &win).await, (2, 1));
    let query = format!(
        "{{ requests({about}, state: [OPEN]) {{ nodes {{ takeDown body requester {{ __typename }} channel {{ slug }} }} }} }}"
    );
    let open = app.query(&query).await["requests"]["nodes"].clone();
    let open = open.as_array().unwrap();
    let channels: Vec<&Json> = open.iter().map(|r| &r["channel"]["slug"]).collect();
    assert!(channels.contains(&&json!("shop")) && channels.contains(&&json!("site")));
    for request in open {
        let said = (&request["takeDown"], &request["body"]);
        assert_eq!(said, (&json!(true), &json!("Wrong year")));
        assert_eq!(request["requester"]["__typename"], "System");
    }
    // Those who do not reach the places are not told of them.
    let query = "query($id: ID!) { node(id: $id) { ... on Content { history(first: 50) { nodes { action } } } } }";
    let told = async |token: &str| {
        let found = app.ask(token, query, json!({ "id": win })).await.data();
        let nodes = found["node"]["history"]["nodes"]
            .as_array()
            .unwrap()
            .clone();
        nodes
            .iter()
            .filter(|entry| entry["action"] == "openTakeDown")
            .count()
    };
    assert_eq!((told(&app.admin).await, told(&shop).await), (2, 0));

    // It is asked once, whoever looks and however often, and again where it comes back.
    assert_eq!(desk.sweep().await, 0);
    desk.sync(&[]).await;
    assert_eq!(desk.take_downs(&win).await, (3, 2));
    desk.sync(&[&win]).await;
    let (one, two) = tokio::join!(desk.sweep(), desk.sweep());
    assert_eq!(one + two, 1);
    assert_eq!(desk.listed(&about).await.len(), 4);
    assert_eq!(desk.take_downs(&win).await, (4, 2));
    desk.app.stop().await;
}

#[tokio::test]
async fn a_badge_that_comes_back_is_asked_for_where_nothing_else_keeps_it() {
    let desk = Desk::new().await;
    let (shared, own) = (desk.badge("Shared").await, desk.badge("Own").await);
    let win = desk
        .win("It lasts", json!({ "assets": [shared, own] }))
        .await;
    let other = desk.win("It shines", json!({ "assets": [shared] })).await;
    desk.recall(&win).await;
    desk.sync(&[&shared, &own]).await;
    assert_eq!(desk.take_downs(&win).await, (1, 0));
    assert_eq!(desk.take_downs(&own).await, (1, 0), "at its own placement");
    assert_eq!(desk.take_downs(&shared).await, (0, 0));
    assert_eq!(desk.sweep().await, 1);
    assert_eq!(desk.take_downs(&win).await, (1, 0));
    assert_eq!(desk.take_downs(&own).await, (1, 0));
    // What kept the other goes, too: of two recalls one asks, and the badge's own asks no more.
    desk.recall(&other).await;
    assert_eq!(desk.take_downs(&other).await, (1, 0));
    desk.sync(&[&own]).await;
    desk.sync(&[&shared, &own]).await;
    assert_eq!(desk.take_downs(&win).await, (2, 0));
    assert_eq!(desk.take_downs(&other).await, (1, 1));
    assert_eq!(desk.take_downs(&shared).await, (2, 1));
    assert_eq!(desk.sweep().await, 1);
    assert_eq!(desk.take_downs(&win).await, (2, 0));
    assert_eq!(desk.take_downs(&other).await, (1, 1));
    desk.recall(&shared).await;
    assert_eq!(desk.sweep().await, 0);
    assert_eq!(desk.take_downs(&shared).await, (2, 1));
    desk.app.stop().await;
}
