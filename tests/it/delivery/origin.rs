//! A host of its own for what users have stored.

use accolade::config::{Config, Settings};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Shown, header};
use crate::support::TestApp;

const CONTENT: &str = "http://content.test";

impl Shown {
    /// The status of a request for a path under a host.
    async fn at(&self, host: &str, method: Method, path: &str) -> StatusCode {
        let request = self
            .app
            .http
            .request(method, format!("{}{path}", self.app.url));
        let request = request.header("host", host).bearer_auth(&self.app.admin);
        let forged = request.header("x-forwarded-host", "content.test");
        forged.send().await.unwrap().status()
    }

    /// The paths of its addresses, all of which begin with the origin of files.
    async fn paths(&self) -> Vec<String> {
        let [file, saved, rendition, stable] = self.addresses().await;
        let path = |url: String| url.strip_prefix(CONTENT).unwrap().to_owned();
        let stable = stable.strip_prefix(&self.app.url).unwrap().to_owned();
        vec![path(file), path(saved), path(rendition), stable]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_handed_out_under_their_own_host_and_nothing_else_is() {
    let set = |config: &mut Config| config.content_origin = Some(CONTENT.parse().unwrap());
    let shown = Shown::on(TestApp::start_set(set).await).await;
    let own = shown.app.url.strip_prefix("http://").unwrap().to_owned();
    for path in shown.paths().await {
        for host in ["content.test", "CONTENT.test:80", "content.test."] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(shown.at(host, method, &path).await, 200, "{host}{path}");
            }
        }
        for host in [
            &own,
            "content.test:81",
            "content.test.evil",
            "evil.test",
            "a@content.test",
        ] {
            let status = shown.at(host, Method::GET, &path).await;
            assert_eq!(status, 404, "{host}{path}");
        }
    }
    for path in [
        "/",
        "/graphql",
        "/graphiql",
        "/graphiql/",
        "/uploads",
        "/healthz",
        "/metrics",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let status = shown.at("content.test", method.clone(), path).await;
            assert_eq!(status, 404, "{method} {path}");
        }
    }
    assert_eq!(shown.at(&own, Method::GET, "/healthz").await, 200);
    shown.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_use_the_configured_origin_whatever_a_request_says() {
    let shown = Shown::new().await;
    let query = format!(
        "{{ node(id: \"{}\") {{ ... on Asset {{ version {{ file {{ url }} }} rendition(channel: \"site\") {{ url }} }} }} }}",
        shown.asset
    );
    let request = shown.app.http.post(format!("{}/graphql", shown.app.url));
    let request = request
        .bearer_auth(&shown.token)
        .json(&json!({ "query": query }));
    let spoofed = request
        .header("host", "evil.test")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "host=evil.test");
    let answer: serde_json::Value = spoofed.send().await.unwrap().json().await.unwrap();
    let node = &answer["data"]["node"];
    for url in [&node["version"]["file"]["url"], &node["rendition"]["url"]] {
        let url = url.as_str().unwrap();
        assert!(url.starts_with(&format!("{}/", shown.app.url)), "{url}");
        let got = shown.app.http.get(url).header("host", "evil.test");
        let got = got.send().await.unwrap();
        assert_eq!(
            got.status(),
            200,
            "without an origin of their own any host serves"
        );
        assert_eq!(header(&got, "location"), "");
    }
    shown.stop().await;
}

#[test]
fn an_origin_is_a_host_and_not_the_servers_own() {
    let load = |origin: &str| {
        let settings = Settings {
            public_url: Some("https://accolade.example".to_owned()),
            content_origin: Some(origin.to_owned()),
            ..Settings::default()
        };
        Config::load(None, &settings)
    };
    let config = load("https://files.example.net").unwrap();
    assert_eq!(config.content_url(), "https://files.example.net");
    for bad in [
        "files.example.net",
        "ftp://files.example.net",
        "https://files.example.net/x",
        "https://files.example.net/?x",
        "https://me@files.example.net",
        "https://accolade.example",
        "http://accolade.example:443",
    ] {
        let error = load(bad).unwrap_err().to_string();
        assert!(error.contains("content_origin"), "{bad}: {error}");
    }
}
