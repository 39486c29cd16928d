//! TIFF: the first picture of the file.

use std::io::Seek;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;

use super::Source;
use crate::color::lab;
use crate::picture::{Layout, Picture, Sink};
use crate::{DrawError, Limits};

pub(super) fn decode<S: Source>(
    source: &mut S,
    sink: &mut Sink<'_>,
    limits: &Limits,
) -> Result<(), DrawError> {
    let mut bounds = TiffLimits::default();
    let bytes = usize::try_from(limits.max_memory).unwrap_or(usize::MAX);
    bounds.decoding_buffer_size = bytes;
    bounds.intermediate_buffer_size = bytes / 4;
    let mut decoder = Decoder::new(source).map_err(refuse)?.with_limits(bounds);
    let (width, height) = decoder.dimensions().map_err(refuse)?;
    let color = decoder.colortype().map_err(refuse)?;
    let (channels, layout) = match color {
        ColorType::Gray(_) => (1, Layout::Gray),
        ColorType::GrayA(_) => (2, Layout::Rgba),
        ColorType::RGB(_) | ColorType::YCbCr(8) | ColorType::Lab(8) => (3, Layout::Rgb),
        ColorType::RGBA(_) => (4, Layout::Rgba),
        ColorType::CMYK(_) => (4, Layout::Cmyk),
        ColorType::Palette(8) => (1, Layout::Rgb),
        other => return Err(DrawError::unsupported(format!("a TIFF of {other:?}"))),
    };
    if !matches!(color.bit_depth(), 8 | 16) {
        return Err(DrawError::unsupported(format!("a TIFF of {color:?}")));
    }
    let count = u64::from(width) * u64::from(height);
    limits.check_buffer(count * channels * u64::from(color.bit_depth()).div_ceil(8))?;
    let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let palette = match color {
        ColorType::Palette(_) => decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refuse)?,
        _ => Vec::new(),
    };
    let samples = samples(&mut decoder, color)?;
    if samples.len() as u64 != count * channels {
        return Err(DrawError::damaged("it has fewer pixels than it says"));
    }
    let pixels = match color {
        ColorType::GrayA(_) => samples
            .chunks_exact(2)
            .flat_map(|p| match p {
                &[gray, alpha] => [gray, gray, gray, alpha],
                _ => [0; 4],
            })
            .collect(),
        ColorType::Palette(_) => colored(&samples, &palette),
        ColorType::YCbCr(_) => samples.chunks_exact(3).flat_map(ycbcr).collect(),
        ColorType::Lab(_) => samples
            .chunks_exact(3)
            .flat_map(|p| match p {
                // a and b are signed.
                &[l, a, b] => lab(
                    f64::from(l) / 2.55,
                    f64::from(a.cast_signed()),
                    f64::from(b.cast_signed()),
                ),
                _ => [0; 3],
            })
            .collect(),
        _ => samples,
    };
    let mut picture = Picture::new(layout, width, height, pixels);
    picture.icc = icc;
    sink.whole(picture)
}

/// The samples of all pixels, in 8 bits.
fn samples<R: std::io::Read + Seek>(
    decoder: &mut Decoder<R>,
    color: ColorType,
) -> Result<Vec<u8>, DrawError> {
    let samples = match decoder.read_image().map_err(refuse)? {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.into_iter().map(|v| v.to_be_bytes()[0]).collect(),
        _ => {
            return Err(DrawError::unsupported(format!(
                "a TIFF of {color:?} in such samples"
            )));
        }
    };
    Ok(samples)
}

/// Numbers looked up in a colour map: all reds, then all greens, then all blues, in 16 bits.
fn colored(samples: &[u8], palette: &[u16]) -> Vec<u8> {
    let size = palette.len() / 3;
    samples
        .iter()
        .flat_map(|sample| {
            [0, 1, 2].map(|channel| {
                palette
                    .get(channel * size + usize::from(*sample))
                    .map_or(0, |v| v.to_be_bytes()[0])
            })
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a byte"
)]
fn ycbcr(pixel: &[u8]) -> [u8; 3] {
    let &[y, cb, cr] = pixel else {
        return [0; 3];
    };
    let (y, cb, cr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ]
    .map(|v: f64| v.round().clamp(0.0, 255.0) as u8)
}

fn refuse(error: tiff::TiffError) -> DrawError {
    match error {
        tiff::TiffError::LimitsExceeded => DrawError::OutOfMemory,
        tiff::TiffError::UnsupportedError(error) => {
            DrawError::unsupported(format!("a TIFF ({error})"))
        }
        error => DrawError::damaged(error),
    }
}
