//! EXIF, and the tags of a TIFF: directories of tags. Layout: TIFF 6.0, Exif 2.32. Three directories are
//! read, each once, whatever points to whatever.

use std::fmt::Write;

use serde_json::Value;

use super::bytes::{Bytes, Region, slice_at};
use super::group::{Group, MAX_TEXT_BYTES};
use super::tags::{self, Directory, Reading};
use super::{Notes, utf8_or_latin1};
use crate::Source;

/// Entries of a directory that are read; there are not as many tags.
const MAX_ENTRIES: u16 = 500;

/// Numbers of a value that is shown; longer ones are tables.
const MAX_NUMBERS: u64 = 16;

const XMP: u16 = 700;
const IPTC: u16 = 33_723;
const PHOTOSHOP: u16 = 34_377;
const EXIF: u16 = 34_665;
const PLACE: u16 = 34_853;

/// Where other blocks stand that the tags hold.
#[derive(Default)]
pub(super) struct Embedded {
    pub(super) xmp: Option<Region>,
    pub(super) iptc: Option<Region>,
    pub(super) photoshop: Option<Region>,
}

/// An entry of a directory.
struct Entry {
    directory: Directory,
    tag: u16,
    kind: u16,
    count: u64,
    /// Where its value stands.
    value: Region,
}

/// A block of EXIF and what is needed to read it.
struct Block<'a, 'b, S> {
    bytes: &'a mut Bytes<'b, S>,
    region: Region,
    is_little: bool,
}

/// Reads the block in the region into the group.
pub(super) fn read<S: Source>(
    bytes: &mut Bytes<'_, S>,
    region: Region,
    group: &mut Group,
    notes: &mut Notes,
) -> Embedded {
    let mut embedded = Embedded::default();
    let header = bytes.up_to(region, 8);
    let is_little = match header.get(..4) {
        Some(b"II*\0") => true,
        Some(b"MM\0*") => false,
        _ => {
            notes.add("The EXIF is damaged and was not read.");
            return embedded;
        }
    };
    let mut block = Block {
        bytes,
        region,
        is_little,
    };
    let first = slice_at(&header, 4).map(|offset| block.u32(offset));
    let mut next = [
        (Directory::Picture, first),
        (Directory::Exif, None),
        (Directory::Place, None),
    ];
    let mut place = Vec::new();
    for step in 0..next.len() {
        let Some((directory, Some(offset))) = next.get(step).copied() else {
            continue;
        };
        for entry in block.entries(directory, offset, notes) {
            match (directory, entry.tag) {
                (Directory::Picture, XMP) => embedded.xmp = Some(entry.value),
                (Directory::Picture, IPTC) => embedded.iptc = Some(entry.value),
                (Directory::Picture, PHOTOSHOP) => embedded.photoshop = Some(entry.value),
                (Directory::Picture, EXIF) => next[1].1 = block.pointer(&entry),
                (Directory::Picture, PLACE) => next[2].1 = block.pointer(&entry),
                (Directory::Place, _) => place.push(entry),
                _ => block.add(&entry, group),
            }
        }
    }
    block.add_place(&place, group);
    embedded
}

impl<S: Source> Block<'_, '_, S> {
    fn u16(&self, bytes: [u8; 2]) -> u16 {
        if self.is_little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        }
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.is_little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    }

    /// The entries of the directory at `offset` that are of use.
    fn entries(&mut self, directory: Directory, offset: u32, notes: &mut Notes) -> Vec<Entry> {
        let place = self.region.skip(u64::from(offset));
        let count = self.bytes.up_to(place, 2);
        let Some(count) = slice_at(&count, 0).map(|count| self.u16(count)) else {
            notes.add("A part of the EXIF is not where it should be.");
            return Vec::new();
        };
        if count > MAX_ENTRIES {
            notes.add(format!(
                "A part of the EXIF has {count} entries; the first {MAX_ENTRIES} were read."
            ));
        }
        let table = place.skip(2);
        let table = self
            .bytes
            .up_to(table, usize::from(count.min(MAX_ENTRIES)) * 12);
        let start = place.start.saturating_add(2);
        table
            .chunks_exact(12)
            .zip((start..).step_by(12))
            .filter_map(|(entry, at)| self.entry(directory, entry, at))
            .collect()
    }

    /// An entry that stands at the byte `at` of the file.
    fn entry(&self, directory: Directory, bytes: &[u8], at: u64) -> Option<Entry> {
        let tag = self.u16(slice_at(bytes, 0)?);
        let kind = self.u16(slice_at(bytes, 2)?);
        let count = u64::from(self.u32(slice_at(bytes, 4)?));
        let wanted = tags::name(directory, tag).is_some()
            || directory == Directory::Picture
                && matches!(tag, XMP | IPTC | PHOTOSHOP | EXIF | PLACE);
        if !wanted {
            return None;
        }
        let length = count * width(kind)?;
        let value = if length <= 4 {
            Region {
                start: at + 8,
                length,
            }
        } else {
            let value = self.region.skip(u64::from(self.u32(slice_at(bytes, 8)?)));
            let length = length.min(value.length);
            Region { length, ..value }
        };
        Some(Entry {
            directory,
            tag,
            kind,
            count,
            value,
        })
    }

    /// Where the directory stands that the entry points to.
    fn pointer(&mut self, entry: &Entry) -> Option<u32> {
        let bytes = self.bytes.array(entry.value.start)?;
        matches!(entry.kind, 4 | 13).then(|| self.u32(bytes))
    }

    fn add(&mut self, entry: &Entry, group: &mut Group) {
        let Some((name, reading)) = tags::name(entry.directory, entry.tag) else {
            return;
        };
        match (reading, entry.kind) {
            (Reading::Plain | Reading::Letters, 2 | 129) | (Reading::Letters, 7) => {
                let text = self.text(entry);
                group.add_text(name, &text);
            }
            (Reading::Wide, _) => {
                let text = utf16(&self.raw(entry), true);
                group.add_text(name, &text);
            }
            (Reading::Comment, _) => {
                let text = self.comment(entry);
                group.add_text(name, &text);
            }
            (Reading::Plain, _) => {
                for number in self.numbers(entry) {
                    if let Some(number) = decimal(number) {
                        group.add(name, number);
                    }
                }
            }
            (Reading::Letters, _) => {}
        }
    }

    /// Adds the place: degrees as decimals, south and west of zero, metres above the sea.
    fn add_place(&mut self, entries: &[Entry], group: &mut Group) {
        let find = |tag: u16| entries.iter().find(|entry| entry.tag == tag);
        for (tag, letter, below) in [(2, 1, "S"), (4, 3, "W")] {
            let (Some(entry), Some(letter)) = (find(tag), find(letter)) else {
                continue;
            };
            let is_below = self.text(letter).trim().eq_ignore_ascii_case(below);
            if let [degrees, minutes, seconds] = self.numbers(entry)[..]
                && let Some((name, _)) = tags::name(Directory::Place, tag)
                // Seconds are zero over zero where the minutes have the fraction.
                && let Some(value) = decimal(
                    degrees + minutes / 60.0 + if seconds.is_nan() { 0.0 } else { seconds } / 3600.0,
                )
                && let Some(value) = value.as_f64().filter(|value| *value <= 180.0)
            {
                group.add(name, Value::from(if is_below { -value } else { value }));
            }
        }
        let is_below_sea = find(5).is_some_and(|entry| self.raw(entry).first() == Some(&1));
        for entry in entries {
            match entry.tag {
                1..=5 => {}
                6 => {
                    let altitude = self.numbers(entry).first().copied().unwrap_or(f64::NAN);
                    let altitude = if is_below_sea { -altitude } else { altitude };
                    if let Some(altitude) = decimal(altitude) {
                        group.add("GPSAltitude", altitude);
                    }
                }
                7 => {
                    if let [hours, minutes, seconds] = self.numbers(entry)[..]
                        && hours < 24.0
                        && minutes < 60.0
                        && seconds < 61.0
                    {
                        let time = format!("{hours:02.0}:{minutes:02.0}:{seconds:02.0}");
                        group.add_text("GPSTimeStamp", &time);
                    }
                }
                0 => {
                    let mut version = String::new();
                    for number in self.raw(entry).iter().take(4) {
                        let point = if version.is_empty() { "" } else { "." };
                        let _ = write!(version, "{point}{number}");
                    }
                    group.add_text("GPSVersionID", &version);
                }
                _ => self.add(entry, group),
            }
        }
    }

    /// The beginning of the value.
    fn raw(&mut self, entry: &Entry) -> Vec<u8> {
        // One byte more than is shown, so that the cut is noticed.
        self.bytes.up_to(entry.value, MAX_TEXT_BYTES * 2 + 1)
    }

    /// The value as text, up to the byte that ends it.
    fn text(&mut self, entry: &Entry) -> String {
        let bytes = self.raw(entry);
        utf8_or_latin1(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// Text in the encoding that its first eight bytes name.
    fn comment(&mut self, entry: &Entry) -> String {
        let bytes = self.raw(entry);
        match bytes.split_first_chunk::<8>() {
            Some((b"UNICODE\0", text)) => utf16(text, self.is_little),
            Some((b"ASCII\0\0\0" | &[0, 0, 0, 0, 0, 0, 0, 0], text)) => {
                utf8_or_latin1(text.split(|byte| *byte == 0).next().unwrap_or_default())
            }
            // JIS, or no text.
            _ => String::new(),
        }
    }

    /// The value as numbers; those that are none are not a number. Nothing if there are too many.
    fn numbers(&mut self, entry: &Entry) -> Vec<f64> {
        let Some(width) = width(entry.kind).filter(|_| entry.count <= MAX_NUMBERS) else {
            return Vec::new();
        };
        let bytes = self.raw(entry);
        let Ok(width) = usize::try_from(width) else {
            return Vec::new();
        };
        bytes
            .chunks_exact(width)
            .map(|bytes| self.number(entry.kind, bytes).unwrap_or(f64::NAN))
            .collect()
    }

    fn number(&self, kind: u16, bytes: &[u8]) -> Option<f64> {
        let word = |at: usize| slice_at(bytes, at).map(|bytes| self.u32(bytes));
        Some(match kind {
            1 => f64::from(*bytes.first()?),
            3 => f64::from(self.u16(slice_at(bytes, 0)?)),
            4 => f64::from(word(0)?),
            5 => f64::from(word(0)?) / f64::from(word(4)?),
            6 => f64::from(bytes.first()?.cast_signed()),
            8 => f64::from(self.u16(slice_at(bytes, 0)?).cast_signed()),
            9 => f64::from(word(0)?.cast_signed()),
            10 => f64::from(word(0)?.cast_signed()) / f64::from(word(4)?.cast_signed()),
            11 => f64::from(f32::from_bits(word(0)?)),
            _ => return None,
        })
    }
}

/// Bytes of one value of a type.
fn width(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 | 129 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}

/// A number as it is shown: whole where it is, else with seven digits behind the point, which are a
/// centimetre of longitude. `None` for what is no number, such as a fraction of nothing.
fn decimal(number: f64) -> Option<Value> {
    if !number.is_finite() {
        return None;
    }
    let rounded = (number * 1e7).round() / 1e7;
    #[expect(clippy::cast_possible_truncation, reason = "in range, and whole")]
    let value = if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        Value::from(rounded as i64)
    } else {
        Value::from(rounded)
    };
    Some(value)
}

/// Text in UTF-16 up to the unit that ends it.
fn utf16(bytes: &[u8], is_little: bool) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|unit| slice_at(unit, 0))
        .map(if is_little {
            u16::from_le_bytes
        } else {
            u16::from_be_bytes
        })
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}
