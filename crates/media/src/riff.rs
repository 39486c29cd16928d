//! RIFF: WebP pictures, animated ones too, and WAV recordings. Layout: WebP container
//! specification; RFC 6386 and RFC 9649 for the sizes in its bitstreams; Microsoft's WAVE format.

use crate::icc::{self, Profile};
use crate::limits::check;
use crate::picture::{EXIF_BYTES, Header, orientation};
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// A chunk: its name, and where it ends. The source stands at its first byte.
struct Chunk {
    kind: [u8; 4],
    length: u64,
    end: u64,
}

/// Reads the header of the file; says where its chunks end.
fn open(source: &mut Source<'_>) -> Result<u64, Refusal> {
    source.skip(4)?;
    let length = source.u32_le()?;
    source.skip(4)?;
    // Programs that write a recording as it is made do not know its length when they begin.
    if matches!(length, 0 | u32::MAX) {
        return Ok(source.len());
    }
    let end = u64::from(length) + 8;
    if end > source.len() {
        Err(Refusal::truncated())
    } else {
        Ok(end)
    }
}

/// Reads the header of the next chunk, if there is one before `end`.
fn next(source: &mut Source<'_>, end: u64) -> Result<Option<Chunk>, Refusal> {
    if end.saturating_sub(source.position()) < 8 {
        return Ok(None);
    }
    source.part()?;
    let kind = source.array()?;
    let length = u64::from(source.u32_le()?);
    let chunk_end = source.position() + length;
    if chunk_end > end && length != u64::from(u32::MAX) {
        return Err(Refusal::damaged("a part of it is longer than the whole"));
    }
    Ok(Some(Chunk {
        kind,
        length,
        end: (chunk_end + (length & 1)).min(end),
    }))
}

/// What has been learnt on the way through the chunks of a WebP.
#[derive(Default)]
struct Webp {
    /// Size in pixels that the header of an extended file gives to all of it.
    canvas: Option<(u32, u32)>,
    /// Size in pixels of the one picture of a still.
    still: Option<(u32, u32)>,
    alpha: bool,
    /// From the first EXIF chunk; later ones are not read.
    orientation: Option<u8>,
    /// From the first profile; later ones are not read.
    profile: Option<Profile>,
    frames: u32,
    duration_ms: u64,
}

/// Measures a WebP.
pub(crate) fn probe_webp(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    check("bytes", source.len(), limits.max_scan_bytes)?;
    let end = open(source)?;
    let mut webp = Webp::default();
    while let Some(chunk) = next(source, end)? {
        webp.read(source, &chunk, limits)?;
        source.seek(chunk.end)?;
    }
    webp.facts(limits)
}

impl Webp {
    fn read(
        &mut self,
        source: &mut Source<'_>,
        chunk: &Chunk,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        match &chunk.kind {
            b"VP8X" => {
                let [flags, _, _, _] = source.array()?;
                self.alpha |= flags & 0x10 != 0;
                let (width, height) = (source.u24_le()? + 1, source.u24_le()? + 1);
                limits.check_size(width, height)?;
                self.canvas = Some((width, height));
            }
            b"VP8 " if self.still.is_none() => self.still = Some(lossy_size(source)?),
            b"VP8L" if self.still.is_none() => {
                let (width, height, alpha) = lossless_size(source)?;
                self.still = Some((width, height));
                self.alpha |= alpha;
            }
            b"ANMF" => self.frame(source, limits)?,
            b"ICCP" if self.profile.is_none() => {
                let profile = source.take(chunk.length.min(icc::PROFILE_BYTES))?;
                self.profile = Some(Profile::read(&profile));
            }
            b"EXIF" if self.orientation.is_none() => {
                let exif = source.take(chunk.length.min(EXIF_BYTES))?;
                self.orientation = Some(orientation(&exif).unwrap_or(1));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads the header of one frame of an animation, which must lie within the canvas.
    fn frame(&mut self, source: &mut Source<'_>, limits: &Limits) -> Result<(), Refusal> {
        let (left, top) = (source.u24_le()? * 2, source.u24_le()? * 2);
        let (width, height) = (source.u24_le()? + 1, source.u24_le()? + 1);
        let inside = |(w, h)| left + width <= w && top + height <= h;
        let canvas = self.canvas.filter(|canvas| inside(*canvas));
        let canvas = canvas.ok_or_else(|| Refusal::damaged("a frame reaches out of its canvas"))?;
        self.frames += 1;
        limits.check_frames(self.frames, canvas.0, canvas.1)?;
        self.duration_ms += u64::from(source.u24_le()?);
        Ok(())
    }

    fn facts(self, limits: &Limits) -> Result<Facts, Refusal> {
        let size = match (self.canvas, self.still) {
            (Some(canvas), _) if self.frames > 0 => canvas,
            (Some(canvas), Some(still)) if canvas != still => {
                return Err(Refusal::damaged(
                    "its header and its picture differ in size",
                ));
            }
            (_, Some(still)) => still,
            (_, None) => return Err(Refusal::damaged("it holds no picture")),
        };
        let header = Header {
            width: size.0,
            height: size.1,
            orientation: self.orientation.unwrap_or(1),
            has_alpha: Some(self.alpha),
            color_space: Some(
                self.profile
                    .and_then(|profile| profile.color_space)
                    .unwrap_or("sRGB"),
            ),
        };
        let facts = header.facts("image/webp", limits)?;
        Ok(facts.animated(self.frames.max(1), self.duration_ms))
    }
}

/// Width and height in pixels from the header of a lossy bitstream.
fn lossy_size(source: &mut Source<'_>) -> Result<(u32, u32), Refusal> {
    let [first, _, _, start @ ..] = source.array::<6>()?;
    if first & 1 != 0 || start != [0x9D, 0x01, 0x2A] {
        return Err(Refusal::damaged("it holds no picture"));
    }
    let size = (source.u16_le()?, source.u16_le()?);
    Ok((u32::from(size.0 & 0x3FFF), u32::from(size.1 & 0x3FFF)))
}

/// Width and height in pixels, and whether there is alpha, from the header of a lossless bitstream.
fn lossless_size(source: &mut Source<'_>) -> Result<(u32, u32, bool), Refusal> {
    let signature = source.byte()?;
    let bits = source.u32_le()?;
    if signature != 0x2F || bits >> 29 != 0 {
        return Err(Refusal::damaged("it holds no picture"));
    }
    Ok((
        (bits & 0x3FFF) + 1,
        (bits >> 14 & 0x3FFF) + 1,
        bits >> 28 & 1 == 1,
    ))
}

/// Measures a WAV recording.
pub(crate) fn probe_wav(source: &mut Source<'_>) -> Result<Facts, Refusal> {
    let end = open(source)?;
    let mut bytes_per_second = 0;
    let mut samples = None;
    let mut codec = "";
    while let Some(chunk) = next(source, end)? {
        match &chunk.kind {
            b"fmt " => {
                codec = match source.u16_le()? {
                    1 => "pcm",
                    3 => "pcm-float",
                    6 => "alaw",
                    7 => "mulaw",
                    _ => "",
                };
                source.skip(6)?;
                bytes_per_second = u64::from(source.u32_le()?);
            }
            b"data" => samples = Some(chunk.end - source.position()),
            _ => {}
        }
        source.seek(chunk.end)?;
    }
    match samples {
        Some(bytes) if bytes_per_second > 0 => {
            let duration_ms = Some(bytes.saturating_mul(1000) / bytes_per_second);
            Ok(Facts {
                duration_ms,
                ..Facts::of("audio/wav").with_codec(codec)
            })
        }
        _ => Err(Refusal::damaged("it holds no sound")),
    }
}
