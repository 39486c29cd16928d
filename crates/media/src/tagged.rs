//! TIFF: reads the directory of the first picture by the `tiff` crate, and checks that the pixels
//! it points to are there. `BigTIFF`, with directories of any length, is not accepted.

use std::io;

use tiff::decoder::Decoder;
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use crate::icc::Profile;
use crate::picture::Header;
use crate::source::{Input, Source};
use crate::{Facts, Limits, Refusal};

/// The tag that camera raw files in Adobe's format carry.
const DNG_VERSION: Tag = Tag::Unknown(50_706);

/// A file whose directory is read by the library.
type File<'a, 'b> = Decoder<&'a mut (dyn Input + 'b)>;

/// Measures a TIFF by its first picture.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    let len = source.len();
    let mut file = Decoder::new(source.input()).map_err(refuse)?;
    let (width, height) = file.dimensions().map_err(refuse)?;
    limits.check_size(width, height)?;
    let reduced = number(&mut file, Tag::NewSubfileType)?.is_some_and(|kind| kind & 1 == 1);
    if reduced || number(&mut file, DNG_VERSION)?.is_some() {
        return Err(Refusal::unsupported(
            "a camera raw file; develop it and export a JPEG or TIFF",
        ));
    }
    check_pixels(&mut file, len)?;
    let header = Header {
        width,
        height,
        orientation: orientation(&mut file)?,
        has_alpha: Some(has_alpha(&mut file)?),
        color_space: color_space(&mut file),
    };
    header.facts("image/tiff", limits)
}

/// A tag of one number; `None` if it is absent or of another kind.
fn number(file: &mut File<'_, '_>, tag: Tag) -> Result<Option<u64>, Refusal> {
    match file.find_tag(tag) {
        Ok(value) => Ok(value.and_then(|value| value.into_u64().ok())),
        Err(error) => Err(refuse(error)),
    }
}

/// The numbers of a tag; none if it is absent or of another kind.
fn numbers(file: &mut File<'_, '_>, tag: Tag) -> Result<Vec<u64>, Refusal> {
    match file.find_tag(tag) {
        Ok(value) => Ok(value
            .and_then(|value| value.into_u64_vec().ok())
            .unwrap_or_default()),
        Err(error) => Err(refuse(error)),
    }
}

/// Checks that all strips or tiles lie within the `len` bytes of the file.
fn check_pixels(file: &mut File<'_, '_>, len: u64) -> Result<(), Refusal> {
    let mut offsets = numbers(file, Tag::StripOffsets)?;
    let mut lengths = numbers(file, Tag::StripByteCounts)?;
    if offsets.is_empty() {
        offsets = numbers(file, Tag::TileOffsets)?;
        lengths = numbers(file, Tag::TileByteCounts)?;
    }
    if offsets.is_empty() || offsets.len() != lengths.len() {
        return Err(Refusal::damaged("it holds no picture"));
    }
    let mut ends = offsets
        .iter()
        .zip(&lengths)
        .map(|(offset, length)| offset.saturating_add(*length));
    if ends.any(|end| end > len) {
        Err(Refusal::truncated())
    } else {
        Ok(())
    }
}

/// As [`Facts::orientation`].
fn orientation(file: &mut File<'_, '_>) -> Result<u8, Refusal> {
    let found = number(file, Tag::Orientation)?.and_then(|value| u8::try_from(value).ok());
    Ok(found.filter(|value| (1..=8).contains(value)).unwrap_or(1))
}

/// Whether one of the samples beyond the colours is alpha.
fn has_alpha(file: &mut File<'_, '_>) -> Result<bool, Refusal> {
    Ok(numbers(file, Tag::ExtraSamples)?
        .iter()
        .any(|kind| matches!(kind, 1 | 2)))
}

/// As [`Facts::color_space`]; `None` for pixels of which the library knows no colour.
fn color_space(file: &mut File<'_, '_>) -> Option<&'static str> {
    match file.colortype().ok()? {
        ColorType::Gray(_) | ColorType::GrayA(_) => Some("Gray"),
        ColorType::CMYK(_) | ColorType::CMYKA(_) => Some("CMYK"),
        ColorType::Lab(_) => Some("Lab"),
        ColorType::RGB(_) | ColorType::RGBA(_) | ColorType::Palette(_) | ColorType::YCbCr(_) => {
            let profile = file.find_tag(Tag::IccProfile).ok().flatten();
            let profile = profile.and_then(|value| value.into_u8_vec().ok());
            let named = profile.and_then(|profile| Profile::read(&profile).color_space);
            Some(named.unwrap_or("sRGB"))
        }
        _ => None,
    }
}

/// Says of an error of the library whose fault it is.
fn refuse(error: TiffError) -> Refusal {
    match error {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Refusal::truncated()
        }
        TiffError::IoError(error) => Refusal::Unreadable(error),
        TiffError::UnsupportedError(_) => Refusal::unsupported("a rare kind of TIFF"),
        error => Refusal::damaged(format!("its directory cannot be read ({error})")),
    }
}
