//! Which endorsements suit a place best, and why.
//!
//! Candidates are read by how well known their outlet is and how fresh they are; of those that the gate lets
//! out, the score weighs both with how well they fit what is asked and with what they brought in so far.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::accounts::OpContext;
use crate::channels::Rule;
use crate::contents::service::brand_condition;
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AudienceId, ContentId};
use crate::platform::locale;
use crate::rights::gate::{Ask, Facts, decide, lets_out, served};
use crate::usage::{Totals, UsageKind, totals_of};

/// Candidates that are read and decided: the best of a place are among its best known and freshest.
const CANDIDATES: usize = 200;
const DAYS_A_YEAR: f64 = 365.25;

/// What proof is wanted for: the place, product, market and language are the question's.
pub(super) struct Wanted {
    pub ask: Ask,
    /// Empty: whoever comes.
    pub audiences: Vec<AudienceId>,
    pub first: usize,
}

/// An endorsement fit for a place, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proof {
    pub endorsement: ContentId,
    pub score: f64,
    pub reasons: Vec<String>,
}

#[derive(FromQueryResult)]
struct Candidate {
    id: ContentId,
    stamp: i64,
}

/// The best first; of equals the newest. No more than the place shows at a time.
pub(super) async fn best(cx: &OpContext, wanted: &Wanted) -> Result<Vec<Proof>> {
    let caps = wanted.ask.rules.iter().filter_map(Rule::cap);
    let caps = caps.filter_map(|cap| usize::try_from(cap).ok());
    let most = caps.chain([wanted.first]).min().unwrap_or(wanted.first);
    // Most of what is known best goes out, most often. Where too little of it does, the database asks the gate.
    let mut found = candidates(cx, wanted).await?;
    let mut proofs = weighed(cx, wanted, &found).await?;
    if proofs.len() < most && found.len() == CANDIDATES {
        let sql = ranking(cx, wanted, i64::MAX, lets_out(&wanted.ask, "c"));
        found = fetch(cx.app.db.read(), sql).await?;
        found.dedup_by_key(|row| row.id);
        proofs = weighed(cx, wanted, &found).await?;
    }
    proofs.truncate(most);
    Ok(proofs)
}

/// Those of the candidates that the gate lets out, the best first.
async fn weighed(cx: &OpContext, wanted: &Wanted, found: &[Candidate]) -> Result<Vec<Proof>> {
    let db = cx.app.db.read();
    let ask = &wanted.ask;
    let facts = cx
        .app
        .facts
        .of(db, found.iter().map(|row| (row.id, row.stamp)))
        .await?;
    let open: Vec<&Arc<Facts>> = found
        .iter()
        .filter_map(|row| facts.get(&row.id))
        .filter(|facts| decide(facts, ask).is_available())
        .collect();
    let ids: Vec<ContentId> = open.iter().map(|facts| facts.content.id).collect();
    let totals: HashMap<Uuid, Totals> = totals_of(db, &cx.viewer, &ids, None).await?;
    let none = Totals::default();
    let mut proofs: Vec<Proof> = open
        .into_iter()
        .map(|facts| {
            let brought = totals.get(&facts.content.id.0).unwrap_or(&none);
            weigh(facts, wanted, brought)
        })
        .collect();
    proofs.sort_by(|a, b| {
        let score = b.score.total_cmp(&a.score);
        score.then_with(|| b.endorsement.cmp(&a.endorsement))
    });
    Ok(proofs)
}

/// Those that are tagged there, about the product or about none, by outlet and freshness. One statement, or two.
async fn candidates(cx: &OpContext, wanted: &Wanted) -> Result<Vec<Candidate>> {
    // Few are put away or of a brand that is out of reach: most often the first twice as many will do.
    let rows = rows(wanted);
    let mut found: Vec<Candidate> = Vec::new();
    for ranked in [rows.saturating_mul(2), i64::MAX] {
        let sql = ranking(cx, wanted, ranked, Sql::new("1 = 1"));
        found = fetch(cx.app.db.read(), sql).await?;
        if i64::try_from(found.len()).is_ok_and(|found| found == rows) {
            break;
        }
    }
    found.dedup_by_key(|row| row.id);
    found.truncate(CANDIDATES);
    Ok(found)
}

/// How many rows hold as many candidates as are wanted: one that is tagged to several of the chain comes once
/// for each.
fn rows(wanted: &Wanted) -> i64 {
    let rows = CANDIDATES.saturating_mul(wanted.ask.chain.len().max(1));
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Of so many that come first, those contents `c` that are within reach and pass.
fn ranking(cx: &OpContext, wanted: &Wanted, ranked: i64, pass: Sql) -> Sql {
    let ask = &wanted.ask;
    let mut sql = Sql::new(
        "SELECT c.id, c.stamp FROM (
           SELECT t.content_id, coalesce(o.tier, 4) AS tier, e.published_on
           FROM content_channels t JOIN endorsements e ON e.content_id = t.content_id
           JOIN outlets o ON o.id = e.outlet_id WHERE t.kind = 'ENDORSEMENT' AND t.channel_id IN ",
    )
    .list(ask.chain.iter().copied());
    if let Some(product) = ask.product {
        sql = sql
            .push(
                " AND (EXISTS (SELECT 1 FROM content_products p WHERE p.content_id = t.content_id AND p.product_id = ",
            )
            .bind(product)
            .push(") OR NOT EXISTS (SELECT 1 FROM content_products p WHERE p.content_id = t.content_id))");
    }
    sql.push(" ORDER BY coalesce(o.tier, 4), e.published_on DESC, t.content_id DESC LIMIT ")
        .bind(ranked)
        .push(
            ") q JOIN contents c ON c.id = q.content_id
         WHERE c.trashed_at IS NULL AND c.archived_at IS NULL AND c.withdrawn_at IS NULL AND ",
        )
        .append(brand_condition(&cx.viewer, "c.brand_id"))
        .push(" AND ")
        .append(pass)
        .push(" ORDER BY q.tier, q.published_on DESC, q.content_id DESC LIMIT ")
        .bind(rows(wanted))
}

/// How well an endorsement suits, and why: what counts for it comes first.
#[expect(
    clippy::cast_precision_loss,
    reason = "days, and counts far below 2^52"
)]
pub(super) fn weigh(facts: &Facts, wanted: &Wanted, brought: &Totals) -> Proof {
    let ask = &wanted.ask;
    let mut reasons = Vec::new();
    let detail = facts.content.endorsement();
    let tier = detail.and_then(|detail| detail.outlet_tier).unwrap_or(4);
    let mut score = match tier {
        1 => 100.0,
        2 => 60.0,
        3 => 35.0,
        _ => 20.0,
    };
    if tier < 4 {
        reasons.push(format!("The outlet is of tier {tier}."));
    }
    if let Some(detail) = detail {
        let age = ask.at.day().0.saturating_sub(detail.published_on.0).max(0);
        // Half as much after two years.
        score /= 1.0 + f64::from(age) / (2.0 * DAYS_A_YEAR);
        reasons.push(match age {
            0..=90 => "It is fresh.".to_owned(),
            _ => format!("It is {} months old.", age / 30),
        });
    }
    if ask
        .product
        .is_some_and(|product| facts.labels.products.contains(&product))
    {
        score *= 1.5;
        reasons.push("It is about the product.".to_owned());
    }
    let meant = |audience: &AudienceId| facts.labels.audiences.contains(audience);
    if wanted.audiences.iter().any(meant) {
        score *= 1.25;
        reasons.push("It is meant for the audience.".to_owned());
    } else if !wanted.audiences.is_empty() && !facts.labels.audiences.is_empty() {
        score *= 0.5;
        reasons.push("It is meant for other audiences.".to_owned());
    }
    if let (Some(wanted), Some(said)) = (&ask.locale, served(facts, ask)) {
        if locale::range_matches(language(wanted), &said.locale) {
            score *= 1.2;
            reasons.push(format!("It is there in {}.", said.locale));
        } else {
            score *= 0.8;
            reasons.push(format!("It is there in {} only.", said.locale));
        }
    }
    let inquiries = brought.count(UsageKind::Inquiry) + brought.count(UsageKind::QualifiedInquiry);
    let (clicks, orders) = (
        brought.count(UsageKind::Click),
        brought.count(UsageKind::Order),
    );
    let worth = (clicks + 10 * inquiries + 50 * orders) as f64;
    score *= 1.0 + worth.ln_1p() / 20.0;
    for (count, one, many) in [
        (orders, "order", "orders"),
        (inquiries, "inquiry", "inquiries"),
        (clicks, "click", "clicks"),
    ] {
        if count > 0 {
            let what = if count == 1 { one } else { many };
            reasons.push(format!("It brought {count} {what}."));
        }
    }
    Proof {
        endorsement: facts.content.id,
        score: (score * 100.0).round() / 100.0,
        reasons,
    }
}

/// A locale's language.
fn language(locale: &str) -> &str {
    locale.split('-').next().unwrap_or(locale)
}
