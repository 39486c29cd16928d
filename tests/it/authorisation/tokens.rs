//! Who is let in at all.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::TestApp;

#[tokio::test]
async fn no_unknown_expired_or_revoked_token_is_let_in() {
    let app = TestApp::start().await;
    let short = json!({ "name": "short", "scopes": ["READ"], "expiresAt": TestApp::day(1) });
    let short = app.mutate("createAccessToken", short, "secret").await;
    let short = short["secret"].as_str().unwrap().to_owned();
    let lost = json!({ "name": "lost", "scopes": ["READ"] });
    let lost = app
        .mutate("createAccessToken", lost, "secret token { id }")
        .await;
    let id = lost["token"]["id"].clone();
    let lost = lost["secret"].as_str().unwrap().to_owned();
    for good in [&short, &lost] {
        let me = app.ask(good, "{ me { __typename } }", json!({})).await;
        assert_eq!(me.data()["me"]["__typename"], "AccessToken");
    }
    app.mutate("revokeAccessToken", json!({ "token": id }), "")
        .await;
    app.advance(chrono::TimeDelta::days(1));
    // Its checksum is right, but nobody has it.
    let mut unknown = app.admin.clone();
    unknown.replace_range(10..12, if &unknown[10..12] == "AA" { "BB" } else { "AA" });
    let headers = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer junk".to_owned()),
        Some(format!("Basic {}", app.admin)),
        Some(format!("Bearer {}x", app.admin)),
        Some(format!("Bearer {unknown}")),
        Some(format!("Bearer {short}")),
        Some(format!("Bearer {lost}")),
    ];
    let mut texts = BTreeSet::new();
    for header in headers {
        let mut request = app
            .http
            .post(format!("{}/graphql?access_token={}", app.url, app.admin))
            .json(&json!({ "query": "{ me { __typename } }" }));
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{header:?}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body: Json = response.json().await.unwrap();
        let error = &body["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{header:?}");
        assert!(body.get("data").is_none(), "{body}");
        texts.insert(error["message"].to_string());
    }
    assert_eq!(texts.len(), 1, "the reason is not told: {texts:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_token_makes_none_that_does_or_sees_more_than_itself() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.brand("south").await;
    for slug in ["site", "press"] {
        app.channel(slug, json!({})).await;
    }
    let admin = app.token(&["ADMIN"], &["north"], &["site"]).await;
    let made = json!({ "name": "t", "scopes": ["READ"] });
    let made = app
        .mutate_as(&admin, "createAccessToken", made, "secret token { id }")
        .await;
    let reader = made["secret"].as_str().unwrap();
    let me = "{ me { ... on AccessToken { scopes brands { slug } channels { slug } } } brands { slug } channels { nodes { slug } } }";
    let seen = app.ask(reader, me, json!({})).await.data();
    let (brands, channels) = (json!([{ "slug": "north" }]), json!([{ "slug": "site" }]));
    let expected = json!({
        "me": { "scopes": ["READ"], "brands": brands, "channels": channels },
        "brands": brands, "channels": { "nodes": channels },
    });
    assert_eq!(seen, expected);
    for (field, reach) in [
        ("brands", "south"),
        ("channels", "press"),
        ("channels", "nowhere"),
    ] {
        let wider = json!({ "name": "t", "scopes": ["READ"], field: [reach] });
        let payload = app
            .mutate_as(&admin, "createAccessToken", wider, "secret")
            .await;
        assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND", "{payload}");
        assert_eq!(payload["secret"], Json::Null);
    }
    for scopes in [json!([]), json!(["READ_PUBLIC"])] {
        let without = json!({ "name": "t", "scopes": scopes });
        let (code, _) = app.refused("createAccessToken", without).await;
        assert_eq!(code, "REQUIRED");
    }
    // It ends at once what it made, and nothing that reaches further.
    let wide = json!({ "name": "wide", "scopes": ["READ"] });
    let wide = app
        .mutate("createAccessToken", wide, "secret token { id }")
        .await;
    let revoke = json!({ "token": wide["token"]["id"] });
    let payload = app.mutate_as(&admin, "revokeAccessToken", revoke, "").await;
    assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND");
    let wide = wide["secret"].as_str().unwrap();
    assert_eq!(app.ask(wide, me, json!({})).await.status, 200);
    let revoke = json!({ "token": made["token"]["id"] });
    let payload = app.mutate_as(&admin, "revokeAccessToken", revoke, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(app.ask(reader, me, json!({})).await.status, 401);
    app.stop().await;
}
