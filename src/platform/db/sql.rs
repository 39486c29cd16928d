//! SQL as text with bound values, composed from parts.
//!
//! The gate's predicate and the lists built on it are one statement put together from many small
//! conditions; each is written as the SQL it is, so that it can be read beside its rule. Values are
//! always bound, never written into the text.

use sea_orm::{DbBackend, Statement, Value};

/// Stands for a bound value until the statement is rendered for its database.
const MARK: char = '\u{1}';

/// A piece of SQL: text and the values bound in it, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// A piece without values. `text` is ours, never a user's: it is static.
    #[must_use]
    pub fn new(text: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            values: Vec::new(),
        }
    }

    /// Appends text of ours.
    #[must_use]
    pub fn push(mut self, text: &'static str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Appends a name that the code made, such as a table alias. Letters, digits, `_` and `.` only.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        debug_assert!(
            name.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        );
        self.text.push_str(name);
        self
    }

    /// A piece about one row: `{c}` in the text stands for the row's alias.
    #[must_use]
    pub fn of(text: &'static str, alias: &'static str) -> Self {
        Self {
            text: text.replace("{c}", alias),
            values: Vec::new(),
        }
    }

    /// Appends text of ours about one row: `{c}` in it stands for the row's alias.
    #[must_use]
    pub fn about(mut self, text: &'static str, alias: &'static str) -> Self {
        self.text.push_str(&text.replace("{c}", alias));
        self
    }

    /// Appends a bound value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.text.push(MARK);
        self.values.push(value.into());
        self
    }

    /// Appends `(?, ?, …)`, or `(NULL)`, which nothing is in, for no values.
    #[must_use]
    pub fn list<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let before = self.values.len();
        self.text.push('(');
        for value in values {
            if self.values.len() > before {
                self.text.push_str(", ");
            }
            self.text.push(MARK);
            self.values.push(value.into());
        }
        if self.values.len() == before {
            self.text.push_str("NULL");
        }
        self.text.push(')');
        self
    }

    /// Appends another piece.
    #[must_use]
    pub fn append(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
        self
    }

    /// `INSERT INTO table (columns) VALUES (values)` for one row.
    #[must_use]
    pub fn insert<const N: usize>(table: &'static str, row: [(&'static str, Value); N]) -> Self {
        let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
        Self::insert_all(table, &columns, [values])
    }

    /// `INSERT INTO table (columns) VALUES (…), (…)` for rows in the order of `columns`; there must be one.
    #[must_use]
    pub fn insert_all(
        table: &'static str,
        columns: &[&'static str],
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Self {
        Self::new("INSERT INTO ")
            .push(table)
            .push(" (")
            .append(Self::commas(columns.iter().map(|c| Self::new(c))))
            .push(") VALUES ")
            .append(Self::commas(
                rows.into_iter().map(|row| Self::default().list(row)),
            ))
    }

    /// `UPDATE table SET column = value, …`; a condition must follow.
    #[must_use]
    pub fn update(
        table: &'static str,
        set: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Self {
        let set = set
            .into_iter()
            .map(|(column, value)| Self::new(column).push(" = ").bind(value));
        Self::new("UPDATE ")
            .push(table)
            .push(" SET ")
            .append(Self::commas(set))
    }

    /// `(a AND b AND …)`; true for none.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(parts, " AND ", "(1 = 1)")
    }

    /// `(a OR b OR …)`; false for none.
    #[must_use]
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(parts, " OR ", "(1 = 0)")
    }

    /// `NOT coalesce((…), FALSE)`: true unless the condition certainly holds. Unknown counts as false,
    /// so a condition must be written such that what it does not know it does not find.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::new("NOT coalesce((").append(self).push("), FALSE)")
    }

    /// Parts with commas between them.
    #[must_use]
    pub fn commas(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::between(", ", parts)
    }

    /// Parts with text of ours between them, such as ` UNION ALL `; empty for none.
    #[must_use]
    pub fn between(text: &'static str, parts: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Self::default();
        for (i, part) in parts.into_iter().enumerate() {
            out = if i == 0 { out } else { out.push(text) }.append(part);
        }
        out
    }

    fn joined(
        parts: impl IntoIterator<Item = Self>,
        between: &'static str,
        none: &'static str,
    ) -> Self {
        let mut out = Self::new("(");
        let mut first = true;
        for part in parts {
            out = if first { out } else { out.push(between) }.append(part);
            first = false;
        }
        if first {
            Self::new(none)
        } else {
            out.push(")")
        }
    }

    /// The statement as this database wants it.
    #[must_use]
    pub fn into_statement(self, backend: DbBackend) -> Statement {
        let mut text = String::with_capacity(self.text.len() + 4 * self.values.len());
        let mut parts = self.text.split(MARK);
        text.push_str(parts.next().unwrap_or_default());
        for (i, part) in parts.enumerate() {
            if backend == DbBackend::Postgres {
                text.push('$');
                text.push_str(&(i + 1).to_string());
            } else {
                text.push('?');
            }
            text.push_str(part);
        }
        Statement::from_sql_and_values(backend, text, self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_the_order_of_their_values() {
        let sql = Sql::new("SELECT 1 WHERE ").append(Sql::all([
            Sql::new("a = ").bind(1),
            Sql::new("b IN ").list([2, 3]),
            Sql::new("c IN ").list(Vec::<i32>::new()),
            Sql::any([]),
        ]));
        let pg = sql.clone().into_statement(DbBackend::Postgres);
        assert_eq!(
            pg.sql,
            "SELECT 1 WHERE (a = $1 AND b IN ($2, $3) AND c IN (NULL) AND (1 = 0))"
        );
        let lite = sql.into_statement(DbBackend::Sqlite);
        assert_eq!(
            lite.sql,
            "SELECT 1 WHERE (a = ? AND b IN (?, ?) AND c IN (NULL) AND (1 = 0))"
        );
    }
}
