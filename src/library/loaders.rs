//! Batch loads of contents and their parts, for GraphQL: only what the viewer sees.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::filter::public_asks;
use crate::contents::{Content, Labels, Statement, Version, store};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{ContentId, VersionId};
use crate::rights::gate::{Ask, Facts, decide};

/// A content that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContentKey(pub(crate) ContentId);

/// The labels of a content that the viewer sees, by the stamp that it was seen under.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LabelsKey(ContentId, i64);

impl LabelsKey {
    pub(crate) fn of(content: &Content) -> Self {
        Self(content.id, content.stamp)
    }
}

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
        let found = self.cx.app.facts.now(self.db(), &ids).await?;
        let asks = if self.viewer.is_public() {
            let tree = crate::channels::tree(&self.cx).await?;
            Some(public_asks(&self.cx, &tree))
        } else {
            None
        };
        let is_out = |facts: &Facts, ask: &Ask| decide(facts, ask).is_available();
        let may_be_seen = |facts: &Facts| {
            let asks = asks.as_ref();
            asks.is_none_or(|asks| asks.iter().any(|ask| is_out(facts, ask)))
        };
        Ok(found
            .into_iter()
            .filter(|(_, facts)| self.viewer.sees_brand(facts.content.brand) && may_be_seen(facts))
            .map(|(id, facts)| (ContentKey(id), Arc::clone(&facts.content)))
            .collect())
    }
}

impl Loader<LabelsKey> for Loaders {
    type Value = Arc<Labels>;
    type Error = LoadError;

    async fn load(&self, keys: &[LabelsKey]) -> Result<HashMap<LabelsKey, Arc<Labels>>, LoadError> {
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for key in keys {
            match self.cx.app.facts.under(key.0, key.1) {
                Some(facts) => drop(found.insert(*key, Arc::clone(&facts.labels))),
                None => unknown.push(*key),
            }
        }
        let ids: Vec<ContentId> = unknown.iter().map(|key| key.0).collect();
        let read = store::load_labels(self.db(), &ids).await?;
        let read = |key: LabelsKey| Some((key, Arc::clone(read.get(&key.0)?)));
        found.extend(unknown.into_iter().filter_map(read));
        Ok(found)
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
