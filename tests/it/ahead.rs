//! What is to come: rights that end, and what other rules would change.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp};

/// `shop` with two slots, and `site`.
const PLACES: [&str; 4] = ["shop", "shop.gallery", "shop.text", "site"];

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

fn ids(nodes: &Json) -> BTreeSet<String> {
    let nodes = nodes.as_array().unwrap().iter();
    nodes.map(|node| text(&node["id"])).collect()
}

fn set<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

struct Desk {
    app: TestApp,
    outlet: String,
}

impl Desk {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        app.product("north", "L-1").await;
        app.product("north", "L-2").await;
        for place in PLACES {
            let more = match place.split_once('.') {
                Some((parent, _)) => json!({ "parent": parent }),
                None => json!({}),
            };
            app.channel(place, more).await;
        }
        let outlet = app.outlet("Lantern Weekly", json!({})).await;
        Self { app, outlet }
    }

    async fn win(&self, title: &str, more: Json) -> String {
        let mut all = json!({ "channels": ["shop", "site"] });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.app
            .endorsement("north", title, &self.outlet, all)
            .await
    }

    /// A placement that is live; none where it may not be.
    async fn live(&self, content: &str, channel: &str, more: Json) -> Option<String> {
        let mut input = json!({ "content": content, "channel": channel, "status": "LIVE", "location": "there" });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let app = &self.app;
        let made = app
            .mutate_as(&app.admin, "createPlacement", input, "placement { id }")
            .await;
        made["placement"]["id"].as_str().map(str::to_owned)
    }

    async fn endings(&self, arguments: &str) -> Vec<Json> {
        let query = format!(
            "{{ rightsEnding({arguments}) {{ lease {{ id }} endsAt content {{ id }} placements {{ id }} placementCount
                replacements {{ id }} }} }}"
        );
        let found = self.app.query(&query).await["rightsEnding"].clone();
        let endings = found.as_array().unwrap().clone();
        for ending in &endings {
            let told = ending["placements"].as_array().unwrap().len();
            assert_eq!(ending["placementCount"], told);
        }
        endings
    }

    /// Whether the gate lets a content out in a channel at an instant.
    async fn is_open(&self, content: &str, channel: &str, at: &str) -> bool {
        let query =
            "query($id: ID!, $channel: ID!, $at: DateTime) { node(id: $id) { ... on Content {
            availability(channel: $channel, at: $at) { available } } } }";
        let variables = json!({ "id": content, "channel": channel, "at": at });
        let found = self.app.ask(&self.app.admin, query, variables).await.data();
        found["node"]["availability"]["available"] == true
    }
}

/// Which leases and contents end, in their order.
fn ends(endings: &[Json]) -> Vec<String> {
    let name = |ending: &Json| match ending["lease"]["id"].as_str() {
        Some(lease) => lease.to_owned(),
        None => text(&ending["content"]["id"]),
    };
    endings.iter().map(name).collect()
}

#[tokio::test]
async fn an_ending_right_tells_what_is_live_because_of_it_and_what_could_replace_it() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let badge = app
        .asset("north", "Badge", json!({ "channels": ["shop"] }))
        .await;
    let win = desk
        .win(
            "It lasts",
            json!({ "assets": [badge], "products": ["L-1"] }),
        )
        .await;
    let lease = app
        .lease(&[&win], json!({ "endsAt": TestApp::day(10) }))
        .await;
    let placed = [
        desk.live(&win, "shop.text", json!({ "product": "L-1" }))
            .await
            .unwrap(),
        desk.live(&badge, "shop.gallery", json!({})).await.unwrap(),
        desk.live(&win, "site", json!({})).await.unwrap(),
    ];
    // Of the four that could replace it one is about another product, one ends sooner, and one is an asset.
    let best = desk.win("It shines", json!({ "products": ["L-1"] })).await;
    let small = app.outlet("Nobody knows it", json!({ "tier": 3 })).await;
    let general = app
        .endorsement(
            "north",
            "It is nice",
            &small,
            json!({ "channels": ["shop", "site"] }),
        )
        .await;
    desk.win("About another", json!({ "products": ["L-2"] }))
        .await;
    let brief = desk
        .win(
            "Not for long",
            json!({ "products": ["L-1"], "expireAt": TestApp::day(9) }),
        )
        .await;
    app.asset("north", "Picture", json!({ "channels": ["shop", "site"] }))
        .await;

    let found = desk.endings("withinDays: 10").await;
    assert_eq!(
        ends(&found),
        [brief.clone(), lease.clone()],
        "the soonest first"
    );
    let ending = &found[1];
    assert_eq!(ending["endsAt"], json!(TestApp::day(10)));
    assert_eq!(ending["content"]["id"], json!(win));
    assert_eq!(
        ids(&ending["placements"]),
        set([&placed[0], &placed[1], &placed[2]])
    );
    let replacements: Vec<String> = ending["replacements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| text(&c["id"]))
        .collect();
    assert_eq!(replacements, [best, general], "the best first");
    assert_eq!(found[0]["lease"], Json::Null);

    // By days, channel, win, and at another instant.
    assert_eq!(ends(&desk.endings("withinDays: 9").await), from_ref(&brief));
    let site = desk
        .endings("withinDays: 10, filter: { channels: [\"site\"] }")
        .await;
    assert_eq!(ids(&site[1]["placements"]), set([&placed[2]]));
    let two = desk
        .endings("withinDays: 10, filter: { products: [\"L-2\"] }")
        .await;
    assert_eq!(two, Vec::<Json>::new());
    let live = desk
        .endings("withinDays: 10, filter: { states: [LIVE] }")
        .await;
    assert_eq!(ends(&live), from_ref(&lease));
    let none = desk
        .endings("withinDays: 10, filter: { channels: [] }")
        .await;
    assert_eq!(none, Vec::<Json>::new());
    let later = format!("withinDays: 1, filter: {{ at: \"{}\" }}", TestApp::day(9));
    assert_eq!(ends(&desk.endings(&later).await), from_ref(&lease));
    for days in ["-1", "3651"] {
        let query = format!("{{ rightsEnding(withinDays: {days}) {{ endsAt }} }}");
        assert_eq!(
            app.ask(&app.admin, &query, json!({})).await.code(),
            "BAD_REQUEST"
        );
    }

    // Another lease that goes on leaves nothing to tell; one for a part of it leaves the rest.
    let partly = json!({ "channels": ["shop.text"], "startsAt": TestApp::day(10) });
    app.lease(&[&win], partly).await;
    let found = desk.endings("withinDays: 10").await;
    assert_eq!(ids(&found[1]["placements"]), set([&placed[1], &placed[2]]));
    app.lease(&[&win], json!({ "endsAt": TestApp::day(40) }))
        .await;
    assert_eq!(ends(&desk.endings("withinDays: 10").await), [brief]);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_is_told_of_ends_is_bounded_and_takes_as_many_statements_for_many_as_for_one() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let mut drafts = Vec::new();
    for i in 0..260 {
        drafts.push(app.copy("north", &format!("Text {i}")).await);
    }
    let counted = async || {
        let before = app.app.db.statements();
        let found = desk.endings("withinDays: 30").await.len();
        (found, app.app.db.statements() - before)
    };
    app.lease(&[&drafts[0]], json!({ "endsAt": TestApp::day(3) }))
        .await;
    counted().await;
    let one = counted().await;
    let many: Vec<&str> = drafts[1..100].iter().map(String::as_str).collect();
    app.lease(&many, json!({ "endsAt": TestApp::day(5) })).await;
    assert_eq!(one.0, 1);
    // As before: the first to ask reads what nobody has read yet.
    counted().await;
    assert_eq!(counted().await, (100, one.1));
    let most: Vec<&str> = drafts[100..].iter().map(String::as_str).collect();
    app.lease(&most, json!({ "endsAt": TestApp::day(4) })).await;
    let found = desk.endings("withinDays: 30").await;
    assert_eq!(found.len(), 250);
    assert_eq!(
        (&found[0]["endsAt"], &found[249]["endsAt"]),
        (&json!(TestApp::day(3)), &json!(TestApp::day(5)))
    );
    desk.app.stop().await;
}

/// A lease, as the test has made it.
struct Lent {
    id: String,
    win: String,
    channels: Vec<&'static str>,
    start: i64,
    end: i64,
}

impl Lent {
    fn covers(&self, place: &str) -> bool {
        let under = |channel: &&str| place == *channel || place.starts_with(&format!("{channel}."));
        self.channels.is_empty() || self.channels.iter().any(under)
    }

    /// Whether another lease of the content covers all of it at its end.
    fn goes_on(&self, all: &[Self]) -> bool {
        let others = || {
            all.iter().filter(|other| {
                other.win == self.win
                    && other.id != self.id
                    && other.start <= self.end
                    && other.end > self.end
            })
        };
        if self.channels.is_empty() {
            return others().any(|other| other.channels.is_empty());
        }
        self.channels
            .iter()
            .all(|place| others().any(|other| other.covers(place)))
    }
}

#[tokio::test]
async fn what_is_live_because_of_a_lease_is_what_the_gate_holds_from_its_end_on() {
    for seed in 0..3 {
        let desk = Desk::new().await;
        let app = &desk.app;
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut leases: Vec<Lent> = Vec::new();
        let mut live: Vec<[String; 4]> = Vec::new();
        for i in 0..4 {
            let badge = app
                .asset(
                    "north",
                    &format!("Badge {i}"),
                    json!({ "channels": ["shop", "site"] }),
                )
                .await;
            let win = desk
                .win(&format!("Win {i}"), json!({ "assets": [badge] }))
                .await;
            for _ in 0..rng.random_range(1..5) {
                let (start, days) = (rng.random_range(-3..4), rng.random_range(1..8));
                let end = start + days;
                let channels: Vec<&str> = PLACES
                    .into_iter()
                    .filter(|_| rng.random_bool(0.4))
                    .collect();
                let more = json!({ "channels": channels, "startsAt": TestApp::day(start), "endsAt": TestApp::day(end) });
                let id = app.lease(&[&win], more).await;
                leases.push(Lent {
                    id,
                    win: win.clone(),
                    channels,
                    start,
                    end,
                });
            }
            for place in PLACES {
                for content in [&win, &badge] {
                    if let Some(id) = desk.live(content, place, json!({})).await {
                        live.push([id, win.clone(), content.clone(), place.to_owned()]);
                    }
                }
            }
            if rng.random_bool(0.5) {
                let channels = [*PLACES.choose(&mut rng).unwrap()];
                let deny = json!({ "contents": [win], "access": "DENY", "channels": channels, "startsAt": TestApp::day(2) });
                app.mutate("createLease", deny, "").await;
            }
        }
        let mut expected = BTreeMap::new();
        for lease in leases.iter().filter(|lease| lease.end > 0) {
            let end = START.plus_days(lease.end);
            let (just_before, end) = (end.plus_ms(-1).to_rfc3339(), end.to_rfc3339());
            let mut placed = BTreeSet::new();
            for [id, win, content, place] in &live {
                if *win == lease.win
                    && lease.covers(place)
                    && desk.is_open(content, place, &TestApp::day(0)).await
                    && desk.is_open(content, place, &just_before).await
                    && !desk.is_open(content, place, &end).await
                {
                    placed.insert(id.clone());
                }
            }
            if !placed.is_empty() || !lease.goes_on(&leases) {
                expected.insert(lease.id.clone(), placed);
            }
        }
        let found = desk.endings("withinDays: 30").await;
        let told = found
            .iter()
            .map(|ending| (text(&ending["lease"]["id"]), ids(&ending["placements"])));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), expected, "{seed}");
        assert!(
            found.is_sorted_by_key(|ending| text(&ending["endsAt"])),
            "{seed}"
        );
        desk.app.stop().await;
    }
}

const IMPACT: &str = "query($channel: ID!, $rules: [ChannelRuleInput!]!) {
    ruleImpact(channel: $channel, rules: $rules) { newlyBlocked { id } newlyBlockedCount newlyAvailable { id }
        newlyAvailableCount placementsInBreach { id } placementsInBreachCount } }";

#[tokio::test]
async fn the_impact_of_rules_is_what_happens_when_they_are_set() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let mut rng = SmallRng::seed_from_u64(7);
    let mut contents = Vec::new();
    for i in 0..5 {
        let outlet = app
            .outlet(&format!("Outlet {i}"), json!({ "tier": i % 4 + 1 }))
            .await;
        let channels: Vec<&str> = PLACES
            .into_iter()
            .filter(|_| rng.random_bool(0.5))
            .collect();
        let more = json!({ "channels": channels });
        contents.push(
            app.endorsement("north", &format!("Win {i}"), &outlet, more.clone())
                .await,
        );
        contents.push(app.asset("north", &format!("Picture {i}"), more).await);
    }
    let mut live = Vec::new();
    for content in &contents {
        for place in PLACES {
            if let Some(id) = desk.live(content, place, json!({})).await {
                live.push((id, content.clone(), place));
            }
        }
    }
    assert!(!live.is_empty());
    let open = async || {
        let mut open = BTreeSet::new();
        for content in &contents {
            for place in PLACES {
                if desk.is_open(content, place, &TestApp::day(0)).await {
                    open.insert((content.clone(), place));
                }
            }
        }
        open
    };
    let mut before = open().await;
    let mut changed = 0;
    for turn in 0..10 {
        let channel = *PLACES.choose(&mut rng).unwrap();
        let all = [
            json!({ "check": "MAX_OUTLET_TIER", "value": rng.random_range(1..=3) }),
            json!({ "check": "MIN_WIDTH", "value": rng.random_range(600..1800) }),
        ];
        let rules: Vec<&Json> = all.iter().filter(|_| rng.random_bool(0.6)).collect();
        let variables = json!({ "channel": channel, "rules": rules });
        let told = app.ask(&app.admin, IMPACT, variables).await.data()["ruleImpact"].clone();
        assert_eq!(open().await, before, "{turn}: nothing is saved");
        let input = json!({ "channel": channel, "rules": rules });
        app.mutate("updateChannel", input, "").await;
        let after = open().await;
        let of = |pairs: BTreeSet<&(String, &'static str)>| {
            pairs
                .iter()
                .map(|(content, _)| content.clone())
                .collect::<BTreeSet<_>>()
        };
        let (blocked, available) = (
            of(before.difference(&after).collect()),
            of(after.difference(&before).collect()),
        );
        let was_open = |content: &String, place| before.contains(&(content.clone(), place));
        let in_breach: BTreeSet<String> = live
            .iter()
            .filter(|(_, content, place)| {
                was_open(content, *place) && !after.contains(&(content.clone(), *place))
            })
            .map(|(id, _, _)| id.clone())
            .collect();
        changed += blocked.len() + available.len();
        for (list, expected) in [
            ("newlyBlocked", blocked),
            ("newlyAvailable", available),
            ("placementsInBreach", in_breach),
        ] {
            assert_eq!(
                told[format!("{list}Count")],
                expected.len(),
                "{turn}: {list}"
            );
            assert_eq!(ids(&told[list]), expected, "{turn}: {list}");
        }
        before = after;
    }
    assert!(changed > 5, "the rules have changed {changed}");
    desk.app.stop().await;
}

#[tokio::test]
async fn rules_that_could_not_be_set_have_no_impact_but_an_error() {
    let desk = Desk::new().await;
    let app = &desk.app;
    let ask = async |token: &str, channel: &str, rules: Json| {
        app.ask(token, IMPACT, json!({ "channel": channel, "rules": rules }))
            .await
    };
    let wrong =
        json!([{ "check": "MIN_WIDTH", "value": 100 }, { "check": "MIN_WIDTH", "value": "wide" }]);
    let answer = ask(&app.admin, "shop", wrong.clone()).await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    let message = text(&answer.body["errors"][0]["message"]);
    let refused = app
        .mutate_as(
            &app.admin,
            "updateChannel",
            json!({ "channel": "shop", "rules": wrong }),
            "",
        )
        .await;
    let mutation = text(&refused["userErrors"][0]["message"]);
    assert_eq!(message, format!("`rules.1.value`: {mutation}"));
    let many = json!(vec![json!({ "check": "MIN_WIDTH", "value": 100 }); 251]);
    assert_eq!(ask(&app.admin, "shop", many).await.code(), "BAD_REQUEST");
    assert_eq!(
        ask(&app.admin, "nowhere", json!([])).await.code(),
        "NOT_FOUND"
    );
    let site = app.token(&["READ"], &[], &["site"]).await;
    assert_eq!(ask(&site, "shop", json!([])).await.code(), "NOT_FOUND");
    assert_eq!(ask(&site, "site", json!([])).await.code(), "none");
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    assert_eq!(ask(&public, "site", json!([])).await.code(), "FORBIDDEN");
    // Rules that hold already change nothing; a suggestion for a request is what goes out now.
    let win = desk.win("It lasts", json!({})).await;
    let asked = json!({ "title": "Something for the shop", "channel": "shop" });
    let select = "request { suggestions { id } }";
    let payload = app.mutate("createRequest", asked, select).await;
    assert_eq!(payload["request"]["suggestions"], json!([{ "id": win }]));
    let about = json!({ "title": "Another", "channel": "shop", "content": win });
    let payload = app.mutate("createRequest", about, select).await;
    assert_eq!(payload["request"]["suggestions"], json!([]));
    let nowhere = app
        .mutate("createRequest", json!({ "title": "Anything" }), select)
        .await;
    assert_eq!(nowhere["request"]["suggestions"], json!([]));
    desk.app.stop().await;
}
