//! What an update changes: the columns it sets, and what the audit log says of them. A field of the
//! input that is absent stays as it is; null clears it.

use async_graphql::MaybeUndefined;
use sea_orm::Value;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::error::{Problems, UserErrorCode};
use crate::platform::text;

/// The columns to set and their names in the API, side by side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    columns: Vec<(&'static str, Value)>,
    changes: Map<String, Json>,
}

impl Patch {
    /// Sets a column, which the API calls `field`.
    pub(crate) fn put<V: Into<Value> + Serialize>(
        &mut self,
        column: &'static str,
        field: &str,
        value: V,
    ) {
        self.note(field, &value);
        self.columns.push((column, value.into()));
    }

    /// Sets a column that the API does not show.
    pub(crate) fn set(&mut self, column: &'static str, value: impl Into<Value>) {
        self.columns.push((column, value.into()));
    }

    /// Tells the audit log of a change that is no column of the row.
    pub(crate) fn note(&mut self, field: &str, value: &impl Serialize) {
        self.changes.insert(
            field.to_owned(),
            serde_json::to_value(value).unwrap_or_default(),
        );
    }

    /// The columns to set; none: the row stays as it is.
    pub(crate) fn columns(&self) -> &[(&'static str, Value)] {
        &self.columns
    }

    /// What changed, by field, for the audit log.
    pub(crate) fn changes(&self) -> Json {
        Json::Object(self.changes.clone())
    }

    /// Whether nothing changes at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.changes.is_empty()
    }
}

/// A text that may be changed but not cleared.
pub(crate) fn text(
    problems: &mut Problems,
    field: &str,
    given: &MaybeUndefined<String>,
    max: usize,
) -> Option<String> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => {
            problems.add(
                UserErrorCode::Required,
                field,
                "This cannot be cleared. Leave it out to keep it.",
            );
            None
        }
        MaybeUndefined::Value(given) => Some(text::required(problems, field, given, max)),
    }
}

/// A text that may be changed and cleared: the outer none leaves it, the inner one clears it.
pub(crate) fn clearable(
    problems: &mut Problems,
    field: &str,
    given: &MaybeUndefined<String>,
    max: usize,
) -> Option<Option<String>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(given) => Some(text::optional(problems, field, Some(given), max)),
    }
}

/// A value as it shall be: the outer none leaves it, the inner one clears it.
pub(crate) fn given<T: Clone>(value: &MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value.clone())),
    }
}
