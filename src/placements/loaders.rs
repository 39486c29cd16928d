//! Batch loads of placements, for GraphQL. They are internal: a public viewer sees none.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::crawl;
use super::model::{Placement, PlacementStatus};
use super::sightings;
use super::store::{self, Listed, Listing};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ContentId, PlacementId, SightingId};

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
        let found = store::load(self.db(), &self.viewer, &ids, self.cx.at()).await?;
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
    /// `status`: in these alone at the instant; none: in any. `after`: what comes after this one.
    pub(crate) fn new(
        content: ContentId,
        (status, at): (Option<Vec<PlacementStatus>>, Timestamp),
        after: Option<PlacementId>,
        limit: u32,
    ) -> Self {
        Self {
            content,
            listing: Arc::new(Listing {
                status,
                at,
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

/// A page of the sightings of a placement that the viewer reaches.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SightingsKey {
    placement: PlacementId,
    listing: Arc<sightings::Listing>,
}

impl SightingsKey {
    /// `after`: what comes after this one.
    pub(crate) fn new(
        placement: PlacementId,
        after: Option<(Timestamp, SightingId)>,
        limit: u32,
    ) -> Self {
        Self {
            placement,
            listing: Arc::new(sightings::Listing { after, limit }),
        }
    }
}

impl Loader<SightingsKey> for Loaders {
    type Value = sightings::Listed;
    type Error = LoadError;

    /// One statement for each listing: those of one field of a query are the same.
    async fn load(
        &self,
        keys: &[SightingsKey],
    ) -> Result<HashMap<SightingsKey, sightings::Listed>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let mut listings: HashMap<&Arc<sightings::Listing>, Vec<PlacementId>> = HashMap::new();
        for key in keys {
            let placements = listings.entry(&key.listing).or_default();
            placements.push(key.placement);
        }
        let mut pages = HashMap::new();
        for (listing, placements) in listings {
            let found = sightings::list(self.db(), &placements, listing).await?;
            pages.extend(found.into_iter().map(|(placement, page)| {
                let listing = Arc::clone(listing);
                (SightingsKey { placement, listing }, page)
            }));
        }
        Ok(pages)
    }
}

/// When a placement that the viewer reaches was last found where it should be.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LastSeenKey(pub(crate) PlacementId);

impl Loader<LastSeenKey> for Loaders {
    type Value = Timestamp;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[LastSeenKey],
    ) -> Result<HashMap<LastSeenKey, Timestamp>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<PlacementId> = keys.iter().map(|k| k.0).collect();
        let seen = sightings::last_seen(self.db(), &ids).await?;
        Ok(seen
            .into_iter()
            .map(|(id, at)| (LastSeenKey(id), at))
            .collect())
    }
}

/// Why the page of a placement that the viewer reaches could not be had the last time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CrawlErrorKey(pub(crate) PlacementId);

impl Loader<CrawlErrorKey> for Loaders {
    type Value = String;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[CrawlErrorKey],
    ) -> Result<HashMap<CrawlErrorKey, String>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<PlacementId> = keys.iter().map(|k| k.0).collect();
        let errors = crawl::errors(self.db(), &ids).await?;
        Ok({ errors.into_iter() }
            .map(|(id, error)| (CrawlErrorKey(id), error))
            .collect())
    }
}
