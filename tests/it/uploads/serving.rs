//! How stored bytes are handed out.

use std::fs;
use std::path::Path;

use super::header;
use crate::support::{TestApp, png};

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
        (".htaccess", None),
        ("é😀 图.jpg", None),
        ("\"; rm -rf", None),
        ("a/b\\c.jpg", None),
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
            disposition.len() < 900 && !plain.trim_matches('.').is_empty(),
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
