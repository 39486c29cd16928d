//! GIF, WebP and BMP.

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ColorType, ImageDecoder, ImageError};

use super::{Frame, Source};
use crate::picture::{Layout, Picture, Sink};
use crate::{DrawError, Limits};

pub(super) fn decode<S: Source>(
    source: &mut S,
    media_type: &str,
    sink: &mut Sink<'_>,
    limits: &Limits,
) -> Result<(), DrawError> {
    let picture = match media_type {
        "image/gif" => first(GifDecoder::new(source), limits)?,
        "image/webp" => first(WebPDecoder::new(source), limits)?,
        _ => first(BmpDecoder::new(source), limits)?,
    };
    sink.whole(picture)
}

fn first<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    limits: &Limits,
) -> Result<Picture, DrawError> {
    let mut decoder = decoder.map_err(refuse)?;
    decoder.set_limits(bounds(limits)).map_err(refuse)?;
    let (width, height) = decoder.dimensions();
    let layout = match decoder.color_type() {
        ColorType::L8 => Layout::Gray,
        ColorType::Rgb8 => Layout::Rgb,
        ColorType::Rgba8 => Layout::Rgba,
        other => return Err(DrawError::unsupported(format!("a picture of {other:?}"))),
    };
    let icc = decoder.icc_profile().map_err(refuse)?;
    limits.check_buffer(decoder.total_bytes())?;
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| DrawError::OutOfMemory)?;
    let mut pixels = Vec::new();
    pixels
        .try_reserve_exact(bytes)
        .map_err(|_| DrawError::OutOfMemory)?;
    pixels.resize(bytes, 0);
    decoder.read_image(&mut pixels).map_err(refuse)?;
    let mut picture = Picture::new(layout, width, height, pixels);
    picture.icc = icc;
    Ok(picture)
}

/// Hands each frame of a GIF or WebP to `each`, drawn onto the whole canvas, at most `max_frames`.
pub(crate) fn frames<S: Source>(
    source: &mut S,
    media_type: &str,
    limits: &Limits,
    mut each: impl FnMut(Frame) -> Result<(), DrawError>,
) -> Result<(), DrawError> {
    source.rewind().map_err(DrawError::unreadable)?;
    let frames = if media_type == "image/gif" {
        let mut decoder = GifDecoder::new(source).map_err(refuse)?;
        decoder.set_limits(bounds(limits)).map_err(refuse)?;
        decoder.into_frames()
    } else {
        let mut decoder = WebPDecoder::new(source).map_err(refuse)?;
        decoder.set_limits(bounds(limits)).map_err(refuse)?;
        decoder.into_frames()
    };
    for frame in frames.take(limits.max_frames as usize) {
        let frame = frame.map_err(refuse)?;
        let (ms, denominator) = frame.delay().numer_denom_ms();
        let buffer = frame.into_buffer();
        let (width, height) = buffer.dimensions();
        each(Frame {
            picture: Picture::new(Layout::Rgba, width, height, buffer.into_raw()),
            duration_ms: (ms / denominator.max(1)).clamp(10, 60_000),
        })?;
    }
    Ok(())
}

fn bounds(limits: &Limits) -> image::Limits {
    let mut bounds = image::Limits::default();
    bounds.max_image_width = Some(limits.max_edge);
    bounds.max_image_height = Some(limits.max_edge);
    bounds.max_alloc = Some(limits.max_memory);
    bounds
}

fn refuse(error: ImageError) -> DrawError {
    match error {
        ImageError::Limits(_) => DrawError::OutOfMemory,
        ImageError::Unsupported(error) => DrawError::unsupported(error.to_string()),
        error => DrawError::damaged(error),
    }
}
