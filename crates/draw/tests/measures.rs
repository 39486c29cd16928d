//! What is measured of pictures that are made here.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use std::io::Cursor;

use accolade_draw::{Limits, Measured, WorstPixel, measure};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

fn measured(image: impl Into<DynamicImage>) -> Measured {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.set_position(0);
    measure(bytes, &Limits::default()).unwrap()
}

const WHITE: Rgb<u8> = Rgb([255; 3]);

#[test]
fn white_is_white_and_one_dark_pixel_is_found() {
    let mut image = RgbImage::from_pixel(200, 100, WHITE);
    let clean = measured(image.clone());
    assert_eq!(clean.border.histogram, [255; 256]);
    assert_eq!(clean.border.worst.darkest, 255);
    image.put_pixel(199, 40, Rgb([255, 30, 255]));
    let stained = measured(image);
    let worst = WorstPixel {
        x: 199,
        y: 40,
        darkest: 30,
    };
    assert_eq!(stained.border.worst, worst);
    assert_eq!(stained.border.histogram.len(), 256);
    assert_eq!(stained.border.histogram[30], 255);
    // One pixel of 596 is rounded so that it shows.
    assert_eq!(stained.border.histogram[31], 254);
    assert_eq!(stained.border.histogram[255], 254);
}

#[test]
fn neither_a_thin_frame_nor_what_is_behind_it_is_hidden() {
    // 1,000 px: the border is ten pixels wide.
    let framed = |frame: u8, inner: u8| {
        RgbImage::from_fn(1000, 1000, |x, y| {
            let edge = x == 0 || y == 0 || x == 999 || y == 999;
            Rgb([if edge { frame } else { inner }; 3])
        })
    };
    for (frame, inner) in [(0, 255), (255, 0)] {
        let share = measured(framed(frame, inner)).border.histogram[250];
        assert!(share < 40, "{frame} around {inner}: {share}");
    }
}

#[test]
fn what_is_transparent_is_not_white() {
    let clear = measured(RgbaImage::from_pixel(50, 50, Rgba([255, 255, 255, 0])));
    assert_eq!(clear.border.histogram[1], 0);
    assert_eq!(clear.border.worst.darkest, 0);
    let opaque = measured(RgbaImage::from_pixel(50, 50, Rgba([255; 4])));
    assert_eq!(opaque.border.histogram[255], 255);
    assert_eq!(opaque.border_on_white, None);
}

#[test]
fn what_is_transparent_is_white_on_white() {
    let cut_out = RgbaImage::from_fn(50, 50, |x, y| {
        let inside = (10..40).contains(&x) && (10..40).contains(&y);
        Rgba(if inside { [9, 9, 9, 255] } else { [0, 0, 0, 0] })
    });
    let on_white = measured(cut_out).border_on_white.unwrap();
    assert_eq!(on_white.histogram[255], 255);
    let shadow = measured(RgbaImage::from_pixel(50, 50, Rgba([0, 0, 0, 51])));
    let on_white = shadow.border_on_white.unwrap();
    assert_eq!((on_white.histogram[204], on_white.histogram[205]), (255, 0));
    assert_eq!(on_white.worst.darkest, 204);
}

#[test]
fn grey_is_as_white_as_it_is() {
    let grey = measured(GrayImage::from_pixel(50, 50, Luma([240])));
    assert_eq!(
        (grey.border.histogram[240], grey.border.histogram[241]),
        (255, 0)
    );
}

#[test]
fn the_subject_takes_up_a_share_of_each_side() {
    let subject = |w: u32, h: u32, ground: [u8; 4], ink: [u8; 4]| {
        let found = measured(RgbaImage::from_fn(400, 400, |x, y| {
            let inside = (100..100 + w).contains(&x) && (50..50 + h).contains(&y);
            Rgba(if inside { ink } else { ground })
        }));
        (found.subject_width, found.subject_height)
    };
    let near = |actual: (f64, f64), expected: (f64, f64)| {
        let apart = (actual.0 - expected.0).abs() + (actual.1 - expected.1).abs();
        assert!(apart < 0.01, "{actual:?}");
    };
    near(subject(200, 40, [255; 4], [9, 9, 9, 255]), (0.5, 0.1));
    near(subject(20, 300, [255; 4], [9, 9, 9, 255]), (0.05, 0.75));
    // Black on transparent, and light on dark.
    near(subject(200, 40, [0; 4], [0, 0, 0, 255]), (0.5, 0.1));
    near(
        subject(200, 40, [10, 10, 60, 255], [200, 200, 200, 255]),
        (0.5, 0.1),
    );
    // Nothing there; nothing but subject.
    near(subject(0, 0, [255; 4], [0; 4]), (0.0, 0.0));
    let full = RgbImage::from_fn(400, 400, |x, y| {
        Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 90])
    });
    let full = measured(full);
    near((full.subject_width, full.subject_height), (1.0, 1.0));
}
