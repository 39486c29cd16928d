//! Which statement of an endorsement is served: the best match of the language asked for, the original
//! when none fits or when the lease lets none be translated.

use super::facts::{Ask, Facts, Preference};
use super::leases;
use crate::contents::Statement;
use crate::platform::db::Sql;

/// The current version of a row of `contents`.
pub(super) const CURRENT: &str = "(SELECT v.id FROM versions v WHERE v.content_id = {c}.id
     AND v.state = 'APPROVED' ORDER BY v.number DESC LIMIT 1)";

/// The statement that this question gets; none only where there are no statements.
#[must_use]
pub fn served<'f>(facts: &'f Facts, ask: &Ask) -> Option<&'f Statement> {
    let original_only = leases::best(facts, ask).is_some_and(|on| on.lease.terms.no_translation);
    let preference = ask.preference();
    let rank = |s: &Statement| {
        preference
            .iter()
            .position(|p| p.takes(&s.locale))
            .unwrap_or(preference.len())
    };
    facts
        .statements
        .iter()
        .filter(|s| s.is_original || (!original_only && rank(s) < preference.len()))
        .min_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.locale.cmp(&b.locale)))
}

/// The locale of the served statement, as SQL: the same choice as [`served`].
pub(super) fn served_locale(ask: &Ask, alias: &'static str) -> Sql {
    let preference = ask.preference();
    let matches = Sql::any(preference.iter().map(|p| takes(p, "t.locale")));
    let mut rank = Sql::new("CASE");
    for (i, step) in preference.iter().enumerate() {
        rank = rank
            .push(" WHEN ")
            .append(takes(step, "t.locale"))
            .push(" THEN ")
            .bind(index(i));
    }
    let rank = if preference.is_empty() {
        Sql::new("t.locale")
    } else {
        rank.push(" ELSE ")
            .bind(index(preference.len()))
            .push(" END")
    };
    Sql::new("(SELECT t.locale FROM statements t WHERE t.version_id = ")
        .about(CURRENT, alias)
        .push(" AND (t.is_original OR (")
        .append(matches)
        .push(" AND ")
        .append(leases::translation_barred(ask, alias).negate())
        .push(")) ORDER BY ")
        .append(rank)
        .push(", t.locale LIMIT 1)")
}

/// True when the served statement, under `t`, meets a condition.
pub(super) fn served_is(ask: &Ask, alias: &'static str, condition: Sql) -> Sql {
    Sql::new("EXISTS (SELECT 1 FROM statements t WHERE t.version_id = ")
        .about(CURRENT, alias)
        .push(" AND t.locale = ")
        .append(served_locale(ask, alias))
        .push(" AND ")
        .append(condition)
        .push(")")
}

fn index(i: usize) -> i32 {
    i32::try_from(i).unwrap_or(i32::MAX)
}

fn takes(preference: &Preference, column: &'static str) -> Sql {
    match preference {
        Preference::Exactly(locale) => Sql::new(column).push(" = ").bind(locale.clone()),
        Preference::In(range) => in_range(range, column),
    }
}

/// Whether a locale is in a language range (RFC 4647 basic filtering). Both are canonical, and neither
/// can hold a wildcard.
fn in_range(range: &str, column: &'static str) -> Sql {
    Sql::new("(")
        .push(column)
        .push(" = ")
        .bind(range)
        .push(" OR ")
        .push(column)
        .push(" LIKE ")
        .bind(format!("{range}-%"))
        .push(")")
}

/// Whether a locale is in any of the ranges.
pub(super) fn in_any_range(ranges: &[String], column: &'static str) -> Sql {
    Sql::any(ranges.iter().map(|range| in_range(range, column)))
}
