//! What pictures look like: what a place's rules find against what it would get, and what looks alike.

use accolade::media;
use accolade::platform::db::Sql;
use image::{Rgba, RgbaImage};
use serde_json::{Value as Json, json};

use crate::support::{TestApp, noise, png_bytes, png_of_bad_pixels};

/// A dark square of `subject` pixels in the middle of 1000 × `height`, on a ground.
fn square(height: u32, subject: u32, ground: [u8; 4]) -> Vec<u8> {
    let (left, top) = ((1000 - subject) / 2, (height - subject) / 2);
    png_bytes(RgbaImage::from_fn(1000, height, |x, y| {
        let inside = (left..left + subject).contains(&x) && (top..top + subject).contains(&y);
        Rgba(if inside { [40, 30, 20, 255] } else { ground })
    }))
}

const CLEAR: [u8; 4] = [0; 4];
const WHITE: [u8; 4] = [255; 4];

struct Desk {
    app: TestApp,
}

impl Desk {
    /// `main` wants a picture on white that fills 85 %, and gets it padded; `plain` wants the same of originals.
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        let rules = json!([
            { "check": "WHITE_BACKGROUND", "value": { "tolerance": 5, "share": 1 },
              "source": "https://seller.example/images" },
            { "check": "MIN_SUBJECT_FILL", "value": 0.85 },
        ]);
        let preset = |name: &str, fit: &str, media_type: &str, background: Json| {
            json!({ "name": name, "width": 500, "height": 500, "fit": fit, "mediaType": media_type,
                "background": background })
        };
        let presets = json!([
            preset("main", "PAD", "image/jpeg", json!("#ffffff")),
            preset("grey", "PAD", "image/jpeg", json!("#808080")),
            preset("clear", "PAD", "image/png", Json::Null),
            preset("cut", "COVER", "image/jpeg", Json::Null),
        ]);
        let more = json!({ "rules": rules, "presets": presets });
        app.channel("main", more).await;
        app.channel("plain", json!({ "rules": rules })).await;
        Self { app }
    }

    async fn picture(&self, title: &str, bytes: Vec<u8>) -> String {
        self.picture_of("north", title, bytes).await
    }

    async fn picture_of(&self, brand: &str, title: &str, bytes: Vec<u8>) -> String {
        let input = json!({ "brand": brand, "title": title, "channels": ["main", "plain"],
            "file": { "upload": null } });
        let file = ("picture.png", bytes);
        let (admin, select) = (&self.app.admin, "asset { id }");
        let made = self
            .app
            .upload_as(admin, "createAsset", input, select, "file.upload", file)
            .await;
        assert_eq!(made["userErrors"], json!([]));
        made["asset"]["id"].as_str().unwrap().to_owned()
    }

    /// What is found against the newest version, in the order of the rules: check, and what is there.
    async fn checks(&self, asset: &str, channel: &str, preset: Json) -> Vec<(String, String)> {
        let query =
            "query($id: ID!, $channel: ID!, $preset: String) { node(id: $id) { ... on Asset {
            latestVersion { checks(channel: $channel, preset: $preset) {
                check severity message expected actual source } } } } }";
        let variables = json!({ "id": asset, "channel": channel, "preset": preset });
        let found = self.app.ask(&self.app.admin, query, variables).await.data();
        let found = found["node"]["latestVersion"]["checks"].clone();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let found = found.as_array().unwrap().iter();
        found
            .map(|finding| (text(&finding["check"]), text(&finding["actual"])))
            .collect()
    }

    async fn similar(&self, asset: &str) -> Vec<(String, i64)> {
        let query = "query($id: ID!) { node(id: $id) { ... on Asset { similar { distance asset { title } } } } }";
        let found = self.app.ask(&self.app.admin, query, json!({ "id": asset }));
        let found = found.await.data()["node"]["similar"].clone();
        let found = found.as_array().unwrap().iter();
        found
            .map(|near| {
                let title = near["asset"]["title"].as_str().unwrap().to_owned();
                (title, near["distance"].as_i64().unwrap())
            })
            .collect()
    }
}

fn names(found: &[(String, String)]) -> Vec<&str> {
    found.iter().map(|(check, _)| check.as_str()).collect()
}

#[tokio::test]
async fn a_place_judges_what_it_would_get() {
    let desk = Desk::new().await;
    let main = async |asset: &str, preset: &str| desk.checks(asset, "main", json!(preset)).await;

    // Cut out, it is white once it lies on white; by itself it is not.
    let cut_out = desk.picture("Cut out", square(1000, 900, CLEAR)).await;
    assert_eq!(main(&cut_out, "main").await, []);
    assert_eq!(names(&main(&cut_out, "grey").await), ["WHITE_BACKGROUND"]);
    assert_eq!(names(&main(&cut_out, "clear").await), ["WHITE_BACKGROUND"]);
    let original = desk.checks(&cut_out, "plain", Json::Null).await;
    assert_eq!(names(&original), ["WHITE_BACKGROUND"]);
    assert_eq!(desk.app.holds(&cut_out, "plain").await, ["NOT_APPROVED"]);
    desk.app.approve(&cut_out).await;
    assert_eq!(desk.app.holds(&cut_out, "plain").await, ["CHANNEL_RULE"]);
    assert_eq!(desk.app.holds(&cut_out, "main").await, Vec::<String>::new());
    let address = format!("{}/d/{cut_out}/main/main", desk.app.url);
    assert_eq!(
        desk.app.http.get(&address).send().await.unwrap().status(),
        200
    );
    let address = format!("{}/d/{cut_out}/main/grey", desk.app.url);
    assert_eq!(
        desk.app.http.get(&address).send().await.unwrap().status(),
        410
    );

    // A pixel that is not white, and where.
    let mut stained = image::load_from_memory(&square(1000, 900, WHITE))
        .unwrap()
        .into_rgba8();
    (0..30).for_each(|x| stained.put_pixel(x + 10, 0, Rgba([200, 220, 230, 255])));
    let stained = desk.picture("Stained", png_bytes(stained)).await;
    let found = main(&stained, "main").await;
    assert_eq!(names(&found), ["WHITE_BACKGROUND"]);
    let (_, actual) = &found[0];
    assert!(actual.contains("200 of 255, is at 10, 0"), "{actual}");
    assert!(actual.starts_with("0.8 %"), "{actual}");

    // White padding makes a low picture no less white, but its subject smaller.
    let low = desk.picture("Low", square(500, 460, WHITE)).await;
    assert_eq!(desk.checks(&low, "plain", Json::Null).await, []);
    let found = main(&low, "main").await;
    assert_eq!(found, [("MIN_SUBJECT_FILL".to_owned(), "46 %".to_owned())]);
    assert_eq!(
        names(&main(&low, "grey").await),
        ["WHITE_BACKGROUND", "MIN_SUBJECT_FILL"]
    );
    // What a crop leaves is not known before it is made.
    let found = main(&low, "cut").await;
    assert_eq!(names(&found), ["WHITE_BACKGROUND", "MIN_SUBJECT_FILL"]);
    assert!(
        found.iter().all(|(_, actual)| actual.contains("crop")),
        "{found:?}"
    );
    let square = desk.picture("Square", square(1000, 900, WHITE)).await;
    assert_eq!(main(&square, "cut").await, []);
}

#[tokio::test]
async fn a_preset_or_channel_that_is_not_there_is_not_found() {
    let desk = Desk::new().await;
    let asset = desk.picture("Square", square(1000, 900, WHITE)).await;
    let query = "query($id: ID!, $channel: ID!, $preset: String) { node(id: $id) { ... on Asset {
        latestVersion { checks(channel: $channel, preset: $preset) { check } } } } }";
    for (channel, preset) in [("main", "none"), ("nowhere", "main"), ("plain", "main")] {
        let variables = json!({ "id": asset, "channel": channel, "preset": preset });
        let answer = desk.app.ask(&desk.app.admin, query, variables).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{channel} {preset}");
    }
}

#[tokio::test]
async fn the_size_that_counts_is_that_of_the_rendition() {
    let desk = Desk::new().await;
    let rules = json!([
        { "check": "MEDIA_TYPE", "value": ["image/jpeg"] },
        { "check": "COLOR_SPACE", "value": ["sRGB"] },
        { "check": "ASPECT_RATIO", "value": { "width": 1, "height": 1, "tolerance": 0 } },
        { "check": "MIN_WIDTH", "value": 400 },
        { "check": "MAX_BYTES", "value": 1000 },
    ]);
    let preset = json!([{ "name": "tile", "width": 500, "height": 500, "fit": "PAD", "mediaType": "image/jpeg" }]);
    let more = json!({ "rules": rules, "presets": preset });
    desk.app.channel("tiles", more).await;
    desk.app
        .channel("originals", json!({ "rules": rules }))
        .await;
    let large = desk.picture("Large", noise(800, 400, 3)).await;
    assert_eq!(desk.checks(&large, "tiles", Json::Null).await, []);
    let original = desk.checks(&large, "originals", Json::Null).await;
    assert_eq!(
        names(&original),
        ["MEDIA_TYPE", "ASPECT_RATIO", "MAX_BYTES"]
    );
    // Padding makes no picture larger.
    let small = desk.picture("Small", noise(300, 300, 3)).await;
    let found = desk.checks(&small, "tiles", Json::Null).await;
    assert_eq!(found, [("MIN_WIDTH".to_owned(), "300 px".to_owned())]);
}

#[tokio::test]
async fn what_may_not_be_altered_is_neither_cropped_nor_padded() {
    let desk = Desk::new().await;
    let asset = desk.picture("Badge", square(1000, 900, WHITE)).await;
    desk.app.approve(&asset).await;
    let terms = json!({ "terms": { "noAlteration": true } });
    desk.app.lease(&[&asset], terms).await;
    assert_eq!(desk.app.holds(&asset, "main").await, ["CHANNEL_RULE"]);
    assert_eq!(desk.app.holds(&asset, "plain").await, Vec::<String>::new());
    let found = desk.checks(&asset, "main", json!("main")).await;
    assert_eq!(found, [("ASPECT_RATIO".to_owned(), "PAD".to_owned())]);
    let presets = json!([{ "name": "main", "width": 500, "height": 500, "fit": "INSIDE", "mediaType": "image/jpeg" }]);
    let input = json!({ "channel": "main", "presets": presets });
    desk.app.mutate("updateChannel", input, "").await;
    assert_eq!(desk.app.holds(&asset, "main").await, Vec::<String>::new());
    assert_eq!(desk.checks(&asset, "main", json!("main")).await, []);
}

#[tokio::test]
async fn a_licensor_may_approve_one_preset() {
    let desk = Desk::new().await;
    let asset = desk.picture("Badge", square(1000, 900, WHITE)).await;
    let version = desk.app.approve(&asset).await;
    let terms = json!({ "terms": { "creativeApproval": true } });
    let lease = desk.app.lease(&[&asset], terms).await;
    let held = ["CREATIVE_APPROVAL_MISSING"];
    assert_eq!(desk.app.holds(&asset, "main").await, held);
    let licensor = desk.app.token(&["REVIEW"], &[], &[]).await;
    let say = async |decision: &str, preset: Json| {
        let input = json!({ "version": version, "decision": decision, "lease": lease, "preset": preset,
            "note": "By mail" });
        let said = desk
            .app
            .mutate_as(&licensor, "reviewVersion", input, "")
            .await;
        assert_eq!(said["userErrors"], json!([]));
    };
    say("APPROVE", json!("main")).await;
    assert_eq!(desk.app.holds(&asset, "main").await, Vec::<String>::new());
    assert_eq!(desk.app.holds(&asset, "plain").await, held);
    say("REQUEST_CHANGES", Json::Null).await;
    assert_eq!(desk.app.holds(&asset, "main").await, held);
    say("APPROVE", Json::Null).await;
    assert_eq!(desk.app.holds(&asset, "plain").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_seen_is_found_against_and_told_why() {
    let desk = Desk::new().await;
    let broken = desk.picture("Broken", png_of_bad_pixels(200, 200)).await;
    let found = desk.checks(&broken, "main", json!("main")).await;
    assert_eq!(names(&found), ["WHITE_BACKGROUND", "MIN_SUBJECT_FILL"]);
    assert!(
        found
            .iter()
            .all(|(_, actual)| actual.contains("could not be measured")),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_was_stored_before_is_looked_at_in_the_background() {
    let desk = Desk::new().await;
    let asset = desk.picture("Square", square(1000, 900, WHITE)).await;
    desk.app
        .behind("UPDATE media_facts SET looked_revision = 0, white = NULL, subject_width = NULL, subject_height = NULL")
        .await;
    let found = desk.checks(&asset, "main", json!("main")).await;
    assert_eq!(names(&found), ["WHITE_BACKGROUND", "MIN_SUBJECT_FILL"]);
    assert!(
        found
            .iter()
            .all(|(_, actual)| actual.contains("not been measured yet")),
        "{found:?}"
    );
    // What cannot be looked at holds nobody up: these have no bytes, and their turn comes first.
    let lost = (0..150).map(|n| format!("('{n:064}', 'lost{n}', 1, 'image/png', 1)"));
    let rows = lost.collect::<Vec<_>>().join(", ");
    let insert = "INSERT INTO files (sha256, store_key, bytes, media_type, created_at) VALUES";
    desk.app.behind(&format!("{insert} {rows}")).await;
    desk.app
        .behind(
            "INSERT INTO media_facts (sha256, measurer_revision, orientation)
                 SELECT sha256, 1, 1 FROM files WHERE store_key LIKE 'lost%'",
        )
        .await;
    for _ in 0..2 {
        media::sweep(&desk.app.app).await.unwrap();
    }
    assert_eq!(desk.checks(&asset, "main", json!("main")).await, []);
    let left = Sql::new("SELECT count(*) AS n FROM media_facts WHERE looked_revision = 0");
    let left = accolade::platform::db::fetch_count(desk.app.app.db.read(), left).await;
    assert_eq!(left.unwrap(), 150);
}

#[tokio::test]
async fn an_upload_says_what_looks_like_it() {
    let desk = Desk::new().await;
    desk.app.brand("south").await;
    let picture = |width: u32, stain: u8| {
        // Slow waves, the same at every size.
        let shade = move |x: u32, y: u32| {
            let (x, y) = (x * 255 / width, y * 255 / width);
            let wave = (x * 3 + x * y / 85 + y) % 510;
            u8::try_from(wave.min(510 - wave)).unwrap()
        };
        png_bytes(RgbaImage::from_fn(width, width, |x, y| {
            let corner = x < 3 && y < 3;
            let value = if corner { stain } else { shade(x, y) };
            Rgba([value, value / 2, 255 - value, 255])
        }))
    };
    let first = desk.picture("First", picture(600, 0)).await;
    assert_eq!(desk.similar(&first).await, []);
    let same = desk.picture("Same bytes", picture(600, 0)).await;
    assert_eq!(desk.similar(&same).await, [("First".to_owned(), 0)]);
    let scaled = desk.picture("Scaled", picture(300, 200)).await;
    let near = desk.similar(&scaled).await;
    assert_eq!(near.len(), 2, "{near:?}");
    assert_eq!(near[0].0, "Same bytes", "the newest of the nearest first");
    desk.picture("Other", noise(300, 300, 5)).await;
    assert_eq!(desk.similar(&scaled).await.len(), 2);

    // Neither the trash nor another brand's.
    desk.app
        .mutate("trashContent", json!({ "id": same }), "")
        .await;
    assert_eq!(desk.similar(&scaled).await.len(), 1);
    desk.picture_of("south", "Theirs", picture(600, 0)).await;
    let north = desk.app.token(&["READ"], &["north"], &[]).await;
    let query = "query($id: ID!) { node(id: $id) { ... on Asset { similar(first: 100) { asset { title } } } } }";
    let seen = desk
        .app
        .ask(&north, query, json!({ "id": scaled }))
        .await
        .data();
    assert_eq!(
        seen["node"]["similar"],
        json!([{ "asset": { "title": "First" } }])
    );
    assert_eq!(
        desk.similar(&scaled).await.len(),
        2,
        "the admin sees both brands"
    );

    let many =
        "query($id: ID!) { node(id: $id) { ... on Asset { similar(first: 101) { distance } } } }";
    let answer = desk.app.ask(&north, many, json!({ "id": scaled })).await;
    assert_eq!(answer.code(), "BAD_REQUEST");
}

#[tokio::test]
async fn what_a_file_says_of_itself_is_told_to_those_inside() {
    let desk = Desk::new().await;
    let sample = |path: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/media/tests/samples/");
        std::fs::read(format!("{folder}{path}")).unwrap()
    };
    desk.app.channel("site", json!({})).await;
    let input = json!({ "brand": "north", "title": "By an agency", "channels": ["site"],
        "file": { "upload": null } });
    let select = "asset { id latestVersion { file { metadata } } }";
    let file = ("iptc.jpg", sample("photos/iptc.jpg"));
    let admin = &desk.app.admin;
    let made = desk
        .app
        .upload_as(admin, "createAsset", input, select, "file.upload", file)
        .await;
    let said = &made["asset"]["latestVersion"]["file"]["metadata"];
    assert!(said["iptc"].is_object(), "{made:#}");
    assert_eq!(said["orientation"], json!(1));

    let content = made["asset"]["id"].as_str().unwrap();
    desk.app.approve(content).await;
    let page = desk.app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    let query =
        "query($id: ID!) { node(id: $id) { ... on Asset { version { file { sha256 FIELD } } } } }";
    let ask = async |field: &str| {
        let query = query.replace("FIELD", field);
        desk.app.ask(&page, &query, json!({ "id": content })).await
    };
    assert!(ask("").await.data()["node"]["version"]["file"].is_object());
    assert_eq!(ask("metadata").await.code(), "FORBIDDEN");
}
