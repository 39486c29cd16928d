//! Files that no sample is: made here to harm whoever opens them.

use std::net::TcpListener;

use futures::StreamExt;
use serde_json::{Value as Json, json};

use super::{folder, text};
use crate::support::TestApp;

const SELECT: &str =
    "asset { latestVersion { ... on AssetVersion { renditions { state url error } } } }";

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.brand("north").await;
    let preset = json!([{ "name": "card", "width": 64, "height": 64, "fit": "INSIDE", "mediaType": "image/png" }]);
    app.channel("site", json!({ "presets": preset })).await;
    app
}

/// What becomes of these bytes: the code of their refusal, or the status of their rendition.
async fn outcome(app: &TestApp, bytes: Vec<u8>) -> String {
    let input =
        json!({ "brand": "north", "title": "T", "channels": ["site"], "file": { "upload": null } });
    let file = ("file", bytes);
    let made = app
        .upload_as(
            &app.admin,
            "createAsset",
            input,
            SELECT,
            "file.upload",
            file,
        )
        .await;
    drawn(app, &made).await
}

/// The same of bytes that come in pieces, as many as a file may have.
async fn outcome_in_pieces(app: &TestApp, bytes: Vec<u8>) -> String {
    let upload = app.uploaded_as(&app.admin, bytes).await;
    let input =
        json!({ "brand": "north", "title": "T", "channels": ["site"], "file": { "tus": upload } });
    let made = app
        .mutate_as(&app.admin, "createAsset", input, SELECT)
        .await;
    drawn(app, &made).await
}

/// What became of an asset that was to be made: the code of its refusal, or the status of its rendition.
async fn drawn(app: &TestApp, made: &Json) -> String {
    if TestApp::outcome(made) != "OK" {
        assert_eq!(made["userErrors"][0]["field"], json!(["input", "file"]));
        return TestApp::outcome(made).to_owned();
    }
    let rendition = &made["asset"]["latestVersion"]["renditions"][0];
    assert_eq!(rendition["state"], "PENDING", "{rendition}");
    let got = app.http.get(text(&rendition["url"])).send().await.unwrap();
    let status = got.status().as_u16();
    if status == 200 {
        assert_eq!(got.headers()["content-type"], "image/png");
    }
    status.to_string()
}

fn svg(attributes: &str, body: &str) -> Vec<u8> {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
         width='64' height='64' {attributes}>{body}</svg>"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_drawing_made_to_harm_is_refused_or_drawn_without_it() {
    let app = start().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    for (attributes, body) in [
        ("onload='alert(1)'", String::new()),
        (
            "",
            format!("<script href='{host}/a.js'>fetch('{host}')</script>"),
        ),
        (
            "",
            "<a href='javascript:alert(1)'><rect width='9' height='9'/></a>".to_owned(),
        ),
        (
            "",
            format!("<foreignObject><iframe src='{host}/a'/></foreignObject>"),
        ),
        (
            "",
            format!("<use href='{host}/a.svg#a'/><image xlink:href='{host}/a.png'/>"),
        ),
        ("", format!("<style>@import url({host}/a.css);</style>")),
    ] {
        let became = outcome(&app, svg(attributes, &body)).await;
        // Drawn without it, or not drawn.
        assert!(matches!(became.as_str(), "200" | "404"), "{body}: {became}");
    }
    let entity = "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>";
    let xxe = [entity.as_bytes(), &svg("", "<text>&x;</text>")].concat();
    assert_eq!(outcome(&app, xxe).await, "INVALID");
    // Packed drawings are not unpacked, however little there is of them.
    let packed = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &[0; 4_000]].concat();
    assert_eq!(outcome(&app, packed).await, "UNSUPPORTED_MEDIA");
    assert!(listener.accept().is_err(), "somebody called");
    app.stop().await;
}

/// A JPEG with these segments behind its first two bytes.
fn jpeg_with(segments: &[u8]) -> Vec<u8> {
    let photo = std::fs::read(folder().join("photos/flower.jpg")).unwrap();
    [&photo[..2], segments, &photo[2..]].concat()
}

#[tokio::test]
async fn a_picture_in_much_metadata_is_kept_and_drawn() {
    let app = start().await;
    let segment = |marker: u8, start: &[u8]| {
        let mut body = start.to_vec();
        body.resize(65_533, 0);
        [&[0xff, marker, 0xff, 0xff], body.as_slice()].concat()
    };
    // A directory whose next directory is itself.
    let circle = b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0";
    for segments in [
        segment(0xe1, b"Exif\0\0").repeat(920),
        segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0").repeat(920),
        segment(0xe1, circle),
        (1..=255)
            .flat_map(|n| segment(0xe2, &[b"ICC_PROFILE\0".as_slice(), &[n, 255]].concat()))
            .collect(),
    ] {
        assert_eq!(outcome_in_pieces(&app, jpeg_with(&segments)).await, "200");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_document_nested_beyond_reason_costs_its_job() {
    let app = start().await;
    let nested = format!(
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R/X {}{}>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\n\
         endobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n",
        "[".repeat(10_380),
        "]".repeat(10_380),
    );
    let became = outcome(&app, nested.into_bytes()).await;
    assert!(
        matches!(became.as_str(), "200" | "404" | "INVALID"),
        "{became}"
    );
    let page = std::fs::read(folder().join("made/page.pdf")).unwrap();
    assert_eq!(outcome(&app, page).await, "200");
    app.stop().await;
}

#[tokio::test]
async fn made_up_addresses_make_no_job() {
    let app = start().await;
    let photo = std::fs::read(folder().join("photos/flower.jpg")).unwrap();
    let input =
        json!({ "brand": "north", "title": "T", "channels": ["site"], "file": { "upload": null } });
    let file = ("a.jpg", photo);
    let made = app
        .upload_as(
            &app.admin,
            "createAsset",
            input,
            SELECT,
            "file.upload",
            file,
        )
        .await;
    let url = text(&made["asset"]["latestVersion"]["renditions"][0]["url"]).to_owned();
    let (start, _) = url.rsplit_once('/').unwrap();
    let made_up: Vec<String> = (0..3_400_u32)
        .flat_map(|n| {
            [
                format!("{start}/{n:064x}"),
                format!("{}/r/{n:x}/{n:064x}", app.url),
                format!("{}/d/asset_{n:x}/site/card?width={n}", app.url),
            ]
        })
        .collect();
    let count = made_up.len();
    let answers = futures::stream::iter(made_up.into_iter().map(|url| app.http.get(url).send()));
    let answers: Vec<_> = answers.buffer_unordered(16).collect().await;
    assert_eq!(answers.len(), count);
    for answer in answers {
        assert_eq!(answer.unwrap().status(), 404);
    }
    let rows = app.count("SELECT count(*) AS n FROM renditions").await;
    assert_eq!(rows, 0);
    // The right one is made, whatever hangs behind it.
    let got = app.http.get(format!("{url}?width=9")).send().await.unwrap();
    assert_eq!(got.status(), 200);
    app.stop().await;
}
