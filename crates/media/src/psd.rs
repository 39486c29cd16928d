//! Photoshop documents, of both sizes: reads the header and the colour profile, passes over the
//! layers. Layout: Adobe Photoshop file formats specification.

use crate::icc::{self, Profile};
use crate::picture::Header;
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// The number of the resource that is an ICC profile.
const ICC_PROFILE: u16 = 1039;

/// Measures a Photoshop document. Whether it is see-through is not read: that is told by its
/// layers.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    source.skip(4)?;
    let version = source.u16_be()?;
    source.skip(6)?;
    let channels = source.u16_be()?;
    let (height, width) = (source.u32_be()?, source.u32_be()?);
    let depth = source.u16_be()?;
    let mode = source.u16_be()?;
    if !matches!(version, 1 | 2) || channels == 0 || !matches!(depth, 1 | 8 | 16 | 32) {
        return Err(Refusal::damaged("its header is no Photoshop document's"));
    }
    limits.check_size(width, height)?;
    let palette = source.u32_be()?;
    source.skip(u64::from(palette))?;
    let profile = resources(source)?;
    let layers = if version == 1 {
        u64::from(source.u32_be()?)
    } else {
        source.u64_be()?
    };
    source.skip(layers)?;
    // How the merged picture is packed; the picture itself follows.
    source.u16_be()?;
    let header = Header {
        width,
        height,
        orientation: 1,
        has_alpha: None,
        color_space: match mode {
            0 | 1 | 8 => Some("Gray"),
            2 | 3 => Some(profile.unwrap_or("sRGB")),
            4 => Some("CMYK"),
            9 => Some("Lab"),
            _ => None,
        },
    };
    header.facts("image/vnd.adobe.photoshop", limits)
}

/// Passes over the resources; says which colour space the profile among them describes.
fn resources(source: &mut Source<'_>) -> Result<Option<&'static str>, Refusal> {
    let length = u64::from(source.u32_be()?);
    let end = source.position() + length;
    let mut profile: Option<Profile> = None;
    while source.position() + 12 <= end {
        source.part()?;
        source.skip(4)?;
        let number = source.u16_be()?;
        let name = u64::from(source.byte()?);
        // The name with its length, and the data after it, take an even number of bytes each.
        source.skip(name | 1)?;
        let length = u64::from(source.u32_be()?);
        let next = source.position() + length + (length & 1);
        if number == ICC_PROFILE && profile.is_none() {
            let start = source.take(length.min(icc::PROFILE_BYTES))?;
            profile = Some(Profile::read(&start));
        }
        source.seek(next)?;
    }
    source.seek(end)?;
    Ok(profile.and_then(|profile| profile.color_space))
}
