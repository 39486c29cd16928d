//! Texts that people type: cleaned, measured in characters, and folded for comparing.

use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Problems, Result, UserErrorCode};

/// Longest title, name or headline, in characters.
pub const LINE: usize = 300;
/// Longest description, quote or note, in characters.
pub const PROSE: usize = 10_000;

/// NFKC and lower case: what two texts share if people would call them the same.
#[must_use]
pub fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// What a text is sorted by, the same on every database: folded, cut to 200 characters.
#[must_use]
pub fn sort_key(text: &str) -> String {
    fold(text.trim()).chars().take(200).collect()
}

/// Characters that show nothing.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{202a}'..='\u{202e}')
}

/// A text that must say something: trimmed, in NFC, without NUL and other control characters.
pub fn required(problems: &mut Problems, field: &str, text: &str, max: usize) -> String {
    if let Some(text) = optional(problems, field, Some(text), max) {
        text
    } else {
        problems.add(UserErrorCode::Required, field, "Write something here.");
        String::new()
    }
}

/// A text that may be absent. One of blanks alone is absent.
pub fn optional(
    problems: &mut Problems,
    field: &str,
    text: Option<&str>,
    max: usize,
) -> Option<String> {
    let text: String = text?.trim_matches(is_blank).nfc().collect();
    if text.is_empty() {
        return None;
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
    {
        problems.add(
            UserErrorCode::Invalid,
            field,
            "Take out the control characters.",
        );
    } else if text.chars().count() > max {
        problems.add(
            UserErrorCode::TooLong,
            field,
            format!("At most {max} characters."),
        );
    }
    Some(text)
}

/// A slug: lower-case letters, digits, and `-`, `_` or `.` between them; at most 80; no TypeID.
pub fn slug(field: &str, text: &str) -> Result<String> {
    let inner =
        |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_' | b'.');
    let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = text.as_bytes();
    let fits = bytes.len() <= 80
        && bytes.iter().copied().all(inner)
        && edge(bytes.first())
        && edge(bytes.last());
    if fits && !crate::platform::ids::looks_like_id(text) {
        return Ok(text.to_owned());
    }
    Err(Error::user(
        UserErrorCode::Invalid,
        field,
        "A slug has up to 80 lower-case letters and digits, with -, _ or . between them, and is no id.",
    ))
}

/// A slug made of a name, as far as that goes.
#[must_use]
pub fn slug_of(name: &str) -> String {
    let folded = fold(name);
    let mut slug = String::new();
    for c in folded.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    slug.trim_matches('-').to_owned()
}

/// A message as a sentence: a capital in front, a full stop behind.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_joins_what_people_call_the_same() {
        assert_eq!(fold("ＴＯＰ Pick"), fold("top pick"));
        assert_eq!(fold("Straße"), "straße");
    }

    #[test]
    fn blanks_are_nothing() {
        let mut problems = Problems::new();
        assert_eq!(
            optional(&mut problems, "title", Some(" \u{200b}\u{feff} "), LINE),
            None
        );
        assert!(problems.is_empty());
        required(&mut problems, "title", "\u{200b}", LINE);
        assert!(!problems.is_empty());
    }

    #[test]
    fn slugs_are_no_ids() {
        assert!(slug("slug", "amazon-us.main-image").is_ok());
        let id = crate::platform::ids::encode("channel", uuid::Uuid::nil());
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "ä",
            "a b",
            id.as_str(),
            &"a".repeat(81),
        ] {
            assert!(slug("slug", bad).is_err(), "{bad}");
        }
        assert_eq!(slug_of("Top Picks, 2026!"), "top-picks-2026");
    }
}
