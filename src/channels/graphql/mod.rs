//! Channels in GraphQL.

mod mutation;
mod query;
mod types;

pub(crate) use mutation::{ChannelRuleInput, ChannelsMutation};
pub(crate) use query::ChannelsQuery;
pub(crate) use types::Channel;
