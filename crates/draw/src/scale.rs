//! Cuts, scales, turns and pads pixels, as a plan says.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::DrawError;
use crate::picture::{Layout, Picture};
use crate::plan::{Rect, mirrored};
use crate::recipe::Color;

/// The part `crop` of the source, in the coordinates in which it is stored, as `size` pixels.
pub(crate) fn resize(
    picture: Picture,
    crop: Rect,
    size: (u32, u32),
    filter: FilterType,
) -> Result<Picture, DrawError> {
    let scale = picture.scale;
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    // Where the decoder rounded the edges, the crop may stand over by a part of a pixel.
    let left = (crop.left * scale).clamp(0.0, (width - 1.0).max(0.0));
    let top = (crop.top * scale).clamp(0.0, (height - 1.0).max(0.0));
    let crop_width = (crop.width * scale)
        .min(width - left)
        .max(f64::MIN_POSITIVE);
    let crop_height = (crop.height * scale)
        .min(height - top)
        .max(f64::MIN_POSITIVE);
    let whole = left <= 0.0
        && top <= 0.0
        && (crop_width - width).abs() < 1e-9
        && (crop_height - height).abs() < 1e-9;
    if whole && size == (picture.width, picture.height) {
        return Ok(Picture {
            scale: 1.0,
            ..picture
        });
    }
    let pixel_type = match picture.layout {
        Layout::Gray => PixelType::U8,
        Layout::Rgb => PixelType::U8x3,
        Layout::Rgba | Layout::Cmyk => PixelType::U8x4,
    };
    let source = ImageRef::new(picture.width, picture.height, &picture.pixels, pixel_type)
        .map_err(DrawError::damaged)?;
    let mut target = Image::new(size.0, size.1, pixel_type);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .use_alpha(picture.layout == Layout::Rgba)
        .crop(left, top, crop_width, crop_height);
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(DrawError::damaged)?;
    Ok(Picture {
        layout: picture.layout,
        width: size.0,
        height: size.1,
        pixels: target.into_vec(),
        scale: 1.0,
        icc: picture.icc,
    })
}

/// Turns stored pixels upright.
pub(crate) fn upright(picture: Picture, orientation: u8) -> Picture {
    if !(2..=8).contains(&orientation) {
        return picture;
    }
    let channels = picture.layout.channels();
    let (mirrored_x, mirrored_y) = mirrored(orientation);
    let (stored_w, stored_h) = (picture.width as usize, picture.height as usize);
    let turned = orientation >= 5;
    let (w, h) = if turned {
        (stored_h, stored_w)
    } else {
        (stored_w, stored_h)
    };
    let mut pixels = Vec::with_capacity(picture.pixels.len());
    for y in 0..h {
        for x in 0..w {
            let (along_x, along_y) = if turned { (y, x) } else { (x, y) };
            let stored_x = if mirrored_x {
                stored_w - 1 - along_x
            } else {
                along_x
            };
            let stored_y = if mirrored_y {
                stored_h - 1 - along_y
            } else {
                along_y
            };
            let at = (stored_y * stored_w + stored_x) * channels;
            pixels.extend_from_slice(picture.pixels.get(at..at + channels).unwrap_or_default());
        }
    }
    let (width, height) = if turned {
        (picture.height, picture.width)
    } else {
        (picture.width, picture.height)
    };
    Picture {
        width,
        height,
        pixels,
        ..picture
    }
}

/// RGBA without its alpha where nothing is transparent.
pub(crate) fn without_useless_alpha(picture: Picture) -> Picture {
    let used = picture.layout == Layout::Rgba
        && picture
            .pixels
            .chunks_exact(4)
            .any(|p| p.last() != Some(&255));
    if used || picture.layout != Layout::Rgba {
        return picture;
    }
    flatten(picture, Color::WHITE)
}

/// Puts a background under what is transparent.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an average of bytes is a byte"
)]
pub(crate) fn flatten(picture: Picture, Color(background): Color) -> Picture {
    if picture.layout != Layout::Rgba {
        return picture;
    }
    let mut pixels = Vec::with_capacity(picture.pixels.len() / 4 * 3);
    for pixel in picture.pixels.chunks_exact(4) {
        if let &[r, g, b, alpha] = pixel {
            let alpha = u32::from(alpha);
            for (value, under) in [r, g, b].into_iter().zip(background) {
                let sum = u32::from(value) * alpha + u32::from(under) * (255 - alpha);
                pixels.push(((sum + 127) / 255) as u8);
            }
        }
    }
    Picture {
        layout: Layout::Rgb,
        pixels,
        ..picture
    }
}

/// Puts the picture (RGB or RGBA) on a canvas. No background: a transparent one.
pub(crate) fn pad(
    picture: Picture,
    canvas: (u32, u32),
    offset: (u32, u32),
    background: Option<Color>,
) -> Picture {
    if canvas == (picture.width, picture.height) {
        return picture;
    }
    let picture = match background {
        Some(_) => picture,
        None => with_alpha(picture),
    };
    let ground: Vec<u8> = match (picture.layout, background) {
        (Layout::Rgba, None) => vec![0; 4],
        (Layout::Rgba, Some(Color([r, g, b]))) => vec![r, g, b, 255],
        (_, color) => color.unwrap_or(Color::WHITE).0.to_vec(),
    };
    let mut pixels = ground.repeat(canvas.0 as usize * canvas.1 as usize);
    let channels = picture.layout.channels();
    let rows = pixels
        .chunks_exact_mut(canvas.0 as usize * channels)
        .skip(offset.1 as usize);
    for (target, row) in rows.zip(picture.pixels.chunks_exact(picture.stride())) {
        let start = offset.0 as usize * channels;
        if let Some(target) = target.get_mut(start..start + row.len()) {
            target.copy_from_slice(row);
        }
    }
    Picture {
        width: canvas.0,
        height: canvas.1,
        pixels,
        ..picture
    }
}

fn with_alpha(picture: Picture) -> Picture {
    if picture.layout != Layout::Rgb {
        return picture;
    }
    let pixels = picture
        .pixels
        .chunks_exact(3)
        .flat_map(|pixel| pixel.iter().copied().chain([255]))
        .collect();
    Picture {
        layout: Layout::Rgba,
        pixels,
        ..picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_is_turned_upright() {
        // Stored 3 × 2: 1 2 3 / 4 5 6.
        for (orientation, size, expected) in [
            (1, (3, 2), [1, 2, 3, 4, 5, 6]),
            (2, (3, 2), [3, 2, 1, 6, 5, 4]),
            (3, (3, 2), [6, 5, 4, 3, 2, 1]),
            (4, (3, 2), [4, 5, 6, 1, 2, 3]),
            (5, (2, 3), [1, 4, 2, 5, 3, 6]),
            (6, (2, 3), [4, 1, 5, 2, 6, 3]),
            (7, (2, 3), [6, 3, 5, 2, 4, 1]),
            (8, (2, 3), [3, 6, 2, 5, 1, 4]),
        ] {
            let stored = Picture::new(Layout::Gray, 3, 2, vec![1, 2, 3, 4, 5, 6]);
            let turned = upright(stored, orientation);
            assert_eq!((turned.width, turned.height), size, "{orientation}");
            assert_eq!(turned.pixels, expected, "{orientation}");
        }
    }

    #[test]
    fn transparent_parts_take_the_background() {
        let picture = Picture::new(Layout::Rgba, 2, 1, vec![10, 20, 30, 0, 10, 20, 30, 255]);
        assert_eq!(
            flatten(picture, Color::WHITE).pixels,
            [255, 255, 255, 10, 20, 30]
        );
    }

    #[test]
    fn padding_puts_the_picture_where_it_belongs() {
        let picture = Picture::new(Layout::Rgb, 1, 1, vec![1, 2, 3]);
        let padded = pad(picture.clone(), (3, 1), (1, 0), Some(Color([9, 9, 9])));
        assert_eq!(padded.pixels, [9, 9, 9, 1, 2, 3, 9, 9, 9]);
        let clear = pad(picture, (2, 1), (0, 0), None);
        assert_eq!(clear.pixels, [1, 2, 3, 255, 0, 0, 0, 0]);
    }
}
