//! Batch loads of totals, for GraphQL. They are internal: for a public viewer nothing was counted.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Totals;
use super::store::{self, Days};
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::ids::{ContentId, PlacementId};

/// What something was counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum UsageOf {
    Placement(PlacementId),
    /// An endorsement's includes that of its assets, each event once.
    Content(ContentId),
}

/// The totals of something that the viewer sees, over some days.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UsageKey {
    pub(crate) of: UsageOf,
    /// None: all days.
    pub(crate) days: Option<Days>,
}

impl Loader<UsageKey> for Loaders {
    type Value = Arc<Totals>;
    type Error = LoadError;

    /// Two statements for each range of days, for contents and for placements.
    async fn load(&self, keys: &[UsageKey]) -> Result<HashMap<UsageKey, Arc<Totals>>, LoadError> {
        let mut totals = HashMap::new();
        if self.viewer.is_public() {
            return Ok(totals);
        }
        let ranges: BTreeSet<Option<Days>> = keys.iter().map(|key| key.days).collect();
        for days in ranges {
            let wanted = || keys.iter().filter(|key| key.days == days).map(|key| key.of);
            let contents: Vec<ContentId> = wanted()
                .filter_map(|of| match of {
                    UsageOf::Content(id) => Some(id),
                    UsageOf::Placement(_) => None,
                })
                .collect();
            let placements: Vec<PlacementId> = wanted()
                .filter_map(|of| match of {
                    UsageOf::Placement(id) => Some(id),
                    UsageOf::Content(_) => None,
                })
                .collect();
            let of_contents = store::of_contents(self.db(), &self.viewer, &contents, days).await?;
            let of_placements =
                store::of_placements(self.db(), &self.viewer, &placements, days).await?;
            let contents = of_contents
                .into_iter()
                .map(|(id, t)| (UsageOf::Content(ContentId(id)), t));
            let placements = of_placements
                .into_iter()
                .map(|(id, t)| (UsageOf::Placement(PlacementId(id)), t));
            totals.extend(
                contents
                    .chain(placements)
                    .map(|(of, t)| (UsageKey { of, days }, Arc::new(t))),
            );
        }
        Ok(totals)
    }
}
