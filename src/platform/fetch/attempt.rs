//! One of the attempts to have a page, and what its answer means to all who fetch: a page, none, or later.

use super::{Failure, Fetcher, Page};

/// How often a page that could not be had is tried.
const TRIES: i32 = 3;
/// The pauses between the attempts, in milliseconds.
pub const BACK_OFF_MS: [i64; 2] = [60_000, 300_000];

/// What an attempt came to. The texts are for users.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// The page, as its server hands it out.
    Had(Page),
    /// Its server says, by this status, that there is no such page.
    Missing(u16),
    /// It is tried again after so many milliseconds.
    Later(i64),
    /// It cannot be had, and why.
    Failed(String),
}

impl Fetcher {
    /// Fetches a page for the `attempts`-th time since it was last had.
    pub async fn attempt(&self, url: &str, attempts: i32) -> Attempt {
        let page = match self.get(url).await {
            Ok(page) => page,
            Err(Failure::Final(reason)) => return Attempt::Failed(reason),
            Err(Failure::Passing(reason)) => return put_off(attempts, reason),
        };
        match page.status {
            200..=299 => Attempt::Had(page),
            status @ (404 | 410) => Attempt::Missing(status),
            status @ (408 | 425 | 429 | 500..) => put_off(
                attempts,
                format!("The server answers with status {status}."),
            ),
            status => Attempt::Failed(format!(
                "The server does not hand the page out (status {status})."
            )),
        }
    }
}

/// Not now: later, unless it was tried often enough.
fn put_off(attempts: i32, reason: String) -> Attempt {
    let tried = usize::try_from(attempts).unwrap_or(usize::MAX);
    match BACK_OFF_MS.get(tried.saturating_sub(1)) {
        Some(ms) if attempts < TRIES => Attempt::Later(*ms),
        _ => Attempt::Failed(reason),
    }
}
