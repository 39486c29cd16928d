//! What a file says about itself: EXIF, IPTC, XMP, Content Credentials, the title and pages of a PDF, the
//! codecs of film and sound. It is shown as found, apart from what people enter, and nothing relies on it.
//!
//! - **Nothing fails.** What cannot be read is left out, and a note says so.
//! - **What comes out is small:** at most 64 KiB of JSON with 500 entries, in which no value is a blob and
//!   no text has control characters. Each group has its share ([`Share`]), so this holds by construction.
//! - **Memory does not grow with the file**, except for a PDF, which is read whole: a packet is at most
//!   2 MiB, a value 4 KiB, and each reader has a number of reads that it may take. There is no recursion.

mod boxes;
mod bytes;
mod exif;
mod group;
mod iptc;
mod pdf;
mod places;
mod tags;
mod xmp;

use std::io::Cursor;

use accolade_media::Facts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Limits, Source};
use bytes::Bytes;
use group::{Group, Share, cut};

/// Bytes of a title, and of a note.
const MAX_TITLE_BYTES: usize = 512;

/// Lines about what was left out.
const MAX_NOTES: usize = 12;

/// What a file says about itself.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The title of the document or picture.
    pub title: Option<String>,
    /// The pages of a PDF.
    pub pages: Option<u32>,
    /// What was found, in the groups `exif`, `iptc`, `xmp`, `pdf`, `media` and `contentCredentials`, of
    /// strings, numbers and lists of them; `notes` is a list of sentences about what was left out. Groups
    /// without content are absent.
    pub found: Map<String, Value>,
}

/// Sentences about what was left out, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn add(&mut self, note: impl Into<String>) {
        let mut note = note.into();
        cut(&mut note, MAX_TITLE_BYTES / 4);
        if self.0.len() < MAX_NOTES && !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

/// Reads what the file says about itself. `facts` are what `accolade_media` measured of the same file.
pub fn metadata<S: Source>(source: &mut S, facts: &Facts, limits: &Limits) -> Metadata {
    let mut notes = Notes::default();
    let mut found = Map::new();
    let mut xmp = Group::new(Share::XMP);
    let (mut title, mut pages) = (None, None);
    if facts.media_type == "application/pdf" {
        let mut group = Group::new(Share::PDF);
        let document = pdf::read(source, limits, &mut group, &mut notes);
        xmp::read(&document.xmp, &mut xmp, &mut notes);
        (title, pages) = (group.text("Title"), document.pages);
        group.finish("pdf", &mut found, &mut notes);
    } else if let Some(mut bytes) = Bytes::open(source) {
        title = picture(&mut bytes, facts, &mut xmp, &mut found, &mut notes);
        if bytes.is_exhausted() {
            notes.add("The file has so many parts that not all of them were looked at.");
        }
    } else {
        notes.add("The file could not be read.");
    }
    // The words for people come first where both are there.
    title = title_of(&xmp).or(title);
    xmp.finish("xmp", &mut found, &mut notes);
    let mut media = Group::new(Share::MEDIA);
    media.list("codecs", &facts.codecs);
    media.finish("media", &mut found, &mut notes);
    if !notes.0.is_empty() {
        found.insert("notes".to_owned(), notes.0.into());
    }
    let title = title.map(|mut title| {
        cut(&mut title, MAX_TITLE_BYTES);
        title
    });
    Metadata {
        title,
        pages,
        found,
    }
}

/// Reads the blocks of a picture or film; gives the title that IPTC or EXIF have.
fn picture<S: Source>(
    bytes: &mut Bytes<'_, S>,
    facts: &Facts,
    xmp: &mut Group,
    found: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Option<String> {
    let mut places = places::find(bytes, facts.media_type, notes);
    let mut exif = Group::new(Share::EXIF);
    if let Some(region) = places.exif {
        let embedded = exif::read(bytes, region, &mut exif, notes);
        places.complete(bytes, &embedded, notes);
    }
    let mut iptc = Group::new(Share::IPTC);
    iptc::read(&places.iptc, &mut iptc, notes);
    xmp::read(&places.xmp, xmp, notes);
    if places.has_credentials {
        // Whether they are true has not been looked into, and it says so.
        let credentials = json!({"present": true, "validated": false});
        found.insert("contentCredentials".to_owned(), credentials);
    }
    let title = iptc.text("ObjectName").or_else(|| exif.text("XPTitle"));
    exif.finish("exif", found, notes);
    iptc.finish("iptc", found, notes);
    title
}

/// The title in XMP: in the language that stands for all, or else in the first.
fn title_of(xmp: &Group) -> Option<String> {
    xmp.text("dc:title")
        .or_else(|| xmp.text_where(|key| key.starts_with("dc:title[")))
}

/// The bytes of a block that has been taken into memory.
fn in_memory(block: &[u8]) -> Cursor<&[u8]> {
    Cursor::new(block)
}

/// Text in UTF-8, or else in Latin-1, which every byte is.
fn utf8_or_latin1(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
