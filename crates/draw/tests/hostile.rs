//! Drawings and files made to harm, each through a worker: nothing is reached, everything ends.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::TcpListener;
use std::path::PathBuf;

use accolade_draw::{DrawError, Fit, OutputType, Pool, PoolConfig, Recipe};
use tempfile::TempDir;

fn pool() -> Pool {
    let mut config = PoolConfig::new(env!("CARGO_BIN_EXE_draw-test-worker").into(), Vec::new());
    config.workers = 2;
    // What a release build does in a second takes a busy machine longer without optimisation.
    config.limits.max_seconds = 120;
    Pool::start(config).unwrap()
}

fn recipe() -> Recipe {
    Recipe::new(Some(64), Some(64), Fit::Inside, OutputType::Png)
}

fn stored(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn svg(body: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
         width='64' height='64'>{body}</svg>"
    )
}

#[tokio::test]
async fn a_drawing_reaches_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let secret = stored(
        &folder,
        "secret.svg",
        svg("<rect width='64' height='64' fill='#f00'/>"),
    );
    let secret = secret.display();
    let pool = pool();
    let attacks = [
        format!("<image href='{host}/a.png' width='64' height='64'/>"),
        format!("<image xlink:href='{secret}' width='64' height='64'/>"),
        format!("<image href='file://{secret}' width='64' height='64'/>"),
        "<image href='secret.svg' width='64' height='64'/>".to_owned(),
        format!("<use href='{host}/a.svg#a'/>"),
        format!("<use href='{secret}#a'/>"),
        format!("<style>@import url({host}/a.css); rect {{ fill: url({host}/b.svg#c) }}</style>"),
        format!("<rect width='64' height='64' style='fill:url({secret}#x)'/>"),
        format!("<script href='{host}/a.js'>fetch('{host}')</script>"),
        format!("<foreignObject width='64' height='64'><img src='{host}/a.png'/></foreignObject>"),
        format!(
            "<filter id='f'><feImage href='{host}/a.png'/></filter><rect filter='url(#f)' width='9' height='9'/>"
        ),
    ];
    for attack in attacks {
        let source = stored(&folder, "attack.svg", svg(&attack));
        // Refused or drawn without it: nothing of the secret's red is there.
        if let Ok(drawn) = pool.draw(source, recipe()).await {
            let image = image::load_from_memory(&drawn.bytes).unwrap().to_rgba8();
            let red = image
                .pixels()
                .any(|p| p.0[0] > 128 && p.0[1] < 64 && p.0[3] > 128);
            assert!(!red, "{attack}");
        }
    }
    assert!(listener.accept().is_err(), "somebody called");
}

#[tokio::test]
async fn entities_are_not_expanded() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool();
    for doctype in [
        "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY x '&b;&b;&b;&b;'>]>",
    ] {
        let source = stored(
            &folder,
            "a.svg",
            format!("{doctype}{}", svg("<title>&x;</title>")),
        );
        let error = pool.draw(source, recipe()).await.unwrap_err();
        assert!(matches!(error, DrawError::Unsafe { .. }), "{error}");
    }
}

#[tokio::test]
async fn copies_of_copies_end() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool();
    // Each level shows the one below ten times: 10^12 rectangles.
    let mut body = "<defs><g id='l0'><rect width='1' height='1'/></g>".to_owned();
    for level in 1..=12 {
        let uses = format!("<use href='#l{}'/>", level - 1).repeat(10);
        body.extend(["<g id='l", &level.to_string(), "'>", &uses, "</g>"]);
    }
    body += "</defs><use href='#l12'/>";
    let source = stored(&folder, "copies.svg", svg(&body));
    // However it ends, it ends.
    let _ = pool.draw(source, recipe()).await;
    let looped = svg("<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>");
    let _ = pool
        .draw(stored(&folder, "loop.svg", looped), recipe())
        .await;
    let good = svg("<rect width='64' height='64' fill='#0f0'/>");
    pool.draw(stored(&folder, "good.svg", good), recipe())
        .await
        .unwrap();
}

#[tokio::test]
async fn live_text_is_refused_instead_of_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let source = stored(&folder, "text.svg", svg("<text y='20'>Best in test</text>"));
    let error = pool().draw(source, recipe()).await.unwrap_err().to_string();
    assert!(error.contains("outlines"), "{error}");
}

#[tokio::test]
async fn nested_documents_cost_their_job_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool();
    let nested = format!(
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R/X {}{}>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\n\
         endobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n",
        "[".repeat(50_000),
        "]".repeat(50_000),
    );
    let _ = pool
        .draw(stored(&folder, "nested.pdf", nested), recipe())
        .await;
    let folder_of_samples =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/samples");
    pool.draw(folder_of_samples.join("made/page.pdf"), recipe())
        .await
        .unwrap();
}

/// A PNG of so many grey pixels, all black: `rows` of them are there.
fn black_png(width: u32, height: u32, rows: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let row = vec![0; width as usize];
    for _ in 0..rows {
        std::io::Write::write_all(&mut stream, &row).unwrap();
    }
    let whole = rows == height;
    if whole {
        stream.finish().unwrap();
        drop(writer);
    } else {
        let _ = stream.finish();
        drop(writer);
    }
    bytes
}

#[tokio::test]
async fn bombs_are_refused_and_large_pictures_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool();
    // Ten thousand times ten thousand is the most.
    let most = stored(&folder, "most.png", black_png(10_000, 10_000, 10_000));
    let drawn = pool.draw(most, recipe()).await.unwrap();
    assert_eq!((drawn.facts.width, drawn.facts.height), (64, 64));
    let more = stored(&folder, "more.png", black_png(10_001, 10_000, 10));
    let error = pool.draw(more, recipe()).await.unwrap_err();
    assert!(matches!(error, DrawError::TooLarge { .. }), "{error}");
    let long = stored(&folder, "long.png", black_png(30_001, 1, 1));
    let error = pool.draw(long, recipe()).await.unwrap_err();
    assert!(matches!(error, DrawError::TooLarge { .. }), "{error}");
    // A row, where it says a million.
    let short = stored(&folder, "short.png", black_png(1_000, 1_000, 1));
    let error = pool.draw(short, recipe()).await.unwrap_err();
    assert!(matches!(error, DrawError::Damaged { .. }), "{error}");
}
