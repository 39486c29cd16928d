//! Reads what is stored again, slowly, all the time: a byte that has changed is found before anyone asks for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::turns::{self, Turn, Work};
use super::verify::{self, Pace, Verdict};
use crate::app::App;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch_count};

/// When everything has been read, the next walk begins so much later, in milliseconds.
const PAUSE_MS: i64 = Timestamp::DAY_MS;
/// How often it is noted how far the walk has come.
const NOTED_EVERY: Duration = Duration::from_secs(30);
/// Longest that a reader sleeps without looking whether the server stops.
const NAP: Duration = Duration::from_secs(1);

/// Reads on from where the last walk stopped, at most so many bytes a second, until everything was read or
/// the server drains. Nothing where another instance does it, or it was done within a day. The answer is how
/// many files were read.
pub async fn run(app: &Arc<App>, bytes_per_second: u64) -> Result<u64> {
    let outcome = if bytes_per_second == 0 {
        Ok(0)
    } else if let Some(turn) = turns::take(app, Work::Scrub, PAUSE_MS).await? {
        walk(app, turn, bytes_per_second).await
    } else {
        Ok(0)
    };
    tell_metrics(app).await?;
    outcome
}

/// Has `/metrics` tell how many files are known to be wrong, whoever found it.
pub async fn tell_metrics(app: &Arc<App>) -> Result<()> {
    let sql = Sql::new("SELECT count(*) AS n FROM files WHERE wrong_since IS NOT NULL");
    let wrong = fetch_count(app.db.read(), sql).await?;
    metrics::gauge!("accolade_wrong_files")
        .set(f64::from(u32::try_from(wrong).unwrap_or(u32::MAX)));
    Ok(())
}

async fn walk(app: &Arc<App>, turn: Turn, bytes_per_second: u64) -> Result<u64> {
    let mut pace = Slow {
        app: Arc::clone(app),
        turn,
        bytes_per_second,
        began: Instant::now(),
        read: 0,
        noted: Instant::now(),
    };
    let mut files = 0;
    let outcome = pace.walk(&mut files).await;
    let done = matches!(outcome, Ok(true));
    pace.turn.end(done).await?;
    outcome.map(|_| files)
}

/// So many bytes a second.
struct Slow {
    app: Arc<App>,
    turn: Turn,
    bytes_per_second: u64,
    began: Instant,
    read: u64,
    noted: Instant,
}

impl Slow {
    /// Whether the walk has come to its end.
    async fn walk(&mut self, files: &mut u64) -> Result<bool> {
        let app = Arc::clone(&self.app);
        loop {
            let after = self.turn.place.clone().unwrap_or_default();
            let rows = verify::rows_after(&app, &after).await?;
            if rows.is_empty() {
                return Ok(true);
            }
            for row in rows {
                let sha256 = row.sha256.clone();
                match verify::check(&app, row, self).await? {
                    Some(Verdict::Stopped) => return Ok(false),
                    Some(Verdict::Wrong(_)) => tell_metrics(&app).await?,
                    Some(Verdict::Right(_)) | None => {}
                }
                *files += 1;
                metrics::counter!("accolade_scrubbed_files_total").increment(1);
                self.turn.place = Some(sha256);
                if !self.go_on().await? {
                    return Ok(false);
                }
            }
        }
    }

    /// Notes the place now and then; false where the server drains or the turn was lost.
    async fn go_on(&mut self) -> Result<bool> {
        if *self.app.draining.borrow() {
            return Ok(false);
        }
        if self.noted.elapsed() < NOTED_EVERY {
            return Ok(true);
        }
        self.noted = Instant::now();
        self.turn.renew().await
    }

    /// How long it takes until what was read may have been read. Time in which nothing was read is not made
    /// up for.
    fn ahead(&mut self) -> Duration {
        let nanos = u128::from(self.read) * 1_000_000_000 / u128::from(self.bytes_per_second);
        let due = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let passed = self.began.elapsed();
        if passed > due + NAP {
            (self.began, self.read) = (Instant::now(), 0);
        }
        due.saturating_sub(passed)
    }
}

impl Pace for Slow {
    async fn read(&mut self, bytes: usize) -> Result<bool> {
        self.read += bytes as u64;
        metrics::counter!("accolade_scrubbed_bytes_total").increment(bytes as u64);
        loop {
            if !self.go_on().await? {
                return Ok(false);
            }
            let nap = self.ahead().min(NAP);
            if nap.is_zero() {
                return Ok(true);
            }
            tokio::time::sleep(nap).await;
        }
    }
}
