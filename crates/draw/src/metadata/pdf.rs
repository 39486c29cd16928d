//! PDF: the information dictionary, the pages, and the packet of XMP.

use hayro::hayro_syntax::object::dict::keys::METADATA;
use hayro::hayro_syntax::object::{DateTime, Dict, Stream};
use hayro::hayro_syntax::{Filter, LoadPdfError, Pdf};

use super::group::Group;
use super::places::{MAX_PACKET_BYTES, XMP_TOO_LONG, unpacked};
use super::{Notes, utf8_or_latin1};
use crate::decode::read_whole;
use crate::{Limits, Source};

/// What else a document says.
#[derive(Default)]
pub(super) struct Document {
    pub(super) pages: Option<u32>,
    pub(super) xmp: Vec<u8>,
}

/// Reads the document whole, as drawing it does: the process it happens in has limits.
pub(super) fn read<S: Source>(
    source: &mut S,
    limits: &Limits,
    group: &mut Group,
    notes: &mut Notes,
) -> Document {
    let bytes = match read_whole(source, limits) {
        Ok(bytes) => bytes,
        Err(error) => {
            notes.add(format!("The PDF was not read: {error}."));
            return Document::default();
        }
    };
    let pdf = match Pdf::new(bytes) {
        Ok(pdf) => pdf,
        Err(LoadPdfError::Decryption(_)) => {
            notes.add("The PDF is locked with a password and was not read.");
            return Document::default();
        }
        Err(LoadPdfError::Invalid) => {
            notes.add("The PDF is damaged and was not read.");
            return Document::default();
        }
    };
    let info = pdf.metadata();
    for (name, value) in [
        ("Title", &info.title),
        ("Author", &info.author),
        ("Subject", &info.subject),
        ("Keywords", &info.keywords),
        ("Creator", &info.creator),
        ("Producer", &info.producer),
    ] {
        if let Some(value) = value {
            group.add_text(name, &text(value));
        }
    }
    for (name, date) in [
        ("CreationDate", &info.creation_date),
        ("ModDate", &info.modification_date),
    ] {
        if let Some(date) = date {
            group.add_text(name, &time(date));
        }
    }
    let pages = u32::try_from(pdf.pages().len()).ok().filter(|n| *n > 0);
    if pages.is_none() {
        notes.add("No page of the PDF was found.");
    }
    Document {
        pages,
        xmp: packet(&pdf, notes).unwrap_or_default(),
    }
}

/// The packet of XMP that the document names as its own.
fn packet(pdf: &Pdf, notes: &mut Notes) -> Option<Vec<u8>> {
    let xref = pdf.xref();
    let stream = xref
        .get::<Dict<'_>>(xref.root_id())?
        .get::<Stream<'_>>(METADATA)?;
    let raw = stream.raw_data();
    match stream.filters()[..] {
        [] => {
            if raw.len() > MAX_PACKET_BYTES {
                notes.add(XMP_TOO_LONG);
            }
            Some(raw.iter().copied().take(MAX_PACKET_BYTES).collect())
        }
        [Filter::FlateDecode] => Some(unpacked(&raw, notes)),
        _ => {
            notes.add("The XMP is packed in a way that is not read.");
            None
        }
    }
}

/// A text of a PDF: UTF-16 or UTF-8 where it begins with their mark, or else, near enough, Latin-1.
fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => utf8_or_latin1(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|pair| pair.first_chunk().copied())
        .map(unit);
    char::decode_utf16(units)
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn time(date: &DateTime) -> String {
    let DateTime {
        year,
        month,
        day,
        hour,
        minute,
        second,
        utc_offset_hour,
        utc_offset_minute,
    } = date;
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{utc_offset_hour:+03}:{utc_offset_minute:02}"
    )
}
