//! HEIC and AVIF: walks the boxes to the end of the file, and reads the properties of the primary
//! picture. Layout: ISO/IEC 23008-12.

use crate::boxes::{self, Header as Part};
use crate::icc::{self, Profile};
use crate::limits::check;
use crate::picture::Header;
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// Properties of one file, and of one picture, that are read.
const MAX_PROPERTIES: u64 = 4096;

/// What is said of a picture.
#[derive(Clone, Copy)]
enum Property {
    Size(u32, u32),
    /// It is shown turned by a quarter or three.
    Turned,
    Color(&'static str),
    Other,
}

/// What has been learnt on the way through the boxes.
#[derive(Default)]
struct Pictures {
    primary: Option<u32>,
    properties: Vec<Property>,
    has_alpha: bool,
    /// Pairs of a picture's number and the place of one of its properties in `properties`.
    associations: Vec<(u32, usize)>,
    has_data: bool,
    is_film: bool,
}

/// Measures a HEIC or AVIF picture of the given media type.
pub(crate) fn probe(
    source: &mut Source<'_>,
    limits: &Limits,
    media_type: &'static str,
) -> Result<Facts, Refusal> {
    let mut pictures = Pictures::default();
    let len = source.len();
    while let Some(part) = boxes::next(source, len)? {
        match &part.kind {
            b"meta" => pictures.meta(source, part.end)?,
            b"mdat" => pictures.has_data = true,
            b"moov" => pictures.is_film = true,
            _ => {}
        }
        source.seek(part.end)?;
    }
    pictures.facts(media_type, limits)
}

impl Pictures {
    /// Reads the box that describes all pictures, which ends at `end`.
    fn meta(&mut self, source: &mut Source<'_>, end: u64) -> Result<(), Refusal> {
        source.skip(4)?;
        while let Some(part) = boxes::next(source, end)? {
            match &part.kind {
                b"pitm" => {
                    let long = source.u32_be()? >> 24 > 0;
                    self.primary = Some(number(source, long)?);
                }
                b"iprp" => self.properties(source, part.end)?,
                b"idat" => self.has_data = true,
                _ => {}
            }
            source.seek(part.end)?;
        }
        Ok(())
    }

    /// Reads the box of properties and what they belong to, which ends at `end`.
    fn properties(&mut self, source: &mut Source<'_>, end: u64) -> Result<(), Refusal> {
        while let Some(part) = boxes::next(source, end)? {
            match &part.kind {
                b"ipco" => {
                    while let Some(property) = boxes::next(source, part.end)? {
                        check("properties", self.properties.len() as u64, MAX_PROPERTIES)?;
                        let found = self.property(source, &property)?;
                        self.properties.push(found);
                        source.seek(property.end)?;
                    }
                }
                b"ipma" => self.associate(source)?,
                _ => {}
            }
            source.seek(part.end)?;
        }
        Ok(())
    }

    fn property(&mut self, source: &mut Source<'_>, part: &Part) -> Result<Property, Refusal> {
        let length = part.remaining(source);
        Ok(match &part.kind {
            b"ispe" => {
                source.skip(4)?;
                Property::Size(source.u32_be()?, source.u32_be()?)
            }
            b"irot" if source.byte()? & 1 == 1 => Property::Turned,
            b"colr" => match &source.array()? {
                b"nclx" if source.u16_be()? == 1 => Property::Color("sRGB"),
                b"nclx" => Property::Color("RGB"),
                _ => {
                    let profile = source.take(length.saturating_sub(4).min(icc::PROFILE_BYTES))?;
                    Profile::read(&profile)
                        .color_space
                        .map_or(Property::Other, Property::Color)
                }
            },
            b"auxC" => {
                let name = source.take(length.min(64))?;
                let name = name.get(4..).unwrap_or_default();
                self.has_alpha |= name.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
                    || name.starts_with(b"urn:mpeg:hevc:2015:auxid:1");
                Property::Other
            }
            _ => Property::Other,
        })
    }

    /// Reads which properties belong to which picture; keeps those of the primary one, or of all as
    /// long as that is not known.
    fn associate(&mut self, source: &mut Source<'_>) -> Result<(), Refusal> {
        let header = source.u32_be()?;
        let (long_number, long_index) = (header >> 24 > 0, header & 1 == 1);
        for _ in 0..source.u32_be()? {
            source.part()?;
            let picture = number(source, long_number)?;
            let wanted = self.primary.is_none_or(|primary| primary == picture);
            for _ in 0..source.byte()? {
                source.part()?;
                let index = if long_index {
                    source.u16_be()? & 0x7FFF
                } else {
                    u16::from(source.byte()? & 0x7F)
                };
                // They are counted from one; zero means none.
                if let Some(index) = usize::from(index).checked_sub(1).filter(|_| wanted) {
                    check("properties", self.associations.len() as u64, MAX_PROPERTIES)?;
                    self.associations.push((picture, index));
                }
            }
        }
        Ok(())
    }

    fn facts(self, media_type: &'static str, limits: &Limits) -> Result<Facts, Refusal> {
        let belonging = self
            .associations
            .iter()
            .filter(|(id, _)| Some(*id) == self.primary);
        let found = belonging.filter_map(|(_, index)| self.properties.get(*index).copied());
        let (mut size, mut turned, mut color_space) = (None, false, None);
        for property in found {
            match property {
                Property::Size(width, height) => size = Some((width, height)),
                Property::Turned => turned = true,
                Property::Color(name) => color_space = Some(name),
                Property::Other => {}
            }
        }
        let size = size.filter(|_| self.has_data);
        let (width, height) = size.ok_or_else(|| Refusal::damaged("it holds no picture"))?;
        let (width, height) = if turned {
            (height, width)
        } else {
            (width, height)
        };
        let header = Header {
            width,
            height,
            // Whoever decodes these formats turns the picture as its properties say.
            orientation: 1,
            has_alpha: Some(self.has_alpha),
            color_space: Some(color_space.unwrap_or("sRGB")),
        };
        let facts = header.facts(media_type, limits)?;
        Ok(if self.is_film {
            Facts {
                frames: None,
                ..facts
            }
        } else {
            facts
        })
    }
}

/// The number of a picture, of four bytes or two.
fn number(source: &mut Source<'_>, long: bool) -> Result<u32, Refusal> {
    if long {
        source.u32_be()
    } else {
        source.u16_be().map(u32::from)
    }
}
