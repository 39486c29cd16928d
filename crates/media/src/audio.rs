//! Recordings: MP3, Ogg (Vorbis, Opus, Speex, FLAC) and FLAC. Layouts: ISO/IEC 11172-3, ID3v2.4,
//! RFC 3533, RFC 9639.

use crate::source::{Source, slice_at};
use crate::{Facts, Refusal};

/// How far into a file, behind its tags, the first frame of an MP3 is looked for.
const SEARCH_BYTES: u64 = 64 * 1024;

/// The longest page of an Ogg stream.
const OGG_PAGE_BYTES: u64 = 65_307;

/// Kilobits a second of MPEG 1 and MPEG 2 layer III, by the number in a frame's header.
const BIT_RATES: [[u32; 15]; 2] = [
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// How many bytes the frame with this header takes; `None` if it is no header of a layer III frame.
pub(crate) fn frame_bytes(header: [u8; 4]) -> Option<u32> {
    let [sync, kind, rates, _] = header;
    if sync != 0xFF || kind & 0xE6 != 0xE2 {
        return None;
    }
    let version = kind >> 3 & 3;
    let (table, halvings) = match version {
        3 => (BIT_RATES.first()?, 0),
        2 => (BIT_RATES.get(1)?, 1),
        0 => (BIT_RATES.get(1)?, 2),
        _ => return None,
    };
    let bit_rate = table
        .get(usize::from(rates >> 4))
        .filter(|rate| **rate > 0)?;
    let sample_rate = [44_100, 48_000, 32_000_u32].get(usize::from(rates >> 2 & 3))? >> halvings;
    let samples = if version == 3 { 1152 } else { 576 };
    Some(samples / 8 * bit_rate * 1000 / sample_rate + u32::from(rates >> 1 & 1))
}

/// Accepts an MP3 when, behind its tags, two frames follow one another.
pub(crate) fn probe_mp3(source: &mut Source<'_>) -> Result<Facts, Refusal> {
    while source.remaining() >= 10 {
        source.part()?;
        let start = source.position();
        let [i, d, three, _, _, flags, size @ ..] = source.array::<10>()?;
        if [i, d, three] != *b"ID3" {
            source.seek(start)?;
            break;
        }
        let size = size
            .iter()
            .fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
        source.skip(size + if flags & 0x10 == 0 { 0 } else { 10 })?;
    }
    let sound = source.take(source.remaining().min(SEARCH_BYTES))?;
    let follows = |at: usize| {
        let length = frame_bytes(slice_at(&sound, at)?)?;
        let next = at + usize::try_from(length).ok()?;
        (next == sound.len() || frame_bytes(slice_at(&sound, next)?).is_some()).then_some(())
    };
    if (0..sound.len()).any(|at| follows(at).is_some()) {
        Ok(Facts::of("audio/mpeg").with_codec("mp3"))
    } else {
        Err(Refusal::damaged("there is no sound in it"))
    }
}

/// Accepts an Ogg stream that has sound and whose last page is whole, and reads its playing time
/// there.
pub(crate) fn probe_ogg(source: &mut Source<'_>) -> Result<Facts, Refusal> {
    let first = source.take(source.remaining().min(OGG_PAGE_BYTES))?;
    let packet = page(&first).ok_or_else(Refusal::truncated)?;
    // Its name, samples a second, and samples to leave out at the beginning.
    let (codec, rate, skipped) = if packet.starts_with(b"\x01vorbis") {
        ("vorbis", slice_at(packet, 12).map(u32::from_le_bytes), 0)
    } else if packet.starts_with(b"OpusHead") {
        (
            "opus",
            Some(48_000),
            slice_at(packet, 10).map_or(0, u16::from_le_bytes),
        )
    } else if packet.starts_with(b"\x7FFLAC") {
        ("flac", None, 0)
    } else if packet.starts_with(b"Speex   ") {
        ("speex", None, 0)
    } else {
        return Err(Refusal::unsupported(
            "an Ogg file of something else than sound",
        ));
    };
    let tail = source.tail(OGG_PAGE_BYTES)?;
    let start = tail.windows(4).rposition(|window| window == b"OggS");
    let last = start
        .and_then(|start| tail.get(start..))
        .ok_or_else(Refusal::truncated)?;
    page(last).ok_or_else(Refusal::truncated)?;
    let samples = slice_at(last, 6)
        .map(u64::from_le_bytes)
        .filter(|samples| *samples != u64::MAX);
    // Pages without sound are counted from zero.
    if samples == Some(0) {
        return Err(Refusal::truncated());
    }
    let samples = samples.map(|samples| samples.saturating_sub(u64::from(skipped)));
    Ok(Facts {
        duration_ms: milliseconds(samples, rate),
        ..Facts::of("audio/ogg").with_codec(codec)
    })
}

/// The packets of the Ogg page that `bytes` begins with; `None` if it is not there as a whole.
fn page(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<27>()?;
    let [b'O', b'g', b'g', b'S', 0, .., segments] = header else {
        return None;
    };
    let (table, rest) = rest.split_at_checked(usize::from(*segments))?;
    rest.get(..table.iter().map(|length| usize::from(*length)).sum())
}

/// Measures a FLAC recording.
pub(crate) fn probe_flac(source: &mut Source<'_>) -> Result<Facts, Refusal> {
    source.skip(4)?;
    let mut facts = Facts::of("audio/flac").with_codec("flac");
    let mut first = true;
    loop {
        source.part()?;
        let block = source.u32_be()?;
        let (last, kind, length) = (block >> 31 == 1, block >> 24 & 0x7F, block & 0x00FF_FFFF);
        if first != (kind == 0) {
            return Err(Refusal::damaged("it has no header"));
        }
        let end = source.position() + u64::from(length);
        if first {
            source.skip(10)?;
            let bits = source.u64_be()?;
            let rate = u32::try_from(bits >> 44).ok();
            let samples = Some(bits & 0x000F_FFFF_FFFF).filter(|samples| *samples > 0);
            facts.duration_ms = milliseconds(samples, rate);
            first = false;
        }
        source.seek(end)?;
        if last {
            break;
        }
    }
    let [sync, rest] = source.array()?;
    if sync == 0xFF && rest & 0xFE == 0xF8 {
        Ok(facts)
    } else {
        Err(Refusal::damaged("there is no sound in it"))
    }
}

/// The time that so many samples take at so many a second.
fn milliseconds(samples: Option<u64>, rate: Option<u32>) -> Option<u64> {
    samples?.saturating_mul(1000).checked_div(u64::from(rate?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_layer_three_knows_its_length() {
        for (header, expected) in [
            ([0xFF, 0xFB, 0x90, 0x00], Some(417)),
            ([0xFF, 0xFB, 0x92, 0x00], Some(418)),
            ([0xFF, 0xF3, 0x80, 0x00], Some(208)),
            ([0xFF, 0xE3, 0x80, 0x00], Some(417)),
            ([0xFF, 0xFB, 0x00, 0x00], None),
            ([0xFF, 0xFB, 0xF0, 0x00], None),
            ([0xFF, 0xFB, 0x9C, 0x00], None),
            ([0xFF, 0xF1, 0x50, 0x80], None),
            ([0xFF, 0xD8, 0xFF, 0xE0], None),
        ] {
            assert_eq!(frame_bytes(header), expected, "{header:02X?}");
        }
    }
}
