//! What a rendition is, for pictures that are made here.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use std::io::Cursor;

use accolade_draw::{
    Color, DrawError, Drawn, Fit, FocalPoint, Limits, Note, OutputType, Recipe, draw, predict,
};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

fn file(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    file(image, ImageFormat::Png)
}

fn drawn(source: &[u8], recipe: &Recipe) -> Result<Drawn, DrawError> {
    draw(Cursor::new(source), recipe, &Limits::default())
}

/// The pixels of a rendition as PNG.
fn pixels(drawn: &Drawn) -> RgbaImage {
    image::load_from_memory_with_format(&drawn.bytes, ImageFormat::Png)
        .unwrap()
        .to_rgba8()
}

fn sample(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/samples");
    std::fs::read(folder.join(name)).unwrap()
}

fn photo() -> Vec<u8> {
    sample("photos/flower.jpg")
}

#[test]
fn a_byte_limit_is_met_by_quality_and_said() {
    let plain = Recipe::new(Some(400), None, Fit::Inside, OutputType::Jpeg);
    let full = drawn(&photo(), &plain).unwrap();
    assert_eq!(
        (full.facts.quality, full.facts.notes.as_slice()),
        (Some(82), &[][..])
    );
    for output in [OutputType::Jpeg, OutputType::Webp] {
        let recipe = Recipe {
            output,
            max_bytes: Some(9_000),
            ..plain.clone()
        };
        let small = drawn(&photo(), &recipe).unwrap();
        assert!(small.bytes.len() <= 9_000);
        assert!(small.facts.quality.unwrap() < output.default_quality().unwrap());
        assert_eq!(small.facts.notes, [Note::QualityLowered]);
        // The next step up would not have fitted.
        let better = Recipe {
            quality: Some(small.facts.quality.unwrap() + 5),
            max_bytes: None,
            ..recipe.clone()
        };
        assert!(drawn(&photo(), &better).unwrap().bytes.len() > 9_000);
        let impossible = Recipe {
            max_bytes: Some(100),
            ..recipe
        };
        let error = drawn(&photo(), &impossible).unwrap_err();
        assert!(
            matches!(error, DrawError::TooManyBytes { limit: 100, .. }),
            "{error}"
        );
    }
    let lossless = Recipe {
        output: OutputType::Png,
        max_bytes: Some(9_000),
        ..plain
    };
    let error = drawn(&photo(), &lossless).unwrap_err();
    assert!(matches!(error, DrawError::NoQuality { .. }), "{error}");
}

#[test]
fn a_cut_out_is_padded_on_white_to_the_pixel() {
    let cutout = sample("graphics/cutout.png");
    let recipe = Recipe {
        background: Some(Color::WHITE),
        ..Recipe::new(Some(300), Some(200), Fit::Pad, OutputType::Png)
    };
    let padded = drawn(&cutout, &recipe).unwrap();
    assert_eq!(padded.facts.notes, [Note::Flattened]);
    let image = pixels(&padded);
    assert_eq!(image.dimensions(), (300, 200));
    for (x, y) in [(0, 0), (299, 0), (0, 199), (299, 199), (20, 100)] {
        assert_eq!(image.get_pixel(x, y), &Rgba([255; 4]));
    }
    // Without a background, what is around it stays transparent.
    let clear = drawn(
        &cutout,
        &Recipe {
            background: None,
            ..recipe.clone()
        },
    )
    .unwrap();
    assert_eq!(pixels(&clear).get_pixel(0, 0).0[3], 0);
    // A licence that forbids alterations forbids to fill what is transparent.
    let bound = Recipe {
        scale_only: true,
        fit: Fit::Inside,
        output: OutputType::Jpeg,
        ..recipe
    };
    let error = drawn(&cutout, &bound).unwrap_err();
    assert!(matches!(error, DrawError::Recipe { .. }), "{error}");
    assert!(
        drawn(
            &cutout,
            &Recipe {
                output: OutputType::Webp,
                ..bound
            }
        )
        .is_ok()
    );
}

#[test]
fn animations_keep_their_first_frame_or_move_on() {
    for name in ["photos/iss634.gif", "photos/iss634.webp"] {
        let source = sample(name);
        let still = Recipe::new(Some(60), None, Fit::Inside, OutputType::Webp);
        let moving = Recipe {
            animated: true,
            ..still.clone()
        };
        let frames = |bytes: &[u8]| {
            let limits = accolade_media::Limits::default();
            accolade_media::probe(Cursor::new(bytes), &limits)
                .unwrap()
                .frames
        };
        let first = drawn(&source, &still).unwrap();
        assert_eq!(frames(&first.bytes), Some(1), "{name}");
        assert_eq!(first.facts.notes, [Note::FirstFrame]);
        let all = drawn(&source, &moving).unwrap();
        // Frames that show the same are shown as one, for longer.
        assert!(
            frames(&all.bytes).unwrap() + 3 > frames(&source).unwrap(),
            "{name}"
        );
        assert_eq!((all.facts.width, all.facts.height), (60, 60));
        let jpeg = Recipe {
            output: OutputType::Jpeg,
            ..moving
        };
        assert_eq!(
            drawn(&source, &jpeg).unwrap().facts.notes,
            [Note::FirstFrame]
        );
    }
}

#[test]
fn inks_and_grey_become_srgb() {
    for name in [
        "photos/pil_sample_cmyk.jpg",
        "made/cmyk.tif",
        "photos/hopper_gray.jpg",
    ] {
        let recipe = Recipe::new(Some(40), None, Fit::Inside, OutputType::Png);
        let image = image::load_from_memory(&drawn(&sample(name), &recipe).unwrap().bytes).unwrap();
        assert!(matches!(image, DynamicImage::ImageRgb8(_)), "{name}");
    }
    // Adobe stores the light that is left. Read the other way round, this dark portrait would be a bright
    // negative.
    let recipe = Recipe::new(Some(1), Some(1), Fit::Inside, OutputType::Png);
    let cmyk = pixels(&drawn(&sample("photos/pil_sample_cmyk.jpg"), &recipe).unwrap());
    let Rgba([r, g, b, _]) = *cmyk.get_pixel(0, 0);
    assert!(
        u32::from(r) + u32::from(g) + u32::from(b) < 100,
        "{r} {g} {b}"
    );
}

#[test]
fn sixteen_bits_become_eight() {
    let deep = image::ImageBuffer::<Rgb<u16>, _>::from_pixel(3, 3, Rgb([0xABCD, 0x1234, 0xFFFF]));
    let recipe = Recipe::new(Some(3), None, Fit::Inside, OutputType::Png);
    let image = pixels(&drawn(&png(DynamicImage::ImageRgb16(deep)), &recipe).unwrap());
    assert_eq!(image.get_pixel(1, 1), &Rgba([0xAB, 0x12, 0xFF, 0xFF]));
}

#[test]
fn a_rendition_of_too_many_pixels_is_refused_before_it_is_made() {
    let recipe = Recipe::new(Some(20_000), Some(20_000), Fit::Pad, OutputType::Png);
    let error = drawn(&photo(), &recipe).unwrap_err();
    assert!(
        matches!(
            error,
            DrawError::TooLarge {
                actual: 400_000_000,
                ..
            }
        ),
        "{error}"
    );
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let fits = prop::sample::select(vec![Fit::Cover, Fit::Contain, Fit::Inside, Fit::Pad]);
    let edge = || 1_u32..90;
    let frames = prop_oneof![
        (edge(), edge()).prop_map(|(w, h)| (Some(w), Some(h))),
        edge().prop_map(|w| (Some(w), None)),
        edge().prop_map(|h| (None, Some(h))),
    ];
    (frames, fits, (0.0..=1.0, 0.0..=1.0)).prop_map(|((w, h), fit, (x, y))| Recipe {
        focal_point: FocalPoint { x, y },
        ..Recipe::new(w, h, fit, OutputType::Png)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_predicted_is_drawn(
        recipe in recipes(),
        (w, h) in (1_u32..120, 1_u32..120),
        alpha: bool,
    ) {
        let source = if alpha {
            png(RgbaImage::from_pixel(w, h, Rgba([200, 10, 10, 100])))
        } else {
            file(RgbImage::from_pixel(w, h, Rgb([200, 10, 10])), ImageFormat::Bmp)
        };
        let drawn = drawn(&source, &recipe).unwrap();
        let size = (drawn.facts.width, drawn.facts.height);
        prop_assert_eq!(size, predict(w, h, &recipe));
        prop_assert_eq!(pixels(&drawn).dimensions(), size);
        if recipe.fit == Fit::Pad {
            prop_assert!(recipe.width.is_none_or(|w| w == size.0));
            prop_assert!(recipe.height.is_none_or(|h| h == size.1));
        } else {
            prop_assert!(size.0 <= w && size.1 <= h);
        }
    }

    #[test]
    fn the_focal_point_stays_in_view(
        (w, h) in (40_u32..120, 40_u32..120),
        (fw, fh) in (20_u32..60, 20_u32..60),
        (x, y) in (0.0..1.0, 0.0..1.0),
    ) {
        // A green spot at the focal point, on red.
        let (sx, sy) = ((x * f64::from(w)) as i64, (y * f64::from(h)) as i64);
        let image = RgbImage::from_fn(w, h, |px, py| {
            let near = (i64::from(px) - sx).abs() <= 3 && (i64::from(py) - sy).abs() <= 3;
            Rgb(if near { [0, 255, 0] } else { [255, 0, 0] })
        });
        let recipe = Recipe {
            focal_point: FocalPoint { x, y },
            ..Recipe::new(Some(fw), Some(fh), Fit::Cover, OutputType::Png)
        };
        let drawn = drawn(&png(image), &recipe).unwrap();
        let seen = pixels(&drawn).pixels().any(|p| p.0[1] > p.0[0]);
        prop_assert!(seen, "the spot at {sx},{sy} is cut off");
    }
}
