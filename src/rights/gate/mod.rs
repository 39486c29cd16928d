//! The gate: may this go out here, now? One pure answer, with every reason, and the same as SQL.
//!
//! The rules are design.md's table, one small file part each: [`holds`] has the table itself, [`leases`]
//! what rights demand, [`rules`] what the place demands, [`picture`] what it gets of a file, [`speech`] which
//! statement is served.

#[cfg(test)]
pub(crate) mod equality;
mod facts;
mod holds;
mod leases;
mod picture;
mod rules;
mod speech;

use std::collections::BTreeMap;

use async_graphql::Enum;
use serde::Serialize;

pub use facts::{Ask, Facts, LicensorWord, Purpose};
pub use leases::{Wordless, covers, lease_start, wordless, wordless_in};
pub use speech::served;

use super::model::Terms;
use crate::channels::{RuleCheck, Severity};
use crate::contents::Version;
use crate::platform::clock::Timestamp;
use crate::platform::db::Sql;
use crate::platform::ids::{ContentId, LeaseId};

/// Why something is held.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HoldReason {
    /// No version is approved.
    NotApproved,
    /// It was recalled.
    Withdrawn,
    /// It is archived or in the trash.
    Archived,
    /// Its release is ahead.
    Embargoed,
    /// It is past its expiry.
    Expired,
    /// Neither the channel nor one above it is among its channels.
    NotTagged,
    /// The market is not among its markets; an unknown market is outside every list.
    OutOfMarket,
    /// A lease is needed, and none covers channel and market.
    LeaseMissing,
    /// A lease covers it, but only later.
    LeaseNotStarted,
    /// A lease covered it, and has ended.
    LeaseEnded,
    /// A DENY lease covers channel and market.
    LeaseDenied,
    /// The lease is bound to its products, and the one asked for is not among them.
    ProductMismatch,
    /// The lease bars translations, and the place does not take the original's language.
    TranslationBarred,
    /// The lease bars handing it on, which a deck, a share link, or this kind of channel does.
    RedistributionBarred,
    /// The lease demands the licensor's word on this version, and it is not recorded.
    CreativeApprovalMissing,
    /// A rule of the place finds against it.
    ChannelRule,
    /// A disclosure must be shown, and the statement served there has none.
    DisclosureMissing,
    /// A claim is proposed or refused.
    ClaimUnconfirmed,
    /// No evidence proves it.
    EvidenceMissing,
    /// It was to be checked again; a warning for 30 days, then a hold.
    RecheckDue,
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub check: RuleCheck,
    pub severity: Severity,
    pub message: String,
    pub expected: Option<String>,
    pub actual: Option<String>,
    pub source: Option<String>,
}

/// One reason for which something is held, or a warning.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub reason: HoldReason,
    pub message: String,
    /// Whose hold it is: an attached asset has its endorsements'.
    pub content: ContentId,
    pub lease: Option<LeaseId>,
    pub findings: Vec<Finding>,
}

impl Hold {
    fn new(facts: &Facts, reason: HoldReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            content: facts.content.id,
            lease: None,
            findings: Vec::new(),
        }
    }

    fn under(mut self, lease: LeaseId) -> Self {
        self.lease = Some(lease);
        self
    }
}

/// The answer. It goes out if nothing holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Availability {
    pub holds: Vec<Hold>,
    pub warnings: Vec<Hold>,
    /// The terms it goes out on; none where no lease covers it.
    pub terms: Option<Terms>,
    /// When time alone can next change this answer; none: never.
    pub until: Option<Timestamp>,
}

impl Availability {
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.holds.is_empty()
    }
}

/// What one rule says of one content: holds and warnings, in the order of the table.
#[derive(Default)]
struct Verdict {
    holds: Vec<Hold>,
    warnings: Vec<Hold>,
}

/// One row of the gate's table: the rule in Rust and the same rule in SQL.
struct HoldRule {
    /// What the rule finds.
    decide: fn(&Facts, &Ask, &mut Verdict),
    /// True for a row under this alias that the rule holds.
    sql: fn(&Ask, &'static str) -> Sql,
}

/// May this go out here, now? Pure: facts and a question in, the answer out.
#[must_use]
pub fn decide(facts: &Facts, ask: &Ask) -> Availability {
    let mut answer = decide_own(facts, ask);
    if facts.attached.is_empty() {
        return answer;
    }
    let of_endorsements: Vec<Availability> =
        facts.attached.iter().map(|e| decide_own(e, ask)).collect();
    let first_open = of_endorsements.iter().find(|a| a.is_available());
    if answer.terms.is_none() {
        answer.terms = first_open.and_then(|a| a.terms.clone());
    }
    if first_open.is_none() {
        answer
            .holds
            .extend(of_endorsements.iter().flat_map(|a| a.holds.iter().cloned()));
    }
    answer.until = of_endorsements
        .iter()
        .map(|a| a.until)
        .chain([answer.until])
        .flatten()
        .min();
    answer
}

/// The answer for a content by itself, whatever it is attached to.
fn decide_own(facts: &Facts, ask: &Ask) -> Availability {
    let mut verdict = Verdict::default();
    for rule in holds::TABLE {
        (rule.decide)(facts, ask, &mut verdict);
    }
    let terms = leases::best(facts, ask).map(|on| on.lease.terms.clone());
    let until = instants(facts, ask)
        .into_iter()
        .filter(|at| *at > ask.at)
        .min();
    Availability {
        holds: verdict.holds,
        warnings: verdict.warnings,
        terms,
        until,
    }
}

/// What the place's rules, and the terms under which it goes out there, find against a version of the content,
/// whether or not it is the current one.
#[must_use]
pub fn check(facts: &Facts, version: &Version, ask: &Ask) -> Vec<Finding> {
    let altered = version
        .file()
        .and_then(|file| leases::bars_altering(facts, file, ask));
    let found = rules::findings(facts, &version.detail, ask);
    altered.into_iter().chain(found).collect()
}

/// Whether a version may only be scaled for the place.
#[must_use]
pub fn is_scaled_only(facts: &Facts, version: &Version, ask: &Ask, terms: Option<&Terms>) -> bool {
    let barred = version
        .file()
        .and_then(|file| leases::bars_altering(facts, file, ask));
    barred.is_some() || terms.is_some_and(|terms| terms.no_alteration)
}

/// Every instant at which a dated fact in scope changes. Too early an answer is harmless, too late a leak:
/// leases of other channels count too.
fn instants(facts: &Facts, ask: &Ask) -> Vec<Timestamp> {
    let content = &facts.content;
    let mut instants: Vec<Timestamp> = [content.release_at, content.expire_at]
        .into_iter()
        .flatten()
        .collect();
    for on in facts.leases.iter() {
        instants.extend([on.lease.starts_at, on.lease.ends_at].into_iter().flatten());
    }
    if let Some(detail) = content.endorsement() {
        if let Some(due) = detail.recheck_due_at() {
            instants.extend([due, due.plus_days(holds::RECHECK_GRACE_DAYS)]);
        }
        instants.extend(rules::ages_out_at(detail.published_on, ask));
    }
    instants
}

/// The gate as SQL: true for a row of `contents` under `alias` that [`decide`] lets out.
///
/// It is one closed expression. As a list of conditions PostgreSQL would multiply a guess for each, expect
/// next to nothing to be let out, and read a whole channel where a page of it was asked for.
#[must_use]
pub fn lets_out(ask: &Ask, alias: &'static str) -> Sql {
    Sql::new("CASE WHEN ")
        .append(Sql::all([
            own_lets_out(ask, alias),
            attached_lets_out(ask, alias),
        ]))
        .push(" THEN TRUE ELSE FALSE END")
}

/// Contents that the rules of two questions may answer otherwise: true for a row under `alias` that is held by
/// those of one and not of the other, or is attached to one that is. Both ask for the same place and instant.
/// It is true for too many, never for too few.
#[must_use]
pub fn rules_differ(before: &Ask, after: &Ask, alias: &'static str) -> Sql {
    let differ = |alias| {
        Sql::new("(CASE WHEN ")
            .append(rules::sql(before, alias))
            .push(" THEN 1 ELSE 0 END <> CASE WHEN ")
            .append(rules::sql(after, alias))
            .push(" THEN 1 ELSE 0 END)")
    };
    let attached = Sql::of(
        "EXISTS (SELECT 1 FROM endorsement_assets x JOIN contents n ON n.id = x.endorsement_id
          WHERE x.asset_id = {c}.id AND ",
        alias,
    );
    Sql::any([differ(alias), attached.append(differ("n")).push(")")])
}

fn own_lets_out(ask: &Ask, alias: &'static str) -> Sql {
    Sql::all(
        holds::TABLE
            .iter()
            .map(|rule| (rule.sql)(ask, alias))
            .map(Sql::negate),
    )
}

/// An asset attached to endorsements goes out only where one of them does. One level: an endorsement
/// never asks its assets.
fn attached_lets_out(ask: &Ask, alias: &'static str) -> Sql {
    const INNER: &str = "n";
    Sql::of(
        "({c}.kind <> 'ASSET' OR NOT EXISTS (SELECT 1 FROM endorsement_assets x WHERE x.asset_id = {c}.id)",
        alias,
    )
    .about(
        " OR EXISTS (SELECT 1 FROM endorsement_assets x JOIN contents n ON n.id = x.endorsement_id
              WHERE x.asset_id = {c}.id AND ",
        alias,
    )
    .append(own_lets_out(ask, INNER))
    .push("))")
}

/// Holds that need no channel to know, as conditions on a row of `contents` under `c`: a desk's worklist.
/// Reasons that need a channel are never found.
#[must_use]
pub fn held_by(reasons: &[HoldReason], at: Timestamp) -> Sql {
    let known: BTreeMap<HoldReason, Sql> = holds::without_channel(at, "c").into_iter().collect();
    Sql::any(
        reasons
            .iter()
            .filter_map(|reason| known.get(reason).cloned()),
    )
}
