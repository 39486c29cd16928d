//! Files that come with a request, or should.

use serde_json::{Value as Json, json};

use super::{MIB, answer};
use crate::support::{TestApp, png, png_of_header};

#[tokio::test]
async fn a_file_comes_from_exactly_one_source_that_is_there() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let made = |file: Json| json!({ "brand": "north", "title": "T", "file": file });
    let hash = "ab".repeat(32);
    for bad in [
        json!({}),
        json!({ "sha256": null }),
        json!({ "sha256": hash, "upload": "x" }),
        json!({ "upload": "made up" }),
        json!({ "sha256": "AB".repeat(32) }),
        json!({ "sha256": "ab" }),
        json!({ "path": "/etc/passwd" }),
        json!("x"),
    ] {
        let answer = app
            .answer_as(&app.admin, "createAsset", made(bad.clone()), "")
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{bad}: {:#}", answer.body);
    }
    app.assert_refused(
        "createAsset",
        made(json!({ "sha256": hash })),
        "NOT_FOUND input.file.sha256",
    )
    .await;
    // Bytes that somebody else stored are no more there than those that nobody did.
    let other = app.token(&["WRITE"], &[], &[]).await;
    let mut input = made(json!({ "upload": null }));
    let payload = app
        .upload_as(
            &other,
            "createAsset",
            input.clone(),
            "asset { latestVersion { file { sha256 } } }",
            "file.upload",
            ("a.png", png(9, 9, 9)),
        )
        .await;
    let stored = payload["asset"]["latestVersion"]["file"]["sha256"].clone();
    input["file"] = json!({ "sha256": stored });
    let theirs = app.refusal(&app.admin, "createAsset", input.clone()).await;
    let nobodys = app
        .refusal(&app.admin, "createAsset", made(json!({ "sha256": hash })))
        .await;
    assert_eq!(theirs, nobodys);
    let mine = app
        .mutate_as(&other, "createAsset", input, "asset { id }")
        .await;
    assert_eq!(mine["userErrors"], json!([]));
    app.assert_still_works(2).await;
    app.stop().await;
}

/// A multipart body of these parts: name, filename, bytes.
fn body(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, bytes) in parts {
        let filename = filename.map_or(String::new(), |f| format!("; filename=\"{f}\""));
        body.extend(
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n")
                .bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--cut--\r\n");
    body
}

#[tokio::test]
async fn multipart_requests_that_are_not_well_formed_leave_nothing() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let query = "mutation($input: CreateAssetInput!) { createAsset(input: $input) { asset { id } userErrors { code } } }";
    let input = json!({ "brand": "north", "title": "T", "file": { "upload": null } });
    let operations = json!({ "query": query, "variables": { "input": input } }).to_string();
    let operations = ("operations", None, operations.as_bytes());
    let map: &[u8] = br#"{"0": ["variables.input.file.upload"]}"#;
    let picture = png(20, 20, 1);
    let file = ("0", Some("a.png"), picture.as_slice());
    let good = body(&[operations, ("map", None, map), file]);
    let form = "multipart/form-data; boundary=cut";
    let absent: &[u8] = br#"{"0": ["variables.input.none"]}"#;
    let taken: &[u8] = br#"{"0": ["variables.input.title"]}"#;
    let eleven: serde_json::Map<String, Json> = (0..11)
        .map(|i| (i.to_string(), json!(["variables.input.file.upload"])))
        .collect();
    let eleven = Json::Object(eleven).to_string();
    let bad = [
        (
            "absent",
            form,
            body(&[operations, ("map", None, absent), file]),
        ),
        (
            "not null",
            form,
            body(&[operations, ("map", None, taken), file]),
        ),
        (
            "eleven files",
            form,
            body(&[operations, ("map", None, eleven.as_bytes()), file]),
        ),
        (
            "map is no JSON",
            form,
            body(&[operations, ("map", None, b"{"), file]),
        ),
        ("no map", form, body(&[operations, file])),
        (
            "map first",
            form,
            body(&[("map", None, map), operations, file]),
        ),
        ("no file", form, body(&[operations, ("map", None, map)])),
        (
            "the file twice",
            form,
            body(&[operations, ("map", None, map), file, file]),
        ),
        (
            "an unnamed file",
            form,
            body(&[operations, ("map", None, map), file, ("1", Some("b"), b"x")]),
        ),
        ("no boundary", "multipart/form-data", good.clone()),
        (
            "another boundary",
            "multipart/form-data; boundary=other",
            good.clone(),
        ),
        ("cut short", form, good[..good.len() - 12].to_vec()),
        ("cut in the file", form, good[..good.len() - 40].to_vec()),
        ("empty", form, Vec::new()),
    ];
    for (what, kind, bytes) in bad {
        let answer = app.raw(kind, bytes).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "BAD_REQUEST"),
            "{what}"
        );
    }
    let request = app
        .http
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&app.admin)
        .header("content-type", form)
        .body(good.clone());
    let answer = answer(request).await;
    assert_eq!(
        (answer.status, answer.code()),
        (400, "BAD_REQUEST"),
        "no preflight header"
    );
    let mut large = picture.clone();
    large.resize(32 * MIB + 1, 0);
    let answer = app
        .raw(
            form,
            body(&[operations, ("map", None, map), ("0", Some("a.png"), &large)]),
        )
        .await;
    assert_eq!((answer.status, answer.code()), (413, "BAD_REQUEST"));
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("32 MiB"), "{message}");
    app.assert_still_works(0).await;
    let left = std::fs::read_dir(app.database().folder().join("files"))
        .into_iter()
        .flatten()
        .flat_map(|folder| {
            std::fs::read_dir(folder.unwrap().path())
                .into_iter()
                .flatten()
        })
        .count();
    assert_eq!(left, 0);
    assert_eq!(
        app.raw(form, good).await.data()["createAsset"]["userErrors"],
        json!([])
    );
    app.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_picture_make_none() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let program = [b"MZ\x90\0".as_slice(), &[0; 300]].concat();
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    // 112 megabytes of pixels in a file of a hundred bytes, and 4 billion of them in another.
    let wide = png_of_header(30_000, 30_000);
    let wider = png_of_header(65_500, 65_500);
    for (what, bytes, codes) in [
        ("empty", Vec::new(), &["INVALID"][..]),
        (
            "HTML",
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
            &["INVALID", "UNSUPPORTED_MEDIA"],
        ),
        ("ZIP", zip, &["INVALID", "UNSUPPORTED_MEDIA"]),
        ("MZ", program, &["UNSUPPORTED_MEDIA"]),
        (
            "PHP",
            b"<?php phpinfo();".to_vec(),
            &["INVALID", "UNSUPPORTED_MEDIA"],
        ),
        ("words", b"just words".to_vec(), &["UNSUPPORTED_MEDIA"]),
        ("wide", wide, &["TOO_LARGE"]),
        ("wider", wider, &["TOO_LARGE"]),
    ] {
        let input =
            json!({ "brand": "north", "title": "T", "kind": "IMAGE", "file": { "upload": null } });
        let payload = app
            .upload_as(
                &app.admin,
                "createAsset",
                input,
                "asset { id }",
                "file.upload",
                ("a.png", bytes),
            )
            .await;
        let error = &payload["userErrors"][0];
        let code = error["code"].as_str().unwrap_or("none");
        assert!(codes.contains(&code), "{what}: {payload}");
        assert_eq!(error["field"], json!(["input", "file"]), "{what}");
    }
    app.assert_still_works(0).await;
    app.stop().await;
}
