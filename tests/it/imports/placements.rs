//! Placements from a table.

use serde_json::{Value as Json, json};

use super::{counts, faults};
use crate::support::TestApp;

const ALL: &str = "query($id: ID!) { node(id: $id) { ... on Content { placements(first: 50) { nodes {
    id location url status plannedFor version { number } channel { slug } product { sku } audience { slug } } } } } }";

async fn all(app: &TestApp, content: &str) -> Vec<Json> {
    let data = app
        .ask(&app.admin, ALL, json!({ "id": content }))
        .await
        .data();
    data["node"]["placements"]["nodes"]
        .as_array()
        .unwrap()
        .clone()
}

async fn import(app: &TestApp, table: &str) -> Json {
    app.import_as(&app.admin, "PLACEMENTS", table, false).await
}

/// A brand with an approved win that may be shown on the site, and its key.
async fn ground(app: &TestApp) -> String {
    app.brand("north").await;
    app.product("north", "N-1").await;
    app.channel("site", json!({})).await;
    app.channel(
        "one",
        json!({ "rules": [{ "check": "MAX_ENDORSEMENTS", "value": 1, "severity": "ERROR" }] }),
    )
    .await;
    let outlet = app.outlet("Trailbench", json!({})).await;
    let labels = json!({ "channels": ["site", "one"], "products": ["N-1"] });
    app.endorsement("north", "Best torch", &outlet, labels)
        .await
}

#[tokio::test]
async fn placements_are_made_once_changed_and_tried() {
    let app = TestApp::start().await;
    let win = ground(&app).await;
    let keyed = format!("key,tags\n{win},x\n");
    app.import(&keyed).await;
    let table = format!(
        "key,content,channel,product,location,url,status,planned_for\n\
         p1,{win},site,N-1,top,https://north.example/a,live,\n\
         p2,{win},site,,bottom,,,2026-12-24\n"
    );
    assert_eq!(
        counts(&app.import_as(&app.admin, "PLACEMENTS", &table, true).await),
        (2, 0, 0)
    );
    assert_eq!(all(&app, &win).await, Vec::<Json>::new());
    assert_eq!(counts(&import(&app, &table).await), (2, 0, 0));
    let made = all(&app, &win).await;
    let live = made.iter().find(|p| p["location"] == "top").unwrap();
    assert_eq!(
        (&live["status"], &live["product"]["sku"]),
        (&json!("LIVE"), &json!("N-1"))
    );
    let planned = made.iter().find(|p| p["location"] == "bottom").unwrap();
    assert_eq!(
        (&planned["status"], &planned["plannedFor"]),
        (&json!("PLANNED"), &json!("2026-12-24"))
    );
    assert_eq!(counts(&import(&app, &table).await), (0, 0, 2));
    assert_eq!(all(&app, &win).await, made);
    // What is not spoken of stays.
    assert_eq!(
        counts(&import(&app, "key,status\np1,RETIRED\np2,PLANNED\n").await),
        (0, 1, 1)
    );
    let after = all(&app, &win).await;
    let retired = after.iter().find(|p| p["location"] == "top").unwrap();
    assert_eq!(
        (&retired["status"], &retired["url"]),
        (&json!("RETIRED"), &json!("https://north.example/a"))
    );
    // There is no way back, and no other place for it.
    for (table, column) in [
        ("key,status\np1,LIVE\n", "status"),
        ("key,channel\np2,one\n", "channel"),
    ] {
        let told = faults(&import(&app, table).await);
        assert_eq!(
            told.iter().map(|f| (f.0, &*f.1)).collect::<Vec<_>>(),
            [(2, column)]
        );
    }
    assert_eq!(all(&app, &win).await, after);
    app.stop().await;
}

#[tokio::test]
async fn one_row_that_the_gate_or_the_channel_refuses_keeps_all_back() {
    let app = TestApp::start().await;
    let win = ground(&app).await;
    let draft = app.draft_asset("north", "Sketch", json!({})).await;
    let table = format!(
        "key,content,channel,location,status,product\n\
         a,{win},site,top,LIVE,\n\
         b,{draft},site,top,LIVE,\n\
         c,{win},nowhere,top,LIVE,\n\
         d,{win},site,,LIVE,N-9\n"
    );
    let told: Vec<(i64, String)> = faults(&import(&app, &table).await)
        .into_iter()
        .map(|f| (f.0, f.1))
        .collect();
    let expected = [(4, "channel"), (5, "product")].map(|(l, c)| (l, c.to_owned()));
    assert_eq!(told, expected);
    // What names something is asked of the gate, in a dry run too.
    let table = format!(
        "key,content,channel,location,status\n\
         a,{win},one,top,LIVE\n\
         b,{draft},site,top,LIVE\n\
         c,{win},one,bottom,LIVE\n\
         d,{win},one,,LIVE\n"
    );
    for dry_run in [true, false] {
        let import = app
            .import_as(&app.admin, "PLACEMENTS", &table, dry_run)
            .await;
        let told: Vec<(i64, String)> = faults(&import).into_iter().map(|f| (f.0, f.1)).collect();
        assert!(told.contains(&(5, "location".to_owned())), "{told:?}");
    }
    let table = table
        .replace("\nd,", "\ne,")
        .replace(",one,,", ",site,footer,");
    for dry_run in [true, false] {
        let import = app
            .import_as(&app.admin, "PLACEMENTS", &table, dry_run)
            .await;
        let lines: Vec<i64> = faults(&import).into_iter().map(|f| f.0).collect();
        assert_eq!(lines, [3, 4], "{import:#}");
    }
    assert_eq!(all(&app, &win).await, Vec::<Json>::new());
    app.stop().await;
}
