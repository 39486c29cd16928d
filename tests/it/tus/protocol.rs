//! What the protocol demands.

use sha2::{Digest, Sha256};

use super::{OCTETS, base64, start, text};
use crate::support::{TestApp, noise};

#[tokio::test]
async fn everybody_is_told_what_is_spoken() {
    let app = TestApp::start().await;
    for url in [app.uploads(), format!("{}/anything", app.uploads())] {
        let request = app.http.request(reqwest::Method::OPTIONS, url);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 204);
        let said = |name| text(response.headers(), name);
        assert_eq!(said("tus-resumable"), Some("1.0.0"));
        assert_eq!(said("tus-version"), Some("1.0.0"));
        assert_eq!(said("tus-max-size"), Some("53687091200"));
        assert_eq!(said("tus-checksum-algorithm"), Some("sha1,sha256"));
        assert_eq!(
            said("tus-extension"),
            Some("creation,creation-with-upload,checksum,expiration,termination")
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn pieces_become_a_file() {
    let app = start().await;
    let bytes = noise(300, 200, 1);
    let metadata = format!(
        "filename {},filetype {},relativePath bnVsbA==,is_confidential",
        base64("../../Sieg 🏆.png"),
        base64("image/png")
    );
    let request = app
        .tus("POST", &app.uploads())
        .header("Upload-Length", bytes.len())
        .header("Upload-Metadata", &metadata);
    let made = request.send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(text(made.headers(), "tus-resumable"), Some("1.0.0"));
    let url = text(made.headers(), "location").unwrap().to_owned();
    let expires = "Tue, 02 Jun 2026 12:00:00 GMT";
    assert_eq!(text(made.headers(), "upload-expires"), Some(expires));
    let id = url.strip_prefix(&format!("{}/", app.uploads())).unwrap();
    assert!(id.starts_with("upload_"), "{id}");

    let mut at = 0_usize;
    for size in [1, 63, 64, 65_536, 0, usize::MAX] {
        let head = app.head(&url).await;
        assert_eq!(head.status(), 200);
        let said = |name| text(head.headers(), name);
        assert_eq!(said("tus-resumable"), Some("1.0.0"));
        assert_eq!(said("upload-offset"), Some(at.to_string().as_str()));
        assert_eq!(
            said("upload-length"),
            Some(bytes.len().to_string().as_str())
        );
        assert_eq!(said("upload-metadata"), Some(metadata.as_str()));
        assert_eq!(said("cache-control"), Some("no-store"));
        assert_eq!(said("upload-expires"), Some(expires));
        let end = bytes.len().min(at.saturating_add(size));
        let response = app.piece(&url, at, &bytes[at..end]).send().await.unwrap();
        assert_eq!(response.status(), 204);
        let said = |name| text(response.headers(), name);
        assert_eq!(said("upload-offset"), Some(end.to_string().as_str()));
        assert_eq!(said("upload-expires"), Some(expires));
        assert_eq!(said("tus-resumable"), Some("1.0.0"));
        at = end;
    }
    assert_eq!(app.offset(&url).await, bytes.len());
    // Told once more that it is whole; no byte more is taken.
    app.add(&url, bytes.len(), b"").await;
    let more = app.piece(&url, bytes.len(), b"x").send().await.unwrap();
    assert_eq!(more.status(), 413);

    let file = app.make(&url).await;
    assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!(file["filename"], "../../Sieg 🏆.png");
    assert_eq!(file["mediaType"], "image/png");
    assert_eq!(file["width"], 300);
    assert!(app.bytes(&file).await == bytes);
    // Completed where it lay.
    assert_eq!(app.stored().len(), 1);
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));
    app.stop().await;
}

#[tokio::test]
async fn an_upload_may_begin_with_bytes() {
    let app = start().await;
    let bytes = noise(100, 100, 2);
    for first in [0, 1000, bytes.len()] {
        let request = app
            .tus("POST", &app.uploads())
            .header("Upload-Length", bytes.len())
            .header("Content-Type", OCTETS)
            .body(bytes[..first].to_vec());
        let made = request.send().await.unwrap();
        assert_eq!(made.status(), 201);
        let at = text(made.headers(), "upload-offset").unwrap().to_owned();
        assert_eq!(at, first.to_string());
        let url = text(made.headers(), "location").unwrap();
        assert_eq!(app.offset(url).await, first);
        app.add(url, first, &bytes[first..]).await;
        let file = app.make(url).await;
        assert!(app.bytes(&file).await == bytes);
        // Nobody gave it a name.
        assert_eq!(file["filename"], "file");
    }
    let request = app
        .tus("POST", &app.uploads())
        .header("Upload-Length", 3)
        .header("Content-Type", OCTETS)
        .body("four");
    let before = app.count("SELECT count(*) AS n FROM uploads").await;
    assert_eq!(request.send().await.unwrap().status(), 413);
    assert_eq!(app.count("SELECT count(*) AS n FROM uploads").await, before);
    let request = app.tus("POST", &app.uploads()).header("Upload-Length", 3);
    let request = request.header("Content-Type", "image/png").body("abc");
    assert_eq!(request.send().await.unwrap().status(), 415);
    app.stop().await;
}

#[tokio::test]
async fn a_method_may_be_meant_and_not_said() {
    let app = start().await;
    let bytes = noise(20, 20, 3);
    let url = app.begin(bytes.len()).await;
    let meant = |method: &str| {
        app.tus("POST", &url)
            .header("X-HTTP-Method-Override", method)
    };
    let response = meant("PATCH")
        .header("Upload-Offset", 0)
        .header("Content-Type", OCTETS)
        .body(bytes.clone());
    assert_eq!(response.send().await.unwrap().status(), 204);
    let head = meant("HEAD").send().await.unwrap();
    assert_eq!(
        text(head.headers(), "upload-offset"),
        Some(bytes.len().to_string().as_str())
    );
    assert_eq!(meant("DELETE").send().await.unwrap().status(), 204);
    assert_eq!(app.head(&url).await.status(), 410);
    for method in ["GET", "PUT", "POST"] {
        let response = app.tus(method, &url).send().await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(text(response.headers(), "tus-resumable"), Some("1.0.0"));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_step_that_does_not_fit_changes_nothing() {
    let app = start().await;
    let bytes = noise(40, 40, 4);
    let url = app.begin(bytes.len()).await;
    app.add(&url, 0, &bytes[..100]).await;
    let piece = |offset: &str| {
        app.tus("PATCH", &url)
            .header("Upload-Offset", offset)
            .header("Content-Type", OCTETS)
            .body("abc")
    };
    let bare = || app.http.patch(&url).bearer_auth(&app.admin).body("abc");
    let too_much = vec![0; bytes.len()];
    let steps = [
        ("an offset before", 409, piece("99")),
        ("an offset behind", 409, piece("101")),
        ("2^63", 409, piece("9223372036854775808")),
        ("past 2^64", 409, piece("99999999999999999999999")),
        ("a negative offset", 400, piece("-1")),
        ("no number", 400, piece("1e2")),
        ("an empty offset", 400, piece("")),
        (
            "no offset",
            400,
            app.tus("PATCH", &url)
                .header("Content-Type", OCTETS)
                .body("abc"),
        ),
        (
            "two offsets",
            400,
            piece("100").header("Upload-Offset", "100"),
        ),
        (
            "no type",
            415,
            app.tus("PATCH", &url)
                .header("Upload-Offset", 100)
                .body("abc"),
        ),
        (
            "another type",
            415,
            app.tus("PATCH", &url)
                .header("Upload-Offset", 100)
                .header("Content-Type", "application/octet-stream")
                .body("abc"),
        ),
        (
            "no version",
            412,
            bare()
                .header("Upload-Offset", 100)
                .header("Content-Type", OCTETS),
        ),
        (
            "another version",
            412,
            bare()
                .header("Tus-Resumable", "0.2.2")
                .header("Upload-Offset", 100)
                .header("Content-Type", OCTETS),
        ),
        ("too many bytes", 413, app.piece(&url, 100, &too_much)),
    ];
    for (what, status, request) in steps {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{what}");
        let said = |name| text(response.headers(), name);
        assert_eq!(said("tus-resumable"), Some("1.0.0"), "{what}");
        if status == 412 {
            assert_eq!(said("tus-version"), Some("1.0.0"), "{what}");
        }
        let body: serde_json::Value = response.json().await.unwrap();
        assert!(body["errors"][0]["message"].is_string(), "{what}: {body}");
        assert_eq!(app.offset(&url).await, 100, "{what}");
    }
    // The version is asked of every step.
    for method in ["HEAD", "DELETE"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = app.http.request(method, &url).bearer_auth(&app.admin);
        assert_eq!(request.send().await.unwrap().status(), 412);
    }
    let request = app.http.post(app.uploads()).bearer_auth(&app.admin);
    let request = request.header("Upload-Length", 1);
    assert_eq!(request.send().await.unwrap().status(), 412);
    app.add(&url, 100, &bytes[100..]).await;
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    app.stop().await;
}

#[tokio::test]
async fn bytes_that_are_not_those_announced_are_dropped() {
    let app = start().await;
    let bytes = noise(200, 200, 5);
    let url = app.begin(bytes.len()).await;
    let sum = |algorithm: &str, bytes: &[u8]| match algorithm {
        "sha1" => format!("sha1 {}", base64(sha1::Sha1::digest(bytes))),
        _ => format!("sha256 {}", base64(Sha256::digest(bytes))),
    };
    let mut at = 0_usize;
    for algorithm in ["sha1", "sha256"] {
        let good = &bytes[at..at + 50_000];
        let mut bad = good.to_vec();
        bad[49_999] ^= 1;
        let send = |bytes: &[u8], checksum: String| {
            app.piece(&url, at, bytes)
                .header("Upload-Checksum", checksum)
                .send()
        };
        let wrong = send(&bad, sum(algorithm, good)).await.unwrap();
        assert_eq!(wrong.status(), 460);
        assert_eq!(app.offset(&url).await, at);
        for (checksum, status) in [
            (format!("md5 {}", base64([0; 16])), 400),
            (format!("{algorithm} {}", base64([0; 5])), 400),
            (format!("{algorithm} !"), 400),
            (algorithm.to_owned(), 400),
        ] {
            let refused = send(good, checksum).await.unwrap();
            assert_eq!(refused.status(), status);
            assert_eq!(app.offset(&url).await, at);
        }
        let taken = send(good, sum(algorithm, good)).await.unwrap();
        assert_eq!(taken.status(), 204);
        at += 50_000;
    }
    let rest = &bytes[at..];
    let last = app.piece(&url, at, rest);
    let last = last.header("Upload-Checksum", sum("sha1", rest)).send();
    assert_eq!(last.await.unwrap().status(), 204);
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    // With the upload itself, too: it is there, and has nothing.
    let request = app
        .tus("POST", &app.uploads())
        .header("Upload-Length", 3)
        .header("Content-Type", OCTETS)
        .header("Upload-Checksum", sum("sha1", b"abd"))
        .body("abc");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 460);
    let url = text(response.headers(), "location").unwrap();
    assert_eq!(app.offset(url).await, 0);
    app.stop().await;
}
