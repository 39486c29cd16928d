//! Batch loads of placements, for GraphQL. They are internal: a public viewer sees none.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::{Placement, PlacementStatus};
use super::store::{self, Listed, Listing};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{ContentId, PlacementId};

/// A placement that the viewer reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PlacementKey(pub(crate) PlacementId);

impl Loader<PlacementKey> for Loaders {
    type Value = Arc<Placement>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[PlacementKey],
    ) -> Result<HashMap<PlacementKey, Arc<Placement>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<PlacementId> = keys.iter().map(|k| k.0).collect();
        let found = store::load(self.db(), &self.viewer, &ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, placement)| (PlacementKey(id), placement))
            .collect())
    }
}

/// A page of the placements of a content that the viewer sees.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlacementsKey {
    content: ContentId,
    listing: Arc<Listing>,
}

impl PlacementsKey {
    /// `status`: in these alone; none: in any. `after`: what comes after this one.
    pub(crate) fn new(
        content: ContentId,
        status: Option<Vec<PlacementStatus>>,
        after: Option<PlacementId>,
        limit: u32,
    ) -> Self {
        Self {
            content,
            listing: Arc::new(Listing {
                status,
                after,
                limit,
            }),
        }
    }
}

impl Loader<PlacementsKey> for Loaders {
    type Value = Listed;
    type Error = LoadError;

    /// One statement for each listing: those of one field of a query are the same.
    async fn load(
        &self,
        keys: &[PlacementsKey],
    ) -> Result<HashMap<PlacementsKey, Listed>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let mut listings: HashMap<&Arc<Listing>, Vec<ContentId>> = HashMap::new();
        for key in keys {
            listings.entry(&key.listing).or_default().push(key.content);
        }
        let mut pages = HashMap::new();
        for (listing, contents) in listings {
            let found = store::list(self.db(), &self.viewer, &contents, listing).await?;
            pages.extend(found.into_iter().map(|(content, page)| {
                (
                    PlacementsKey {
                        content,
                        listing: Arc::clone(listing),
                    },
                    page,
                )
            }));
        }
        Ok(pages)
    }
}
