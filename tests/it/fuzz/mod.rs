//! Whatever is sent, the server answers: never with a fault of its own, never never, and what it refuses has
//! changed nothing.
//!
//! What is sent is random but for its seed; see [`runner`] for how to begin elsewhere and try more.

mod bodies;
mod documents;
mod tape;
mod values;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use self::bodies::{Raw, raw};
use self::documents::{Document, Writer};
use self::tape::Tape;
use self::values::Pool;
use crate::support::{Schema, TestApp, runner, runtime};

/// Nothing takes so long, on however slow a machine, unless it hangs.
const HANGS: Duration = Duration::from_secs(30);

/// What no answer tells: words of our inside.
const INSIDE: [&str; 5] = ["panicked", "sqlx", "SELECT ", "RowNotFound", "src/"];

/// A catalogue to ask about, and what the run has seen so far.
struct Target {
    runtime: Runtime,
    app: TestApp,
    schema: Schema,
    pool: Pool,
    grant: String,
    seen: RefCell<BTreeMap<String, usize>>,
    slowest: RefCell<(Duration, String)>,
}

struct Reply {
    status: u16,
    body: Json,
}

impl Target {
    fn new() -> Self {
        let runtime = runtime();
        let (app, schema, pool, grant) = runtime.block_on(async {
            let app = TestApp::start().await;
            let (pool, grant) = catalogue(&app).await;
            let schema = Schema::read(&app).await;
            (app, schema, pool, grant)
        });
        Self {
            runtime,
            app,
            schema,
            pool,
            grant,
            seen: RefCell::default(),
            slowest: RefCell::default(),
        }
    }

    /// Tries so many cases, fewer where each statement goes over a socket.
    fn fuzz(&self, what: &str, cases: u32, tried: impl Fn(&mut Tape)) {
        let cases = if self.app.database().is_shared() {
            cases / 3
        } else {
            cases
        };
        let tapes = prop::collection::vec(any::<u8>(), 0..400);
        let outcome = runner(what, cases).run(&tapes, |bytes| {
            tried(&mut Tape::new(&bytes));
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}");
        }
        let (longest, slowest) = &*self.slowest.borrow();
        let slowest: String = slowest.chars().take(300).collect();
        eprintln!(
            "{what}: {:?}; the slowest took {longest:?}: {slowest}",
            self.seen.borrow()
        );
        // It is still there, and whole.
        self.runtime.block_on(async {
            let health = self
                .app
                .http
                .get(format!("{}/healthz", self.app.url))
                .send()
                .await
                .unwrap();
            assert_eq!(health.status(), 200);
            self.app.query("{ me { __typename } }").await;
        });
    }

    /// How often something came out so.
    fn count(&self, outcome: &str) -> usize {
        self.seen.borrow().get(outcome).copied().unwrap_or_default()
    }

    /// Sends it, and judges the answer as any answer is judged.
    fn send(&self, request: reqwest::RequestBuilder, what: &str) -> Reply {
        let started = Instant::now();
        let answered = self.runtime.block_on(async {
            let response = request.timeout(HANGS).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        });
        let took = started.elapsed();
        let (status, bytes) = match answered {
            Ok(answered) => answered,
            Err(error) => panic!("no answer within {took:?}: {error:?}\n{what}"),
        };
        if took > self.slowest.borrow().0 {
            *self.slowest.borrow_mut() = (took, what.to_owned());
        }
        let body: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(status < 500 || status == 503, "{status}: {text}\n{what}");
        let mut codes: Vec<&str> = Vec::new();
        for error in body["errors"].as_array().into_iter().flatten() {
            let code = error["extensions"]["code"].as_str();
            codes.push(code.unwrap_or_else(|| panic!("an error without a code: {error}\n{what}")));
            let message = error["message"].as_str().unwrap_or_default();
            assert!(
                !message.is_empty(),
                "an error without a message: {error}\n{what}"
            );
            let told = INSIDE.iter().find(|word| message.contains(*word));
            assert_eq!(told, None, "{message}\n{what}");
        }
        assert!(!codes.contains(&"INTERNAL"), "{text}\n{what}");
        let outcome = codes
            .first()
            .map_or_else(|| status.to_string(), |code| (*code).to_owned());
        *self.seen.borrow_mut().entry(outcome).or_default() += 1;
        Reply { status, body }
    }

    fn post(&self, document: &Document) -> Reply {
        let body = json!({ "query": document.text, "variables": document.variables });
        let request = self
            .app
            .http
            .post(format!("{}/graphql", self.app.url))
            .bearer_auth(&self.app.admin)
            .json(&body);
        let reply = self.send(request, &body.to_string());
        // GraphQL always says something that can be read.
        assert!(
            reply.body.is_object(),
            "{}: {}\n{body}",
            reply.status,
            reply.body
        );
        reply
    }

    fn state(&self) -> Json {
        self.runtime.block_on(self.app.query(STATE))
    }

    fn end(self) {
        self.runtime.block_on(self.app.stop());
    }
}

/// All that mutations change, and how many there were.
const STATE: &str = "{
    brands { id name slug color logo { id } } audiences { id name }
    products(first: 100) { totalCount nodes { id name sku } } outlets(first: 100) { totalCount nodes { id name tier } }
    channels(first: 100) { totalCount nodes { id name weight public rules { check } presets { name } } }
    assets(first: 100) { totalCount nodes { id title revision leases { id endsAt }
        placements { nodes { id status location } } usage { clicks } } }
    endorsements(first: 100) { totalCount nodes { id title revision claims { id state } evidence { id } } }
    reviewQueue { totalCount } auditLog { totalCount }
}";

/// One of everything: what it is called, and a cursor of each list.
async fn catalogue(app: &TestApp) -> (Pool, String) {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let brand = app.brand("north").await;
    let channel = app.channel("site", json!({})).await;
    let outlet = app.outlet("Trailbench", json!({})).await;
    let product = app.product("north", "NL-1").await;
    let labels = json!({ "channels": ["site"], "products": ["NL-1"], "tags": ["lantern"] });
    let asset = app.asset("north", "Lantern", labels.clone()).await;
    let draft = app.draft_asset("north", "A sketch", labels.clone()).await;
    let win = app
        .endorsement("north", "Lantern wins", &outlet, labels)
        .await;
    let lease = app.lease(&[&asset], json!({})).await;
    let placed =
        json!({ "content": asset, "channel": "site", "location": "top", "status": "LIVE" });
    let placed = app
        .mutate("createPlacement", placed, "placement { id beaconKey }")
        .await;
    // It may be revoked.
    let spare = json!({ "name": "spare", "scopes": ["READ"] });
    let spare = app.mutate("createAccessToken", spare, "token { id }").await;
    let query = "query($a: ID!, $e: ID!) {
        a: node(id: $a) { ... on Asset { version { id file { url sha256 } reviews { id } }
            history(first: 1) { nodes { id } pageInfo { endCursor } } versions(first: 1) { pageInfo { endCursor } } } }
        e: node(id: $e) { ... on Endorsement { version { id } evidence { id } } }
        assets(first: 1) { pageInfo { endCursor } } titled: assets(first: 1, orderBy: TITLE) { pageInfo { endCursor } }
        endorsements(first: 1) { pageInfo { endCursor } } auditLog(first: 1) { pageInfo { endCursor } }
        products(first: 1) { pageInfo { endCursor } } outlets(first: 1) { pageInfo { endCursor } }
        channels(first: 1) { pageInfo { endCursor } } search(query: \"lantern\", first: 1) { pageInfo { endCursor } }
    }";
    let mut found = app
        .ask(&app.admin, query, json!({ "a": asset, "e": win }))
        .await
        .data();
    // As many as one query may ask for at its root, so this one comes by itself.
    let contents = "{ channel(slug: \"site\") { contents(first: 1) { pageInfo { endCursor } } } }";
    found["channel"] = app.query(contents).await["channel"].clone();
    let mut cursors = Vec::new();
    for list in [
        "assets",
        "titled",
        "endorsements",
        "auditLog",
        "products",
        "outlets",
        "channels",
        "search",
    ] {
        cursors.push(text(&found[list]["pageInfo"]["endCursor"]));
    }
    cursors.push(text(&found["channel"]["contents"]["pageInfo"]["endCursor"]));
    for list in ["history", "versions"] {
        cursors.push(text(&found["a"][list]["pageInfo"]["endCursor"]));
    }
    let names = vec![
        asset,
        win,
        draft,
        text(&found["a"]["version"]["id"]),
        text(&found["e"]["version"]["id"]),
        text(&found["e"]["evidence"][0]["id"]),
        text(&found["a"]["version"]["reviews"][0]["id"]),
        text(&found["a"]["history"]["nodes"][0]["id"]),
        text(&placed["placement"]["id"]),
        text(&placed["placement"]["beaconKey"]),
        text(&spare["token"]["id"]),
        lease,
        brand,
        channel,
        outlet,
        product,
        "north".to_owned(),
        "site".to_owned(),
        "NL-1".to_owned(),
    ];
    let url = text(&found["a"]["version"]["file"]["url"]);
    let grant = url.rsplit('/').nth(1).unwrap().to_owned();
    (Pool { names, cursors }, grant)
}

#[test]
fn any_query_is_answered_and_changes_nothing() {
    let target = Target::new();
    let before = target.state();
    let ran = RefCell::new(0);
    target.fuzz("queries", 900, |tape| {
        let mangled = tape.one_in(6);
        let mut document = Writer::new(&target.schema, &target.pool, tape).query();
        if mangled {
            document.text = tape.mangled(&document.text);
        }
        let reply = target.post(&document);
        *ran.borrow_mut() += usize::from(reply.body["data"].is_object());
    });
    assert_eq!(target.state(), before);
    assert!(ran.into_inner() > 60, "hardly a document ran");
    target.end();
}

#[test]
fn any_mutation_is_answered_and_a_refused_one_changes_nothing() {
    let target = Target::new();
    let before = RefCell::new(target.state());
    let taken = RefCell::new(0);
    target.fuzz("mutations", 300, |tape| {
        let (name, document) = Writer::new(&target.schema, &target.pool, tape).mutation();
        let reply = target.post(&document);
        let payload = &reply.body["data"][&name];
        let done = payload["userErrors"].as_array().is_some_and(Vec::is_empty);
        *taken.borrow_mut() += usize::from(done);
        // What a payload shows may fail after the fact; only what was not begun is refused.
        let refused = reply.body.get("data").is_none()
            || payload["userErrors"]
                .as_array()
                .is_some_and(|e| !e.is_empty());
        let after = target.state();
        if refused {
            assert_eq!(
                after,
                *before.borrow(),
                "{name} was refused\n{}",
                document.variables
            );
        }
        *before.borrow_mut() = after;
    });
    eprintln!("mutations: {} were taken", taken.borrow());
    assert!(taken.into_inner() > 5, "hardly a mutation was taken");
    target.end();
}

#[test]
fn any_id_and_any_cursor_is_answered() {
    let target = Target::new();
    let before = target.state();
    let lists = [
        "assets(AFTER) { nodes { id } pageInfo { hasNextPage } }",
        "assets(AFTER, orderBy: TITLE) { nodes { id } }",
        "endorsements(AFTER) { nodes { id } }",
        "auditLog(AFTER) { nodes { id } }",
        "products(AFTER) { nodes { id } }",
        "outlets(AFTER) { nodes { id } }",
        "channels(AFTER) { nodes { id } }",
        "reviewQueue(AFTER) { nodes { id } }",
        "search(query: \"lantern\", AFTER) { nodes { __typename } }",
        "channel(slug: \"site\") { contents(AFTER) { nodes { id } } }",
        "node(id: $i) { ... on Content { history(AFTER) { nodes { id } } versions(AFTER) { nodes { id } } } }",
        "assets(BEFORE) { nodes { id } }",
    ];
    let others = [
        "node(id: $i) { __typename id }",
        "nodes(ids: [$i, $i]) { __typename id }",
        "channel(slug: \"site\") { contents(product: $i, audience: [$i]) { totalCount } }",
        "assets(filter: { ids: [$i], brand: $i, product: [$i], channel: [$i], outlet: [$i], audience: [$i] }) { totalCount }",
        "assets(filter: { availableIn: $i }) { totalCount }",
        "node(id: $i) { ... on Content { availability(channel: $i, product: $i) { available } } }",
        "products { nodes { assets(channel: $i) { totalCount } } }",
    ];
    target.fuzz("ids and cursors", 400, |tape| {
        let (id, cursor) = (target.pool.id(tape), target.pool.cursor(tape));
        let (text, variables) = if tape.one_in(2) {
            let list = tape
                .pick(&lists)
                .replace("AFTER", "first: 2, after: $c")
                .replace("BEFORE", "last: 2, before: $c");
            let id = if list.contains("$i") { ", $i: ID!" } else { "" };
            (
                format!("query($c: String{id}) {{ {list} }}"),
                json!({ "c": cursor, "i": target.pool.names[0] }),
            )
        } else {
            (
                format!("query($i: ID!) {{ {} }}", tape.pick(&others)),
                json!({ "i": id }),
            )
        };
        target.post(&Document { text, variables });
    });
    assert_eq!(target.state(), before);
    assert!(target.count("200") > 10 && target.count("BAD_REQUEST") > 10);
    target.end();
}

#[test]
fn any_body_query_string_and_address_is_answered() {
    let target = Target::new();
    target.fuzz("bodies", 600, |tape| {
        let before = tape.one_in(8).then(|| target.state());
        let sent = raw(tape, &target.pool, &target.grant);
        let what = format!(
            "{} {:?}\n{}",
            sent.path,
            sent.headers,
            String::from_utf8_lossy(sent.body.as_deref().unwrap_or_default())
        );
        let Raw {
            path,
            headers,
            body,
        } = sent;
        let url = format!("{}{path}", target.app.url);
        let mut request = match body {
            Some(body) => target.app.http.post(url).body(body),
            None => target.app.http.get(url),
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let reply = target.send(request.bearer_auth(&target.app.admin), &what);
        if let Some(before) = before
            && (reply.status >= 400 || reply.body.get("data").is_none())
        {
            assert_eq!(target.state(), before, "{what}");
        }
    });
    assert!(target.count("200") > 10 && target.count("BAD_REQUEST") > 10);
    target.end();
}
