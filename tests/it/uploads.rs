//! Bytes that come in and go out: what they are is found in them, they are kept once, and names are words.

use std::fs;
use std::path::{Path, PathBuf};

use accolade::platform::db::{Sql, fetch_count};
use futures::TryStreamExt;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::{Value as Json, json};

use crate::support::{TestApp, png};

const VERSION: &str = "asset { id kind version { id } latestVersion { id file { sha256 filename mediaType bytes width height url downloadUrl } } }";

impl TestApp {
    /// Makes an asset of these bytes: its payload.
    async fn send(&self, name: &str, kind: Option<&str>, bytes: Vec<u8>) -> Json {
        let mut input = json!({ "brand": "north", "title": "A file", "file": { "upload": null } });
        if let Some(kind) = kind {
            input["kind"] = json!(kind);
        }
        let file = (name, bytes);
        self.upload_as(
            &self.admin,
            "createAsset",
            input,
            VERSION,
            "file.upload",
            file,
        )
        .await
    }

    /// The file of an asset that was just made.
    async fn sent(&self, name: &str, kind: Option<&str>, bytes: Vec<u8>) -> Json {
        let payload = self.send(name, kind, bytes).await;
        assert_eq!(payload["userErrors"], json!([]), "{name} was refused");
        payload["asset"]["latestVersion"]["file"].clone()
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let sql = Sql::new("SELECT count(*) AS n FROM ").push(table);
        fetch_count(self.app.db.read(), sql).await.unwrap()
    }

    async fn objects(&self) -> Vec<String> {
        self.app.blobs.keys().try_collect().await.unwrap()
    }

    /// Everything that lies in the folder of the store, finished or not.
    fn in_store_folder(&self) -> Vec<PathBuf> {
        files_in(&self.database().folder().join("files"))
    }

    async fn get(&self, url: &Json, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.get(url.as_str().unwrap());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

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
        let body = app.multipart(query, good.clone());
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

impl TestApp {
    /// A multipart request with one file in `variables.input`.
    fn multipart(&self, query: &str, bytes: Vec<u8>) -> reqwest::multipart::Form {
        let operations = json!({ "query": query, "variables": { "input": null } });
        reqwest::multipart::Form::new()
            .text("operations", operations.to_string())
            .text("map", json!({ "0": ["variables.input"] }).to_string())
            .part(
                "0",
                reqwest::multipart::Part::bytes(bytes).file_name("a.png"),
            )
    }
}

#[tokio::test]
async fn every_sample_is_accepted_or_refused_as_its_list_says_and_the_server_lives() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/media/tests/samples");
    let list = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let list: Vec<Json> = serde_json::from_str(&list).unwrap();
    assert!(list.len() > 70, "{}", list.len());
    let mut wrong = Vec::new();
    for sample in &list {
        let path = sample["path"].as_str().unwrap();
        let name = path.rsplit('/').next().unwrap();
        let bytes = fs::read(folder.join(path)).unwrap();
        let stored = app.in_store_folder().len();
        let payload = app.send(name, Some("SOURCE"), bytes.clone()).await;
        let errors = payload["userErrors"].as_array().unwrap();
        let file = &payload["asset"]["latestVersion"]["file"];
        let expect = sample["expect"].as_str().unwrap();
        let right = match expect {
            "refuse" => {
                let code = errors.first().map_or("", |e| e["code"].as_str().unwrap());
                errors.len() == 1
                    && matches!(code, "INVALID" | "TOO_LARGE" | "UNSUPPORTED_MEDIA")
                    && errors[0]["field"] == json!(["input", "file"])
                    && payload["asset"].is_null()
                    && app.in_store_folder().len() == stored
            }
            "survive" => errors.is_empty() != payload["asset"].is_null(),
            _ => errors.is_empty() && file["mediaType"] == sample["mediaType"],
        };
        if !right {
            wrong.push(format!("{path}, {expect}: {payload}"));
        }
        if let Some(url) = file.get("url") {
            let response = app.get(url, &[]).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(
                header(response.headers(), "x-content-type-options"),
                "nosniff"
            );
            assert_eq!(
                response.headers()["content-type"],
                file["mediaType"].as_str().unwrap()
            );
            assert_eq!(response.bytes().await.unwrap(), bytes, "{path}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        app.query("{ brands { slug } }").await["brands"][0]["slug"],
        "north"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_file_name_is_kept_as_words_and_never_as_a_path() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let long = format!("{}.png", "x".repeat(296));
    // The name that is sent, and the header with which it comes back.
    let names = [
        ("../../etc/passwd", None),
        ("..", None),
        ("CON", Some("inline; filename=\"CON\"")),
        (long.as_str(), None),
        ("\u{202e}gnp.exe", None),
        (
            "win \u{1f3c6}.png",
            Some("inline; filename=\"win _.png\"; filename*=UTF-8''win%20%F0%9F%8F%86.png"),
        ),
        (
            "a\"b.png",
            Some("inline; filename=\"a_b.png\"; filename*=UTF-8''a%22b.png"),
        ),
        ("back\\slash.png", None),
        (
            "semi;colon=1.png",
            Some("inline; filename=\"semi;colon=1.png\""),
        ),
        (
            "100%.png",
            Some("inline; filename=\"100_.png\"; filename*=UTF-8''100%25.png"),
        ),
        ("<img src=x onerror=alert(1)>.png", None),
        ("", None),
    ];
    for (i, (name, expected)) in (1_u8..).zip(names) {
        let file = app.sent(name, None, png(10, 10, i)).await;
        let kept = file["filename"].as_str().unwrap();
        assert!(
            kept.chars().count() <= 255 && !kept.is_empty(),
            "{name}: {kept}"
        );
        let url = file["url"].as_str().unwrap();
        let path = url.strip_prefix(&format!("{}/files/", app.url)).unwrap();
        assert_eq!(path.split('/').count(), 2, "{url}");
        assert!(
            path.is_ascii() && !path.contains(['"', '\\', '<', ' ']),
            "{url}"
        );
        let response = app.get(&file["url"], &[]).await;
        assert_eq!(response.status(), 200, "{name}");
        let headers = response.headers();
        assert_eq!(header(headers, "x-content-type-options"), "nosniff");
        assert_eq!(header(headers, "content-type"), "image/png");
        let disposition = header(headers, "content-disposition");
        let (kind, plain) = disposition.split_once("; filename=\"").unwrap();
        let plain = plain.split('"').next().unwrap();
        assert_eq!(kind, "inline");
        assert!(
            !plain.is_empty() && plain.is_ascii() && !plain.contains(['/', '\\']),
            "{disposition}"
        );
        assert!(
            !disposition.contains("%E2%80%AE") && !disposition.contains("%2F"),
            "{disposition}"
        );
        assert!(
            disposition.len() < 900 && plain.trim_matches('.') != "",
            "{disposition}"
        );
        if let Some(expected) = expected {
            assert_eq!(disposition, expected, "{name}");
        }
        let saved = app.get(&file["downloadUrl"], &[]).await;
        let saved = header(saved.headers(), "content-disposition").to_owned();
        assert_eq!(saved, disposition.replacen("inline", "attachment", 1));
    }
    // The store knows nothing of names.
    for path in app.in_store_folder() {
        let path = path.display().to_string();
        assert!(!path.contains("CON") && !path.contains("passwd"), "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_browsers_could_run_is_saved_and_not_shown() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/media/tests/samples");
    for (path, media_type, shown) in [
        ("hostile/script.svg", "image/svg+xml", false),
        ("made/page.pdf", "application/pdf", false),
        ("made/plain.zip", "application/zip", false),
        ("hostile/polyglot.pdf.jpg", "image/jpeg", true),
        ("made/tiny.mp4", "video/mp4", true),
    ] {
        let bytes = fs::read(folder.join(path)).unwrap();
        let file = app.sent("named.png", Some("SOURCE"), bytes).await;
        let response = app.get(&file["url"], &[]).await;
        let headers = response.headers();
        assert_eq!(header(headers, "content-type"), media_type);
        assert_eq!(
            header(headers, "content-security-policy"),
            "sandbox; default-src 'none'"
        );
        assert_eq!(header(headers, "x-content-type-options"), "nosniff");
        let kind = if shown { "inline" } else { "attachment" };
        assert!(
            header(headers, "content-disposition").starts_with(kind),
            "{path}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn parts_and_unchanged_files_are_answered_as_http_says() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let bytes = png(200, 100, 5);
    let size = bytes.len();
    let file = app.sent("a.png", None, bytes.clone()).await;
    let url = &file["url"];
    let whole = app.get(url, &[]).await;
    assert_eq!(whole.status(), 200);
    let etag = header(whole.headers(), "etag").to_owned();
    assert_eq!(etag, format!("\"{}\"", file["sha256"].as_str().unwrap()));
    assert!(header(whole.headers(), "cache-control").starts_with("private, max-age="));
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    for (range, place) in [
        ("bytes=0-9", 0..10),
        ("bytes=5-", 5..size),
        ("bytes=-7", size - 7..size),
        ("bytes=10-999999999", 10..size),
    ] {
        let part = app.get(url, &[("range", range)]).await;
        assert_eq!(part.status(), 206, "{range}");
        let said = format!("bytes {}-{}/{size}", place.start, place.end - 1);
        assert_eq!(header(part.headers(), "content-range"), said);
        assert_eq!(part.bytes().await.unwrap(), bytes[place], "{range}");
    }
    let many = format!("bytes={}", vec!["0-"; 1000].join(","));
    for (range, status) in [
        (format!("bytes={size}-"), 416),
        ("bytes=9-1".to_owned(), 200),
        ("bytes=a-b".to_owned(), 200),
        ("lines=1-2".to_owned(), 200),
        (many, 200),
    ] {
        let part = app.get(url, &[("range", &range)]).await;
        let given = part.status().as_u16();
        assert!(given == status || given == 416, "{given} for {range:.40}");
        if given == 200 {
            assert_eq!(part.bytes().await.unwrap(), bytes);
        }
    }
    let junk = app
        .get(url, &[("range", "bytes=0-9"), ("if-range", "\"junk\"")])
        .await;
    assert_eq!(junk.status(), 200);
    let mine = app
        .get(url, &[("range", "bytes=0-9"), ("if-range", &etag)])
        .await;
    assert_eq!(mine.status(), 206);
    for tag in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".to_owned(),
    ] {
        let same = app.get(url, &[("if-none-match", &tag)]).await;
        assert_eq!(same.status(), 304, "{tag}");
        assert_eq!(header(same.headers(), "etag"), etag);
        assert_eq!(same.bytes().await.unwrap().len(), 0);
    }
    assert_eq!(
        app.get(url, &[("if-none-match", "\"x\"")]).await.status(),
        200
    );
    let head = app.http.head(url.as_str().unwrap()).send().await.unwrap();
    assert_eq!(header(head.headers(), "content-length"), size.to_string());
    // When its hour is over, an address opens nothing, changed or not.
    app.advance(chrono::TimeDelta::hours(2));
    for headers in [
        &[][..],
        &[("if-none-match", etag.as_str())],
        &[("range", "bytes=0-1")],
    ] {
        assert_eq!(app.get(url, headers).await.status(), 404);
    }
    app.stop().await;
}
