//! Sealing the log, reading it, and walking its chains.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{AuditReport, Broken, Entry, Seal, Walk};
use super::store;
use crate::accounts::{OpContext, Scope};
use crate::app::App;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Db, Page, PageRequest, Tx};
use crate::platform::ids::AuditEntryId;
use crate::platform::ledger::chain_of;

/// Entries are sealed in the order of their time once they are this old, so that a slower transaction
/// with an earlier time usually comes before. One slower still is sealed after those that overtook it.
const SETTLE_MS: i64 = 300;
/// Entries sealed in one transaction.
const BATCH: i64 = 500;
/// Seals read at a time when the chains are walked.
const PAGE: i64 = 1_000;

/// Seals what waits for it; how many entries that were. Instances may do it at once: one of them does.
pub async fn seal(app: &Arc<App>) -> Result<usize> {
    let mut sealed = 0;
    loop {
        let cx = OpContext::system(app);
        let before = cx.at().plus_ms(-SETTLE_MS);
        if store::count_waiting(app.db.read(), before).await? == 0 {
            return Ok(sealed);
        }
        let batch = cx
            .write(before, |tx, before| Box::pin(seal_batch(tx, *before)))
            .await?;
        sealed += batch;
        if batch == 0 {
            return Ok(sealed);
        }
    }
}

async fn seal_batch(tx: &Tx, before: Timestamp) -> Result<usize> {
    if !store::lock_sealing(tx).await? {
        return Ok(0);
    }
    let waiting = store::waiting(&**tx, before, BATCH).await?;
    let mut heads: HashMap<String, (i64, String)> = HashMap::new();
    let mut seals: Vec<(String, AuditEntryId, Seal)> = Vec::new();
    for entry in waiting.iter().filter(|entry| entry.seal.is_none()) {
        let chain = chain_of(entry.brand.map(|b| b.0));
        let (sequence, previous_hash) = match heads.remove(&chain) {
            Some(head) => head,
            None => store::head(&**tx, &chain).await?,
        };
        let seal = Seal {
            sequence: sequence + 1,
            hash: entry.hash(&previous_hash),
            previous_hash,
        };
        heads.insert(chain.clone(), (seal.sequence, seal.hash.clone()));
        seals.push((chain, entry.id, seal));
    }
    store::insert_seals(tx, &seals).await?;
    let done: Vec<AuditEntryId> = waiting.iter().map(|entry| entry.id).collect();
    store::stop_waiting(tx, &done).await?;
    Ok(done.len())
}

/// Walks every chain from its beginning and checks that each entry is what was sealed. Memory is bounded
/// by a page of seals, whatever the length of the log.
pub async fn verify(db: &Db) -> Result<AuditReport> {
    let mut report = AuditReport::default();
    let mut walk: Option<Walk> = None;
    loop {
        let page = store::seals_after(db.read(), walk.as_ref(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for next in &page {
            let mut here = match walk.take() {
                Some(walk) if walk.chain == next.chain => walk,
                _ => {
                    report.chains += 1;
                    Walk::begin(&next.chain)
                }
            };
            if let Err(kind) = here.step(&next.seal, next.entry.as_ref()) {
                let (chain, sequence) = (next.chain.clone(), next.seal.sequence);
                report.broken = Some(Broken {
                    chain,
                    sequence,
                    entry: next.entry_id,
                    kind,
                });
                report.unsealed = store::count_unsealed(db.read()).await?;
                return Ok(report);
            }
            report.sealed += 1;
            walk = Some(here);
        }
    }
    report.unsealed = store::count_unsealed(db.read()).await?;
    Ok(report)
}

/// A page of the log, the newest first: the chains of the viewer's brands, and the instance's for one
/// who reaches all brands.
pub(crate) async fn list_log(cx: &OpContext, request: &PageRequest) -> Result<Page<Entry>> {
    cx.viewer.require(Scope::Admin)?;
    store::list(cx.app.db.read(), &cx.viewer, request).await
}

/// How many entries the viewer reads.
pub(crate) async fn count_log(cx: &OpContext) -> Result<i64> {
    cx.viewer.require(Scope::Admin)?;
    store::count(cx.app.db.read(), &cx.viewer).await
}
