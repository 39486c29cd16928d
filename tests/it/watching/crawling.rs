//! Looks at the pages where placements are.

use accolade::placements::crawl_due;
use accolade::platform::fetch::Rules;
use chrono::TimeDelta;
use image::ImageEncoder;
use serde_json::{Value as Json, json};

use super::{cell, placements, text};
use crate::support::pages::{Pages, page};
use crate::support::{TestApp, png};

/// A server that may fetch from these pages.
async fn desk(pages: &Pages) -> (TestApp, String) {
    let hosts = vec![pages.place.clone()];
    let app = TestApp::start_set(|config| {
        config.fetch = Some(Rules {
            hosts,
            ..Rules::default()
        });
    })
    .await;
    app.brand("north").await;
    let preset = json!([{ "name": "card", "width": 64, "height": 64, "fit": "INSIDE", "mediaType": "image/png" }]);
    app.channel("shop", json!({ "presets": preset })).await;
    let outlet = app.outlet("Lantern Weekly", json!({})).await;
    (app, outlet)
}

async fn place(app: &TestApp, content: &str, url: &str) -> Json {
    let input = json!({ "content": content, "channel": "shop", "location": "top", "status": "LIVE", "url": url });
    let made = app
        .mutate("createPlacement", input, "placement { id }")
        .await;
    made["placement"]["id"].clone()
}

async fn look(app: &TestApp) -> usize {
    crawl_due(&app.app).await.unwrap()
}

/// The last sighting of a content's newest placement.
async fn last(app: &TestApp, content: &str) -> (bool, String) {
    let seen = placements(app, content).await[0]["sightings"]["nodes"][0].clone();
    assert_eq!(seen["how"], "CRAWL", "{seen}");
    (seen["found"] == true, text(&seen["detail"]))
}

#[tokio::test]
async fn a_quote_is_found_by_its_words_and_missed_when_they_go() {
    let pages = Pages::start().await;
    let (app, outlet) = desk(&pages).await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    pages.html(
        "/shop",
        "<h1>Lantern</h1><blockquote>“It&nbsp;lasts.”</blockquote>",
    );
    place(&app, &win, &pages.url("/shop")).await;
    assert_eq!(look(&app).await, 1);
    assert_eq!(
        last(&app, &win).await,
        (true, "The page has the quote.".to_owned())
    );
    let seen = app.app.clock.now().to_rfc3339();
    assert_eq!(cell(&app, "shop").await["lastSeenAt"], seen);
    assert_eq!(look(&app).await, 0, "it is not due again");
    // A week later the words are gone; a day after that it is looked at again.
    pages.html("/shop", "<h1>Lantern</h1>");
    app.advance(TimeDelta::days(7));
    assert_eq!(look(&app).await, 1);
    let (found, detail) = last(&app, &win).await;
    assert!(!found && detail.contains("Neither"), "{detail}");
    assert_eq!(cell(&app, "shop").await["lastSeenAt"], seen);
    app.advance(TimeDelta::days(1));
    pages.html("/shop", "<p>It lasts.");
    assert_eq!(look(&app).await, 1);
    assert!(last(&app, &win).await.0);
    let query = "query($id: ID!) { node(id: $id) { ... on Content { history(first: 3) { nodes { action changes } } } } }";
    let log = app
        .ask(&app.admin, query, json!({ "id": win }))
        .await
        .data();
    let log = log["node"]["history"]["nodes"].as_array().unwrap().clone();
    let told = log
        .iter()
        .map(|entry| (text(&entry["action"]), entry["changes"]["found"] == true));
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        [true, false, true].map(|found| ("checkPlacement".to_owned(), found))
    );
    app.stop().await;
}

#[tokio::test]
async fn a_page_that_is_gone_is_told_and_one_that_cannot_be_had_is_nothing_seen() {
    let pages = Pages::start().await;
    let (app, outlet) = desk(&pages).await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    pages.says("/shop", page("503 Busy", "text/html", b"later"));
    let placement = place(&app, &win, &pages.url("/shop")).await;
    let seen = async || placements(&app, &win).await[0]["sightings"]["totalCount"].clone();
    for minutes in [1, 5, 60] {
        assert_eq!(look(&app).await, 1);
        assert_eq!(look(&app).await, 0, "not before it is time");
        app.advance(TimeDelta::minutes(minutes));
    }
    assert_eq!(look(&app).await, 0, "three times are enough for a day");
    assert_eq!(seen().await, 0);
    let query = "query($id: ID!) { node(id: $id) { ... on Placement { crawlError } } }";
    let why = app.ask(&app.admin, query, json!({ "id": placement })).await;
    assert_eq!(
        why.data()["node"]["crawlError"],
        "The server answers with status 503."
    );
    pages.says("/shop", page("410 Gone", "text/html", b"no"));
    app.advance(TimeDelta::days(1));
    assert_eq!(look(&app).await, 1);
    let (found, detail) = last(&app, &win).await;
    assert!(!found && detail.contains("410"), "{detail}");
    let why = app.ask(&app.admin, query, json!({ "id": placement })).await;
    assert_eq!(why.data()["node"]["crawlError"], Json::Null);
    // What is no longer live is not looked at; with another address it is, at once.
    let other = json!({ "placement": placement, "url": pages.url("/other") });
    app.mutate("updatePlacement", other, "").await;
    assert_eq!(look(&app).await, 1);
    let retired = json!({ "placement": placement, "status": "RETIRED" });
    app.mutate("updatePlacement", retired, "").await;
    app.advance(TimeDelta::days(30));
    let asked = pages.asked();
    assert_eq!(look(&app).await, 0);
    assert_eq!(pages.asked(), asked);
    app.stop().await;
}

#[tokio::test]
async fn an_asset_is_found_by_its_address_its_bytes_or_its_looks() {
    let pages = Pages::start().await;
    let (app, _) = desk(&pages).await;
    let tagged = json!({ "channels": ["shop"] });
    let badge = app.asset("north", "Badge", tagged.clone()).await;
    let own = png(1200, 1200, u8::try_from("Badge".len()).unwrap());
    pages.html(
        "/page",
        r#"<img src="/other.png"><img srcset="/badge.png 2x">"#,
    );
    pages.says("/other.png", page("200 OK", "image/png", &noise(66, 64)));
    pages.says("/badge.png", page("200 OK", "image/png", &own));
    place(&app, &badge, &pages.url("/page")).await;
    assert_eq!(look(&app).await, 1);
    assert_eq!(
        last(&app, &badge).await,
        (true, "The page shows the file of version 1.".to_owned())
    );
    // A version later the page has the old one still, and says so, though it is placed anew.
    let newer = json!({ "asset": badge, "file": { "upload": null } });
    let file = ("newer.png", noise(700, 500));
    app.upload_as(
        &app.admin,
        "addAssetVersion",
        newer,
        "",
        "file.upload",
        file,
    )
    .await;
    let second = app.approve(&badge).await;
    let placed = placements(&app, &badge).await[0]["id"].clone();
    let update = json!({ "placement": placed, "version": second });
    app.mutate("updatePlacement", update, "").await;
    app.advance(TimeDelta::days(7));
    assert_eq!(look(&app).await, 1);
    let (found, detail) = last(&app, &badge).await;
    assert!(found);
    assert_eq!(
        detail,
        "The page shows the file of version 1, not of version 2."
    );
    // Scaled by somebody else, it looks the same.
    accolade::media::sweep(&app.app).await.unwrap();
    pages.html("/page", r#"<video poster="/small.png">"#);
    pages.says(
        "/small.png",
        page("200 OK", "image/png", &shrunk(&noise(700, 500))),
    );
    app.advance(TimeDelta::days(7));
    assert_eq!(look(&app).await, 1);
    let (found, detail) = last(&app, &badge).await;
    assert!(
        found && detail.contains("looks like that of version 2"),
        "{detail}"
    );
    // By the stable address nothing need be fetched.
    pages.html(
        "/page",
        &format!(r#"<img src="https://img.example/d/{badge}/shop/card">"#),
    );
    app.advance(TimeDelta::days(7));
    assert_eq!(look(&app).await, 1);
    assert_eq!(
        last(&app, &badge).await,
        (true, "The page has its stable address.".to_owned())
    );
    // Nothing of it.
    pages.html("/page", r#"<img src="/other.png">"#);
    app.advance(TimeDelta::days(7));
    assert_eq!(look(&app).await, 1);
    let (found, detail) = last(&app, &badge).await;
    assert!(!found && detail.contains("the one picture"), "{detail}");
    // The address may be the picture's own.
    let update = json!({ "placement": placed, "url": pages.url("/small.png") });
    app.mutate("updatePlacement", update, "").await;
    assert_eq!(look(&app).await, 1);
    assert!(last(&app, &badge).await.0);
    app.stop().await;
}

#[tokio::test]
async fn a_placement_on_this_machine_is_not_connected_to() {
    let (allowed, inside) = (Pages::start().await, Pages::start().await);
    let (app, outlet) = desk(&allowed).await;
    let win = app
        .endorsement("north", "Win", &outlet, json!({ "channels": ["shop"] }))
        .await;
    allowed.says(
        "/away",
        format!(
            "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            inside.url("/")
        )
        .into_bytes(),
    );
    allowed.html("/page", &format!("<img src='{}'>", inside.url("/a.png")));
    for url in [
        inside.url("/"),
        allowed.url("/away"),
        "http://localhost/".to_owned(),
    ] {
        let placement = place(&app, &win, &url).await;
        assert_eq!(look(&app).await, 1);
        let query = "query($id: ID!) { node(id: $id) { ... on Placement { crawlError } } }";
        let why = app.ask(&app.admin, query, json!({ "id": placement })).await;
        assert!(why.data()["node"]["crawlError"].is_string(), "{url}");
    }
    // Nor to what a page shows.
    let badge = app
        .asset("north", "Badge", json!({ "channels": ["shop"] }))
        .await;
    place(&app, &badge, &allowed.url("/page")).await;
    assert_eq!(look(&app).await, 1);
    assert_eq!(inside.asked(), 0);
    app.stop().await;
}

/// A picture with something in it.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x * 16 / width, y * 16 / height);
        // Another width, another picture.
        let spot = (x * (7 + width % 5) + y * 13 + x * y) % 11;
        image::Rgb([
            u8::try_from(spot * 23).unwrap(),
            u8::try_from(x * 16).unwrap(),
            90,
        ])
    });
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&picture, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn shrunk(bytes: &[u8]) -> Vec<u8> {
    let picture = image::load_from_memory(bytes).unwrap();
    let small = picture.thumbnail(320, 320).to_rgb8();
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(
            &small,
            small.width(),
            small.height(),
            image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}
