//! Pages as Relay knows them: connections over keyset pages, with sealed cursors.

use std::sync::Arc;

use async_graphql::connection::{
    Connection as RelayConnection, ConnectionNameType, CursorType, DefaultConnectionName,
    DefaultEdgeName, Edge, EdgeNameType, EmptyFields,
};
use async_graphql::{Object, OutputType};
use futures::future::BoxFuture;

use super::error::{GqlResult, fail};
use crate::app::App;
use crate::error::{Error, Result};
use crate::platform::db::{Cursor, KeyPart, Page, PageRequest};
use crate::platform::seal::sha256_hex;

/// Rows on a page when the caller does not say.
pub(crate) const DEFAULT_PAGE: u32 = 20;
/// Most rows on a page.
pub(crate) const MAX_PAGE: u32 = 100;

/// A connection, named after its nodes unless it has names of its own.
pub(crate) type Connection<T, Name = DefaultConnectionName, EdgeName = DefaultEdgeName> =
    RelayConnection<Position, T, Total, EmptyFields, Name, EdgeName>;

/// Where a row stands in its list. It is sealed into a cursor only if the query asks for it.
pub(crate) struct Position {
    app: Arc<App>,
    scope: Arc<str>,
    key: Vec<KeyPart>,
}

/// What a list is called in its cursors: a short hash of its name with all that narrows it. Names may be long, and
/// are nobody's business.
fn called(scope: &str) -> String {
    sha256_hex(scope.as_bytes())[..16].to_owned()
}

impl CursorType for Position {
    type Error = &'static str;

    /// Arguments are texts: [`PageArgs::open`] opens them, knowing the list.
    fn decode_cursor(_: &str) -> std::result::Result<Self, Self::Error> {
        Err("a cursor is opened by its list")
    }

    fn encode_cursor(&self) -> String {
        let cursor = Cursor {
            scope: self.scope.to_string(),
            key: self.key.clone(),
        };
        self.app.sealer.seal("cursor", &cursor)
    }
}

/// How many there are in the whole list; counted only if the query asks.
pub(crate) struct Total(Source);

enum Source {
    Known(usize),
    Counted(Box<dyn Fn() -> BoxFuture<'static, Result<i64>> + Send + Sync>),
}

#[Object]
impl Total {
    /// How many there are in the whole list.
    async fn total_count(&self) -> GqlResult<i32> {
        let count = match &self.0 {
            Source::Known(n) => i64::try_from(*n).unwrap_or(i64::MAX),
            Source::Counted(count) => count().await.map_err(fail)?,
        };
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

impl Total {
    /// A total that runs its statement when it is asked for.
    pub(crate) fn counted<F, W>(count: F) -> Self
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = Result<i64>> + Send + 'static,
    {
        Self(Source::Counted(Box::new(move || Box::pin(count()))))
    }

    pub(crate) fn known(total: usize) -> Self {
        Self(Source::Known(total))
    }
}

/// The arguments of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageArgs {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl PageArgs {
    /// A connection that is read forwards only.
    pub(crate) fn forward(first: Option<i32>, after: Option<String>) -> Self {
        Self {
            first,
            after,
            last: None,
            before: None,
        }
    }

    /// Checks the arguments. `scope` names the list with its order and filter: a cursor of another list
    /// is refused. `key_len`: the parts of the list's sort key.
    pub(crate) fn open(&self, app: &App, scope: &str, key_len: usize) -> Result<PageRequest> {
        let limit = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(Error::BadRequest(
                    "Give `first` or `last`, not both.".to_owned(),
                ));
            }
            (Some(n), None) => check_limit("first", n)?,
            (None, Some(n)) => check_limit("last", n)?,
            (None, None) => DEFAULT_PAGE,
        };
        let called = called(scope);
        let open = |name: &str, cursor: &Option<String>| -> Result<Option<Vec<KeyPart>>> {
            let Some(text) = cursor else { return Ok(None) };
            match app.sealer.open::<Cursor>("cursor", text) {
                Ok(cursor) if cursor.scope == called && cursor.key.len() == key_len => {
                    Ok(Some(cursor.key))
                }
                _ => Err(Error::BadRequest(format!(
                    "`{name}` is not a cursor of this list with this order and filter."
                ))),
            }
        };
        Ok(PageRequest {
            limit,
            after: open("after", &self.after)?,
            before: open("before", &self.before)?,
            backwards: self.last.is_some(),
        })
    }
}

/// How many are asked for, if that is within what one answer may hold.
pub(crate) fn check_limit(name: &str, n: i32) -> Result<u32> {
    match u32::try_from(n) {
        Ok(n) if n <= MAX_PAGE => Ok(n),
        _ => Err(Error::BadRequest(format!(
            "`{name}` must be between 0 and {MAX_PAGE}."
        ))),
    }
}

/// A connection of a page. `key` tells where a row stands, `node` what is shown of it.
pub(crate) fn connection<R, T, Name, EdgeName>(
    app: &Arc<App>,
    scope: &str,
    page: Page<R>,
    total: Total,
    key: impl Fn(&R) -> Vec<KeyPart>,
    node: impl Fn(R) -> T,
) -> Connection<T, Name, EdgeName>
where
    T: OutputType,
    Name: ConnectionNameType,
    EdgeName: EdgeNameType,
{
    let mut connection =
        Connection::with_additional_fields(page.has_previous, page.has_next, total);
    let scope: Arc<str> = Arc::from(called(scope));
    connection.edges.extend(page.items.into_iter().map(|row| {
        let position = Position {
            app: Arc::clone(app),
            scope: Arc::clone(&scope),
            key: key(&row),
        };
        Edge::new(position, node(row))
    }));
    connection
}

/// A page of a short list that is in memory already, in its order. Cursors name the row's id.
pub(crate) fn page_in_memory<R>(
    rows: Vec<R>,
    request: &PageRequest,
    key: impl Fn(&R) -> Vec<KeyPart>,
) -> Page<R> {
    let place = |at: &Option<Vec<KeyPart>>| {
        at.as_ref()
            .and_then(|k| rows.iter().position(|r| key(r) == *k))
    };
    let start = place(&request.after).map_or(0, |i| i + 1);
    let end = place(&request.before).unwrap_or(rows.len()).max(start);
    let limit = request.limit as usize;
    let (from, to) = if request.backwards {
        (end.saturating_sub(limit).max(start), end)
    } else {
        (start, end.min(start.saturating_add(limit)))
    };
    let total = rows.len();
    let items = rows.into_iter().skip(from).take(to - from).collect();
    Page {
        items,
        has_next: to < total,
        has_previous: from > 0,
    }
}
