//! Pages of what a search finds.

use sea_orm::FromQueryResult;

use super::list::Listed;
use crate::accounts::OpContext;
use crate::contents::ContentKind;
use crate::contents::service::brand_condition;
use crate::error::Result;
use crate::platform::db::{KeyPart, Page, PageRequest, Sql, fetch, fetch_count, keyset_page};
use crate::platform::ids::ContentId;
use crate::search::{ORDER, Query};

/// What is searched for, and what narrows it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub query: Query,
    pub kind: Option<ContentKind>,
    /// On `contents c`.
    pub condition: Sql,
}

#[derive(FromQueryResult)]
struct Row {
    id: ContentId,
    stamp: i64,
    rank: i32,
}

impl Finding {
    /// What narrows it, on `contents c`.
    fn narrowed(&self, cx: &OpContext) -> Sql {
        let mut parts = vec![
            brand_condition(&cx.viewer, "c.brand_id"),
            self.condition.clone(),
        ];
        if let Some(kind) = self.kind {
            parts.push(Sql::new("c.kind = ").bind(kind.name()));
        }
        Sql::all(parts)
    }

    fn rows(&self, cx: &OpContext) -> Sql {
        Sql::new(" FROM (")
            .append(self.query.matches(&cx.viewer.brands))
            .push(") s JOIN contents c ON c.id = s.content_id WHERE ")
            .append(self.narrowed(cx))
    }

    /// A page of it, the weightiest field first. Two statements.
    pub(crate) async fn page(&self, cx: &OpContext, request: &PageRequest) -> Result<Page<Listed>> {
        let db = cx.app.db.read();
        let Some(survey) = self.query.survey(&cx.viewer.brands) else {
            return Ok(Page::from_rows(Vec::new(), request));
        };
        let sql = match self.query.route(fetch(db, survey).await?) {
            Some(route) => route.select(&self.narrowed(cx), request),
            None => Some(
                Sql::new("SELECT s.content_id AS id, c.stamp, s.rank")
                    .append(self.rows(cx))
                    .append(keyset_page(&ORDER, request)),
            ),
        };
        let rows: Vec<Row> = match sql {
            Some(sql) => fetch(db, sql).await?,
            None => Vec::new(),
        };
        let page = Page::from_rows(rows, request);
        let stamped = page.items.iter().map(|row| (row.id, row.stamp));
        let facts = cx.app.facts.of(db, stamped).await?;
        Ok(page.map(|row| Listed {
            id: row.id,
            key: vec![KeyPart::Int(row.rank.into()), KeyPart::Id(row.id.0)],
            facts: facts.get(&row.id).cloned(),
        }))
    }

    /// How many there are in all.
    pub(crate) async fn count(&self, cx: &OpContext) -> Result<i64> {
        fetch_count(
            cx.app.db.read(),
            Sql::new("SELECT count(*) AS n").append(self.rows(cx)),
        )
        .await
    }
}
