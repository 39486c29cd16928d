//! Contents do what a small model of them does, whatever is tried on them, by whom and in which order.

mod model;
mod turns;

use std::cell::RefCell;
use std::collections::BTreeMap;

use accolade::testing::TestDatabase;
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use self::model::{Content, Expected, Kind, Step, Who};
use self::turns::{NEWEST, Turn, turn};
use crate::support::{TestApp, png, runner, runtime};

/// A content as the model has it, and the ids of its parts in their order.
struct Known {
    model: Content,
    id: String,
    versions: Vec<String>,
    placements: Vec<String>,
}

/// What the log must say of a success: what was done, to what, by whom.
type Entry = (String, String, String);

struct World {
    app: TestApp,
    /// The tokens' secrets and ids.
    people: [(String, String); 2],
    contents: Vec<Known>,
    log: Vec<Entry>,
    /// How many entries there were before the first turn.
    before: usize,
    today: i64,
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        app.channel("site", json!({})).await;
        let outlet = app.outlet("Trailbench", json!({})).await;
        let mut people = Vec::new();
        for name in ["Anna", "Bert"] {
            let token = json!({ "name": name, "scopes": ["WRITE", "REVIEW"] });
            let made = app
                .mutate("createAccessToken", token, "secret token { id }")
                .await;
            people.push((text(&made["secret"]), text(&made["token"]["id"])));
        }
        let people: [_; 2] = people.try_into().unwrap();
        let (anna, bert) = (people[0].0.clone(), people[1].0.clone());
        let asset =
            json!({ "brand": "north", "title": "A", "text": "Words", "channels": ["site"] });
        let asset = app
            .mutate_as(&anna, "createAsset", asset, "asset { id }")
            .await;
        let win = json!({ "brand": "north", "title": "E", "outlet": outlet, "kind": "QUOTE", "channels": ["site"],
            "publishedOn": "2026-05-01", "wording": wording() });
        let win = app
            .mutate_as(&bert, "createEndorsement", win, "endorsement { id }")
            .await;
        let (asset, win) = (text(&asset["asset"]["id"]), text(&win["endorsement"]["id"]));
        let proof = json!({ "endorsement": win, "file": { "upload": null } });
        let file = ("page.png", png(4, 4, 9));
        app.upload_as(&anna, "addEvidence", proof, "", "file.upload", file)
            .await;
        let mut this = Self {
            contents: Vec::new(),
            before: 0,
            log: Vec::new(),
            today: 0,
            app,
            people,
        };
        for (id, kind, author) in [
            (asset, Kind::Asset, Who::Anna),
            (win, Kind::Endorsement, Who::Bert),
        ] {
            let seen = this.look(&id).await;
            let model = Content::new(kind, author, seen["revision"].as_i64().unwrap());
            let versions = vec![text(&seen["latestVersion"]["id"])];
            this.contents.push(Known {
                model,
                id,
                versions,
                placements: Vec::new(),
            });
        }
        this.before = this.entries().await.len();
        this
    }

    fn person(&self, who: Who) -> &(String, String) {
        &self.people[usize::from(who == Who::Bert)]
    }

    async fn look(&self, id: &str) -> Json {
        let asked = self
            .app
            .ask(&self.app.admin, CONTENT, json!({ "id": id }))
            .await;
        asked.data()["node"].clone()
    }

    /// The whole log, the oldest first.
    async fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut after = Json::Null;
        loop {
            let page = self
                .app
                .ask(&self.app.admin, LOG, json!({ "after": after }))
                .await
                .data();
            for entry in page["auditLog"]["nodes"].as_array().unwrap() {
                let actor = entry["actor"]["id"].as_str().unwrap_or_default();
                entries.push((
                    text(&entry["action"]),
                    text(&entry["subject"]["id"]),
                    actor.to_owned(),
                ));
            }
            after = page["auditLog"]["pageInfo"]["endCursor"].clone();
            if page["auditLog"]["pageInfo"]["hasNextPage"] == false {
                entries.reverse();
                return entries;
            }
        }
    }

    /// Tries a turn; the code of what it came to. None where there is nothing to try it on.
    async fn play(&mut self, turn: &Turn) -> Option<String> {
        self.app.advance(TimeDelta::days(turn.days));
        self.today += turn.days;
        let known = &self.contents[turn.content];
        let (who, step) = match &turn.step {
            Some(step) => (turn.who, known.settle(step)?),
            None => known.due(turn.who),
        };
        let (name, input, select) = known.call(&step);
        let (secret, person) = self.person(who).clone();
        let payload = self.app.mutate_as(&secret, name, input, select).await;
        let outcome = TestApp::outcome(&payload).to_owned();

        let today = self.today;
        let known = &mut self.contents[turn.content];
        let expected = known.model.take(&step, who, today);
        assert_eq!(
            outcome,
            expected.err().unwrap_or("OK"),
            "{turn:?} on day {today}: {payload:#}"
        );
        if expected.is_err() {
            return Some(outcome);
        }
        match &step {
            Step::Add { .. } => known.versions.push(text(&payload["version"]["id"])),
            Step::Place { .. } => known.placements.push(text(&payload["placement"]["id"])),
            _ => {}
        }
        let subject = known.subject(&step);
        self.log.push((name.to_owned(), subject, person));
        Some(outcome)
    }

    /// All that can be read is what the model says.
    async fn compare(&self) {
        for known in &self.contents {
            assert_eq!(self.look(&known.id).await, self.expected(known));
        }
        assert_eq!(self.entries().await[self.before..], self.log);
    }

    fn expected(&self, known: &Known) -> Json {
        let model = &known.model;
        let version = |at: usize| json!({ "id": known.versions[at], "number": at + 1 });
        let day = |day: Option<i64>| day.map(TestApp::day);
        let versions = model.versions.iter().enumerate().rev().map(|(at, v)| {
            json!({ "id": known.versions[at], "number": at + 1, "state": v.state,
                "author": { "id": self.person(v.author).1 } })
        });
        let placements = model.placements.iter().enumerate().rev().map(|(at, p)| {
            let stale = p.status == "LIVE" && model.current() != Some(p.version);
            json!({ "id": known.placements[at], "status": p.status, "stale": stale, "version": version(p.version) })
        });
        json!({
            "status": model.status(self.today),
            "revision": model.revision,
            "releaseAt": day(model.release),
            "expireAt": day(model.expire),
            "version": model.current().map(version),
            "latestVersion": version(model.versions.len() - 1),
            "versions": { "totalCount": model.versions.len(), "nodes": versions.collect::<Vec<_>>() },
            "placements": { "nodes": placements.collect::<Vec<_>>() },
        })
    }
}

impl Known {
    /// The step with places that are there.
    fn settle(&self, step: &Step) -> Option<Step> {
        let among = |at: usize, len: usize| match (at, len) {
            (_, 0) => None,
            (NEWEST, len) => Some(len - 1),
            (at, len) => Some(at % len),
        };
        let mut step = step.clone();
        match &mut step {
            Step::Submit { version }
            | Step::Recall { version }
            | Step::Approve { version }
            | Step::RequestChanges { version }
            | Step::WithdrawVersion { version } => *version = among(*version, self.versions.len())?,
            Step::GoLive { placement } | Step::Retire { placement } => {
                *placement = among(*placement, self.placements.len())?;
            }
            _ => {}
        }
        Some(step)
    }

    /// What comes next for the newest version, and who may do it.
    fn due(&self, who: Who) -> (Who, Step) {
        let version = self.versions.len() - 1;
        let newest = &self.model.versions[version];
        match newest.state {
            "DRAFT" => (newest.author, Step::Submit { version }),
            "IN_REVIEW" => (newest.author.other(), Step::Approve { version }),
            "APPROVED" => (who, Step::Place { live: true }),
            _ => (
                who,
                Step::Add {
                    expected: Expected::Any,
                },
            ),
        }
    }

    /// The mutation that tries the step: its name, its input and what to ask of its payload.
    fn call(&self, step: &Step) -> (&'static str, Json, &'static str) {
        let reason = "It is wrong";
        let version = |at: usize| json!({ "version": self.versions[at] });
        let content = || json!({ "id": self.id });
        match *step {
            Step::Add { expected } => self.add(expected),
            Step::Submit { version: at } => ("submitVersion", version(at), ""),
            Step::Recall { version: at } => ("recallVersion", version(at), ""),
            Step::Approve { version: at } => {
                let input = json!({ "version": self.versions[at], "decision": "APPROVE" });
                ("reviewVersion", input, "")
            }
            Step::RequestChanges { version: at } => {
                let input = json!({ "version": self.versions[at], "decision": "REQUEST_CHANGES", "note": reason });
                ("reviewVersion", input, "")
            }
            Step::WithdrawVersion { version: at } => (
                "withdrawVersion",
                json!({ "version": self.versions[at], "reason": reason }),
                "",
            ),
            Step::Withdraw => (
                "withdrawContent",
                json!({ "id": self.id, "reason": reason }),
                "",
            ),
            Step::NotSaidAnyMore => {
                let input = json!({ "endorsement": self.id, "stillSaid": false, "note": reason });
                ("recheckEndorsement", input, "")
            }
            Step::Archive => ("archiveContent", content(), ""),
            Step::Restore => ("restoreContent", content(), ""),
            Step::Trash => ("trashContent", content(), ""),
            Step::Schedule {
                stale,
                release,
                expire,
            } => {
                let revision = self.model.revision - i64::from(stale);
                let input = json!({ "id": self.id, "revision": revision,
                    "releaseAt": release.map(TestApp::day), "expireAt": expire.map(TestApp::day) });
                ("updateContent", input, "")
            }
            Step::Place { live } => {
                let status = if live { "LIVE" } else { "PLANNED" };
                let input = json!({ "content": self.id, "channel": "site", "location": "top", "status": status });
                ("createPlacement", input, "placement { id }")
            }
            Step::GoLive { placement } => (
                "updatePlacement",
                json!({ "placement": self.placements[placement], "status": "LIVE" }),
                "",
            ),
            Step::Retire { placement } => (
                "updatePlacement",
                json!({ "placement": self.placements[placement], "status": "RETIRED" }),
                "",
            ),
        }
    }

    fn add(&self, expected: Expected) -> (&'static str, Json, &'static str) {
        let (name, mut input) = match self.model.kind {
            Kind::Asset => (
                "addAssetVersion",
                json!({ "asset": self.id, "text": "Other words" }),
            ),
            Kind::Endorsement => (
                "addEndorsementVersion",
                json!({ "endorsement": self.id, "wording": wording() }),
            ),
        };
        match expected {
            Expected::Any => {}
            Expected::Next => input["expectedNumber"] = json!(self.versions.len() + 1),
            Expected::Stale => input["expectedNumber"] = json!(self.versions.len()),
        }
        (name, input, "version { id }")
    }

    /// What the log names for a step that was taken.
    fn subject(&self, step: &Step) -> String {
        match *step {
            Step::Submit { version }
            | Step::Recall { version }
            | Step::Approve { version }
            | Step::RequestChanges { version }
            | Step::WithdrawVersion { version } => self.versions[version].clone(),
            Step::Add { .. } if self.model.kind == Kind::Endorsement => {
                self.versions[self.versions.len() - 1].clone()
            }
            Step::Place { .. } => self.placements[self.placements.len() - 1].clone(),
            Step::GoLive { placement } | Step::Retire { placement } => {
                self.placements[placement].clone()
            }
            _ => self.id.clone(),
        }
    }
}

fn wording() -> Json {
    json!({ "statements": [{ "locale": "en", "headline": "It lasts" }] })
}

const CONTENT: &str = "query($id: ID!) { node(id: $id) { ... on Content {
    status revision releaseAt expireAt version { id number } latestVersion { id number }
    versions(first: 100) { totalCount nodes { id number state author { ... on AccessToken { id } } } }
    placements(first: 100) { nodes { id status stale version { id number } } }
} } }";

const LOG: &str = "query($after: String) { auditLog(first: 100, after: $after) {
    nodes { action subject { id } actor { ... on AccessToken { id } } } pageInfo { hasNextPage endCursor }
} }";

#[test]
fn whatever_is_tried_on_contents_they_do_what_the_model_does() {
    let seen: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let turns = prop::collection::vec(turn(), 1..=40);
    // A database for each sequence takes its time where each is made by a server.
    let is_shared = runtime().block_on(async {
        let database = TestDatabase::create().await;
        let is_shared = database.is_shared();
        database.remove().await;
        is_shared
    });
    let cases = if is_shared { 8 } else { 24 };
    let tried = runner("lifecycle", cases).run(&turns, |turns| {
        runtime().block_on(async {
            let mut world = World::new().await;
            for turn in &turns {
                if let Some(outcome) = world.play(turn).await {
                    *seen.borrow_mut().entry(outcome).or_default() += 1;
                }
            }
            world.compare().await;
            world.app.stop().await;
        });
        Ok(())
    });
    if let Err(failure) = tried {
        panic!("{failure}");
    }
    let seen = seen.into_inner();
    eprintln!("lifecycle: {seen:?}");
    // Sequences that never get anywhere try nothing; few may not get everywhere.
    for code in [
        "OK",
        "FORBIDDEN_TRANSITION",
        "SELF_REVIEW",
        "CONFLICT",
        "IN_USE",
        "NOT_AVAILABLE",
    ] {
        assert!(
            is_shared || seen.contains_key(code),
            "no turn came to {code}: {seen:?}"
        );
    }
}
