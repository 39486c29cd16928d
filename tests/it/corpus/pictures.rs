//! What a rendition must be: the picture, upright, in sRGB, and nothing else.

use std::io::Cursor;

use accolade_media::{Limits, probe};
use image::imageops::FilterType;

/// Segments of a JPEG and chunks of a PNG that show the picture, and those that only say how. Anything else
/// is metadata.
const JPEG: [u8; 8] = [0xe0, 0xdb, 0xc0, 0xc2, 0xc4, 0xdd, 0xda, 0xd9];
const PNG: [&[u8; 4]; 7] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"pHYs",
];

/// What is wrong with a rendition of this type and size, if anything.
pub(super) fn wrong(bytes: &[u8], media_type: &str, size: (u32, u32)) -> Option<String> {
    let facts = match probe(Cursor::new(bytes), &Limits::default()) {
        Ok(facts) => facts,
        Err(refusal) => return Some(refusal.to_string()),
    };
    let seen = (facts.width, facts.height, facts.media_type);
    if seen != (Some(size.0), Some(size.1), media_type) {
        return Some(format!("{seen:?}, not {size:?} {media_type}"));
    }
    if facts.orientation != 1 || facts.color_space != Some("sRGB") {
        return Some(format!("not upright in sRGB: {facts:?}"));
    }
    let more = match media_type {
        "image/jpeg" => jpeg_segments(bytes).find(|marker| !JPEG.contains(marker)),
        "image/png" => png_chunks(bytes)
            .find(|kind| !PNG.iter().any(|known| kind == *known))
            .map(|kind| kind[0]),
        other => panic!("nothing is known of {other}"),
    };
    more.map(|what| format!("it holds {what:x}"))
}

/// The markers up to the first scan.
fn jpeg_segments(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut at = Some(2);
    std::iter::from_fn(move || {
        let start = at?;
        let marker = bytes[start + 1];
        let length = usize::from(u16::from_be_bytes([bytes[start + 2], bytes[start + 3]]));
        at = (marker != 0xda).then_some(start + 2 + length);
        Some(marker)
    })
}

fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_be_bytes(head[..4].try_into().unwrap());
        at += 12 + length as usize;
        Some(&head[4..])
    })
}

/// The mean brightness of each of 8 × 8 fields of a PNG.
pub(super) fn fields(png: &[u8]) -> Vec<u8> {
    let picture = image::load_from_memory(png).unwrap();
    let fields = picture.resize_exact(8, 8, FilterType::Triangle);
    fields.into_luma8().into_raw()
}

/// How much two pictures differ, of 255.
pub(super) fn difference(one: &[u8], other: &[u8]) -> u32 {
    let all = one
        .iter()
        .zip(other)
        .map(|(a, b)| u32::from(a.abs_diff(*b)));
    all.sum::<u32>() / u32::try_from(one.len()).unwrap()
}
