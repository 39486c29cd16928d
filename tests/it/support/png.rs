//! Small pictures.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// A PNG of one colour. Another seed is another file.
pub(crate) fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let picture = RgbImage::from_pixel(width, height, Rgb([seed, 255 - seed, 127]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}
