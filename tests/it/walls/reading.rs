//! Lists, nodes, filters and arguments.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::random;
use crate::support::TestApp;

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
        .filter(|name| !matches!(*name, "secret" | "beacon" | "slug" | "sku" | "upload"))
        .collect();
    let ids: Vec<&String> = things.iter().map(|name| &south[name]).collect();
    let query =
        "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename id } node(id: $id) { id } }";
    for token in &tokens {
        for (thing, id) in things.iter().zip(&ids) {
            let answer = app.ask(token, query, json!({ "ids": ids, "id": id })).await;
            let told = |mut body: Json| {
                // What the token has left is less each time.
                body["extensions"]["cost"]["remaining"].take();
                body
            };
            let body = told(answer.body.clone());
            let data = answer.data();
            // Nor does an answer tell an id that is behind the wall from one that nobody has, or none.
            for other in [random(id), format!("{id}!"), "junk".to_owned()] {
                let variables = json!({ "ids": ids, "id": other });
                let other = app.ask(token, query, variables).await;
                assert_eq!(told(other.body), body, "{thing}");
            }
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
                "query($p: ID, $id: ID!) { node(id: $id) { ... on Content { beaconKey(channel: \"site\", product: $p) } } }",
                "query($p: ID, $id: ID!) { endorsements { nodes { jsonLd(channel: \"site\", product: $p) } } node(id: $id) { id } }",
                "query($p: ID, $id: ID!) { bestProof(channel: \"site\", product: $p) { score } node(id: $id) { id } }",
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
        for (argument, foreign) in [("content", "asset"), ("assignee", "token")] {
            for named in [id(foreign), random(&south[foreign]), "junk".to_owned()] {
                let query = format!("{{ requests({argument}: \"{named}\") {{ totalCount }} }}");
                let answer = app.ask(token, &query, json!({})).await;
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

#[tokio::test]
async fn what_is_shared_does_not_show_what_stands_behind_the_wall() {
    let app = TestApp::start().await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    // Things of both that a token of all brands has tied together.
    let logo = json!({ "outlet": north["outlet"], "logo": south["asset"] });
    app.mutate("updateOutlet", logo, "").await;
    let won = json!({ "id": north["endorsement"], "wonBy": south["token"],
        "revision": app.revision(&north["endorsement"]).await });
    app.mutate("updateContent", won, "").await;
    let both = json!({ "name": "both", "scopes": ["READ"], "brands": ["north", "south"] });
    let both = app.mutate("createAccessToken", both, "token { id }").await;
    let query = "query($o: ID!, $e: ID!, $t: ID!) {
        outlet: node(id: $o) { ... on Outlet { logo { id title } endorsements { totalCount } } }
        endorsement: node(id: $e) { ... on Endorsement {
            createdBy { __typename } wonBy { __typename } version { author { __typename } } } }
        token: node(id: $t) { id }
    }";
    let variables =
        json!({ "o": north["outlet"], "e": north["endorsement"], "t": both["token"]["id"] });
    for scope in ["READ", "ADMIN"] {
        let token = app.token(&[scope], &["north"], &[]).await;
        let seen = app.ask(&token, query, variables.clone()).await.data();
        let somebody = json!({ "__typename": "System" });
        let expected = json!({
            "outlet": { "logo": null, "endorsements": { "totalCount": 1 } },
            "endorsement": { "createdBy": somebody, "wonBy": somebody, "version": { "author": somebody } },
            "token": null,
        });
        assert_eq!(seen, expected, "{scope}");
    }
    let all = app.ask(&app.admin, query, variables).await.data();
    assert_eq!(all["outlet"]["logo"]["id"], json!(south["asset"]));
    assert_eq!(all["endorsement"]["wonBy"]["__typename"], "AccessToken");
    app.stop().await;
}
