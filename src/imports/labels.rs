//! The labels of contents: read from the cells of a row, and told in them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::ID;
use uuid::Uuid;

use super::reading::Reading;
use super::store;
use super::table::{Cells, set};
use crate::accounts::OpContext;
use crate::channels::resolve::reaches;
use crate::channels::{Tree, tree};
use crate::contents::labels::LabelNames;
use crate::contents::{Labels, store as contents};
use crate::error::Result;
use crate::platform::csv::join_list;
use crate::platform::ids::{ContentId, ProductId};

/// What a row is labelled with; a list that has no column is not spoken of.
pub(super) fn names(row: &Reading<'_>) -> LabelNames {
    let ids = |column| {
        let list = row.list(column);
        list.map(|list| list.into_iter().map(ID).collect())
    };
    LabelNames {
        tags: row.list("tags"),
        products: ids("products"),
        channels: ids("channels"),
        markets: row.list("markets"),
        audiences: ids("audiences"),
    }
}

/// The labels of contents, and what tables call them.
pub(super) struct Told {
    tree: Arc<Tree>,
    labels: HashMap<ContentId, Arc<Labels>>,
    products: HashMap<Uuid, String>,
    audiences: HashMap<Uuid, String>,
}

impl Told {
    /// Loads them, and the names of `more` products. A fixed number of statements.
    pub(super) async fn load(
        cx: &OpContext,
        ids: &[ContentId],
        more: impl Iterator<Item = ProductId>,
    ) -> Result<Self> {
        let db = cx.app.db.read();
        let labels = contents::load_labels(db, ids).await?;
        let sold = labels.values().flat_map(|l| l.products.iter().map(|p| p.0));
        let sold: BTreeSet<Uuid> = sold.chain(more.map(|id| id.0)).collect();
        let meant = labels.values();
        let meant = meant.flat_map(|l| l.audiences.iter().map(|a| a.0));
        let meant: BTreeSet<Uuid> = meant.collect();
        let products = "SELECT id, sku AS name FROM products WHERE id IN ";
        let audiences = "SELECT id, slug AS name FROM audiences WHERE id IN ";
        Ok(Self {
            tree: tree(cx).await?,
            products: store::names_of(db, products, sold).await?,
            audiences: store::names_of(db, audiences, meant).await?,
            labels,
        })
    }

    /// What a table calls a product.
    pub(super) fn product(&self, id: ProductId) -> String {
        let sku = self.products.get(&id.0).filter(|sku| !sku.contains('='));
        sku.cloned().unwrap_or_else(|| id.to_string())
    }

    /// Tells the labels of a content, as far as the reader reaches them.
    pub(super) fn tell(&self, cx: &OpContext, id: ContentId, cells: &mut Cells) {
        let Some(labels) = self.labels.get(&id) else {
            return;
        };
        let channels = labels.channels.iter();
        let channels = channels.filter(|id| reaches(&cx.viewer, &self.tree, **id));
        let channels = channels.filter_map(|id| self.tree.get(*id).map(|c| c.slug.clone()));
        let products = labels.products.iter().map(|id| self.product(*id));
        let audiences = labels.audiences.iter();
        let audiences = audiences.filter_map(|id| self.audiences.get(&id.0));
        set(cells, "tags", Some(join_list(&labels.tags)));
        set(cells, "markets", Some(join_list(&labels.markets)));
        set(cells, "products", Some(join_list(products)));
        set(cells, "channels", Some(join_list(channels)));
        set(cells, "audiences", Some(join_list(audiences)));
    }
}
