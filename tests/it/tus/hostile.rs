//! What is refused, and who learns nothing.

use serde_json::{Value as Json, json};

use super::{OCTETS, base64, start, text};
use crate::support::{TestApp, noise};

#[tokio::test]
async fn an_upload_that_is_not_well_begun_is_not_begun() {
    let app = start().await;
    let begin = || app.tus("POST", &app.uploads());
    let about = |metadata: &str| {
        begin()
            .header("Upload-Length", 3)
            .header("Upload-Metadata", metadata)
    };
    let steps = [
        ("no length", 400, begin()),
        ("a negative", 400, begin().header("Upload-Length", "-1")),
        ("no number", 400, begin().header("Upload-Length", "ten")),
        ("left open", 400, begin().header("Upload-Defer-Length", "1")),
        (
            "to be joined",
            400,
            begin()
                .header("Upload-Length", 3)
                .header("Upload-Concat", "partial"),
        ),
        (
            "one more than is taken",
            413,
            begin().header("Upload-Length", (50_u64 << 30) + 1),
        ),
        ("2^63", 413, begin().header("Upload-Length", 1_u64 << 63)),
        (
            "past 2^64",
            413,
            begin().header("Upload-Length", "99999999999999999999999"),
        ),
        ("not base64", 400, about("filename a.png")),
        ("a key twice", 400, about("a YQ==,a YQ==")),
        ("no key", 400, about(",")),
        (
            "64 KiB",
            400,
            about(&format!("a {}", "YWFh".repeat(16_384))),
        ),
        ("not UTF-8", 400, about("filename /w==")),
        (
            "an unknown checksum",
            400,
            begin()
                .header("Upload-Length", 3)
                .header("Content-Type", OCTETS)
                .header("Upload-Checksum", "md5 AAAA")
                .body("abc"),
        ),
    ];
    for (what, status, request) in steps {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{what}");
        let body: Json = response.json().await.unwrap();
        assert!(body["errors"][0]["message"].is_string(), "{what}: {body}");
        assert_eq!(
            app.count("SELECT count(*) AS n FROM uploads").await,
            0,
            "{what}"
        );
    }
    assert_eq!(app.stored(), Vec::<std::path::PathBuf>::new());
    app.stop().await;
}

#[tokio::test]
async fn an_upload_is_there_for_its_owner_only() {
    let app = start().await;
    let bytes = noise(40, 40, 1);
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes[..10]).await;
    let whole = app.begin(bytes.len()).await;
    app.add(&whole, 0, &bytes).await;
    // Not even another administrator's.
    let other = app.token(&["ADMIN"], &[], &[]).await;
    let writer = app.token(&["WRITE"], &[], &[]).await;
    let nowhere = format!("{}/upload_01jd3v9k5qf2n8r0m4y7x6w1zb", app.uploads());
    let mut bodies = Vec::new();
    for token in [&other, &writer] {
        for url in [&url, &whole, &nowhere, &format!("{}/x", app.uploads())] {
            for method in ["HEAD", "PATCH", "DELETE"] {
                let request = app
                    .tus_as(token, method, url)
                    .header("X-Request-Id", "same")
                    .header("Upload-Offset", 10)
                    .header("Content-Type", OCTETS)
                    .body("abc");
                let response = request.send().await.unwrap();
                assert_eq!(response.status(), 404, "{method} {url}");
                if method != "HEAD" {
                    bodies.push(response.text().await.unwrap());
                }
            }
            let payload = app.make_as(token, url).await;
            bodies.push(payload["userErrors"].to_string());
        }
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    let error = json!([{ "code": "NOT_FOUND", "field": ["input", "file", "tus"],
        "message": "Nothing with this id is visible to you." }]);
    assert!(bodies.contains(&error.to_string()), "{bodies:#?}");
    // The owner is told the same of one that is not whole.
    let payload = app.make_as(&app.admin, &url).await;
    assert_eq!(payload["userErrors"], error);

    for scopes in [&["READ"][..], &["REVIEW", "USAGE_WRITE"]] {
        let token = app.token(scopes, &[], &[]).await;
        for (method, url) in [("POST", &app.uploads()), ("HEAD", &url), ("DELETE", &url)] {
            let request = app.tus_as(&token, method, url).header("Upload-Length", 3);
            assert_eq!(request.send().await.unwrap().status(), 403, "{method}");
        }
    }
    let request = app.tus_as("acl_nobody", "POST", &app.uploads());
    let refused = request.header("Upload-Length", 3).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(app.offset(&url).await, 10);
    app.add(&url, 10, &bytes[10..]).await;
    app.stop().await;
}

#[tokio::test]
async fn refused_bytes_say_why_where_they_are_used() {
    let app = start().await;
    let page = b"<!DOCTYPE html><html><script>alert(1)</script></html>".to_vec();
    let mut cut = noise(50, 50, 2);
    cut.truncate(1000);
    let cases = [
        (Vec::new(), "INVALID"),
        (page, "UNSUPPORTED_MEDIA"),
        (
            [b"MZ\x90\0".as_slice(), &[0; 200]].concat(),
            "UNSUPPORTED_MEDIA",
        ),
        (cut, "INVALID"),
        (crate::support::png_of_header(30_000, 30_000), "TOO_LARGE"),
    ];
    for (bytes, code) in cases {
        let url = app.begin(bytes.len()).await;
        app.add(&url, 0, &bytes).await;
        for _ in 0..2 {
            let payload = app.make_as(&app.admin, &url).await;
            let error = &payload["userErrors"][0];
            assert_eq!(error["code"], code, "{payload:#}");
            assert_eq!(error["field"], json!(["input", "file"]), "{payload:#}");
            assert_eq!(payload["asset"], Json::Null);
        }
        assert_eq!(app.stored(), Vec::<std::path::PathBuf>::new());
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM files").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn metadata_owns_nothing_and_names_no_path() {
    let app = start().await;
    let other = app.token(&["WRITE"], &[], &[]).await;
    let bytes = noise(30, 30, 3);
    let pairs = [
        ("filename", "../../../../tmp/x"),
        ("store_key", "../../x"),
        ("holder", "system"),
        ("sha256", "00"),
        ("id", "upload_01jd3v9k5qf2n8r0m4y7x6w1zb"),
    ];
    let metadata: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key} {}", base64(value)))
        .collect();
    let request = app
        .tus("POST", &app.uploads())
        .header("Upload-Length", bytes.len())
        .header("Upload-Metadata", metadata.join(","));
    let made = request.send().await.unwrap();
    let url = text(made.headers(), "location").unwrap();
    assert!(!url.ends_with("w1zb"), "{url}");
    app.add(url, 0, &bytes).await;
    let foreign = app.make_as(&other, url).await;
    assert_eq!(TestApp::outcome(&foreign), "NOT_FOUND");
    let file = app.make(url).await;
    assert_eq!(file["filename"], "../../../../tmp/x");
    let stored = app.stored();
    assert_eq!(stored.len(), 1, "{stored:?}");
    // The folder that the test stands in may be called anything.
    let key = stored[0].strip_prefix(app.database().folder()).unwrap();
    assert!(!key.display().to_string().contains('x'), "{key:?}");
    // What no header could say, base64 can.
    let bytes = noise(30, 30, 4);
    let request = app
        .tus("POST", &app.uploads())
        .header("Upload-Length", bytes.len())
        .header(
            "Upload-Metadata",
            format!("filename {}", base64("a\0b\r\n.jpg")),
        );
    let made = request.send().await.unwrap();
    let url = text(made.headers(), "location").unwrap();
    app.add(url, 0, &bytes).await;
    assert_eq!(app.make(url).await["filename"], "ab.jpg");
    app.stop().await;
}
