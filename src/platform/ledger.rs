//! What every write leaves behind, in its own transaction: the answer to a repeated call, the audit
//! entries, the events to announce. Other slices read these tables; only this module writes them.

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::{Error, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_one, run, run_together};
use crate::platform::ids::{AuditEntryId, BrandId, ContentId, EventId};
use crate::platform::op::Op;

/// One change, as the audit log keeps it.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The brand whose chain it belongs to; none: the instance's.
    pub brand: Option<BrandId>,
    /// The mutation's name, such as `createLease`.
    pub action: &'static str,
    /// The id of what changed, with its type prefix.
    pub subject: String,
    /// The contents whose history it belongs to.
    pub contents: Vec<ContentId>,
    /// What changed, by field. Never a secret, an e-mail address or a password.
    pub changes: Json,
}

/// Something others may want to know, announced through the outbox.
#[derive(Clone, Debug)]
pub struct Event {
    pub brand: Option<BrandId>,
    /// A topic of the contract, such as `VERSION_APPROVED`.
    pub topic: &'static str,
    /// The content, channel or lease it is about.
    pub subject: String,
    pub payload: Json,
}

#[derive(Default)]
pub(super) struct Pending {
    pub(super) writes: Vec<Sql>,
    pub(super) audit: Vec<Audit>,
    pub(super) events: Vec<Event>,
}

#[derive(sea_orm::FromQueryResult)]
struct Remembered {
    input_hash: Vec<u8>,
    outcome: Option<String>,
}

/// The outcome of the call that this one repeats: with the same key and input, and with success. None for a
/// call that repeats none; IDEMPOTENCY_CONFLICT where the key was used for another input.
pub async fn outcome(db: &impl ConnectionTrait, op: &Op) -> Result<Option<Json>> {
    let Some(idempotency) = &op.idempotency else {
        return Ok(None);
    };
    let sql = Sql::new("SELECT input_hash, outcome FROM idempotency_keys WHERE caller = ")
        .bind(op.actor.key())
        .push(" AND key = ")
        .bind(idempotency.key.clone());
    let Some(before) = fetch_one::<Remembered>(db, sql).await? else {
        return Ok(None);
    };
    if before.input_hash != idempotency.input_hash {
        return Err(Error::user(
            UserErrorCode::IdempotencyConflict,
            "clientMutationId",
            "This clientMutationId was used for another input. Send a new one.",
        ));
    }
    let outcome = before
        .outcome
        .ok_or_else(|| Error::internal("an idempotency key without outcome"))?;
    serde_json::from_str(&outcome)
        .map(Some)
        .map_err(Error::internal)
}

/// Claims the operation's idempotency key, or returns the outcome of the call that had it first.
///
/// On PostgreSQL the insert waits for a concurrent call with the same key: then that call's outcome is
/// there, or it was rolled back and the key is ours.
pub(super) async fn begin(tx: &DatabaseTransaction, op: &Op) -> Result<Option<Json>> {
    let Some(idempotency) = &op.idempotency else {
        return Ok(None);
    };
    let row = [
        ("caller", op.actor.key().into()),
        ("key", idempotency.key.clone().into()),
        ("input_hash", idempotency.input_hash.clone().into()),
        ("created_at", op.at.into()),
    ];
    let claim = Sql::insert("idempotency_keys", row).push(" ON CONFLICT (caller, key) DO NOTHING");
    let claimed = run(tx, claim).await?;
    if claimed == 1 {
        return Ok(None);
    }
    let before = outcome(tx, op).await?;
    before
        .map(Some)
        .ok_or_else(|| Error::internal("an idempotency key vanished"))
}

/// Writes the ledger of a unit that has succeeded.
pub(super) async fn finish<T: Serialize>(
    tx: &Tx,
    op: &Op,
    pending: Pending,
    outcome: &T,
) -> Result<()> {
    let mut writes = pending.writes;
    if let Some(idempotency) = &op.idempotency {
        let outcome = serde_json::to_string(outcome).map_err(Error::internal)?;
        let update = Sql::update("idempotency_keys", [("outcome", outcome.into())])
            .push(" WHERE caller = ")
            .bind(op.actor.key())
            .push(" AND key = ")
            .bind(idempotency.key.clone());
        writes.push(update);
    }
    writes.extend(entries(tx, op, pending.audit, pending.events));
    run_together(&**tx, writes).await
}

/// Writes the entries and events that a unit has handed in so far, so that many need not be kept in memory.
pub(super) async fn record(tx: &Tx, pending: Pending) -> Result<()> {
    for sql in pending.writes {
        run(&**tx, sql).await?;
    }
    let (mut audit, mut events) = (pending.audit.into_iter(), pending.events.into_iter());
    loop {
        let some: Vec<Audit> = audit.by_ref().take(RECORDED).collect();
        let more: Vec<Event> = events.by_ref().take(RECORDED).collect();
        if some.is_empty() && more.is_empty() {
            return Ok(());
        }
        for sql in entries(tx, &tx.op, some, more) {
            run(&**tx, sql).await?;
        }
    }
}

/// Entries that are written at a time.
const RECORDED: usize = 512;

fn entries(tx: &Tx, op: &Op, audit: Vec<Audit>, events: Vec<Event>) -> Vec<Sql> {
    let mut writes = Vec::new();
    if !audit.is_empty() {
        let (actor_kind, actor_id) = op.actor.to_columns();
        let columns = [
            "id",
            "at",
            "brand_id",
            "actor_kind",
            "actor_id",
            "action",
            "subject",
            "changes",
        ];
        let mut links = Vec::new();
        let mut waiting = Vec::new();
        let mut rows = Vec::new();
        for entry in audit {
            let id: AuditEntryId = tx.id();
            links.extend(
                entry
                    .contents
                    .iter()
                    .map(|content| vec![(*content).into(), id.into()]),
            );
            waiting.push(vec![id.into()]);
            rows.push(vec![
                id.into(),
                op.at.into(),
                entry.brand.map(|b| b.0).into(),
                actor_kind.clone().into(),
                actor_id.into(),
                entry.action.into(),
                entry.subject.into(),
                entry.changes.to_string().into(),
            ]);
        }
        writes.push(Sql::insert_all("audit_entries", &columns, rows));
        writes.push(Sql::insert_all("audit_unsealed", &["entry_id"], waiting));
        if !links.is_empty() {
            let columns = ["content_id", "entry_id"];
            writes.push(Sql::insert_all("audit_entry_contents", &columns, links));
        }
    }
    if !events.is_empty() {
        let columns = ["id", "at", "brand_id", "topic", "subject", "payload"];
        let rows = events.into_iter().map(|event| {
            vec![
                tx.id::<EventId>().into(),
                op.at.into(),
                event.brand.map(|b| b.0).into(),
                event.topic.into(),
                event.subject.into(),
                event.payload.to_string().into(),
            ]
        });
        writes.push(Sql::insert_all("outbox_events", &columns, rows));
    }
    writes
}

/// The instance's chain in the audit log, beside one for each brand.
pub const INSTANCE_CHAIN: &str = "instance";

/// The name of the audit chain of a brand, or of the instance.
#[must_use]
pub fn chain_of(brand: Option<Uuid>) -> String {
    brand.map_or_else(|| INSTANCE_CHAIN.to_owned(), |b| BrandId(b).to_string())
}
