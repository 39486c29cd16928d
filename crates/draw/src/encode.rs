//! Pixels to files, without anything but the picture in them.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use mozjpeg::{ColorSpace, Compress};
use ravif::{Encoder as Avif, Img, RGB8, RGBA8};
use webp::{AnimEncoder, AnimFrame, PixelLayout, WebPConfig};

use crate::decode::Frame;
use crate::picture::{Layout, Picture};
use crate::recipe::{OutputType, Recipe};
use crate::{DrawError, Limits};

/// The quality is lowered in steps of this size, to no less than this, when bytes are limited.
const QUALITY_STEP: u8 = 5;
const LOWEST_QUALITY: u8 = 20;
/// From which quality on a JPEG keeps the colour of every pixel: who asks for so much wants red text sharp.
const FULL_COLOR_QUALITY: u8 = 90;
/// Most pixels of an edge that WebP can store.
const WEBP_EDGE: u32 = 16_383;
/// Pixels above which AVIF is made in the greatest haste, to end in time.
const AVIF_SLOW_PIXELS: u64 = 1_000_000;

/// A file, and the quality it was made in.
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) quality: Option<u8>,
}

/// Makes a file of the picture (RGB, or RGBA where the type has alpha), in the quality asked for or the
/// best below it that keeps to the bytes.
pub(crate) fn encode(
    picture: &Picture,
    recipe: &Recipe,
    limits: &Limits,
) -> Result<Encoded, DrawError> {
    within_bytes(recipe, limits, |quality| match recipe.output {
        OutputType::Jpeg => jpeg(picture, quality),
        OutputType::Png => png(picture),
        OutputType::Webp => webp(picture, quality),
        OutputType::Avif => avif(picture, quality),
    })
}

/// As [`encode`], for an animated WebP.
pub(crate) fn animate(
    frames: &[Frame],
    recipe: &Recipe,
    limits: &Limits,
) -> Result<Encoded, DrawError> {
    within_bytes(recipe, limits, |quality| animated(frames, quality))
}

fn within_bytes(
    recipe: &Recipe,
    limits: &Limits,
    make: impl Fn(u8) -> Result<Vec<u8>, DrawError>,
) -> Result<Encoded, DrawError> {
    let limit = recipe
        .max_bytes
        .unwrap_or(u64::MAX)
        .min(limits.max_output_bytes);
    let Some(default) = recipe.output.default_quality() else {
        let bytes = make(100)?;
        if bytes.len() as u64 > limit {
            return Err(DrawError::NoQuality {
                limit,
                actual: bytes.len() as u64,
                media_type: recipe.output.media_type().to_owned(),
            });
        }
        return Ok(Encoded {
            bytes,
            quality: None,
        });
    };
    let best = recipe.quality.unwrap_or(default);
    let first = make(best)?;
    if first.len() as u64 <= limit {
        return Ok(Encoded {
            bytes: first,
            quality: Some(best),
        });
    }
    drop(first);
    // Steps below the best; the bytes fall with them, so halving finds the first that fits.
    let steps: Vec<u8> = (1..)
        .map_while(|n: u8| best.checked_sub(n.checked_mul(QUALITY_STEP)?))
        .take_while(|quality| *quality >= LOWEST_QUALITY)
        .collect();
    let mut found: Option<Encoded> = None;
    let mut least = None;
    let (mut low, mut high) = (0, steps.len());
    while low < high {
        let middle = low.midpoint(high);
        let Some(&quality) = steps.get(middle) else {
            break;
        };
        let bytes = make(quality)?;
        if bytes.len() as u64 <= limit {
            found = Some(Encoded {
                bytes,
                quality: Some(quality),
            });
            high = middle;
        } else {
            least = Some((bytes.len() as u64, quality));
            low = middle + 1;
        }
    }
    found.ok_or_else(|| {
        let (least, quality) = least.unwrap_or((limit.saturating_add(1), best));
        DrawError::TooManyBytes {
            limit,
            least,
            quality,
        }
    })
}

fn jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, DrawError> {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    // What mozjpeg is known for costs twenty times the time of all the rest.
    encoder.set_fastest_defaults();
    encoder.set_optimize_coding(true);
    encoder.set_size(picture.width as usize, picture.height as usize);
    encoder.set_quality(f32::from(quality));
    if quality >= FULL_COLOR_QUALITY {
        encoder.set_chroma_sampling_pixel_sizes((1, 1), (1, 1));
    }
    let mut rows = encoder.start_compress(Vec::new()).map_err(failed)?;
    rows.write_scanlines(&picture.pixels).map_err(failed)?;
    rows.finish().map_err(failed)
}

fn png(picture: &Picture) -> Result<Vec<u8>, DrawError> {
    let mut bytes = Vec::new();
    let color = match picture.layout {
        Layout::Rgba => ExtendedColorType::Rgba8,
        _ => ExtendedColorType::Rgb8,
    };
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(&picture.pixels, picture.width, picture.height, color)
        .map_err(failed)?;
    Ok(bytes)
}

fn webp_config(quality: u8) -> Result<WebPConfig, DrawError> {
    let mut config = WebPConfig::new().map_err(|()| failed("libwebp has no settings"))?;
    config.quality = f32::from(quality);
    Ok(config)
}

fn pixel_layout(picture: &Picture) -> PixelLayout {
    match picture.layout {
        Layout::Rgba => PixelLayout::Rgba,
        _ => PixelLayout::Rgb,
    }
}

fn check_webp(picture: &Picture) -> Result<(), DrawError> {
    if picture.width.max(picture.height) > WEBP_EDGE {
        return Err(DrawError::recipe(format!(
            "a WebP has at most {WEBP_EDGE} pixels on an edge"
        )));
    }
    Ok(())
}

fn webp(picture: &Picture, quality: u8) -> Result<Vec<u8>, DrawError> {
    check_webp(picture)?;
    let layout = pixel_layout(picture);
    let bytes = webp::Encoder::new(&picture.pixels, layout, picture.width, picture.height)
        .encode_advanced(&webp_config(quality)?)
        .map_err(|error| webp_failed(&format!("{error:?}")))?;
    Ok(bytes.to_vec())
}

fn animated(frames: &[Frame], quality: u8) -> Result<Vec<u8>, DrawError> {
    let Some(first) = frames.first() else {
        return Err(DrawError::damaged("it has no frame"));
    };
    check_webp(&first.picture)?;
    let config = webp_config(quality)?;
    let mut encoder = AnimEncoder::new(first.picture.width, first.picture.height, &config);
    let mut at = 0_i32;
    for frame in frames {
        let picture = &frame.picture;
        let layout = pixel_layout(picture);
        let (width, height) = (picture.width, picture.height);
        encoder.add_frame(AnimFrame::new(
            &picture.pixels,
            layout,
            width,
            height,
            at,
            None,
        ));
        at = at.saturating_add(i32::try_from(frame.duration_ms).unwrap_or(i32::MAX));
    }
    let bytes = encoder
        .try_encode()
        .map_err(|error| webp_failed(&format!("{error:?}")))?;
    Ok(bytes.to_vec())
}

fn avif(picture: &Picture, quality: u8) -> Result<Vec<u8>, DrawError> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    let encoder = Avif::new()
        .with_quality(f32::from(quality))
        .with_alpha_quality(f32::from(quality))
        .with_speed(if pixels > AVIF_SLOW_PIXELS { 10 } else { 9 })
        .with_num_threads(Some(1));
    let made = if picture.layout == Layout::Rgba {
        let pixels: Vec<RGBA8> = picture
            .pixels
            .chunks_exact(4)
            .filter_map(|p| match p {
                &[r, g, b, a] => Some(RGBA8::new(r, g, b, a)),
                _ => None,
            })
            .collect();
        encoder.encode_rgba(Img::new(&pixels, width, height))
    } else {
        let pixels: Vec<RGB8> = picture
            .pixels
            .chunks_exact(3)
            .filter_map(|p| match p {
                &[r, g, b] => Some(RGB8::new(r, g, b)),
                _ => None,
            })
            .collect();
        encoder.encode_rgb(Img::new(&pixels, width, height))
    };
    Ok(made.map_err(failed)?.avif_file)
}

fn webp_failed(message: &str) -> DrawError {
    if message.contains("OUT_OF_MEMORY") {
        return DrawError::OutOfMemory;
    }
    failed(message)
}

/// An encoder that will not take what it was given: our fault, and no fault of the file.
fn failed(error: impl ToString) -> DrawError {
    DrawError::Crashed {
        reason: error.to_string(),
    }
}
