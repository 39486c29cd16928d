//! What a survey of coverage is narrowed to.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::ID;

use super::board::Survey;
use super::cells::Places;
use super::model::CoverageState;
use crate::accounts::OpContext;
use crate::catalog::resolve as catalog;
use crate::channels::{self, Channel, resolve};
use crate::contents::service::brand_condition;
use crate::error::Result;
use crate::library::filter::check;
use crate::placements::visible;
use crate::platform::clock::Timestamp;
use crate::platform::db::Sql;
use crate::platform::ids::{ChannelId, OutletId, TokenId};
use crate::rights::is_live;

/// Filters on coverage: each list is any-of, the fields together are all-of. A list that is given and empty
/// matches nothing; what names nothing matches nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub brand: Option<ID>,
    pub products: Option<Vec<ID>>,
    pub channels: Option<Vec<ID>>,
    pub outlets: Option<Vec<ID>>,
    pub won_by: Option<ID>,
    pub states: Option<Vec<CoverageState>>,
    /// None: now.
    pub at: Option<Timestamp>,
}

/// A survey, the columns of its answer, and which cells are asked for.
#[derive(Clone)]
pub(super) struct Scope {
    pub survey: Arc<Survey>,
    /// Where the channels that are asked for stand among the places, in the order of their slugs.
    pub columns: Vec<usize>,
    /// None: rows with cells in any state.
    pub states: Option<HashSet<CoverageState>>,
}

impl Filter {
    /// Names are looked up among what the viewer reaches.
    pub(super) async fn scope(&self, cx: &OpContext) -> Result<Scope> {
        let tree = channels::tree(cx).await?;
        let at = self.at.unwrap_or_else(|| cx.at());
        let places = Places::new(&tree, at);
        check(self.channels.as_ref().map_or(0, Vec::len))?;
        let named: Option<Vec<ChannelId>> = self.channels.as_ref().map(|texts| {
            let found = texts
                .iter()
                .filter_map(|text| resolve::find(&cx.viewer, &tree, text));
            found.map(|channel| channel.id).collect()
        });
        let asked = |channel: &Channel| {
            let mut chain = tree.chain(channel.id).into_iter();
            resolve::reaches(&cx.viewer, &tree, channel.id)
                && named
                    .as_ref()
                    .is_none_or(|named| chain.any(|above| named.contains(&above.id)))
        };
        let columns = places.all.iter().enumerate();
        let columns = columns.filter(|(_, place)| asked(&place.channel));
        let columns: Vec<usize> = columns.map(|(i, _)| i).collect();
        let mut condition = self.condition(cx).await?;
        if named.is_some() && columns.is_empty() {
            // No channel is meant, so nothing is.
            condition = Sql::new("1 = 0");
        }
        Ok(Scope {
            columns,
            states: self
                .states
                .as_ref()
                .map(|list| list.iter().copied().collect()),
            survey: Arc::new(Survey {
                app: Arc::clone(&cx.app),
                places: Arc::new(places),
                condition,
                is_now: self.at.is_none(),
                at,
                tree,
            }),
        })
    }

    /// Endorsements `c`. What is in the trash is out of sight, and what is archived or recalled too, unless it
    /// is still live somewhere: then it is in breach.
    async fn condition(&self, cx: &OpContext) -> Result<Sql> {
        let mut parts = vec![
            Sql::new("c.kind = 'ENDORSEMENT' AND c.trashed_at IS NULL"),
            Sql::new(
                "((c.archived_at IS NULL AND c.withdrawn_at IS NULL)
                  OR EXISTS (SELECT 1 FROM placements p WHERE p.content_id = c.id AND ",
            )
            .append(is_live("p", cx.at()))
            .push(" AND ")
            .append(visible(&cx.viewer))
            .push(
                ") OR EXISTS (SELECT 1 FROM endorsement_assets x JOIN placements p ON p.content_id = x.asset_id
                     WHERE x.endorsement_id = c.id AND ",
            )
            .append(is_live("p", cx.at()))
            .push(" AND ")
            .append(visible(&cx.viewer))
            .push("))"),
            brand_condition(&cx.viewer, "c.brand_id"),
        ];
        if let Some(brand) = &self.brand {
            let id = catalog::filter_brand(cx, brand).await?;
            parts.push(Sql::new("c.brand_id IN ").list(id));
        }
        if let Some(products) = &self.products {
            check(products.len())?;
            let ids = catalog::filter_products(cx, products).await?;
            let sql = Sql::new(
                "EXISTS (SELECT 1 FROM content_products t WHERE t.content_id = c.id AND t.product_id IN ",
            );
            parts.push(sql.list(ids).push(")"));
        }
        if let Some(outlets) = &self.outlets {
            check(outlets.len())?;
            let ids = outlets.iter().filter_map(|id| id.parse::<OutletId>().ok());
            parts.push(of_endorsement("e.outlet_id IN ").list(ids).push(")"));
        }
        if let Some(who) = &self.won_by {
            let id = who.parse::<TokenId>().ok();
            parts.push(of_endorsement("e.won_by_id IN ").list(id).push(")"));
        }
        Ok(Sql::all(parts))
    }
}

impl Filter {
    /// Contents `o` whose ends are asked for: wins that `wins` selects, what is attached to them, and other assets
    /// of the brand and the products, unless only wins can be meant. What goes out nowhere has no end to come.
    pub(super) async fn wanted(&self, cx: &OpContext, wins: &Sql) -> Result<Sql> {
        let won = |select: &'static str| Sql::new(select).append(wins.clone()).push(")");
        let mut any = vec![
            won("o.id IN (SELECT c.id FROM contents c WHERE "),
            won("o.id IN (SELECT x.asset_id FROM endorsement_assets x
                 JOIN contents c ON c.id = x.endorsement_id WHERE "),
        ];
        let wins_only = self.outlets.is_some() || self.won_by.is_some() || self.states.is_some();
        if !wins_only {
            let mut assets = vec![Sql::new("o.kind = 'ASSET'")];
            if let Some(brand) = &self.brand {
                let id = catalog::filter_brand(cx, brand).await?;
                assets.push(Sql::new("o.brand_id IN ").list(id));
            }
            if let Some(products) = &self.products {
                let ids = catalog::filter_products(cx, products).await?;
                let sql = Sql::new(
                    "EXISTS (SELECT 1 FROM content_products t WHERE t.content_id = o.id AND t.product_id IN ",
                );
                assets.push(sql.list(ids).push(")"));
            }
            any.push(Sql::all(assets));
        }
        Ok(Sql::all([
            Sql::new("o.trashed_at IS NULL AND o.archived_at IS NULL AND o.withdrawn_at IS NULL"),
            brand_condition(&cx.viewer, "o.brand_id"),
            Sql::any(any),
        ]))
    }
}

fn of_endorsement(condition: &'static str) -> Sql {
    Sql::new("EXISTS (SELECT 1 FROM endorsements e WHERE e.content_id = c.id AND ").push(condition)
}
