//! `Content-Disposition`: what a browser may show, and under which name it saves the rest.

use std::fmt::Write;

use axum::http::HeaderValue;

/// Longest file name given out, in bytes of UTF-8.
const MAX_NAME: usize = 200;

/// Shown in place: pictures, films and sounds that browsers decode without running anything. All else,
/// SVG, PDF and HTML above all, is saved.
fn is_shown(media_type: &str) -> bool {
    const SHOWN: [&str; 7] = [
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "video/mp4",
        "video/webm",
    ];
    SHOWN.contains(&media_type) || media_type.starts_with("audio/")
}

/// The header for bytes of this type and a file name from anywhere (RFC 6266): the name in plain ASCII
/// for old clients, and in UTF-8 for all others. `saved`: the caller wants no showing.
pub(super) fn content_disposition(media_type: &str, filename: &str, saved: bool) -> HeaderValue {
    let kind = if is_shown(media_type) && !saved {
        "inline"
    } else {
        "attachment"
    };
    let name = clean(filename);
    let mut text = String::with_capacity(kind.len() + name.len() + 13);
    text.push_str(kind);
    text.push_str("; filename=\"");
    text.extend(name.chars().map(plain));
    text.push('"');
    if !name.is_ascii() || name.contains(['"', '%', '\\']) {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// A name that is one: no folders, no control characters, nothing that turns the reading direction.
fn clean(filename: &str) -> String {
    let mut name = String::with_capacity(filename.len().min(MAX_NAME));
    for c in filename.chars() {
        let c = if is_trouble(c) { '_' } else { c };
        if name.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        name.push(c);
    }
    let trimmed = name.trim_matches([' ', '.']);
    match trimmed.len() {
        0 => "file".to_owned(),
        all if all == name.len() => name,
        _ => trimmed.to_owned(),
    }
}

fn is_trouble(c: char) -> bool {
    c.is_control()
        || "/\\:*?<>|".contains(c)
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What old clients read between the quotes; some of them decode a `%`.
fn plain(c: char) -> char {
    if c.is_ascii() && !matches!(c, '"' | '%' | '\\') {
        c
    } else {
        '_'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(media_type: &str, name: &str) -> String {
        content_disposition(media_type, name, false)
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn only_harmless_types_are_shown() {
        for shown in ["image/jpeg", "image/avif", "video/webm", "audio/mpeg"] {
            assert!(header(shown, "a").starts_with("inline"), "{shown}");
        }
        for saved in [
            "image/svg+xml",
            "application/pdf",
            "text/html",
            "image/tiff",
            "",
        ] {
            assert!(header(saved, "a").starts_with("attachment"), "{saved}");
        }
    }

    #[test]
    fn what_is_asked_to_be_saved_is_not_shown() {
        let saved = content_disposition("image/png", "a.png", true);
        assert_eq!(saved, "attachment; filename=\"a.png\"");
    }

    #[test]
    fn any_name_makes_a_header() {
        let table = [
            ("a.png", "inline; filename=\"a.png\""),
            (
                "标志.png",
                "inline; filename=\"__.png\"; filename*=UTF-8''%E6%A0%87%E5%BF%97.png",
            ),
            (
                "a\"b.png",
                "inline; filename=\"a_b.png\"; filename*=UTF-8''a%22b.png",
            ),
            (
                "50%.png",
                "inline; filename=\"50_.png\"; filename*=UTF-8''50%25.png",
            ),
            ("../../etc/passwd", "inline; filename=\"_.._etc_passwd\""),
            (
                "a\r\nSet-Cookie: x",
                "inline; filename=\"a__Set-Cookie_ x\"",
            ),
            ("x\u{202e}gnp.exe", "inline; filename=\"x_gnp.exe\""),
            ("", "inline; filename=\"file\""),
            ("..", "inline; filename=\"file\""),
        ];
        for (name, expected) in table {
            assert_eq!(header("image/png", name), expected, "{name:?}");
        }
        assert!(header("image/png", &"长".repeat(300)).len() < 1_000);
    }
}
