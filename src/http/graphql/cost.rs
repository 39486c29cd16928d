//! What operations cost, and what each caller may still spend: a bucket that leaks full again.
//!
//! An operation pays on entry what it costs at most, and gets back afterwards what it did not use. The
//! buckets are in memory: each instance has its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_graphql::Value;
use serde::Serialize;

use crate::config::Limits;
use crate::graphql::guard::NODES_PER_POINT;
use crate::platform::clock::Timestamp;

/// Most callers that are remembered.
const MAX_BUCKETS: usize = 10_000;

/// What one operation cost, as `extensions.cost` tells it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Cost {
    /// At most, by its document.
    pub(super) requested: u64,
    /// By what was answered.
    pub(super) actual: u64,
    /// What the caller has left; null where there is no bound.
    pub(super) remaining: Option<u64>,
}

/// The cost of what was answered.
pub(super) fn actual(data: &Value) -> u64 {
    objects(data).div_ceil(NODES_PER_POINT)
}

fn objects(value: &Value) -> u64 {
    match value {
        Value::Object(fields) => 1 + fields.values().map(objects).sum::<u64>(),
        Value::List(items) => items.iter().map(objects).sum(),
        _ => 0,
    }
}

/// The caller has spent it all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) remaining: u64,
    /// When there will be enough, in whole seconds.
    pub(super) wait: u64,
}

/// The callers' buckets.
pub(in crate::http) struct Buckets {
    /// In thousandths of a point, like all levels; 0: no bound.
    capacity: i64,
    /// Points a second, which is thousandths a millisecond.
    refill: i64,
    levels: Mutex<HashMap<Box<str>, Level>>,
}

#[derive(Clone, Copy)]
struct Level {
    left: i64,
    at: Timestamp,
}

impl Buckets {
    pub(in crate::http) fn new(limits: &Limits) -> Self {
        Self {
            capacity: i64::from(limits.cost_capacity) * 1000,
            refill: limits.cost_refill.into(),
            levels: Mutex::default(),
        }
    }

    /// Takes what an operation costs at most; what the caller has left then.
    pub(super) fn take(
        &self,
        caller: &str,
        points: u64,
        now: Timestamp,
    ) -> Result<Option<u64>, Spent> {
        let price = thousandths(points);
        self.change(caller, now, |level| {
            if level.left < price {
                let wait = (price - level.left + self.refill - 1) / self.refill;
                return Err(Spent {
                    remaining: whole(level.left),
                    wait: u64::try_from(wait.max(1)).unwrap_or(0).div_ceil(1000),
                });
            }
            level.left -= price;
            Ok(whole(level.left))
        })
        .transpose()
    }

    /// Settles what an operation took with what it really cost; what the caller has left then.
    pub(super) fn settle(&self, caller: &str, cost: &Cost, now: Timestamp) -> Option<u64> {
        let back = thousandths(cost.requested) - thousandths(cost.actual);
        self.change(caller, now, |level| {
            // An unpaged list may be longer than it was taken to be: that is paid, as far as there is.
            level.left = (level.left + back).clamp(0, self.capacity);
            whole(level.left)
        })
    }

    /// What the caller has left.
    pub(super) fn left(&self, caller: &str, now: Timestamp) -> Option<u64> {
        self.change(caller, now, |level| whole(level.left))
    }

    fn change<T>(
        &self,
        caller: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Level) -> T,
    ) -> Option<T> {
        if self.capacity == 0 {
            return None;
        }
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(level) = levels.get_mut(caller) {
            *level = self.filled(*level, now);
            return Some(change(level));
        }
        if levels.len() >= MAX_BUCKETS {
            self.make_room(&mut levels, now);
        }
        let mut level = Level {
            left: self.capacity,
            at: now,
        };
        let changed = change(&mut level);
        levels.insert(caller.into(), level);
        Some(changed)
    }

    /// Forgets the full buckets; where none is full, the fullest, which loses its caller the least.
    fn make_room(&self, levels: &mut HashMap<Box<str>, Level>, now: Timestamp) {
        levels.retain(|_, level| self.filled(*level, now).left < self.capacity);
        if levels.len() < MAX_BUCKETS {
            return;
        }
        let fullest = levels
            .iter()
            .max_by_key(|(_, l)| self.filled(**l, now).left);
        if let Some(caller) = fullest.map(|(caller, _)| caller.clone()) {
            levels.remove(&caller);
        }
    }

    fn filled(&self, level: Level, now: Timestamp) -> Level {
        let elapsed = now.0.saturating_sub(level.at.0).max(0);
        let more = elapsed.saturating_mul(self.refill);
        Level {
            left: level.left.saturating_add(more).min(self.capacity),
            at: now,
        }
    }
}

fn thousandths(points: u64) -> i64 {
    i64::try_from(points)
        .unwrap_or(i64::MAX / 1000)
        .saturating_mul(1000)
}

fn whole(thousandths: i64) -> u64 {
    u64::try_from(thousandths / 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn buckets(capacity: u32, refill: u32) -> Buckets {
        Buckets::new(&Limits {
            cost_capacity: capacity,
            cost_refill: refill,
            ..Limits::default()
        })
    }

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let all = buckets(1_000, 100);
        let now = Timestamp(1_000_000);
        assert_eq!(all.take("a", 900, now), Ok(Some(100)));
        let spent = Spent {
            remaining: 100,
            wait: 8,
        };
        assert_eq!(all.take("a", 900, now), Err(spent));
        // Another caller's is full.
        assert_eq!(all.take("b", 1_000, now), Ok(Some(0)));
        let unused = Cost {
            requested: 900,
            actual: 50,
            remaining: None,
        };
        assert_eq!(all.settle("a", &unused, now), Some(950));
        let more = Cost {
            requested: 0,
            actual: 2_000,
            remaining: None,
        };
        assert_eq!(all.settle("a", &more, now), Some(0));
        assert_eq!(all.left("a", now.plus_ms(1_500)), Some(150));
        assert_eq!(all.left("a", now.plus_ms(1_000_000)), Some(1_000));
        assert_eq!(buckets(0, 1).take("a", 1_000, now), Ok(None));
    }

    #[test]
    fn the_buckets_are_bounded_and_those_in_use_stay() {
        let all = buckets(1_000, 1);
        let now = Timestamp(1_000_000);
        assert_eq!(all.take("poor", 1_000, now), Ok(Some(0)));
        for i in 0..MAX_BUCKETS + 10 {
            assert_eq!(all.take(&i.to_string(), 1, now), Ok(Some(999)));
        }
        assert_eq!(all.levels.lock().unwrap().len(), MAX_BUCKETS);
        assert_eq!(all.left("poor", now), Some(0));
        // Those that have filled up are forgotten.
        let later = now.plus_ms(1_000);
        assert_eq!(all.take("new", 1, later), Ok(Some(999)));
        assert_eq!(all.levels.lock().unwrap().len(), 2);
    }

    #[test]
    fn what_was_answered_is_counted_by_its_objects() {
        let data = value!({ "a": { "rows": [{ "x": 1 }, { "x": [1, 2] }, null] }, "b": "text" });
        assert_eq!(objects(&data), 4);
        assert_eq!(actual(&data), 1);
        assert_eq!(actual(&Value::Null), 0);
    }
}
