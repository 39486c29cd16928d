//! What is kept, and what leaves nothing behind.

use std::fs;

use serde_json::{Value as Json, json};

use super::{VERSION, header};
use crate::support::{TestApp, png};

#[tokio::test]
async fn the_type_comes_from_the_bytes_and_not_from_the_name() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let bytes = png(30, 20, 1);
    for name in [
        "page.html",
        "film.mp4",
        "script.svg",
        "noextension",
        "x.png.exe.",
    ] {
        let file = app.sent(name, None, bytes.clone()).await;
        assert_eq!(file["mediaType"], "image/png", "{name}");
        assert_eq!((&file["width"], &file["height"]), (&json!(30), &json!(20)));
        let response = app.get(&file["url"], &[]).await;
        assert_eq!(header(response.headers(), "content-type"), "image/png");
    }
    let page = "<!DOCTYPE html><html><script>alert(1)</script></html>";
    let program = [b"MZ\x90\0".as_slice(), &[0; 200]].concat();
    let php = b"<?php system($_GET['c']); ?>".to_vec();
    for bytes in [page.into(), program, php] {
        let payload = app.send("picture.png", None, bytes).await;
        let code = payload["userErrors"][0]["code"].as_str().unwrap();
        assert!(matches!(code, "UNSUPPORTED_MEDIA" | "INVALID"), "{payload}");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "file"]));
        assert_eq!(payload["asset"], Json::Null);
    }
    // A picture is no film, whatever its maker says.
    let payload = app.send("film.mp4", Some("VIDEO"), bytes).await;
    assert_eq!(payload["userErrors"][0]["code"], "INVALID");
    app.stop().await;
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let bytes = png(300, 200, 7);
    let first = app.sent("a.png", None, bytes.clone()).await;
    let second = app.sent("b.png", None, bytes.clone()).await;
    assert_eq!(first["sha256"], second["sha256"]);
    assert_eq!(first["bytes"], json!(bytes.len()));
    assert_eq!(
        (&first["filename"], &second["filename"]),
        (&json!("a.png"), &json!("b.png"))
    );
    // And again by another, at the same time thrice, and by their hash.
    let other = app.token(&["WRITE"], &[], &[]).await;
    let input = json!({ "brand": "north", "title": "Again", "file": { "upload": null } });
    let again = || {
        let file = ("c.png", bytes.clone());
        app.upload_as(
            &other,
            "createAsset",
            input.clone(),
            VERSION,
            "file.upload",
            file,
        )
    };
    let (one, two, three) = tokio::join!(again(), again(), again());
    for payload in [one, two, three] {
        assert_eq!(payload["userErrors"], json!([]));
    }
    let named =
        json!({ "brand": "north", "title": "Named", "file": { "sha256": first["sha256"] } });
    app.mutate("createAsset", named, "").await;
    assert_eq!(app.rows("files").await, 1);
    assert_eq!(app.rows("assets").await, 6);
    assert_eq!(app.objects().await.len(), 1);
    let stored = app.in_store_folder();
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(fs::read(&stored[0]).unwrap(), bytes);
    app.stop().await;
}

#[tokio::test]
async fn nothing_of_a_refused_upload_remains() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let kept = app.sent("kept.png", None, png(20, 20, 1)).await;
    let before = app.in_store_folder();
    let good = png(50, 50, 2);
    // Bytes that are refused.
    let mut cut = good.clone();
    cut.truncate(good.len() / 2);
    for bytes in [Vec::new(), b"plain words".to_vec(), cut] {
        let payload = app.send("a.png", None, bytes).await;
        assert_eq!(payload["asset"], Json::Null, "{payload}");
    }
    // Good bytes, whose mutation is refused: by the kind, the brand, the title, the token.
    assert_eq!(
        app.send("a.png", Some("AUDIO"), good.clone()).await["asset"],
        Json::Null
    );
    for (brand, title) in [("nowhere", "A"), ("north", " ")] {
        let input = json!({ "brand": brand, "title": title, "file": { "upload": null } });
        let file = ("a.png", good.clone());
        let payload = app
            .upload_as(
                &app.admin,
                "createAsset",
                input,
                VERSION,
                "file.upload",
                file,
            )
            .await;
        assert_eq!(payload["asset"], Json::Null, "{payload}");
    }
    let reader = app.token(&["READ"], &[], &[]).await;
    // Good bytes that no mutation used, that a FORBIDDEN one brought, and that a broken document did.
    for (token, query) in [
        (&app.admin, "query($input: Upload) { __typename }"),
        (
            &reader,
            "mutation($input: Upload!) { createAsset(input: { brand: \"north\", title: \"A\", file: { upload: $input } }) { asset { id } } }",
        ),
        (
            &app.admin,
            "mutation($input: Upload!) { nothing(input: $input) { id } }",
        ),
        (&app.admin, "{"),
    ] {
        let body = TestApp::multipart_form(query, good.clone());
        let response = app
            .http
            .post(format!("{}/graphql", app.url))
            .bearer_auth(token)
            .header("GraphQL-Require-Preflight", "1")
            .multipart(body)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let body: Json = response.json().await.unwrap();
        assert!(status.is_success() || status == 400, "{status} {body}");
        assert!(body["data"]["createAsset"].is_null(), "{body}");
    }
    assert_eq!(app.in_store_folder(), before);
    assert_eq!(app.rows("files").await, 1);
    assert_eq!(app.rows("assets").await, 1);
    assert_eq!(app.get(&kept["url"], &[]).await.status(), 200);
    app.stop().await;
}
