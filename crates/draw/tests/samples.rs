//! Every sample that is a picture is drawn and measured, and what is hostile is refused, in a process of
//! its own.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use accolade_draw::{
    DrawError, Fit, Limits, OutputType, Pool, PoolConfig, Recipe, draw, measure, predict,
    predict_drawing,
};
use serde_json::Value as Json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/samples")
}

fn open(name: &str) -> BufReader<File> {
    BufReader::new(File::open(folder().join(name)).unwrap())
}

fn pool() -> Pool {
    let mut config = PoolConfig::new(env!("CARGO_BIN_EXE_draw-test-worker").into(), Vec::new());
    config.workers = 2;
    Pool::start(config).unwrap()
}

fn inside(edge: u32, output: OutputType) -> Recipe {
    Recipe::new(Some(edge), Some(edge), Fit::Inside, output)
}

/// Samples that are kept and not drawn, with a part of the reason.
fn undrawn() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("image/avif", "AVIF as a source"),
        ("image/heic", "HEIC"),
        ("video/", "external ffmpeg"),
        ("audio/", "no picture"),
        ("application/", "no picture"),
    ])
}

#[tokio::test]
async fn every_sample_does_what_it_says() {
    let manifest = std::fs::read(folder().join("manifest.json")).unwrap();
    let manifest: Vec<Json> = serde_json::from_slice(&manifest).unwrap();
    let pool = pool();
    let mut drawn_count = 0;
    for sample in &manifest {
        let name = sample["path"].as_str().unwrap();
        let path = folder().join(name);
        let recipe = inside(64, OutputType::Webp);
        let drawn = pool.draw(path.clone(), recipe.clone()).await;
        let measured = pool.measure(path.clone()).await;
        if let Err(error) = &drawn {
            let ours = matches!(
                error,
                DrawError::Crashed { .. } | DrawError::Unreadable { .. }
            );
            assert!(!ours, "{name}: {error}");
        }
        if sample["expect"] == "refuse" {
            assert!(drawn.is_err() && measured.is_err(), "{name}");
            continue;
        }
        let facts = accolade_media::probe(open(name), &accolade_media::Limits::default());
        let Ok(facts) = facts else {
            assert_eq!(sample["expect"], "survive", "{name}");
            continue;
        };
        let reason = undrawn().into_iter().find(|(t, _)| {
            facts.media_type.starts_with(t) && facts.media_type != "application/pdf"
        });
        if let Some((_, reason)) = reason {
            let error = drawn.unwrap_err().to_string();
            assert!(error.contains(reason), "{name}: {error}");
            continue;
        }
        if sample["expect"] == "survive" && drawn.is_err() {
            continue;
        }
        let (drawn, measured) = (
            drawn.unwrap_or_else(|e| panic!("{name}: {e}")),
            measured.unwrap(),
        );
        let size = facts.width.zip(facts.height);
        let expected = match (facts.media_type, size) {
            ("application/pdf" | "image/svg+xml", _) => {
                predict_drawing(measured.width, measured.height, &recipe)
            }
            (_, Some((w, h))) => predict(w, h, &recipe),
            _ => panic!("{name} has no size"),
        };
        assert_eq!((drawn.facts.width, drawn.facts.height), expected, "{name}");
        let again = accolade_media::probe(
            std::io::Cursor::new(&drawn.bytes),
            &accolade_media::Limits::default(),
        )
        .unwrap();
        assert_eq!(
            (again.width, again.height),
            (Some(expected.0), Some(expected.1)),
            "{name}"
        );
        assert_eq!(again.color_space, Some("sRGB"), "{name}");
        drawn_count += 1;
    }
    assert!(drawn_count > 40, "{drawn_count}");
    pool.shut_down().await;
}

#[test]
fn renditions_hold_nothing_but_the_picture() {
    for sample in [
        "photos/exif_gps.jpg",
        "photos/iptc.jpg",
        "photos/icc_profile_big.jpg",
        "photos/icc_profile.png",
        "photos/hopper.psd",
        "made/rotated.png",
        "made/rotated.webp",
        "made/rotated.tif",
    ] {
        for output in [
            OutputType::Jpeg,
            OutputType::Png,
            OutputType::Webp,
            OutputType::Avif,
        ] {
            let drawn = draw(open(sample), &inside(50, output), &Limits::default()).unwrap();
            for trace in [
                &b"Exif"[..],
                b"EXIF",
                b"eXIf",
                b"8BIM",
                b"adobe",
                b"Photoshop",
                b"ICC_PROFILE",
                b"ICCP",
                b"iCCP",
                b"tEXt",
                b"iTXt",
                b"XMP ",
            ] {
                let found = drawn
                    .bytes
                    .windows(trace.len())
                    .any(|window| window == trace);
                assert!(
                    !found,
                    "{sample} as {output:?} holds {}",
                    String::from_utf8_lossy(trace)
                );
            }
        }
    }
}

fn looks(sample: &str) -> u64 {
    measure(open(sample), &Limits::default())
        .unwrap()
        .perceptual_hash
}

#[test]
fn every_orientation_stands_upright() {
    let expected = looks("photos/orientation-2.jpg");
    for n in 3..=8 {
        let actual = looks(&format!("photos/orientation-{n}.jpg"));
        assert!(
            (actual ^ expected).count_ones() <= 4,
            "orientation {n}: {actual:x} {expected:x}"
        );
    }
    // A rendition has no orientation left, and looks the same.
    for n in 2..=8 {
        let recipe = inside(96, OutputType::Png);
        let source = open(&format!("photos/orientation-{n}.jpg"));
        let drawn = draw(source, &recipe, &Limits::default()).unwrap();
        let actual = measure(std::io::Cursor::new(drawn.bytes), &Limits::default()).unwrap();
        let bits = (actual.perceptual_hash ^ expected).count_ones();
        assert!(bits <= 4, "orientation {n}: {bits} bits");
    }
}

#[test]
fn the_same_picture_looks_the_same_whatever_it_is_kept_as() {
    // One portrait, as grey, in four inks, in layers, with odd tables.
    let expected = looks("photos/hopper_16bit_qtables.jpg");
    for sample in ["photos/hopper_gray.jpg", "photos/hopper.psd"] {
        let bits = (looks(sample) ^ expected).count_ones();
        assert!(bits <= 10, "{sample}: {bits} bits");
    }
    let original = looks("photos/flower.jpg");
    assert!((looks("photos/flower.webp") ^ original).count_ones() <= 4);
    for (edge, output, quality) in [
        (240, OutputType::Jpeg, 40),
        (100, OutputType::Webp, 30),
        (64, OutputType::Png, 80),
    ] {
        let recipe = Recipe {
            quality: Some(quality),
            ..inside(edge, output)
        };
        let copy = draw(open("photos/flower.jpg"), &recipe, &Limits::default()).unwrap();
        let copy = measure(std::io::Cursor::new(copy.bytes), &Limits::default()).unwrap();
        let bits = (copy.perceptual_hash ^ original).count_ones();
        assert!(bits <= 6, "{edge} px {output:?}: {bits} bits");
    }
    for other in [
        "photos/iss634.gif",
        "graphics/cutout.png",
        "photos/iptc.jpg",
        "graphics/blobs-l.svg",
    ] {
        let bits = (looks(other) ^ original).count_ones();
        assert!(bits > 12, "{other}: {bits} bits");
    }
}

#[test]
fn the_pages_of_a_document_are_counted() {
    let measured = measure(open("made/page.pdf"), &Limits::default()).unwrap();
    assert!(measured.pages.is_some_and(|pages| pages >= 1));
    let drawn = draw(
        open("made/page.pdf"),
        &Recipe::new(Some(300), Some(300), Fit::Pad, OutputType::Png),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!((drawn.facts.width, drawn.facts.height), (300, 300));
}
