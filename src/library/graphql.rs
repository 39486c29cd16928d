//! Lists of content in GraphQL.

mod inputs;
mod lists;

pub(crate) use inputs::ContentFilter;
pub(crate) use lists::{ContentConnection, LibraryQuery, Of, Pull, at, channel_contents, list_of};
