//! ZIP archives, and the office documents that are ZIP archives: reads the directory at the end and
//! unpacks nothing. Layout: PKWARE's APPNOTE 6.3.

use crate::limits::check;
use crate::source::{Source, slice_at};
use crate::{Facts, Limits, Refusal};

/// The longest end of the directory: its fields and a comment.
const END_BYTES: u64 = 22 + 65_535;

/// The most that one byte can unpack to by the methods in use, and a little more. An archive that
/// claims more has entries that share their data, which only a bomb does.
const MOST_PER_BYTE: u64 = 1100;

/// The folders by which the kinds of office documents are known, and their media types.
const OFFICE: [(&[u8], &str); 3] = [
    (
        b"word/",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        b"ppt/",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    (
        b"xl/",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
];

/// Bytes of an entry's name and of its extra fields that are read.
const MAX_FIELD_BYTES: u64 = 4096;

/// What is known of an archive's entries without unpacking them.
#[derive(Default)]
struct Contents {
    unpacked: u64,
    content_types: bool,
    /// The type of office document whose folder is among the entries.
    office: Option<&'static str>,
    macros: bool,
    program: bool,
}

/// Measures an archive by its directory.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    let (start, entries) = directory(source)?;
    check("entries", entries, limits.max_archive_entries)?;
    if entries == 0 {
        return Err(Refusal::damaged("there is nothing in the archive"));
    }
    source.seek(start)?;
    let mut contents = Contents::default();
    for _ in 0..entries {
        contents.entry(source)?;
    }
    check(
        "bytes when unpacked",
        contents.unpacked,
        limits.max_unpacked_bytes,
    )?;
    if contents.unpacked > source.len().saturating_mul(MOST_PER_BYTE) {
        return Err(Refusal::harmful(
            "its entries share their data, to unpack to far more",
        ));
    }
    contents.media_type().map(Facts::of)
}

/// Finds the directory: where it begins, and how many entries it has.
fn directory(source: &mut Source<'_>) -> Result<(u64, u64), Refusal> {
    let tail = source.tail(END_BYTES)?;
    let tail_start = source.len() - tail.len() as u64;
    let at = tail.windows(4).rposition(|window| window == b"PK\x05\x06");
    let end = at
        .and_then(|at| tail.get(at..))
        .ok_or_else(Refusal::truncated)?;
    let entries = slice_at(end, 10)
        .map(u16::from_le_bytes)
        .ok_or_else(Refusal::truncated)?;
    let start = slice_at(end, 16)
        .map(u32::from_le_bytes)
        .ok_or_else(Refusal::truncated)?;
    let comment = slice_at(end, 20)
        .map(u16::from_le_bytes)
        .map_or(usize::MAX, usize::from);
    if end.len().saturating_sub(22) < comment {
        return Err(Refusal::truncated());
    }
    if entries != u16::MAX && start != u32::MAX {
        return Ok((u64::from(start), u64::from(entries)));
    }
    // Large archives have their numbers in a record of its own, which is found by a third before
    // the end.
    let end_start = tail_start + at.unwrap_or_default() as u64;
    source.seek(end_start.saturating_sub(20))?;
    if source.array()? != *b"PK\x06\x07" {
        return Ok((u64::from(start), u64::from(entries)));
    }
    source.skip(4)?;
    let record = source.u64_le()?;
    source.seek(record)?;
    if source.array()? != *b"PK\x06\x06" {
        return Err(Refusal::damaged("its directory cannot be found"));
    }
    source.skip(28)?;
    let entries = source.u64_le()?;
    source.skip(8)?;
    Ok((source.u64_le()?, entries))
}

impl Contents {
    /// Reads the next entry of the directory.
    fn entry(&mut self, source: &mut Source<'_>) -> Result<(), Refusal> {
        source.part()?;
        let header: [u8; 46] = source.array()?;
        if !header.starts_with(b"PK\x01\x02") {
            return Err(Refusal::damaged("its directory is not where it should be"));
        }
        let short = |offset| slice_at(&header, offset).map_or(0, u16::from_le_bytes);
        let long = |offset| slice_at(&header, offset).map_or(0, u32::from_le_bytes);
        let (name_length, extra_length) = (u64::from(short(28)), u64::from(short(30)));
        let end = source.position() + name_length + extra_length + u64::from(short(32));
        check(
            "bytes in the name of an entry",
            name_length,
            MAX_FIELD_BYTES,
        )?;
        let name = source.take(name_length)?;
        let extra = source.take(extra_length.min(MAX_FIELD_BYTES))?;
        source.seek(end)?;
        let size = match long(24) {
            u32::MAX => long_size(&extra).unwrap_or_else(|| u64::from(u32::MAX)),
            size => u64::from(size),
        };
        self.unpacked = self.unpacked.saturating_add(size);
        let is_link = short(4) >> 8 == 3 && long(38) >> 28 == 0xA;
        if is_link {
            return Err(Refusal::harmful("an entry of the archive is a link"));
        }
        if leads_out(&name) {
            return Err(Refusal::harmful(
                "an entry of the archive unpacks to another place",
            ));
        }
        self.content_types |= name == b"[Content_Types].xml";
        let office = OFFICE.iter().find(|(folder, _)| name.starts_with(folder));
        self.office = self.office.or(office.map(|(_, media_type)| *media_type));
        self.macros |= name.ends_with(b"/vbaProject.bin");
        self.program |= name == b"META-INF/MANIFEST.MF" || name == b"AndroidManifest.xml";
        Ok(())
    }

    /// Says from its entries what kind of archive it is.
    fn media_type(&self) -> Result<&'static str, Refusal> {
        if self.program {
            return Err(Refusal::unsupported("a program"));
        }
        match self.office.filter(|_| self.content_types) {
            Some(_) if self.macros => Err(Refusal::harmful("there are macros in it")),
            Some(media_type) => Ok(media_type),
            None => Ok("application/zip"),
        }
    }
}

/// The size of an entry too large for its field, from the extra fields: a number and a length each.
fn long_size(extra: &[u8]) -> Option<u64> {
    let mut rest = extra;
    loop {
        let number = u16::from_le_bytes(slice_at(rest, 0)?);
        let length = u16::from_le_bytes(slice_at(rest, 2)?);
        let field = rest.get(4..)?;
        if number == 1 {
            return slice_at(field, 0).map(u64::from_le_bytes);
        }
        rest = field.get(usize::from(length)..)?;
    }
}

/// Whether a name would unpack to anywhere but below the place that the archive is unpacked to.
fn leads_out(name: &[u8]) -> bool {
    let drive = matches!(name, [b'A'..=b'Z' | b'a'..=b'z', b':', ..]);
    let rooted = matches!(name.first(), Some(b'/' | b'\\'));
    let upward = name
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|part| part == b"..");
    drive || rooted || upward || name.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_the_archive_are_found() {
        for name in [
            "../x",
            "a/../../x",
            "a\\..\\x",
            "/etc/passwd",
            "\\x",
            "C:\\x",
            "c:x",
            "a\0b",
        ] {
            assert!(leads_out(name.as_bytes()), "{name}");
        }
        for name in [
            "a/b.txt",
            "..a/b",
            "a../b",
            "a..b",
            "word/document.xml",
            "é/图.jpg",
            "",
        ] {
            assert!(!leads_out(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_long_size_is_found_behind_other_fields() {
        let extra = [
            &[9, 0, 2, 0, 7, 7, 1, 0, 8, 0][..],
            &5_000_000_000_u64.to_le_bytes(),
        ]
        .concat();
        assert_eq!(long_size(&extra), Some(5_000_000_000));
        for length in 0..extra.len() {
            assert_eq!(long_size(&extra[..length]), None);
        }
    }
}
