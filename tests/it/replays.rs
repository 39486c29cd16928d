//! Every mutation, repeated with its `clientMutationId` after what it named has gone: it answers as before.

use std::collections::BTreeSet;

use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value as Json, json};

use crate::support::{START, TestApp, png};

/// A mutation that was made once: how, and what was asked of its payload.
struct Made {
    name: &'static str,
    input: Json,
    select: &'static str,
    payload: Json,
    /// Whether the same call under no key is refused once the world has changed.
    refused: bool,
}

/// The title of what is not thrown away: it cannot be restored again.
const KEPT: &str = "Kept";

/// Makes first calls.
struct Calls {
    app: TestApp,
    made: Vec<Made>,
    /// The author of all but the reviews.
    author: String,
    reviewer: String,
    /// Another instance, which remembers what it has read, and what it is asked after each call.
    onlooker: Option<TestApp>,
}

/// All that is shown of contents, in lists and through the gate.
const SEEN: &str = "query { channel(slug: \"site\") { contents(first: 10) { totalCount nodes { ...seen } } }
    assets(first: 10) { nodes { ...seen } } endorsements(first: 10) { nodes { ...seen } } }
    fragment seen on Content { __typename id title status revision tags markets
    products { id name } channels { id } audiences { id } leases { id endsAt }
    latestVersion { id number state } availability(channel: \"site\") { available until holds { reason } }
    ... on Asset { version { id text file { sha256 width } } endorsements { id } }
    ... on Endorsement { version { id statements { locale headline quote } } claims { state } evidence { state }
      recheckDueAt assets { id } } }";

impl Calls {
    fn token(&self, name: &str) -> &str {
        match name {
            "reviewVersion" | "withdrawVersion" | "decideClaim" => &self.reviewer,
            "recordUsage" | "createAccessToken" | "revokeAccessToken" => &self.app.admin,
            _ => &self.author,
        }
    }

    async fn call(&mut self, name: &'static str, mut input: Json, select: &'static str) -> Json {
        let key = format!("{name} {}", self.made.len());
        input["clientMutationId"] = json!(key);
        let token = self.token(name);
        let payload = self.app.mutate_as(token, name, input.clone(), select).await;
        assert_eq!(TestApp::outcome(&payload), "OK", "{name}: {payload:#}");
        if let Some(onlooker) = &self.onlooker {
            // It has seen all this before the call; a new instance has not.
            let fresh = another(&self.app).await;
            let (known, new) = (onlooker.query(SEEN).await, fresh.query(SEEN).await);
            assert_eq!(known, new, "after {name}");
            fresh.stop().await;
        }
        self.made.push(Made {
            name,
            input,
            select,
            payload: payload.clone(),
            refused: !["revokeAccessToken", "createOutlet", "recordSighting"].contains(&name),
        });
        payload
    }

    /// A short text with its first version.
    async fn copy(&self, title: &str) -> (String, String) {
        let input = json!({ "brand": "north", "title": title, "kind": "COPY", "text": title });
        let select = "asset { id latestVersion { id } }";
        let made = self
            .app
            .mutate_as(&self.author, "createAsset", input, select)
            .await;
        let asset = &made["asset"];
        (text(&asset["id"]), text(&asset["latestVersion"]["id"]))
    }

    /// Calls every mutation once, by the names that things have now.
    async fn all(&mut self) {
        self.catalog().await;
        let (content, version) = self.contents().await;
        self.reviews(&version).await;
        self.places(&content).await;
    }

    async fn catalog(&mut self) {
        let token =
            json!({ "name": "t", "scopes": ["READ"], "brands": ["north"], "channels": ["site"] });
        let made = self.call("createAccessToken", token, "token { id }").await;
        let end = json!({ "token": made["token"]["id"] });
        self.call("revokeAccessToken", end, "token { id }").await;
        let brand = json!({ "name": "East", "slug": "east" });
        self.call("createBrand", brand, "brand { id }").await;
        let brand = json!({ "brand": "north", "name": "North again" });
        self.call("updateBrand", brand, "brand { id name }").await;
        let channel = json!({ "slug": "site-a", "name": "A", "kind": "SITE", "parent": "site" });
        self.call("createChannel", channel, "channel { id }").await;
        let preset = json!({ "name": "hero", "width": 100, "height": 100, "fit": "COVER", "mediaType": "image/jpeg" });
        let channel = json!({ "channel": "site", "presets": [preset] });
        self.call("updateChannel", channel, "channel { id }").await;
        let product = json!({ "brand": "north", "sku": "N-2", "name": "Two" });
        self.call("createProduct", product, "product { id }").await;
        let product = json!({ "product": "N-1", "name": "One", "channels": ["site"] });
        self.call("updateProduct", product, "product { id name }")
            .await;
        let outlet = json!({ "name": "Gazette", "kind": "PRESS", "domain": "gazette.example" });
        let made = self.call("createOutlet", outlet, "outlet { id }").await;
        let logo = self.copy("Logo").await.0;
        let outlet = json!({ "outlet": made["outlet"]["id"], "logo": logo });
        self.call("updateOutlet", outlet, "outlet { id }").await;
        let audience = json!({ "name": "Hikers", "slug": "hikers" });
        self.call("createAudience", audience, "audience { id }")
            .await;
    }

    /// A content with an approved version.
    async fn contents(&mut self) -> (String, String) {
        let asset = json!({ "brand": "north", "title": "Words", "kind": "COPY", "text": "Words",
            "channels": ["site"], "products": ["N-1"] });
        let made = self.call("createAsset", asset, "asset { id }").await;
        let asset = text(&made["asset"]["id"]);
        let version = self.latest(&asset).await;
        let more = json!({ "asset": asset, "text": "More", "expectedNumber": 2 });
        self.call("addAssetVersion", more, "version { id number }")
            .await;

        let wording = json!({ "statements": [{ "locale": "en", "headline": "H" }] });
        let endorsement = json!({ "brand": "north", "title": "Wins", "outlet": self.made_id("createOutlet", "outlet"),
            "kind": "QUOTE", "publishedOn": "2026-05-01", "wording": wording,
            "claims": [{ "product": "N-1", "text": "It is light." }] });
        let made = self
            .call(
                "createEndorsement",
                endorsement,
                "endorsement { id claims { id } }",
            )
            .await;
        let endorsement = made["endorsement"]["id"].clone();
        let more = json!({ "endorsement": endorsement, "wording": wording });
        self.call("addEndorsementVersion", more, "version { id }")
            .await;
        let proof =
            json!({ "endorsement": endorsement, "file": { "sha256": self.stored().await } });
        self.call("addEvidence", proof, "evidence { id }").await;
        let recheck = json!({ "endorsement": endorsement, "stillSaid": true });
        self.call("recheckEndorsement", recheck, "endorsement { id }")
            .await;
        let decided =
            json!({ "claim": made["endorsement"]["claims"][0]["id"], "state": "CONFIRMED" });
        self.call("decideClaim", decided, "claim { id }").await;
        self.app.approve(&text(&endorsement)).await;
        let waived = json!({ "endorsement": endorsement, "channel": "site", "reason": "because" });
        self.call("waiveGap", waived, "cell { channel { id } }")
            .await;

        let (other, _) = self.copy("Other").await;
        let update = json!({ "id": other, "revision": 1, "channels": ["site"] });
        self.call("updateContent", update, "content { id }").await;
        let updates =
            json!({ "ids": [other, asset], "addChannels": ["site"], "addProducts": ["N-1"] });
        let select = "results { id content { id } userErrors { code } }";
        self.call("updateContents", updates, select).await;
        self.call("archiveContent", json!({ "id": other }), "content { id }")
            .await;
        let (kept, _) = self.copy(KEPT).await;
        let one = json!({ "id": kept });
        self.app
            .mutate_as(&self.author, "archiveContent", one.clone(), "")
            .await;
        self.call("restoreContent", one, "content { id }").await;
        self.call("trashContent", json!({ "id": other }), "content { id }")
            .await;
        let (recalled, _) = self.copy("Recalled").await;
        let recall = json!({ "id": recalled, "reason": "because" });
        self.call("withdrawContent", recall, "content { id }").await;
        (asset, version)
    }

    fn made_id(&self, name: &str, what: &str) -> Json {
        let made = self.made.iter().find(|made| made.name == name).unwrap();
        made.payload[what]["id"].clone()
    }

    async fn latest(&self, content: &str) -> String {
        let query = "query($id: ID!) { node(id: $id) { ... on Content { latestVersion { id } } } }";
        let found = self
            .app
            .ask(&self.author, query, json!({ "id": content }))
            .await;
        text(&found.data()["node"]["latestVersion"]["id"])
    }

    /// The hash of bytes that the author has stored.
    async fn stored(&self) -> Json {
        let input = json!({ "brand": "north", "title": "Page", "file": { "upload": null } });
        let select = "asset { latestVersion { ... on AssetVersion { file { sha256 } } } }";
        let file = ("a.png", png(30, 30, 3));
        let made = self
            .app
            .upload_as(
                &self.author,
                "createAsset",
                input,
                select,
                "file.upload",
                file,
            )
            .await;
        made["asset"]["latestVersion"]["file"]["sha256"].clone()
    }

    async fn reviews(&mut self, version: &str) {
        let one = json!({ "version": version });
        self.call("submitVersion", one.clone(), "version { id }")
            .await;
        self.call("recallVersion", one.clone(), "version { id }")
            .await;
        let author = self.author.clone();
        self.app.mutate_as(&author, "submitVersion", one, "").await;
        let review = json!({ "version": version, "decision": "APPROVE" });
        self.call("reviewVersion", review, "review { id } version { id }")
            .await;
    }

    async fn places(&mut self, content: &str) {
        let lease = json!({ "contents": [content], "access": "ALLOW", "channels": ["site"] });
        let made = self.call("createLease", lease, "lease { id }").await;
        let lease = made["lease"]["id"].clone();
        let place =
            json!({ "content": content, "channel": "site", "location": "top", "product": "N-1" });
        let made = self
            .call("createPlacement", place, "placement { id }")
            .await;
        let event = json!({ "id": "e", "kind": "CLICK", "content": content, "channel": "site" });
        let placement = made["placement"]["id"].clone();
        let live = json!({ "placement": placement, "status": "LIVE" });
        self.app
            .mutate_as(&self.author, "updatePlacement", live, "")
            .await;
        self.call(
            "recordUsage",
            json!({ "events": [event] }),
            "accepted duplicates",
        )
        .await;
        let seen = json!({ "placement": placement, "found": true });
        self.call("recordSighting", seen, "sighting { found seenAt }")
            .await;
        let shown = json!({ "key": "1", "content": content, "location": "top" });
        let synced = json!({ "integration": "shop", "channel": "site", "placements": [shown] });
        let select = "added kept retired rejected { key }";
        self.call("syncPlacements", synced, select).await;
        let retire = json!({ "placement": placement, "status": "RETIRED", "product": "N-1" });
        self.call("updatePlacement", retire, "placement { id }")
            .await;
        let table = self.app.table_as(&self.author, b"key\n1\n").await;
        let table = json!({ "brand": "north", "kind": "ENDORSEMENTS", "upload": table });
        self.call("importFile", table, "import { id }").await;
        let soon = self.app.app.clock.now().plus_ms(60_000).to_rfc3339();
        let end = json!({ "lease": lease, "at": soon });
        self.call("endLease", end, "lease { id endsAt }").await;
        let approved = self
            .app
            .ask(
                &self.author,
                "query($id: ID!) { node(id: $id) { ... on Asset { version { id } } } }",
                json!({ "id": content }),
            )
            .await
            .data()["node"]["version"]["id"]
            .clone();
        let asked = json!({ "title": "Another", "content": content });
        let made = self.call("createRequest", asked, "request { id }").await;
        let taken = json!({ "request": made["request"]["id"], "fulfilledBy": approved, "state": "ACCEPTED" });
        self.call("updateRequest", taken, "request { id }").await;
        let back = json!({ "version": approved, "reason": "because" });
        self.call("withdrawVersion", back, "version { id }").await;
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// Statements behind the server's back.
async fn behind(app: &TestApp, statements: &[&str]) {
    let connection = Database::connect(&app.database().config().url)
        .await
        .unwrap();
    for sql in statements {
        connection.execute_unprepared(sql).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// Another instance on the same database, which has seen no token yet: one that has may remember it.
async fn another(app: &TestApp) -> TestApp {
    let store = StoreConfig::Folder(app.database().folder().join("files"));
    TestApp::serve(app.database(), store, Clock::fixed(START)).await
}

async fn mutations(app: &TestApp) -> BTreeSet<String> {
    let schema = app
        .query("{ __schema { mutationType { fields { name } } } }")
        .await;
    let fields = schema["__schema"]["mutationType"]["fields"].as_array();
    fields
        .unwrap()
        .iter()
        .map(|field| text(&field["name"]))
        .collect()
}

async fn calls() -> Calls {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.brand("south").await;
    app.product("north", "N-1").await;
    app.channel("site", json!({})).await;
    let make = async |name: &str, scope: &str| {
        let input = json!({ "name": name, "scopes": [scope] });
        text(&app.mutate("createAccessToken", input, "secret").await["secret"])
    };
    let author = make("author", "ADMIN").await;
    let reviewer = make("reviewer", "REVIEW").await;
    Calls {
        app,
        made: Vec::new(),
        author,
        reviewer,
        onlooker: None,
    }
}

#[tokio::test]
async fn what_an_instance_remembers_is_what_a_new_one_reads() {
    let mut calls = calls().await;
    calls.onlooker = Some(another(&calls.app).await);
    calls.all().await;
    if let Some(onlooker) = calls.onlooker.take() {
        let contents = onlooker.query(SEEN).await;
        assert_ne!(contents["assets"]["nodes"], json!([]));
        onlooker.stop().await;
    }
    calls.app.stop().await;
}

#[tokio::test]
async fn a_repeated_call_is_answered_though_what_it_named_has_gone() {
    let mut calls = calls().await;
    calls.all().await;
    let Calls { app, made, .. } = &calls;
    let named: BTreeSet<String> = made.iter().map(|made| made.name.to_owned()).collect();
    assert_eq!(named, mutations(app).await, "each mutation has its case");

    // Every name means nothing any more, every content is in the trash, and every instant has passed.
    behind(
        app,
        &[
            "UPDATE brands SET slug = 'gone' WHERE slug = 'north'",
            "UPDATE channels SET slug = 'gone' WHERE slug = 'site'",
            "UPDATE revisions SET value = value + 1",
            "UPDATE products SET sku = 'gone' WHERE sku = 'N-1'",
            "UPDATE contents SET trashed_at = 1, revision = revision + 1 WHERE title <> 'Kept'",
        ],
    )
    .await;
    app.advance(chrono::TimeDelta::hours(2));
    let mut wrong = Vec::new();
    for made in made {
        let token = calls.token(made.name);
        let again = app
            .answer_as(token, made.name, made.input.clone(), made.select)
            .await;
        if again.body["data"][made.name] != made.payload {
            wrong.push(format!(
                "{}: {:#}\nnot\n{:#}",
                made.name, again.body, made.payload
            ));
        }
    }
    // None of it was done again, and each would have been refused.
    for made in made {
        let token = calls.token(made.name);
        let mut input = made.input.clone();
        input["clientMutationId"] = json!(format!("fresh {}", made.name));
        let fresh = app.answer_as(token, made.name, input, made.select).await;
        let refused = TestApp::outcome(&fresh.body["data"][made.name]) != "OK";
        if refused != made.refused {
            wrong.push(format!("{} anew: {:#}", made.name, fresh.body));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    // Who has lost the brand is answered too, and told nothing of it.
    behind(
        app,
        &[
            "INSERT INTO access_token_brands SELECT t.id, b.id FROM access_tokens t, brands b
             WHERE t.name IN ('author', 'reviewer') AND b.slug = 'south'",
            "UPDATE access_tokens SET all_brands = false WHERE name IN ('author', 'reviewer')",
        ],
    )
    .await;
    let other = another(app).await;
    for made in made.iter().filter(|made| !SHARED.contains(&made.name)) {
        let token = calls.token(made.name);
        let again = other
            .mutate_as(token, made.name, made.input.clone(), made.select)
            .await;
        if !is_empty(&again) {
            wrong.push(format!("{} told: {again:#}", made.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    other.stop().await;
    calls.app.stop().await;
}

/// Mutations of what belongs to no brand, or that the administrator calls here.
const SHARED: [&str; 9] = [
    "createAccessToken",
    "revokeAccessToken",
    "createChannel",
    "updateChannel",
    "createOutlet",
    "updateOutlet",
    "createAudience",
    "recordUsage",
    // It answers with numbers alone.
    "syncPlacements",
];

/// Whether a payload has nothing in it: no object, no error.
fn is_empty(payload: &Json) -> bool {
    payload
        .as_object()
        .unwrap()
        .iter()
        .all(|(name, value)| match value {
            Json::Null => true,
            Json::Array(errors) if name == "userErrors" => errors.is_empty(),
            // The ids are those of the input.
            Json::Array(results) if name == "results" => results
                .iter()
                .all(|result| result["content"].is_null() && result["userErrors"] == json!([])),
            _ => false,
        })
}

#[tokio::test]
async fn a_repeated_call_tells_nothing_that_its_caller_may_not_see_any_more() {
    let calls = calls().await;
    let app = &calls.app;
    let token_of = |name: &str, scopes: &[&str]| {
        let input = json!({ "name": name, "scopes": scopes, "brands": ["north"] });
        async move { text(&app.mutate("createAccessToken", input, "secret").await["secret"]) }
    };
    let (moved, demoted) = (
        token_of("moved", &["WRITE"]).await,
        token_of("demoted", &["WRITE"]).await,
    );
    token_of("reader", &["READ"]).await;
    let outlet = app.outlet("Gazette", json!({})).await;
    let wording = json!({ "statements": [{ "locale": "en", "headline": "H" }] });
    let asset = json!({ "brand": "north", "title": "Words", "kind": "COPY", "text": "Words", "clientMutationId": "1" });
    let endorsement = json!({ "brand": "north", "title": "Wins", "outlet": outlet, "kind": "QUOTE",
        "publishedOn": "2026-05-01", "wording": wording, "clientMutationId": "2" });
    let made = app
        .mutate_as(
            &moved,
            "createEndorsement",
            endorsement.clone(),
            "endorsement { id }",
        )
        .await;
    let version = json!({ "endorsement": made["endorsement"]["id"], "wording": wording, "clientMutationId": "3" });
    let select = "endorsement { id } version { id }";
    let version_made = app
        .mutate_as(&moved, "addEndorsementVersion", version.clone(), select)
        .await;
    assert_eq!(TestApp::outcome(&version_made), "OK", "{version_made:#}");
    for token in [&moved, &demoted] {
        let made = app
            .mutate_as(token, "createAsset", asset.clone(), "asset { id }")
            .await;
        assert_eq!(TestApp::outcome(&made), "OK", "{made:#}");
    }
    behind(
        app,
        &[
            "UPDATE access_token_brands SET brand_id = (SELECT id FROM brands WHERE slug = 'south')
             WHERE token_id IN (SELECT id FROM access_tokens WHERE name = 'moved')",
            "UPDATE access_tokens SET scopes = (SELECT scopes FROM access_tokens WHERE name = 'reader')
             WHERE name = 'demoted'",
        ],
    )
    .await;
    let other = another(app).await;
    let nothing = |fields: &[&str]| {
        let mut payload = json!({ "userErrors": [] });
        for field in fields {
            payload[*field] = Json::Null;
        }
        payload
    };
    let again = other
        .mutate_as(&moved, "createAsset", asset.clone(), "asset { id }")
        .await;
    assert_eq!(again, nothing(&["asset"]));
    let again = other
        .mutate_as(
            &moved,
            "createEndorsement",
            endorsement,
            "endorsement { id }",
        )
        .await;
    assert_eq!(again, nothing(&["endorsement"]));
    let again = other
        .mutate_as(&moved, "addEndorsementVersion", version, select)
        .await;
    assert_eq!(again, nothing(&["endorsement", "version"]));
    let again = other
        .answer_as(&demoted, "createAsset", asset, "asset { id }")
        .await;
    assert_eq!(again.code(), "FORBIDDEN");
    other.stop().await;
    calls.app.stop().await;
}
