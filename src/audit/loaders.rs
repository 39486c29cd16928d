//! Batch loads of audit entries, for GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Entry;
use super::store;
use crate::accounts::Scope;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{AuditEntryId, ContentId};

/// An entry of the log, for one who may read the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AuditEntryKey(pub(crate) AuditEntryId);

/// The first entries about a content that the viewer sees, the newest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HistoryKey {
    pub(crate) content: ContentId,
    pub(crate) limit: u32,
    pub(crate) after: Option<AuditEntryId>,
}

/// How many entries there are about a content that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HistoryCountKey(pub(crate) ContentId);

impl Loader<AuditEntryKey> for Loaders {
    type Value = Arc<Entry>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[AuditEntryKey],
    ) -> Result<HashMap<AuditEntryKey, Arc<Entry>>, LoadError> {
        if !self.viewer.may(Scope::Admin) {
            return Ok(HashMap::new());
        }
        let ids: Vec<AuditEntryId> = keys.iter().map(|k| k.0).collect();
        let found = store::load(self.db(), &self.viewer, &ids).await?;
        Ok(found
            .into_iter()
            .map(|entry| (AuditEntryKey(entry.id), Arc::new(entry)))
            .collect())
    }
}

impl Loader<HistoryKey> for Loaders {
    type Value = Arc<Vec<Arc<Entry>>>;
    type Error = LoadError;

    /// One statement for each kind of page that the query asks for, however many contents.
    async fn load(
        &self,
        keys: &[HistoryKey],
    ) -> Result<HashMap<HistoryKey, Arc<Vec<Arc<Entry>>>>, LoadError> {
        let mut pages: HashMap<(u32, Option<AuditEntryId>), Vec<ContentId>> = HashMap::new();
        for key in keys {
            pages
                .entry((key.limit, key.after))
                .or_default()
                .push(key.content);
        }
        let mut found = HashMap::new();
        for ((limit, after), contents) in pages {
            let histories =
                store::load_histories(self.db(), &self.viewer, &contents, limit, after).await?;
            found.extend(histories.into_iter().map(|(content, entries)| {
                let entries = entries.into_iter().map(Arc::new).collect();
                (
                    HistoryKey {
                        content,
                        limit,
                        after,
                    },
                    Arc::new(entries),
                )
            }));
        }
        Ok(found)
    }
}

impl Loader<HistoryCountKey> for Loaders {
    type Value = i64;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[HistoryCountKey],
    ) -> Result<HashMap<HistoryCountKey, i64>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = store::count_histories(self.db(), &self.viewer, &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, n)| (HistoryCountKey(id), n))
            .collect())
    }
}
