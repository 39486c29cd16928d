//! Pages by keyset: a cursor is where a row stands in the order, not how many came before it, so page
//! 2,500 costs what page 1 costs and no row is shown twice or skipped while others are written.

use sea_orm::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Sql;

/// One part of a sort key, as it stands in a cursor: marked with its type, for a name may look like an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyPart {
    #[serde(rename = "n")]
    Int(i64),
    #[serde(rename = "i")]
    Id(Uuid),
    #[serde(rename = "t")]
    Text(String),
}

impl From<KeyPart> for Value {
    fn from(part: KeyPart) -> Self {
        match part {
            KeyPart::Int(n) => n.into(),
            KeyPart::Id(id) => id.into(),
            KeyPart::Text(text) => text.into(),
        }
    }
}

/// Where a row stands. `scope` names the list, order and filter it was made for: a cursor of another
/// list is refused, not misread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    #[serde(rename = "s")]
    pub scope: String,
    #[serde(rename = "k")]
    pub key: Vec<KeyPart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A column of the sort key. The last one must be unique, the others not null.
#[derive(Clone, Copy, Debug)]
pub struct SortColumn {
    /// The expression, such as `c.created_at`.
    pub expr: &'static str,
    pub direction: Direction,
}

/// Which page is wanted: `limit` rows after or before a key, from the front or the back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    pub limit: u32,
    pub after: Option<Vec<KeyPart>>,
    pub before: Option<Vec<KeyPart>>,
    /// `last`: the rows nearest the end of the range.
    pub backwards: bool,
}

impl PageRequest {
    /// The first `limit` rows.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self {
            limit,
            after: None,
            before: None,
            backwards: false,
        }
    }
}

/// A page of rows, in the list's order.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Cuts the surplus row, restores the order, and says whether more follows. `rows` are those of a
    /// statement made with [`keyset_page`].
    #[must_use]
    pub fn from_rows(mut rows: Vec<T>, request: &PageRequest) -> Self {
        let limit = request.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        if request.backwards {
            rows.reverse();
            Self {
                items: rows,
                has_next: request.before.is_some(),
                has_previous: more,
            }
        } else {
            Self {
                items: rows,
                has_next: more,
                has_previous: request.after.is_some(),
            }
        }
    }

    #[must_use]
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

/// The condition, order and limit that select a page: append them to `SELECT … WHERE …`, which must end
/// in a condition. Asks for one row more than the page holds.
#[must_use]
pub fn keyset_page(columns: &[SortColumn], request: &PageRequest) -> Sql {
    keyset_range(columns, request)
        .append(keyset_order(columns, request))
        // In the text, because a planner that does not know how few rows are wanted plans for many.
        .push(" LIMIT ")
        .name(&(u64::from(request.limit) + 1).to_string())
}

/// ` AND …`: the rows that the cursors leave.
#[must_use]
pub fn keyset_range(columns: &[SortColumn], request: &PageRequest) -> Sql {
    let mut sql = Sql::default();
    if let Some(after) = &request.after {
        sql = sql.push(" AND ").append(beyond(columns, after, false));
    }
    if let Some(before) = &request.before {
        sql = sql.push(" AND ").append(beyond(columns, before, true));
    }
    sql
}

/// ` ORDER BY …`: from the front, or from the back.
#[must_use]
pub fn keyset_order(columns: &[SortColumn], request: &PageRequest) -> Sql {
    Sql::new(" ORDER BY ").append(Sql::commas(columns.iter().map(|column| {
        let descending = (column.direction == Direction::Descending) != request.backwards;
        Sql::new(column.expr).push(if descending { " DESC" } else { " ASC" })
    })))
}

/// Rows strictly beyond `key` in the list's order, or strictly before it.
fn beyond(columns: &[SortColumn], key: &[KeyPart], before: bool) -> Sql {
    if columns.windows(2).all(|w| w[0].direction == w[1].direction) {
        let less = columns
            .first()
            .is_some_and(|c| (c.direction == Direction::Descending) != before);
        return Sql::new("(")
            .append(Sql::commas(columns.iter().map(|c| Sql::new(c.expr))))
            .push(if less { ") < " } else { ") > " })
            .list(key.iter().cloned());
    }
    let cases = columns
        .iter()
        .zip(key)
        .enumerate()
        .map(|(i, (column, part))| {
            let equal = columns[..i]
                .iter()
                .zip(key)
                .map(|(c, k)| Sql::new(c.expr).push(" = ").bind(k.clone()));
            let less = (column.direction == Direction::Descending) != before;
            let strict = Sql::new(column.expr)
                .push(if less { " < " } else { " > " })
                .bind(part.clone());
            Sql::all(equal.chain([strict]))
        });
    Sql::any(cases)
}
