//! Every mutation asks for its scope first.

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
        ("createRequest", "WRITE", json!({ "title": "" })),
        ("updateRequest", "WRITE", json!({ "request": "x" })),
        (
            "recordSighting",
            "USAGE_WRITE",
            json!({ "placement": "x", "found": true }),
        ),
        (
            "syncPlacements",
            "USAGE_WRITE",
            json!({ "integration": "shop", "channel": "x", "placements": [] }),
        ),
        (
            "waiveGap",
            "WRITE",
            json!({ "endorsement": "x", "channel": "x", "reason": "" }),
        ),
        (
            "importFile",
            "WRITE",
            json!({ "brand": "x", "kind": "ENDORSEMENTS", "upload": "x" }),
        ),
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
