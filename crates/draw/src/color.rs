//! Colours as sRGB.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    reason = "colours are clamped to bytes, and have one letter each"
)]

use moxcms::{ColorProfile, DataColorSpace, Layout as Channels, TransformOptions};

use crate::picture::{Layout, Picture};

/// The picture as RGB or RGBA in sRGB, and whether its profile was of no use. A profile that cannot be
/// read, or is not for such pixels, is passed over, as browsers do.
pub(crate) fn to_srgb(picture: Picture) -> (Picture, bool) {
    let Some(icc) = picture.icc.clone() else {
        return (plain(picture), false);
    };
    match converted(&picture, &icc) {
        Some(converted) => (converted, false),
        None => (plain(picture), true),
    }
}

fn converted(picture: &Picture, icc: &[u8]) -> Option<Picture> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let (from, to, layout) = match (picture.layout, profile.color_space) {
        (Layout::Gray, DataColorSpace::Gray) => (Channels::Gray, Channels::Rgb, Layout::Rgb),
        (Layout::Rgb, DataColorSpace::Rgb) => (Channels::Rgb, Channels::Rgb, Layout::Rgb),
        (Layout::Rgba, DataColorSpace::Rgb) => (Channels::Rgba, Channels::Rgba, Layout::Rgba),
        (Layout::Cmyk, DataColorSpace::Cmyk) => (Channels::Rgba, Channels::Rgb, Layout::Rgb),
        _ => return None,
    };
    let transform = profile
        .create_transform_8bit(
            from,
            &ColorProfile::new_srgb(),
            to,
            TransformOptions::default(),
        )
        .ok()?;
    let mut pixels = vec![0; picture.pixels.len() / picture.layout.channels() * layout.channels()];
    transform.transform(&picture.pixels, &mut pixels).ok()?;
    Some(Picture {
        layout,
        width: picture.width,
        height: picture.height,
        pixels,
        scale: picture.scale,
        icc: None,
    })
}

/// The picture without a profile: grey as it is, inks as light that they leave.
fn plain(picture: Picture) -> Picture {
    let pixels = match picture.layout {
        Layout::Rgb | Layout::Rgba => {
            return Picture {
                icc: None,
                ..picture
            };
        }
        Layout::Gray => picture.pixels.iter().flat_map(|v| [*v; 3]).collect(),
        Layout::Cmyk => {
            let left = |ink: u8, black: u8| {
                let light = (255 - u32::from(ink)) * (255 - u32::from(black));
                ((light + 127) / 255) as u8
            };
            let mut pixels = Vec::with_capacity(picture.pixels.len() / 4 * 3);
            for pixel in picture.pixels.chunks_exact(4) {
                if let &[c, m, y, k] = pixel {
                    pixels.extend_from_slice(&[left(c, k), left(m, k), left(y, k)]);
                }
            }
            pixels
        }
    };
    Picture {
        layout: Layout::Rgb,
        pixels,
        icc: None,
        ..picture
    }
}

/// A colour of CIE L*a*b* (D50; L of 0 to 100, a and b of -128 to 127) in sRGB.
pub(crate) fn lab(l: f64, a: f64, b: f64) -> [u8; 3] {
    let fy = (l + 16.0) / 116.0;
    let linear = |f: f64| {
        if f > 6.0 / 29.0 {
            f.powi(3)
        } else {
            3.0 * (6.0_f64 / 29.0).powi(2) * (f - 4.0 / 29.0)
        }
    };
    let x = 0.9642 * linear(fy + a / 500.0);
    let y = linear(fy);
    let z = 0.8249 * linear(fy - b / 200.0);
    // XYZ of D50 to linear sRGB, adapted after Bradford.
    let rgb = [
        3.133_856_1 * x - 1.616_866_7 * y - 0.490_614_6 * z,
        -0.978_768_4 * x + 1.916_141_5 * y + 0.033_454 * z,
        0.071_945_3 * x - 0.228_991_4 * y + 1.405_242_7 * z,
    ];
    rgb.map(|v: f64| {
        let v = v.clamp(0.0, 1.0);
        let encoded = if v <= 0.003_130_8 {
            12.92 * v
        } else {
            1.055 * v.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_becomes_srgb() {
        assert_eq!(lab(100.0, 0.0, 0.0), [255, 255, 255]);
        assert_eq!(lab(0.0, 0.0, 0.0), [0, 0, 0]);
        let [r, g, b] = lab(54.29, 80.81, 69.89);
        assert!(r > 253 && g < 3 && b < 3, "red: {r} {g} {b}");
    }

    #[test]
    fn inks_take_light_away() {
        let cmyk = Picture::new(Layout::Cmyk, 2, 1, vec![0, 0, 0, 0, 255, 0, 0, 0]);
        assert_eq!(to_srgb(cmyk).0.pixels, [255, 255, 255, 0, 255, 255]);
    }

    #[test]
    fn a_profile_is_followed_and_a_broken_one_passed_over() {
        let mut picture = Picture::new(Layout::Rgb, 1, 1, vec![200, 100, 50]);
        picture.icc = Some(ColorProfile::new_display_p3().encode().unwrap());
        let (converted, useless) = to_srgb(picture.clone());
        assert!(!useless);
        // A red of the wider space is a stronger one in sRGB.
        assert!(converted.pixels[0] > 200, "{:?}", converted.pixels);
        picture.icc = Some(vec![1, 2, 3]);
        let (plain, useless) = to_srgb(picture);
        assert!(useless);
        assert_eq!(plain.pixels, [200, 100, 50]);
    }
}
