//! Coverage: each win by each place, and what is wasted.

mod best;
mod counting;

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp};

const PLACES: [&str; 5] = ["shop", "shop.gallery", "shop.text", "site", "deck"];

struct Desk {
    app: TestApp,
    outlet: String,
}

impl Desk {
    /// `shop` with two slots, `site` and `deck`; a brand with a product that is sold in the shop alone.
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        app.product("north", "L-1").await;
        app.channel("shop", json!({ "weight": 2.0 })).await;
        app.channel("shop.gallery", json!({ "parent": "shop", "weight": 3.0 }))
            .await;
        app.channel("shop.text", json!({ "parent": "shop" })).await;
        app.channel("site", json!({})).await;
        app.channel("deck", json!({ "kind": "DECK" })).await;
        let outlet = app.outlet("Lantern Weekly", json!({})).await;
        Self { app, outlet }
    }

    async fn win(&self, title: &str, more: Json) -> String {
        self.app
            .endorsement("north", title, &self.outlet, more)
            .await
    }

    async fn place(&self, content: &str, channel: &str, status: &str) -> Json {
        let input = json!({ "content": content, "channel": channel, "status": status,
            "location": format!("{channel} of {content}") });
        let made = self
            .app
            .mutate("createPlacement", input, "placement { id }")
            .await;
        made["placement"]["id"].clone()
    }

    async fn waive(&self, win: &str, channel: &str, until: Json) -> Json {
        let input = json!({ "endorsement": win, "channel": channel, "reason": "Not for it", "until": until });
        let admin = &self.app.admin;
        self.app
            .mutate_as(admin, "waiveGap", input, "cell { state channel { slug } }")
            .await
    }

    async fn coverage(&self, filter: Json) -> Json {
        self.coverage_as(&self.app.admin, filter).await
    }

    async fn coverage_as(&self, token: &str, filter: Json) -> Json {
        let query = "query($filter: CoverageFilter) { coverage(filter: $filter) { channels { slug }
            summary { endorsements breach stale live planned gap waived blocked coverage medianDaysToFirstUse }
            rows { totalCount nodes { endorsement { id }
                cells { channel { slug } state gapDays holds { reason } placementCount
                    placements { location } } } } } }";
        let answer = self
            .app
            .ask(token, query, json!({ "filter": filter }))
            .await;
        answer.data()["coverage"].clone()
    }

    /// The states of a win's cells, by channel.
    async fn states(&self, win: &str, filter: Json) -> BTreeMap<String, String> {
        states(&self.coverage(filter).await, win)
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

fn states(coverage: &Json, win: &str) -> BTreeMap<String, String> {
    let rows = coverage["rows"]["nodes"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["endorsement"]["id"] == win)
        .unwrap();
    let cells = row["cells"].as_array().unwrap().iter();
    cells
        .map(|cell| (text(&cell["channel"]["slug"]), text(&cell["state"])))
        .collect()
}

fn cell<'c>(coverage: &'c Json, win: &str, channel: &str) -> &'c Json {
    let rows = coverage["rows"]["nodes"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["endorsement"]["id"] == win)
        .unwrap();
    let mut cells = row["cells"].as_array().unwrap().iter();
    cells
        .find(|cell| cell["channel"]["slug"] == channel)
        .unwrap()
}

fn all(states: [&str; 5]) -> BTreeMap<String, String> {
    let named = PLACES.iter().zip(states);
    named
        .map(|(place, state)| ((*place).to_owned(), state.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_win_goes_from_gap_to_live_to_stale_to_breach() {
    let desk = Desk::new().await;
    let win = desk.win("It lasts", json!({ "channels": ["shop"] })).await;
    let now = async || desk.states(&win, json!({})).await;
    // To forget a tag is waste, too.
    assert_eq!(now().await, all(["GAP", "GAP", "GAP", "GAP", "GAP"]));
    let found = desk.coverage(json!({})).await;
    assert_eq!(cell(&found, &win, "shop.gallery")["holds"], json!([]));
    let untagged = json!([{ "reason": "NOT_TAGGED" }]);
    assert_eq!(cell(&found, &win, "site")["holds"], untagged);

    desk.place(&win, "shop.gallery", "PLANNED").await;
    assert_eq!(
        now().await,
        all(["PLANNED", "PLANNED", "GAP", "GAP", "GAP"])
    );
    let waived = desk.waive(&win, "shop", Json::Null).await;
    assert_eq!(
        waived["userErrors"][0]["code"], "NOT_AVAILABLE",
        "it is planned in a part of it"
    );
    let waived = desk.waive(&win, "deck", json!(TestApp::day(10))).await;
    assert_eq!(
        waived["cell"],
        json!({ "state": "WAIVED", "channel": { "slug": "deck" } })
    );
    let live = desk.place(&win, "shop.text", "LIVE").await;
    assert_eq!(
        now().await,
        all(["LIVE", "PLANNED", "LIVE", "GAP", "WAIVED"])
    );

    let input = json!({ "endorsement": win, "wording": { "statements": [
        { "locale": "en", "headline": "It lasts longer", "quote": "It lasts." }] } });
    desk.app.mutate("addEndorsementVersion", input, "").await;
    assert_eq!(
        now().await["shop.text"],
        "LIVE",
        "a draft makes nothing stale"
    );
    desk.app.approve(&win).await;
    assert_eq!(
        now().await,
        all(["STALE", "PLANNED", "STALE", "GAP", "WAIVED"])
    );

    let input = json!({ "contents": [win], "access": "DENY", "channels": ["shop"], "startsAt": TestApp::day(5) });
    desk.app.mutate("createLease", input, "").await;
    assert_eq!(now().await["shop"], "STALE");
    let later = json!({ "at": TestApp::day(5) });
    assert_eq!(
        desk.states(&win, later).await,
        all(["BREACH", "PLANNED", "BREACH", "GAP", "WAIVED"])
    );
    desk.app.advance(TimeDelta::days(5));
    assert_eq!(now().await["shop"], "BREACH");
    let found = desk.coverage(json!({})).await;
    let denied = json!([{ "reason": "LEASE_DENIED" }]);
    assert_eq!(cell(&found, &win, "shop.text")["holds"], denied);
    desk.app.advance(TimeDelta::days(5));
    assert_eq!(now().await["deck"], "GAP", "the waiver has ended");

    let input = json!({ "placement": live, "status": "RETIRED" });
    desk.app.mutate("updatePlacement", input, "").await;
    assert_eq!(
        now().await,
        all(["PLANNED", "PLANNED", "BLOCKED", "GAP", "GAP"])
    );
    desk.app.stop().await;
}

#[tokio::test]
async fn what_is_placed_of_its_assets_is_its_own() {
    let desk = Desk::new().await;
    let badge = desk
        .app
        .asset("north", "Badge", json!({ "channels": ["site", "shop"] }))
        .await;
    let win = desk
        .win(
            "It lasts",
            json!({ "channels": ["site"], "assets": [badge] }),
        )
        .await;
    desk.place(&badge, "site", "LIVE").await;
    let other = desk.win("Another", json!({ "channels": ["site"] })).await;
    let found = desk.coverage(json!({})).await;
    assert_eq!(states(&found, &win)["site"], "LIVE");
    assert_eq!(
        cell(&found, &win, "site")["placements"][0]["location"],
        json!(format!("site of {badge}"))
    );
    assert_eq!(states(&found, &other)["site"], "GAP");
    // Recalled, it must be taken down; one that is nowhere is no row.
    desk.app
        .mutate(
            "withdrawContent",
            json!({ "id": badge, "reason": "Wrong year" }),
            "",
        )
        .await;
    desk.app
        .mutate(
            "withdrawContent",
            json!({ "id": other, "reason": "Taken back" }),
            "",
        )
        .await;
    let found = desk.coverage(json!({})).await;
    assert_eq!(states(&found, &win)["site"], "BREACH");
    assert_eq!(found["rows"]["totalCount"], 1);
    assert_eq!(found["summary"]["breach"], 1);
    desk.app.stop().await;
}

#[tokio::test]
async fn no_gap_is_counted_where_the_product_is_not_sold() {
    let desk = Desk::new().await;
    let input = json!({ "product": "L-1", "channels": ["shop"] });
    desk.app.mutate("updateProduct", input, "").await;
    let win = desk
        .win(
            "It lasts",
            json!({ "products": ["L-1"], "channels": ["shop", "site"] }),
        )
        .await;
    assert_eq!(
        desk.states(&win, json!({})).await,
        all(["GAP", "GAP", "GAP", "BLOCKED", "BLOCKED"])
    );
    // To tag it there would not help, so that is not what is told.
    let found = desk.coverage(json!({})).await;
    for place in ["site", "deck"] {
        assert_eq!(
            cell(&found, &win, place)["holds"],
            json!([{ "reason": "PRODUCT_MISMATCH" }])
        );
    }
    let input = json!({ "product": "L-1", "channels": [] });
    desk.app.mutate("updateProduct", input, "").await;
    assert_eq!(desk.states(&win, json!({})).await["site"], "GAP");
    desk.app.stop().await;
}

#[tokio::test]
async fn waste_is_told_worst_first_and_its_pages_hold_still() {
    let desk = Desk::new().await;
    let small = desk
        .app
        .outlet("Nobody knows it", json!({ "tier": 3 }))
        .await;
    desk.win("Known", json!({})).await;
    let app = &desk.app;
    app.endorsement("north", "Unknown", &small, json!({})).await;
    app.advance(TimeDelta::days(10));
    let query = "query($after: String) { waste(first: 3, after: $after) { totalCount
        pageInfo { hasNextPage endCursor }
        nodes { endorsement { title } channel { slug } days score usableSince } } }";
    let page = async |after: &Json| {
        let answer = app.ask(&app.admin, query, json!({ "after": after })).await;
        answer.data()["waste"].clone()
    };
    let mut after = Json::Null;
    let mut seen = Vec::new();
    loop {
        let found = page(&after).await;
        assert_eq!(found["totalCount"], 8);
        for gap in found["nodes"].as_array().unwrap() {
            assert_eq!(gap["days"], 10);
            assert_eq!(gap["usableSince"], START.to_rfc3339());
            let of = (
                text(&gap["endorsement"]["title"]),
                text(&gap["channel"]["slug"]),
            );
            seen.push((of, gap["score"].as_f64().unwrap()));
        }
        if found["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = found["pageInfo"]["endCursor"].clone();
        // The rest of the list is as of its first page.
        app.advance(TimeDelta::days(3));
    }
    assert_eq!(
        seen[0],
        (("Known".to_owned(), "shop.gallery".to_owned()), 120.0)
    );
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted_by(|a, b| a.1 >= b.1), "{seen:?}");
    let unique: HashSet<_> = seen.iter().map(|(of, _)| of).collect();
    assert_eq!(unique.len(), 8);
    desk.app.stop().await;
}

#[tokio::test]
async fn waivers_are_checked() {
    let desk = Desk::new().await;
    let win = desk.win("It lasts", json!({})).await;
    let error = |payload: Json| {
        (
            payload["userErrors"][0]["code"].clone(),
            payload["userErrors"][0]["field"].clone(),
        )
    };
    let refused = error(
        desk.waive("endorsement_01jd3v9k5qf2n8r0m4y7x6w1zb", "site", Json::Null)
            .await,
    );
    assert_eq!(
        refused,
        (json!("NOT_FOUND"), json!(["input", "endorsement"]))
    );
    let refused = error(desk.waive(&win, "nowhere", Json::Null).await);
    assert_eq!(refused, (json!("NOT_FOUND"), json!(["input", "channel"])));
    let input = json!({ "endorsement": win, "channel": "site", "reason": " " });
    let admin = &desk.app.admin;
    let refused = error(desk.app.mutate_as(admin, "waiveGap", input, "").await);
    assert_eq!(refused, (json!("REQUIRED"), json!(["input", "reason"])));
    // A waiver above holds below, and one that has ended holds nothing.
    desk.waive(&win, "shop", Json::Null).await;
    assert_eq!(
        desk.states(&win, json!({})).await,
        all(["WAIVED", "WAIVED", "WAIVED", "GAP", "GAP"])
    );
    desk.waive(&win, "shop", json!(START.to_rfc3339())).await;
    assert_eq!(desk.states(&win, json!({})).await["shop.text"], "GAP");
    desk.app.stop().await;
}

/// Whatever happens: what is remembered is what is worked out anew, now and later, and each cell is what the
/// gate and the placements say one by one.
#[tokio::test]
async fn cells_are_what_gate_and_placements_say() {
    for seed in 0..3 {
        let desk = Desk::new().await;
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut wins = Vec::new();
        for i in 0..4 {
            let tagged: Vec<&str> = PLACES
                .iter()
                .copied()
                .filter(|_| rng.random_bool(0.6))
                .collect();
            wins.push(
                desk.win(&format!("Win {i}"), json!({ "channels": tagged }))
                    .await,
            );
        }
        let mut placed: Vec<Json> = Vec::new();
        for _ in 0..14 {
            let (win, place) = (
                wins.choose(&mut rng).unwrap(),
                *PLACES.choose(&mut rng).unwrap(),
            );
            turn(&desk, &mut rng, (win, place), &mut placed).await;
            let found = desk.coverage(json!({})).await;
            for win in &wins {
                check(&desk, &found, win, seed).await;
            }
        }
        desk.app.stop().await;
    }
}

async fn turn(desk: &Desk, rng: &mut SmallRng, (win, place): (&str, &str), placed: &mut Vec<Json>) {
    let app = &desk.app;
    let admin = &app.admin;
    match rng.random_range(0..8) {
        0 | 1 => {
            let status = *["PLANNED", "LIVE"].choose(rng).unwrap();
            let input =
                json!({ "content": win, "channel": place, "status": status, "location": "there" });
            let made = app
                .mutate_as(admin, "createPlacement", input, "placement { id }")
                .await;
            if made["userErrors"] == json!([]) {
                placed.push(made["placement"]["id"].clone());
            }
        }
        2 => {
            if let Some(placement) = placed.choose(rng) {
                let status = *["LIVE", "RETIRED"].choose(rng).unwrap();
                let input = json!({ "placement": placement, "status": status });
                app.mutate_as(admin, "updatePlacement", input, "").await;
            }
        }
        3 => {
            desk.waive(win, place, json!(TestApp::day(rng.random_range(1..9))))
                .await;
        }
        4 => {
            let access = *["ALLOW", "DENY"].choose(rng).unwrap();
            let start = rng.random_range(0..5);
            let input = json!({ "contents": [win], "access": access, "channels": [place],
                "startsAt": TestApp::day(start), "endsAt": TestApp::day(start + 3) });
            app.mutate_as(admin, "createLease", input, "").await;
        }
        5 => {
            let input = json!({ "endorsement": win, "wording": { "statements": [
                { "locale": "en", "headline": "Anew", "quote": "It lasts." }] } });
            app.mutate_as(admin, "addEndorsementVersion", input, "")
                .await;
            app.approve(win).await;
        }
        6 => {
            let rules = json!([{ "check": "MAX_OUTLET_TIER", "value": rng.random_range(1..=2) }]);
            let tier = json!({ "outlet": desk.outlet, "tier": rng.random_range(1..=2) });
            app.mutate(
                "updateChannel",
                json!({ "channel": place, "rules": rules }),
                "",
            )
            .await;
            app.mutate("updateOutlet", tier, "").await;
        }
        _ => app.advance(TimeDelta::hours(rng.random_range(1..60))),
    }
}

/// A win's cells against the gate and its placements, asked for one by one.
async fn check(desk: &Desk, coverage: &Json, win: &str, seed: u64) {
    let fields: Vec<String> = PLACES
        .iter()
        .enumerate()
        .map(|(i, place)| {
            format!("a{i}: availability(channel: \"{place}\") {{ available holds {{ reason }} }}")
        })
        .collect();
    let query = format!(
        "query($id: ID!) {{ node(id: $id) {{ ... on Endorsement {{ version {{ id }} {}
            placements(first: 100, status: [PLANNED, LIVE]) {{ nodes {{ status stale channel {{ slug }} }} }} }} }} }}",
        fields.join(" ")
    );
    let found = desk
        .app
        .ask(&desk.app.admin, &query, json!({ "id": win }))
        .await
        .data();
    let node = &found["node"];
    let states = states(coverage, win);
    for (i, place) in PLACES.iter().enumerate() {
        if *place == "shop" {
            let order = [
                "BREACH", "STALE", "LIVE", "PLANNED", "WAIVED", "GAP", "BLOCKED",
            ];
            let rank = |place: &str| {
                order
                    .iter()
                    .position(|state| states[place] == **state)
                    .unwrap()
            };
            assert!(
                rank("shop") <= rank("shop.gallery").min(rank("shop.text")),
                "{seed}: {states:?}"
            );
            continue;
        }
        let here = node["placements"]["nodes"].as_array().unwrap().iter();
        let here: Vec<&Json> = here
            .filter(|placement| placement["channel"]["slug"] == *place)
            .collect();
        let live: Vec<&&Json> = here
            .iter()
            .filter(|placement| placement["status"] == "LIVE")
            .collect();
        let answer = &node[format!("a{i}")];
        let holds = answer["holds"].as_array().unwrap();
        let usable = holds.iter().all(|hold| hold["reason"] == "NOT_TAGGED");
        // What is placed is judged by its own version; here all versions say the same.
        let wanted: &[&str] = if !live.is_empty() && answer["available"] == false {
            &["BREACH"]
        } else if live.iter().any(|placement| placement["stale"] == true) {
            &["STALE"]
        } else if !live.is_empty() {
            &["LIVE"]
        } else if !here.is_empty() {
            &["PLANNED"]
        } else if usable {
            &["GAP", "WAIVED"]
        } else {
            &["BLOCKED"]
        };
        let state = states[*place].as_str();
        assert!(
            wanted.contains(&state),
            "{seed}: {win} in {place} is {state}, not {wanted:?}: {node:#}"
        );
    }
}
