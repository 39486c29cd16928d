//! Delivery: every kind of address, at the end of a right, and as it is asked for again and again.

mod ending;
mod origin;
mod redirect;
mod warm;

use accolade::testing::TestDatabase;
use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

use crate::support::{TestApp, noise};

/// An approved picture on a public channel, and the addresses under which anybody may have it.
struct Shown {
    app: TestApp,
    asset: String,
    /// Of the channel's page.
    token: String,
}

impl Shown {
    async fn new() -> Self {
        Self::on(TestApp::start().await).await
    }

    async fn on(app: TestApp) -> Self {
        app.brand("north").await;
        let preset = json!([{ "name": "card", "width": 40, "height": 30, "fit": "COVER", "mediaType": "image/jpeg" }]);
        app.channel("site", json!({ "presets": preset })).await;
        let input = json!({ "brand": "north", "title": "Lantern", "channels": ["site"], "file": { "upload": null } });
        let file = ("lantern.png", noise(60, 40, 3));
        let made = app
            .upload_as(
                &app.admin,
                "createAsset",
                input,
                "asset { id }",
                "file.upload",
                file,
            )
            .await;
        let asset = made["asset"]["id"].as_str().unwrap().to_owned();
        app.approve(&asset).await;
        let token = app.token(&["READ_PUBLIC"], &["north"], &["site"]).await;
        Self { app, asset, token }
    }

    /// The addresses of the file (to be shown, and to be saved), of a rendition, and the stable one.
    async fn addresses(&self) -> [String; 4] {
        self.addresses_from(&self.app).await
    }

    /// The same at another instance.
    async fn addresses_from(&self, app: &TestApp) -> [String; 4] {
        let query = "query($id: ID!) { node(id: $id) { ... on Asset {
            version { file { url downloadUrl } } rendition(channel: \"site\") { url } } } }";
        let variables = json!({ "id": self.asset });
        let node = app.ask(&self.token, query, variables).await.data()["node"].clone();
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let file = &node["version"]["file"];
        [
            text(&file["url"]),
            text(&file["downloadUrl"]),
            text(&node["rendition"]["url"]),
            format!("{}/d/{}/site/card", app.url, self.asset),
        ]
    }

    /// Stops the server; the database, where it is another's, stays.
    async fn stop(self) {
        self.app.stop().await;
    }
}

/// The ways to ask for a file: their method and headers. `etag` is its tag.
fn asked(etag: &str) -> [(Method, Vec<(&'static str, String)>); 7] {
    let tag = etag.to_owned();
    let part = || ("range", "bytes=0-9".to_owned());
    [
        (Method::GET, vec![]),
        (Method::HEAD, vec![]),
        (Method::GET, vec![("if-none-match", tag.clone())]),
        (Method::HEAD, vec![("if-none-match", "*".to_owned())]),
        (Method::GET, vec![part()]),
        (Method::GET, vec![part(), ("if-range", tag)]),
        (Method::GET, vec![("range", "bytes=999999-".to_owned())]),
    ]
}

async fn send(
    http: &reqwest::Client,
    url: &str,
    (method, headers): &(Method, Vec<(&'static str, String)>),
) -> Response {
    let mut request = http.request(method.clone(), url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// For how many milliseconds anybody may keep an answer.
fn kept_for(response: &Response) -> i64 {
    let said = header(response, "cache-control");
    assert!(!said.is_empty(), "who is told nothing keeps it");
    if said == "no-store" {
        return 0;
    }
    let (_, seconds) = said.split_once("max-age=").unwrap();
    seconds.parse::<i64>().unwrap() * 1000
}

/// A second instance on the same database and store.
async fn beside(database: &TestDatabase, at: accolade::platform::clock::Timestamp) -> TestApp {
    let store = accolade::platform::blob::StoreConfig::Folder(database.folder().join("files"));
    TestApp::serve(database, store, accolade::platform::clock::Clock::fixed(at)).await
}
