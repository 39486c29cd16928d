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
    // The first time, the channels are read into memory; after that they are there.
    for first in [1, 1, 20, 1] {
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
    assert_eq!(taken[1..], [taken[1]; 3], "{taken:?}");
    // The page, three for the gate's facts, and the products; the caller is known from the first time.
    assert_eq!(taken[1], 5, "{taken:?}");
    app.stop().await;
}
