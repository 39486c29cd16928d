//! Small pictures.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, RgbaImage};

/// A PNG of one colour. Another seed is another file.
pub(crate) fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let picture = RgbImage::from_pixel(width, height, Rgb([seed, 255 - seed, 127]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A picture as a PNG.
pub(crate) fn png_bytes(picture: RgbaImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A PNG of one bit a pixel that claims these edges, and has a few bytes of pixels.
pub(crate) fn png_of_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = Vec::from(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([1, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    // An empty stream of zlib.
    let pixels = [0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    for (kind, data) in [
        (b"IHDR", header.as_slice()),
        (b"IDAT", &pixels),
        (b"IEND", &[]),
    ] {
        bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        let checked = [kind.as_slice(), data].concat();
        bytes.extend(crc32(&checked).to_be_bytes());
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc >>= 1;
            if low == 1 {
                crc ^= 0xedb8_8320;
            }
        }
    }
    !crc
}

/// A PNG that does not compress: about three bytes a pixel. Another seed is another file.
pub(crate) fn noise(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let picture = RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A PNG whose structure is whole, and whose packed pixels are not.
pub(crate) fn png_of_bad_pixels(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = noise(width, height, 7);
    let mut at = 8;
    while at + 8 <= bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (kind, end) = (at + 4, at + 8 + length);
        if &bytes[kind..kind + 4] == b"IDAT" {
            for byte in &mut bytes[kind + 4 + length / 2..end] {
                *byte ^= 0x5a;
            }
            let checked = crc32(&bytes[kind..end]).to_be_bytes();
            bytes[end..end + 4].copy_from_slice(&checked);
        }
        at = end + 4;
    }
    bytes
}
