//! JPEG: walks the segments and the compressed data between them to the end marker.
//! Layout: ITU-T T.81, annex B; EXIF 2.32; ICC.1:2022, annex B.4.

use crate::icc::Profile;
use crate::limits::check;
use crate::picture::{Header, check_volume, orientation};
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// Passes over the same pixels that are believed; browsers give up at a like number, because each
/// costs as much as the whole picture.
const MAX_SCANS: u64 = 200;

/// The marker that ends a picture.
const END: u8 = 0xD9;

/// What has been learnt on the way through the segments.
#[derive(Default)]
struct Picture {
    frame: Option<Frame>,
    /// From the first EXIF segment; later ones are not read.
    orientation: Option<u8>,
    /// From the first profile; later ones are not read.
    profile: Option<Profile>,
    scans: u64,
    /// Bytes of compressed data.
    scanned: u64,
}

/// The frame header: what the compressed data stands for.
struct Frame {
    width: u16,
    height: u16,
    components: u8,
    progressive: bool,
    /// Blocks of 8 x 8 samples in all components together.
    blocks: u64,
}

/// Measures a JPEG. Whatever follows its end marker is left alone: it is not part of the picture.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    check("bytes", source.len(), limits.max_scan_bytes)?;
    let mut picture = Picture::default();
    source.skip(2)?;
    source.skip_past(0xFF)?;
    loop {
        match marker(source)? {
            END => break,
            0xD8 => {
                return Err(Refusal::damaged(
                    "a second picture begins before the first ends",
                ));
            }
            // Markers without a segment, which mean nothing here.
            0x00 | 0x01 | 0xD0..=0xD7 => {}
            0xDA => {
                segment(source, &mut picture, 0xDA, limits)?;
                let start = source.position();
                skip_scan(source)?;
                picture.scanned += source.position() - start;
                // The marker's first byte has been read already.
                continue;
            }
            other => segment(source, &mut picture, other, limits)?,
        }
        source.skip_past(0xFF)?;
    }
    picture.facts(limits)
}

/// The marker whose first byte, 0xFF, has just been read. It may be repeated to fill.
fn marker(source: &mut Source<'_>) -> Result<u8, Refusal> {
    loop {
        source.part()?;
        let marker = source.byte()?;
        if marker != 0xFF {
            return Ok(marker);
        }
    }
}

/// Goes behind the 0xFF of the marker that ends the compressed data. In the data an 0xFF is
/// followed by a zero, or by one of eight marks to set off anew from.
fn skip_scan(source: &mut Source<'_>) -> Result<(), Refusal> {
    loop {
        source.part()?;
        source.skip_past(0xFF)?;
        let before = source.position();
        match source.byte()? {
            0x00 | 0xD0..=0xD7 => {}
            _ => return source.seek(before),
        }
    }
}

/// Reads the segment of `marker` as far as it matters, and passes over it.
fn segment(
    source: &mut Source<'_>,
    picture: &mut Picture,
    marker: u8,
    limits: &Limits,
) -> Result<(), Refusal> {
    let length = source.u16_be()?.checked_sub(2);
    let length = length.ok_or_else(|| Refusal::damaged("a segment has no length"))?;
    let end = source.position() + u64::from(length);
    match marker {
        0xC0..=0xC2 if picture.frame.is_some() => {
            return Err(Refusal::damaged("it has two headers"));
        }
        0xC0..=0xC2 => picture.frame = Some(Frame::read(source, marker == 0xC2, limits)?),
        0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
            return Err(Refusal::unsupported(
                "a rare kind of JPEG that browsers do not show",
            ));
        }
        0xDA if picture.frame.is_none() => {
            return Err(Refusal::damaged("its data comes before its header"));
        }
        0xDA => {
            picture.scans += 1;
            check("passes over its pixels", picture.scans, MAX_SCANS)?;
        }
        0xE1 if picture.orientation.is_none() => {
            let exif = source.take(u64::from(length))?;
            if exif.starts_with(b"Exif\0\0") {
                picture.orientation = Some(orientation(&exif).unwrap_or(1));
            }
        }
        0xE2 if picture.profile.is_none() => {
            // The first of the pieces that a profile is cut into; its number follows the name.
            let piece = source.take(u64::from(length))?;
            if let Some(profile) = piece.strip_prefix(b"ICC_PROFILE\0\x01") {
                picture.profile = profile.get(1..).map(Profile::read);
            }
        }
        _ => {}
    }
    source.seek(end)
}

impl Frame {
    fn read(source: &mut Source<'_>, progressive: bool, limits: &Limits) -> Result<Self, Refusal> {
        let [precision, h1, h0, w1, w0, components] = source.array()?;
        if precision != 8 {
            return Err(Refusal::unsupported(
                "a JPEG of 12 bits, which browsers do not show",
            ));
        }
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        limits.check_size(u32::from(width), u32::from(height))?;
        if !matches!(components, 1 | 3 | 4) {
            return Err(Refusal::damaged(
                "it has a number of colours that no picture has",
            ));
        }
        let table = source.take(u64::from(components) * 3)?;
        let blocks = blocks(u64::from(width), u64::from(height), &table);
        let blocks = blocks.ok_or_else(|| Refusal::damaged("its colours are sampled in no way"))?;
        Ok(Self {
            width,
            height,
            components,
            progressive,
            blocks,
        })
    }
}

/// Blocks of 8 x 8 samples in all components together, from the table of the frame header: a
/// component's sampling factors, against the largest ones, say how much coarser it is.
fn blocks(width: u64, height: u64, table: &[u8]) -> Option<u64> {
    let factors: Vec<(u64, u64)> = table
        .chunks_exact(3)
        .filter_map(|component| component.get(1))
        .map(|factors| (u64::from(factors >> 4), u64::from(factors & 0x0F)))
        .collect();
    if factors
        .iter()
        .any(|(h, v)| !(1..=4).contains(h) || !(1..=4).contains(v))
    {
        return None;
    }
    let across = 8 * factors.iter().map(|(h, _)| h).max()?;
    let down = 8 * factors.iter().map(|(_, v)| v).max()?;
    let blocks = |(h, v): (u64, u64)| (width * h).div_ceil(across) * (height * v).div_ceil(down);
    Some(factors.into_iter().map(blocks).sum())
}

impl Picture {
    fn facts(self, limits: &Limits) -> Result<Facts, Refusal> {
        let frame = self
            .frame
            .ok_or_else(|| Refusal::damaged("it holds no picture"))?;
        if self.scans == 0 {
            return Err(Refusal::damaged("it holds no picture"));
        }
        // A block takes two codes of at least one bit each; of the first of many passes, one code.
        let bits = if frame.progressive { 1 } else { 2 };
        check_volume(self.scanned, frame.blocks * bits, 8)?;
        let color_space = match (
            frame.components,
            self.profile.and_then(|profile| profile.color_space),
        ) {
            (1, _) => "Gray",
            (4, _) => "CMYK",
            (_, None) => "sRGB",
            (_, Some(profile)) => profile,
        };
        let header = Header {
            width: u32::from(frame.width),
            height: u32::from(frame.height),
            orientation: self.orientation.unwrap_or(1),
            has_alpha: Some(false),
            color_space: Some(color_space),
        };
        header.facts("image/jpeg", limits)
    }
}
