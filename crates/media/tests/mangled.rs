//! Files that were cut, changed or made to be dear to read: there is always an answer, and soon.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use accolade_media::{Facts, Limits, Refusal, probe, sniff};

/// Longer samples are not mangled: each is read anew for every change.
const MAX_SAMPLE_BYTES: usize = 40_000;

/// Changes made to each sample.
const CHANGES: usize = 200;

/// What reading any of the files made here may take without optimisation: less than a second, and
/// some more on a busy machine. Without limits several of them take a minute.
const SOON: Duration = Duration::from_secs(5);

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from(mixed >> 33).unwrap_or(0) % bound.max(1)
    }
}

fn read(bytes: &[u8]) -> Result<Facts, Refusal> {
    probe(Cursor::new(bytes), &Limits::default())
}

/// All samples that are short enough, by path.
fn samples() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let folders = ["photos", "graphics", "hostile", "made"].map(|name| root.join(name).read_dir());
    let paths = folders
        .into_iter()
        .flatten()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let files = paths.filter_map(|path| std::fs::read(&path).ok().map(|bytes| (path, bytes)));
    let mut files: Vec<_> = files
        .filter(|(_, bytes)| bytes.len() <= MAX_SAMPLE_BYTES)
        .collect();
    files.sort();
    assert!(files.len() > 50, "the samples are not there");
    files
}

#[test]
fn a_changed_file_gets_an_answer() {
    let mut dice = Dice(1);
    for (path, original) in samples() {
        for _ in 0..CHANGES {
            let mut bytes = original.clone();
            // The first bytes lead to all the others: half of the changes are made there.
            for _ in 0..=dice.below(4) {
                let reach = if dice.below(2) == 0 {
                    bytes.len().min(256)
                } else {
                    bytes.len()
                };
                let at = dice.below(reach);
                let value = [0, 0xFF, 0x80, 0x7F, 1][dice.below(5)];
                let flipped = 1_u8 << dice.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = if dice.below(2) == 0 {
                        value
                    } else {
                        *byte ^ flipped
                    };
                }
            }
            let started = Instant::now();
            let answer = read(&bytes);
            assert!(started.elapsed() < SOON, "{}: slow", path.display());
            assert!(
                !matches!(answer, Err(Refusal::Unreadable(_))),
                "{}: {answer:?}",
                path.display()
            );
            let _ = sniff(&bytes[dice.below(bytes.len())..]);
        }
    }
}

#[test]
fn a_file_cut_short_is_not_taken_for_a_whole_one() {
    let complete = [
        "avif", "bmp", "docx", "gif", "heic", "jpg", "mov", "mp4", "ogg", "pdf", "png", "pptx",
        "psd", "svg", "tif", "wav", "webp", "xlsx", "zip",
    ];
    let mut dice = Dice(2);
    for (path, bytes) in samples() {
        let knows_its_end = path
            .extension()
            .is_some_and(|e| complete.iter().any(|known| e == *known));
        // Behind this picture stands what does not belong to it; and a film in fragments lacks
        // nothing but the last of them.
        let may_end_before = path.ends_with("polyglot.pdf.jpg") || path.ends_with("fragmented.mp4");
        for round in 0..CHANGES {
            let length = if round < 32 {
                round.min(bytes.len())
            } else {
                dice.below(bytes.len())
            };
            let answer = read(&bytes[..length]);
            assert!(
                answer.is_err() || !knows_its_end || may_end_before,
                "{} to {length} bytes of {}: {answer:?}",
                path.display(),
                bytes.len()
            );
        }
    }
}

#[test]
fn any_bytes_behind_any_signature_get_an_answer() {
    let mut dice = Dice(3);
    for (path, original) in samples() {
        for kept in [4, 12, 26, 44] {
            let mut bytes: Vec<u8> = original.iter().copied().take(kept).collect();
            bytes.extend((0..2_000).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)));
            let answer = read(&bytes);
            assert!(
                !matches!(answer, Err(Refusal::Unreadable(_))),
                "{}: {answer:?}",
                path.display()
            );
        }
    }
}

/// A PNG chunk, its checksum left out of account.
fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(0).to_be_bytes();
    [&length[..], kind, data, &[0; 4]].concat()
}

#[test]
fn files_made_to_be_dear_are_answered_soon() {
    let jpeg =
        b"\xFF\xD8\xFF\xC0\0\x0B\x08\0\x08\0\x08\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\0\x3F\0";
    let directory = [
        &b"Exif\0\0II*\0\x08\0\0\0\xFF\x13"[..],
        &b"\x01\x01\x03\0\x01\0\0\0\0\0\0\0".repeat(5_000),
    ]
    .concat();
    let exif = [&b"\xFF\xE1\xEA\x72"[..], &directory].concat();
    let png = [
        &b"\x89PNG\r\n\x1A\n"[..],
        &chunk(b"IHDR", &[0, 0, 0, 9, 0, 0, 0, 9, 8, 2, 0, 0, 0]),
    ]
    .concat();
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 4_000_000], 6);
    let profile = chunk(b"iCCP", &[&b"a\0\0"[..], &packed].concat());
    let isom = b"\0\0\0\x14ftypisom\0\0\0\0isom";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'>";
    let svg_end = b"</svg>";
    for (name, bytes) in [
        (
            "stuffing in a JPEG",
            [&jpeg[..], &b"\xFF\0".repeat(10_000_000)].concat(),
        ),
        (
            "fill before a marker",
            [&jpeg[..], &b"\xFF".repeat(20_000_000)].concat(),
        ),
        ("EXIF after EXIF", [&jpeg[..2], &exif.repeat(500)].concat()),
        (
            "comments in a JPEG",
            [&jpeg[..2], &b"\xFF\xFE\0\x02".repeat(5_000_000)].concat(),
        ),
        (
            "profile after profile",
            [&png[..], &profile.repeat(1_000)].concat(),
        ),
        (
            "empty chunks",
            [&png[..], &chunk(b"tEXt", b"").repeat(2_000_000)].concat(),
        ),
        (
            "pieces of one byte",
            [
                &b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02"[..],
                &b"\x01".repeat(20_000_000),
            ]
            .concat(),
        ),
        (
            "empty extensions",
            [
                &b"GIF89a\x01\0\x01\0\0\0\0"[..],
                &b"!\xFE\0".repeat(6_000_000),
            ]
            .concat(),
        ),
        (
            "empty boxes",
            [&isom[..], &b"\0\0\0\x08free".repeat(4_000_000)].concat(),
        ),
        ("empty tags", b"ID3\x04\0\0\0\0\0\0".repeat(3_000_000)),
        (
            "comments",
            [&svg[..], &b"<!---->".repeat(1_100_000), svg_end].concat(),
        ),
        (
            "references",
            [&svg[..], &b"&lt;".repeat(2_000_000), svg_end].concat(),
        ),
        (
            "elements",
            [&svg[..], &b"<g/>".repeat(2_000_000), svg_end].concat(),
        ),
        (
            "attributes",
            [&b"<svg "[..], &b"a='' ".repeat(1_600_000), b"/>"].concat(),
        ),
    ] {
        let started = Instant::now();
        let answer = read(&bytes);
        let elapsed = started.elapsed();
        assert!(answer.is_err(), "{name}: {answer:?}");
        assert!(elapsed < SOON, "{name}: {elapsed:?}");
    }
}
