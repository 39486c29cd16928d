//! Batch loads of tokens, for GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Token;
use super::store;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::TokenId;

/// A token whose brands the viewer has too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey(pub(crate) TokenId);

impl Loader<TokenKey> for Loaders {
    type Value = Arc<Token>;
    type Error = LoadError;

    async fn load(&self, keys: &[TokenKey]) -> Result<HashMap<TokenKey, Arc<Token>>, LoadError> {
        let ids: Vec<TokenId> = keys.iter().map(|k| k.0).collect();
        let found = store::load(self.db(), &ids).await?;
        let viewer = &self.viewer;
        Ok(found
            .into_iter()
            .filter(|(_, token)| viewer.brands.covers(&token.brands))
            .map(|(id, token)| (TokenKey(id), Arc::new(token)))
            .collect())
    }
}
