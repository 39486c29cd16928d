//! Facts that this instance has read before. Each content has a stamp that its database changes with
//! whatever the gate looks at (migration 11): facts stand as long as the stamp they were read under does.
//! So a list reads ids and stamps, and of the contents only what it does not know yet
//! (docs/decisions/0015).

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use sea_orm::{DatabaseConnection, FromQueryResult};

use super::facts::load_facts;
use super::gate::Facts;
use crate::contents::VersionDetail;
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::ContentId;

/// What was read, up to a number of bytes; beyond it what was asked for least is forgotten.
pub struct KeptFacts(Cache<ContentId, Arc<Facts>>);

#[derive(FromQueryResult)]
struct Stamped {
    id: ContentId,
    stamp: i64,
}

impl KeptFacts {
    /// Room for about this many bytes; 0: nothing is kept.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, facts: &Arc<Facts>| u32::try_from(facts.weight()).unwrap_or(u32::MAX))
            .build();
        Self(cache)
    }

    /// The facts of contents, as they are now. One statement if all are known, three if none is, else four.
    pub(crate) async fn now(
        &self,
        db: &DatabaseConnection,
        ids: &[ContentId],
    ) -> Result<HashMap<ContentId, Arc<Facts>>> {
        let (known, mut missing): (Vec<ContentId>, Vec<ContentId>) =
            ids.iter().partition(|id| self.0.contains_key(*id));
        let mut found = HashMap::new();
        if !known.is_empty() {
            let sql = Sql::new("SELECT id, stamp FROM contents WHERE id IN ").list(known);
            let stamped: Vec<Stamped> = fetch(db, sql).await?;
            let stamped = stamped.into_iter().map(|row| (row.id, row.stamp));
            missing.extend(self.take_known(stamped, &mut found));
        }
        self.load(db, &missing, &mut found).await?;
        Ok(found)
    }

    /// The facts of contents whose stamps have just been read. No statement if all are known, else three.
    pub(crate) async fn of(
        &self,
        db: &DatabaseConnection,
        contents: impl IntoIterator<Item = (ContentId, i64)>,
    ) -> Result<HashMap<ContentId, Arc<Facts>>> {
        let mut found = HashMap::new();
        let missing = self.take_known(contents, &mut found);
        self.load(db, &missing, &mut found).await?;
        Ok(found)
    }

    /// The facts of a content as they were under a stamp, if they are known.
    pub(crate) fn under(&self, id: ContentId, stamp: i64) -> Option<Arc<Facts>> {
        let facts = self.0.get(&id)?;
        (facts.content.stamp == stamp).then_some(facts)
    }

    /// Finds what is known under these stamps: the contents of which nothing is.
    fn take_known(
        &self,
        contents: impl IntoIterator<Item = (ContentId, i64)>,
        found: &mut HashMap<ContentId, Arc<Facts>>,
    ) -> Vec<ContentId> {
        let mut missing = Vec::new();
        for (id, stamp) in contents {
            match self.under(id, stamp) {
                Some(facts) => drop(found.insert(id, facts)),
                None => missing.push(id),
            }
        }
        missing
    }

    /// Reads facts and keeps them.
    ///
    /// Never inside a transaction: what that has written is not kept before it is there.
    ///
    /// What is loaded is at least as new as the stamp it is kept under, because that is read first. If
    /// something changes in between, the next stamp is another one, and the facts are loaded again.
    async fn load(
        &self,
        db: &DatabaseConnection,
        missing: &[ContentId],
        found: &mut HashMap<ContentId, Arc<Facts>>,
    ) -> Result<()> {
        for (id, facts) in load_facts(db, missing).await? {
            self.0.insert(id, Arc::clone(&facts));
            found.insert(id, facts);
        }
        Ok(())
    }
}

impl Facts {
    /// About how many bytes it takes up.
    fn weight(&self) -> usize {
        const ID: usize = 16;
        let texts = |texts: &[String]| -> usize { texts.iter().map(|t| 24 + t.len()).sum() };
        let labels = &self.labels;
        let labelled = texts(&labels.tags)
            + texts(&labels.markets)
            + ID * (labels.channels.len() + labels.audiences.len() + labels.products.len());
        let said: usize = self
            .statements
            .iter()
            .map(|s| {
                let optional = [&s.quote, &s.award, &s.disclosure];
                let optional: usize = optional
                    .iter()
                    .filter_map(|t| t.as_ref())
                    .map(String::len)
                    .sum();
                size_of_val(s) + s.locale.len() + s.headline.len() + s.folded.len() + optional
            })
            .sum();
        let leased: usize = self
            .leases
            .iter()
            .map(|on| 512 + on.places.len() * size_of::<super::model::Place>())
            .sum();
        let attached: usize = self.attached.iter().map(|facts| facts.weight()).sum();
        let content = &self.content;
        let body = match content.current.as_ref().map(|v| &v.detail) {
            Some(VersionDetail::Text { body, folded }) => body.len() + folded.len(),
            _ => 0,
        };
        let description = content.asset().and_then(|a| a.description.as_ref());
        let note = content.current.as_ref().and_then(|v| v.note.as_ref());
        let written = body
            + [description, note]
                .into_iter()
                .flatten()
                .map(String::len)
                .sum::<usize>();
        // A header with its version and their short texts.
        1024 + written + labelled + said + leased + attached + 64 * self.licensor_words.len()
    }
}
