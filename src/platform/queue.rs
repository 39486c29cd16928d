//! A queue in a table. A row says when it is due (`next_at`; never, if that is null), until when it is somebody's
//! (`claimed_until`), and how often it was taken since it was last seen to (`attempts`).
//!
//! Whoever takes a row writes until when it is his. If he dies, another takes it after that; and what he writes
//! later changes nothing, because all that is written of a row names the claim it was taken by.

use std::fmt::Display;

use futures::{StreamExt, stream};
use sea_orm::Value;

use super::clock::Timestamp;
use super::db::{Sql, Tx, run};
use crate::error::Result;

/// A table that is a queue, and its key.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    pub table: &'static str,
    pub key: &'static str,
}

impl Queue {
    /// Appends that a row is due and nobody has it. The table is the only one of the statement with these columns.
    #[must_use]
    pub fn free(sql: Sql, at: Timestamp) -> Sql {
        sql.push("next_at <= ")
            .bind(at)
            .push(" AND (claimed_until IS NULL OR claimed_until <= ")
            .bind(at)
            .push(")")
    }

    /// Takes a row until `until`, if it is due and nobody has it; says whether it is ours.
    pub async fn claim(self, tx: &Tx, id: impl Into<Value>, until: Timestamp) -> Result<bool> {
        let sql = self
            .update("attempts = attempts + 1, claimed_until = ")
            .bind(until)
            .push(" WHERE ")
            .push(self.key)
            .push(" = ")
            .bind(id)
            .push(" AND ");
        Ok(run(&**tx, Self::free(sql, tx.op.at)).await? > 0)
    }

    /// Gives back what was taken until `until` and not seen to, through no fault of its own; it is due at `next`.
    pub async fn give_back(
        self,
        tx: &Tx,
        (id, until): (impl Into<Value>, Timestamp),
        next: Timestamp,
    ) -> Result<()> {
        let sql = self
            .update("attempts = attempts - 1, claimed_until = NULL, next_at = ")
            .bind(next)
            .append(self.taken(id, until));
        run(&**tx, sql).await?;
        Ok(())
    }

    /// `WHERE` the row is still that which was taken until `until`.
    #[must_use]
    pub fn taken(self, id: impl Into<Value>, until: Timestamp) -> Sql {
        Sql::new(" WHERE ")
            .push(self.key)
            .push(" = ")
            .bind(id)
            .push(" AND claimed_until = ")
            .bind(until)
    }

    /// Sees to these, `at_once` at the same time; says to how many it did. One that fails is left for later.
    pub async fn each<I, F>(self, ids: Vec<I>, at_once: usize, see_to: impl Fn(I) -> F) -> usize
    where
        I: Copy + Display,
        F: Future<Output = Result<bool>>,
    {
        let done = ids.into_iter().map(|id| {
            let work = see_to(id);
            async move {
                work.await.unwrap_or_else(|error| {
                    tracing::warn!(error = %error, queue = self.table, %id, "this is seen to later");
                    false
                })
            }
        });
        let done = stream::iter(done).buffer_unordered(at_once);
        done.filter(|done| std::future::ready(*done)).count().await
    }

    fn update(self, set: &'static str) -> Sql {
        Sql::new("UPDATE ").push(self.table).push(" SET ").push(set)
    }
}
