//! What rights demand: which leases cover the place, and which of them permit the use.

use super::facts::{Ask, Facts};
use super::picture;
use super::speech::{CURRENT, in_any_range};
use super::{Finding, Hold, HoldReason, Verdict};
use crate::channels::{Demand, RuleCheck, Severity};
use crate::contents::StoredFile;
use crate::platform::clock::Timestamp;
use crate::platform::db::Sql;
use crate::platform::locale;
use crate::platform::names::name_of;
use crate::rights::model::{Lease, LeaseAccess, LeaseOn};

/// Whether a lease covers the place, whatever the time. An unknown market: an ALLOW with markets does not
/// cover, a DENY with markets does.
#[must_use]
pub fn covers(on: &LeaseOn, ask: &Ask) -> bool {
    on.places.iter().any(|place| {
        let channel = place.channel.is_none_or(|c| ask.chain.contains(&c));
        let market = match (&place.market, &ask.market) {
            (None, _) => true,
            (Some(bound), Some(asked)) => bound == asked,
            (Some(_), None) => on.lease.access == LeaseAccess::Deny,
        };
        channel && market
    })
}

fn covering<'f>(
    facts: &'f Facts,
    ask: &Ask,
    access: LeaseAccess,
) -> impl Iterator<Item = &'f LeaseOn> {
    facts
        .leases
        .iter()
        .filter(move |on| on.lease.access == access && covers(on, ask))
}

/// `EXISTS` a lease in force that covers the place and meets `more` (a condition on `l` and `s`).
fn exists_covering(ask: &Ask, alias: &'static str, access: LeaseAccess, more: Option<Sql>) -> Sql {
    let (name, unknown_market) = match access {
        LeaseAccess::Allow => ("ALLOW", "s.market IS NULL"),
        LeaseAccess::Deny => ("DENY", "1 = 1"),
    };
    let market = match &ask.market {
        Some(market) => Sql::new("(s.market IS NULL OR s.market = ")
            .bind(market.clone())
            .push(")"),
        None => Sql::new(unknown_market),
    };
    let mut sql = Sql::of(
        "EXISTS (SELECT 1 FROM lease_scopes s JOIN leases l ON l.id = s.lease_id
         WHERE s.content_id = {c}.id AND l.access = ",
        alias,
    )
    .bind(name)
    .push(" AND (l.starts_at IS NULL OR l.starts_at <= ")
    .bind(ask.at)
    .push(") AND (l.ends_at IS NULL OR l.ends_at > ")
    .bind(ask.at)
    .push(") AND (s.channel_id IS NULL OR s.channel_id IN ")
    .list(ask.chain.iter().copied())
    .push(") AND ")
    .append(market);
    if let Some(more) = more {
        sql = sql.push(" AND ").append(more);
    }
    sql.push(")")
}

/// LEASE_DENIED: a DENY in force covers channel and market.
pub(super) fn denied(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    for on in covering(facts, ask, LeaseAccess::Deny).filter(|on| on.lease.is_active(ask.at)) {
        let text = format!("A lease bars it there{}.", until_text(on.lease.ends_at));
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::LeaseDenied, text).under(on.lease.id));
    }
}

pub(super) fn denied_sql(ask: &Ask, alias: &'static str) -> Sql {
    exists_covering(ask, alias, LeaseAccess::Deny, None)
}

fn until_text(end: Option<Timestamp>) -> String {
    end.map(|at| format!(" until {}", at.to_rfc3339()))
        .unwrap_or_default()
}

/// Whether it may go out only under a lease.
fn is_needed(facts: &Facts, ask: &Ask) -> bool {
    ask.demands(&Demand::Lease) == Some(Severity::Error)
        || facts
            .leases
            .iter()
            .any(|on| on.lease.access == LeaseAccess::Allow)
        || facts
            .content
            .endorsement()
            .is_some_and(|e| e.outlet_kind.needs_consent())
}

fn is_needed_sql(ask: &Ask, alias: &'static str) -> Sql {
    if ask.demands(&Demand::Lease) == Some(Severity::Error) {
        return Sql::new("1 = 1");
    }
    Sql::of(
        "(EXISTS (SELECT 1 FROM lease_scopes s JOIN leases l ON l.id = s.lease_id
          WHERE s.content_id = {c}.id AND l.access = 'ALLOW')
         OR ({c}.kind = 'ENDORSEMENT' AND EXISTS (SELECT 1 FROM endorsements e JOIN outlets o ON o.id = e.outlet_id
          WHERE e.content_id = {c}.id AND o.kind IN ('CUSTOMER', 'CREATOR'))))",
        alias,
    )
}

/// A lease is needed, and none that covers channel and market now permits the use: [`absent`] or [`terms`].
pub(super) fn unpermitted(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    absent(facts, ask, verdict);
    terms(facts, ask, verdict);
}

/// Both at once: a lease that permits the use covers the place, and one that covers the place is needed, for
/// a content with an ALLOW needs one. So what is needed and not permitted is either absent or barred.
pub(super) fn unpermitted_sql(ask: &Ask, alias: &'static str) -> Sql {
    let permits = permits_sql(ask, alias);
    Sql::all([
        is_needed_sql(ask, alias),
        exists_covering(ask, alias, LeaseAccess::Allow, Some(permits)).negate(),
    ])
}

/// LEASE_MISSING, LEASE_NOT_STARTED, LEASE_ENDED: a lease is needed and none covers channel and market now.
fn absent(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    let mut allows: Vec<&LeaseOn> = covering(facts, ask, LeaseAccess::Allow).collect();
    if allows.iter().any(|on| on.lease.is_active(ask.at)) {
        return;
    }
    allows.sort_by_key(|on| (on.lease.starts_at, on.lease.id));
    let coming = allows
        .iter()
        .find(|on| on.lease.starts_at.is_some_and(|start| start > ask.at));
    let ended = allows
        .iter()
        .filter(|on| on.lease.ends_at.is_some_and(|end| end <= ask.at))
        .max_by_key(|on| on.lease.ends_at);
    let hold = if let Some(on) = coming {
        let start = on
            .lease
            .starts_at
            .map(Timestamp::to_rfc3339)
            .unwrap_or_default();
        let text = format!("Its lease for this place begins at {start}.");
        Hold::new(facts, HoldReason::LeaseNotStarted, text).under(on.lease.id)
    } else if let Some(on) = ended {
        let end = on
            .lease
            .ends_at
            .map(Timestamp::to_rfc3339)
            .unwrap_or_default();
        let text = format!("Its lease for this place ended at {end}. Renew it.");
        Hold::new(facts, HoldReason::LeaseEnded, text).under(on.lease.id)
    } else {
        let text = "No lease covers it for this channel and market. Record one that does.";
        Hold::new(facts, HoldReason::LeaseMissing, text)
    };
    if is_needed(facts, ask) {
        verdict.holds.push(hold);
    } else if ask.demands(&Demand::Lease).is_some() {
        verdict.warnings.push(hold);
    }
}

/// What is wrong with a preset that crops or pads what may only be scaled.
const ALTERED: &str = "The lease bars altering it, and what the place gets is cropped or padded. Give it a preset with INSIDE.";

/// The same as a finding: what is wrong is the preset's frame.
fn altered(ask: &Ask) -> Finding {
    Finding {
        check: RuleCheck::AspectRatio,
        severity: Severity::Error,
        message: ALTERED.to_owned(),
        expected: Some("a picture that is scaled only".to_owned()),
        actual: ask.preset().and_then(|preset| name_of(preset.fit).ok()),
        source: None,
    }
}

/// What every lease that covers the place now bars the preset to do to a file, if anything.
pub(super) fn bars_altering(facts: &Facts, file: &StoredFile, ask: &Ask) -> Option<Finding> {
    let mut covering = covering(facts, ask, LeaseAccess::Allow)
        .filter(|on| on.lease.is_active(ask.at))
        .peekable();
    let barred = covering.peek().is_some() && covering.all(|on| on.lease.terms.no_alteration);
    (barred && picture::alters(file, &ask.presets)).then(|| altered(ask))
}

/// What keeps a lease from permitting this use.
fn bars(facts: &Facts, ask: &Ask, lease: &Lease) -> Vec<(HoldReason, &'static str)> {
    let terms = &lease.terms;
    let mut bars = Vec::new();
    if terms.product_bound
        && ask
            .product
            .is_some_and(|p| !facts.labels.products.contains(&p))
    {
        bars.push((
            HoldReason::ProductMismatch,
            "The lease is for its own products, and this is not one.",
        ));
    }
    if terms.creative_approval && !is_approved_by_licensor(facts, ask, lease) {
        let text =
            "The lease demands the licensor's approval of this version. Record it as a review.";
        bars.push((HoldReason::CreativeApprovalMissing, text));
    }
    if terms.no_redistribution && ask.redistributes() {
        bars.push((
            HoldReason::RedistributionBarred,
            "The lease does not let it be handed on.",
        ));
    }
    let alters = || {
        let file = facts.content.current.as_ref().and_then(|v| v.file());
        file.is_some_and(|file| picture::alters(file, &ask.presets))
    };
    if terms.no_alteration && alters() {
        bars.push((HoldReason::ChannelRule, ALTERED));
    }
    let original_excluded = || {
        let original = facts.statements.iter().find(|s| s.is_original);
        original.is_some_and(|s| {
            ask.languages().any(|list| {
                !list
                    .iter()
                    .any(|range| locale::range_matches(range, &s.locale))
            })
        })
    };
    if terms.no_translation && original_excluded() {
        let text =
            "The lease bars translations, and this place does not take the original's language.";
        bars.push((HoldReason::TranslationBarred, text));
    }
    bars
}

/// The licensor's latest word on the current version, for this preset or for all.
fn is_approved_by_licensor(facts: &Facts, ask: &Ask, lease: &Lease) -> bool {
    let preset = ask.preset().map(|preset| &preset.name);
    let mut words = facts
        .licensor_words
        .iter()
        .filter(|w| w.lease == lease.id && (w.preset.is_none() || w.preset.as_ref() == preset));
    words.next_back().is_some_and(|w| w.approves)
}

/// A lease that covers the place now, and what keeps it from permitting the use.
fn candidates<'f>(
    facts: &'f Facts,
    ask: &Ask,
) -> Vec<(&'f LeaseOn, Vec<(HoldReason, &'static str)>)> {
    let active = covering(facts, ask, LeaseAccess::Allow).filter(|on| on.lease.is_active(ask.at));
    active.map(|on| (on, bars(facts, ask, &on.lease))).collect()
}

/// The lease under whose terms it goes out: of those that permit the use the one that lets it be
/// translated, then the one with the fewest duties, then the one that ends last.
pub(super) fn best<'f>(facts: &'f Facts, ask: &Ask) -> Option<&'f LeaseOn> {
    let permitting = candidates(facts, ask)
        .into_iter()
        .filter(|(_, bars)| bars.is_empty());
    permitting.map(|(on, _)| on).min_by_key(|on| {
        let end = on.lease.ends_at.map_or(i64::MAX, |at| at.0);
        (
            on.lease.terms.no_translation,
            on.lease.terms.duties(),
            std::cmp::Reverse(end),
            on.lease.id,
        )
    })
}

/// Since when the lease is in force under whose terms it goes out; none: it has no beginning, or none is needed.
#[must_use]
pub fn lease_start(facts: &Facts, ask: &Ask) -> Option<Timestamp> {
    best(facts, ask).and_then(|on| on.lease.starts_at)
}

/// PRODUCT_MISMATCH, CREATIVE_APPROVAL_MISSING, REDISTRIBUTION_BARRED, TRANSLATION_BARRED, and CHANNEL_RULE
/// for a preset that alters what may not be: leases cover the place, but the terms of none permit the use. The holds are those of the lease with the fewest.
fn terms(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    let mut candidates = candidates(facts, ask);
    candidates.sort_by_key(|(on, bars)| (bars.len(), on.lease.id));
    if let Some((on, bars)) = candidates.first() {
        for (reason, text) in bars {
            let mut hold = Hold::new(facts, *reason, *text).under(on.lease.id);
            if *reason == HoldReason::ChannelRule {
                hold.findings.push(altered(ask));
            }
            verdict.holds.push(hold);
        }
        if bars.is_empty()
            && ask.product.is_none()
            && let Some(on) = best(facts, ask)
            && on.lease.terms.product_bound
        {
            let text = "The lease is for its own products: show it with no other.";
            verdict
                .warnings
                .push(Hold::new(facts, HoldReason::ProductMismatch, text).under(on.lease.id));
        }
    }
}

/// Whether the terms of the lease `l` permit the use: [`bars`] is empty.
fn permits_sql(ask: &Ask, alias: &'static str) -> Sql {
    let mut parts = Vec::new();
    if let Some(product) = ask.product {
        let sql = Sql::of(
            "(NOT l.product_bound OR EXISTS (SELECT 1 FROM content_products p
              WHERE p.content_id = {c}.id AND p.product_id = ",
            alias,
        );
        parts.push(sql.bind(product).push("))"));
    }
    if let Some(altered) = picture::alters_sql(&ask.presets, alias) {
        parts.push(
            Sql::new("(NOT l.no_alteration OR NOT ")
                .append(altered)
                .push(")"),
        );
    }
    parts.push(
        Sql::new(
            "(NOT l.creative_approval OR coalesce((SELECT r.decision FROM reviews r
              WHERE r.lease_id = l.id AND (r.preset IS NULL OR r.preset = ",
        )
        .bind(ask.preset().map(|preset| preset.name.clone()))
        .push(") AND r.version_id = ")
        .about(CURRENT, alias)
        .push(" ORDER BY r.id DESC LIMIT 1), '') = 'APPROVE')"),
    );
    if ask.redistributes() {
        parts.push(Sql::new("NOT l.no_redistribution"));
    }
    for list in ask.languages() {
        parts.push(
            Sql::new("(NOT l.no_translation OR NOT EXISTS (SELECT 1 FROM statements t WHERE t.version_id = ")
                .about(CURRENT, alias)
                .push(" AND t.is_original AND NOT ")
                .append(in_any_range(list, "t.locale"))
                .push("))"),
        );
    }
    Sql::all(parts)
}

/// True when leases permit the use, but none of them a translation.
pub(super) fn translation_barred(ask: &Ask, alias: &'static str) -> Sql {
    let permits = permits_sql(ask, alias);
    let translates = Sql::all([permits.clone(), Sql::new("NOT l.no_translation")]);
    Sql::all([
        exists_covering(ask, alias, LeaseAccess::Allow, Some(permits)),
        exists_covering(ask, alias, LeaseAccess::Allow, Some(translates)).negate(),
    ])
}

/// What the leases in force now leave of an endorsement's words, wherever it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wordless {
    /// The original only.
    pub no_translation: bool,
    /// No quote.
    pub no_excerpt: bool,
}

/// What the terms bar under which it goes out for any of these questions: words that one of the places may
/// not show are shown to none that reads for all of them.
#[must_use]
pub fn wordless_in(facts: &Facts, asks: &[Ask]) -> Wordless {
    let mut bars = Wordless::default();
    for ask in asks {
        let answer = super::decide(facts, ask);
        if let Some(terms) = answer.terms.filter(|_| answer.holds.is_empty()) {
            bars.no_translation |= terms.no_translation;
            bars.no_excerpt |= terms.no_excerpt;
        }
    }
    bars
}

/// What every ALLOW in force bars; nothing where none is in force.
#[must_use]
pub fn wordless(facts: &Facts, at: Timestamp) -> Wordless {
    let in_force = || {
        facts
            .leases
            .iter()
            .filter(|on| on.lease.access == LeaseAccess::Allow && on.lease.is_active(at))
    };
    let all = |bars: fn(&Lease) -> bool| {
        in_force().next().is_some() && in_force().all(|on| bars(&on.lease))
    };
    Wordless {
        no_translation: all(|lease| lease.terms.no_translation),
        no_excerpt: all(|lease| lease.terms.no_excerpt),
    }
}
