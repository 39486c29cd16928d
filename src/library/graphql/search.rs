//! Full-text search.

use std::sync::Arc;

use async_graphql::connection::{ConnectionNameType, EdgeNameType};
use async_graphql::{Context, Object, OutputType, Union};

use super::inputs::ContentFilter;
use super::lists::with_contents;
use crate::accounts::OpContext;
use crate::assets::graphql::Asset;
use crate::channels::{Tree, tree};
use crate::contents::{self, ContentKind};
use crate::endorsements::graphql::Endorsement;
use crate::error::Result;
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::library::filter::Filter;
use crate::library::found::Finding;
use crate::platform::db::Sql;
use crate::rights::gate::lets_out;
use crate::search::Query;

/// What a search finds.
#[derive(Union)]
pub(crate) enum SearchResult {
    Asset(Asset),
    Endorsement(Endorsement),
}

impl SearchResult {
    fn of(content: Arc<contents::Content>) -> Self {
        match content.kind() {
            ContentKind::Asset => Self::Asset(Asset::of(content)),
            ContentKind::Endorsement => Self::Endorsement(Endorsement::of(content)),
        }
    }
}

/// `SearchConnection` and `SearchEdge`, which the contract does not name after their nodes.
pub(crate) struct SearchNames;

impl ConnectionNameType for SearchNames {
    fn type_name<T: OutputType>() -> String {
        "SearchConnection".to_owned()
    }
}

impl EdgeNameType for SearchNames {
    fn type_name<T: OutputType>() -> String {
        "SearchEdge".to_owned()
    }
}

#[derive(Default)]
pub(crate) struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Contents with all these words, in English, Chinese and other languages; the last word may be begun
    /// only. What has them in its title first, then what says them, then what names them; among equals the
    /// newest.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Up to 200 characters and 10 words.")] query: String,
        #[graphql(desc = "Only assets, or only endorsements.")] kind: Option<ContentKind>,
        filter: Option<ContentFilter>,
        #[graphql(desc = "How many, at most 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those behind this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<SearchResult, SearchNames, SearchNames>> {
        let cx = ctx.cx();
        let scope = format!("search {query:?} {kind:?} {filter:?}");
        let request = PageArgs::forward(first, after)
            .open(&cx.app, &scope, 2)
            .or_fail()?;
        let tree = tree(cx).await.or_fail()?;
        let finding = finding(cx, &tree, &query, kind, filter).await.or_fail()?;
        let page = finding.page(cx, &request).await.or_fail()?;
        let page = with_contents(ctx, page).await.or_fail()?;
        let counted = (cx.clone(), finding);
        let total = Total::counted(move || {
            let (cx, finding) = counted.clone();
            async move { finding.count(&cx).await }
        });
        let node = |row: (_, Arc<contents::Content>)| SearchResult::of(row.1);
        Ok(connection(
            &cx.app,
            &scope,
            page,
            total,
            |row| row.0.key.clone(),
            node,
        ))
    }
}

async fn finding(
    cx: &OpContext,
    tree: &Tree,
    query: &str,
    kind: Option<ContentKind>,
    filter: Option<ContentFilter>,
) -> Result<Finding> {
    let query = Query::parse(query)?;
    let filter = Filter::from(filter.unwrap_or_default());
    let gate = filter.gate(cx, tree).map(|ask| lets_out(&ask, "c"));
    let condition = filter.condition(cx, tree).await?;
    Ok(Finding {
        query,
        kind,
        condition: Sql::all(gate.into_iter().chain([condition])),
    })
}
