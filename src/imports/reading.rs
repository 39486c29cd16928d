//! What a cell says, and which cell a problem is about.

use async_graphql::{InputType, Pos, Value};
use serde::de::DeserializeOwned;

use super::model::Faults;
use super::table::{Cells, Row, short};
use crate::error::{UserError, UserErrorCode};
use crate::platform::csv::split_list;
use crate::platform::names::named;

/// Reads the cells of a row; notes what cannot be read.
pub(super) struct Reading<'r> {
    cells: &'r Cells,
    pub(super) problems: Vec<(String, String)>,
}

impl<'r> Reading<'r> {
    pub(super) fn of(cells: &'r Cells) -> Self {
        Self {
            cells,
            problems: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, column: &str, message: impl Into<String>) {
        self.problems.push((column.to_owned(), message.into()));
    }

    /// What stands in a column; none where there is none, or nothing stands there.
    pub(super) fn cell(&self, column: &str) -> Option<&'r str> {
        let cell = self.cells.get(column).map(String::as_str);
        cell.filter(|cell| !cell.is_empty())
    }

    pub(super) fn text(&self, column: &str) -> Option<String> {
        self.cell(column).map(str::to_owned)
    }

    /// The items of a list; none where there is no such column.
    pub(super) fn list(&self, column: &str) -> Option<Vec<String>> {
        self.cells.get(column).map(|cell| split_list(cell))
    }

    /// A value that must be there; nothing is a problem.
    pub(super) fn required(&mut self, column: &str) -> Option<&'r str> {
        let cell = self.cell(column);
        if cell.is_none() {
            self.problem(column, "Write something here.");
        }
        cell
    }

    /// A value as the API writes it.
    pub(super) fn scalar<T: InputType>(&mut self, column: &str) -> Option<T> {
        let cell = self.cell(column)?;
        match T::parse(Some(Value::String(cell.to_owned()))) {
            Ok(value) => Some(value),
            Err(error) => {
                let error = error.into_server_error(Pos::default()).message;
                // The API's own words stand behind the name of the type.
                let text = error.split_once("\": ").map_or(&*error, |(_, text)| text);
                self.problem(column, text);
                None
            }
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, column: &str) -> Option<i32> {
        let cell = self.cell(column)?;
        let number = cell.parse().ok();
        if number.is_none() {
            self.problem(column, "Write a whole number.");
        }
        number
    }

    /// One of the API's names; capitals do not count.
    pub(super) fn name<T: DeserializeOwned>(&mut self, column: &str, names: &str) -> Option<T> {
        let cell = self.cell(column)?;
        let found = named(&cell.to_uppercase().replace([' ', '-'], "_")).ok();
        if found.is_none() {
            self.problem(column, format!("Write one of {names}."));
        }
        found
    }
}

/// The name of a column that a field of an input is: `publishedOn` is `published_on`.
pub(super) fn column_of(field: &str) -> String {
    let mut name = String::with_capacity(field.len() + 4);
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// Notes a problem of a row at its column. What names nothing is quoted.
pub(super) fn note(
    faults: &mut Faults,
    row: &Row,
    column: &str,
    item: Option<&str>,
    error: &UserError,
) {
    let index = item.and_then(|item| item.parse::<usize>().ok());
    let cell = row
        .cells
        .get(column)
        .map(String::as_str)
        .unwrap_or_default();
    let message = if error.code == UserErrorCode::NotFound {
        let said = index.and_then(|i| split_list(cell).into_iter().nth(i));
        format!(
            "Nothing that you see is called “{}”.",
            short(&said.unwrap_or_else(|| cell.to_owned()))
        )
    } else {
        error.message.clone()
    };
    faults.add(row.line, Some(column), message);
}
