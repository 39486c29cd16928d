//! The headers of the tus protocol: what they say, or why they are refused.

use std::collections::HashSet;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::http::refusal::Refusal;
use crate::platform::clock::Timestamp;
use crate::platform::digest::Checksum;

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName =
    HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The version that is spoken.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
pub(super) const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,checksum,expiration,termination");

/// Headers that ask for what is not done here: nobody shall think that it was.
const UNSUPPORTED: [(&str, &str); 2] = [
    (
        "upload-defer-length",
        "Say with Upload-Length how many bytes there are: it cannot be left open.",
    ),
    (
        "upload-concat",
        "Send the file as one upload: uploads are not joined here.",
    ),
];

/// Longest Upload-Metadata.
const MAX_METADATA: usize = 8 * 1024;
/// Names under which clients send the file's name.
const NAMES: [&str; 2] = ["filename", "name"];

type Read<T> = Result<T, Refusal>;

fn bad<T>(text: impl Into<String>) -> Read<T> {
    Err(Refusal::bad_request(text))
}

/// The method that is meant: some lines let no other than GET and POST through.
pub(super) fn method(request: &Request) -> Method {
    let meant = request.headers().get(METHOD_OVERRIDE);
    meant
        .and_then(|name| name.to_str().ok())
        .and_then(|name| name.trim().to_ascii_uppercase().parse().ok())
        .unwrap_or_else(|| request.method().clone())
}

/// The one value of a header; none where it is not sent.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Read<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    match (first.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim())),
        _ => bad(format!("Send {name} once, in ASCII.")),
    }
}

/// Digits only; a number too large to hold is as good as the largest.
fn number(headers: &HeaderMap, name: &HeaderName) -> Read<u64> {
    match only(headers, name)? {
        Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(text.parse().unwrap_or(u64::MAX))
        }
        _ => bad(format!("{name} must be there, and a number from 0 up.")),
    }
}

/// 412 unless the caller speaks the version that is spoken here.
pub(super) fn check_version(headers: &HeaderMap) -> Read<()> {
    if headers.get(TUS_RESUMABLE) == Some(&VERSION) {
        return Ok(());
    }
    let text = "Send `Tus-Resumable: 1.0.0`: no other version is spoken here.";
    let refusal = Refusal::new(StatusCode::PRECONDITION_FAILED, "BAD_REQUEST", text);
    Err(refusal.with(TUS_VERSION, "1.0.0"))
}

/// Whether the body is bytes of a file.
pub(super) fn brings_bytes(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.is_some_and(|kind| {
        let (kind, _) = kind.split_once(';').unwrap_or((kind, ""));
        kind.trim()
            .eq_ignore_ascii_case("application/offset+octet-stream")
    })
}

pub(super) fn offset(headers: &HeaderMap) -> Read<u64> {
    number(headers, &UPLOAD_OFFSET)
}

/// How long the file will be; 413 if that is more than is taken.
pub(super) fn length(headers: &HeaderMap, most: u64) -> Read<u64> {
    for (name, text) in UNSUPPORTED {
        if headers.contains_key(name) {
            return bad(text);
        }
    }
    let length = number(headers, &UPLOAD_LENGTH)?;
    if length <= most {
        return Ok(length);
    }
    let text = format!("A file has at most {most} bytes (Upload-Length).");
    Err(Refusal::too_large(text))
}

/// What the bytes are said to hash to.
pub(super) fn checksum(headers: &HeaderMap) -> Read<Option<Checksum>> {
    let Some(text) = only(headers, &UPLOAD_CHECKSUM)? else {
        return Ok(None);
    };
    let (algorithm, hash) = text.split_once(' ').unwrap_or((text, ""));
    let hash = STANDARD.decode(hash.trim()).unwrap_or_default();
    let checksum = match algorithm {
        "sha1" => hash.try_into().map(Checksum::Sha1),
        "sha256" => hash.try_into().map(Checksum::Sha256),
        _ => return bad("Upload-Checksum takes sha1 and sha256."),
    };
    match checksum {
        Ok(checksum) => Ok(Some(checksum)),
        Err(_) => bad("Upload-Checksum must be the algorithm, a space, and the hash in base64."),
    }
}

/// What a sender says of its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) filename: String,
    /// As it was sent.
    pub(super) raw: String,
}

pub(super) fn metadata(headers: &HeaderMap) -> Read<Metadata> {
    let raw = only(headers, &UPLOAD_METADATA)?.unwrap_or("");
    if raw.len() > MAX_METADATA {
        return bad(format!("Upload-Metadata has at most {MAX_METADATA} bytes."));
    }
    let mut metadata = Metadata {
        raw: raw.to_owned(),
        ..Metadata::default()
    };
    let mut keys = HashSet::new();
    let mut name_rank = NAMES.len();
    for pair in raw.split(',').filter(|_| !raw.is_empty()) {
        let pair = pair.trim();
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() || !keys.insert(key) {
            return bad("Each key in Upload-Metadata must be there, and come once.");
        }
        let Ok(value) = STANDARD.decode(value) else {
            return bad("Each value in Upload-Metadata must be in base64.");
        };
        if let Some(rank) = NAMES.iter().position(|name| *name == key)
            && rank < name_rank
        {
            let Ok(name) = String::from_utf8(value) else {
                return bad("The file's name in Upload-Metadata must be in UTF-8.");
            };
            (metadata.filename, name_rank) = (name, rank);
        }
    }
    Ok(metadata)
}

/// An instant as HTTP writes it, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(at: Timestamp) -> String {
    at.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn numbers_are_digits_and_come_once() {
        for (text, read) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("9223372036854775808", Some(1 << 63)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("0x1", None),
            ("", None),
            ("1 1", None),
        ] {
            let found = offset(&with(&[(UPLOAD_OFFSET, text)])).ok();
            assert_eq!(found, read, "{text}");
        }
        assert!(offset(&HeaderMap::new()).is_err());
        let twice = with(&[(UPLOAD_OFFSET, "1"), (UPLOAD_OFFSET, "1")]);
        assert!(offset(&twice).is_err());
    }

    #[test]
    fn metadata_is_pairs_of_a_key_and_base64() {
        let name = |text: &str| {
            metadata(&with(&[(UPLOAD_METADATA, text)])).map(|metadata| metadata.filename)
        };
        for (text, read) in [
            ("", Some("")),
            ("filename YS5wbmc=", Some("a.png")),
            ("filetype aW1n,name Yg==,filename YS5wbmc=", Some("a.png")),
            ("filename YS5wbmc=, name Yg==", Some("a.png")),
            ("is_confidential,name Yg==", Some("b")),
            ("filename Li4vLi4veA==", Some("../../x")),
            ("filename", Some("")),
            ("filename YS5wbmc", None),
            ("filename a.png", None),
            ("filename YS5wbmc= YS5wbmc=", None),
            ("filename /w==", None),
            ("a YQ==,a YQ==", None),
            ("a YQ==,", None),
            (",", None),
            ("a  YQ==", None),
        ] {
            assert_eq!(name(text).ok().as_deref(), read, "{text}");
        }
        assert!(name(&format!("a {}", "YWFh".repeat(2048))).is_err());
    }

    #[test]
    fn checksums_name_what_is_known_and_are_whole() {
        let read = |text| checksum(&with(&[(UPLOAD_CHECKSUM, text)]));
        assert_eq!(checksum(&HeaderMap::new()).unwrap(), None);
        let sha1 = format!("sha1 {}", STANDARD.encode([7; 20]));
        assert_eq!(read(&sha1).unwrap(), Some(Checksum::Sha1([7; 20])));
        let sha256 = format!("sha256 {}", STANDARD.encode([7; 32]));
        assert_eq!(read(&sha256).unwrap(), Some(Checksum::Sha256([7; 32])));
        let short = format!("sha256 {}", STANDARD.encode([7; 20]));
        for text in ["md5 AAAA", "sha1", "sha1 !", "", "SHA1 AAAA", &short] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_as_http_writes_them() {
        assert_eq!(
            http_date(Timestamp(784_111_777_000)),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
