//! Lists of content in GraphQL.

mod inputs;
mod lists;
mod search;

pub(crate) use lists::{ContentConnection, LibraryQuery, Of, Pull, at, channel_contents, list_of};
pub(crate) use search::SearchQuery;
