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
use crate::rights::gate::{Ask, Facts, decide, lets_out};

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
    let sql = Sql::new("SELECT d.content_id AS id, c.stamp, ")
        .push(order.key())
        .push(" FROM (")
        .append(walks);
    if backend == DbBackend::Postgres {
        sql.push(
            ") d CROSS JOIN LATERAL (SELECT c.stamp FROM contents c WHERE c.id = d.content_id AND NOT ",
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
    /// Where it is to go out: only what the gate lets out there.
    pub gate: Option<Ask>,
}

/// Who asks the gate of the rows that a statement selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gated {
    /// The statement does, so that it selects exactly the list's rows.
    BySql,
    /// The reader does, once it has them.
    ByReader,
}

/// Where a row stands in its list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub id: ContentId,
    pub key: Vec<KeyPart>,
    pub facts: Option<Arc<Facts>>,
}

#[derive(FromQueryResult)]
struct Row {
    id: ContentId,
    stamp: i64,
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
    fn narrowed(&self, cx: &OpContext, tree: &Tree, gated: Gated) -> Sql {
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
        if let (Some(ask), Gated::BySql) = (&self.gate, gated) {
            parts.push(lets_out(ask, "c"));
        }
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
    pub(crate) fn select(
        &self,
        cx: &OpContext,
        tree: &Tree,
        request: &PageRequest,
        gated: Gated,
    ) -> Sql {
        let narrowed = self.narrowed(cx, tree, gated);
        if let Some(ask) = self.walks_channels() {
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
            Sql::new("SELECT c.id, c.stamp, ")
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
        Sql::new("SELECT u.id, u.stamp, u.int_key, u.text_key FROM (")
            .append(found)
            .push(") u WHERE 1 = 1")
            .append(keyset_page(&columns, &all))
    }

    /// The question to the gate, where the list walks what is tagged to its channels.
    fn walks_channels(&self) -> Option<&Ask> {
        let by_id = matches!(self.order, ContentOrder::Newest | ContentOrder::Oldest);
        self.gate.as_ref().filter(|_| by_id)
    }

    /// A page of it. Two walks at most, and what is not known yet of the rows they meet.
    ///
    /// Most of what is tagged to a channel goes out there. So the gate is asked of what a plain walk meets
    /// first, from facts that are mostly known; only where that does not fill the page is it asked in SQL.
    pub(crate) async fn page(
        &self,
        cx: &OpContext,
        tree: &Tree,
        request: &PageRequest,
    ) -> Result<Page<Listed>> {
        self.check()?;
        let asks = asks(cx, tree, self.gate.as_ref());
        let asks = asks.as_deref();
        let mut rows = Vec::new();
        let mut rest = request.clone();
        if self.walks_channels().is_some() {
            let look = PageRequest {
                limit: request.limit + request.limit / 4 + 4,
                ..request.clone()
            };
            rows = self.rows(cx, tree, &look, Gated::ByReader).await?;
            let met_all = rows.len() <= look.limit as usize;
            let last = rows.last().map(|row| row.key.clone());
            rows.retain(|row| row.goes_out(asks));
            if met_all || rows.len() > request.limit as usize {
                return Ok(Page::from_rows(rows, request));
            }
            if request.backwards {
                rest.before = last;
            } else {
                rest.after = last;
            }
            rest.limit -= u32::try_from(rows.len()).unwrap_or(rest.limit);
        }
        rows.extend(self.rows(cx, tree, &rest, Gated::BySql).await?);
        Ok(decided(Page::from_rows(rows, request), asks))
    }

    /// What a statement selects, with what is known of it.
    async fn rows(
        &self,
        cx: &OpContext,
        tree: &Tree,
        request: &PageRequest,
        gated: Gated,
    ) -> Result<Vec<Listed>> {
        let db = cx.app.db.read();
        let rows: Vec<Row> = fetch(db, self.select(cx, tree, request, gated)).await?;
        let facts = cx
            .app
            .facts
            .of(db, rows.iter().map(|row| (row.id, row.stamp)))
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let first = match self.order {
                    ContentOrder::Newest | ContentOrder::Oldest => None,
                    ContentOrder::Title => Some(KeyPart::Text(row.text_key)),
                    ContentOrder::Updated | ContentOrder::Published => {
                        Some(KeyPart::Int(row.int_key))
                    }
                };
                Listed {
                    id: row.id,
                    key: first.into_iter().chain([KeyPart::Id(row.id.0)]).collect(),
                    facts: facts.get(&row.id).cloned(),
                }
            })
            .collect())
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
        let sql = sql
            .push(" AND ")
            .append(self.narrowed(cx, tree, Gated::BySql));
        fetch_count(cx.app.db.read(), sql).await
    }
}

/// The questions of which one must be answered with yes, if the gate is to be asked at all.
fn asks(cx: &OpContext, tree: &Tree, gate: Option<&Ask>) -> Option<Vec<Ask>> {
    match gate {
        Some(ask) => Some(vec![ask.clone()]),
        None if cx.viewer.is_public() => Some(public_asks(cx, tree)),
        None => None,
    }
}

impl Listed {
    fn goes_out(&self, asks: Option<&[Ask]>) -> bool {
        let Some(asks) = asks else { return true };
        self.facts
            .as_ref()
            .is_some_and(|facts| asks.iter().any(|ask| decide(facts, ask).is_available()))
    }
}

/// Decides each row of a page again that a statement has selected by the gate's predicate. That selects
/// exactly what the gate lets out, so nothing is dropped unless something changed in between; a metric
/// counts what is.
fn decided(mut page: Page<Listed>, asks: Option<&[Ask]>) -> Page<Listed> {
    let before = page.items.len();
    page.items.retain(|row| row.goes_out(asks));
    let dropped = before - page.items.len();
    if dropped > 0 {
        metrics::counter!("accolade_gate_disagreements_total").increment(dropped as u64);
        tracing::warn!(
            dropped,
            "the gate refused rows that its predicate had selected"
        );
    }
    page
}

/// The same for rows of which nothing is known yet.
pub(crate) async fn decide_again(
    cx: &OpContext,
    tree: &Tree,
    mut page: Page<Listed>,
    gate: Option<&Ask>,
) -> Result<Page<Listed>> {
    let asks = asks(cx, tree, gate);
    if asks.is_some() {
        let ids: Vec<ContentId> = page.items.iter().map(|row| row.id).collect();
        let mut facts = cx.app.facts.now(cx.app.db.read(), &ids).await?;
        for row in &mut page.items {
            row.facts = facts.remove(&row.id);
        }
    }
    Ok(decided(page, asks.as_deref()))
}
