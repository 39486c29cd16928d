//! Pages of contents: what the viewer sees, narrowed, in an order, through the gate where a place is meant.

use std::sync::Arc;

use async_graphql::Enum;
use sea_orm::{DbBackend, FromQueryResult};

use super::filter::{public_asks, visible};
use crate::accounts::{OpContext, Reach};
use crate::channels::Tree;
use crate::contents::ContentKind;
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::platform::db::{
    Direction, KeyPart, Page, PageRequest, SortColumn, Sql, fetch, fetch_count, keyset_order,
    keyset_page, keyset_range,
};
use crate::platform::ids::{BrandId, ChannelId, ContentId};
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
    /// The sort key. Ids are stamped with the instant at which the content was made, so their order is the
    /// order in time; `id` is the column that the list's index has it in.
    fn columns(self, id: &'static str) -> Vec<SortColumn> {
        use Direction::{Ascending, Descending};
        let by = |columns: &[&'static str], direction| {
            let column = |expr: &&'static str| SortColumn { expr, direction };
            columns.iter().map(column).collect()
        };
        match self {
            Self::Newest => by(&[id], Descending),
            Self::Oldest => by(&[id], Ascending),
            Self::Updated => by(&["c.updated_at", id], Descending),
            Self::Title => by(&["c.title_key", id], Ascending),
            Self::Published => by(&["e.published_on", id], Descending),
        }
    }

    /// The first part of a sort key that has two, as two columns of which one is meant.
    fn key(self) -> &'static str {
        match self {
            Self::Newest | Self::Oldest => "CAST(0 AS bigint) AS int_key, '' AS text_key",
            Self::Updated => "c.updated_at AS int_key, '' AS text_key",
            Self::Title => "CAST(0 AS bigint) AS int_key, c.title_key AS text_key",
            Self::Published => "CAST(e.published_on AS bigint) AS int_key, '' AS text_key",
        }
    }

    /// How many parts the sort key has, as a cursor holds them.
    pub(crate) fn key_len(self) -> usize {
        self.columns("id").len()
    }
}

/// Where a list starts from: one walk along an index in the list's order, from which the first rows that fit
/// are taken, so a small channel's page costs what a large one's does. Several starts are walked each for
/// itself, and their first rows put together.
struct Start {
    from: &'static str,
    /// Where the content's id stands in the index.
    id: &'static str,
    condition: Sql,
}

/// The contents tagged to a channel or to those above it as one walk, on which the gate stands once.
///
/// PostgreSQL merges walks whose order is written out, and asks of each row in turn what stands in a LATERAL
/// with an OFFSET. SQLite merges a UNION that is in the order of its parts, keeps that order through a CROSS
/// JOIN, and would sort everything if it were told of it once more.
fn merged(
    backend: DbBackend,
    chain: &[ChannelId],
    order: ContentOrder,
    narrowed: Sql,
    request: &PageRequest,
) -> Sql {
    let columns = |id| order.columns(id);
    let limit = (u64::from(request.limit) + 1).to_string();
    let mut walks = Sql::default();
    // Whether it was met already at a channel further down.
    let mut again = Sql::new("CASE d.step WHEN 0 THEN FALSE");
    for (step, channel) in chain.iter().enumerate() {
        let number = step.to_string();
        let walk = Sql::new(" FROM content_channels t WHERE t.channel_id = ").bind(*channel);
        if backend == DbBackend::Postgres {
            walks = if step == 0 {
                walks
            } else {
                walks.push(" UNION ALL ")
            }
            .push("(SELECT t.content_id, ")
            .name(&number)
            .push(" AS step")
            .append(walk)
            .append(keyset_range(&columns("t.content_id"), request))
            .append(keyset_order(&columns("t.content_id"), request))
            .push(")");
        } else {
            walks = if step == 0 {
                walks
            } else {
                walks.push(" UNION ")
            }
            .push("SELECT t.content_id AS content_id")
            .append(walk)
            .append(keyset_range(&columns("t.content_id"), request));
        }
        if step > 0 {
            again = again
                .push(" WHEN ")
                .name(&number)
                .push(
                    " THEN EXISTS (SELECT 1 FROM content_channels x
                     WHERE x.content_id = c.id AND x.channel_id IN ",
                )
                .list(chain.iter().take(step).copied())
                .push(")");
        }
    }
    let sql = Sql::new("SELECT d.content_id AS id, ")
        .push(order.key())
        .push(" FROM (")
        .append(walks);
    if backend == DbBackend::Postgres {
        sql.push(
            ") d CROSS JOIN LATERAL (SELECT 1 FROM contents c WHERE c.id = d.content_id AND NOT ",
        )
        .append(again)
        .push(" END AND ")
        .append(narrowed)
        .push(" OFFSET 0) c")
        .append(keyset_order(&columns("d.content_id"), request))
        .push(" LIMIT ")
        .name(&limit)
    } else {
        sql.append(keyset_order(&columns("content_id"), request))
            .push(" LIMIT -1) d CROSS JOIN contents c WHERE c.id = d.content_id AND ")
            .append(narrowed)
            .push(" LIMIT ")
            .name(&limit)
    }
}

/// Most brands whose lists are walked one by one; the contents of more are walked together.
const MAX_WALKS: usize = 16;

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
    /// Which walks make up the list.
    fn starts(&self, cx: &OpContext) -> Vec<Start> {
        let brands = |c| brand_condition(&cx.viewer, c);
        if self.order == ContentOrder::Published {
            return vec![Start {
                from: "endorsements e JOIN contents c ON c.id = e.content_id",
                id: "e.content_id",
                condition: brands("c.brand_id"),
            }];
        }
        match &cx.viewer.brands {
            Reach::Only(ids) if (1..=MAX_WALKS).contains(&ids.len()) => {
                let start = |brand: &BrandId| Start {
                    from: "contents c",
                    id: "c.id",
                    condition: Sql::new("c.brand_id = ").bind(*brand),
                };
                ids.iter().map(start).collect()
            }
            _ => vec![Start {
                from: "contents c",
                id: "c.id",
                condition: brands("c.brand_id"),
            }],
        }
    }

    /// What narrows the list beside where it starts from.
    fn narrowed(&self, cx: &OpContext, tree: &Tree) -> Sql {
        let mut parts = Vec::new();
        if let Some(kind) = self.kind {
            // Our own two words, in the text: the planner knows how many there are of each.
            parts.push(match kind {
                ContentKind::Asset => Sql::new("c.kind = 'ASSET'"),
                ContentKind::Endorsement => Sql::new("c.kind = 'ENDORSEMENT'"),
            });
        }
        // Where the gate is asked about a place, its answer there is what a public viewer sees.
        if self.gate.is_none() && cx.viewer.is_public() {
            parts.push(visible(cx, tree));
        }
        parts.push(self.condition.clone());
        Sql::all(parts)
    }

    fn check(&self) -> Result<()> {
        if self.order == ContentOrder::Published && self.kind != Some(ContentKind::Endorsement) {
            let text = "Only endorsements have a day of publication: order assets otherwise.";
            return Err(Error::BadRequest(text.to_owned()));
        }
        Ok(())
    }

    /// The statement that selects a page and one row more.
    pub(crate) fn select(&self, cx: &OpContext, tree: &Tree, request: &PageRequest) -> Sql {
        let narrowed = self.narrowed(cx, tree);
        if let Some(ask) = &self.gate
            && matches!(self.order, ContentOrder::Newest | ContentOrder::Oldest)
        {
            let narrowed = Sql::all([brand_condition(&cx.viewer, "c.brand_id"), narrowed]);
            return merged(
                cx.app.db.backend(),
                &ask.chain,
                self.order,
                narrowed,
                request,
            );
        }
        let walk = |start: Start| {
            Sql::new("SELECT c.id, ")
                .push(self.order.key())
                .push(" FROM ")
                .push(start.from)
                .push(" WHERE ")
                .append(start.condition)
                .push(" AND ")
                .append(narrowed.clone())
                .append(keyset_page(&self.order.columns(start.id), request))
        };
        let mut walks: Vec<Sql> = self.starts(cx).into_iter().map(walk).collect();
        if walks.len() == 1 {
            return walks.remove(0);
        }
        let walks = walks
            .into_iter()
            .map(|walk| Sql::new("SELECT * FROM (").append(walk).push(") w"));
        let found = Sql::between(" UNION ", walks);
        let first_part = |column: &SortColumn| match column.expr {
            "c.title_key" => "u.text_key",
            "u.id" => "u.id",
            _ => "u.int_key",
        };
        let columns: Vec<SortColumn> = self
            .order
            .columns("u.id")
            .into_iter()
            .map(|column| SortColumn {
                expr: first_part(&column),
                direction: column.direction,
            })
            .collect();
        // Where a page begins, each walk knows already.
        let all = PageRequest {
            after: None,
            before: None,
            ..request.clone()
        };
        Sql::new("SELECT u.id, u.int_key, u.text_key FROM (")
            .append(found)
            .push(") u WHERE 1 = 1")
            .append(keyset_page(&columns, &all))
    }

    /// A page of it.
    pub(crate) async fn page(
        &self,
        cx: &OpContext,
        tree: &Tree,
        request: &PageRequest,
    ) -> Result<Page<Listed>> {
        self.check()?;
        let rows: Vec<Row> = fetch(cx.app.db.read(), self.select(cx, tree, request)).await?;
        let page = Page::from_rows(rows, request).map(|row| {
            let first = match self.order {
                ContentOrder::Newest | ContentOrder::Oldest => None,
                ContentOrder::Title => Some(KeyPart::Text(row.text_key)),
                ContentOrder::Updated | ContentOrder::Published => Some(KeyPart::Int(row.int_key)),
            };
            Listed {
                id: row.id,
                key: first.into_iter().chain([KeyPart::Id(row.id.0)]).collect(),
                facts: None,
            }
        });
        decide_again(cx, tree, page, self.gate.as_ref()).await
    }

    /// How many there are in all.
    pub(crate) async fn count(&self, cx: &OpContext, tree: &Tree) -> Result<i64> {
        let from = match self.order {
            ContentOrder::Published => {
                "SELECT count(*) AS n FROM endorsements e JOIN contents c ON c.id = e.content_id WHERE "
            }
            _ => "SELECT count(*) AS n FROM contents c WHERE ",
        };
        let mut sql = Sql::new(from).append(brand_condition(&cx.viewer, "c.brand_id"));
        if let Some(ask) = &self.gate {
            sql = sql
                .push(" AND c.id IN (SELECT content_id FROM content_channels WHERE channel_id IN ")
                .list(ask.chain.iter().copied())
                .push(")");
        }
        let sql = sql.push(" AND ").append(self.narrowed(cx, tree));
        fetch_count(cx.app.db.read(), sql).await
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
