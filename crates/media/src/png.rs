//! PNG, animated ones too: walks the chunks to the last. Layout: W3C PNG, third edition.

use crate::icc::{self, Profile};
use crate::picture::{EXIF_BYTES, Header, check_volume, orientation};
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// The most that one byte of deflated data can grow to.
const DEFLATE_RATIO: u64 = 1032;

/// What has been learnt on the way through the chunks.
#[derive(Default)]
struct Chunks {
    /// From the first EXIF chunk; later ones are not read.
    orientation: Option<u8>,
    /// From the first profile; later ones are not read.
    profile: Option<Profile>,
    transparent_color: bool,
    /// Frames of an animation, as counted.
    frames: u32,
    duration_ms: u64,
    /// Bytes of compressed data of the still picture.
    data: u64,
}

/// The first chunk.
struct Ihdr {
    width: u32,
    height: u32,
    depth: u8,
    color: u8,
}

/// Measures a PNG. Whatever follows its last chunk is left alone: it is not part of the picture.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    if source.array()? != *b"\x89PNG\r\n\x1A\n" {
        return Err(Refusal::damaged("its first bytes were changed on the way"));
    }
    let ihdr = Ihdr::read(source, limits)?;
    let mut chunks = Chunks::default();
    while chunks.read(source, &ihdr, limits)? {}
    chunks.facts(&ihdr, limits)
}

impl Ihdr {
    fn read(source: &mut Source<'_>, limits: &Limits) -> Result<Self, Refusal> {
        if source.u32_be()? != 13 || source.array()? != *b"IHDR" {
            return Err(Refusal::damaged("it has no header"));
        }
        let (width, height) = (source.u32_be()?, source.u32_be()?);
        let [depth, color, _compression, _filter, _interlace] = source.array()?;
        source.skip(4)?;
        limits.check_size(width, height)?;
        let valid = match color {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            _ => false,
        };
        if !valid {
            return Err(Refusal::damaged("its header names no kind of pixel"));
        }
        Ok(Self {
            width,
            height,
            depth,
            color,
        })
    }

    /// Bytes that the pixels take at least when they are unpacked.
    fn bytes(&self) -> u64 {
        let samples = match self.color {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        let bits = u64::from(self.width) * samples * u64::from(self.depth);
        bits.div_ceil(8).saturating_mul(u64::from(self.height))
    }
}

impl Chunks {
    /// Reads the next chunk; says whether another one follows.
    fn read(
        &mut self,
        source: &mut Source<'_>,
        ihdr: &Ihdr,
        limits: &Limits,
    ) -> Result<bool, Refusal> {
        source.part()?;
        let length = u64::from(source.u32_be()?);
        let kind: [u8; 4] = source.array()?;
        if length > 0x7FFF_FFFF || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(Refusal::damaged("a part of it is no PNG"));
        }
        let end = source.position() + length;
        match &kind {
            b"IDAT" => self.data += length,
            b"tRNS" => self.transparent_color = true,
            b"sRGB" => {
                let color_space = Some("sRGB");
                self.profile = Some(Profile { color_space });
            }
            b"iCCP" if self.profile.is_none() => {
                self.profile = Some(profile(&source.take(length.min(icc::PROFILE_BYTES))?));
            }
            b"eXIf" if self.orientation.is_none() => {
                let exif = source.take(length.min(EXIF_BYTES))?;
                self.orientation = Some(orientation(&exif).unwrap_or(1));
            }
            b"fcTL" => {
                self.frames += 1;
                limits.check_frames(self.frames, ihdr.width, ihdr.height)?;
                self.duration_ms += delay(source)?;
            }
            _ => {}
        }
        source.seek(end)?;
        source.skip(4)?;
        Ok(kind != *b"IEND")
    }

    fn facts(self, ihdr: &Ihdr, limits: &Limits) -> Result<Facts, Refusal> {
        if self.data == 0 {
            return Err(Refusal::damaged("it holds no picture"));
        }
        check_volume(self.data, ihdr.bytes(), DEFLATE_RATIO)?;
        let color_space = match (ihdr.color, self.profile) {
            (0 | 4, _) => "Gray",
            (
                _,
                Some(Profile {
                    color_space: Some(name),
                }),
            ) => name,
            _ => "sRGB",
        };
        let header = Header {
            width: ihdr.width,
            height: ihdr.height,
            orientation: self.orientation.unwrap_or(1),
            has_alpha: Some(matches!(ihdr.color, 4 | 6) || self.transparent_color),
            color_space: Some(color_space),
        };
        Ok(header
            .facts("image/png", limits)?
            .animated(self.frames.max(1), self.duration_ms))
    }
}

/// How long a frame is shown, in milliseconds, from the chunk that announces it.
fn delay(source: &mut Source<'_>) -> Result<u64, Refusal> {
    source.skip(20)?;
    let (numerator, denominator) = (source.u16_be()?, source.u16_be()?);
    let denominator = if denominator == 0 { 100 } else { denominator };
    Ok(u64::from(numerator) * 1000 / u64::from(denominator))
}

/// Reads a profile as a chunk holds it: a name that ends in zero, the method zero, the profile
/// deflated. As much of it is unpacked as is needed.
fn profile(chunk: &[u8]) -> Profile {
    let name_end = chunk
        .iter()
        .take(80)
        .position(|byte| *byte == 0)
        .unwrap_or(chunk.len());
    let packed = chunk.get(name_end + 2..).unwrap_or_default();
    let limit = usize::try_from(icc::PROFILE_BYTES).unwrap_or(usize::MAX);
    match miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, limit) {
        Ok(profile) => Profile::read(&profile),
        Err(error) => Profile::read(&error.output),
    }
}
