//! Lists and pages.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::support::TestApp;

/// What a channel's page asks of each content.
const PAGE: &str =
    "query($first: Int!) { channel(slug: \"site\") { contents(first: $first) { nodes {
    __typename id title tags markets products { id name } channels { id slug }
    leases { id endsAt terms { noExcerpt } }
    availability(channel: \"site\") { available until holds { reason } terms { showYear } }
    ... on Asset { version { id number file { sha256 url width height } } }
    ... on Endorsement { version { id number byline statements { locale headline quote } } }
} } } }";

#[tokio::test]
async fn a_page_of_twenty_takes_as_many_statements_as_a_page_of_one() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.product("north", "NL-1").await;
    app.channel("site", json!({})).await;
    let outlet = app.outlet("Trailbench", json!({})).await;
    let labels = json!({ "channels": ["site"], "products": ["NL-1"], "tags": ["spring"] });
    for i in 0..10 {
        let asset = app
            .asset("north", &format!("Picture {i}"), labels.clone())
            .await;
        app.endorsement("north", &format!("Win {i}"), &outlet, labels.clone())
            .await;
        app.lease(&[&asset], json!({})).await;
    }
    let counted = AtomicU64::new(app.app.db.statements());
    let mut taken = Vec::new();
    for first in [1, 1, 20, 20, 1] {
        counted.store(app.app.db.statements(), Ordering::Relaxed);
        let data = app
            .ask(&app.admin, PAGE, json!({ "first": first }))
            .await
            .data();
        let nodes = data["channel"]["contents"]["nodes"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(nodes, first);
        taken.push(app.app.db.statements() - counted.load(Ordering::Relaxed));
    }
    // The page and the products. Three more read what is not known yet; the first time, the caller and the
    // channels are read, too.
    assert_eq!(taken[1..], [2, 5, 2, 2], "{taken:?}");
    app.stop().await;
}

/// Lists inside lists: what hangs on each product and each outlet. Each is asked for by itself: of two lists beside
/// each other, what hangs on them is read together only where both are there at the same moment.
const NESTED: [&str; 2] = [
    "query($first: Int!) { products(first: $first) { nodes { sku
        endorsements(first: 2) { totalCount pageInfo { hasNextPage } nodes { id title } }
        assets(first: 2, channel: \"site\") { totalCount pageInfo { hasNextPage } nodes { id title } }
    } } }",
    "query($first: Int!) { outlets(first: $first) { nodes { name
        endorsements(first: 2) { totalCount nodes { id title } }
    } } }",
];

#[tokio::test]
async fn lists_inside_a_list_are_read_together() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    for i in 0..4 {
        app.product("north", &format!("NL-{i}")).await;
        let outlet = app.outlet(&format!("Outlet {i}"), json!({})).await;
        let labels = json!({ "channels": ["site"], "products": [format!("NL-{i}")] });
        for n in 0..=i {
            let title = format!("{i}.{n}");
            app.endorsement("north", &title, &outlet, labels.clone())
                .await;
            app.asset("north", &title, labels.clone()).await;
            // Of no channel: it is a picture of the product's, but does not go out.
            let elsewhere = json!({ "products": [format!("NL-{i}")] });
            app.asset("north", &format!("{title} draft"), elsewhere)
                .await;
        }
    }
    let ask = async |query: &'static str, first: i32| {
        let before = app.app.db.statements();
        let variables = json!({ "first": first });
        let data = app.ask(&app.admin, query, variables).await.data();
        (data, app.app.db.statements() - before)
    };
    let mut data = Vec::new();
    for query in NESTED {
        ask(query, 1).await;
        let ((_, one), (found, four)) = (ask(query, 1).await, ask(query, 4).await);
        assert_eq!(one, four, "{query}");
        data.push(found);
    }
    let titles = |list: &serde_json::Value| -> Vec<String> {
        let nodes = list["nodes"].as_array().unwrap();
        nodes
            .iter()
            .map(|n| n["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let nodes = |of: &'static str, found: &serde_json::Value| {
        found[of]["nodes"].as_array().unwrap().clone()
    };
    let (products, outlets) = (nodes("products", &data[0]), nodes("outlets", &data[1]));
    assert_eq!((products.len(), outlets.len()), (4, 4));
    for (i, (product, outlet)) in products.iter().zip(&outlets).enumerate() {
        let expected: Vec<String> = (0..=i).rev().take(2).map(|n| format!("{i}.{n}")).collect();
        for list in [
            &product["endorsements"],
            &product["assets"],
            &outlet["endorsements"],
        ] {
            assert_eq!(titles(list), expected, "{list}");
            assert_eq!(list["totalCount"], i + 1);
        }
        assert_eq!(product["assets"]["pageInfo"]["hasNextPage"], i > 1);
    }
    app.stop().await;
}
