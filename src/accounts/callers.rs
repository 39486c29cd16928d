//! Who called a moment ago, so that a page that asks a hundred times a second is not looked up as often.
//!
//! An entry is good for [`GOOD_FOR`] after it was read, and for no longer than the token itself. What this
//! instance changes about a token or a channel it forgets at once; what another one changes is known here
//! half a second later at most, which is within the second that is promised.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::model::Viewer;
use crate::platform::clock::Timestamp;

/// How long a token is believed to be as it was read.
const GOOD_FOR: Duration = Duration::from_millis(500);
/// Most callers that are kept; past it all are forgotten.
const MOST: usize = 10_000;

/// The bearer of a token, and what one statement has read along with it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub viewer: Arc<Viewer>,
    /// The revision of the channel tree at that instant.
    pub channels_revision: i64,
    pub(super) expires_at: Option<Timestamp>,
}

/// The callers of the last half second, by their secrets' hashes.
#[derive(Default)]
pub struct Callers(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// Counts how often all was forgotten: what was read before that is not kept after it.
    epoch: u64,
    callers: HashMap<[u8; 32], (Duration, Caller)>,
}

impl Callers {
    /// The caller with this secret, if it was read less than half a second before `now`.
    pub(super) fn find(&self, hash: &[u8; 32], now: Duration) -> Option<Caller> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (read, caller) = known.callers.get(hash)?;
        (now.saturating_sub(*read) < GOOD_FOR).then(|| caller.clone())
    }

    /// To be asked before a token is read, and told to [`Callers::keep`] after.
    pub(super) fn epoch(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).epoch
    }

    /// Keeps what was read at `read`, unless something was changed since.
    pub(super) fn keep(&self, hash: [u8; 32], read: Duration, epoch: u64, caller: &Caller) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.epoch != epoch {
            return;
        }
        if known.callers.len() >= MOST {
            known.callers.clear();
        }
        known.callers.insert(hash, (read, caller.clone()));
    }

    /// Forgets everybody: a token or a channel was changed by this instance.
    pub(crate) fn forget(&self) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.epoch += 1;
        known.callers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller {
            viewer: Arc::new(Viewer::system()),
            channels_revision: 1,
            expires_at: None,
        }
    }

    #[test]
    fn a_caller_is_known_for_half_a_second() {
        let callers = Callers::default();
        let read = Duration::from_secs(10);
        callers.keep([1; 32], read, callers.epoch(), &caller());
        let known = |after| {
            callers
                .find(&[1; 32], read + Duration::from_millis(after))
                .is_some()
        };
        assert!(known(0) && known(499) && !known(500));
        assert!(callers.find(&[2; 32], read).is_none());
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let callers = Callers::default();
        let (read, epoch) = (Duration::ZERO, callers.epoch());
        callers.keep([1; 32], read, epoch, &caller());
        callers.forget();
        assert!(callers.find(&[1; 32], read).is_none());
        callers.keep([1; 32], read, epoch, &caller());
        assert!(callers.find(&[1; 32], read).is_none());
    }

    #[test]
    fn there_is_room_for_so_many() {
        let callers = Callers::default();
        for n in 0..=MOST {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_le_bytes());
            callers.keep(hash, Duration::ZERO, callers.epoch(), &caller());
        }
        let kept = callers.0.read().unwrap().callers.len();
        assert_eq!(kept, 1);
    }
}
