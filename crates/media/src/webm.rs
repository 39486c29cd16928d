//! `WebM`: walks the elements up to the first data, and reads size and playing time from the
//! header. Layout: RFC 8794 (EBML) and RFC 9559 (Matroska).

use std::time::Duration;

use crate::source::Source;
use crate::{Facts, Refusal};

const EBML: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x002A_D7B1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const CODEC: u32 = 0x86;
const VIDEO: u32 = 0xE0;
const PIXEL_WIDTH: u32 = 0xB0;
const PIXEL_HEIGHT: u32 = 0xBA;
const AUDIO: u32 = 0xE1;
const CLUSTER: u32 = 0x1F43_B675;

/// Bytes of a value that is read; longer ones are not what they should be.
const MAX_VALUE_BYTES: u64 = 16;

/// Bytes of a codec's name; longer ones are passed over.
const MAX_NAME_BYTES: u64 = 64;

/// An element whose header has been read. `length` is `None` where it is not known, as in a film
/// that is written as it is made.
struct Element {
    id: u32,
    length: Option<u64>,
}

/// What has been learnt on the way through the elements.
#[derive(Default)]
struct Film {
    /// Nanoseconds in a unit of `duration`.
    scale: Option<u64>,
    duration: Option<f64>,
    has_pictures: bool,
    has_sound: bool,
    width: Option<u32>,
    height: Option<u32>,
    codecs: Vec<String>,
    has_data: bool,
}

/// Measures a `WebM` film or recording. It must have at least one track, and data.
pub(crate) fn probe(source: &mut Source<'_>) -> Result<Facts, Refusal> {
    check_doc_type(source)?;
    let mut film = Film::default();
    while source.remaining() > 0 && film.read(source)? {}
    if !film.has_data || !(film.has_pictures || film.has_sound) {
        return Err(Refusal::damaged("there is neither film nor sound in it"));
    }
    let media_type = if film.has_pictures {
        "video/webm"
    } else {
        "audio/webm"
    };
    Ok(Facts {
        width: film.width,
        height: film.height,
        duration_ms: film.duration_ms(),
        codecs: film.codecs,
        ..Facts::of(media_type)
    })
}

/// Reads the first element, which names the format: other Matroska files begin alike.
fn check_doc_type(source: &mut Source<'_>) -> Result<(), Refusal> {
    let header = element(source)?;
    let length = header.length.filter(|_| header.id == EBML);
    let length = length.ok_or_else(|| Refusal::damaged("it has no header"))?;
    let end = source.position() + length;
    while source.position() < end {
        let child = element(source)?;
        let value = value(source, &child)?;
        if child.id == DOC_TYPE && value.trim_ascii_end().strip_prefix(b"webm") != Some(b"") {
            return Err(Refusal::unsupported("a Matroska film (video/x-matroska)"));
        }
    }
    source.seek(end)
}

impl Film {
    /// Reads the next element; says whether to go on. Elements that contain what matters are
    /// entered, all others passed over.
    fn read(&mut self, source: &mut Source<'_>) -> Result<bool, Refusal> {
        let element = element(source)?;
        if element
            .length
            .is_some_and(|length| length > source.remaining())
        {
            return Err(Refusal::truncated());
        }
        match element.id {
            SEGMENT | INFO | TRACKS | TRACK_ENTRY => return Ok(true),
            VIDEO => {
                self.has_pictures = true;
                return Ok(true);
            }
            CLUSTER => {
                self.has_data = true;
                // What is wanted stands before the data, in every file but a few.
                if self.has_pictures || self.has_sound || element.length.is_none() {
                    return Ok(false);
                }
            }
            AUDIO => self.has_sound = true,
            CODEC
                if element
                    .length
                    .is_some_and(|length| length <= MAX_NAME_BYTES) =>
            {
                let name = source.take(element.length.unwrap_or_default())?;
                // Subtitles have codecs too.
                if name.starts_with(b"V_") || name.starts_with(b"A_") {
                    crate::add_codec(&mut self.codecs, &name);
                }
                return Ok(true);
            }
            TIMESTAMP_SCALE => {
                self.scale = Some(unsigned(&value(source, &element)?));
                return Ok(true);
            }
            DURATION => {
                self.duration = float(&value(source, &element)?);
                return Ok(true);
            }
            PIXEL_WIDTH if self.width.is_none() => {
                self.width = u32::try_from(unsigned(&value(source, &element)?)).ok();
                return Ok(true);
            }
            PIXEL_HEIGHT if self.height.is_none() => {
                self.height = u32::try_from(unsigned(&value(source, &element)?)).ok();
                return Ok(true);
            }
            _ => {}
        }
        let length = element
            .length
            .ok_or_else(|| Refusal::damaged("a part of it has no length"))?;
        source.skip(length)?;
        Ok(true)
    }

    /// Playing time in milliseconds.
    fn duration_ms(&self) -> Option<u64> {
        let scale = Duration::from_nanos(self.scale.unwrap_or(1_000_000)).as_secs_f64();
        let duration = Duration::try_from_secs_f64(self.duration? * scale).ok()?;
        u64::try_from(duration.as_millis()).ok()
    }
}

/// Reads the header of the next element.
fn element(source: &mut Source<'_>) -> Result<Element, Refusal> {
    source.part()?;
    let (id, _) = variable(source, 4, true)?;
    let (length, unknown) = variable(source, 8, false)?;
    let id = u32::try_from(id).map_err(|_| Refusal::damaged("a part of it has no name"))?;
    Ok(Element {
        id,
        length: (!unknown).then_some(length),
    })
}

/// Reads a number whose first byte says by its leading zeros how many bytes follow, `most` in all.
/// Also says whether all its bits are set, which stands for an unknown length.
fn variable(source: &mut Source<'_>, most: u32, with_marker: bool) -> Result<(u64, bool), Refusal> {
    let first = source.byte()?;
    let following = first.leading_zeros();
    if following >= most {
        return Err(Refusal::damaged("a part of it is no WebM"));
    }
    let mask = 0x7F_u8 >> following;
    let mut value = u64::from(if with_marker { first } else { first & mask });
    let mut all_set = first & mask == mask;
    for _ in 0..following {
        let byte = source.byte()?;
        all_set &= byte == 0xFF;
        value = value << 8 | u64::from(byte);
    }
    Ok((value, all_set))
}

/// The bytes of a short element.
fn value(source: &mut Source<'_>, element: &Element) -> Result<Vec<u8>, Refusal> {
    match element.length {
        Some(length) if length <= MAX_VALUE_BYTES => source.take(length),
        _ => Err(Refusal::damaged("a part of it is too long")),
    }
}

/// A number of up to eight bytes; longer ones lose their first.
fn unsigned(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A floating-point number of four bytes or eight.
fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => Some(f64::from(f32::from_be_bytes(*bytes.first_chunk()?))),
        8 => Some(f64::from_be_bytes(*bytes.first_chunk()?)),
        _ => None,
    }
}
