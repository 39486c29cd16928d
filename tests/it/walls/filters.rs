//! Every filter, in every order, and every argument that names something.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{World, text};
use crate::support::{Ref, Schema, TestApp};

/// A value for each filter that would tell of the other brand, if any did.
fn filters(south: &World) -> Vec<(&'static str, Json)> {
    vec![
        ("assetKind", json!(["IMAGE"])),
        ("audience", json!(["hikers"])),
        ("availableIn", json!("site")),
        ("brand", json!(south["brand"])),
        ("channel", json!(["site"])),
        ("createdAfter", json!(TestApp::day(-1))),
        ("createdBefore", json!(TestApp::day(1))),
        ("endorsementKind", json!(["QUOTE"])),
        ("holds", json!(["NOT_APPROVED", "CLAIM_UNCONFIRMED"])),
        (
            "ids",
            json!([south["asset"], south["endorsement"], south["draft"]]),
        ),
        ("market", json!(["US"])),
        ("outlet", json!([south["outlet"]])),
        ("product", json!([south["product"], south["sku"]])),
        ("status", json!(["ACTIVE", "DRAFT"])),
        ("tags", json!(["south tag", "lantern"])),
        ("unused", json!(false)),
        ("versionState", json!(["IN_REVIEW", "APPROVED"])),
    ]
}

#[tokio::test]
async fn a_filter_finds_ones_own_only_in_any_order_and_by_an_empty_list_nothing() {
    let app = TestApp::start().await;
    app.mutate("createAudience", json!({ "name": "hikers" }), "")
        .await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let mut told = south.clone();
    told.insert("outlet", north["outlet"].clone());
    let schema = Schema::read(&app).await;
    let inputs = &schema.get("ContentFilter").inputs;
    let named: BTreeSet<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
    let given = filters(&told).iter().map(|f| f.0).collect::<BTreeSet<_>>();
    assert_eq!(given, named, "each filter has one value");
    let reader = app.token(&["READ"], &["north"], &[]).await;
    let admin = app.token(&["ADMIN"], &["north"], &[]).await;
    let query = "query($f: ContentFilter, $o: ContentOrder) {
        assets(filter: $f, orderBy: $o) { totalCount nodes { id } }
        endorsements(filter: $f, orderBy: $o) { totalCount nodes { id } }
        search(query: \"lantern\", filter: $f) { totalCount nodes { ... on Content { id } } } }";
    let none = json!({ "totalCount": 0, "nodes": [] });
    let own: BTreeSet<&String> = ["asset", "endorsement", "draft"]
        .map(|name| &north[name])
        .into();
    for token in [&reader, &admin] {
        for (name, value) in filters(&told) {
            let mut asked = vec![(json!({ name: value }), Json::Null)];
            for order in &schema.get("ContentOrder").values {
                asked.push((
                    json!({ name: value, "tags": ["south tag", "north tag"] }),
                    json!(order),
                ));
            }
            for (filter, order) in asked {
                let answer = app
                    .ask(token, query, json!({ "f": filter, "o": order }))
                    .await;
                // Only endorsements have a day of publication.
                if order == "PUBLISHED" && answer.code() == "BAD_REQUEST" {
                    continue;
                }
                let found = answer.data();
                for list in ["assets", "endorsements", "search"] {
                    let nodes = found[list]["nodes"].as_array().unwrap();
                    assert_eq!(found[list]["totalCount"], nodes.len(), "{list} by {filter}");
                    for node in nodes {
                        let id = text(&node["id"]);
                        assert!(own.contains(&id), "{list} by {filter} finds {id}");
                    }
                }
            }
            let is_list = inputs.iter().find(|i| i.name == name);
            if is_list.is_some_and(|i| matches!(i.ty, Ref::List(_))) {
                let found = app
                    .ask(token, query, json!({ "f": { name: [] } }))
                    .await
                    .data();
                for list in ["assets", "endorsements", "search"] {
                    assert_eq!(found[list], none, "{list} by {name}: []");
                }
            }
        }
    }
    // Other lists that a query takes: what is asked for in none of the states is nothing, no id opens nothing.
    let found = app
        .ask(
            &reader,
            "{ nodes(ids: []) { id } assets { nodes { placements(status: []) { totalCount } } } }",
            json!({}),
        )
        .await
        .data();
    assert_eq!(found["nodes"], json!([]));
    for node in found["assets"]["nodes"].as_array().unwrap() {
        assert_eq!(node["placements"]["totalCount"], 0);
    }
    app.stop().await;
}

/// The arguments of type ID in queries that may name a brand's thing; the others name what is shared.
const NAMING: [&str; 14] = [
    "Asset.availability.product",
    "Asset.beaconKey.product",
    "Channel.contents.product",
    "Content.availability.product",
    "Content.beaconKey.product",
    "Endorsement.availability.product",
    "Endorsement.beaconKey.product",
    "Endorsement.jsonLd.product",
    "Query.bestProof.product",
    "Query.node.id",
    "Query.nodes.ids",
    "Query.requests.assignee",
    "Query.requests.content",
    "Query.storedBytes.brand",
];

#[tokio::test]
async fn every_argument_that_may_name_a_thing_of_a_brand_is_known() {
    let app = TestApp::start().await;
    let schema = Schema::read(&app).await;
    let mut naming = BTreeSet::new();
    for ty in schema
        .names()
        .filter(|ty| *ty != "Mutation" && !ty.starts_with("__"))
    {
        for field in &schema.get(ty).fields {
            let ids = field.args.iter().filter(|arg| arg.ty.name() == "ID");
            let ids = ids.filter(|arg| !matches!(arg.name.as_str(), "channel" | "audience"));
            naming.extend(ids.map(|arg| format!("{ty}.{}.{}", field.name, arg.name)));
        }
    }
    // `bytes_of_others_are_as_unknown_as_any` tries the bytes of assets;
    // `no_id_of_another_brand_opens` and `no_filter_or_argument_tells_of_another_brand` try these.
    assert_eq!(naming, NAMING.map(str::to_owned).into());
    app.stop().await;
}

#[tokio::test]
async fn coverage_is_of_ones_own_wins_whatever_it_is_narrowed_to() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    for world in [&north, &south] {
        app.lease(
            &[&world["endorsement"], &world["asset"]],
            json!({ "endsAt": TestApp::day(20) }),
        )
        .await;
    }
    let filters = [
        ("brand", json!(south["brand"])),
        ("products", json!([south["product"], south["sku"]])),
        ("channels", json!(["site"])),
        ("outlets", json!([north["outlet"]])),
        ("wonBy", json!(south["token"])),
        ("states", json!(["GAP", "LIVE", "BLOCKED", "PLANNED"])),
        ("at", json!(TestApp::day(1))),
    ];
    let schema = Schema::read(&app).await;
    let inputs = &schema.get("CoverageFilter").inputs;
    let named: BTreeSet<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
    let given = filters.iter().map(|f| f.0).collect::<BTreeSet<_>>();
    assert_eq!(given, named, "each filter has one value");
    let query = "query($f: CoverageFilter) {
        coverage(filter: $f) { summary { endorsements } rows { totalCount nodes { endorsement { id } } } }
        waste(filter: $f) { totalCount nodes { endorsement { id } } }
        rightsEnding(withinDays: 30, filter: $f) { content { ... on Content { id } } } }";
    for scope in ["READ", "ADMIN"] {
        let token = app.token(&[scope], &["north"], &[]).await;
        for (name, value) in &filters {
            let found = app
                .ask(&token, query, json!({ "f": { *name: value } }))
                .await
                .data();
            let rows = &found["coverage"]["rows"];
            let nodes = rows["nodes"].as_array().unwrap();
            assert_eq!(rows["totalCount"], nodes.len(), "{name}");
            assert_eq!(
                found["coverage"]["summary"]["endorsements"],
                nodes.len(),
                "{name}"
            );
            for ending in found["rightsEnding"].as_array().unwrap() {
                let id = &ending["content"]["id"];
                assert!(
                    *id == north["endorsement"] || *id == north["asset"],
                    "{name}"
                );
            }
            for node in nodes
                .iter()
                .chain(found["waste"]["nodes"].as_array().unwrap())
            {
                assert_eq!(node["endorsement"]["id"], north["endorsement"], "{name}");
            }
        }
    }
    app.stop().await;
}
