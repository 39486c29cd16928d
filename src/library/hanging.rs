//! The contents that hang on something: on each of many products or outlets a page, in one statement for all.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use sea_orm::{DbBackend, FromQueryResult};
use uuid::Uuid;

use super::filter::visible;
use super::list::{Listed, decide_again};
use crate::channels::Tree;
use crate::contents::ContentKind;
use crate::contents::service::brand_condition;
use crate::error::{Error, Result};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::db::{
    Direction, KeyPart, Page, PageRequest, SortColumn, Sql, fetch, keyset_page,
};
use crate::platform::ids::{ChannelId, ContentId, OutletId, ProductId};
use crate::rights::gate::{Ask, lets_out};

/// What a content hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    Product(ProductId),
    Outlet(OutletId),
}

impl Of {
    fn id(self) -> Uuid {
        match self {
            Self::Product(id) => id.0,
            Self::Outlet(id) => id.0,
        }
    }

    /// The table of what it is, and the index that has its contents in the order of their ids.
    fn tables(self) -> Hanging {
        match self {
            Self::Product(_) => Hanging {
                parents: "products p",
                walk: "content_products d JOIN contents c ON c.id = d.content_id WHERE d.product_id = p.id",
            },
            Self::Outlet(_) => Hanging {
                parents: "outlets p",
                walk: "endorsements d JOIN contents c ON c.id = d.content_id WHERE d.outlet_id = p.id",
            },
        }
    }
}

struct Hanging {
    parents: &'static str,
    walk: &'static str,
}

/// How the contents of each are listed: the newest first.
#[derive(Clone, Debug)]
pub(crate) struct Narrowed {
    pub kind: ContentKind,
    /// Only what goes out there. No product: what hangs on a product is about it, so a lease that is bound
    /// to its products does not bar it.
    pub gate: Option<Ask>,
    pub tree: Arc<Tree>,
}

impl Narrowed {
    fn condition(&self, loaders: &Loaders) -> Sql {
        let cx = &loaders.cx;
        let mut parts = vec![
            Sql::new("c.trashed_at IS NULL AND c.kind = ").bind(self.kind.name()),
            brand_condition(&cx.viewer, "c.brand_id"),
        ];
        match &self.gate {
            Some(ask) => parts.push(lets_out(ask, "c")),
            None if cx.viewer.is_public() => parts.push(visible(cx, &self.tree)),
            None => {}
        }
        Sql::all(parts)
    }

    /// What tells it from the others of one request.
    fn name(&self) -> (ContentKind, Option<ChannelId>) {
        (self.kind, self.gate.as_ref().map(|ask| ask.channel.id))
    }
}

impl PartialEq for Narrowed {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Narrowed {}

impl Hash for Narrowed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

/// A page of what hangs on one thing. Those of one field of a query differ in `of` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HangingKey {
    pub of: Of,
    pub page: PageRequest,
    pub narrowed: Arc<Narrowed>,
}

/// How much hangs on one thing in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HangingCountKey {
    pub of: Of,
    pub narrowed: Arc<Narrowed>,
}

#[derive(FromQueryResult)]
struct Row {
    parent: Uuid,
    /// Ids with commas between them.
    found: Option<String>,
}

impl Loader<HangingKey> for Loaders {
    type Value = Page<Listed>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[HangingKey],
    ) -> Result<HashMap<HangingKey, Page<Listed>>, LoadError> {
        let mut alike: HashMap<_, Vec<&HangingKey>> = HashMap::new();
        for key in keys {
            let like = (discriminant(&key.of), &key.page, &key.narrowed);
            alike.entry(like).or_default().push(key);
        }
        let mut pages = HashMap::new();
        for group in alike.into_values() {
            pages.extend(self.pages_of(group).await?);
        }
        Ok(pages)
    }
}

impl Loaders {
    async fn pages_of(&self, keys: Vec<&HangingKey>) -> Result<Vec<(HangingKey, Page<Listed>)>> {
        let Some(first) = keys.first() else {
            return Ok(Vec::new());
        };
        let db = self.db();
        let tables = first.of.tables();
        let walk = Sql::new("SELECT d.content_id AS id FROM ")
            .push(tables.walk)
            .push(" AND ")
            .append(first.narrowed.condition(self))
            .append(keyset_page(
                &[SortColumn {
                    expr: "d.content_id",
                    direction: Direction::Descending,
                }],
                &first.page,
            ));
        let sql = Sql::new("SELECT p.id AS parent, (SELECT ")
            .push(match db.get_database_backend() {
                DbBackend::Postgres => "string_agg(CAST(w.id AS text), ',')",
                _ => "group_concat(hex(w.id), ',')",
            })
            .push(" FROM (")
            .append(walk)
            .push(") w) AS found FROM ")
            .push(tables.parents)
            .push(" WHERE p.id IN ")
            .list(keys.iter().map(|key| key.of.id()));
        let rows: Vec<Row> = fetch(db, sql).await?;
        let mut found: HashMap<Uuid, Vec<ContentId>> = HashMap::new();
        for row in rows {
            found.insert(row.parent, read_ids(row.found.as_deref(), &first.page)?);
        }
        let all: Vec<ContentId> = found.values().flatten().copied().collect();
        // Decided again all together, then parted.
        let decided = Page {
            items: all.into_iter().map(listed).collect(),
            has_next: false,
            has_previous: false,
        };
        let (cx, narrowed) = (&self.cx, &first.narrowed);
        let decided = decide_again(cx, &narrowed.tree, decided, narrowed.gate.as_ref()).await?;
        let decided: HashMap<ContentId, Listed> =
            decided.items.into_iter().map(|row| (row.id, row)).collect();
        Ok(keys
            .into_iter()
            .map(|key| {
                let ids = found.get(&key.of.id()).cloned().unwrap_or_default();
                let Page {
                    items,
                    has_next,
                    has_previous,
                } = Page::from_rows(ids, &key.page);
                let page = Page {
                    items: items
                        .iter()
                        .filter_map(|id| decided.get(id).cloned())
                        .collect(),
                    has_next,
                    has_previous,
                };
                (key.clone(), page)
            })
            .collect())
    }
}

fn listed(id: ContentId) -> Listed {
    Listed {
        id,
        key: vec![KeyPart::Id(id.0)],
        facts: None,
    }
}

/// The ids of one walk, in its order. An aggregate promises none.
fn read_ids(text: Option<&str>, page: &PageRequest) -> Result<Vec<ContentId>> {
    let ids = text.into_iter().flat_map(|text| text.split(','));
    let mut ids = ids
        .map(|id| Uuid::parse_str(id).map(ContentId).map_err(Error::internal))
        .collect::<Result<Vec<ContentId>>>()?;
    ids.sort_unstable();
    if !page.backwards {
        ids.reverse();
    }
    Ok(ids)
}

#[derive(FromQueryResult)]
struct CountRow {
    parent: Uuid,
    n: i64,
}

impl Loader<HangingCountKey> for Loaders {
    type Value = i64;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[HangingCountKey],
    ) -> Result<HashMap<HangingCountKey, i64>, LoadError> {
        let mut alike: HashMap<_, Vec<&HangingCountKey>> = HashMap::new();
        for key in keys {
            let like = (discriminant(&key.of), &key.narrowed);
            alike.entry(like).or_default().push(key);
        }
        let mut counts = HashMap::new();
        for group in alike.into_values() {
            let Some(first) = group.first() else { continue };
            let tables = first.of.tables();
            let sql = Sql::new("SELECT p.id AS parent, (SELECT count(*) FROM ")
                .push(tables.walk)
                .push(" AND ")
                .append(first.narrowed.condition(self))
                .push(") AS n FROM ")
                .push(tables.parents)
                .push(" WHERE p.id IN ")
                .list(group.iter().map(|key| key.of.id()));
            let rows: Vec<CountRow> = fetch(self.db(), sql).await?;
            let found: HashMap<Uuid, i64> = rows.into_iter().map(|r| (r.parent, r.n)).collect();
            for key in group {
                let n = found.get(&key.of.id()).copied().unwrap_or(0);
                counts.insert(key.clone(), n);
            }
        }
        Ok(counts)
    }
}
