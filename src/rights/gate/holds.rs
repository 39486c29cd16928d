//! The table of holds: each rule of the gate in Rust, and beside it the same rule in SQL.

use super::facts::{Ask, Facts};
use super::speech::{CURRENT, served, served_is};
use super::{Hold, HoldReason, HoldRule, Verdict, leases, rules};
use crate::channels::{Demand, Severity};
use crate::contents::{EndorsementDetail, MaterialConnection};
use crate::platform::clock::Timestamp;
use crate::platform::db::Sql;

/// How long a due recheck is a warning before it is a hold.
pub(super) const RECHECK_GRACE_DAYS: i64 = 30;

/// Every rule of the gate, in the order in which holds are told.
pub(super) const TABLE: &[HoldRule] = &[
    HoldRule {
        decide: not_approved,
        sql: |_, c| not_approved_sql(c),
    },
    HoldRule {
        decide: withdrawn,
        sql: |_, c| withdrawn_sql(c),
    },
    HoldRule {
        decide: archived,
        sql: |_, c| archived_sql(c),
    },
    HoldRule {
        decide: embargoed,
        sql: |ask, c| embargoed_sql(ask.at, c),
    },
    HoldRule {
        decide: expired,
        sql: |ask, c| expired_sql(ask.at, c),
    },
    HoldRule {
        decide: not_tagged,
        sql: not_tagged_sql,
    },
    HoldRule {
        decide: out_of_market,
        sql: out_of_market_sql,
    },
    HoldRule {
        decide: leases::denied,
        sql: leases::denied_sql,
    },
    HoldRule {
        decide: leases::unpermitted,
        sql: leases::unpermitted_sql,
    },
    HoldRule {
        decide: claim_unconfirmed,
        sql: |_, c| claim_unconfirmed_sql(c),
    },
    HoldRule {
        decide: evidence_missing,
        sql: |_, c| evidence_missing_sql(c),
    },
    HoldRule {
        decide: recheck_due,
        sql: |ask, c| recheck_due_sql(ask.at, c),
    },
    HoldRule {
        decide: disclosure_missing,
        sql: disclosure_missing_sql,
    },
    HoldRule {
        decide: rules::decide,
        sql: rules::sql,
    },
];

/// The rules that need no channel, by their reason.
pub(super) fn without_channel(at: Timestamp, c: &'static str) -> [(HoldReason, Sql); 8] {
    [
        (HoldReason::NotApproved, not_approved_sql(c)),
        (HoldReason::Withdrawn, withdrawn_sql(c)),
        (HoldReason::Archived, archived_sql(c)),
        (HoldReason::Embargoed, embargoed_sql(at, c)),
        (HoldReason::Expired, expired_sql(at, c)),
        (HoldReason::ClaimUnconfirmed, claim_unconfirmed_sql(c)),
        (HoldReason::EvidenceMissing, evidence_missing_sql(c)),
        (HoldReason::RecheckDue, recheck_due_sql(at, c)),
    ]
}

fn not_approved(facts: &Facts, _: &Ask, verdict: &mut Verdict) {
    if facts.content.current.is_none() {
        let text = "No version is approved. Submit one for review.";
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::NotApproved, text));
    }
}

fn not_approved_sql(c: &'static str) -> Sql {
    Sql::of(
        "NOT EXISTS (SELECT 1 FROM versions v WHERE v.content_id = {c}.id AND v.state = 'APPROVED')",
        c,
    )
}

fn withdrawn(facts: &Facts, _: &Ask, verdict: &mut Verdict) {
    if facts.content.withdrawn_at.is_some() {
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::Withdrawn, "It was recalled."));
    }
}

fn withdrawn_sql(c: &'static str) -> Sql {
    Sql::of("{c}.withdrawn_at IS NOT NULL", c)
}

fn archived(facts: &Facts, _: &Ask, verdict: &mut Verdict) {
    if facts.content.trashed_at.is_some() {
        verdict.holds.push(Hold::new(
            facts,
            HoldReason::Archived,
            "It is in the trash.",
        ));
    } else if facts.content.archived_at.is_some() {
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::Archived, "It is archived."));
    }
}

fn archived_sql(c: &'static str) -> Sql {
    Sql::of(
        "({c}.archived_at IS NOT NULL OR {c}.trashed_at IS NOT NULL)",
        c,
    )
}

fn embargoed(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    if let Some(start) = facts.content.release_at.filter(|start| *start > ask.at) {
        let text = format!("It is embargoed until {}.", start.to_rfc3339());
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::Embargoed, text));
    }
}

fn embargoed_sql(at: Timestamp, c: &'static str) -> Sql {
    Sql::of("{c}.release_at > ", c).bind(at)
}

fn expired(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    if let Some(end) = facts.content.expire_at.filter(|end| *end <= ask.at) {
        let text = format!("It expired at {}.", end.to_rfc3339());
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::Expired, text));
    }
}

fn expired_sql(at: Timestamp, c: &'static str) -> Sql {
    Sql::of("{c}.expire_at <= ", c).bind(at)
}

fn not_tagged(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    if !facts
        .labels
        .channels
        .iter()
        .any(|tagged| ask.chain.contains(tagged))
    {
        let text = format!(
            "It is not tagged to {}. Add the channel if it is meant for it.",
            ask.channel.slug
        );
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::NotTagged, text));
    }
}

fn not_tagged_sql(ask: &Ask, c: &'static str) -> Sql {
    let tagged = Sql::of(
        "NOT EXISTS (SELECT 1 FROM content_channels t WHERE t.content_id = {c}.id AND t.channel_id IN ",
        c,
    );
    tagged.list(ask.chain.iter().copied()).push(")")
}

fn out_of_market(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    let markets = &facts.labels.markets;
    if markets.is_empty()
        || ask
            .market
            .as_ref()
            .is_some_and(|market| markets.contains(market))
    {
        return;
    }
    let text = match &ask.market {
        Some(market) => format!(
            "It is for other markets than {market}: {}.",
            markets.join(", ")
        ),
        None => format!(
            "It is for {} only. Say which market this is.",
            markets.join(", ")
        ),
    };
    verdict
        .holds
        .push(Hold::new(facts, HoldReason::OutOfMarket, text));
}

fn out_of_market_sql(ask: &Ask, c: &'static str) -> Sql {
    let any = Sql::of(
        "EXISTS (SELECT 1 FROM content_markets m WHERE m.content_id = {c}.id)",
        c,
    );
    let Some(market) = &ask.market else {
        return any;
    };
    let this = Sql::of(
        "NOT EXISTS (SELECT 1 FROM content_markets m WHERE m.content_id = {c}.id AND m.market = ",
        c,
    );
    Sql::all([any, this.bind(market.clone()).push(")")])
}

fn claim_unconfirmed(facts: &Facts, _: &Ask, verdict: &mut Verdict) {
    if facts
        .content
        .endorsement()
        .is_some_and(|e| e.has_open_claims)
    {
        let text =
            "A claim is proposed or refused. The product's owner confirms it, or it is taken out.";
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::ClaimUnconfirmed, text));
    }
}

fn claim_unconfirmed_sql(c: &'static str) -> Sql {
    Sql::of(
        "({c}.kind = 'ENDORSEMENT' AND EXISTS (SELECT 1 FROM claims k
          WHERE k.endorsement_id = {c}.id AND k.state <> 'CONFIRMED'))",
        c,
    )
}

fn evidence_missing(facts: &Facts, _: &Ask, verdict: &mut Verdict) {
    if facts.content.endorsement().is_some_and(|e| !e.has_evidence) {
        let text = "Nothing proves that it was said. Add evidence.";
        verdict
            .holds
            .push(Hold::new(facts, HoldReason::EvidenceMissing, text));
    }
}

fn evidence_missing_sql(c: &'static str) -> Sql {
    Sql::of(
        "({c}.kind = 'ENDORSEMENT' AND NOT EXISTS (SELECT 1 FROM evidence i
          WHERE i.endorsement_id = {c}.id AND i.state IN ('CURRENT', 'CHANGED')))",
        c,
    )
}

fn recheck_due(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    let Some(due) = facts
        .content
        .endorsement()
        .and_then(EndorsementDetail::recheck_due_at)
    else {
        return;
    };
    if due > ask.at {
        return;
    }
    let text = format!(
        "It was to be checked again by {}. See whether it is still said.",
        due.to_rfc3339()
    );
    let hold = Hold::new(facts, HoldReason::RecheckDue, text);
    if due.plus_days(RECHECK_GRACE_DAYS) <= ask.at {
        verdict.holds.push(hold);
    } else {
        verdict.warnings.push(hold);
    }
}

fn recheck_due_sql(at: Timestamp, c: &'static str) -> Sql {
    let due_by = at.plus_days(-RECHECK_GRACE_DAYS);
    Sql::of(
        "({c}.kind = 'ENDORSEMENT' AND EXISTS (SELECT 1 FROM endorsements e WHERE e.content_id = {c}.id AND (",
        c,
    )
    .push("e.rechecked_at + CAST(e.recheck_every_days AS bigint) * 86400000 <= ")
    .bind(due_by)
    .push(" OR (e.page_changed_at > e.rechecked_at AND e.page_changed_at <= ")
    .bind(due_by)
    .about(
        ") OR EXISTS (SELECT 1 FROM content_products cp JOIN products p ON p.id = cp.product_id
              WHERE cp.content_id = {c}.id AND p.edition_changed_at > e.rechecked_at
              AND p.edition_changed_at <= ",
        c,
    )
    .bind(due_by)
    .push("))))")
}

fn disclosure_missing(facts: &Facts, ask: &Ask, verdict: &mut Verdict) {
    let Some(wording) = facts.content.current.as_ref().and_then(|v| v.wording()) else {
        return;
    };
    if served(facts, ask).is_none_or(|s| s.disclosure.is_some()) {
        return;
    }
    let connected = wording.material_connection != MaterialConnection::None;
    let demanded = ask.demands(&Demand::Disclosure);
    let text = if connected {
        "There is a material connection, and the statement served here does not disclose it."
    } else {
        "This place wants a disclosure, and the statement served here has none."
    };
    let hold = Hold::new(facts, HoldReason::DisclosureMissing, text);
    if connected || demanded == Some(Severity::Error) {
        verdict.holds.push(hold);
    } else if demanded.is_some() {
        verdict.warnings.push(hold);
    }
}

fn disclosure_missing_sql(ask: &Ask, c: &'static str) -> Sql {
    // Only an endorsement has statements.
    let spoken = Sql::of("{c}.kind = 'ENDORSEMENT'", c);
    let undisclosed = served_is(ask, c, Sql::new("t.disclosure IS NULL"));
    if ask.demands(&Demand::Disclosure) == Some(Severity::Error) {
        return Sql::all([spoken, undisclosed]);
    }
    let connected =
        Sql::new("EXISTS (SELECT 1 FROM endorsement_versions ev WHERE ev.material_connection <> 'NONE' AND ev.version_id = ")
            .about(CURRENT, c)
            .push(")");
    Sql::all([spoken, connected, undisclosed])
}
