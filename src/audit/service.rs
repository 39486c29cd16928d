//! Sealing the log, reading it, and walking its chains.

use std::collections::HashMap;
use std::sync::Arc;

use super::heads::{self, Head};
use super::model::{AuditReport, BreakKind, Broken, Entry, Seal, Walk};
use super::store;
use crate::accounts::{OpContext, Scope};
use crate::app::App;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Page, PageRequest, Tx};
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
        let (batch, heads) = cx
            .write(before, |tx, before| Box::pin(seal_batch(tx, *before)))
            .await?;
        app.audit_heads.wait(heads);
        sealed += batch;
        if batch == 0 {
            return Ok(sealed);
        }
    }
}

/// How many entries were sealed, and where their chains end now.
async fn seal_batch(tx: &Tx, before: Timestamp) -> Result<(usize, HashMap<String, (i64, String)>)> {
    if !store::lock_sealing(tx).await? {
        return Ok((0, HashMap::new()));
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
    Ok((done.len(), heads))
}

/// Walks every chain from its beginning and checks that each entry is what was sealed. Memory is bounded
/// by a page of seals, whatever the length of the log. Every chain must hold the head that was published of
/// it, and every entry must have its seal or wait for it.
pub async fn verify(app: &App) -> Result<AuditReport> {
    let db = &app.db;
    let mut report = AuditReport::default();
    // Before the walk: what is published was sealed by then.
    let mut heads = match heads::published(app).await? {
        Ok(heads) => heads,
        Err(broken) => {
            report.broken = Some(broken);
            return Ok(report);
        }
    };
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
            let stepped = here.step(&next.seal, next.entry.as_ref());
            let stepped = stepped.and_then(|()| here.pass(&mut heads));
            if let Err(kind) = stepped {
                let (chain, sequence) = (next.chain.clone(), next.seal.sequence);
                report.broken = Some(Broken {
                    chain,
                    sequence,
                    entry: Some(next.entry_id),
                    kind,
                });
                report.unsealed = store::count_unsealed(db.read()).await?;
                return Ok(report);
            }
            report.sealed += 1;
            walk = Some(here);
        }
    }
    // What is left was published of chains that do not come so far any more.
    report.broken = match heads.into_values().next() {
        Some(Head {
            chain, sequence, ..
        }) => Some(Broken {
            chain,
            sequence,
            entry: None,
            kind: BreakKind::CutOff,
        }),
        None => store::lost_seal(db.read()).await?,
    };
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
