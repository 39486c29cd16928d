//! Pages of contents: what the viewer sees, narrowed, in an order, through the gate where a place is meant.

use std::sync::Arc;

use async_graphql::Enum;
use sea_orm::FromQueryResult;

use super::filter::{public_asks, visible};
use crate::accounts::OpContext;
use crate::channels::Tree;
use crate::contents::ContentKind;
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::db::{
    Direction, KeyPart, Page, PageRequest, SortColumn, Sql, fetch, fetch_count, keyset_page,
};
use crate::platform::ids::ContentId;
use crate::rights::gate::{Ask, Facts, decide};

/// In which order contents are listed.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ContentOrder {
    /// Made last, first.
    #[default]
    Newest,
    /// Made first, first.
    Oldest,
    /// Changed last, first.
    Updated,
    /// By title, as it folds.
    Title,
    /// Published last, first; endorsements only.
    Published,
}

impl ContentOrder {
    fn columns(self) -> [SortColumn; 2] {
        let by = |expr, id, direction| {
            [
                SortColumn { expr, direction },
                SortColumn {
                    expr: id,
                    direction,
                },
            ]
        };
        match self {
            Self::Newest => by("c.created_at", "c.id", Direction::Descending),
            Self::Oldest => by("c.created_at", "c.id", Direction::Ascending),
            Self::Updated => by("c.updated_at", "c.id", Direction::Descending),
            Self::Title => by("c.title_key", "c.id", Direction::Ascending),
            Self::Published => by("e.published_on", "c.id", Direction::Descending),
        }
    }

    /// The sort key as two columns, of which one is meant.
    fn key(self) -> &'static str {
        match self {
            Self::Newest | Self::Oldest => "c.created_at AS int_key, '' AS text_key",
            Self::Updated => "c.updated_at AS int_key, '' AS text_key",
            Self::Title => "CAST(0 AS bigint) AS int_key, c.title_key AS text_key",
            Self::Published => "CAST(e.published_on AS bigint) AS int_key, '' AS text_key",
        }
    }
}

/// A list of contents: which, and in which order.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub kind: Option<ContentKind>,
    /// Beside what the viewer sees; on `contents c`.
    pub condition: Sql,
    pub order: ContentOrder,
    /// Where it is to go out: each row of the page is decided again.
    pub gate: Option<Ask>,
}

/// Where a row stands in its list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub id: ContentId,
    pub key: Vec<KeyPart>,
    /// What the gate looks at, where it was asked.
    pub facts: Option<Arc<Facts>>,
}

#[derive(FromQueryResult)]
struct Row {
    id: ContentId,
    int_key: i64,
    text_key: String,
}

impl Listing {
    /// The rows of the list, without order: `FROM … WHERE …`.
    fn rows(&self, cx: &OpContext, tree: &Tree) -> Sql {
        let mut from = Sql::new(" FROM contents c");
        if self.order == ContentOrder::Published {
            from = from.push(" JOIN endorsements e ON e.content_id = c.id");
        }
        // Where the gate is asked about a place, its answer there is what a public viewer sees.
        let mut parts = vec![match self.gate {
            Some(_) => brand_condition(&cx.viewer, "c.brand_id"),
            None => visible(cx, tree),
        }];
        if let Some(kind) = self.kind {
            parts.push(Sql::new("c.kind = ").bind(kind.name()));
        }
        parts.push(self.condition.clone());
        from.push(" WHERE ").append(Sql::all(parts))
    }

    /// A page of it.
    pub(crate) async fn page(
        &self,
        cx: &OpContext,
        tree: &Tree,
        request: &PageRequest,
    ) -> Result<Page<Listed>> {
        if self.order == ContentOrder::Published && self.kind != Some(ContentKind::Endorsement) {
            let text = "Only endorsements have a day of publication: order assets otherwise.";
            return Err(Error::BadRequest(text.to_owned()));
        }
        let sql = Sql::new("SELECT c.id, ")
            .push(self.order.key())
            .append(self.rows(cx, tree))
            .append(keyset_page(&self.order.columns(), request));
        let db = cx.app.db.read();
        let rows: Vec<Row> = fetch(db, sql).await?;
        let page = Page::from_rows(rows, request).map(|row| Listed {
            id: row.id,
            key: vec![
                if self.order == ContentOrder::Title {
                    KeyPart::Text(row.text_key)
                } else {
                    KeyPart::Int(row.int_key)
                },
                KeyPart::Id(row.id.0),
            ],
            facts: None,
        });
        decide_again(cx, tree, page, self.gate.as_ref()).await
    }

    /// How many there are in all.
    pub(crate) async fn count(&self, cx: &OpContext, tree: &Tree) -> Result<i64> {
        fetch_count(
            cx.app.db.read(),
            Sql::new("SELECT count(*) AS n").append(self.rows(cx, tree)),
        )
        .await
    }
}

/// Decides each row of a page again where the gate was asked. The predicate selects exactly what the gate
/// lets out, so nothing is dropped unless something changed in between; a metric counts what is.
pub(crate) async fn decide_again(
    cx: &OpContext,
    tree: &Tree,
    mut page: Page<Listed>,
    gate: Option<&Ask>,
) -> Result<Page<Listed>> {
    let asks: Vec<Ask> = match gate {
        Some(ask) => vec![ask.clone()],
        None if cx.viewer.is_public() => public_asks(cx, tree),
        None => return Ok(page),
    };
    let ids: Vec<ContentId> = page.items.iter().map(|row| row.id).collect();
    let facts = crate::rights::load_facts(cx.app.db.read(), &ids).await?;
    let before = page.items.len();
    page.items.retain_mut(|row| {
        row.facts = facts.get(&row.id).cloned();
        row.facts
            .as_ref()
            .is_some_and(|facts| asks.iter().any(|ask| decide(facts, ask).is_available()))
    });
    let dropped = before - page.items.len();
    if dropped > 0 {
        metrics::counter!("accolade_gate_disagreements_total").increment(dropped as u64);
        tracing::warn!(
            dropped,
            "the gate refused rows that its predicate had selected"
        );
    }
    Ok(page)
}
