//! JPEG, by libjpeg-turbo as mozjpeg has it: the only well-kept decoder that scales while it decodes at
//! the pace that was asked for (docs/decisions/0016).

use std::panic::{AssertUnwindSafe, catch_unwind};

use accolade_media::Facts;
use mozjpeg::{ColorSpace, Decompress, Marker};

use super::Source;
use crate::DrawError;
use crate::picture::{Layout, Sink};

/// What libjpeg hands over at a time.
const ROWS_AT_ONCE: usize = 16;
/// Decoded pixels kept for each one that is drawn, along an edge: below, the cheap scaling of the
/// decoder would show.
const SPARE: f64 = 1.5;
/// Parts that an ICC profile may be split into.
const MAX_ICC_PARTS: usize = 255;

pub(super) fn decode<S: Source>(
    source: &mut S,
    facts: &Facts,
    scale: f64,
    sink: &mut Sink<'_>,
) -> Result<(), DrawError> {
    // libjpeg leaves a damaged file by unwinding.
    match catch_unwind(AssertUnwindSafe(|| read(source, facts, scale, sink))) {
        Ok(result) => result,
        Err(cause) => Err(refuse(
            cause.downcast_ref::<String>().map_or("", String::as_str),
        )),
    }
}

fn read<S: Source>(
    source: &mut S,
    facts: &Facts,
    scale: f64,
    sink: &mut Sink<'_>,
) -> Result<(), DrawError> {
    let damaged = |error: std::io::Error| refuse(&error.to_string());
    let mut jpeg = Decompress::with_markers(&[Marker::APP(2), Marker::APP(14)])
        .from_reader(source)
        .map_err(damaged)?;
    let (layout, space) = match jpeg.color_space() {
        ColorSpace::JCS_GRAYSCALE => (Layout::Gray, ColorSpace::JCS_GRAYSCALE),
        ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => (Layout::Cmyk, ColorSpace::JCS_CMYK),
        _ => (Layout::Rgb, ColorSpace::JCS_RGB),
    };
    // Profiles of sRGB are many, and change nothing.
    let icc = (facts.color_space != Some("sRGB"))
        .then(|| profile(jpeg.markers()))
        .flatten();
    // Adobe writes how much light is left instead of how much ink there is.
    let adobe = jpeg
        .markers()
        .any(|m| m.marker == Marker::APP(14) && m.data.starts_with(b"Adobe"));
    let eighths = if sink.wants_all() { 8 } else { eighths(scale) };
    jpeg.scale(eighths);
    let mut rows = jpeg.to_colorspace(space).map_err(damaged)?;
    let (width, height) = (rows.width(), rows.height());
    let edge = |n: usize| u32::try_from(n).map_err(DrawError::damaged);
    let size = (edge(width)?, edge(height)?);
    sink.begin(layout, size, f64::from(eighths) / 8.0, icc)?;
    let stride = width * layout.channels();
    let mut buffer = vec![0; stride * ROWS_AT_ONCE];
    let mut left = height;
    while left > 0 {
        let count = left.min(ROWS_AT_ONCE);
        let block = buffer
            .get_mut(..stride * count)
            .ok_or(DrawError::OutOfMemory)?;
        rows.read_scanlines_into(block).map_err(damaged)?;
        if layout == Layout::Cmyk && adobe {
            for value in block.iter_mut() {
                *value = 255 - *value;
            }
        }
        sink.rows(block)?;
        left -= count;
    }
    rows.finish().map_err(damaged)
}

/// The smallest n of n / 8 that leaves enough pixels to scale from. 6 and 7 cost more than they save.
fn eighths(scale: f64) -> u8 {
    (1..=5)
        .find(|n| f64::from(*n) / 8.0 >= scale * SPARE)
        .unwrap_or(8)
}

/// The ICC profile, put together from its parts.
fn profile<'a>(
    markers: impl Iterator<Item = mozjpeg::decompress::MarkerData<'a>>,
) -> Option<Vec<u8>> {
    let mut parts: Vec<(u8, &[u8])> = markers
        .filter(|marker| marker.marker == Marker::APP(2))
        .filter_map(|marker| match marker.data.strip_prefix(b"ICC_PROFILE\0") {
            Some([number, _count, data @ ..]) => Some((*number, data)),
            _ => None,
        })
        .take(MAX_ICC_PARTS)
        .collect();
    parts.sort_by_key(|(number, _)| *number);
    let profile: Vec<u8> = parts
        .into_iter()
        .flat_map(|(_, data)| data)
        .copied()
        .collect();
    (!profile.is_empty()).then_some(profile)
}

fn refuse(message: &str) -> DrawError {
    if message.contains("nsufficient memory") || message.contains("out of memory") {
        return DrawError::OutOfMemory;
    }
    let message = message.trim_start_matches("libjpeg fatal error: ");
    if message.is_empty() {
        return DrawError::damaged("it is no JPEG that can be read");
    }
    DrawError::damaged(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_pixels_are_left_to_scale_from() {
        assert_eq!(eighths(800.0 / 4000.0), 3);
        assert_eq!(eighths(0.4), 5);
        assert_eq!(eighths(0.5), 8);
        assert_eq!(eighths(1.0), 8);
        assert_eq!(eighths(0.001), 1);
    }
}
