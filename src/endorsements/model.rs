//! Claims, evidence, and the choice of a language.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::contents::{Statement, StoredFile};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{CaptureId, ClaimId, ContentId, EvidenceId, ProductId};
use crate::platform::locale::lookup_chain;
use crate::platform::op::Actor;

/// Whether the product's owner stands behind a claim.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimState {
    /// Not decided yet: it holds the endorsement.
    Proposed,
    /// True of the product.
    Confirmed,
    /// Not true of the product, or not in these words: it holds the endorsement.
    Refused,
}

/// What a piece of evidence is worth. PENDING and FAILED prove nothing.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EvidenceState {
    /// Not fetched yet.
    Pending,
    /// It could not be fetched.
    Failed,
    /// As it stood when it was last looked at.
    Current,
    /// The page says something else by now; what it said is kept.
    Changed,
    /// The page is gone; what it said is kept.
    Gone,
}

/// Proof that it was said: a file, or a page as it was fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub id: EvidenceId,
    pub endorsement: ContentId,
    pub url: Option<String>,
    pub file: Option<StoredFile>,
    pub state: EvidenceState,
    pub error: Option<String>,
    pub captured_at: Option<Timestamp>,
    pub checked_at: Option<Timestamp>,
    /// Whether the quote stands on the page, as far as that was looked for.
    pub contains_quote: Option<bool>,
    pub note: Option<String>,
}

/// A page as it stood once, kept as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    pub id: CaptureId,
    pub evidence: EvidenceId,
    /// Where it stood, after all redirects.
    pub url: String,
    pub status: i32,
    /// Names in small letters; without cookies.
    pub headers: Vec<(String, String)>,
    pub file: StoredFile,
    /// What browsers show of it as text; none of a picture or a PDF.
    pub text: Option<StoredFile>,
    pub contains_quote: Option<bool>,
    pub captured_at: Timestamp,
}

/// A selling point that an endorsement backs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub id: ClaimId,
    pub endorsement: ContentId,
    pub product: ProductId,
    pub text: String,
    pub state: ClaimState,
    pub decided_by: Option<Actor>,
    pub decided_at: Option<Timestamp>,
    pub note: Option<String>,
}

/// The statement to be shown to a reader of `locale`: the best match by RFC 4647 lookup; the original when
/// none fits, none is asked for, or none may be translated. None only where there are no statements.
#[must_use]
pub fn choose_statement<'s>(
    statements: &'s [Statement],
    locale: Option<&str>,
    translation_barred: bool,
) -> Option<&'s Statement> {
    let original = || {
        statements
            .iter()
            .find(|s| s.is_original)
            .or_else(|| statements.first())
    };
    match locale {
        Some(locale) if !translation_barred => lookup_chain(locale)
            .iter()
            .find_map(|wanted| statements.iter().find(|s| s.locale == *wanted))
            .or_else(original),
        _ => original(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(locale: &str, is_original: bool) -> Statement {
        Statement {
            locale: locale.to_owned(),
            is_original,
            headline: "Best torch".to_owned(),
            quote: None,
            award: None,
            disclosure: None,
            folded: "best torch".to_owned(),
        }
    }

    #[test]
    fn the_statement_is_the_best_match_or_the_original() {
        let all = [
            statement("de", false),
            statement("en", true),
            statement("zh-Hans", false),
            statement("zh", false),
        ];
        let table = [
            (None, false, "en"),
            (Some("de"), false, "de"),
            (Some("de-AT"), false, "de"),
            (Some("zh-Hans-CN"), false, "zh-Hans"),
            (Some("zh-Hant-HK"), false, "zh"),
            (Some("fr"), false, "en"),
            (Some("de"), true, "en"),
            (None, true, "en"),
        ];
        for (asked, barred, chosen) in table {
            let found = choose_statement(&all, asked, barred).map(|s| s.locale.as_str());
            assert_eq!(found, Some(chosen), "{asked:?} {barred}");
        }
        assert_eq!(choose_statement(&[], Some("en"), false), None);
    }

    #[test]
    fn a_range_does_not_match_what_is_more_exact() {
        let all = [statement("en", true), statement("zh-Hans", false)];
        assert_eq!(
            choose_statement(&all, Some("zh"), false).map(|s| s.locale.as_str()),
            Some("en")
        );
    }
}
