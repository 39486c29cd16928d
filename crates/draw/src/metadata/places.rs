//! Where the blocks of metadata stand in each format.

use std::collections::BTreeMap;

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use super::bytes::{Bytes, Region, slice_at};
use super::exif::Embedded;
use super::{Notes, boxes, in_memory};
use crate::Source;

/// Bytes of a packet of XMP that are read; what comes after is left out.
pub(super) const MAX_PACKET_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of IPTC, and of what Photoshop keeps in a JPEG or TIFF.
const MAX_BLOCK_BYTES: usize = 1024 * 1024;

/// Says that there is more than that.
pub(super) const XMP_TOO_LONG: &str = "The XMP is so long that only its beginning was read.";

const EXIF_HEAD: &[u8] = b"Exif\0\0";
const XMP_HEAD: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const XMP_MORE_HEAD: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP_HEAD: &[u8] = b"Photoshop 3.0\0";

/// The type of a JUMBF box of Content Credentials, by ISO 22144.
const CREDENTIALS_JUMBF: [u8; 16] = *b"c2pa\x00\x11\x00\x10\x80\x00\x00\xAA\x00\x38\x9B\x71";

const PHOTOSHOP_IPTC: u16 = 1028;
const PHOTOSHOP_EXIF: u16 = 1058;
const PHOTOSHOP_XMP: u16 = 1060;

/// The blocks of one file.
#[derive(Default)]
pub(super) struct Places {
    pub(super) exif: Option<Region>,
    pub(super) iptc: Vec<u8>,
    pub(super) xmp: Vec<u8>,
    /// Whether there are Content Credentials.
    pub(super) has_credentials: bool,
}

/// Finds the blocks of a file of the given type.
pub(super) fn find<S: Source>(
    bytes: &mut Bytes<'_, S>,
    media_type: &str,
    notes: &mut Notes,
) -> Places {
    let mut places = Places::default();
    match media_type {
        "image/jpeg" => places.jpeg(bytes, notes),
        "image/png" => places.png(bytes, notes),
        "image/webp" => places.webp(bytes, notes),
        "image/tiff" => places.exif = Some(bytes.whole()),
        "image/vnd.adobe.photoshop" => places.psd(bytes, notes),
        "image/gif" | "image/svg+xml" => boxes::scan(bytes, &mut places),
        "image/heic" | "image/avif" => boxes::find(bytes, &mut places, notes),
        film if film.starts_with("video/") && film != "video/webm" => {
            boxes::find(bytes, &mut places, notes);
        }
        _ => {}
    }
    places
}

impl Places {
    /// Takes the blocks that stand in the tags of a TIFF, where there are no others.
    pub(super) fn complete<S: Source>(
        &mut self,
        bytes: &mut Bytes<'_, S>,
        embedded: &Embedded,
        notes: &mut Notes,
    ) {
        if let Some(region) = embedded.xmp {
            self.packet(bytes, region, notes);
        }
        if let Some(region) = embedded.iptc.filter(|_| self.iptc.is_empty()) {
            self.iptc = bytes.up_to(region, MAX_BLOCK_BYTES);
        }
        if let Some(region) = embedded.photoshop {
            self.resources(bytes, region, notes);
        }
    }

    /// Takes a packet of XMP, unless there is one; says whether it did.
    pub(super) fn packet<S: Source>(
        &mut self,
        bytes: &mut Bytes<'_, S>,
        region: Region,
        notes: &mut Notes,
    ) -> bool {
        if !self.xmp.is_empty() {
            notes.add("There is more than one packet of XMP; the first was read.");
            return false;
        }
        if region.length > MAX_PACKET_BYTES as u64 {
            notes.add(XMP_TOO_LONG);
        }
        self.xmp = bytes.up_to(region, MAX_PACKET_BYTES);
        true
    }

    /// Takes a packet whose end is not known: it says itself where it ends.
    pub(super) fn scanned<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, start: u64) {
        self.xmp = bytes.up_to(Region::between(start, bytes.length()), MAX_PACKET_BYTES);
    }

    pub(super) fn exif_in(&mut self, region: Region, notes: &mut Notes) {
        if self.exif.is_some() {
            notes.add("There is more than one block of EXIF; the first was read.");
        }
        self.exif.get_or_insert(region);
    }

    /// Segments up to the picture itself.
    fn jpeg<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, notes: &mut Notes) {
        let mut resources = Vec::new();
        let mut at = 2;
        loop {
            let head = bytes.up_to(Region::between(at, bytes.length()), 64);
            let [0xFF, marker, body @ ..] = &head[..] else {
                break;
            };
            let length = match marker {
                // Bytes that fill up, and markers without a length.
                0xFF => {
                    at += 1;
                    continue;
                }
                0x01 | 0xD0..=0xD8 => {
                    at += 2;
                    continue;
                }
                0xD9 | 0xDA => break,
                _ => slice_at(body, 0).map(u16::from_be_bytes),
            };
            let Some(length) = length.filter(|length| *length >= 2) else {
                break;
            };
            let start = at + 4;
            at += 2 + u64::from(length);
            let segment = Region::between(start, at);
            let body = body.get(2..).unwrap_or_default();
            match marker {
                0xE1 if body.starts_with(EXIF_HEAD) => {
                    self.exif_in(segment.skip(EXIF_HEAD.len() as u64), notes);
                }
                0xE1 if body.starts_with(XMP_HEAD) => {
                    self.packet(bytes, segment.skip(XMP_HEAD.len() as u64), notes);
                }
                0xE1 if body.starts_with(XMP_MORE_HEAD) => {
                    notes.add("The XMP goes on in an extension, which is not read.");
                }
                0xED if body.starts_with(PHOTOSHOP_HEAD) => {
                    let room = MAX_BLOCK_BYTES.saturating_sub(resources.len());
                    let segment = segment.skip(PHOTOSHOP_HEAD.len() as u64);
                    if segment.length > room as u64 {
                        notes.add("There is more from Photoshop than is looked at.");
                    }
                    resources.extend(bytes.up_to(segment, room));
                }
                0xEB if body.starts_with(b"JP") && is_credentials(body.get(8..)) => {
                    self.has_credentials = true;
                }
                _ => {}
            }
        }
        if let Some(mut block) = Bytes::open(&mut in_memory(&resources)) {
            let region = block.whole();
            self.resources(&mut block, region, notes);
        }
    }

    /// What Photoshop keeps beside a picture. EXIF is taken only from a PSD: elsewhere it stands apart.
    fn resources<S: Source>(
        &mut self,
        bytes: &mut Bytes<'_, S>,
        region: Region,
        notes: &mut Notes,
    ) -> BTreeMap<u16, Region> {
        let mut found = BTreeMap::new();
        let end = region.start.saturating_add(region.length);
        let mut at = region.start;
        while at < end {
            let head = bytes.up_to(Region::between(at, end), 12 + 256);
            let (Some(id), Some(name)) = (slice_at(&head, 4), head.get(6)) else {
                break;
            };
            // A name with its length, and a zero if that is odd.
            let name = (usize::from(*name) + 2) & !1;
            let Some(length) = slice_at(&head, 6 + name).map(u32::from_be_bytes) else {
                break;
            };
            let start = at + 10 + name as u64;
            let stop = start + u64::from(length);
            if stop > end {
                notes.add("A part from Photoshop is cut short and was not read.");
                break;
            }
            found
                .entry(u16::from_be_bytes(id))
                .or_insert(Region::between(start, stop));
            at = stop + u64::from(length & 1);
            // Resources of no length at all would make a long list.
            if found.len() >= 1000 {
                break;
            }
        }
        if let Some(region) = found.get(&PHOTOSHOP_IPTC).filter(|_| self.iptc.is_empty()) {
            self.iptc = bytes.up_to(*region, MAX_BLOCK_BYTES);
        }
        found
    }

    fn psd<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, notes: &mut Notes) {
        let mut at = 26;
        let mut section = |bytes: &mut Bytes<'_, S>| -> Option<Region> {
            let length = bytes.array(at).map(u32::from_be_bytes)?;
            let region = Region::between(at + 4, at + 4 + u64::from(length));
            at += 4 + u64::from(length);
            Some(region)
        };
        // The table of colours stands before the resources.
        let (Some(_), Some(region)) = (section(bytes), section(bytes)) else {
            return;
        };
        let found = self.resources(bytes, region, notes);
        self.exif = found.get(&PHOTOSHOP_EXIF).copied();
        if let Some(region) = found.get(&PHOTOSHOP_XMP) {
            self.packet(bytes, *region, notes);
        }
    }

    fn png<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, notes: &mut Notes) {
        let mut at = 8;
        while let Some(head) = bytes.array::<8>(at) {
            let [a, b, c, d, kind @ ..] = head;
            let length = u64::from(u32::from_be_bytes([a, b, c, d]));
            let chunk = Region {
                start: at + 8,
                length,
            };
            match &kind {
                b"eXIf" => self.exif_in(chunk, notes),
                b"iTXt" => self.png_text(bytes, chunk, notes),
                b"caBX" => self.has_credentials |= is_credentials(Some(&bytes.up_to(chunk, 64))),
                b"IEND" => break,
                _ => {}
            }
            at += 12 + length;
        }
    }

    /// Takes the packet of XMP if the text is one.
    fn png_text<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, chunk: Region, notes: &mut Notes) {
        const NAME: &[u8] = b"XML:com.adobe.xmp\0";
        let head = bytes.up_to(chunk, 256);
        let Some([is_packed, _method, rest @ ..]) = head.strip_prefix(NAME) else {
            return;
        };
        // A language and the name in it, each with a zero behind it.
        let Some(second) = rest.iter().enumerate().filter(|(_, b)| **b == 0).nth(1) else {
            return;
        };
        let text = chunk.skip((NAME.len() + 2 + second.0 + 1) as u64);
        if self.packet(bytes, text, notes) && *is_packed == 1 {
            self.xmp = unpacked(&self.xmp, notes);
        }
    }

    fn webp<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, notes: &mut Notes) {
        let mut at = 12;
        while let Some([e, f, g, h, length @ ..]) = bytes.array::<8>(at) {
            let (kind, length) = ([e, f, g, h], u64::from(u32::from_le_bytes(length)));
            let chunk = Region {
                start: at + 8,
                length,
            };
            match &kind {
                b"EXIF" => {
                    // Some writers leave the head of a JPEG's segment before it.
                    let has_head = bytes.up_to(chunk, 6) == EXIF_HEAD;
                    self.exif_in(chunk.skip(if has_head { 6 } else { 0 }), notes);
                }
                b"XMP " => {
                    self.packet(bytes, chunk, notes);
                }
                b"C2PA" => self.has_credentials |= is_credentials(Some(&bytes.up_to(chunk, 64))),
                _ => {}
            }
            at += 8 + length + (length & 1);
        }
    }
}

/// What a packed packet holds, up to where it is too long or damaged.
pub(super) fn unpacked(packed: &[u8], notes: &mut Notes) -> Vec<u8> {
    decompress_to_vec_zlib_with_limit(packed, MAX_PACKET_BYTES).unwrap_or_else(|error| {
        notes.add(if error.status == TINFLStatus::HasMoreOutput {
            XMP_TOO_LONG
        } else {
            "The XMP is damaged; what stands before the fault was read."
        });
        error.output
    })
}

/// Whether a JUMBF box is one of Content Credentials.
fn is_credentials(jumbf: Option<&[u8]>) -> bool {
    let jumbf = jumbf.unwrap_or_default();
    // Each box has its length and its type; the first holds the second.
    jumbf.get(4..8) == Some(b"jumb")
        && jumbf.get(12..16) == Some(b"jumd")
        && jumbf.get(16..32) == Some(&CREDENTIALS_JUMBF)
}
