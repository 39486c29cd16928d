//! What is to be drawn.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::DrawError;

/// Longest edge that a recipe may ask for, in pixels.
pub const MAX_EDGE: u32 = 20_000;

/// How a picture and the asked frame are brought together. Pixels are never made up: what is smaller
/// than the frame stays as large as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fit {
    /// Fills a frame of the asked proportions; what stands over is cut, around the focal point.
    Cover,
    /// Wholly inside the frame. As nothing is scaled up, the same as [`Inside`](Self::Inside).
    Contain,
    /// Wholly inside the frame.
    Inside,
    /// Wholly inside, the rest filled with the background: exactly the asked size.
    Pad,
}

/// What a rendition is made as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputType {
    Jpeg,
    Png,
    Webp,
    Avif,
}

impl OutputType {
    /// The type of a media type, if renditions are made as it.
    #[must_use]
    pub fn parse(media_type: &str) -> Option<Self> {
        [Self::Jpeg, Self::Png, Self::Webp, Self::Avif]
            .into_iter()
            .find(|t| t.media_type() == media_type)
    }

    /// The registered media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// The quality where none is asked for; none where the type has no quality.
    #[must_use]
    pub fn default_quality(self) -> Option<u8> {
        match self {
            Self::Jpeg => Some(82),
            Self::Webp => Some(80),
            Self::Avif => Some(65),
            Self::Png => None,
        }
    }
}

/// Red, green and blue, in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Color(pub [u8; 3]);

impl Color {
    pub const WHITE: Self = Self([255; 3]);

    /// Reads `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([r, g, b]))
    }
}

/// What a crop keeps in view: fractions of the upright picture's width and height, 0 to 1. Two are the same if all
/// their bits are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct FocalPoint {
    pub x: f64,
    pub y: f64,
}

impl FocalPoint {
    fn bits(&self) -> [u64; 2] {
        [self.x, self.y].map(f64::to_bits)
    }
}

impl PartialEq for FocalPoint {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for FocalPoint {}

impl Hash for FocalPoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

impl Default for FocalPoint {
    fn default() -> Self {
        Self { x: 0.5, y: 0.5 }
    }
}

/// What a rendition is made to be. At least one edge is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipe {
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    pub fit: Fit,
    /// What fills the rest, and stands under what is transparent. None: nothing where the type can show
    /// nothing, else white.
    pub background: Option<Color>,
    pub focal_point: FocalPoint,
    pub output: OutputType,
    /// 1 to 100; none: ours. It means nothing to PNG.
    pub quality: Option<u8>,
    /// Most bytes: the quality is lowered until they are kept.
    pub max_bytes: Option<u64>,
    /// Whether a picture that moves still does; only WebP can. Else its first frame is drawn.
    pub animated: bool,
    /// A licence says that the picture is not altered: it is scaled only. What would cut, pad or recolour
    /// it is refused.
    pub scale_only: bool,
}

impl Recipe {
    /// A recipe for a frame, with everything else as it is by default.
    #[must_use]
    pub fn new(width: Option<u32>, height: Option<u32>, fit: Fit, output: OutputType) -> Self {
        Self {
            width,
            height,
            fit,
            background: None,
            focal_point: FocalPoint::default(),
            output,
            quality: None,
            max_bytes: None,
            animated: false,
            scale_only: false,
        }
    }

    /// Refuses what cannot be drawn by, whatever the source.
    pub fn check(&self) -> Result<(), DrawError> {
        let refuse = |reason: &str| Err(DrawError::recipe(reason));
        if self.width.is_none() && self.height.is_none() {
            return refuse("give a width, a height, or both");
        }
        if [self.width, self.height]
            .into_iter()
            .flatten()
            .any(|edge| !(1..=MAX_EDGE).contains(&edge))
        {
            return Err(DrawError::recipe(format!(
                "give edges of 1 to {MAX_EDGE} pixels"
            )));
        }
        if self.quality.is_some_and(|q| !(1..=100).contains(&q)) {
            return refuse("give a quality from 1 to 100");
        }
        let FocalPoint { x, y } = self.focal_point;
        if !(0.0..=1.0).contains(&x) || !(0.0..=1.0).contains(&y) {
            return refuse("give a focal point between 0 and 1");
        }
        if self.scale_only && matches!(self.fit, Fit::Cover | Fit::Pad) {
            return refuse(
                "the picture may only be scaled, and this fit would crop or pad it; use INSIDE",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_six_hex_digits() {
        assert_eq!(Color::parse("#FF8000"), Some(Color([255, 128, 0])));
        for text in ["ff8000", "#ff80", "#+f8000", "#gg0000", ""] {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }

    #[test]
    fn recipes_that_nothing_can_be_drawn_by_are_refused() {
        let good = Recipe::new(Some(10), None, Fit::Inside, OutputType::Png);
        assert_eq!(good.check(), Ok(()));
        for bad in [
            Recipe {
                width: None,
                ..good.clone()
            },
            Recipe {
                height: Some(0),
                ..good.clone()
            },
            Recipe {
                height: Some(1_000_000),
                ..good.clone()
            },
            Recipe {
                quality: Some(0),
                ..good.clone()
            },
            Recipe {
                quality: Some(101),
                ..good.clone()
            },
            Recipe {
                focal_point: FocalPoint {
                    x: f64::NAN,
                    y: 0.5,
                },
                ..good.clone()
            },
            Recipe {
                focal_point: FocalPoint { x: 0.5, y: 1.1 },
                ..good.clone()
            },
            Recipe {
                scale_only: true,
                fit: Fit::Cover,
                ..good.clone()
            },
            Recipe {
                scale_only: true,
                fit: Fit::Pad,
                ..good.clone()
            },
        ] {
            assert!(
                matches!(bad.check(), Err(DrawError::Recipe { .. })),
                "{bad:?}"
            );
        }
    }
}
