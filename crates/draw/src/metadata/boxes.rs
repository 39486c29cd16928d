//! Blocks in files of boxes (HEIC, AVIF, MP4, `QuickTime`), and packets of XMP in files whose structure is
//! not walked. Layouts: ISO/IEC 14496-12, ISO/IEC 23008-12.

use super::Notes;
use super::bytes::{Bytes, Region, slice_at};
use super::places::Places;
use crate::Source;

/// How far into a file a packet is looked for.
const SCAN_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes that are looked through at once.
const WINDOW_BYTES: usize = 64 * 1024;

/// Bytes of the table that says where the items of a picture stand: some 4,000 of them.
const MAX_TABLE_BYTES: usize = 64 * 1024;

/// The type of a box of Content Credentials.
const CREDENTIALS: [u8; 16] = *b"\xD8\xFE\xC3\xD6\x1B\x0E\x48\x3C\x92\x97\x58\x28\x87\x7E\xC4\x81";

/// The type of a box of XMP.
const XMP: [u8; 16] = *b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

/// What a packet of XMP begins with.
const PACKET_HEADS: [&[u8]; 2] = [b"<x:xmpmeta", b"<rdf:RDF"];

/// What the boxes of a picture say about its items.
#[derive(Default)]
struct Items {
    /// The number of the item that is EXIF.
    exif: Option<u32>,
    /// The number of the item that is XMP.
    xmp: Option<u32>,
    /// The table of where items stand.
    places: Vec<u8>,
    /// The box that items may stand in.
    data: Option<Region>,
}

/// Walks the boxes; those that contain what is wanted are entered.
pub(super) fn find<S: Source>(bytes: &mut Bytes<'_, S>, places: &mut Places, notes: &mut Notes) {
    let mut items = Items::default();
    let mut at = 0;
    while let Some([a, b, c, d, kind @ ..]) = bytes.array::<8>(at) {
        let (body, length) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (at + 8, bytes.length() - at),
            1 => match bytes.array(at + 8) {
                Some(length) => (at + 16, u64::from_be_bytes(length)),
                None => break,
            },
            length => (at + 8, u64::from(length)),
        };
        let end = at.saturating_add(length);
        if end < body || end > bytes.length() {
            break;
        }
        let region = Region::between(body, end);
        at = match &kind {
            b"moov" | b"udta" => body,
            // Four bytes of version and flags; QuickTime has none, and then this meets no box.
            b"meta" => body + 4,
            b"iinf" => {
                items.learn(bytes, region);
                end
            }
            b"iloc" => {
                items.places = bytes.up_to(region, MAX_TABLE_BYTES);
                end
            }
            b"idat" => {
                items.data = Some(region);
                end
            }
            b"XMP_" => {
                places.packet(bytes, region, notes);
                end
            }
            b"uuid" => {
                match bytes.array(body) {
                    Some(CREDENTIALS) => places.has_credentials = true,
                    Some(XMP) => {
                        places.packet(bytes, region.skip(16), notes);
                    }
                    _ => {}
                }
                end
            }
            _ => end,
        };
    }
    if let Some(region) = items.xmp.and_then(|item| items.place(item)) {
        places.packet(bytes, region, notes);
    }
    if let Some(region) = items.exif.and_then(|item| items.place(item)) {
        // The block says how far behind these four bytes it begins.
        if let Some(offset) = bytes.array(region.start).map(u32::from_be_bytes) {
            places.exif_in(region.skip(4 + u64::from(offset)), notes);
        }
    }
}

impl Items {
    /// Learns which items are EXIF and XMP.
    fn learn<S: Source>(&mut self, bytes: &mut Bytes<'_, S>, region: Region) {
        let Some([version, ..]) = bytes.array::<4>(region.start) else {
            return;
        };
        let end = region.start.saturating_add(region.length);
        let mut at = region.start + if version == 0 { 6 } else { 8 };
        while at < end {
            let head = bytes.up_to(Region::between(at, end), 64);
            let Some((length, entry)) = head.split_first_chunk::<4>() else {
                return;
            };
            let length = u64::from(u32::from_be_bytes(*length));
            if length < 8 {
                return;
            }
            at = at.saturating_add(length);
            let [b'i', b'n', b'f', b'e', version, _, _, _, entry @ ..] = entry else {
                continue;
            };
            let (number, rest) = match version {
                2 => (slice_at(entry, 0).map(short), entry.get(4..)),
                3 => (slice_at(entry, 0).map(u32::from_be_bytes), entry.get(6..)),
                _ => continue,
            };
            let rest = rest.unwrap_or_default();
            if rest.starts_with(b"Exif") {
                self.exif = self.exif.or(number);
            } else if let Some(names) = rest.strip_prefix(b"mime")
                && names.windows(19).any(|name| name == b"application/rdf+xml")
            {
                self.xmp = self.xmp.or(number);
            }
        }
    }

    /// Where an item stands; `None` for one in pieces.
    fn place(&self, wanted: u32) -> Option<Region> {
        let mut table = Table(&self.places);
        let version = table.number(1)?;
        table.number(3)?;
        let sizes = table.number(2)?;
        let size = |shift: u32| usize::try_from(sizes >> shift & 15).unwrap_or_default();
        let (offset_size, length_size, base_size) = (size(12), size(8), size(4));
        let index_size = if version == 0 { 0 } else { size(0) };
        let wide = if version < 2 { 2 } else { 4 };
        for _ in 0..table.number(wide)? {
            let item = table.number(wide)?;
            let method = if version == 0 {
                0
            } else {
                table.number(2)? & 15
            };
            table.number(2)?;
            let base = table.number(base_size)?;
            let pieces = table.number(2)?;
            let mut region = None;
            for _ in 0..pieces {
                table.number(index_size)?;
                let start = table.number(offset_size)?.checked_add(base)?;
                let length = table.number(length_size)?;
                region = Some(Region { start, length });
            }
            if item == u64::from(wanted) {
                let region = region.filter(|_| pieces == 1)?;
                return match method {
                    0 => Some(region),
                    1 => {
                        let data = self.data?.skip(region.start);
                        let length = region.length.min(data.length);
                        Some(Region { length, ..data })
                    }
                    _ => None,
                };
            }
        }
        None
    }
}

fn short(bytes: [u8; 2]) -> u32 {
    u32::from(u16::from_be_bytes(bytes))
}

/// Numbers one after the other.
struct Table<'a>(&'a [u8]);

impl Table<'_> {
    /// The next number, of so many bytes; none is zero.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let (number, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(
            number
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }
}

/// Looks for a packet of XMP in the beginning of the file.
pub(super) fn scan<S: Source>(bytes: &mut Bytes<'_, S>, places: &mut Places) {
    let length = bytes.length();
    let mut at = 0;
    while at < length.min(SCAN_BYTES) {
        let window = bytes.up_to(Region::between(at, length), WINDOW_BYTES);
        let found = PACKET_HEADS
            .iter()
            .filter_map(|head| window.windows(head.len()).position(|part| part == *head))
            .min();
        if let Some(found) = found {
            places.scanned(bytes, at + found as u64);
            return;
        }
        // A head may stand across the end of the window.
        at += (WINDOW_BYTES - 16) as u64;
    }
}
