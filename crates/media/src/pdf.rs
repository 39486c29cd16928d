//! PDF: checks that both ends of the document are there. Layout: ISO 32000-1, 7.5.

use crate::source::Source;
use crate::{Facts, Refusal};

/// How far before the end of the file its end mark may stand: mailers and servers append lines.
const TAIL_BYTES: u64 = 4096;

/// Accepts a PDF that ends as one should. Its pages are not counted.
pub(crate) fn probe(source: &mut Source<'_>) -> Result<Facts, Refusal> {
    let tail = source.tail(TAIL_BYTES)?;
    if tail.windows(5).any(|window| window == b"%%EOF") {
        Ok(Facts::of("application/pdf"))
    } else {
        Err(Refusal::truncated())
    }
}
