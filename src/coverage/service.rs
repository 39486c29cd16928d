//! What is asked of coverage: rows, their sum, and the waste.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::cells::{Found, found};
use super::filter::Scope;
use super::model::{Cell, CoverageState, Row, Win};
use crate::error::Result;
use crate::placements::PlacementStatus;
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, ContentId, PlacementId};
use crate::rights::gate::Hold;

const DAY_MS: i64 = 86_400_000;
/// Placements that are told of a cell.
const MOST_TOLD: usize = 10;
/// Live placements of a cell that are looked at for when one was last seen.
const MOST_SEEN: usize = 250;

/// How many endorsements and cells there are, by state: cells of leaf channels, and of others where something is
/// placed in the channel itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub endorsements: i64,
    counts: [i64; 7],
    /// None: none was ever used.
    pub median_days_to_first_use: Option<f64>,
}

impl Summary {
    pub(super) fn count(&self, state: CoverageState) -> i64 {
        self.counts.get(state as usize).copied().unwrap_or_default()
    }

    /// What is live, of all that could be; none where nothing could.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(super) fn coverage(&self) -> Option<f64> {
        use CoverageState::{Gap, Live, Planned, Stale};
        let live = self.count(Live);
        let could = live + self.count(Stale) + self.count(Planned) + self.count(Gap);
        (could > 0).then(|| live as f64 / could as f64)
    }
}

/// A gap, with what it wastes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gap {
    pub endorsement: ContentId,
    pub channel: ChannelId,
    pub since: Timestamp,
    pub days: i64,
    /// Days × the channel's weight × the outlet's tier, as thousandths in a whole number: scores are compared,
    /// and stand in cursors.
    pub score: i64,
}

impl Gap {
    /// Worst first, then by channel and the newest endorsement: no two are equal.
    pub(super) fn rank(&self) -> (i64, ContentId, ChannelId) {
        (self.score, self.endorsement, self.channel)
    }
}

/// A cell with all that is told of it.
pub(super) struct Told {
    pub channel: ChannelId,
    pub cell: Cell,
    pub holds: Vec<Hold>,
    /// Those that are planned or live there or in what lies under it, the newest first: not all.
    pub placements: Vec<PlacementId>,
    /// How many those are.
    pub placed: i64,
    /// The live ones of them, the newest first: not all.
    pub live: Vec<PlacementId>,
    pub gap_days: Option<i64>,
}

impl Scope {
    /// Whether a row is asked for: one of its cells is in one of the states.
    pub(super) fn wants(&self, row: &Row) -> bool {
        let Some(states) = &self.states else {
            return true;
        };
        let mut cells = self.columns.iter().filter_map(|i| row.cells.get(*i));
        cells.any(|cell| states.contains(&cell.state))
    }

    /// How many rows there are.
    pub(super) async fn count(&self) -> Result<i64> {
        let mut count = 0;
        let counted = self.survey.walk(|row| count += i64::from(self.wants(row)));
        counted.await?;
        Ok(count)
    }

    /// The endorsements of a page of rows, the newest first: those before `before`, at most `limit`.
    pub(super) async fn page(
        &self,
        before: Option<ContentId>,
        limit: usize,
    ) -> Result<Vec<ContentId>> {
        let mut page = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        let few = i64::try_from(limit).unwrap_or(i64::MAX);
        let walked = self.survey.walk_some(before, few, |row| {
            if self.wants(row) {
                page.push(row.endorsement);
            }
            page.len() < limit
        });
        walked.await?;
        Ok(page)
    }

    /// The sum over all rows that are asked for.
    pub(super) async fn summary(&self) -> Result<Summary> {
        let leaves = self.leaves();
        let asked: HashSet<usize> = self.columns.iter().copied().collect();
        let mut summary = Summary::default();
        let mut days = Vec::new();
        let walked = self.survey.walk(|row| {
            if !self.wants(row) {
                return;
            }
            summary.endorsements += 1;
            let used = row.days_to_first_use.iter();
            let used = used.filter(|(i, _)| asked.contains(i));
            days.extend(used.map(|(_, days)| *days).min());
            let cells = leaves.iter().filter_map(|i| row.cells.get(*i));
            let above = row.placed_above.iter();
            let above = above.filter(|(i, _)| asked.contains(i));
            let states = cells.map(|cell| cell.state);
            for state in states.chain(above.map(|(_, state)| *state)) {
                if let Some(count) = summary.counts.get_mut(state as usize) {
                    *count += 1;
                }
            }
        });
        walked.await?;
        summary.median_days_to_first_use = median(days);
        Ok(summary)
    }

    /// The worst gaps after one with this rank, at most `limit`, worst first; and how many there are in all.
    pub(super) async fn waste(
        &self,
        after: Option<(i64, ContentId, ChannelId)>,
        limit: usize,
    ) -> Result<(Vec<Gap>, i64)> {
        let leaves = self.leaves();
        let mut total = 0;
        let mut worst: BinaryHeap<Reverse<Ranked>> = BinaryHeap::with_capacity(limit + 1);
        let walked = self.survey.walk(|row| {
            for gap in leaves.iter().filter_map(|i| self.gap(row, *i)) {
                total += 1;
                if after.is_none_or(|after| gap.rank() < after) {
                    worst.push(Reverse(Ranked(gap)));
                    if worst.len() > limit {
                        worst.pop();
                    }
                }
            }
        });
        walked.await?;
        let worst = worst.into_sorted_vec().into_iter();
        Ok((worst.map(|Reverse(Ranked(gap))| gap).collect(), total))
    }

    /// The gap in a column of a row, if there is one and it is asked for.
    fn gap(&self, row: &Row, i: usize) -> Option<Gap> {
        let place = self.survey.places.all.get(i)?;
        let since = row.cells.get(i)?.since?;
        if self
            .states
            .as_ref()
            .is_some_and(|states| !states.contains(&CoverageState::Gap))
        {
            return None;
        }
        let days = self.days_since(since);
        Some(Gap {
            endorsement: row.endorsement,
            channel: place.channel.id,
            since,
            days,
            score: score(days, place.channel.weight, row.tier),
        })
    }

    fn days_since(&self, since: Timestamp) -> i64 {
        self.survey.at.0.saturating_sub(since.0).max(0) / DAY_MS
    }

    /// The columns that nothing lies under.
    fn leaves(&self) -> Vec<usize> {
        let places = &self.survey.places.all;
        let is_leaf = |i: &usize| places.get(*i).is_some_and(|place| place.is_leaf);
        self.columns.iter().copied().filter(is_leaf).collect()
    }

    /// The cells of endorsements, with all that is told of them: in the order of the ids, a cell for each column.
    pub(super) async fn told(&self, ids: &[ContentId]) -> Result<Vec<(ContentId, Vec<Told>)>> {
        let wins = self.survey.wins(ids.to_vec()).await?;
        Ok(wins
            .iter()
            .map(|win| (win.facts.content.id, self.tell(win)))
            .collect())
    }

    fn tell(&self, win: &Win) -> Vec<Told> {
        let survey = &self.survey;
        let mut found: Vec<Option<Found>> = found(win, &survey.places, survey.at)
            .into_iter()
            .map(Some)
            .collect();
        let mut placements: Vec<_> = win
            .placements
            .iter()
            .filter(|placed| placed.status(survey.at) != PlacementStatus::Retired)
            .collect();
        placements.sort_unstable_by_key(|placed| Reverse(placed.id));
        placements.dedup_by_key(|placed| placed.id);
        let told = self.columns.iter().filter_map(|i| {
            let place = survey.places.all.get(*i)?;
            let Found { cell, holds, .. } = found.get_mut(*i)?.take()?;
            let under = |channel: ChannelId| {
                let chain = survey.tree.chain(channel);
                chain.iter().any(|above| above.id == place.channel.id)
            };
            let here = || placements.iter().filter(|placed| under(placed.channel));
            let live = here().filter(|placed| placed.status(survey.at) == PlacementStatus::Live);
            Some(Told {
                channel: place.channel.id,
                cell,
                holds,
                placed: i64::try_from(here().count()).unwrap_or(i64::MAX),
                live: live.map(|placed| placed.id).take(MOST_SEEN).collect(),
                placements: here().map(|placed| placed.id).take(MOST_TOLD).collect(),
                gap_days: cell.since.map(|since| self.days_since(since)),
            })
        });
        told.collect()
    }
}

/// A gap by its rank.
struct Ranked(Gap);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0.rank() == other.0.rank()
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.rank().cmp(&other.0.rank())
    }
}

/// Thousandths of days × weight × the tier's factor (tier 1: 4, 2: 2, 3: 1, 4 or unknown: ½).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "weights are at most a million, days some tens of thousands"
)]
fn score(days: i64, weight: f64, tier: Option<i32>) -> i64 {
    let factor = match tier {
        Some(1) => 4.0,
        Some(2) => 2.0,
        Some(3) => 1.0,
        _ => 0.5,
    };
    (days as f64 * weight * factor * 1_000.0).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "days")]
fn median(mut days: Vec<i64>) -> Option<f64> {
    days.sort_unstable();
    let middle = days.len() / 2;
    let upper = *days.get(middle)?;
    if days.len() % 2 == 1 {
        return Some(upper as f64);
    }
    let lower = *days.get(middle.checked_sub(1)?)?;
    Some((lower + upper) as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_days() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3]), Some(3.0));
        assert_eq!(median(vec![9, 1, 4]), Some(4.0));
        assert_eq!(median(vec![9, 1, 4, 5]), Some(4.5));
    }

    #[test]
    fn a_gap_weighs_by_days_place_and_outlet() {
        assert_eq!(score(10, 1.0, Some(1)), 40_000);
        assert_eq!(score(10, 0.5, Some(2)), 10_000);
        assert_eq!(score(10, 2.0, Some(3)), 20_000);
        assert_eq!(score(10, 1.0, Some(4)), 5_000);
        assert_eq!(score(10, 1.0, None), 5_000);
    }
}
