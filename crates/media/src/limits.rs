//! How much a file may claim before it is refused.

use crate::Refusal;

/// Upper bounds; a file at a bound is accepted, one past it is refused with [`Refusal::TooLarge`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of one picture: width times height.
    pub max_pixels: u64,
    /// Pixels of the longer edge.
    pub max_edge: u32,
    /// Frames of one animation.
    pub max_frames: u32,
    /// Pixels of all frames of an animation together. Each counts as the whole canvas, because each
    /// is drawn onto it.
    pub max_total_pixels: u64,
    /// Bytes of a JPEG, GIF or WebP, which have to be read to their end to know that they are whole.
    pub max_scan_bytes: u64,
    /// Parts (segments, chunks, blocks, boxes, directory entries) that are walked in one file.
    /// Bounds the time.
    pub max_parts: u64,
    /// Bytes of an SVG.
    pub max_svg_bytes: u64,
    /// Elements within elements of an SVG.
    pub max_svg_depth: u32,
    /// Elements of an SVG.
    pub max_svg_elements: u32,
    /// Entries of a ZIP archive.
    pub max_archive_entries: u64,
    /// Bytes that all entries of a ZIP archive say they unpack to.
    pub max_unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 100_000_000,
            max_edge: 30_000,
            max_frames: 300,
            max_total_pixels: 200_000_000,
            max_scan_bytes: 512 * 1024 * 1024,
            max_parts: 4_000_000,
            max_svg_bytes: 8 * 1024 * 1024,
            max_svg_depth: 256,
            max_svg_elements: 100_000,
            max_archive_entries: 100_000,
            max_unpacked_bytes: 4 * 1024 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Checks the size of one picture, or of the canvas of an animation, in pixels.
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Refusal> {
        if width == 0 || height == 0 {
            return Err(Refusal::damaged("it says that it is 0 pixels wide or high"));
        }
        let edge = width.max(height);
        check(
            "pixels on its longer edge",
            u64::from(edge),
            u64::from(self.max_edge),
        )?;
        check(
            "pixels",
            u64::from(width) * u64::from(height),
            self.max_pixels,
        )
    }

    /// Checks an animation of `frames` frames on a canvas of the given size in pixels.
    pub(crate) fn check_frames(&self, frames: u32, width: u32, height: u32) -> Result<(), Refusal> {
        check("frames", u64::from(frames), u64::from(self.max_frames))?;
        if frames < 2 {
            return Ok(());
        }
        let canvas = u64::from(width) * u64::from(height);
        check(
            "pixels in all its frames together",
            canvas.saturating_mul(u64::from(frames)),
            self.max_total_pixels,
        )
    }
}

/// Refuses `actual` when it is past `limit`; `what` names the unit and what is counted.
pub(crate) fn check(what: &'static str, actual: u64, limit: u64) -> Result<(), Refusal> {
    if actual > limit {
        Err(Refusal::TooLarge {
            what,
            actual,
            limit,
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_at_the_bound_passes_and_one_past_it_does_not() {
        let limits = Limits::default();
        assert!(limits.check_size(30_000, 3_333).is_ok());
        assert!(limits.check_size(30_001, 1).is_err());
        assert!(limits.check_size(10_000, 10_000).is_ok());
        assert!(limits.check_size(10_001, 10_000).is_err());
        assert!(limits.check_size(0, 10).is_err());
    }

    #[test]
    fn frames_are_counted_and_their_pixels_summed() {
        let limits = Limits::default();
        assert!(limits.check_frames(1, 10_000, 10_000).is_ok());
        assert!(limits.check_frames(2, 10_000, 10_000).is_ok());
        assert!(limits.check_frames(3, 10_000, 10_000).is_err());
        assert!(limits.check_frames(300, 1, 1).is_ok());
        assert!(limits.check_frames(301, 1, 1).is_err());
    }
}
