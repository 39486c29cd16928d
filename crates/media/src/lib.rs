//! Decides from its bytes alone what an uploaded file is, and measures it.
//!
//! [`probe`] takes a reader and returns [`Facts`], or a [`Refusal`] whose text tells the uploader
//! what to do. File names and declared types play no part. What must stay true:
//!
//! - **Nothing is decoded.** Pixels, samples and archive members stay packed; sizes come from
//!   headers, completeness from walking the structure to its end. So the cost does not grow with
//!   what a file claims to unpack to. Only the beginning of a PNG's colour profile is unpacked.
//! - **Memory is bounded:** well under a MiB for most files, some 40 MiB for the tags of a hostile
//!   TIFF, and about [`Limits::max_svg_bytes`] for an SVG that is one long text.
//! - **Time is bounded** by [`Limits::max_parts`], [`Limits::max_scan_bytes`] and the limits of SVG
//!   and ZIP: less than a second without optimisation. There is no recursion.
//! - **No input panics.** Every read is checked, and so is every sum that a file could make
//!   overflow.
//!
//! An accepted file may still fail to draw: its compressed data is not looked into. Whoever decodes
//! it later needs limits of their own.

mod archive;
mod audio;
mod bitmap;
mod boxes;
mod gif;
mod heif;
mod icc;
mod jpeg;
mod limits;
mod mp4;
mod pdf;
mod picture;
mod png;
mod psd;
mod refusal;
mod riff;
mod sniff;
mod source;
mod svg;
mod tagged;
mod webm;

use std::io::{BufRead, Seek};

use sniff::Kind;
use source::Source;

pub use limits::Limits;
pub use refusal::Refusal;
pub use sniff::sniff;

/// Codecs of one file that are named; nothing that is meant to be played has more.
pub const MAX_CODECS: usize = 8;

/// How many bytes from the start decide the type.
const HEAD_BYTES: u64 = 8 * 1024;

/// What the bytes of an accepted file say about it. `None` means that the format does not say, or
/// that it is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The registered media type, such as `image/jpeg`.
    pub media_type: &'static str,
    /// Width in pixels of the upright picture, that is after [`orientation`](Self::orientation) has
    /// been applied. For an SVG the drawing's own size in CSS pixels, rounded.
    pub width: Option<u32>,
    /// Height in pixels of the upright picture; see [`width`](Self::width).
    pub height: Option<u32>,
    /// How the stored pixels must be turned to stand upright, as EXIF counts it: 1 to 8, 1 is
    /// upright. Always 1 where whoever decodes the file turns it as a matter of course (HEIC, AVIF,
    /// film) and where nothing can be turned.
    pub orientation: u8,
    /// Whether the picture has an alpha channel or a transparent colour, used or not.
    pub has_alpha: Option<bool>,
    /// `sRGB`, `RGB` (any other RGB: an ICC profile says so, or the format names no space), `Gray`,
    /// `CMYK` or `Lab`. A picture in RGB without a profile counts as `sRGB`, as it does on the web.
    pub color_space: Option<&'static str>,
    /// Pictures shown one after the other: 1 for a still; `None` for an SVG, a film, and what is
    /// not a picture.
    pub frames: Option<u32>,
    /// Playing time in milliseconds of one run; `None` for stills.
    pub duration_ms: Option<u64>,
    /// Pages of a document; not counted yet.
    pub pages: Option<u32>,
    /// What film and sound are packed with, as the format names it: `avc1`, `mp4a`, `V_VP9`, `opus`.
    /// Each once, in the order of the tracks, and at most [`MAX_CODECS`].
    pub codecs: Vec<String>,
}

impl Facts {
    /// Facts of a file of which nothing but the type is known.
    fn of(media_type: &'static str) -> Self {
        Self {
            media_type,
            width: None,
            height: None,
            orientation: 1,
            has_alpha: None,
            color_space: None,
            frames: None,
            duration_ms: None,
            pages: None,
            codecs: Vec::new(),
        }
    }

    /// The same, packed with this.
    fn with_codec(mut self, codec: &str) -> Self {
        add_codec(&mut self.codecs, codec.as_bytes());
        self
    }
}

/// Adds the name of a codec, unless it is there or no name.
fn add_codec(codecs: &mut Vec<String>, name: &[u8]) {
    let name = name.trim_ascii_end();
    if let Ok(name) = str::from_utf8(name)
        && !name.is_empty()
        && name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && codecs.len() < MAX_CODECS
        && codecs.iter().all(|known| known != name)
    {
        codecs.push(name.to_owned());
    }
}

/// Says what the file that `reader` holds is, from its first byte to its end. Where the reader
/// stands before does not matter; where it stands afterwards is not defined. It should be buffered:
/// most reads are of a few bytes.
///
/// # Errors
/// A [`Refusal`] for whatever must not be kept: unknown, forbidden, damaged, unsafe or larger than
/// `limits`; and [`Refusal::Unreadable`] when the reader itself fails, which is no fault of the
/// file.
pub fn probe<R: BufRead + Seek>(mut reader: R, limits: &Limits) -> Result<Facts, Refusal> {
    let mut source = Source::open(&mut reader, limits.max_parts)?;
    if source.len() == 0 {
        return Err(Refusal::Empty);
    }
    let head = source.take(HEAD_BYTES.min(source.len()))?;
    source.seek(0)?;
    match sniff::kind(&head) {
        Some(kind) => measure(kind, &mut source, limits),
        // The root element of an XML file may stand behind a prolog of any length.
        None if sniff::is_markup(&head) && source.len() <= limits.max_svg_bytes => {
            svg::probe(&mut source, limits, &head)
        }
        None => Err(Refusal::Unsupported {
            found: sniff::describe(&head),
        }),
    }
}

/// Hands the source, which stands at its first byte, to the reader of its format.
fn measure(kind: Kind, source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    match kind {
        Kind::Jpeg => jpeg::probe(source, limits),
        Kind::Png => png::probe(source, limits),
        Kind::Gif => gif::probe(source, limits),
        Kind::Webp => riff::probe_webp(source, limits),
        Kind::Tiff => tagged::probe(source, limits),
        Kind::Bmp => bitmap::probe(source, limits),
        Kind::Psd => psd::probe(source, limits),
        Kind::Avif | Kind::Heic => heif::probe(source, limits, kind.media_type()),
        Kind::Svg => svg::probe(source, limits, b""),
        Kind::Mp4 | Kind::Mov | Kind::M4a => mp4::probe(source, kind),
        Kind::Webm => webm::probe(source),
        Kind::Mp3 => audio::probe_mp3(source),
        Kind::Wav => riff::probe_wav(source),
        Kind::Ogg => audio::probe_ogg(source),
        Kind::Flac => audio::probe_flac(source),
        Kind::Pdf => pdf::probe(source),
        Kind::Zip => archive::probe(source, limits),
    }
}
