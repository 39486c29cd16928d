//! What kind of file the first bytes announce.
//!
//! The `infer` crate knows the signatures. Where one is loose (two letters for BMP, `%PDF`
//! anywhere) or says nothing about the type (ISO media, XML), the bytes are looked at more closely
//! here.

use std::borrow::Cow;
use std::ops::ControlFlow;

/// The formats that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jpeg,
    Png,
    Gif,
    Webp,
    Tiff,
    Bmp,
    Psd,
    Avif,
    Heic,
    Svg,
    Mp4,
    Mov,
    M4a,
    Webm,
    Mp3,
    Wav,
    Ogg,
    Flac,
    Pdf,
    /// A ZIP archive of any kind; its directory tells which.
    Zip,
}

impl Kind {
    /// The registered media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Psd => "image/vnd.adobe.photoshop",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
            Self::Svg => "image/svg+xml",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::M4a => "audio/mp4",
            Self::Webm => "video/webm",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Pdf => "application/pdf",
            Self::Zip => "application/zip",
        }
    }
}

/// The media type that the first bytes of a file announce, if it is one that is accepted. A guess
/// for the time before the whole file is there: [`probe`](crate::probe) may still refuse it, or
/// know better (a ZIP archive that is a DOCX, an MP4 without pictures). A few KiB are enough.
#[must_use]
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    kind(head).map(Kind::media_type)
}

/// The format that the first bytes announce.
pub(crate) fn kind(head: &[u8]) -> Option<Kind> {
    if let Some(kind) = iso_media(head) {
        return Some(kind);
    }
    if is_markup(head) {
        return (root_element(head)? == b"svg").then_some(Kind::Svg);
    }
    if is_mp3(head) {
        return Some(Kind::Mp3);
    }
    match infer::get(head)?.mime_type() {
        "image/jpeg" => Some(Kind::Jpeg),
        "image/png" => Some(Kind::Png),
        "image/gif" => Some(Kind::Gif),
        "image/webp" => Some(Kind::Webp),
        "image/tiff" => Some(Kind::Tiff),
        "image/bmp" => is_bmp(head).then_some(Kind::Bmp),
        "image/vnd.adobe.photoshop" => Some(Kind::Psd),
        "video/webm" => Some(Kind::Webm),
        "audio/x-wav" => Some(Kind::Wav),
        "audio/ogg" | "audio/opus" => Some(Kind::Ogg),
        "audio/x-flac" => Some(Kind::Flac),
        "application/pdf" => head.starts_with(b"%PDF-").then_some(Kind::Pdf),
        _ if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") => Some(Kind::Zip),
        _ => None,
    }
}

/// Names bytes that are of no accepted kind, for a [`Refusal`](crate::Refusal).
pub(crate) fn describe(head: &[u8]) -> Cow<'static, str> {
    let text = head.trim_ascii_start();
    if text.starts_with(b"<?php") || text.starts_with(b"<%") {
        return "a program".into();
    }
    match infer::get(head) {
        Some(found) => match found.mime_type() {
            "application/x-x509-ca-cert" => "a key or certificate".into(),
            _ if found.matcher_type() == infer::MatcherType::App => "a program".into(),
            "text/html" => "a web page (text/html)".into(),
            "text/x-shellscript" => "a program".into(),
            // Signatures that `kind` found too loose.
            "image/bmp" | "application/pdf" | "audio/mpeg" | "video/quicktime" => UNKNOWN.into(),
            found => found.into(),
        },
        None if is_text(head) => "text".into(),
        None => UNKNOWN.into(),
    }
}

/// What bytes without a known signature are called.
const UNKNOWN: &str = "a file of an unknown type";

/// Whether `head` begins, after white space, like XML or HTML.
pub(crate) fn is_markup(head: &[u8]) -> bool {
    after_bom(head).trim_ascii_start().starts_with(b"<")
}

/// `head` without the mark that UTF-8 text may begin with.
fn after_bom(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head)
}

/// Whether `head` is UTF-8 text without control characters, a last character cut in two aside.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let (valid, _) = head.split_at(error.valid_up_to());
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole.is_empty() && !whole.contains(|c: char| c.is_control() && !c.is_ascii_whitespace())
}

/// The name, without prefix, of the first element of an XML or HTML text; `None` if it is not in
/// `head`. Declarations, comments and document types before it are passed over.
fn root_element(head: &[u8]) -> Option<&[u8]> {
    let mut rest = after_bom(head);
    loop {
        rest = rest.trim_ascii_start().strip_prefix(b"<")?;
        if rest.starts_with(b"?") {
            rest = behind(rest, b"?>")?;
        } else if rest.starts_with(b"!--") {
            rest = behind(rest, b"-->")?;
        } else if rest.starts_with(b"!") {
            rest = behind_doctype(rest)?;
        } else {
            let end = rest
                .iter()
                .position(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'))?;
            return rest.get(..end)?.rsplit(|b| *b == b':').next();
        }
    }
}

/// What follows the first `mark` in `text`.
fn behind<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    text.get(at + mark.len()..)
}

/// What follows a document type, whose own declarations stand in brackets.
fn behind_doctype(text: &[u8]) -> Option<&[u8]> {
    let mut in_brackets = false;
    let end = text.iter().position(|byte| {
        match byte {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            _ => {}
        }
        *byte == b'>' && !in_brackets
    })?;
    text.get(end + 1..)
}

/// Whether the two letters `BM` are followed by a header of a known size.
fn is_bmp(head: &[u8]) -> bool {
    matches!(
        head.get(14..18),
        Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])
    )
}

/// Whether `head` begins with an ID3 tag or the header of an MPEG audio frame of layer III.
fn is_mp3(head: &[u8]) -> bool {
    head.starts_with(b"ID3")
        || head
            .first_chunk()
            .is_some_and(|h| crate::audio::frame_bytes(*h).is_some())
}

/// Tells apart what shares the ISO base media format: by the brands of its `ftyp` box, and by the
/// first box alone for `QuickTime` films of before there were brands.
fn iso_media(head: &[u8]) -> Option<Kind> {
    let size = u32::from_be_bytes(*head.first_chunk()?);
    match head.get(4..8)? {
        b"ftyp" => {}
        b"moov" | b"mdat" | b"wide" | b"free" | b"skip" if size == 1 || size >= 8 => {
            return Some(Kind::Mov);
        }
        _ => return None,
    }
    let end = usize::try_from(size).unwrap_or(usize::MAX).min(head.len());
    let (major, rest) = head.get(8..end)?.split_first_chunk::<4>()?;
    let compatible = rest.get(4..).unwrap_or_default().chunks_exact(4);
    match std::iter::once(major.as_slice())
        .chain(compatible)
        .try_for_each(brand)
    {
        ControlFlow::Break(kind) => kind,
        ControlFlow::Continue(()) => None,
    }
}

/// What a brand stands for, unless it leaves that to the next one. Some stand for another format,
/// however compatible the file says it is.
fn brand(brand: &[u8]) -> ControlFlow<Option<Kind>> {
    ControlFlow::Break(match brand {
        b"avif" | b"avis" => Some(Kind::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
            Some(Kind::Heic)
        }
        b"qt  " => Some(Kind::Mov),
        b"M4A " | b"M4B " => Some(Kind::M4a),
        b"isom" | b"iso2" | b"iso3" | b"iso4" | b"iso5" | b"iso6" | b"iso7" | b"iso8" | b"iso9"
        | b"mp41" | b"mp42" | b"avc1" | b"M4V " | b"M4VH" | b"M4VP" | b"MSNV" | b"dash"
        | b"cmfc" => Some(Kind::Mp4),
        // Camera raw, JPEG 2000 and the like.
        b"crx " | b"jp2 " | b"jpx " | b"jxl " | b"aax " | b"aaxc" => None,
        _ => return ControlFlow::Continue(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_svg_is_known_by_its_root_element_wherever_that_stands() {
        for svg in [
            "<svg/>",
            "  \n<svg xmlns='http://www.w3.org/2000/svg'>",
            "\u{feff}<?xml version='1.0'?>\n<!-- <html> --><svg >",
            "<!DOCTYPE svg [<!ENTITY a '>'>]><svg:svg xmlns:svg='http://www.w3.org/2000/svg'>",
        ] {
            assert_eq!(sniff(svg.as_bytes()), Some("image/svg+xml"), "{svg}");
        }
        for other in [
            "<html><svg/></html>",
            "<!doctype html><svg>",
            "<?xml version='1.0'?>",
            "<svgx>",
        ] {
            let html_type = other.starts_with("<!doctype");
            assert_eq!(sniff(other.as_bytes()).is_some(), html_type, "{other}");
        }
    }

    #[test]
    fn brands_tell_iso_files_apart() {
        for (bytes, expected) in [
            (
                &b"\0\0\0\x14ftypqt  \0\0\0\0qt  "[..],
                Some("video/quicktime"),
            ),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some("image/heic")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1", Some("image/avif")),
            (b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42", Some("audio/mp4")),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", None),
            (b"\0\0\0\x14ftypzzzz\0\0\0\0zzzz", None),
            (b"\0\0\x10\0moov", Some("video/quicktime")),
            (b"\0\0\0\x08ftyp", None),
        ] {
            assert_eq!(sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn loose_signatures_are_not_trusted() {
        assert_eq!(sniff(b"BMW is the name of a car maker"), None);
        assert_eq!(sniff(b"see %PDF-1.4 for how it begins"), None);
        assert_eq!(
            sniff(b"\xFF\xF1\x50\x80\x02\x1F\xFC"),
            None,
            "AAC is not MP3"
        );
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn what_is_refused_is_named() {
        for (bytes, expected) in [
            (&b"MZ\x90\0\x03\0\0\0"[..], "a program"),
            (b"#!/bin/sh\nrm -rf /\n", "a program"),
            (b"<?php system($_GET['c']);", "a program"),
            (b"\0asm\x01\0\0\0", "a program"),
            (b"<!DOCTYPE html><html>", "a web page (text/html)"),
            (b"Dear Sir or Madam,\n", "text"),
            ("Gr\u{fc}\u{df}e".as_bytes().split_last().unwrap().1, "text"),
            (b"\x1F\x8B\x08\0", "application/gzip"),
            (b"\x01\x02\x03\xFF\xFE", UNKNOWN),
        ] {
            assert_eq!(describe(bytes), expected);
        }
    }
}
