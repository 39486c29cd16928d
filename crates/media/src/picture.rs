//! What the readers of picture formats share.

use image::metadata::Orientation;

use crate::{Facts, Limits, Refusal};

/// How many bytes of EXIF are read. A JPEG's segment cannot be longer; the orientation stands in
/// the first directory, and thumbnails and maker's notes come after it.
pub(crate) const EXIF_BYTES: u64 = 64 * 1024;

/// What a picture's header says of it, in the order its pixels are stored.
pub(crate) struct Header {
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// As [`Facts::orientation`].
    pub(crate) orientation: u8,
    /// As [`Facts::has_alpha`].
    pub(crate) has_alpha: Option<bool>,
    /// As [`Facts::color_space`].
    pub(crate) color_space: Option<&'static str>,
}

impl Header {
    /// Turns what the header says into facts about an upright still picture within the limits.
    pub(crate) fn facts(self, media_type: &'static str, limits: &Limits) -> Result<Facts, Refusal> {
        limits.check_size(self.width, self.height)?;
        let (width, height) = if self.orientation >= 5 {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        };
        Ok(Facts {
            width: Some(width),
            height: Some(height),
            orientation: self.orientation,
            has_alpha: self.has_alpha,
            color_space: self.color_space,
            frames: Some(1),
            ..Facts::of(media_type)
        })
    }
}

impl Facts {
    /// The same picture as an animation of `frames` frames that runs for `duration_ms`; a still if
    /// there is but one frame.
    pub(crate) fn animated(self, frames: u32, duration_ms: u64) -> Self {
        Self {
            frames: Some(frames),
            duration_ms: (frames > 1).then_some(duration_ms),
            ..self
        }
    }
}

/// The orientation in an EXIF block, with or without the `Exif\0\0` before it; `None` if it does
/// not hold one of the eight.
pub(crate) fn orientation(exif: &[u8]) -> Option<u8> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(exif).map(Orientation::to_exif)
}

/// Checks that compressed data can hold what the header promises: refuses it when even a packer
/// that makes `ratio` bytes of every one could not.
pub(crate) fn check_volume(packed: u64, unpacked: u64, ratio: u64) -> Result<(), Refusal> {
    if packed.saturating_mul(ratio) < unpacked {
        return Err(Refusal::damaged(
            "it holds less of a picture than its size asks for",
        ));
    }
    Ok(())
}
