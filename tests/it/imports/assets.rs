//! Assets from a table that names bytes by their hashes.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{counts, faults};
use crate::support::{TestApp, png};

pub(super) const ALL: &str = "{ assets(first: 50) { nodes { id title kind description locale revision tags markets
    products { sku } channels { slug } audiences { slug } releaseAt expireAt alt(locale: \"de\")
    latestVersion { number state note ... on AssetVersion { text file { sha256 filename mediaType } } }
    history { nodes { action } } } } }";

async fn ground(app: &TestApp) {
    app.brand("north").await;
    app.product("north", "N-1").await;
    app.channel("site", json!({})).await;
    let audience = json!({ "name": "Hikers", "slug": "hikers" });
    app.mutate("createAudience", audience, "").await;
}

async fn all(app: &TestApp) -> Vec<Json> {
    let data = app.query(ALL).await;
    let nodes = data["assets"]["nodes"].as_array().unwrap().iter();
    nodes.rev().cloned().collect()
}

async fn import(app: &TestApp, table: &str) -> Json {
    app.import_as(&app.admin, "ASSETS", table, false).await
}

pub(super) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Sends a picture: its hash.
async fn sent(app: &TestApp, token: &str, seed: u8) -> String {
    let bytes = png(60, 40, seed);
    app.uploaded_as(token, bytes.clone()).await;
    hash(&bytes)
}

async fn stored(app: &TestApp, token: &str, brand: &str, hashes: &[&str]) -> Json {
    let query = "query($b: ID!, $h: [Sha256!]!) { storedBytes(brand: $b, sha256: $h) }";
    let variables = json!({ "b": brand, "h": hashes });
    app.ask(token, query, variables).await.data()["storedBytes"].clone()
}

#[tokio::test]
async fn a_table_makes_assets_of_bytes_that_came_before() {
    let app = TestApp::start().await;
    ground(&app).await;
    let (one, two) = (
        sent(&app, &app.admin, 1).await,
        sent(&app, &app.admin, 2).await,
    );
    let table = format!(
        "key,title,kind,sha256,filename,text,locale,description,tags,products,channels,markets,audiences,release_at,\
         expire_at,note,alt:de\n\
         a,Hero,badge,{one},x.png,,en,A lamp,Gold|outdoor,N-1,site,US|DE,hikers,2026-05-01T00:00:00Z,\
         2030-01-01T00:00:00Z,first,Eine Lampe\n\
         b,,,{two},hero_shot-2.png,,,,,,,,,,,,\n\
         c,Line,,,,It lasts.,,,,,,,,,,,\n\
         d,,,{one},again.png,,,,,,,,,,,,\n"
    );
    assert_eq!(counts(&import(&app, &table).await), (4, 0, 0));
    let made = all(&app).await;
    let first = &made[0];
    assert_eq!(
        (&first["title"], &first["kind"]),
        (&json!("Hero"), &json!("BADGE"))
    );
    assert_eq!(first["tags"], json!(["gold", "outdoor"]));
    assert_eq!(first["markets"], json!(["DE", "US"]));
    assert_eq!(first["products"], json!([{ "sku": "N-1" }]));
    assert_eq!(first["channels"], json!([{ "slug": "site" }]));
    assert_eq!(first["audiences"], json!([{ "slug": "hikers" }]));
    assert_eq!(first["releaseAt"], "2026-05-01T00:00:00.000Z");
    assert_eq!(
        (&first["alt"], &first["locale"], &first["description"]),
        (&json!("Eine Lampe"), &json!("en"), &json!("A lamp"))
    );
    assert_eq!(
        first["latestVersion"],
        json!({ "number": 1, "state": "DRAFT", "note": "first", "text": null,
            "file": { "sha256": one, "filename": "x.png", "mediaType": "image/png" } })
    );
    assert_eq!(
        first["history"]["nodes"],
        json!([{ "action": "createAsset" }])
    );
    // Without a title the file's name is it, made readable.
    assert_eq!(
        (&made[1]["title"], &made[1]["kind"]),
        (&json!("Hero shot 2"), &json!("IMAGE"))
    );
    assert_eq!(
        (&made[2]["kind"], &made[2]["latestVersion"]["text"]),
        (&json!("COPY"), &json!("It lasts."))
    );
    // The same bytes may stand twice; they are stored once.
    assert_eq!(made[3]["latestVersion"]["file"]["sha256"], one.as_str());
    assert_eq!(app.count("SELECT count(*) AS n FROM files").await, 2);
    assert_eq!(
        app.count(
            "SELECT count(*) AS n FROM uploads WHERE used_at IS NULL AND filename <> 'wins.csv'"
        )
        .await,
        0
    );
    // Looking goes its usual way.
    accolade::media::sweep(&app.app).await.unwrap();
    assert_eq!(
        app.count("SELECT count(*) AS n FROM media_facts WHERE perceptual_hash IS NOT NULL")
            .await,
        2
    );
    accolade::audit::seal(&app.app).await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn a_second_run_of_assets_changes_nothing_and_other_bytes_make_a_version() {
    let app = TestApp::start().await;
    ground(&app).await;
    let (one, two) = (
        sent(&app, &app.admin, 1).await,
        sent(&app, &app.admin, 2).await,
    );
    let table = format!("key,sha256,filename,tags,note\na,{one},one.png,x,n\nb,{one},one.png,,\n");
    assert_eq!(counts(&import(&app, &table).await), (2, 0, 0));
    let made = all(&app).await;
    assert_eq!(counts(&import(&app, &table).await), (0, 0, 2));
    // Another order, fewer columns, another name of the same bytes, empty cells of what an asset has.
    let same = format!("filename;key;title;kind;sha256\nother.png;a;;;{one}\n");
    assert_eq!(counts(&import(&app, &same).await), (0, 0, 1));
    assert_eq!(all(&app).await, made);
    // Labels alone make no version.
    let labels = "key,tags,title,alt:en\na,y,Other,A lamp\n";
    assert_eq!(counts(&import(&app, labels).await), (0, 1, 0));
    let after = all(&app).await;
    assert_eq!(
        (&after[0]["tags"], &after[0]["title"]),
        (&json!(["y"]), &json!("Other"))
    );
    assert_eq!(after[0]["latestVersion"], made[0]["latestVersion"]);
    assert_eq!(after[1], made[1]);
    // Other bytes do, which wait for their review; what is not spoken of stays.
    let bytes = format!("key,sha256,note\na,{two},second\n");
    assert_eq!(
        counts(&app.import_as(&app.admin, "ASSETS", &bytes, true).await),
        (0, 1, 0)
    );
    assert_eq!(all(&app).await, after);
    assert_eq!(counts(&import(&app, &bytes).await), (0, 1, 0));
    let last = all(&app).await;
    let version = &last[0]["latestVersion"];
    assert_eq!(
        (&version["number"], &version["state"], &version["note"]),
        (&json!(2), &json!("DRAFT"), &json!("second"))
    );
    assert_eq!(
        (&version["file"]["sha256"], &version["file"]["filename"]),
        (&json!(two), &json!("file"))
    );
    assert_eq!(
        (&last[0]["tags"], &last[0]["title"]),
        (&json!(["y"]), &json!("Other"))
    );
    assert_eq!(counts(&import(&app, &bytes).await), (0, 0, 1));
    assert_eq!(all(&app).await, last);
    app.stop().await;
}

#[tokio::test]
async fn every_mistake_of_an_asset_is_told_at_its_column() {
    let app = TestApp::start().await;
    ground(&app).await;
    let one = sent(&app, &app.admin, 1).await;
    app.uploaded_as(&app.admin, b"no picture at all".to_vec())
        .await;
    let bad = hash(b"no picture at all");
    let nowhere = hash(b"nowhere");
    import(&app, &format!("key,sha256\nkept,{one}\n")).await;
    let before = all(&app).await;
    let table = format!(
        "key,sha256,text,kind,channels,alt:de,release_at,to_send\n\
         good,{one},,,,,,\n\
         a,{nowhere},,,,,,image/png\n\
         b,{bad},,,,,,\n\
         c,,,,,,,\n\
         d,{one},both,,,,,\n\
         e,{one},,video,,,,\n\
         f,{one},,,site|nowhere,,,\n\
         g,XYZ,,,,,soon,\n\
         kept,{one},,logo,,,,\n\
         h,{one},,,,{long},,\n",
        long = "x".repeat(1_001),
    );
    let told = faults(&import(&app, &table).await);
    let places: Vec<(i64, &str)> = told.iter().map(|f| (f.0, &*f.1)).collect();
    let expected = [
        (3, "sha256"),
        (4, "sha256"),
        (5, "sha256"),
        (6, "text"),
        (7, "kind"),
        (8, "channels"),
        (9, "sha256"),
        (9, "release_at"),
        (10, "kind"),
        (11, "alt:de"),
    ];
    for place in expected {
        assert!(places.contains(&place), "{place:?} of {told:#?}");
    }
    assert!(
        places.iter().all(|place| expected.contains(place)),
        "{told:#?}"
    );
    assert_eq!(all(&app).await, before);
    // In a dry run what is still to be sent counts as sent, and is not made.
    let tried = format!(
        "key,sha256,filename,to_send\na,{nowhere},a.png,image/png\nkept,{nowhere},b.png,image/png\n"
    );
    assert_eq!(
        counts(&app.import_as(&app.admin, "ASSETS", &tried, true).await),
        (1, 1, 0)
    );
    let tried = format!("key,sha256,to_send\na,{nowhere},\nkept,{nowhere},video/mp4\n");
    let told = faults(&app.import_as(&app.admin, "ASSETS", &tried, true).await);
    let places: Vec<(i64, &str)> = told.iter().map(|f| (f.0, &*f.1)).collect();
    assert_eq!(places, [(2, "sha256"), (3, "sha256")]);
    assert_eq!(all(&app).await, before);
    app.stop().await;
}

#[tokio::test]
async fn bytes_of_others_are_as_unknown_as_any() {
    let app = TestApp::start().await;
    ground(&app).await;
    app.brand("south").await;
    let north = app.token(&["WRITE"], &["north"], &[]).await;
    let south = app.token(&["WRITE"], &["south"], &[]).await;
    let (used, unused) = (sent(&app, &south, 1).await, sent(&app, &south, 2).await);
    let upload = app
        .table_as(&south, format!("key,sha256\na,{used}\n").as_bytes())
        .await;
    let input = json!({ "brand": "south", "kind": "ASSETS", "upload": upload });
    app.mutate_as(&south, "importFile", input, "").await;
    accolade::imports::run_due(&app.app).await.unwrap();
    assert_eq!(
        stored(&app, &south, "south", &[&used, &unused])
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let nowhere = hash(b"nowhere");
    assert_eq!(
        stored(&app, &north, "north", &[&used, &unused, &nowhere]).await,
        json!([])
    );
    assert_eq!(stored(&app, &north, "south", &[&used]).await, json!([]));
    let table = format!("key,sha256\na,{used}\nb,{unused}\nc,{nowhere}\n");
    let told = faults(&app.import_as(&north, "ASSETS", &table, false).await);
    let messages: std::collections::BTreeSet<&str> = told.iter().map(|f| &*f.2).collect();
    assert_eq!((told.len(), messages.len()), (3, 1), "{told:#?}");
    assert_eq!(all(&app).await.len(), 1);
    // Another of the same brand reads what its assets hold, and may use it.
    let colleague = app.token(&["WRITE"], &["south"], &[]).await;
    assert_eq!(
        stored(&app, &colleague, "south", &[&used, &unused]).await,
        json!([used])
    );
    app.stop().await;
}

#[tokio::test]
async fn exported_assets_are_imported_again_and_change_nothing() {
    let app = TestApp::start().await;
    ground(&app).await;
    let one = sent(&app, &app.admin, 1).await;
    let title = "\"=1+1, \"\"so\"\"\"";
    let table = format!(
        "key,title,sha256,filename,text,tags,products,alt:zh-Hans,note\n\
         p/one.png,{title},{one},=x.png,,-a|b,N-1,亮,@n\n\
         p/two,Line,,,+1,,,,\n"
    );
    assert_eq!(counts(&import(&app, &table).await), (2, 0, 0));
    app.draft_asset("north", "By hand", json!({})).await;
    let before = all(&app).await;
    let url = format!("{}/exports/assets?brand=north", app.url);
    let exported = || async {
        let response = app
            .http
            .get(&url)
            .bearer_auth(&app.admin)
            .send()
            .await
            .unwrap();
        response.text().await.unwrap()
    };
    let told = exported().await;
    assert!(
        told.contains("\"'=1+1, \"\"so\"\"\"") && told.contains("\"'=x.png\""),
        "{told}"
    );
    assert!(
        !told.contains("to_send") && told.contains("alt:zh-Hans"),
        "{told}"
    );
    assert_eq!(counts(&import(&app, &told).await), (0, 0, 3));
    assert_eq!(all(&app).await, before);
    assert_eq!(exported().await, told);
    // Whoever writes for the brand may do so, with the bytes of others.
    let colleague = app.token(&["WRITE"], &["north"], &[]).await;
    let told = told.replace("By hand", "By another hand");
    let import = app.import_as(&colleague, "ASSETS", told, false).await;
    assert_eq!(counts(&import), (0, 1, 2));
    app.stop().await;
}

/// The last bytes of an upload have come, and the server was killed before it had looked at them.
#[tokio::test]
async fn bytes_count_that_nobody_came_to_look_at() {
    let app = TestApp::start().await;
    ground(&app).await;
    let bytes = sent(&app, &app.admin, 1).await;
    app.behind("UPDATE uploads SET sha256 = NULL, outcome = NULL")
        .await;
    let found = stored(&app, &app.admin, "north", &[&bytes]).await;
    assert_eq!(found, json!([bytes]));
    let table = format!("key,sha256\na,{bytes}\n");
    app.behind("UPDATE uploads SET sha256 = NULL, outcome = NULL WHERE used_at IS NULL")
        .await;
    assert_eq!(counts(&import(&app, &table).await), (1, 0, 0));
    app.stop().await;
}

/// Nor a table. Who imports it has the server look, in a write of its own, which is not what the call's key stands for.
#[tokio::test]
async fn a_table_counts_that_nobody_came_to_look_at() {
    let app = TestApp::start().await;
    ground(&app).await;
    let upload = app.table_as(&app.admin, b"key,title\n").await;
    app.behind("UPDATE uploads SET sha256 = NULL, outcome = NULL")
        .await;
    let input = json!({
        "brand": "north", "kind": "ASSETS", "upload": upload, "dryRun": true, "clientMutationId": "once",
    });
    let begun = app
        .mutate("importFile", input.clone(), "import { id }")
        .await;
    let again = app.mutate("importFile", input, "import { id }").await;
    assert_eq!(again["import"]["id"], begun["import"]["id"]);
    app.stop().await;
}
