//! What a version of an endorsement says, checked and stored.

use rust_decimal::Decimal;
use sea_orm::Value;

use crate::contents::{MaterialConnection, Statement, Wording};
use crate::error::{Problems, Result, UserErrorCode};
use crate::platform::db::{Tx, insert_many};
use crate::platform::ids::VersionId;
use crate::platform::locale;
use crate::platform::names::name_of;
use crate::platform::text;

/// Most languages of a version.
const MAX_STATEMENTS: usize = 50;
/// Longest disclosure, in characters.
const MAX_DISCLOSURE: usize = 1_000;

/// What a version shall say.
#[derive(Clone, Debug)]
pub(crate) struct NewWording {
    pub statements: Vec<NewStatement>,
    pub byline: Option<String>,
    pub rank: Option<i32>,
    pub rating: Option<Decimal>,
    pub rating_scale: Option<Decimal>,
    pub rating_count: Option<i32>,
    pub material_connection: Option<MaterialConnection>,
}

/// What it shall say in one language.
#[derive(Clone, Debug)]
pub(crate) struct NewStatement {
    pub locale: String,
    pub is_original: bool,
    pub headline: String,
    pub quote: Option<String>,
    pub award: Option<String>,
    pub disclosure: Option<String>,
}

/// A wording as it is stored: one original, each language once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CleanWording {
    facts: Wording,
    statements: Vec<Statement>,
}

/// Checks a wording; every problem is named at its field below `wording`.
pub(super) fn clean(problems: &mut Problems, new: &NewWording) -> CleanWording {
    check_numbers(problems, new);
    let facts = Wording {
        byline: text::optional(
            problems,
            "wording.byline",
            new.byline.as_deref(),
            text::LINE,
        ),
        rank: new.rank,
        rating: new.rating.map(|n| n.to_string()),
        rating_scale: new.rating_scale.map(|n| n.to_string()),
        rating_count: new.rating_count,
        material_connection: new.material_connection.unwrap_or_default(),
    };
    CleanWording {
        facts,
        statements: clean_statements(problems, &new.statements),
    }
}

fn check_numbers(problems: &mut Problems, new: &NewWording) {
    use UserErrorCode::{Invalid, Required};
    if new.rank.is_some_and(|rank| rank < 1) {
        problems.add(Invalid, "wording.rank", "A rank is 1 or more.");
    }
    if new.rating_count.is_some_and(|count| count < 0) {
        problems.add(Invalid, "wording.ratingCount", "A count is 0 or more.");
    }
    match (new.rating, new.rating_scale) {
        (Some(_), None) => problems.add(
            Required,
            "wording.ratingScale",
            "Say out of how many the rating is.",
        ),
        (None, Some(_)) => problems.add(
            Required,
            "wording.rating",
            "Give the rating together with its scale.",
        ),
        (Some(_), Some(scale)) if scale <= Decimal::ZERO => {
            problems.add(Invalid, "wording.ratingScale", "A scale is more than 0.");
        }
        (Some(rating), Some(scale)) if rating < Decimal::ZERO || rating > scale => {
            problems.add(
                Invalid,
                "wording.rating",
                format!("The rating must be between 0 and {scale}."),
            );
        }
        _ => {}
    }
}

fn clean_statements(problems: &mut Problems, new: &[NewStatement]) -> Vec<Statement> {
    const FIELD: &str = "wording.statements";
    match new.len() {
        0 => problems.add(
            UserErrorCode::Required,
            FIELD,
            "Give at least one statement.",
        ),
        1..=MAX_STATEMENTS => {}
        _ => {
            problems.add(
                UserErrorCode::QuotaExceeded,
                FIELD,
                format!("At most {MAX_STATEMENTS} statements."),
            );
            return Vec::new();
        }
    }
    let marked = new.iter().filter(|s| s.is_original).count();
    if marked > 1 {
        problems.add(
            UserErrorCode::Invalid,
            FIELD,
            "Only one statement can be the original.",
        );
    }
    let mut clean: Vec<Statement> = Vec::with_capacity(new.len());
    for (i, one) in new.iter().enumerate() {
        let at = format!("{FIELD}.{i}");
        let mut statement = clean_statement(problems, &at, one);
        statement.is_original |= marked == 0 && i == 0;
        if clean.iter().any(|s| s.locale == statement.locale) {
            let text = format!(
                "{} is given twice. Give each language once.",
                statement.locale
            );
            problems.add(UserErrorCode::Invalid, &format!("{at}.locale"), text);
        }
        clean.push(statement);
    }
    clean
}

fn clean_statement(problems: &mut Problems, at: &str, new: &NewStatement) -> Statement {
    let locale = locale::canonical(&new.locale).unwrap_or_else(|| {
        let text = "Write the language as BCP 47, such as en, zh-Hans or pt-BR.";
        problems.add(UserErrorCode::Invalid, &format!("{at}.locale"), text);
        new.locale.clone()
    });
    let mut optional = |field: &str, value: &Option<String>, max| {
        text::optional(problems, &format!("{at}.{field}"), value.as_deref(), max)
    };
    let quote = optional("quote", &new.quote, text::PROSE);
    let award = optional("award", &new.award, text::LINE);
    let disclosure = optional("disclosure", &new.disclosure, MAX_DISCLOSURE);
    let headline = text::required(
        problems,
        &format!("{at}.headline"),
        &new.headline,
        text::LINE,
    );
    let said = [Some(&headline), quote.as_ref(), award.as_ref()];
    let said: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
    let folded = text::fold(&said.join("\n"));
    Statement {
        locale,
        is_original: new.is_original,
        headline,
        quote,
        award,
        disclosure,
        folded,
    }
}

/// Stores the wordings of versions.
pub(super) async fn insert(tx: &Tx, new: &[(VersionId, &CleanWording)]) -> Result<()> {
    let columns = [
        "version_id",
        "byline",
        "ranked",
        "rating",
        "rating_scale",
        "rating_count",
        "material_connection",
    ];
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(new.len());
    for (version, wording) in new {
        let facts = &wording.facts;
        rows.push(vec![
            (*version).into(),
            facts.byline.clone().into(),
            facts.rank.into(),
            facts.rating.clone().into(),
            facts.rating_scale.clone().into(),
            facts.rating_count.into(),
            name_of(facts.material_connection)?.into(),
        ]);
    }
    insert_many(&**tx, "endorsement_versions", &columns, rows, "").await?;
    let columns = [
        "version_id",
        "locale",
        "is_original",
        "headline",
        "quote",
        "award",
        "disclosure",
        "folded",
    ];
    let statements = new.iter().flat_map(|(version, wording)| {
        let statements = wording.statements.iter();
        statements.map(|statement| (*version, statement))
    });
    let rows = statements.map(|(version, s)| {
        vec![
            version.into(),
            s.locale.clone().into(),
            s.is_original.into(),
            s.headline.clone().into(),
            s.quote.clone().into(),
            s.award.clone().into(),
            s.disclosure.clone().into(),
            s.folded.clone().into(),
        ]
    });
    insert_many(&**tx, "statements", &columns, rows.collect(), "").await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(locale: &str, is_original: bool) -> NewStatement {
        NewStatement {
            locale: locale.to_owned(),
            is_original,
            headline: "Best Torch".to_owned(),
            quote: Some("It shines.".to_owned()),
            award: None,
            disclosure: None,
        }
    }

    fn wording(statements: Vec<NewStatement>) -> NewWording {
        NewWording {
            statements,
            byline: None,
            rank: None,
            rating: None,
            rating_scale: None,
            rating_count: None,
            material_connection: None,
        }
    }

    #[test]
    fn exactly_one_statement_is_the_original() {
        let originals = |new: Vec<NewStatement>| -> Option<Vec<bool>> {
            let mut problems = Problems::new();
            let clean = clean(&mut problems, &wording(new));
            problems
                .check()
                .ok()
                .map(|()| clean.statements.iter().map(|s| s.is_original).collect())
        };
        assert_eq!(
            originals(vec![one("de", false), one("en", false)]),
            Some(vec![true, false])
        );
        assert_eq!(
            originals(vec![one("de", false), one("en", true)]),
            Some(vec![false, true])
        );
        assert_eq!(originals(vec![one("de", true), one("en", true)]), None);
        assert_eq!(originals(vec![one("de", true), one("DE", false)]), None);
        assert_eq!(originals(Vec::new()), None);
    }

    #[test]
    fn what_is_said_is_folded_for_finding_banned_terms() {
        let clean = clean(&mut Problems::new(), &wording(vec![one("en", true)]));
        assert_eq!(clean.statements[0].folded, "best torch\nit shines.");
    }

    #[test]
    fn a_rating_lies_on_its_scale() {
        let table = [
            (Some(45), Some(50), true),
            (Some(0), Some(50), true),
            (Some(51), Some(50), false),
            (Some(-1), Some(50), false),
            (Some(0), Some(0), false),
            (Some(45), None, false),
            (None, Some(50), false),
            (None, None, true),
        ];
        for (rating, scale, good) in table {
            let mut new = wording(vec![one("en", true)]);
            new.rating = rating.map(|n| Decimal::new(n, 1));
            new.rating_scale = scale.map(|n| Decimal::new(n, 1));
            let mut problems = Problems::new();
            clean(&mut problems, &new);
            assert_eq!(problems.is_empty(), good, "{rating:?} of {scale:?}");
        }
    }
}
