//! Batch loads of contents and their parts, for GraphQL: only what the viewer sees.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::filter::public_asks;
use crate::contents::{Content, Labels, Statement, Version, store};
use crate::error::Result;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{ContentId, VersionId};
use crate::rights::gate::{Facts, decide};

/// A content that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContentKey(pub(crate) ContentId);

/// The labels of a content that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LabelsKey(pub(crate) ContentId);

/// A version of a content that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VersionKey(pub(crate) VersionId);

/// The statements of a version that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StatementsKey(pub(crate) VersionId);

impl Loader<ContentKey> for Loaders {
    type Value = Arc<Content>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[ContentKey],
    ) -> Result<HashMap<ContentKey, Arc<Content>>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = if self.viewer.is_public() {
            self.public_contents(&ids).await?
        } else {
            store::load(self.db(), &ids).await?
        };
        Ok(found
            .into_iter()
            .filter(|(_, content)| self.viewer.sees_brand(content.brand))
            .map(|(id, content)| (ContentKey(id), content))
            .collect())
    }
}

impl Loaders {
    /// Contents that the gate lets out now in a channel of the viewer's.
    async fn public_contents(&self, ids: &[ContentId]) -> Result<HashMap<ContentId, Arc<Content>>> {
        let cx = &self.cx;
        let tree = crate::channels::tree(cx).await?;
        let asks = public_asks(cx, &tree);
        let facts = crate::rights::load_facts(self.db(), ids).await?;
        let out = |facts: &Facts| asks.iter().any(|ask| decide(facts, ask).is_available());
        let out = facts.into_iter().filter(|(_, facts)| out(facts));
        Ok(out
            .map(|(id, facts)| (id, Arc::clone(&facts.content)))
            .collect())
    }
}

impl Loader<LabelsKey> for Loaders {
    type Value = Arc<Labels>;
    type Error = LoadError;

    async fn load(&self, keys: &[LabelsKey]) -> Result<HashMap<LabelsKey, Arc<Labels>>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = store::load_labels(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, labels)| (LabelsKey(id), labels))
            .collect())
    }
}

impl Loader<VersionKey> for Loaders {
    type Value = Arc<Version>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[VersionKey],
    ) -> Result<HashMap<VersionKey, Arc<Version>>, LoadError> {
        let ids: Vec<VersionId> = keys.iter().map(|k| k.0).collect();
        let found = store::load_versions(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, version)| (VersionKey(id), version))
            .collect())
    }
}

impl Loader<StatementsKey> for Loaders {
    type Value = Arc<Vec<Statement>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[StatementsKey],
    ) -> Result<HashMap<StatementsKey, Arc<Vec<Statement>>>, LoadError> {
        let ids: Vec<VersionId> = keys.iter().map(|k| k.0).collect();
        let found = store::load_statements(self.db(), &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, statements)| (StatementsKey(id), statements))
            .collect())
    }
}
