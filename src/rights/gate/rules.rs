//! What the place demands: each check against the facts, and the same in SQL.
//!
//! A rule of severity ERROR that finds something holds, a WARN warns. Checks of files ([`picture`]) do not
//! apply to texts and endorsements, checks of endorsements not to assets: an attached asset is held with its
//! endorsements.

use chrono::Months;

use super::facts::{Ask, Facts};
use super::picture::{self, Found};
use super::speech::{CURRENT, in_any_range, served, served_is};
use super::{Finding, Hold, HoldReason, Verdict};
use crate::channels::{Admission, Attribution, Demand, Rule, Severity};
use crate::contents::{AssetKind, VersionDetail};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::Sql;
use crate::platform::locale;

/// CHANNEL_RULE: one hold with all findings of severity ERROR, one warning with the others.
pub(super) fn decide(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    if facts
        .content
        .asset()
        .is_some_and(|a| a.kind == AssetKind::Source)
    {
        let text = "It is a working file and never goes out. Export what is to be shown.";
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::ChannelRule, text));
    }
    let current = facts.content.current.as_ref();
    let findings = current.map(|version| findings(facts, &version.detail, ask));
    let findings = findings.into_iter().flatten();
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.partition(|f| f.severity == Severity::Error);
    for (findings, list) in [
        (errors, &mut verdict.holds),
        (warnings, &mut verdict.warnings),
    ] {
        if !findings.is_empty() {
            let texts: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
            let mut hold = Hold::new(facts, HoldReason::ChannelRule, texts.join(" "));
            hold.findings = findings;
            list.push(hold);
        }
    }
}

pub(super) fn sql(ask: &Ask, alias: &'static str) -> Sql {
    let working_file = Sql::of(
        "EXISTS (SELECT 1 FROM assets a WHERE a.content_id = {c}.id AND a.kind = 'SOURCE')",
        alias,
    );
    let errors = || {
        let rules = ask.rules.iter();
        rules.filter(|rule| rule.severity == Severity::Error)
    };
    let of_files: Vec<Sql> = errors()
        .filter_map(|rule| picture::finds(&rule.demand))
        .collect();
    let of_files = (!of_files.is_empty()).then(|| {
        Sql::new("EXISTS (SELECT 1 FROM ")
            .append(picture::shown_sql(ask.preset(), alias))
            .push(" s WHERE ")
            .append(Sql::any(of_files))
            .push(")")
    });
    let others = errors().filter_map(|rule| violates(ask, rule, alias));
    Sql::any([working_file].into_iter().chain(of_files).chain(others))
}

/// What the place's rules find against what a version holds, in the order of the rules.
pub(super) fn findings<'a>(
    facts: &'a Facts,
    detail: &'a VersionDetail,
    ask: &'a Ask,
) -> impl Iterator<Item = Finding> + 'a {
    ask.rules
        .iter()
        .filter_map(|rule| find(facts, detail, ask, rule))
}

/// What one rule finds against what a version holds; none where it is content.
fn find(facts: &Facts, detail: &VersionDetail, ask: &Ask, rule: &Rule) -> Option<Finding> {
    let (text, expected, actual) = match detail {
        VersionDetail::File(file) => picture::find(file, ask.preset(), &rule.demand)
            .or_else(|| in_locale(facts, &rule.demand))?,
        VersionDetail::Text { folded, .. } => {
            banned(folded, &rule.demand).or_else(|| in_locale(facts, &rule.demand))?
        }
        VersionDetail::Wording(_) => in_endorsement(facts, ask, &rule.demand)?,
    };
    // A full place warns here: what is live there already may stay. Going live is refused where it is asked.
    let severity = match rule.demand {
        Demand::MaxEndorsements(_) => Severity::Warn,
        _ => rule.severity,
    };
    Some(Finding {
        check: rule.demand.check(),
        severity,
        message: rule.message.clone().unwrap_or_else(|| text.to_owned()),
        expected: Some(expected),
        actual,
        source: rule.source.clone(),
    })
}

/// LANGUAGES against the language of the words in an asset.
fn in_locale(facts: &Facts, demand: &Demand) -> Option<Found> {
    let locale = facts.content.asset()?.locale.as_ref()?;
    match demand {
        Demand::Languages(list) => other_language(list, locale),
        _ => None,
    }
}

fn other_language(list: &[String], locale: &str) -> Option<Found> {
    let taken = list
        .iter()
        .any(|range| locale::range_matches(range, locale));
    (!taken).then(|| {
        (
            "The place does not take this language.",
            list.join(", "),
            Some(locale.to_owned()),
        )
    })
}

fn banned(folded: &str, demand: &Demand) -> Option<Found> {
    let Demand::BannedTerms(terms) = demand else {
        return None;
    };
    let found = terms.iter().find(|term| folded.contains(term.as_str()))?;
    Some((
        "The place does not want to read this.",
        format!("without “{found}”"),
        Some(found.clone()),
    ))
}

fn in_endorsement(facts: &Facts, ask: &Ask, demand: &Demand) -> Option<Found> {
    let detail = facts.content.endorsement()?;
    match demand {
        Demand::Endorsements(Admission::Nobody) => Some((
            "The place takes no endorsements.",
            "no endorsement".to_owned(),
            None,
        )),
        Demand::Endorsements(Admission::Only(kinds)) => (!kinds.contains(&detail.outlet_kind))
            .then(|| {
                let kinds: Vec<String> = kinds.iter().map(|k| format!("{k:?}")).collect();
                let text = "The place takes endorsements of other outlets only.";
                (
                    text,
                    kinds.join(", "),
                    Some(format!("{:?}", detail.outlet_kind)),
                )
            }),
        Demand::MaxEndorsements(most) => ask
            .live_endorsements
            .get(&facts.content.brand)
            .filter(|live| *live >= most)
            .map(|live| {
                (
                    "The place is full.",
                    format!("at most {most} live at once"),
                    Some(format!("{live} live")),
                )
            }),
        Demand::MaxAgeMonths(months) => {
            (detail.published_on < oldest(ask.at, *months)).then(|| {
                let actual = detail.published_on.to_date().to_string();
                (
                    "It is too old for the place.",
                    format!("at most {months} months old"),
                    Some(actual),
                )
            })
        }
        Demand::MaxOutletTier(tier) => (detail.outlet_tier.unwrap_or(4) > *tier).then(|| {
            let actual = detail
                .outlet_tier
                .map_or("none".to_owned(), |t| t.to_string());
            (
                "The outlet is not known well enough for the place.",
                format!("tier {tier} or better"),
                Some(actual),
            )
        }),
        Demand::Attribution(what) => {
            let byline = facts.content.current.as_ref()?.wording()?.byline.as_ref();
            (what.contains(&Attribution::Byline) && byline.is_none()).then(|| {
                (
                    "The place wants its author named.",
                    "a byline".to_owned(),
                    None,
                )
            })
        }
        Demand::BannedTerms(_) => banned(&served(facts, ask)?.folded, demand),
        Demand::Languages(list) => other_language(list, &served(facts, ask)?.locale),
        _ => None,
    }
}

/// The earliest day of publication that is still young enough.
fn oldest(at: Timestamp, months: u32) -> Day {
    at.day()
        .to_date()
        .checked_sub_months(Months::new(months))
        .map_or(Day(i32::MIN), Day::from)
}

/// When an endorsement grows too old for the place, by each rule that says so.
pub(super) fn ages_out_at(published_on: Day, ask: &Ask) -> Vec<Timestamp> {
    let months = ask.rules.iter().filter_map(|rule| match rule.demand {
        Demand::MaxAgeMonths(months) => Some(months),
        _ => None,
    });
    months
        .filter_map(|months| {
            published_on
                .to_date()
                .checked_add_months(Months::new(months))
        })
        .map(|last| Day(Day::from(last).0.saturating_add(1)).start())
        .collect()
}

/// True for a row that a rule finds against: [`find`] in SQL.
fn violates(ask: &Ask, rule: &Rule, alias: &'static str) -> Option<Sql> {
    let of_endorsement = |condition: Sql| {
        Sql::of(
            "({c}.kind = 'ENDORSEMENT' AND EXISTS (SELECT 1 FROM endorsements e JOIN outlets o ON o.id = e.outlet_id
             WHERE e.content_id = {c}.id AND ",
            alias,
        )
        .append(condition)
        // Rules look at a version: what has none is NOT_APPROVED already.
        .push(" AND ")
        .about(CURRENT, alias)
        .push(" IS NOT NULL))")
    };
    Some(match &rule.demand {
        Demand::Endorsements(Admission::Nobody) => of_endorsement(Sql::new("1 = 1")),
        Demand::Endorsements(Admission::Only(kinds)) => {
            let names = kinds.iter().filter_map(|k| crate::platform::names::name_of(k).ok());
            of_endorsement(Sql::new("o.kind NOT IN ").list(names))
        }
        Demand::MaxAgeMonths(months) => {
            of_endorsement(Sql::new("e.published_on < ").bind(oldest(ask.at, *months)))
        }
        Demand::MaxOutletTier(tier) => of_endorsement(Sql::new("coalesce(o.tier, 4) > ").bind(*tier)),
        Demand::Attribution(what) if what.contains(&Attribution::Byline) => {
            Sql::new("EXISTS (SELECT 1 FROM endorsement_versions ev WHERE ev.byline IS NULL AND ev.version_id = ")
                .about(CURRENT, alias)
                .push(")")
        }
        Demand::BannedTerms(terms) => Sql::any([
            served_is(ask, alias, holds_any("t.folded", terms)),
            Sql::new("EXISTS (SELECT 1 FROM asset_versions av WHERE av.version_id = ")
                .about(CURRENT, alias)
                .push(" AND ")
                .append(holds_any("av.folded", terms))
                .push(")"),
        ]),
        Demand::Languages(list) => Sql::any([
            served_is(ask, alias, in_any_range(list, "t.locale").negate()),
            Sql::of("EXISTS (SELECT 1 FROM assets a WHERE a.content_id = {c}.id AND a.locale IS NOT NULL AND ", alias)
                .append(in_any_range(list, "a.locale").negate())
                .push(" AND ")
                .about(CURRENT, alias)
                .push(" IS NOT NULL)"),
        ]),
        // The rest is looked at in files, at going live, or by other rows of the table.
        _ => return None,
    })
}

/// Whether a folded text holds any of the terms. `replace` finds text as it stands on both databases.
fn holds_any(column: &'static str, terms: &[String]) -> Sql {
    Sql::any(terms.iter().map(|term| {
        Sql::new("replace(")
            .push(column)
            .push(", ")
            .bind(term.clone())
            .push(", '') <> ")
            .push(column)
    }))
}
