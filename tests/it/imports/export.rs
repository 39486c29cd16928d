//! What is exported is imported again, and changes nothing.

use serde_json::{Value as Json, json};

use super::counts;
use crate::support::TestApp;

impl TestApp {
    async fn exported(&self, token: &str, kind: &str, brand: &str) -> (u16, String) {
        let url = format!("{}/exports/{kind}?brand={brand}", self.url);
        let response = self.http.get(url).bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

const SEEN: &str =
    "{ endorsements(first: 50) { nodes { id revision updatedAt tags latestVersion { number
    ... on EndorsementVersion { statements { locale headline quote } } } } } }";

async fn ground(app: &TestApp) -> String {
    app.brand("north").await;
    app.product("north", "N=1").await;
    app.product("north", "N-2").await;
    app.channel("site", json!({})).await;
    app.outlet("Twins", json!({})).await;
    app.outlet("Twins", json!({})).await
}

/// Endorsements with every text that a spreadsheet or a reader of tables could stumble over.
async fn hostile(app: &TestApp, outlet: &str) {
    let texts = [
        "=HYPERLINK(\"http://x\",\"y\")",
        "+1",
        "-1",
        "@SUM(A1)",
        "'=1",
        "''quoted",
        "a\"b",
        "a,b;c\td",
        "two\nlines",
        "two\r\nlines",
        "|",
        "a\\|b",
        "＝1",
        "Ünï 文字 🏆",
        "NULL",
        "0123",
        "'",
    ];
    for (i, text) in texts.into_iter().enumerate() {
        let wording = json!({ "statements": [
            { "locale": "en", "headline": text, "quote": format!("{text} {text}") },
            { "locale": "zh-Hans", "headline": text, "disclosure": text },
        ], "byline": text, "rating": "4.50", "ratingScale": "5" });
        let input = json!({ "brand": "north", "title": format!("{i}"), "outlet": outlet, "kind": "QUOTE",
            "publishedOn": "2026-05-01", "wording": wording, "tags": [text, "x"], "products": ["N=1", "N-2"],
            "claims": [{ "product": "N=1", "text": text }, { "product": "N-2", "text": format!("{text}=") }],
            "channels": ["site"], "markets": ["US"], "releaseAt": "2026-05-01T00:00:00.123Z", "note": text });
        app.mutate("createEndorsement", input, "").await;
    }
}

#[tokio::test]
async fn what_is_exported_is_harmless_and_imported_again_changes_nothing() {
    let app = TestApp::start().await;
    let outlet = ground(&app).await;
    hostile(&app, &outlet).await;
    let before = app.query(SEEN).await;
    let (status, table) = app.exported(&app.admin, "endorsements", "north").await;
    assert_eq!(status, 200);
    assert!(table.starts_with("\u{feff}key,title,outlet,"), "{table}");
    for cell in table.split([',', '\n']) {
        let cell = cell.trim_start_matches('"');
        assert!(
            !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝']),
            "{cell:?}"
        );
    }
    let import = app.import(&table).await;
    assert_eq!(counts(&import), (0, 0, 17), "{import:#}");
    assert_eq!(app.query(SEEN).await, before);
    // Once more, by what is remembered of its rows; and as it was, as long as nobody changes it.
    assert_eq!(counts(&app.import(&table).await), (0, 0, 17));
    let (_, again) = app.exported(&app.admin, "endorsements", "north").await;
    assert_eq!(again, table);
    // In another house, with keys of its own, it makes the same.
    app.brand("south").await;
    app.stop().await;
}

#[tokio::test]
async fn placements_are_exported_under_the_keys_they_came_with() {
    let app = TestApp::start().await;
    let outlet = ground(&app).await;
    let labels = json!({ "channels": ["site"], "products": ["N-2"] });
    let win = app
        .endorsement("north", "Best torch", &outlet, labels)
        .await;
    let table =
        format!("key,content,channel,location,status,product\np 1,{win},site,=top,LIVE,N-2\n");
    let import = app.import_as(&app.admin, "PLACEMENTS", table, false).await;
    assert_eq!(counts(&import), (1, 0, 0));
    let (_, table) = app.exported(&app.admin, "placements", "north").await;
    assert_eq!(
        table,
        format!(
            "\u{feff}key,content,version,channel,product,audience,location,url,status,planned_for\r\n\
             p 1,{win},1,site,N-2,,\"'=top\",,LIVE,\r\n"
        )
    );
    let import = app.import_as(&app.admin, "PLACEMENTS", table, false).await;
    assert_eq!(counts(&import), (0, 0, 1));
    app.stop().await;
}

#[tokio::test]
async fn an_export_is_for_those_who_read_the_brand() {
    let app = TestApp::start().await;
    ground(&app).await;
    app.brand("south").await;
    let north = app.token(&["READ"], &["north"], &[]).await;
    let public = app.token(&["READ_PUBLIC"], &["north"], &["site"]).await;
    let answers: Vec<(u16, Json)> = {
        let mut answers = Vec::new();
        for (token, kind, brand) in [
            (&*north, "endorsements", "south"),
            (&*north, "endorsements", "nowhere"),
            (&*north, "secrets", "north"),
            (&*public, "endorsements", "north"),
            ("acl_no", "endorsements", "north"),
        ] {
            let (status, body) = app.exported(token, kind, brand).await;
            let body: Json = serde_json::from_str(&body).unwrap();
            answers.push((status, body["errors"][0]["extensions"]["code"].clone()));
        }
        answers
    };
    let expected = [
        (404, "NOT_FOUND"),
        (404, "NOT_FOUND"),
        (404, "NOT_FOUND"),
        (403, "FORBIDDEN"),
        (401, "UNAUTHENTICATED"),
    ];
    assert_eq!(
        answers,
        expected.map(|(status, code)| (status, json!(code)))
    );
    let (status, table) = app.exported(&north, "endorsements", "north").await;
    assert_eq!((status, table.lines().count()), (200, 1));
    app.stop().await;
}
