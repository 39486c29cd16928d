//! Mutations that name what is behind the wall.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::places::id_places;
use super::{World, random};
use crate::support::{TestApp, png};

/// Every place in a mutation's input where an id of a brand's thing may stand: what stands there of the
/// other brand, and an input that is right but for it, where `@` is.
fn rows(north: &World, stored: &Json, table: &str) -> Vec<(&'static str, &'static str, Json)> {
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
    let synced = |more: Json| {
        let one = json!({ "key": "1", "content": north["asset"], "location": "top" });
        json!({ "integration": "shop", "channel": "site", "placements": [with(one, more)] })
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
            "addEvidence.file.tus",
            "upload",
            json!({ "endorsement": north["endorsement"], "file": { "tus": "@" } }),
        ),
        (
            "createAsset.file.tus",
            "upload",
            json!({ "brand": "north", "title": "T", "file": { "tus": "@" } }),
        ),
        (
            "addAssetVersion.file.tus",
            "upload",
            json!({ "asset": north["asset"], "file": { "tus": "@" } }),
        ),
        (
            "createLease.document.tus",
            "upload",
            json!({ "contents": [north["asset"]], "access": "ALLOW", "document": { "tus": "@" } }),
        ),
        (
            "reviewVersion.document.tus",
            "upload",
            json!({ "version": north["waiting"], "decision": "APPROVE", "document": { "tus": "@" } }),
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
            "waiveGap.endorsement",
            "endorsement",
            json!({ "endorsement": "@", "channel": "site", "reason": "because" }),
        ),
        (
            "recordSighting.placement",
            "placement",
            json!({ "placement": "@", "found": true }),
        ),
        (
            "syncPlacements.placements.content",
            "asset",
            synced(json!({ "content": "@" })),
        ),
        (
            "syncPlacements.placements.version",
            "version",
            synced(json!({ "version": "@" })),
        ),
        (
            "syncPlacements.placements.product",
            "product",
            synced(json!({ "product": "@" })),
        ),
        (
            "createRequest.brand",
            "brand",
            json!({ "title": "T", "brand": "@" }),
        ),
        (
            "createRequest.content",
            "asset",
            json!({ "title": "T", "content": "@" }),
        ),
        (
            "createRequest.placement",
            "placement",
            json!({ "title": "T", "placement": "@" }),
        ),
        (
            "createRequest.product",
            "product",
            json!({ "title": "T", "product": "@" }),
        ),
        (
            "createRequest.assignee",
            "token",
            json!({ "title": "T", "assignee": "@" }),
        ),
        (
            "updateRequest.request",
            "request",
            json!({ "request": "@", "state": "ACCEPTED" }),
        ),
        (
            "updateRequest.assignee",
            "token",
            json!({ "request": of("request"), "assignee": "@" }),
        ),
        (
            "updateRequest.fulfilledBy",
            "version",
            json!({ "request": of("request"), "fulfilledBy": "@" }),
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
        (
            "importFile.brand",
            "brand",
            json!({ "brand": "@", "kind": "ENDORSEMENTS", "upload": table }),
        ),
        (
            "importFile.upload",
            "upload",
            json!({ "brand": "north", "kind": "ENDORSEMENTS", "upload": "@" }),
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
    let table = app.table_as(&admin, b"key\n").await;
    let stored = &stored["asset"]["latestVersion"]["file"]["sha256"];
    let rows = rows(&north, stored, &table);
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
        let select = match name {
            "updateContents" => "results { userErrors { code field message } }",
            "syncPlacements" => "rejected { reason }",
            _ => "",
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
            // What an integration reports is taken or not, one by one; the reason says it.
            let rejected = payload["rejected"].as_array().into_iter().flatten();
            errors.extend(rejected.map(|r| json!({ "code": "NOT_FOUND", "reason": r["reason"] })));
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
async fn a_list_that_names_a_foreign_thing_beside_ones_own_is_refused_for_the_foreign_one() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let admin = app.token(&["ADMIN"], &["north"], &[]).await;
    for theirs in [south["asset"].clone(), random(&south["asset"])] {
        let ids = json!([north["draft"], theirs]);
        let lease = json!({ "contents": ids, "access": "DENY" });
        let payload = app
            .mutate_as(&admin, "createLease", lease, "lease { id }")
            .await;
        assert_eq!(payload["lease"], Json::Null);
        assert_eq!(
            payload["userErrors"][0]["field"],
            json!(["input", "contents", "1"])
        );
        let bulk = json!({ "ids": ids, "addTags": ["mine"] });
        let select = "results { content { tags } userErrors { code field } }";
        let payload = app.mutate_as(&admin, "updateContents", bulk, select).await;
        let tags = &payload["results"][0]["content"]["tags"];
        assert_eq!(*tags, json!(["mine", "north tag"]));
        let theirs = &payload["results"][1];
        assert_eq!(theirs["content"], Json::Null);
        assert_eq!(theirs["userErrors"][0]["code"], "NOT_FOUND");
    }
    for brands in [json!(["north", "south"]), json!(["north", "nowhere"])] {
        let token = json!({ "name": "t", "scopes": ["READ"], "brands": brands });
        let payload = app
            .mutate_as(&admin, "createAccessToken", token, "secret")
            .await;
        assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(payload["secret"], Json::Null);
    }
    let tagged = app
        .query("{ assets(filter: { tags: [\"mine\"] }) { nodes { id } } }")
        .await;
    assert_eq!(tagged["assets"]["nodes"], json!([{ "id": north["draft"] }]));
    app.stop().await;
}

#[tokio::test]
async fn a_write_that_is_forbidden_has_changed_nothing() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let hash =
        "query($id: ID!) { node(id: $id) { ... on Asset { version { file { sha256 url } } } } }";
    let file = app
        .ask(&app.admin, hash, json!({ "id": north["asset"] }))
        .await
        .data();
    let file = file["node"]["version"]["file"].clone();
    let bytes = async || {
        let response = app
            .http
            .get(file["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        response.bytes().await.unwrap()
    };
    let before = (app.view(&app.admin).await, bytes().await);
    let tokens = [
        app.token(&["READ"], &["north"], &[]).await,
        app.token(&["READ_PUBLIC"], &["north"], &["site"]).await,
    ];
    let log = app.log(&app.admin).await;
    for token in &tokens {
        // Inputs that are right for who may: the ids are of things that are there.
        for (place, kind, input) in rows(&north, &file["sha256"], "upload_x") {
            let name = place.split('.').next().unwrap();
            let answer = app
                .answer_as(token, name, filled(&input, &north[kind]), "")
                .await;
            assert_eq!(answer.code(), "FORBIDDEN", "{place}: {:#}", answer.body);
        }
        let input = json!({ "asset": north["asset"], "file": { "upload": null } });
        let other = ("other.png", png(9, 9, 9));
        let answer = app
            .send_upload(token, "addAssetVersion", input, "", "file.upload", other)
            .await;
        assert_eq!(answer.code(), "FORBIDDEN", "{:#}", answer.body);
    }
    assert_eq!(app.log(&app.admin).await, log);
    assert_eq!((app.view(&app.admin).await, bytes().await), before);
    app.stop().await;
}
