//! Endorsements from a table.

use serde_json::{Value as Json, json};

use super::{counts, faults};
use crate::support::TestApp;

const TABLE: &str = "\u{feff}key,Title,outlet,kind,published on,source_url,locale,headline,quote,headline:de,quote:DE,award,byline,\
rank,rating,rating_scale,rating_count,material_connection,recheck_every_days,claims,tags,products,channels,markets,\
audiences,release_at,expire_at,note\r\n\
w1,Best torch,Trailbench,AWARD,2026-03-04,https://trailbench.example/1,en,Torch of the year,\"It lasts, \"\"really\"\".\",\
Fackel des Jahres,Sie hält.,Gold,Ana Ruiz,1,4.5,5,120,GIFTED,90,N-1=It is the lightest.|N-1=a\\|b,Gold|outdoor,N-1,site,\
US|DE,hikers,2026-05-01T00:00:00Z,2030-01-01T00:00:00Z,From the list\r\n\
w2,,trailbench,quote,2026-04-01,,de,=HYPERLINK(\"x\"),,,,,,,,,,,,,,,,,,,,\r\n";

const ALL: &str = "{ endorsements(first: 50) { totalCount nodes { id title kind publishedOn sourceUrl revision
    outlet { name } tags markets products { sku } channels { slug } audiences { slug } releaseAt expireAt
    recheckDueAt claims { text product { sku } } evidence { url state } assets { title }
    latestVersion { number state note ... on EndorsementVersion { byline rank rating ratingScale ratingCount
      materialConnection statements { locale isOriginal headline quote award disclosure } } }
    history { totalCount nodes { action } } } } }";

async fn ground(app: &TestApp) -> String {
    app.brand("north").await;
    app.product("north", "N-1").await;
    app.channel("site", json!({})).await;
    let audience = json!({ "name": "Hikers", "slug": "hikers" });
    app.mutate("createAudience", audience, "").await;
    app.outlet("Trailbench", json!({})).await
}

async fn all(app: &TestApp) -> Vec<Json> {
    let data = app.query(ALL).await;
    data["endorsements"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_table_makes_what_single_calls_would_make() {
    let app = TestApp::start().await;
    ground(&app).await;
    assert_eq!(counts(&app.import(TABLE).await), (2, 0, 0));
    let found = all(&app).await;
    let [second, first] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(first["title"], "Best torch");
    assert_eq!(
        (
            &first["kind"],
            &first["publishedOn"],
            &first["outlet"]["name"]
        ),
        (&json!("AWARD"), &json!("2026-03-04"), &json!("Trailbench"))
    );
    assert_eq!(first["tags"], json!(["gold", "outdoor"]));
    assert_eq!(first["markets"], json!(["DE", "US"]));
    assert_eq!(first["products"], json!([{ "sku": "N-1" }]));
    assert_eq!(first["channels"], json!([{ "slug": "site" }]));
    assert_eq!(first["audiences"], json!([{ "slug": "hikers" }]));
    assert_eq!(first["releaseAt"], "2026-05-01T00:00:00.000Z");
    assert_eq!(
        first["claims"],
        json!([
            { "text": "It is the lightest.", "product": { "sku": "N-1" } },
            { "text": "a|b", "product": { "sku": "N-1" } },
        ])
    );
    assert_eq!(
        first["evidence"],
        json!([{ "url": "https://trailbench.example/1", "state": "PENDING" }])
    );
    let version = &first["latestVersion"];
    assert_eq!(
        (&version["number"], &version["state"]),
        (&json!(1), &json!("DRAFT"))
    );
    assert_eq!(
        (&version["rank"], &version["rating"]),
        (&json!(1), &json!("4.5"))
    );
    assert_eq!(
        version["statements"],
        json!([
            { "locale": "en", "isOriginal": true, "headline": "Torch of the year", "quote": "It lasts, \"really\".",
              "award": "Gold", "disclosure": null },
            { "locale": "de", "isOriginal": false, "headline": "Fackel des Jahres", "quote": "Sie hält.",
              "award": null, "disclosure": null },
        ])
    );
    assert_eq!(
        first["history"]["nodes"],
        json!([{ "action": "createEndorsement" }])
    );
    // A formula is a text like any other; without a title the headline is it.
    assert_eq!(second["title"], "=HYPERLINK(\"x\")");
    // It is found by its words, and its makers' names.
    let search = "{ search(query: \"fackel\") { nodes { ... on Endorsement { title } } } }";
    let words = app.query(search).await;
    assert_eq!(words["search"]["nodes"], json!([{ "title": "Best torch" }]));
    accolade::audit::seal(&app.app).await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_a_changed_row_only_what_it_says() {
    let app = TestApp::start().await;
    ground(&app).await;
    app.import(TABLE).await;
    let before = all(&app).await;
    assert_eq!(counts(&app.import(TABLE).await), (0, 0, 2));
    assert_eq!(all(&app).await, before);
    // In another order, with fewer columns, and other spellings of the same.
    let same = "outlet;key;headline;kind;locale;published_on\nTRAILBENCH;w1;Torch of the year;award;EN;2026-03-04\n";
    assert_eq!(counts(&app.import(same).await), (0, 0, 1));
    assert_eq!(all(&app).await, before);
    // Words make a version; the rest changes beside it; what is not spoken of stays.
    let other = "key,quote:de,tags,expire_at\nw1,Sie hält ewig.,gold|new,\n";
    assert_eq!(
        counts(&app.import_as(&app.admin, "ENDORSEMENTS", other, true).await),
        (0, 1, 0)
    );
    assert_eq!(all(&app).await, before);
    assert_eq!(counts(&app.import(other).await), (0, 1, 0));
    let after = all(&app).await;
    let (old, new) = (&before[1], &after[1]);
    assert_eq!(after[0], before[0]);
    assert_eq!(new["tags"], json!(["gold", "new"]));
    assert_eq!(new["expireAt"], Json::Null);
    assert_eq!(new["releaseAt"], old["releaseAt"]);
    assert_eq!(new["claims"], old["claims"]);
    assert_eq!(new["latestVersion"]["number"], 2);
    assert_eq!(
        new["latestVersion"]["statements"][1]["quote"],
        "Sie hält ewig."
    );
    assert_eq!(
        new["latestVersion"]["statements"][0],
        old["latestVersion"]["statements"][0]
    );
    assert_eq!(counts(&app.import(other).await), (0, 0, 1));
    assert_eq!(all(&app).await, after);
    // Its own id is a key too.
    let by_id = format!("key,tags\n{},late\n", old["id"].as_str().unwrap());
    assert_eq!(counts(&app.import(by_id).await), (0, 1, 0));
    assert_eq!(all(&app).await[1]["tags"], json!(["late"]));
    // Who said it stays.
    app.outlet("Gazette", json!({})).await;
    let import = app.import("key,outlet\nw1,Gazette\n").await;
    let [(line, column, message)] = &*faults(&import) else {
        panic!("{import:#}");
    };
    assert_eq!((*line, &**column), (2, "outlet"), "{message}");
    app.stop().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let app = TestApp::start().await;
    ground(&app).await;
    let upload = app.table_as(&app.admin, TABLE.as_bytes()).await;
    let import = app.import_as(&app.admin, "ENDORSEMENTS", TABLE, true).await;
    assert_eq!(counts(&import), (2, 0, 0));
    assert_eq!(
        (&import["dryRun"], &import["rows"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(all(&app).await, Vec::<Json>::new());
    // The same upload is good for several imports.
    for expected in [(2, 0, 0), (0, 0, 2)] {
        let input = json!({ "brand": "north", "kind": "ENDORSEMENTS", "upload": upload });
        let made = app.mutate("importFile", input, "import { id }").await;
        accolade::imports::run_due(&app.app).await.unwrap();
        let import = app.seen_import(&app.admin, &made["import"]["id"]).await;
        assert_eq!(counts(&import), expected);
    }
    app.stop().await;
}

#[tokio::test]
async fn an_import_is_its_makers_and_ends_with_its_rights() {
    let app = TestApp::start().await;
    ground(&app).await;
    let token = json!({ "name": "desk", "scopes": ["WRITE"], "brands": ["north"] });
    let made = app
        .mutate("createAccessToken", token, "secret token { id }")
        .await;
    let desk = made["secret"].as_str().unwrap();
    let import = app.import_as(desk, "ENDORSEMENTS", TABLE, false).await;
    assert_eq!(counts(&import), (2, 0, 0));
    assert_eq!(app.seen_import(&app.admin, &import["id"]).await, Json::Null);
    let other = app.token(&["WRITE"], &["north"], &[]).await;
    assert_eq!(app.seen_import(&other, &import["id"]).await, Json::Null);
    // Handed in, and revoked before its turn.
    let upload = app.table_as(desk, b"key,headline\nw1,Other words\n").await;
    let input = json!({ "brand": "north", "kind": "ENDORSEMENTS", "upload": upload });
    let waiting = app
        .mutate_as(desk, "importFile", input, "import { id }")
        .await;
    assert_eq!(waiting["userErrors"], json!([]));
    let before = all(&app).await;
    app.mutate(
        "revokeAccessToken",
        json!({ "token": made["token"]["id"] }),
        "",
    )
    .await;
    assert_eq!(accolade::imports::run_due(&app.app).await.unwrap(), 1);
    assert_eq!(all(&app).await, before);
    app.stop().await;
}

#[tokio::test]
async fn assets_are_named_by_id_and_only_those_of_the_brand() {
    let app = TestApp::start().await;
    ground(&app).await;
    app.brand("south").await;
    let own = app.draft_asset("north", "Badge", json!({})).await;
    let foreign = app.draft_asset("south", "Badge", json!({})).await;
    let table = |asset: &str| {
        format!(
            "key,outlet,kind,published_on,locale,headline,assets\na,Trailbench,AWARD,2026-01-01,en,H,{asset}\n"
        )
    };
    let import = app.import(table(&foreign)).await;
    assert_eq!(
        faults(&import).first().map(|f| (f.0, f.1.as_str())),
        Some((2, "assets"))
    );
    assert_eq!(counts(&app.import(table(&own)).await), (1, 0, 0));
    assert_eq!(all(&app).await[0]["assets"], json!([{ "title": "Badge" }]));
    app.stop().await;
}
