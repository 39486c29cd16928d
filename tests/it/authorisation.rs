//! Who may do what: every mutation asks for its scope first, and a public token gets nothing internal.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::TestApp;

/// Every scope with those that it includes.
const SCOPES: [(&str, &[&str]); 6] = [
    ("READ_PUBLIC", &["READ_PUBLIC"]),
    ("READ", &["READ_PUBLIC", "READ"]),
    ("WRITE", &["READ_PUBLIC", "READ", "WRITE"]),
    ("REVIEW", &["READ_PUBLIC", "READ", "REVIEW"]),
    ("USAGE_WRITE", &["USAGE_WRITE"]),
    (
        "ADMIN",
        &[
            "READ_PUBLIC",
            "READ",
            "WRITE",
            "REVIEW",
            "USAGE_WRITE",
            "ADMIN",
        ],
    ),
];

/// Every mutation: the scope that it needs, and an input that the schema accepts.
fn mutations() -> Vec<(&'static str, &'static str, Json)> {
    let id = json!({ "id": "x" });
    let version = json!({ "version": "x" });
    let withdrawn = |field: &str| json!({ field: "x", "reason": "because" });
    let wording = json!({ "statements": [{ "locale": "en", "headline": "H" }] });
    vec![
        (
            "createAccessToken",
            "ADMIN",
            json!({ "name": "t", "scopes": [] }),
        ),
        ("revokeAccessToken", "ADMIN", json!({ "token": "x" })),
        ("createBrand", "ADMIN", json!({ "name": "" })),
        ("updateBrand", "ADMIN", json!({ "brand": "x" })),
        (
            "createChannel",
            "ADMIN",
            json!({ "slug": "", "name": "", "kind": "SITE" }),
        ),
        ("updateChannel", "ADMIN", json!({ "channel": "x" })),
        (
            "createProduct",
            "WRITE",
            json!({ "brand": "x", "sku": "", "name": "" }),
        ),
        ("updateProduct", "WRITE", json!({ "product": "x" })),
        (
            "createOutlet",
            "WRITE",
            json!({ "name": "", "kind": "PRESS" }),
        ),
        ("updateOutlet", "WRITE", json!({ "outlet": "x" })),
        ("createAudience", "WRITE", json!({ "name": "" })),
        (
            "createAsset",
            "WRITE",
            json!({ "brand": "x", "title": "", "text": "" }),
        ),
        (
            "addAssetVersion",
            "WRITE",
            json!({ "asset": "x", "text": "t" }),
        ),
        (
            "createEndorsement",
            "WRITE",
            json!({ "brand": "x", "title": "", "outlet": "x", "kind": "QUOTE", "publishedOn": "2026-05-01",
                    "wording": wording }),
        ),
        (
            "addEndorsementVersion",
            "WRITE",
            json!({ "endorsement": "x", "wording": wording }),
        ),
        ("addEvidence", "WRITE", json!({ "endorsement": "x" })),
        (
            "recheckEndorsement",
            "WRITE",
            json!({ "endorsement": "x", "stillSaid": true }),
        ),
        (
            "updateContent",
            "WRITE",
            json!({ "id": "x", "revision": 1 }),
        ),
        ("updateContents", "WRITE", json!({ "ids": ["x"] })),
        ("archiveContent", "WRITE", id.clone()),
        ("restoreContent", "WRITE", id.clone()),
        ("trashContent", "WRITE", id),
        ("withdrawContent", "WRITE", withdrawn("id")),
        ("submitVersion", "WRITE", version.clone()),
        ("recallVersion", "WRITE", version),
        (
            "reviewVersion",
            "REVIEW",
            json!({ "version": "x", "decision": "APPROVE" }),
        ),
        ("withdrawVersion", "REVIEW", withdrawn("version")),
        (
            "decideClaim",
            "REVIEW",
            json!({ "claim": "x", "state": "CONFIRMED" }),
        ),
        (
            "createLease",
            "WRITE",
            json!({ "contents": ["x"], "access": "ALLOW" }),
        ),
        ("endLease", "WRITE", json!({ "lease": "x" })),
        (
            "createPlacement",
            "WRITE",
            json!({ "content": "x", "channel": "x", "location": "top" }),
        ),
        ("updatePlacement", "WRITE", json!({ "placement": "x" })),
        ("recordUsage", "USAGE_WRITE", json!({ "events": [] })),
    ]
}

#[tokio::test]
async fn every_mutation_is_forbidden_to_exactly_the_scopes_that_do_not_include_its_own() {
    let app = TestApp::start().await;
    app.channel("site", json!({})).await;
    let table = mutations();
    let named: BTreeSet<String> = table.iter().map(|row| row.0.to_owned()).collect();
    let schema = app
        .query("{ __schema { mutationType { fields { name } } } }")
        .await;
    let there: BTreeSet<String> = schema["__schema"]["mutationType"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(named, there, "each mutation has one row in the table");
    let mut wrong = Vec::new();
    for (scope, includes) in SCOPES {
        let channels: &[&str] = if scope == "READ_PUBLIC" {
            &["site"]
        } else {
            &[]
        };
        let token = app.token(&[scope], &[], channels).await;
        for (name, needs, input) in &table {
            let answer = app.answer_as(&token, name, input.clone(), "").await;
            let code = answer.code();
            assert!(
                matches!(code, "none" | "FORBIDDEN" | "BAD_REQUEST" | "NOT_FOUND"),
                "{name} as {scope}: {:#}",
                answer.body
            );
            // The row must tell something: its input is one that the schema accepts.
            assert_ne!(code, "BAD_REQUEST", "{name}: {:#}", answer.body);
            if (code == "FORBIDDEN") == includes.contains(needs) {
                wrong.push(format!("{name} as {scope}: {code}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    app.stop().await;
}

#[tokio::test]
async fn no_unknown_expired_or_revoked_token_is_let_in() {
    let app = TestApp::start().await;
    let short = json!({ "name": "short", "scopes": ["READ"], "expiresAt": app.day(1) });
    let short = app.mutate("createAccessToken", short, "secret").await;
    let short = short["secret"].as_str().unwrap().to_owned();
    let lost = json!({ "name": "lost", "scopes": ["READ"] });
    let lost = app
        .mutate("createAccessToken", lost, "secret token { id }")
        .await;
    let id = lost["token"]["id"].clone();
    let lost = lost["secret"].as_str().unwrap().to_owned();
    for good in [&short, &lost] {
        let me = app.ask(good, "{ me { __typename } }", json!({})).await;
        assert_eq!(me.data()["me"]["__typename"], "AccessToken");
    }
    app.mutate("revokeAccessToken", json!({ "token": id }), "")
        .await;
    app.advance(chrono::TimeDelta::days(1));
    // Its checksum is right, but nobody has it.
    let mut unknown = app.admin.clone();
    unknown.replace_range(10..12, if &unknown[10..12] == "AA" { "BB" } else { "AA" });
    let headers = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer junk".to_owned()),
        Some(format!("Basic {}", app.admin)),
        Some(format!("Bearer {}x", app.admin)),
        Some(format!("Bearer {unknown}")),
        Some(format!("Bearer {short}")),
        Some(format!("Bearer {lost}")),
    ];
    let mut texts = BTreeSet::new();
    for header in headers {
        let mut request = app
            .http
            .post(format!("{}/graphql?access_token={}", app.url, app.admin))
            .json(&json!({ "query": "{ me { __typename } }" }));
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{header:?}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body: Json = response.json().await.unwrap();
        let error = &body["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{header:?}");
        assert!(body.get("data").is_none(), "{body}");
        texts.insert(error["message"].to_string());
    }
    assert_eq!(texts.len(), 1, "the reason is not told: {texts:?}");
    app.stop().await;
}

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
    let later = json!({ "channels": ["site"], "releaseAt": app.day(3) });
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
    let file = ("next.png", crate::support::png(1300, 1300, 3));
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
    assert!(!latest.body.to_string().contains('2'), "{:#}", latest.body);
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
    let at = app.day(5);
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
