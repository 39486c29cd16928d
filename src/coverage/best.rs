//! Which endorsements suit a place best, and why.
//!
//! Candidates are read by how well known their outlet is and how fresh they are; of those that the gate lets
//! out, the score weighs both with how well they fit what is asked and with what they brought in so far.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::accounts::OpContext;
use crate::channels::Demand;
use crate::contents::service::brand_condition;
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AudienceId, ContentId};
use crate::platform::locale;
use crate::rights::gate::{Ask, Facts, decide, served};
use crate::usage::{Totals, UsageKind, totals_of};

/// Candidates that are read and decided: the best of a place are among its best known and freshest.
const CANDIDATES: i64 = 300;
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
    let db = cx.app.db.read();
    let ask = &wanted.ask;
    let found: Vec<Candidate> = fetch(db, candidates(cx, wanted)).await?;
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
    let caps = ask.rules.iter().filter_map(|rule| match rule.demand {
        Demand::MaxEndorsements(cap) => usize::try_from(cap).ok(),
        _ => None,
    });
    proofs.truncate(caps.chain([wanted.first]).min().unwrap_or(wanted.first));
    Ok(proofs)
}

/// Those that are tagged there, about the product or about none, by outlet and freshness.
fn candidates(cx: &OpContext, wanted: &Wanted) -> Sql {
    let ask = &wanted.ask;
    let mut sql = Sql::new(
        "SELECT c.id, c.stamp FROM contents c JOIN endorsements e ON e.content_id = c.id
         JOIN outlets o ON o.id = e.outlet_id
         WHERE c.trashed_at IS NULL AND c.archived_at IS NULL AND c.withdrawn_at IS NULL AND ",
    )
    .append(brand_condition(&cx.viewer, "c.brand_id"))
    .push(" AND c.id IN (SELECT t.content_id FROM content_channels t WHERE t.channel_id IN ")
    .list(ask.chain.iter().copied())
    .push(")");
    if let Some(product) = ask.product {
        sql = sql
            .push(
                " AND (EXISTS (SELECT 1 FROM content_products p WHERE p.content_id = c.id AND p.product_id = ",
            )
            .bind(product)
            .push(") OR NOT EXISTS (SELECT 1 FROM content_products p WHERE p.content_id = c.id))");
    }
    sql.push(" ORDER BY coalesce(o.tier, 4), e.published_on DESC, c.id DESC LIMIT ")
        .bind(CANDIDATES)
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
