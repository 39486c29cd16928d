//! Renditions: known before they are made, made once, and handed out as long as the gate lets them.

use std::collections::BTreeSet;

use accolade::platform::db::{Sql, fetch_count};
use accolade::renditions;
use chrono::TimeDelta;
use futures::future::join_all;
use image::GenericImageView;
use reqwest::Response;
use serde_json::{Value as Json, json};

use crate::support::{TestApp, noise, png_of_bad_pixels};

const ALL: &str = "query($id: ID!) { node(id: $id) { ... on Asset {
    rendition { preset } version { renditions { preset state url } } } } }";

/// The presets of `site`: one of each fit.
fn presets() -> Json {
    let preset = |name: &str, width: i32, height: i32, fit: &str, media_type: &str| {
        json!({ "name": name, "width": width, "height": height, "fit": fit, "mediaType": media_type,
            "background": "#ffffff" })
    };
    json!([
        preset("card", 400, 300, "COVER", "image/jpeg"),
        preset("square", 600, 600, "PAD", "image/png"),
        preset("small", 320, 320, "INSIDE", "image/webp"),
    ])
}

struct Desk {
    app: TestApp,
    asset: String,
}

impl Desk {
    /// A picture of 1200 × 800 pixels, approved and tagged to `site`.
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        app.channel("site", json!({ "presets": presets() })).await;
        let asset = Self::picture(&app, "Lantern", noise(1200, 800, 1)).await;
        Self { app, asset }
    }

    async fn picture(app: &TestApp, title: &str, bytes: Vec<u8>) -> String {
        let input = json!({ "brand": "north", "title": title, "channels": ["site"], "file": { "upload": null } });
        let select = "asset { id }";
        let file = ("picture.png", bytes);
        let made = app
            .upload_as(
                &app.admin,
                "createAsset",
                input,
                select,
                "file.upload",
                file,
            )
            .await;
        let asset = made["asset"]["id"].as_str().unwrap().to_owned();
        app.approve(&asset).await;
        asset
    }

    async fn ask_as(&self, token: &str, preset: &str) -> Json {
        let query = "query($id: ID!, $preset: String) { node(id: $id) { ... on Asset {
            rendition(channel: \"site\", preset: $preset) { state url mediaType width height bytes error } } } }";
        let variables = json!({ "id": self.asset, "preset": preset });
        let data = self.app.ask(token, query, variables).await.data();
        data["node"]["rendition"].clone()
    }

    async fn rendition(&self, preset: &str) -> Json {
        self.ask_as(&self.app.admin, preset).await
    }

    async fn get(&self, url: &str) -> Response {
        self.app.http.get(url).send().await.unwrap()
    }

    fn stable(&self, preset: &str) -> String {
        format!("{}/d/{}/site/{preset}", self.app.url, self.asset)
    }

    async fn count(&self, sql: &'static str) -> i64 {
        fetch_count(self.app.app.db.read(), Sql::new(sql))
            .await
            .unwrap()
    }
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response
        .headers()
        .get(name)
        .map_or("", |v| v.to_str().unwrap())
}

fn max_age(response: &Response) -> i64 {
    let (_, seconds) = header(response, "cache-control")
        .split_once("max-age=")
        .unwrap();
    seconds.parse().unwrap()
}

#[tokio::test]
async fn a_rendition_has_its_address_and_size_before_it_is_made() {
    let desk = Desk::new().await;
    for (preset, media_type, size) in [
        ("card", "image/jpeg", (400, 300)),
        ("square", "image/png", (600, 600)),
        ("small", "image/webp", (320, 213)),
    ] {
        let before = desk.rendition(preset).await;
        assert_eq!(before["state"], "PENDING");
        assert_eq!(before["bytes"], Json::Null);
        assert_eq!(
            (&before["width"], &before["height"]),
            (&json!(size.0), &json!(size.1))
        );

        let response = desk.get(text(&before["url"])).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), media_type);
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        let bytes = response.bytes().await.unwrap();
        let picture = image::load_from_memory(&bytes);
        // The tests' own decoder knows PNG alone.
        if media_type == "image/png" {
            assert_eq!(picture.unwrap().dimensions(), size);
        }
        let after = desk.rendition(preset).await;
        assert_eq!(after["state"], "READY");
        assert_eq!(after["bytes"], json!(bytes.len()));
        assert_eq!(
            (&after["width"], &after["height"]),
            (&before["width"], &before["height"])
        );
        assert_eq!(
            after["url"], before["url"],
            "the address is the same within the hour"
        );
    }
    // The channel's first preset, where none is named; no such preset is no rendition.
    let variables = json!({ "id": desk.asset });
    let found = desk.app.ask(&desk.app.admin, ALL, variables).await.data();
    assert_eq!(found["node"]["rendition"]["preset"], "card");
    let all = found["node"]["version"]["renditions"].as_array().unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|r| r["state"] == "READY"));
    assert_eq!(desk.rendition("none").await, Json::Null);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_two_presets_make_the_same_is_there_for_both() {
    let desk = Desk::new().await;
    let preset = |name: &str| json!({ "name": name, "width": 300, "height": 300, "fit": "COVER", "mediaType": "image/jpeg" });
    let page = json!({ "parent": "site", "presets": [preset("teaser"), preset("tile")] });
    desk.app.channel("page", page).await;
    for state in ["PENDING", "READY"] {
        let query = ALL.replace("rendition { preset } ", "");
        let variables = json!({ "id": desk.asset });
        let asked = desk.app.ask(&desk.app.admin, &query, variables).await;
        let data = asked.data();
        let all = &data["node"]["version"]["renditions"];
        let both = all.as_array().unwrap().iter();
        let both = both.filter(|r| r["preset"] == "teaser" || r["preset"] == "tile");
        let both: Vec<&Json> = both.collect();
        assert_eq!(both.len(), 2, "{all:#}");
        assert!(both.iter().all(|r| r["state"] == state), "{all:#}");
        assert_eq!(desk.get(text(&both[1]["url"])).await.status(), 200);
    }
    desk.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_get_what_is_made_once() {
    let desk = Desk::new().await;
    let files = desk.count("SELECT count(*) AS n FROM files").await;
    let url = text(&desk.rendition("card").await["url"]).to_owned();
    let stable = desk.stable("card");
    let answers = join_all((0..64).map(|n| {
        let url = if n % 2 == 0 {
            url.clone()
        } else {
            stable.clone()
        };
        let http = desk.app.http.clone();
        async move {
            let response = http.get(url).send().await.unwrap();
            (response.status().as_u16(), response.bytes().await.unwrap())
        }
    }))
    .await;
    let distinct: BTreeSet<_> = answers.iter().collect();
    assert_eq!(distinct.len(), 1);
    assert_eq!(answers[0].0, 200);
    assert_eq!(desk.count("SELECT count(*) AS n FROM renditions").await, 1);
    assert_eq!(
        desk.count("SELECT count(*) AS n FROM files").await,
        files + 1
    );
    // Nor has a second object been left behind.
    let objects = desk.app.app.blobs.keys();
    let objects = futures::StreamExt::collect::<Vec<_>>(objects).await.len();
    assert_eq!(i64::try_from(objects).unwrap(), files + 1);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_was_not_given_out_here_makes_nothing() {
    let desk = Desk::new().await;
    let url = text(&desk.rendition("card").await["url"]).to_owned();
    let (start, key) = url.rsplit_once('/').unwrap();
    let (base, grant) = start.rsplit_once('/').unwrap();
    let other_key = format!("{}{}", &key[1..], &key[..1]);
    for bad in [
        format!("{start}/{other_key}"),
        format!("{start}/x"),
        format!("{base}/x{grant}/{key}"),
        format!("{base}/x/{key}"),
        desk.stable("none"),
        format!("{}/d/{}/nowhere/card", desk.app.url, desk.asset),
        format!("{}/d/asset_x/site/card", desk.app.url),
    ] {
        assert_eq!(desk.get(&bad).await.status(), 404, "{bad}");
    }
    assert_eq!(desk.count("SELECT count(*) AS n FROM renditions").await, 0);
    // The grant ends with its time, and with its token.
    let token = desk
        .app
        .mutate(
            "createAccessToken",
            json!({ "name": "t", "scopes": ["READ"] }),
            "secret token { id }",
        )
        .await;
    let theirs = desk.ask_as(text(&token["secret"]), "card").await;
    assert_eq!(desk.get(text(&theirs["url"])).await.status(), 200);
    let end = json!({ "token": token["token"]["id"] });
    desk.app.mutate("revokeAccessToken", end, "").await;
    assert_eq!(desk.get(text(&theirs["url"])).await.status(), 404);
    desk.app.advance(TimeDelta::hours(2));
    assert_eq!(desk.get(&url).await.status(), 404);
    desk.app.stop().await;
}

#[tokio::test]
async fn nothing_is_handed_out_after_its_lease_nor_kept_beyond_it() {
    let desk = Desk::new().await;
    let public = desk
        .app
        .token(&["READ_PUBLIC"], &["north"], &["site"])
        .await;
    let end = desk.app.app.clock.now().plus_ms(20_000);
    let lease = json!({ "contents": [desk.asset], "access": "ALLOW", "channels": ["site"], "endsAt": end.to_rfc3339() });
    desk.app.mutate("createLease", lease, "").await;
    let url = text(&desk.ask_as(&public, "card").await["url"]).to_owned();
    let urls = [url, desk.stable("card")];
    for passed in [0, 15_000] {
        desk.app.advance(TimeDelta::milliseconds(passed));
        for url in &urls {
            let response = desk.get(url).await;
            assert_eq!(response.status(), 200, "{url}");
            let left = (end.0 - desk.app.app.clock.now().0) / 1000;
            assert!(max_age(&response) <= left, "{url}: {}", max_age(&response));
            let etag = header(&response, "etag").to_owned();
            let again = desk
                .app
                .http
                .get(url)
                .header("if-none-match", &etag)
                .send()
                .await
                .unwrap();
            assert_eq!(again.status(), 304);
            assert!(max_age(&again) <= left);
        }
    }
    let etag = header(&desk.get(&urls[1]).await, "etag").to_owned();
    desk.app.advance(TimeDelta::milliseconds(5_000));
    for url in &urls {
        for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
            let request = desk
                .app
                .http
                .request(method, url)
                .header("if-none-match", &etag);
            assert_eq!(request.send().await.unwrap().status(), 410, "{url}");
        }
    }
    let gone: Json = desk.get(&urls[1]).await.json().await.unwrap();
    assert_eq!(
        gone["extensions"]["holds"],
        json!(["LEASE_ENDED"]),
        "{gone}"
    );
    desk.app.stop().await;
}

#[tokio::test]
async fn a_stable_address_gives_the_current_version_and_ends_with_a_recall() {
    let desk = Desk::new().await;
    let url = desk.stable("square");
    let first = desk.get(&url).await;
    assert_eq!(first.status(), 200);
    assert!(header(&first, "cache-control").starts_with("public, max-age="));
    let first = first.bytes().await.unwrap();
    let input = json!({ "asset": desk.asset, "file": { "upload": null } });
    let file = ("picture.png", noise(1200, 800, 2));
    desk.app
        .upload_as(
            &desk.app.admin,
            "addAssetVersion",
            input,
            "asset { id }",
            "file.upload",
            file,
        )
        .await;
    assert_eq!(
        desk.get(&url).await.bytes().await.unwrap(),
        first,
        "a draft is not out"
    );
    desk.app.approve(&desk.asset).await;
    let second = desk.get(&url).await.bytes().await.unwrap();
    assert_ne!(second, first);

    // A place that is not public wants a token that reaches it.
    desk.app
        .mutate(
            "updateChannel",
            json!({ "channel": "site", "public": false }),
            "",
        )
        .await;
    assert_eq!(desk.get(&url).await.status(), 401);
    let as_bearer = async |token: &str| {
        let request = desk.app.http.get(&url).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    desk.app.channel("shop", json!({})).await;
    let reaches = desk
        .app
        .token(&["READ_PUBLIC"], &["north"], &["site"])
        .await;
    let elsewhere = desk
        .app
        .token(&["READ_PUBLIC"], &["north"], &["shop"])
        .await;
    desk.app.brand("south").await;
    let other = desk.app.token(&["READ"], &["south"], &[]).await;
    assert_eq!(as_bearer(&reaches).await, 200);
    assert_eq!(as_bearer(&elsewhere).await, 404);
    assert_eq!(as_bearer(&other).await, 404);

    let recall = json!({ "id": desk.asset, "reason": "wrong claim" });
    desk.app.mutate("withdrawContent", recall, "").await;
    assert_eq!(as_bearer(&reaches).await, 410);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_never_was_to_be_seen_there_is_not_found() {
    let desk = Desk::new().await;
    let draft = desk
        .app
        .draft_asset("north", "Draft", json!({ "channels": ["site"] }))
        .await;
    let untagged = desk.app.asset("north", "Untagged", json!({})).await;
    for id in [draft, untagged] {
        let url = format!("{}/d/{id}/site/card", desk.app.url);
        assert_eq!(desk.get(&url).await.status(), 404, "{id}");
    }
    desk.app.stop().await;
}

#[tokio::test]
async fn a_licence_against_altering_bars_what_would_crop_or_pad() {
    let desk = Desk::new().await;
    let lease = json!({ "contents": [desk.asset], "access": "ALLOW", "channels": ["site"],
        "terms": { "noAlteration": true } });
    desk.app.mutate("createLease", lease, "").await;
    for (preset, state) in [
        ("card", "FAILED"),
        ("square", "FAILED"),
        ("small", "PENDING"),
    ] {
        let rendition = desk.rendition(preset).await;
        assert_eq!(rendition["state"], state, "{rendition}");
        assert_eq!(rendition["url"].is_null(), state == "FAILED");
        assert_eq!(rendition["error"].is_string(), state == "FAILED");
    }
    // A place that crops gets nothing; one that scales gets it.
    assert_eq!(desk.get(&desk.stable("card")).await.status(), 410);
    assert_eq!(desk.get(&desk.stable("small")).await.status(), 200);
    desk.app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_drawn_says_why_and_costs_one_job() {
    let mut desk = Desk::new().await;
    // A picture whose pixels are broken: it is stored, for nothing is decoded then, and cannot be drawn.
    let broken = Desk::picture(&desk.app, "Broken", png_of_bad_pixels(300, 300)).await;
    let sound = std::mem::replace(&mut desk.asset, broken);
    assert_eq!(desk.get(&desk.stable("small")).await.status(), 404);
    let failed = desk.rendition("small").await;
    assert_eq!(failed["state"], "FAILED", "{failed}");
    assert!(text(&failed["error"]).contains("damaged"), "{failed}");
    desk.asset = sound;
    assert_eq!(desk.get(&desk.stable("small")).await.status(), 200);
    desk.app.stop().await;
}

#[tokio::test]
async fn a_places_limit_on_bytes_is_met() {
    let desk = Desk::new().await;
    let whole = desk
        .get(&desk.stable("card"))
        .await
        .bytes()
        .await
        .unwrap()
        .len();
    let limit = whole / 2;
    let rules = json!([{ "check": "MAX_BYTES", "value": limit, "severity": "WARN" }]);
    desk.app
        .mutate(
            "updateChannel",
            json!({ "channel": "site", "rules": rules }),
            "",
        )
        .await;
    let less = desk
        .get(&desk.stable("card"))
        .await
        .bytes()
        .await
        .unwrap()
        .len();
    assert!(less <= limit && less > 0, "{less} of {limit}");
    desk.app.stop().await;
}

#[tokio::test]
async fn what_is_approved_is_made_before_anybody_asks() {
    let desk = Desk::new().await;
    assert_eq!(desk.count("SELECT count(*) AS n FROM renditions").await, 0);
    renditions::warm(&desk.app.app).await.unwrap();
    let made = "SELECT count(*) AS n FROM renditions WHERE state = 'READY'";
    assert_eq!(desk.count(made).await, 3);
    desk.app.stop().await;
}

#[tokio::test]
async fn a_rendition_whose_maker_died_is_made_by_another() {
    let desk = Desk::new().await;
    let url = text(&desk.rendition("card").await["url"]).to_owned();
    let key = url.rsplit_once('/').unwrap().1;
    let past = desk.app.app.clock.now().0 - 1;
    desk.app
        .behind(&format!(
            "INSERT INTO renditions (key, version_id, preset, state, claimed_until, created_at)
         SELECT '{key}', id, 'card', 'PENDING', {past}, 1 FROM versions"
        ))
        .await;
    assert_eq!(desk.rendition("card").await["state"], "PENDING");
    assert_eq!(desk.get(&url).await.status(), 200);
    assert_eq!(desk.rendition("card").await["state"], "READY");
    desk.app.stop().await;
}
