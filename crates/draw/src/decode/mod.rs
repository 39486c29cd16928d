//! Each format, decoded into a [`Sink`]. What the headers claim has been checked before.

mod bitmap;
mod drawing;
mod jpeg;
mod page;
mod png;
mod psd;
mod tiff;

use std::io::{BufRead, Read, Seek, SeekFrom};

use accolade_media::Facts;

use crate::picture::{Picture, Sink};
use crate::{DrawError, Limits};

pub(crate) use bitmap::frames;
pub(crate) use drawing::Drawing;
pub(crate) use page::Document;

/// Where a file is read from.
pub trait Source: BufRead + Seek {}

impl<T: BufRead + Seek> Source for T {}

/// Whether the type is drawn from shapes and has no pixels of its own.
pub(crate) fn is_drawing(media_type: &str) -> bool {
    matches!(media_type, "image/svg+xml" | "application/pdf")
}

/// Decodes a picture, as it is stored, into the sink. `scale` is the least that a decoder may scale it
/// by, if it can do so while it decodes.
pub(crate) fn decode<S: Source>(
    source: &mut S,
    facts: &Facts,
    scale: f64,
    sink: &mut Sink<'_>,
    limits: &Limits,
) -> Result<(), DrawError> {
    source.rewind().map_err(DrawError::unreadable)?;
    match facts.media_type {
        "image/jpeg" => jpeg::decode(source, facts, scale, sink),
        "image/png" => png::decode(source, sink, limits),
        "image/gif" | "image/webp" | "image/bmp" => {
            bitmap::decode(source, facts.media_type, sink, limits)
        }
        "image/tiff" => tiff::decode(source, sink, limits),
        "image/vnd.adobe.photoshop" => psd::decode(source, sink, limits),
        other => Err(no_decoder(other)),
    }
}

/// The reason for a type that is kept and not drawn.
pub(crate) fn no_decoder(media_type: &str) -> DrawError {
    DrawError::unsupported(match media_type {
        "image/avif" => "AVIF as a source (there is no decoder for it here)".to_owned(),
        "image/heic" => "HEIC (there is no decoder for it here)".to_owned(),
        film if film.starts_with("video/") => {
            "a poster of a film (it needs an external ffmpeg, which is not used)".to_owned()
        }
        other => format!("{other} (it is no picture)"),
    })
}

/// All bytes of a document, within its limit.
pub(crate) fn read_whole<S: Source>(source: &mut S, limits: &Limits) -> Result<Vec<u8>, DrawError> {
    let length = source
        .seek(SeekFrom::End(0))
        .and_then(|length| source.rewind().map(|()| length))
        .map_err(DrawError::unreadable)?;
    if length > limits.max_document_bytes {
        return Err(DrawError::TooLarge {
            what: "bytes in the document".to_owned(),
            actual: length,
            limit: limits.max_document_bytes,
        });
    }
    let mut bytes = Vec::new();
    source
        .take(limits.max_document_bytes)
        .read_to_end(&mut bytes)
        .map_err(DrawError::unreadable)?;
    Ok(bytes)
}

/// One frame of an animation.
pub(crate) struct Frame {
    pub(crate) picture: Picture,
    pub(crate) duration_ms: u32,
}
