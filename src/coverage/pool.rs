//! What could be shown in places where something else is missing or soon will be.
//!
//! For all places that are asked about one statement reads the best known and freshest of each channel, and the
//! gate decides which of them go out there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::best::{Wanted, weigh};
use crate::accounts::OpContext;
use crate::channels::{self, Tree};
use crate::contents::ContentKind;
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{BrandId, ChannelId, ContentId, ProductId};
use crate::rights::gate::{Ask, Facts, decide};
use crate::usage::{Totals, totals_of};

/// Of each channel, brand and kind so many are read and decided.
const CANDIDATES: i64 = 100;

/// Where something could be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub channel: ChannelId,
    pub product: Option<ProductId>,
    pub locale: Option<String>,
    /// Of this brand alone.
    pub brand: Option<BrandId>,
}

/// Something that goes out in a spot.
pub(super) struct Fit {
    pub facts: Arc<Facts>,
    pub score: f64,
    /// Until when that is sure.
    pub until: Option<Timestamp>,
}

/// Candidates for spots.
pub(super) struct Pool {
    candidates: Vec<Arc<Facts>>,
    brought: HashMap<Uuid, Totals>,
}

#[derive(FromQueryResult)]
struct Candidate {
    id: ContentId,
    stamp: i64,
}

impl Pool {
    /// Candidates for these channels. The number of statements does not depend on how many there are.
    pub(super) async fn load(
        cx: &OpContext,
        tree: &Tree,
        channels: impl IntoIterator<Item = ChannelId>,
    ) -> Result<Self> {
        let chains = channels.into_iter().flat_map(|id| tree.chain(id));
        let tagged: BTreeSet<ChannelId> = chains.map(|channel| channel.id).collect();
        let sql = Sql::new(
            "SELECT DISTINCT q.id, q.stamp FROM (SELECT c.id, c.stamp, row_number() OVER (
               PARTITION BY t.channel_id, c.brand_id, c.kind
               ORDER BY coalesce(o.tier, 4), coalesce(e.published_on, 0) DESC, c.id DESC) AS place
             FROM content_channels t JOIN contents c ON c.id = t.content_id
             LEFT JOIN endorsements e ON e.content_id = c.id LEFT JOIN outlets o ON o.id = e.outlet_id
             WHERE EXISTS (SELECT 1 FROM versions v WHERE v.content_id = c.id AND v.state = 'APPROVED')
             AND t.channel_id IN ",
        )
        .list(tagged)
        .push(" AND c.trashed_at IS NULL AND c.archived_at IS NULL AND c.withdrawn_at IS NULL AND ")
        .append(brand_condition(&cx.viewer, "c.brand_id"))
        .push(") q WHERE q.place <= ")
        .bind(CANDIDATES);
        let db = cx.app.db.read();
        let found: Vec<Candidate> = fetch(db, sql).await?;
        let rows = found.iter().map(|row| (row.id, row.stamp));
        let candidates: Vec<Arc<Facts>> = cx.app.facts.of(db, rows).await?.into_values().collect();
        let endorsements: Vec<ContentId> = candidates
            .iter()
            .filter(|facts| facts.content.kind() == ContentKind::Endorsement)
            .map(|facts| facts.content.id)
            .collect();
        let brought = totals_of(db, &cx.viewer, &endorsements, None).await?;
        Ok(Self {
            candidates,
            brought,
        })
    }

    /// What goes out in a spot at an instant, the best first; of equals the newest.
    pub(super) fn fits(&self, tree: &Tree, spot: &Spot, at: Timestamp) -> Vec<Fit> {
        let Some(channel) = tree.get(spot.channel) else {
            return Vec::new();
        };
        let wanted = Wanted {
            ask: Ask::new(tree, channel, at)
                .for_product(spot.product)
                .in_locale(spot.locale.clone()),
            audiences: Vec::new(),
            first: 0,
        };
        let none = Totals::default();
        let mut fits: Vec<Fit> = self
            .candidates
            .iter()
            .filter(|facts| spot.brand.is_none_or(|brand| facts.content.brand == brand))
            .filter(|facts| is_about(facts, spot.product))
            .filter_map(|facts| {
                let answer = decide(facts, &wanted.ask);
                answer.is_available().then(|| {
                    let brought = self.brought.get(&facts.content.id.0).unwrap_or(&none);
                    Fit {
                        facts: Arc::clone(facts),
                        score: weigh(facts, &wanted, brought).score,
                        until: answer.until,
                    }
                })
            })
            .collect();
        fits.sort_by(|a, b| {
            let score = b.score.total_cmp(&a.score);
            score.then_with(|| b.facts.content.id.cmp(&a.facts.content.id))
        });
        fits
    }
}

/// Whether it is about a product, or about none in particular.
fn is_about(facts: &Facts, product: Option<ProductId>) -> bool {
    let products = &facts.labels.products;
    product.is_none_or(|product| products.is_empty() || products.contains(&product))
}

/// What could be shown in each of these spots now, the best first, at most `limit`; in their order.
pub(crate) async fn suggest(
    cx: &OpContext,
    spots: Vec<Spot>,
    limit: usize,
) -> Result<Vec<Vec<ContentId>>> {
    let tree = channels::tree(cx).await?;
    let pool = Pool::load(cx, &tree, spots.iter().map(|spot| spot.channel)).await?;
    let at = cx.at();
    let fitting = tokio::task::spawn_blocking(move || -> Vec<Vec<ContentId>> {
        let ids = |spot: &Spot| {
            let fits = pool.fits(&tree, spot, at).into_iter().take(limit);
            fits.map(|fit| fit.facts.content.id).collect()
        };
        spots.iter().map(ids).collect()
    });
    fitting.await.map_err(Error::internal)
}
