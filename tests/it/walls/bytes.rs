//! Bytes, by their hash and by their address.

use std::collections::BTreeSet;

use serde_json::json;

use super::fields::CAPTURE;
use super::text;
use crate::support::TestApp;

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
        e: node(id: $e) { ... on Evidence { file { url } captures { file { url } text { url } } } }
        l: node(id: $l) { ... on Lease { document { url } } }
    }";
    app.behind(CAPTURE).await;
    let variables = json!({ "a": south["asset"], "e": south["evidence"], "l": south["lease"] });
    let found = app.ask(&south["secret"], query, variables).await.data();
    let urls = [
        text(&found["a"]["version"]["file"]["url"]),
        text(&found["e"]["file"]["url"]),
        text(&found["e"]["captures"][0]["file"]["url"]),
        text(&found["e"]["captures"][0]["text"]["url"]),
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
