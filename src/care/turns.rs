//! Work that one instance does at a time: whoever holds its turn, until it ends it or does not renew it.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::accounts::OpContext;
use crate::app::App;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch_one, run};
use std::sync::Arc;

/// How long a turn lasts that is not renewed, in milliseconds: after a crash others wait so long.
pub const TURN_MS: i64 = 5 * 60_000;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Gc,
    Scrub,
    Backup,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Gc => "gc",
            Self::Scrub => "scrub",
            Self::Backup => "backup",
        }
    }
}

/// A turn that is held.
pub(super) struct Turn {
    app: Arc<App>,
    work: Work,
    holder: Uuid,
    /// Where the work stopped the last time.
    pub(super) place: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    held_until: Timestamp,
    place: Option<String>,
    done_at: Option<Timestamp>,
}

async fn find(app: &App, work: Work) -> Result<Option<Row>> {
    let sql = Sql::new("SELECT held_until, place, done_at FROM care_turns WHERE name = ")
        .bind(work.name());
    fetch_one(app.db.read(), sql).await
}

/// Takes the turn, unless another holds it or the work was done less than `pause_ms` ago.
pub(super) async fn take(app: &Arc<App>, work: Work, pause_ms: i64) -> Result<Option<Turn>> {
    let cx = OpContext::system(app);
    let (now, rested) = (cx.at(), cx.at().plus_ms(-pause_ms));
    let free = |row: &Row| row.held_until <= now && row.done_at.is_none_or(|at| at <= rested);
    // Mostly it is not time yet, and nothing need be written to know it.
    if find(app, work).await?.is_some_and(|row| !free(&row)) {
        return Ok(None);
    }
    let holder = app.ids.uuid(now);
    let taken = cx
        .write((work.name(), holder, rested), |tx, (name, holder, rested)| {
            Box::pin(async move {
                let row = [
                    ("name", (*name).into()),
                    ("holder", (*holder).into()),
                    ("held_until", tx.op.at.plus_ms(TURN_MS).into()),
                ];
                let sql = Sql::insert("care_turns", row)
                    .push(
                        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
                         WHERE care_turns.held_until <= ",
                    )
                    .bind(tx.op.at)
                    .push(" AND (care_turns.done_at IS NULL OR care_turns.done_at <= ")
                    .bind(*rested)
                    .push(")");
                run(&**tx, sql).await
            })
        })
        .await?;
    if taken == 0 {
        return Ok(None);
    }
    let place = find(app, work).await?.and_then(|row| row.place);
    Ok(Some(Turn {
        app: Arc::clone(app),
        work,
        holder,
        place,
    }))
}

impl Turn {
    /// Goes on holding the turn, and notes how far the work has come; false where another has it by now.
    pub(super) async fn renew(&self) -> Result<bool> {
        self.update(TURN_MS, false).await
    }

    /// Ends the turn; `done` where the work has come to its end and begins anew the next time.
    pub(super) async fn end(mut self, done: bool) -> Result<()> {
        if done {
            self.place = None;
        }
        self.update(0, done).await.map(|_| ())
    }

    async fn update(&self, hold_ms: i64, done: bool) -> Result<bool> {
        let cx = OpContext::system(&self.app);
        let input = (self.work.name(), self.holder, self.place.clone());
        let updated = cx
            .write(input, move |tx, (name, holder, place)| {
                Box::pin(async move {
                    let mut set = vec![
                        ("held_until", tx.op.at.plus_ms(hold_ms).into()),
                        ("place", place.clone().into()),
                    ];
                    if done {
                        set.push(("done_at", tx.op.at.into()));
                    }
                    let sql = Sql::update("care_turns", set)
                        .push(" WHERE name = ")
                        .bind(*name)
                        .push(" AND holder = ")
                        .bind(*holder);
                    run(&**tx, sql).await
                })
            })
            .await?;
        Ok(updated > 0)
    }
}

/// That no backup is under way: what its snapshot names must stay until it has been copied. A condition.
pub(super) fn no_backup(now: Timestamp) -> Sql {
    Sql::new("NOT EXISTS (SELECT 1 FROM care_turns t WHERE t.name = ")
        .bind(Work::Backup.name())
        .push(" AND t.held_until > ")
        .bind(now)
        .push(")")
}
