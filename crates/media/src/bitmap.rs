//! BMP: reads the header and checks that the pixels are there. Layout: Microsoft's
//! `BITMAPFILEHEADER` and the headers from `BITMAPCOREHEADER` to `BITMAPV5HEADER`.

use crate::picture::Header;
use crate::source::{Source, slice_at};
use crate::{Facts, Limits, Refusal};

/// Measures a BMP.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    source.skip(10)?;
    let pixels = u64::from(source.u32_le()?);
    let length = u64::from(source.u32_le()?);
    let header = source.take(length.saturating_sub(4).min(120))?;
    let (width, height, depth) = size(&header).ok_or_else(Refusal::truncated)?;
    limits.check_size(width, height)?;
    if !matches!(depth, 1 | 2 | 4 | 8 | 16 | 24 | 32) {
        return Err(Refusal::damaged("its header names no kind of pixel"));
    }
    let compression = slice_at(&header, 12).map_or(0, u32::from_le_bytes);
    let stored = match compression {
        // Rows of whole words.
        0 | 3 | 6 => {
            ((u64::from(width) * depth).div_ceil(32) * 4).saturating_mul(u64::from(height))
        }
        // Runs: a picture that is all background takes two bytes.
        1 | 2 => 2,
        _ => return Err(Refusal::unsupported("a rare kind of BMP")),
    };
    if pixels.saturating_add(stored) > source.len() {
        return Err(Refusal::truncated());
    }
    let alpha_mask = slice_at(&header, 48).map_or(0, u32::from_le_bytes);
    let header = Header {
        width,
        height,
        orientation: 1,
        has_alpha: Some(depth >= 16 && alpha_mask != 0),
        color_space: Some("sRGB"),
    };
    header.facts("image/bmp", limits)
}

/// Width and height in pixels and bits of a pixel, from the header behind its length. A negative
/// height means that the top row comes first.
fn size(header: &[u8]) -> Option<(u32, u32, u64)> {
    if header.len() < 12 {
        let number = |offset| {
            slice_at(header, offset)
                .map(u16::from_le_bytes)
                .map(u32::from)
        };
        return Some((number(0)?, number(2)?, u64::from(number(6)?)));
    }
    let number = |offset| slice_at(header, offset).map(i32::from_le_bytes);
    let depth = u64::from(u16::from_le_bytes(slice_at(header, 10)?));
    Some((
        u32::try_from(number(0)?).unwrap_or(0),
        number(4)?.unsigned_abs(),
        depth,
    ))
}
