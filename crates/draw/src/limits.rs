//! How much one job may take.

use serde::{Deserialize, Serialize};

use crate::DrawError;

/// Upper bounds of one job. A source at a bound is drawn, one past it is refused from its header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Pixels of a source, and of a rendition.
    pub max_pixels: u64,
    /// Pixels of the longer edge of a source.
    pub max_edge: u32,
    /// Frames of an animation.
    pub max_frames: u32,
    /// Pixels of all frames of an animation together.
    pub max_total_pixels: u64,
    /// Bytes of a document or drawing that is read into memory whole.
    pub max_document_bytes: u64,
    /// Bytes of a rendition.
    pub max_output_bytes: u64,
    /// Bytes of address space of a worker.
    pub max_memory: u64,
    /// Seconds of processor time of a worker, and of the clock on the wall.
    pub max_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 100_000_000,
            max_edge: 30_000,
            max_frames: 300,
            max_total_pixels: 200_000_000,
            max_document_bytes: 64 * 1024 * 1024,
            max_output_bytes: 64 * 1024 * 1024,
            max_memory: 512 * 1024 * 1024,
            max_seconds: 15,
        }
    }
}

impl Limits {
    pub(crate) fn media(&self) -> accolade_media::Limits {
        accolade_media::Limits {
            max_pixels: self.max_pixels,
            max_edge: self.max_edge,
            max_frames: self.max_frames,
            max_total_pixels: self.max_total_pixels,
            ..accolade_media::Limits::default()
        }
    }

    /// Refuses a rendition of too many pixels.
    pub(crate) fn check_output(&self, (width, height): (u32, u32)) -> Result<(), DrawError> {
        let actual = u64::from(width) * u64::from(height);
        if actual > self.max_pixels {
            return Err(DrawError::TooLarge {
                what: "pixels in the rendition".to_owned(),
                actual,
                limit: self.max_pixels,
            });
        }
        Ok(())
    }

    /// Refuses a buffer that cannot be had, before it is asked for.
    pub(crate) fn check_buffer(&self, bytes: u64) -> Result<(), DrawError> {
        if bytes > self.max_memory {
            return Err(DrawError::OutOfMemory);
        }
        Ok(())
    }
}
