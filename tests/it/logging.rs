//! What the log says of requests, and what it does not.

use std::io;
use std::sync::{Arc, Mutex};

use accolade::config::Limits;
use serde_json::{Value as Json, json};
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use crate::support::{TestApp, png};

/// What was logged on this test's thread, which is the server's, too.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begin(level: Level) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of GraphQL requests since the last time.
    fn requests(&self) -> Vec<Json> {
        let text = self.text();
        self.0.lock().unwrap().clear();
        let lines = text
            .lines()
            .map(|l| serde_json::from_str::<Json>(l).unwrap());
        lines.filter(|l| l["message"] == "graphql").collect()
    }
}

#[tokio::test]
async fn each_request_has_one_line_whatever_becomes_of_it() {
    let (log, _guard) = Log::begin(Level::INFO);
    let app = TestApp::start_limited(Limits {
        cost_capacity: 1_000,
        cost_refill: 1,
        ..Limits::default()
    })
    .await;
    let reader = app.token(&["READ"], &[], &[]).await;
    log.requests();
    let send = async |body: &str, token: &str, kind: &str| {
        let request = app
            .http
            .post(format!("{}/graphql", app.url))
            .header("x-request-id", "id-of-the-request")
            .header("content-type", kind)
            .bearer_auth(token)
            .body(body.to_owned());
        let status = request.send().await.unwrap().status().as_u16();
        let mut lines = log.requests();
        assert_eq!(lines.len(), 1, "{body:.200}: {lines:?}");
        let line = lines.remove(0);
        assert_eq!(line["http.status"], status);
        assert_eq!(line["span"]["request.id"], "id-of-the-request");
        assert!(
            line["duration_ms"].is_u64() && line["statements"].is_u64(),
            "{line}"
        );
        line
    };
    let kind = "application/json";
    let query = |text: &str| json!({ "query": text }).to_string();
    let line = send(
        &query("query Mine { me { ... on AccessToken { id } } }"),
        &reader,
        kind,
    )
    .await;
    assert_eq!(line["operation"], "Mine");
    assert!(
        line["actor"].as_str().unwrap().starts_with("token_"),
        "{line}"
    );
    assert_eq!(
        (&line["cost.requested"], &line["cost.actual"]),
        (&json!(1), &json!(1))
    );
    assert_eq!((&line["errors"], &line["codes"]), (&json!(0), &json!("-")));
    let large = "{ assets(first: 100) { nodes { versions(first: 97) { nodes { id } } } } }";
    let twice = "{ a: node(id: \"x\") { id } b: assets { nodes { availability(channel: \"x\") { available } } } }";
    app.query(twice).await;
    log.requests();
    for (body, token, kind, codes) in [
        (query("{ nothing }"), reader.as_str(), kind, "BAD_REQUEST"),
        (query("{"), &reader, kind, "BAD_REQUEST"),
        (
            query("{ auditLog { nodes { id } } }"),
            &reader,
            kind,
            "FORBIDDEN",
        ),
        (
            query("{ channel(slug: \"a\", id: \"b\") { id } }"),
            &reader,
            kind,
            "BAD_REQUEST",
        ),
        ("[]".to_owned(), &reader, kind, "BAD_REQUEST"),
        ("x".repeat((1 << 20) + 1), &reader, kind, "BAD_REQUEST"),
        (
            query("{ __typename }"),
            "acl_wrong",
            kind,
            "UNAUTHENTICATED",
        ),
        (
            query("{ __typename }"),
            &reader,
            "text/plain",
            "BAD_REQUEST",
        ),
        (query(large), &reader, kind, "-"),
    ] {
        let line = send(&body, token, kind).await;
        assert_eq!(line["codes"], codes, "{line}");
    }
    for _ in 0..10 {
        send(&query("{ __typename }"), &reader, kind).await;
    }
    let line = send(&query(large), &reader, kind).await;
    assert_eq!(
        (
            &line["codes"],
            &line["http.status"],
            &line["cost.requested"]
        ),
        (&json!("RATE_LIMITED"), &json!(429), &json!(991))
    );
    let name = "A".repeat(1_000);
    let line = send(
        &query(&format!("query {name} {{ __typename }}")),
        &reader,
        kind,
    )
    .await;
    assert_eq!(line["operation"], name[..100]);
    app.stop().await;
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let (log, _guard) = Log::begin(Level::TRACE);
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let mut secrets = vec![app.admin.clone()];
    for scope in ["READ", "WRITE", "USAGE_WRITE", "ADMIN"] {
        secrets.push(app.token(&[scope], &[], &[]).await);
    }
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    let asset = app
        .asset("north", "Lantern", json!({ "channels": ["site"] }))
        .await;
    let query = "query($id: ID!) { node(id: $id) { ... on Asset { version { file { url } } } } }";
    for token in [&app.admin, &public] {
        let found = app.ask(token, query, json!({ "id": asset })).await.data();
        let url = found["node"]["version"]["file"]["url"].as_str().unwrap();
        app.http.get(url).send().await.unwrap();
        secrets.push(url.split('/').nth(4).unwrap().to_owned());
    }
    secrets.push(public);
    let title = "only for our eyes".to_owned();
    app.draft_asset("north", &title, json!({})).await;
    app.ask(&app.admin, &format!("{{ {title}"), json!({ "a": title }))
        .await;
    let input = json!({ "brand": "north", "title": title, "file": { "upload": null } });
    let file = ("private-name.png", png(8, 8, 8));
    app.upload_as(
        &app.admin,
        "createAsset",
        input,
        "asset { id }",
        "file.upload",
        file,
    )
    .await;
    secrets.extend([title, "private-name".to_owned()]);
    let text = log.text();
    assert!(text.contains("\"graphql\""));
    for secret in &secrets {
        assert!(secret.len() > 10, "{secret}");
        let at = text.find(secret.as_str());
        let around = at.map(|at| &text[at.saturating_sub(600)..at + secret.len()]);
        assert_eq!(around, None);
    }
    app.stop().await;
}
