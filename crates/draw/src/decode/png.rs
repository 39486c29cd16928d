//! PNG, row by row, so that memory follows what is kept of it.

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits as PngLimits, Transformations};

use super::Source;
use crate::picture::{Layout, Picture, Sink};
use crate::{DrawError, Limits};

pub(super) fn decode<S: Source>(
    source: &mut S,
    sink: &mut Sink<'_>,
    limits: &Limits,
) -> Result<(), DrawError> {
    let bytes = usize::try_from(limits.max_memory / 8).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(source, PngLimits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(refuse)?;
    let (color, depth) = reader.output_color_type();
    let info = reader.info();
    let size = (info.width, info.height);
    let interlaced = info.interlaced;
    let icc = match info.srgb {
        Some(_) => None,
        None => info.icc_profile.as_ref().map(|icc| icc.to_vec()),
    };
    let layout = match (color, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => Layout::Gray,
        (ColorType::Rgb, BitDepth::Eight) => Layout::Rgb,
        (ColorType::Rgba | ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::Rgba,
        _ => {
            return Err(DrawError::unsupported(format!(
                "a PNG of {color:?} in {depth:?} bits"
            )));
        }
    };
    let gray_alpha = color == ColorType::GrayscaleAlpha;
    let widen = |row: &[u8]| -> Vec<u8> {
        row.chunks_exact(2)
            .flat_map(|pixel| match pixel {
                &[gray, alpha] => [gray, gray, gray, alpha],
                _ => [0; 4],
            })
            .collect()
    };
    if interlaced {
        let bytes = reader.output_buffer_size().ok_or(DrawError::OutOfMemory)?;
        limits.check_buffer(bytes as u64)?;
        let mut pixels = vec![0; bytes];
        reader.next_frame(&mut pixels).map_err(refuse)?;
        let pixels = if gray_alpha { widen(&pixels) } else { pixels };
        let mut picture = Picture::new(layout, size.0, size.1, pixels);
        picture.icc = icc;
        return sink.whole(picture);
    }
    sink.begin(layout, size, 1.0, icc)?;
    for _ in 0..size.1 {
        let Some(row) = reader.next_row().map_err(refuse)? else {
            return Err(DrawError::damaged("it ends in the middle"));
        };
        if gray_alpha {
            sink.rows(&widen(row.data()))?;
        } else {
            sink.rows(row.data())?;
        }
    }
    Ok(())
}

fn refuse(error: DecodingError) -> DrawError {
    match error {
        DecodingError::LimitsExceeded => DrawError::OutOfMemory,
        error => DrawError::damaged(error),
    }
}
