//! Channels by id or slug, among those that the caller reaches.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::ID;

use super::model::{Channel, Tree};
use crate::accounts::{Reach, Viewer};
use crate::error::{Error, Problems, Result, UserError};
use crate::platform::ids::ChannelId;

/// Whether the viewer's token reaches a channel: it, or one above it, is among the token's.
#[must_use]
pub(crate) fn reaches(viewer: &Viewer, tree: &Tree, id: ChannelId) -> bool {
    match &viewer.channels {
        Reach::All => true,
        Reach::Only(ids) => tree.chain(id).iter().any(|c| ids.contains(&c.id)),
    }
}

/// The channel with this id or slug, if the viewer reaches it.
#[must_use]
pub(crate) fn find<'t>(viewer: &Viewer, tree: &'t Tree, text: &str) -> Option<&'t Arc<Channel>> {
    let found = match text.parse::<ChannelId>() {
        Ok(id) => tree.get(id),
        Err(_) => tree.by_slug(text),
    };
    found.filter(|c| reaches(viewer, tree, c.id))
}

/// The channel named in a mutation's input.
pub(crate) fn input_channel(
    viewer: &Viewer,
    tree: &Tree,
    text: &ID,
    field: &str,
) -> Result<ChannelId> {
    find(viewer, tree, text)
        .map(|c| c.id)
        .ok_or_else(|| Error::not_found(field))
}

/// The channels named in an input's list, each once, in their order; what names nothing is a problem.
pub(crate) fn input_channels(
    viewer: &Viewer,
    tree: &Tree,
    texts: &[ID],
    field: &str,
    problems: &mut Problems,
) -> Vec<ChannelId> {
    let mut ids = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, text) in texts.iter().enumerate() {
        match find(viewer, tree, text) {
            Some(channel) => {
                if seen.insert(channel.id) {
                    ids.push(channel.id);
                }
            }
            None => problems.push(UserError::not_found(&format!("{field}.{i}"))),
        }
    }
    ids
}

/// The channel that a query's argument names; NOT_FOUND.
pub(crate) fn argument_channel(viewer: &Viewer, tree: &Tree, text: &ID) -> Result<Arc<Channel>> {
    find(viewer, tree, text).cloned().ok_or(Error::NotFound)
}
