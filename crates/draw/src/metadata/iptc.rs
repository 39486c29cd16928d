//! IPTC: the fields of record 2. Layout: IPTC Information Interchange Model 4.2.

use super::bytes::slice_at;
use super::group::Group;
use super::{Notes, utf8_or_latin1};

/// The byte that every field begins with.
const MARKER: u8 = 0x1C;

/// The names of fields, by number, and whether there may be several.
const FIELDS: &[(u8, &str, bool)] = &[
    (5, "ObjectName", false),
    (7, "EditStatus", false),
    (10, "Urgency", false),
    (12, "SubjectReference", true),
    (15, "Category", false),
    (20, "SupplementalCategories", true),
    (22, "FixtureIdentifier", false),
    (25, "Keywords", true),
    (26, "ContentLocationCode", true),
    (27, "ContentLocationName", true),
    (30, "ReleaseDate", false),
    (35, "ReleaseTime", false),
    (37, "ExpirationDate", false),
    (38, "ExpirationTime", false),
    (40, "SpecialInstructions", false),
    (55, "DateCreated", false),
    (60, "TimeCreated", false),
    (62, "DigitalCreationDate", false),
    (63, "DigitalCreationTime", false),
    (65, "OriginatingProgram", false),
    (70, "ProgramVersion", false),
    (80, "By-line", true),
    (85, "By-lineTitle", true),
    (90, "City", false),
    (92, "Sub-location", false),
    (95, "Province-State", false),
    (100, "Country-PrimaryLocationCode", false),
    (101, "Country-PrimaryLocationName", false),
    (103, "OriginalTransmissionReference", false),
    (105, "Headline", false),
    (110, "Credit", false),
    (115, "Source", false),
    (116, "CopyrightNotice", false),
    (118, "Contact", true),
    (120, "Caption-Abstract", false),
    (122, "Writer-Editor", true),
    (130, "ImageType", false),
    (131, "ImageOrientation", false),
    (135, "LanguageIdentifier", false),
];

/// The encoding of all texts.
#[derive(Clone, Copy)]
enum Encoding {
    /// Not named: UTF-8 if it is that, or else Latin-1.
    Unknown,
    Utf8,
    Latin1,
}

impl Encoding {
    /// The encoding that an escape sequence of ISO 2022 names.
    fn of(escape: &[u8]) -> Self {
        match escape {
            b"\x1B%G" | b"\x1B%/G" | b"\x1B%/H" | b"\x1B%/I" => Self::Utf8,
            b"\x1B.A" | b"\x1B-A" | b"\x1B/A" => Self::Latin1,
            _ => Self::Unknown,
        }
    }

    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Unknown => utf8_or_latin1(bytes),
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
        }
    }
}

/// Reads a block of fields into the group.
pub(super) fn read(mut block: &[u8], group: &mut Group, notes: &mut Notes) {
    let mut encoding = Encoding::Unknown;
    while let [MARKER, record, number, ..] = *block {
        let Some((value, rest)) = field(block) else {
            notes.add("The IPTC is cut short; what stands before was read.");
            return;
        };
        block = rest;
        match (record, number) {
            (1, 90) => encoding = Encoding::of(value),
            (2, number) => {
                if let Some((_, name, is_list)) = FIELDS.iter().find(|field| field.0 == number) {
                    let text = encoding.decode(value);
                    if *is_list {
                        group.add_item(name, &text);
                    } else {
                        group.add_text(name, &text);
                    }
                }
            }
            _ => {}
        }
    }
    // Zeros fill it up.
    if block.iter().any(|byte| *byte != 0) {
        notes.add("The IPTC is damaged; what stands before the fault was read.");
    }
}

/// The value of the field that the block begins with, and what follows it; `None` if it is not all there.
fn field(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16::from_be_bytes(slice_at(block, 3)?));
    let rest = block.get(5..)?;
    if length & 0x8000 == 0 {
        return rest.split_at_checked(length);
    }
    // The length of the length.
    let (length, rest) = rest.split_at_checked(length & 0x7FFF)?;
    if length.len() > 4 {
        return None;
    }
    let length = length
        .iter()
        .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::group::Share;

    fn found(block: &[u8]) -> (String, Vec<String>) {
        let (mut group, mut notes) = (Group::new(Share::IPTC), Notes::default());
        let mut all = serde_json::Map::new();
        read(block, &mut group, &mut notes);
        group.finish("iptc", &mut all, &mut notes);
        let iptc = all.remove("iptc").unwrap_or_default();
        (iptc.to_string(), notes.0)
    }

    #[test]
    fn the_encoding_is_the_one_that_is_named() {
        let text = b"\x1C\x02\x69\0\x02\xC3\xA9";
        for (escape, expected) in [
            (&b""[..], "é"),
            (b"\x1C\x01\x5A\0\x03\x1B%G", "é"),
            (b"\x1C\x01\x5A\0\x03\x1B.A", "Ã©"),
        ] {
            let (iptc, notes) = found(&[escape, text].concat());
            assert_eq!(iptc, format!(r#"{{"Headline":"{expected}"}}"#));
            assert!(notes.is_empty());
        }
        // No UTF-8, and not said what: Latin-1.
        let (iptc, _) = found(b"\x1C\x02\x69\0\x01\xE9");
        assert_eq!(iptc, r#"{"Headline":"é"}"#);
    }

    #[test]
    fn keywords_are_a_list_and_lengths_past_the_end_end_it() {
        let one = b"\x1C\x02\x19\0\x01a";
        assert_eq!(found(one).0, r#"{"Keywords":["a"]}"#);
        let two = [&one[..], b"\x1C\x02\x19\x80\x02\0\x01b"].concat();
        assert_eq!(found(&two).0, r#"{"Keywords":["a","b"]}"#);
        for bad in [
            &b"\x1C\x02\x19"[..],
            b"\x1C\x02\x19\x7F\xFFx",
            b"\x1C\x02\x19\x80\x04\xFF\xFF\xFF\xFFx",
            b"\x1C\x02\x19\xFF\xFFx",
            b"\x1C\x02\x19\x80\x08\0\0\0\0\0\0\0\x01x",
        ] {
            let (iptc, notes) = found(&[one, bad].concat());
            assert_eq!(iptc, r#"{"Keywords":["a"]}"#);
            assert_eq!(notes.len(), 1, "{bad:?}");
        }
        assert_eq!(found(&[&one[..], b"junk"].concat()).1.len(), 1);
        // The zeros that fill up a block are no field.
        assert!(found(&[&one[..], b"\0\0\0"].concat()).1.is_empty());
    }
}
