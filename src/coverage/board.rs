//! What was worked out before: rows by endorsement, each under the key that it was worked out under. A walk
//! over all endorsements reads keys, a statement for some thousands, and works out only what is not known
//! or no longer good. Memory is bounded: what does not fit is worked out again.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use moka::sync::Cache;

use super::cells::{Outcome, Places, cells, days_to_first_use};
use super::load::{KeyRow, keys, wins};
use super::model::{Key, Row, Win};
use crate::app::App;
use crate::channels::Tree;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::Sql;
use crate::platform::ids::ContentId;

/// Endorsements whose keys are read at a time, at most.
const STRIDE: i64 = 5_000;
/// Endorsements that are read whole at a time.
const CHUNK: usize = 250;
/// Chunks that are worked out at a time.
const AT_ONCE: usize = 2;

/// Rows that this instance has worked out.
pub struct Board(Cache<ContentId, Arc<Row>>);

impl Board {
    /// Room for about this many bytes; 0: nothing is remembered.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, row: &Arc<Row>| u32::try_from(row.weight()).unwrap_or(u32::MAX))
            .build();
        Self(cache)
    }
}

/// What coverage is asked for: at an instant, of the endorsements `c` that a condition selects.
pub(super) struct Survey {
    pub app: Arc<App>,
    pub tree: Arc<Tree>,
    pub places: Arc<Places>,
    pub condition: Sql,
    pub at: Timestamp,
    /// Whether that is the present. What will be is worked out and not remembered.
    pub is_now: bool,
}

impl Survey {
    /// Walks over all rows, the newest endorsement first.
    pub(super) async fn walk(&self, mut take: impl FnMut(&Row)) -> Result<()> {
        let all = self.walk_some(None, STRIDE, |row| {
            take(row);
            true
        });
        all.await
    }

    /// Walks over the rows, the newest endorsement first, those before `before`; ends early where `take` says
    /// that it has seen enough, which is likely among the first `few`.
    pub(super) async fn walk_some(
        &self,
        mut before: Option<ContentId>,
        few: i64,
        mut take: impl FnMut(&Row) -> bool,
    ) -> Result<()> {
        let mut stride = few;
        loop {
            stride = stride.clamp(1, STRIDE);
            let db = self.app.db.read();
            let found = keys(db, self.condition.clone(), before, stride).await?;
            let Some(last) = found.last().map(|row| row.id) else {
                return Ok(());
            };
            for chunk in found.chunks(CHUNK * AT_ONCE * 4) {
                for row in self.rows(chunk).await? {
                    if !take(&row) {
                        return Ok(());
                    }
                }
            }
            before = Some(last);
            stride = stride.saturating_mul(8);
        }
    }

    /// All of the endorsements with these ids that the survey is about, the newest first.
    pub(super) async fn wins(&self, mut ids: Vec<ContentId>) -> Result<Vec<Win>> {
        ids.sort_unstable_by(|a, b| b.cmp(a));
        wins(self.app.db.read(), &ids).await
    }

    /// The rows of endorsements whose keys have just been read, in their order.
    ///
    /// What is loaded is at least as new as the key it is kept under, because that was read first. If
    /// something changes in between, the next key is another one, and the row is worked out again.
    pub(super) async fn rows(&self, found: &[KeyRow]) -> Result<Vec<Arc<Row>>> {
        let key = |row: &KeyRow| Key {
            stamp: row.stamp,
            used: row.used,
            tree: self.tree.revision,
        };
        let known = |row: &KeyRow| {
            let known = self.app.board.0.get(&row.id);
            known.filter(|known| known.is_good(key(row), self.at))
        };
        let known: Vec<Option<Arc<Row>>> = found.iter().map(known).collect();
        let unknown: Vec<(ContentId, Key)> = found
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(row, _)| (row.id, key(row)))
            .collect();
        let chunks: Vec<Vec<(ContentId, Key)>> = unknown.chunks(CHUNK).map(<[_]>::to_vec).collect();
        let fresh: Vec<Vec<Arc<Row>>> = stream::iter(chunks)
            .map(|chunk| self.work_out(chunk))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut fresh = fresh.into_iter().flatten().peekable();
        let mut rows = Vec::with_capacity(found.len());
        for (row, known) in found.iter().zip(known) {
            // One that is gone since its key was read has no row.
            let is_next = |next: &Arc<Row>| next.endorsement == row.id;
            rows.extend(known.or_else(|| fresh.next_if(is_next)));
        }
        Ok(rows)
    }

    async fn work_out(&self, chunk: Vec<(ContentId, Key)>) -> Result<Vec<Arc<Row>>> {
        let ids: Vec<ContentId> = chunk.iter().map(|(id, _)| *id).collect();
        let wins = wins(self.app.db.read(), &ids).await?;
        let (places, at) = (Arc::clone(&self.places), self.at);
        // Thousands of questions to the gate are no work for a thread that serves.
        let rows = tokio::task::spawn_blocking(move || -> Vec<Arc<Row>> {
            let row = |win: &Win| {
                let id = win.facts.content.id;
                let (_, key) = chunk.iter().find(|(other, _)| *other == id)?;
                Some(Arc::new(row(win, *key, &places, at)))
            };
            wins.iter().filter_map(row).collect()
        });
        let rows = rows.await.map_err(Error::internal)?;
        if self.is_now {
            for row in &rows {
                self.app.board.0.insert(row.endorsement, Arc::clone(row));
            }
        }
        Ok(rows)
    }
}

fn row(win: &Win, key: Key, places: &Places, at: Timestamp) -> Row {
    let Outcome {
        cells,
        placed_above,
        until,
    } = cells(win, places, at);
    Row {
        endorsement: win.facts.content.id,
        key,
        at,
        until,
        cells: cells.into_boxed_slice(),
        tier: win.facts.content.endorsement().and_then(|e| e.outlet_tier),
        placed_above: placed_above.into_boxed_slice(),
        days_to_first_use: days_to_first_use(win, places).into_boxed_slice(),
    }
}
