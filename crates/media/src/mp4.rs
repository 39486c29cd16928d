//! Films and recordings in the ISO base media format: MP4, `QuickTime`, M4A. Walks the boxes to the
//! end of the file, and reads size and playing time from the film's header.

use crate::boxes::{self, Header};
use crate::sniff::Kind;
use crate::source::{Source, slice_at};
use crate::{Facts, Refusal};

/// How many bytes of a header box are read; none is longer.
const BOX_BYTES: u64 = 128;

/// What a film's header says.
#[derive(Default)]
struct Film {
    duration_ms: Option<u64>,
    has_sound: bool,
    has_pictures: bool,
    /// Upright size in pixels of the first track of pictures.
    size: Option<(u32, u32)>,
    codecs: Vec<String>,
}

/// Measures a film or recording. It must have a header with at least one track, and data.
pub(crate) fn probe(source: &mut Source<'_>, kind: Kind) -> Result<Facts, Refusal> {
    let mut film = None;
    let mut has_data = false;
    while let Some(part) = top_level(source, film.is_some() && has_data)? {
        match &part.kind {
            b"moov" if film.is_none() => film = Some(Film::read(source, part.end)?),
            b"mdat" | b"moof" => has_data = true,
            _ => {}
        }
        source.seek(part.end)?;
    }
    let film = film.ok_or_else(|| Refusal::damaged("it has no header, so nothing can play it"))?;
    if !has_data || !(film.has_pictures || film.has_sound) {
        return Err(Refusal::damaged("there is neither film nor sound in it"));
    }
    let kind = if kind == Kind::Mp4 && !film.has_pictures {
        Kind::M4a
    } else {
        kind
    };
    Ok(Facts {
        width: film.size.map(|size| size.0),
        height: film.size.map(|size| size.1),
        duration_ms: film.duration_ms,
        codecs: film.codecs,
        ..Facts::of(kind.media_type())
    })
}

/// Reads the header of the next box of the file. Once the file is `complete`, bytes that do not
/// look like a box end it: some cameras and editors leave padding.
fn top_level(source: &mut Source<'_>, complete: bool) -> Result<Option<Header>, Refusal> {
    let (start, len) = (source.position(), source.len());
    if complete && source.remaining() >= 8 {
        source.skip(4)?;
        let kind: [u8; 4] = source.array()?;
        source.seek(start)?;
        if !kind
            .iter()
            .all(|letter| matches!(letter, b' '..=b'~' | 0xA9))
        {
            return Ok(None);
        }
    }
    boxes::next(source, len)
}

impl Film {
    /// Reads the film's header, which ends at `end`.
    fn read(source: &mut Source<'_>, end: u64) -> Result<Self, Refusal> {
        let mut film = Self::default();
        while let Some(part) = boxes::next(source, end)? {
            match &part.kind {
                b"mvhd" => film.duration_ms = duration(&body(source, &part)?),
                b"trak" => film.track(source, part.end)?,
                _ => {}
            }
            source.seek(part.end)?;
        }
        Ok(film)
    }

    /// Reads the header of a track, which ends at `end`.
    fn track(&mut self, source: &mut Source<'_>, end: u64) -> Result<(), Refusal> {
        let mut size = None;
        let mut media = Media::default();
        while let Some(part) = boxes::next(source, end)? {
            match &part.kind {
                b"tkhd" => size = track_size(&body(source, &part)?),
                b"mdia" => media = Media::read(source, part.end)?,
                _ => {}
            }
            source.seek(part.end)?;
        }
        match media.handler.as_ref() {
            Some(b"vide") => {
                self.has_pictures = true;
                self.size = self.size.or(size);
            }
            Some(b"soun") => self.has_sound = true,
            _ => return Ok(()),
        }
        if let Some(codec) = media.codec {
            crate::add_codec(&mut self.codecs, &codec);
        }
        Ok(())
    }
}

/// The beginning of what is in a box.
fn body(source: &mut Source<'_>, part: &Header) -> Result<Vec<u8>, Refusal> {
    source.take(part.remaining(source).min(BOX_BYTES))
}

/// Playing time in milliseconds from a film header; `None` if it is not known, as in a film that
/// was written in pieces.
fn duration(body: &[u8]) -> Option<u64> {
    let (scale, duration) = if body.first()? == &1 {
        (slice_at(body, 20)?, u64::from_be_bytes(slice_at(body, 24)?))
    } else {
        let duration = u32::from_be_bytes(slice_at(body, 16)?);
        let known = if duration == u32::MAX {
            u64::MAX
        } else {
            u64::from(duration)
        };
        (slice_at(body, 12)?, known)
    };
    let scale = u64::from(u32::from_be_bytes(scale));
    if matches!(duration, 0 | u64::MAX) {
        return None;
    }
    duration.saturating_mul(1000).checked_div(scale)
}

/// Size in pixels at which a track is shown, from its header: numbers of 16 bits before and 16
/// after the point, and a matrix that may turn it by a quarter.
fn track_size(body: &[u8]) -> Option<(u32, u32)> {
    let matrix = if body.first()? == &1 { 52 } else { 40 };
    let number = |offset: usize| slice_at(body, matrix + offset).map(u32::from_be_bytes);
    let (width, height) = (number(36)? >> 16, number(40)? >> 16);
    if width == 0 || height == 0 {
        return None;
    }
    let turned = number(0)? == 0 && number(16)? == 0;
    Some(if turned {
        (height, width)
    } else {
        (width, height)
    })
}

/// What the media box of a track says.
#[derive(Default)]
struct Media {
    /// What the track is made of.
    handler: Option<[u8; 4]>,
    /// What it is packed with.
    codec: Option<[u8; 4]>,
}

impl Media {
    /// Reads the media box, which ends at `end`.
    fn read(source: &mut Source<'_>, end: u64) -> Result<Self, Refusal> {
        let mut media = Self::default();
        while let Some(part) = boxes::next(source, end)? {
            match &part.kind {
                b"hdlr" => media.handler = slice_at(&body(source, &part)?, 8),
                // A film plays without this being read, so nothing is refused for it.
                b"minf" => media.codec = codec(source, part.end).unwrap_or_default(),
                _ => {}
            }
            source.seek(part.end)?;
        }
        Ok(media)
    }
}

/// The name of the first sample entry, from the boxes of a track's media up to `end`.
fn codec(source: &mut Source<'_>, end: u64) -> Result<Option<[u8; 4]>, Refusal> {
    while let Some(part) = boxes::next(source, end)? {
        match &part.kind {
            // Entered: what is looked for is inside.
            b"stbl" => {}
            b"stsd" => return Ok(slice_at(&body(source, &part)?, 12)),
            _ => source.seek(part.end)?,
        }
    }
    Ok(None)
}
