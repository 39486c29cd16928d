//! The one source of time.
//!
//! Time never runs backwards here: `now` is the larger of the machine's clock and the latest instant
//! this database has seen, so setting a machine's clock back cannot reopen a lease that has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// An instant in UTC, in whole milliseconds since 1970. Stored as an integer on both databases, so
/// comparing and sorting it means the same everywhere.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    DeriveValueType,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const DAY_MS: i64 = 86_400_000;

    /// The same instant as a chrono value; instants outside chrono's range are clamped.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// Reads RFC 3339 with its offset. The years 1 to 9999 are RFC 3339's, and leave room for arithmetic.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(at.timestamp_millis()))
    }

    /// RFC 3339 with milliseconds, as every API answer shows it.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(Self::DAY_MS)))
    }

    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The calendar day in UTC that this instant falls on.
    #[must_use]
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(Self::DAY_MS)).unwrap_or(i32::MAX))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(value: DateTime<Utc>) -> Self {
        Self(value.timestamp_millis())
    }
}

/// A calendar day: whole days since 1970-01-01.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    DeriveValueType,
)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    #[must_use]
    pub fn to_date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or(NaiveDate::MAX)
    }

    /// Midnight UTC at which this day begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * Timestamp::DAY_MS)
    }
}

impl From<NaiveDate> for Day {
    fn from(value: NaiveDate) -> Self {
        Self(value.to_epoch_days())
    }
}

/// The clock that everything asks. Cheap to clone; clones share their state.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    /// The latest instant handed out or loaded; `now` never answers an earlier one.
    high_water: AtomicI64,
    /// Where a test has set the time, in milliseconds; negative means "the machine's clock".
    fixed: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Inner {
            started: Instant::now(),
            high_water: AtomicI64::new(0),
            fixed: AtomicI64::new(-1),
        }))
    }

    /// A clock that stands at `at` until it is moved.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Arc::new(Inner {
            started: Instant::now(),
            high_water: AtomicI64::new(0),
            fixed: AtomicI64::new(at.0),
        }))
    }

    /// Moves a fixed clock forwards (or, to try a clock set back, backwards).
    pub fn advance(&self, by: TimeDelta) {
        self.0
            .fixed
            .fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    /// The present instant; never earlier than one answered before.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let fixed = self.0.fixed.load(Ordering::SeqCst);
        let machine = if fixed >= 0 { fixed } else { machine_now() };
        let before = self.0.high_water.fetch_max(machine, Ordering::SeqCst);
        Timestamp(before.max(machine))
    }

    /// How long this clock has run. It neither stands still nor jumps when the machine's clock is set: by it
    /// one tells how old something in memory is. It moves with a fixed clock.
    #[must_use]
    pub fn running(&self) -> Duration {
        match u64::try_from(self.0.fixed.load(Ordering::SeqCst)) {
            Ok(fixed) => Duration::from_millis(fixed),
            Err(_) => self.0.started.elapsed(),
        }
    }

    /// Tells the clock of an instant that has certainly passed, such as the persisted high-water mark.
    pub fn has_passed(&self, at: Timestamp) {
        self.0.high_water.fetch_max(at.0, Ordering::SeqCst);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the machine's clock"
)]
fn machine_now() -> i64 {
    Utc::now().timestamp_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_does_not_go_back() {
        let clock = Clock::fixed(Timestamp(10_000));
        assert_eq!(clock.now(), Timestamp(10_000));
        clock.advance(TimeDelta::milliseconds(-5_000));
        assert_eq!(clock.now(), Timestamp(10_000));
        clock.advance(TimeDelta::milliseconds(6_000));
        assert_eq!(clock.now(), Timestamp(11_000));
    }

    #[test]
    fn days_before_1970_round_down() {
        assert_eq!(Timestamp(-1).day(), Day(-1));
        assert_eq!(Day(-1).start(), Timestamp(-86_400_000));
    }
}
