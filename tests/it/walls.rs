//! Between brands there are walls: for a token of one, the other does not exist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::support::{TestApp, png};

/// The ids of everything that belongs to a brand, by what it is.
type World = BTreeMap<&'static str, String>;

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

impl TestApp {
    /// What is shared, and a brand with one of everything.
    async fn north(&self) -> World {
        self.channel("site", json!({})).await;
        let channel = self.query("{ channel(slug: \"site\") { id } }").await;
        let outlet = self.outlet("Trailbench", json!({})).await;
        let mut world = self.world("north", &outlet).await;
        world.insert("channel", text(&channel["channel"]["id"]));
        world.insert("outlet", outlet);
        world
    }

    /// A brand with one of everything.
    async fn world(&self, slug: &str, outlet: &str) -> World {
        let sku = format!("{slug}-1");
        let brand = self.brand(slug).await;
        let product = self.product(slug, &sku).await;
        let labels =
            json!({ "channels": ["site"], "products": [sku], "tags": [format!("{slug} tag")] });
        let asset = self
            .asset(slug, &format!("{slug} lantern"), labels.clone())
            .await;
        let endorsement = self
            .endorsement(
                slug,
                &format!("{slug} lantern wins"),
                outlet,
                labels.clone(),
            )
            .await;
        let claims = json!({ "id": endorsement, "revision": self.revision(&endorsement).await,
            "claims": [{ "product": sku, "text": "It is the lightest." }] });
        self.mutate("updateContent", claims, "").await;
        let draft = self
            .draft_asset(slug, &format!("{slug} sketch"), labels)
            .await;
        let found = self
            .ask(
                &self.admin,
                WORLD,
                json!({ "a": asset, "e": endorsement, "d": draft }),
            )
            .await
            .data();
        let waiting = text(&found["d"]["latestVersion"]["id"]);
        self.mutate("submitVersion", json!({ "version": waiting }), "")
            .await;
        let document =
            json!({ "contents": [asset], "access": "ALLOW", "document": { "upload": null } });
        let file = ("contract.png", png(8, 8, 77));
        let lease = self
            .upload_as(
                &self.admin,
                "createLease",
                document,
                "lease { id }",
                "document.upload",
                file,
            )
            .await;
        let placed =
            json!({ "content": asset, "channel": "site", "location": "top", "status": "LIVE" });
        let placed = self
            .mutate("createPlacement", placed, "placement { id beaconKey }")
            .await;
        let beacon = text(&placed["placement"]["beaconKey"]);
        let event = json!({ "id": "e1", "kind": "CLICK", "beaconKey": beacon });
        self.mutate("recordUsage", json!({ "events": [event] }), "accepted")
            .await;
        let token = json!({ "name": slug, "scopes": ["ADMIN"], "brands": [slug] });
        let token = self
            .mutate("createAccessToken", token, "secret token { id }")
            .await;
        World::from([
            ("brand", brand),
            ("product", product),
            ("asset", asset),
            ("endorsement", endorsement),
            ("version", text(&found["a"]["version"]["id"])),
            ("wording", text(&found["e"]["version"]["id"])),
            ("waiting", waiting),
            ("draft", draft),
            ("review", text(&found["a"]["version"]["reviews"][0]["id"])),
            ("entry", text(&found["a"]["history"]["nodes"][0]["id"])),
            ("evidence", text(&found["e"]["evidence"][0]["id"])),
            ("claim", text(&found["e"]["claims"][0]["id"])),
            ("lease", text(&lease["lease"]["id"])),
            ("placement", text(&placed["placement"]["id"])),
            ("token", text(&token["token"]["id"])),
            ("secret", text(&token["secret"])),
            ("beacon", beacon),
            ("slug", slug.to_owned()),
            ("sku", sku),
        ])
    }

    async fn revision(&self, content: &str) -> i64 {
        let query = "query($id: ID!) { node(id: $id) { ... on Content { revision } } }";
        let found = self.ask(&self.admin, query, json!({ "id": content })).await;
        found.data()["node"]["revision"].as_i64().unwrap()
    }

    async fn view(&self, token: &str) -> Json {
        self.ask(token, VIEW, json!({})).await.data()
    }

    async fn log(&self, token: &str) -> Json {
        self.ask(token, LOG, json!({})).await.data()
    }
}

const WORLD: &str = "query($a: ID!, $e: ID!, $d: ID!) {
    a: node(id: $a) { ... on Asset { version { id reviews { id } } history { nodes { id } } } }
    e: node(id: $e) { ... on Endorsement { version { id } evidence { id } claims { id } } }
    d: node(id: $d) { ... on Asset { latestVersion { id } } }
}";

/// All lists that a reader has, with their totals.
const VIEW: &str = "{
    brands { id slug }
    products { totalCount nodes { id sku brand { id } endorsements { totalCount } } }
    named: products(query: \"Product\") { totalCount nodes { id } }
    assets { totalCount nodes { id title revision leases { id } usage { clicks }
        placements { totalCount nodes { id } } history { totalCount nodes { id } } } }
    endorsements { totalCount nodes { id title claims { id } evidence { id } assets { id } } }
    reviewQueue { totalCount nodes { id } }
    search(query: \"lantern\") { totalCount nodes { ... on Content { id } } }
    outlets { totalCount nodes { id logo { id } endorsements { totalCount nodes { id } } } }
    channels { totalCount nodes { id contents { totalCount nodes { id } } } }
    audiences { id }
}";

const LOG: &str = "{ auditLog(first: 100) { totalCount nodes { id action changes subject { id } actor { __typename } } } }";

/// The id of another thing of the same kind, which nobody has.
fn random(id: &str) -> String {
    let last = if id.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &id[..id.len() - 1])
}

#[tokio::test]
async fn no_list_total_or_log_changes_when_another_brand_comes() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let reader = app.token(&["READ"], &["north"], &[]).await;
    let admin = app.token(&["ADMIN"], &["north"], &[]).await;
    let public = app.token(&["READ_PUBLIC"], &["north"], &["site"]).await;
    let out = "{ assets { totalCount nodes { id } } endorsements { totalCount nodes { id } }
        channel(slug: \"site\") { contents { totalCount nodes { id } } } }";
    let seen = [app.view(&reader).await, app.view(&admin).await];
    let log = app.log(&admin).await;
    let shown = app.ask(&public, out, json!({})).await.data();
    assert!(seen[0]["assets"]["totalCount"] == 2 && seen[0]["search"]["totalCount"] == 2);
    assert!(seen[0]["reviewQueue"]["totalCount"] == 1 && shown["assets"]["totalCount"] == 1);
    assert!(log["auditLog"]["totalCount"].as_i64().unwrap() > 5);
    let south = app.world("south", &north["outlet"]).await;
    assert_eq!(seen, [app.view(&reader).await, app.view(&admin).await]);
    assert_eq!(app.log(&admin).await, log);
    assert_eq!(app.ask(&public, out, json!({})).await.data(), shown);
    let whole = app.view(&app.admin).await;
    assert_eq!(
        whole["assets"]["totalCount"], 4,
        "an unbound token sees both"
    );
    let theirs = app.view(&south["secret"]).await;
    assert_eq!(theirs["assets"]["totalCount"], 2);
    app.stop().await;
}

#[tokio::test]
async fn no_id_of_another_brand_opens() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let tokens = [
        app.token(&["READ"], &["north"], &[]).await,
        app.token(&["WRITE", "REVIEW"], &["north"], &[]).await,
        app.token(&["ADMIN"], &["north"], &[]).await,
        app.token(&["READ_PUBLIC"], &["north"], &["site"]).await,
        app.token(&["USAGE_WRITE"], &["north"], &[]).await,
    ];
    let things: Vec<&str> = south
        .keys()
        .copied()
        .filter(|name| !matches!(*name, "secret" | "beacon" | "slug" | "sku"))
        .collect();
    let ids: Vec<&String> = things.iter().map(|name| &south[name]).collect();
    let query =
        "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename id } node(id: $id) { id } }";
    for token in &tokens {
        for (thing, id) in things.iter().zip(&ids) {
            let answer = app.ask(token, query, json!({ "ids": ids, "id": id })).await;
            let data = answer.data();
            assert_eq!(data["node"], Json::Null, "{thing}");
            let all = data["nodes"].as_array().unwrap();
            assert!(all.iter().all(Json::is_null), "{data}");
        }
    }
    // The test asks for what is there: who may see it does.
    let data = app
        .ask(&app.admin, query, json!({ "ids": ids, "id": ids[0] }))
        .await
        .data();
    for (thing, found) in things.iter().zip(data["nodes"].as_array().unwrap()) {
        assert!(found["id"] == json!(south[thing]), "{thing}");
    }
    app.stop().await;
}

#[tokio::test]
async fn no_filter_or_argument_tells_of_another_brand() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let id = |name: &str| south[name].clone();
    // What a filter that names the other brand matches is what one that names nothing does: nothing.
    let filters = [
        json!({ "brand": id("brand") }),
        json!({ "brand": "south" }),
        json!({ "ids": [id("asset"), id("endorsement"), id("draft")] }),
        json!({ "product": [id("product")] }),
        json!({ "product": [id("sku")] }),
        json!({ "product": [id("product"), id("sku")], "holds": ["NOT_APPROVED"] }),
        json!({ "tags": ["south tag"] }),
        json!({ "ids": [id("asset")], "channel": ["site"] }),
        json!({ "ids": [id("asset")], "availableIn": "site" }),
        json!({ "brand": id("brand"), "unused": true }),
        json!({ "brand": "south", "status": ["DRAFT", "ACTIVE"] }),
        json!({ "brand": "south", "holds": ["CLAIM_UNCONFIRMED", "NOT_APPROVED"] }),
        json!({ "brand": "south", "outlet": [north["outlet"]] }),
    ];
    let query = "query($f: ContentFilter) {
        assets(filter: $f) { totalCount nodes { id } }
        endorsements(filter: $f) { totalCount nodes { id } }
        search(query: \"lantern\", filter: $f) { totalCount nodes { __typename } }
    }";
    let none = json!({ "totalCount": 0, "nodes": [] });
    let reader = app.token(&["READ"], &["north"], &[]).await;
    let admin = app.token(&["ADMIN"], &["north"], &[]).await;
    for token in [&reader, &admin] {
        for filter in &filters {
            let found = app.ask(token, query, json!({ "f": filter })).await.data();
            for list in ["assets", "endorsements", "search"] {
                assert_eq!(found[list], none, "{list} by {filter}");
            }
        }
        // Filters by state alone find the brand's own.
        let own = json!({ "f": { "holds": ["CLAIM_UNCONFIRMED"] } });
        let found = app.ask(token, query, own).await.data();
        assert_eq!(found["endorsements"]["totalCount"], 1);
        for words in ["south", "\\\"south lantern\\\"", "Product south"] {
            let query = format!(
                "{{ search(query: \"{words}\") {{ totalCount }} products(query: \"south\") {{ totalCount }} }}"
            );
            let found = app.ask(token, &query, json!({})).await.data();
            assert_eq!(
                found,
                json!({ "search": { "totalCount": 0 }, "products": { "totalCount": 0 } })
            );
        }
        // In an argument: the same refusal as for what is not there at all.
        let mut answers = BTreeSet::new();
        for product in [
            id("product"),
            id("sku"),
            random(&south["product"]),
            "junk".to_owned(),
        ] {
            for query in [
                "query($p: ID, $id: ID!) { channel(slug: \"site\") { contents(product: $p) { totalCount } } node(id: $id) { id } }",
                "query($p: ID, $id: ID!) { node(id: $id) { ... on Content { availability(channel: \"site\", product: $p) { available } } } }",
            ] {
                let variables = json!({ "p": product, "id": north["asset"] });
                let answer = app.ask(token, query, variables).await;
                answers.insert(format!(
                    "{} {}",
                    answer.code(),
                    answer.body["errors"][0]["message"]
                ));
            }
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(
            answers.iter().all(|a| a.starts_with("NOT_FOUND")),
            "{answers:?}"
        );
    }
    app.stop().await;
}

/// Every place in a mutation's input where an id of a brand's thing may stand: what stands there of the
/// other brand, and an input that is right but for it, where `@` is.
fn rows(north: &World, stored: &Json) -> Vec<(&'static str, &'static str, Json)> {
    let of = |name: &str| json!(north[name]);
    let wording = json!({ "statements": [{ "locale": "en", "headline": "H" }] });
    let asset = |more: Json| {
        with(
            json!({ "brand": "north", "title": "T", "text": "words" }),
            more,
        )
    };
    let endorsement = |more: Json| {
        let input = json!({ "brand": "north", "title": "T", "outlet": north["outlet"], "kind": "QUOTE",
            "publishedOn": "2026-05-01", "wording": wording });
        with(input, more)
    };
    let update = |more: Json| with(json!({ "id": north["endorsement"], "revision": 0 }), more);
    let many = |more: Json| with(json!({ "ids": [north["asset"]] }), more);
    let placement = |more: Json| {
        with(
            json!({ "content": north["asset"], "channel": "site", "location": "top" }),
            more,
        )
    };
    let event =
        |more: Json| json!({ "events": [with(json!({ "id": "x", "kind": "CLICK" }), more)] });
    vec![
        (
            "createAccessToken.brands",
            "brand",
            json!({ "name": "t", "scopes": ["READ"], "brands": ["@"] }),
        ),
        ("revokeAccessToken.token", "token", json!({ "token": "@" })),
        (
            "updateBrand.brand",
            "brand",
            json!({ "brand": "@", "name": "N" }),
        ),
        (
            "updateBrand.logo",
            "asset",
            json!({ "brand": "north", "logo": "@" }),
        ),
        (
            "updateOutlet.logo",
            "asset",
            json!({ "outlet": north["outlet"], "logo": "@" }),
        ),
        (
            "createProduct.brand",
            "brand",
            json!({ "brand": "@", "sku": "n", "name": "N" }),
        ),
        (
            "updateProduct.product",
            "product",
            json!({ "product": "@", "name": "N" }),
        ),
        ("createAsset.brand", "brand", asset(json!({ "brand": "@" }))),
        (
            "createAsset.products",
            "product",
            asset(json!({ "products": ["@"] })),
        ),
        (
            "addAssetVersion.asset",
            "asset",
            json!({ "asset": "@", "text": "words" }),
        ),
        (
            "createEndorsement.brand",
            "brand",
            endorsement(json!({ "brand": "@" })),
        ),
        (
            "createEndorsement.assets",
            "asset",
            endorsement(json!({ "assets": ["@"] })),
        ),
        (
            "createEndorsement.products",
            "product",
            endorsement(json!({ "products": ["@"] })),
        ),
        (
            "createEndorsement.claims.product",
            "product",
            endorsement(json!({ "claims": [{ "product": "@", "text": "C" }] })),
        ),
        (
            "createEndorsement.wonBy",
            "token",
            endorsement(json!({ "wonBy": "@" })),
        ),
        (
            "addEndorsementVersion.endorsement",
            "endorsement",
            json!({ "endorsement": "@", "wording": wording }),
        ),
        (
            "addEvidence.endorsement",
            "endorsement",
            json!({ "endorsement": "@", "file": { "sha256": stored } }),
        ),
        (
            "recheckEndorsement.endorsement",
            "endorsement",
            json!({ "endorsement": "@", "stillSaid": true }),
        ),
        (
            "decideClaim.claim",
            "claim",
            json!({ "claim": "@", "state": "CONFIRMED" }),
        ),
        (
            "updateContent.id",
            "asset",
            json!({ "id": "@", "revision": 1, "title": "T" }),
        ),
        (
            "updateContent.assets",
            "asset",
            update(json!({ "assets": ["@"] })),
        ),
        (
            "updateContent.products",
            "product",
            update(json!({ "products": ["@"] })),
        ),
        (
            "updateContent.claims.product",
            "product",
            update(json!({ "claims": [{ "product": "@", "text": "C" }] })),
        ),
        (
            "updateContent.wonBy",
            "token",
            update(json!({ "wonBy": "@" })),
        ),
        (
            "updateContents.ids",
            "asset",
            json!({ "ids": ["@"], "addTags": ["t"] }),
        ),
        (
            "updateContents.addProducts",
            "product",
            many(json!({ "addProducts": ["@"] })),
        ),
        (
            "updateContents.removeProducts",
            "product",
            many(json!({ "removeProducts": ["@"] })),
        ),
        ("archiveContent.id", "asset", json!({ "id": "@" })),
        ("restoreContent.id", "endorsement", json!({ "id": "@" })),
        ("trashContent.id", "draft", json!({ "id": "@" })),
        (
            "withdrawContent.id",
            "asset",
            json!({ "id": "@", "reason": "r" }),
        ),
        (
            "submitVersion.version",
            "version",
            json!({ "version": "@" }),
        ),
        (
            "recallVersion.version",
            "waiting",
            json!({ "version": "@" }),
        ),
        (
            "reviewVersion.version",
            "waiting",
            json!({ "version": "@", "decision": "APPROVE" }),
        ),
        (
            "reviewVersion.lease",
            "lease",
            json!({ "version": of("waiting"), "decision": "APPROVE", "lease": "@" }),
        ),
        (
            "withdrawVersion.version",
            "version",
            json!({ "version": "@", "reason": "r" }),
        ),
        (
            "createLease.contents",
            "asset",
            json!({ "contents": ["@"], "access": "ALLOW" }),
        ),
        ("endLease.lease", "lease", json!({ "lease": "@" })),
        (
            "createPlacement.content",
            "asset",
            placement(json!({ "content": "@" })),
        ),
        (
            "createPlacement.version",
            "version",
            placement(json!({ "version": "@" })),
        ),
        (
            "createPlacement.product",
            "product",
            placement(json!({ "product": "@" })),
        ),
        (
            "updatePlacement.placement",
            "placement",
            json!({ "placement": "@", "location": "end" }),
        ),
        (
            "updatePlacement.version",
            "version",
            json!({ "placement": of("placement"), "version": "@" }),
        ),
        (
            "updatePlacement.product",
            "product",
            json!({ "placement": of("placement"), "product": "@" }),
        ),
        (
            "recordUsage.events.content",
            "asset",
            event(json!({ "content": "@", "channel": "site" })),
        ),
        (
            "recordUsage.events.beaconKey",
            "beacon",
            event(json!({ "beaconKey": "@" })),
        ),
    ]
}

fn with(mut input: Json, more: Json) -> Json {
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    input
}

/// The input with an id where `@` is.
fn filled(input: &Json, id: &str) -> Json {
    match input {
        Json::String(text) if text == "@" => json!(id),
        Json::Array(items) => items.iter().map(|item| filled(item, id)).collect(),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, id)))
            .collect(),
        other => other.clone(),
    }
}

/// What names no brand's thing: the whole instance shares it.
const SHARED: [&str; 10] = [
    "channel",
    "channels",
    "addChannels",
    "removeChannels",
    "parent",
    "audience",
    "audiences",
    "addAudiences",
    "removeAudiences",
    "outlet",
];

/// Every place of type ID in the inputs of all mutations, by `mutation.path`, but those of what is shared.
async fn id_places(app: &TestApp) -> BTreeSet<String> {
    let ty = "type { name kind ofType { name kind ofType { name kind ofType { name kind } } } }";
    let query = format!(
        "{{ __schema {{ mutationType {{ fields {{ name args {{ {ty} }} }} }} types {{ name inputFields {{ name {ty} }} }} }} }}"
    );
    let schema = app.query(&query).await["__schema"].clone();
    let inputs: BTreeMap<String, Vec<(String, String)>> = schema["types"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|ty| {
            let fields = ty["inputFields"].as_array()?;
            let fields = fields
                .iter()
                .map(|f| (text(&f["name"]), named_type(&f["type"])))
                .collect();
            Some((text(&ty["name"]), fields))
        })
        .collect();
    let mut places = BTreeSet::new();
    for mutation in schema["mutationType"]["fields"].as_array().unwrap() {
        let input = named_type(&mutation["args"][0]["type"]);
        walk(&inputs, &input, text(&mutation["name"]), &mut places);
    }
    // An event's own id is its sender's word; a beacon's key is no ID but names a placement.
    places.remove("recordUsage.events.id");
    places.insert("recordUsage.events.beaconKey".to_owned());
    places
}

fn named_type(ty: &Json) -> String {
    if ty["ofType"].is_null() {
        text(&ty["name"])
    } else {
        named_type(&ty["ofType"])
    }
}

fn walk(
    inputs: &BTreeMap<String, Vec<(String, String)>>,
    ty: &str,
    path: String,
    places: &mut BTreeSet<String>,
) {
    for (name, of) in inputs.get(ty).into_iter().flatten() {
        let path = format!("{path}.{name}");
        if of == "ID" && !SHARED.contains(&name.as_str()) {
            places.insert(path);
        } else {
            walk(inputs, of, path, places);
        }
    }
}

#[tokio::test]
async fn a_mutation_cannot_tell_a_foreign_id_from_a_random_or_malformed_one() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let admin = app.token(&["ADMIN"], &["north"], &[]).await;
    let input = json!({ "brand": "north", "title": "T", "file": { "upload": null } });
    let select = "asset { latestVersion { file { sha256 } } }";
    let file = ("a.png", png(33, 33, 33));
    let stored = app
        .upload_as(&admin, "createAsset", input, select, "file.upload", file)
        .await;
    let rows = rows(&north, &stored["asset"]["latestVersion"]["file"]["sha256"]);
    let named: BTreeSet<String> = rows.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(
        named,
        id_places(&app).await,
        "each id of each mutation has one row"
    );
    let before = (app.view(&south["secret"]).await, app.log(&app.admin).await);
    let mut wrong = Vec::new();
    for (place, kind, input) in &rows {
        let name = place.split('.').next().unwrap();
        let select = if name == "updateContents" {
            "results { userErrors { code field message } }"
        } else {
            ""
        };
        let foreign = &south[kind];
        let mut ids = vec![
            foreign.clone(),
            random(foreign),
            "junk".to_owned(),
            north["channel"].clone(),
            "x".repeat(10_000),
        ];
        match *kind {
            "brand" => ids.push("south".to_owned()),
            "product" => ids.push(south["sku"].clone()),
            _ => {}
        }
        let mut answers = Vec::new();
        for id in ids {
            let mut input = filled(input, &id);
            if name == "updateContent" && input["id"] == json!(north["endorsement"]) {
                input["revision"] = json!(app.revision(&north["endorsement"]).await);
            }
            let answer = app.answer_as(&admin, name, input, select).await;
            let payload = &answer.body["data"][name];
            let results = payload["results"].as_array().into_iter().flatten();
            let mut errors = payload["userErrors"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            errors.extend(results.flat_map(|r| r["userErrors"].as_array().unwrap().clone()));
            let missing = errors.len() == 1 && errors[0]["code"] == "NOT_FOUND";
            if !missing || answers.first().is_some_and(|first| *first != errors) {
                wrong.push(format!(
                    "{place} {id:.60}: {} {errors:?} {}",
                    answer.code(),
                    answer.body["errors"][0]["message"]
                ));
            }
            answers.push(errors);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And nothing of it did anything.
    let after = (app.view(&south["secret"]).await, app.log(&app.admin).await);
    assert_eq!(before, after);
    app.stop().await;
}

#[tokio::test]
async fn bytes_that_another_brand_stored_are_not_there_by_their_hash() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let query = format!(
        "{{ node(id: \"{}\") {{ ... on Asset {{ version {{ file {{ sha256 }} }} }} }} }}",
        south["asset"]
    );
    let hash = app.query(&query).await["node"]["version"]["file"]["sha256"].clone();
    let admin = app.token(&["ADMIN"], &["north"], &[]).await;
    let mut answers = BTreeSet::new();
    for sha256 in [hash, json!("0".repeat(64)), json!("ab".repeat(32))] {
        let input = json!({ "brand": "north", "title": "T", "file": { "sha256": sha256 } });
        let payload = app
            .mutate_as(&admin, "createAsset", input, "asset { id }")
            .await;
        answers.insert(payload.to_string());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(
        answers.iter().all(|a| a.contains("NOT_FOUND")),
        "{answers:?}"
    );
    app.stop().await;
}

#[tokio::test]
async fn an_address_of_bytes_ends_with_the_token_it_was_made_for_and_cannot_be_forged() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let query = "query($a: ID!, $e: ID!, $l: ID!) {
        a: node(id: $a) { ... on Asset { version { file { url } } } }
        e: node(id: $e) { ... on Evidence { file { url } } }
        l: node(id: $l) { ... on Lease { document { url } } }
    }";
    let variables = json!({ "a": south["asset"], "e": south["evidence"], "l": south["lease"] });
    let found = app.ask(&south["secret"], query, variables).await.data();
    let urls = [
        text(&found["a"]["version"]["file"]["url"]),
        text(&found["e"]["file"]["url"]),
        text(&found["l"]["document"]["url"]),
    ];
    let status = async |url: &str| app.http.get(url).send().await.unwrap().status().as_u16();
    for url in &urls {
        assert_eq!(status(url).await, 200, "{url}");
        let path = url.strip_prefix(&format!("{}/files/", app.url)).unwrap();
        let (grant, name) = path.split_once('/').unwrap();
        let middle = grant.len() / 2;
        let other = if grant.as_bytes()[middle] == b'A' {
            "B"
        } else {
            "A"
        };
        let mut changed = grant.to_owned();
        changed.replace_range(middle..=middle, other);
        let cursor = app
            .query("{ assets(first: 1) { pageInfo { endCursor } } }")
            .await;
        let cursor = text(&cursor["assets"]["pageInfo"]["endCursor"]);
        for forged in [
            changed,
            grant[..grant.len() - 1].to_owned(),
            format!("{grant}A"),
            cursor,
            south["beacon"].clone(),
            south["version"].clone(),
            "junk".to_owned(),
            "0".repeat(64),
        ] {
            let url = format!("{}/files/{forged}/{name}", app.url);
            assert_eq!(status(&url).await, 404, "{forged}");
        }
        // The name at its end is for people.
        assert_eq!(
            status(&format!("{}/files/{grant}/other", app.url)).await,
            200
        );
    }
    app.mutate("revokeAccessToken", json!({ "token": south["token"] }), "")
        .await;
    for url in &urls {
        assert!(matches!(status(url).await, 404 | 410), "{url}");
    }
    app.stop().await;
}
