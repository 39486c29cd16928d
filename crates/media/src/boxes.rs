//! The boxes that films (MP4, MOV), recordings (M4A) and pictures (HEIC, AVIF) are made of.
//! Layout: ISO/IEC 14496-12.

use crate::Refusal;
use crate::source::Source;

/// A box whose header has been read; the source stands at its first byte behind it.
pub(crate) struct Header {
    /// The four letters that say what is in it.
    pub(crate) kind: [u8; 4],
    /// Where it ends, in bytes from the start of the file.
    pub(crate) end: u64,
}

impl Header {
    /// Bytes from where the source stands to the end of the box.
    pub(crate) fn remaining(&self, source: &Source<'_>) -> u64 {
        self.end.saturating_sub(source.position())
    }
}

/// Reads the header of the next box in a box, or a file, that ends at `end`; `None` if there is
/// none. A box that reaches past `end` is an error: so is found that a film was cut short.
pub(crate) fn next(source: &mut Source<'_>, end: u64) -> Result<Option<Header>, Refusal> {
    let start = source.position();
    if end.saturating_sub(start) < 8 {
        return Ok(None);
    }
    source.part()?;
    let short = source.u32_be()?;
    let kind = source.array()?;
    let box_end = match short {
        0 => end,
        1 => start.saturating_add(source.u64_be()?),
        _ => start + u64::from(short),
    };
    if box_end < source.position() {
        return Err(Refusal::damaged(
            "a part of it is shorter than its own header",
        ));
    }
    if box_end > end {
        return Err(Refusal::truncated());
    }
    Ok(Some(Header { kind, end: box_end }))
}
