//! A token of READ_PUBLIC: what is out now, and nothing internal.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{TestApp, png};

/// What is internal, of a content.
const INTERNAL: [&str; 9] = [
    "leases { id }",
    "placements { totalCount }",
    "usage { clicks }",
    "history { totalCount }",
    "versions { totalCount }",
    "createdBy { __typename }",
    "version { reviews { id } }",
    "version { note }",
    "availability(channel: \"site\") { holds { message } }",
];

/// And of an endorsement alone.
const OF_ENDORSEMENTS: [&str; 4] = [
    "evidence { id }",
    "claims { id }",
    "wonBy { __typename }",
    "recheckDueAt",
];

/// The same selection of a content as plain fields, under an alias, in fragments, and by the interface.
fn ways(selection: &str, ty: &str) -> Vec<String> {
    let list = if ty == "Endorsement" {
        "endorsements"
    } else {
        "assets"
    };
    let mut ways = vec![
        format!("{{ {list} {{ nodes {{ {selection} }} }} }}"),
        format!("{{ a: {list} {{ b: nodes {{ c: {selection} }} }} }}"),
        format!("{{ {list} {{ edges {{ node {{ ... on {ty} {{ {selection} }} }} }} }} }}"),
        format!(
            "{{ {list} {{ nodes {{ ...F }} }} }} fragment F on {ty} {{ ...G }} fragment G on {ty} {{ {selection} }}"
        ),
        format!("{{ node(id: \"x\") {{ ... on {ty} {{ {selection} }} }} }}"),
        format!("{{ nodes(ids: []) {{ ... on {ty} {{ x: {selection} }} }} }}"),
        format!(
            "{{ channel(slug: \"none\") {{ contents {{ nodes {{ ... on {ty} {{ {selection} }} }} }} }} }}"
        ),
        format!(
            "query A {{ {list}(first: 0) {{ nodes {{ ... @skip(if: true) {{ {selection} }} }} }} }}"
        ),
    ];
    if ty == "Content" {
        ways.retain(|way| !way.contains("{ assets") && !way.contains(": assets"));
    }
    ways
}

#[tokio::test]
async fn a_public_token_is_refused_what_is_internal_however_it_asks() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    app.asset("north", "Lantern", json!({ "channels": ["site"] }))
        .await;
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    let reader = app.token(&["READ"], &[], &[]).await;
    let mut documents: Vec<String> = [
        "{ brands { id } }",
        "{ products { totalCount } }",
        "{ outlets { totalCount } }",
        "{ audiences { id } }",
        "{ reviewQueue { totalCount } }",
        "{ search(query: \"a\") { totalCount } }",
        "{ x: search(query: \"a\") { totalCount } }",
        "{ ...Q } fragment Q on Query { reviewQueue { totalCount } }",
        "{ node(id: \"x\") { ... on Lease { fee { amount } } } }",
        "{ node(id: \"x\") { ... on Evidence { url } } }",
        "{ node(id: \"x\") { ... on Claim { text } } }",
        "{ node(id: \"x\") { ... on Review { note } } }",
        "{ node(id: \"x\") { ... on Placement { beaconKey } } }",
        "{ node(id: \"x\") { ... on AuditEntry { changes } } }",
        "{ node(id: \"x\") { ... on Outlet { usageTerms } } }",
        "{ channel(slug: \"site\") { rules { check } } }",
        "{ assets { nodes { version { file { metadata } } } } }",
    ]
    .map(str::to_owned)
    .into();
    for selection in INTERNAL {
        for ty in ["Asset", "Endorsement", "Content"] {
            documents.extend(ways(selection, ty));
        }
    }
    for selection in OF_ENDORSEMENTS {
        documents.extend(ways(selection, "Endorsement"));
    }
    for document in &documents {
        let answer = app.ask(&public, document, json!({})).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{document}: {:#}", answer.body);
        assert!(
            answer.body.get("data").is_none(),
            "{document}: something ran"
        );
        let answer = app.ask(&reader, document, json!({})).await;
        assert_eq!(answer.code(), "none", "{document}: {:#}", answer.body);
    }
    let log = "{ auditLog { totalCount } }";
    for token in [&public, &reader] {
        assert_eq!(app.ask(token, log, json!({})).await.code(), "FORBIDDEN");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_public_token_sees_what_is_out_now_in_its_channels_and_nothing_else() {
    let app = TestApp::start().await;
    app.brand("north").await;
    for slug in ["site", "press"] {
        app.channel(slug, json!({})).await;
    }
    let out = app
        .asset("north", "Lantern", json!({ "channels": ["site"] }))
        .await;
    let elsewhere = app
        .asset("north", "Lamp", json!({ "channels": ["press"] }))
        .await;
    let draft = app
        .draft_asset("north", "Sketch", json!({ "channels": ["site"] }))
        .await;
    let later = json!({ "channels": ["site"], "releaseAt": TestApp::day(3) });
    let later = app.asset("north", "Surprise", later).await;
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    let ask = async |query: &str| app.ask(&public, query, json!({})).await;
    let listed = ask("{ assets { totalCount nodes { id } } }").await.data();
    assert_eq!(
        listed["assets"],
        json!({ "totalCount": 1, "nodes": [{ "id": out }] })
    );
    let named = format!(
        "{{ assets(filter: {{ ids: [\"{draft}\", \"{later}\", \"{elsewhere}\"] }}) {{ totalCount nodes {{ id }} }} }}"
    );
    let named = ask(&named).await.data();
    assert_eq!(named["assets"], json!({ "totalCount": 0, "nodes": [] }));
    for (id, seen) in [
        (&out, true),
        (&draft, false),
        (&later, false),
        (&elsewhere, false),
    ] {
        let node = ask(&format!("{{ node(id: \"{id}\") {{ id }} }}"))
            .await
            .data();
        assert_eq!(node["node"].is_null(), !seen, "{id}");
    }
    // A newer version in the works does not show, nor does its id open.
    let made = json!({ "asset": out, "file": { "upload": null } });
    let file = ("next.png", png(1300, 1300, 3));
    let made = app
        .upload_as(
            &app.admin,
            "addAssetVersion",
            made,
            "version { id }",
            "file.upload",
            file,
        )
        .await;
    let next = made["version"]["id"].as_str().unwrap();
    let node = ask(&format!("{{ node(id: \"{next}\") {{ id }} }}"))
        .await
        .data();
    assert_eq!(node["node"], Json::Null);
    let latest = ask("{ assets { nodes { version { number } latestVersion { number } } } }").await;
    let latest = latest.data();
    assert!(!latest.to_string().contains('2'), "{latest:#}");
    let hidden = ask("{ channel(slug: \"press\") { id } }").await.data();
    assert_eq!(hidden["channel"], Json::Null);
    let tree = ask("{ channels { totalCount nodes { slug } } }")
        .await
        .data();
    assert_eq!(
        tree["channels"],
        json!({ "totalCount": 1, "nodes": [{ "slug": "site" }] })
    );
    let there =
        ask("{ assets { nodes { availability(channel: \"press\") { available } } } }").await;
    assert_eq!(there.code(), "NOT_FOUND", "{:#}", there.body);
    let at = TestApp::day(5);
    for query in [
        format!("{{ channel(slug: \"site\") {{ contents(at: \"{at}\") {{ totalCount }} }} }}"),
        format!(
            "{{ assets {{ nodes {{ availability(channel: \"site\", at: \"{at}\") {{ available }} }} }} }}"
        ),
    ] {
        let answer = ask(&query).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{:#}", answer.body);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_public_address_of_bytes_ends_when_they_may_no_longer_go_out() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let labels = json!({ "channels": ["site"], "expireAt": TestApp::day(1) });
    let mut urls = Vec::new();
    let mut ids = Vec::new();
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    for title in ["Expires", "Is withdrawn", "Is archived"] {
        let id = app.asset("north", title, labels.clone()).await;
        let query = "query($id: ID!) { node(id: $id) { ... on Asset { version { file { url sha256 } } } } }";
        let found = app.ask(&public, query, json!({ "id": id })).await.data();
        urls.push(found["node"]["version"]["file"].clone());
        ids.push(id);
    }
    let status = async |file: &Json, method: Method, cached: bool| {
        let mut request = app.http.request(method, file["url"].as_str().unwrap());
        if cached {
            let tag = format!("\"{}\"", file["sha256"].as_str().unwrap());
            request = request.header("if-none-match", tag);
        }
        request.send().await.unwrap().status().as_u16()
    };
    for file in &urls {
        assert_eq!(status(file, Method::GET, false).await, 200);
        assert_eq!(status(file, Method::GET, true).await, 304);
    }
    let gone = json!({ "id": ids[1], "reason": "The outlet took it back" });
    app.mutate("withdrawContent", gone, "").await;
    app.mutate("archiveContent", json!({ "id": ids[2] }), "")
        .await;
    for file in &urls[1..] {
        assert_eq!(status(file, Method::GET, false).await, 410);
        assert_eq!(status(file, Method::GET, true).await, 410);
        assert_eq!(status(file, Method::HEAD, false).await, 410);
    }
    // A minute before its end, and at it; the address itself lives on.
    app.advance(chrono::TimeDelta::days(1) - chrono::TimeDelta::minutes(1));
    let query =
        "query($id: ID!) { node(id: $id) { ... on Asset { version { file { url sha256 } } } } }";
    let found = app
        .ask(&public, query, json!({ "id": ids[0] }))
        .await
        .data();
    urls[0] = found["node"]["version"]["file"].clone();
    assert_eq!(status(&urls[0], Method::GET, false).await, 200);
    app.advance(chrono::TimeDelta::minutes(1));
    assert_eq!(status(&urls[0], Method::GET, false).await, 410);
    assert_eq!(status(&urls[0], Method::GET, true).await, 410);
    assert_eq!(status(&urls[0], Method::HEAD, false).await, 410);
    app.stop().await;
}

#[tokio::test]
async fn a_public_token_finds_by_reference_no_more_than_by_list() {
    let app = TestApp::start().await;
    app.brand("north").await;
    for slug in ["site", "press"] {
        app.channel(slug, json!({})).await;
    }
    app.product("north", "NL-1").await;
    let labels = json!({ "channels": ["site", "press"], "products": ["NL-1"] });
    let inside = json!({ "channels": ["press"], "products": ["NL-1"] });
    let draft = app.draft_asset("north", "Sketch", labels.clone()).await;
    let outlet = app.outlet("Trailbench", json!({})).await;
    app.mutate(
        "updateOutlet",
        json!({ "outlet": outlet, "logo": draft }),
        "",
    )
    .await;
    let mut more = labels.clone();
    more["assets"] = json!([draft]);
    let win = app.endorsement("north", "Top pick", &outlet, more).await;
    app.endorsement("north", "Inside", &outlet, inside.clone())
        .await;
    let picture = app.asset("north", "Lantern", labels).await;
    app.asset("north", "Inside", inside).await;
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    let query = "{
        endorsements(first: 9) { totalCount nodes { id assets { id } channels { slug }
            outlet { logo { id } endorsements { totalCount nodes { id } } }
            products { sku channels { slug } assets { totalCount nodes { id } } endorsements { totalCount nodes { id } } } } }
        assets { totalCount nodes { id channels { slug } endorsements { id } } }
        channels { nodes { slug contents { totalCount } children { slug } parent { slug } } }
    }";
    let seen = app.ask(&public, query, json!({})).await.data();
    let one = |id: &str| json!({ "totalCount": 1, "nodes": [{ "id": id }] });
    let site = json!([{ "slug": "site" }]);
    let product = json!({ "sku": "NL-1", "channels": [], "assets": one(&picture), "endorsements": one(&win) });
    let expected = json!({
        "endorsements": { "totalCount": 1, "nodes": [{ "id": win, "assets": [], "channels": site,
            "outlet": { "logo": null, "endorsements": one(&win) }, "products": [product] }] },
        "assets": { "totalCount": 1, "nodes": [{ "id": picture, "channels": site, "endorsements": [] }] },
        "channels": { "nodes": [{ "slug": "site", "contents": { "totalCount": 2 }, "children": [], "parent": null }] },
    });
    assert_eq!(seen, expected, "{seen:#}");
    app.stop().await;
}
