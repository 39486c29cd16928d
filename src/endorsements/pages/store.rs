//! The queue of pages, and what became of them.

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::CHECK_DAYS;
use crate::assets::{StoredBytes, keep_stored};
use crate::contents::ContentKind;
use crate::contents::service::announce;
use crate::endorsements::model::EvidenceState;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_one, run};
use crate::platform::ids::{BrandId, CaptureId, ContentId, EvidenceId};
use crate::platform::ledger::Audit;
use crate::platform::names::{name_of, named};
use crate::platform::queue::Queue;
use crate::uploads::Measured;

/// A piece of evidence is its own place in the queue.
pub(super) const QUEUE: Queue = Queue {
    table: "evidence",
    key: "id",
};

/// A page to look at.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub id: EvidenceId,
    pub url: String,
    pub state: EvidenceState,
    /// How often it was taken since it was last seen, this time too.
    pub attempts: i32,
    /// What the newest version quotes, in its own language.
    pub quote: Option<String>,
    /// Where the text of the first capture lies.
    pub first_text_key: Option<String>,
    /// The main text of the first and of the last capture.
    pub first_main: Option<String>,
    pub last_main: Option<String>,
    endorsement: ContentId,
    brand: BrandId,
    recheck_every_days: Option<i32>,
}

impl Target {
    /// Whether nothing of it is kept yet.
    pub(super) fn is_new(&self) -> bool {
        self.first_main.is_none()
    }
}

/// An object with bytes of a page.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub sha256: String,
    pub store_key: String,
    pub bytes: i64,
    pub facts: Measured,
}

/// A page as it stood.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    pub status: i32,
    pub url: String,
    pub headers: String,
    pub filename: String,
    pub file: Stored,
    pub text: Option<Stored>,
    pub main_sha256: String,
    pub contains_quote: Option<bool>,
    /// Whether somebody must look whether it is still said.
    pub asks_again: bool,
}

/// What became of a page.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is the first time, or it says something else: it is kept.
    Captured(EvidenceState, Box<Captured>),
    /// It is as one of those that are kept.
    Same(EvidenceState, Option<bool>),
    Gone,
    /// It is tried again after so many milliseconds.
    Later(i64),
    /// It cannot be had, and why.
    Failed(String),
}

impl Outcome {
    pub(super) fn captured(&self) -> Option<&Captured> {
        match self {
            Self::Captured(_, page) => Some(page),
            _ => None,
        }
    }
}

#[derive(FromQueryResult)]
struct Due {
    id: EvidenceId,
}

/// Pages whose time has come and whom nobody has, the longest due first. Nobody looks again at what nobody
/// shows.
pub(super) async fn due(
    db: &impl ConnectionTrait,
    at: Timestamp,
    limit: i64,
) -> Result<Vec<EvidenceId>> {
    let sql =
        Sql::new("SELECT i.id FROM evidence i JOIN contents c ON c.id = i.endorsement_id WHERE ");
    let sql = Queue::free(sql, at)
        .push(
            " AND c.trashed_at IS NULL
         AND (i.state = 'PENDING' OR (c.withdrawn_at IS NULL AND c.archived_at IS NULL))
         ORDER BY i.next_at, i.id LIMIT ",
        )
        .bind(limit);
    let rows: Vec<Due> = fetch(db, sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(FromQueryResult)]
struct TargetRow {
    id: EvidenceId,
    url: String,
    state: String,
    attempts: i32,
    quote: Option<String>,
    first_text_key: Option<String>,
    first_main: Option<String>,
    last_main: Option<String>,
    endorsement_id: ContentId,
    brand_id: BrandId,
    recheck_every_days: Option<i32>,
}

pub(super) async fn target(db: &impl ConnectionTrait, id: EvidenceId) -> Result<Option<Target>> {
    let sql = Sql::new(
        "SELECT i.id, i.url, i.state, i.attempts, i.endorsement_id, c.brand_id, e.recheck_every_days,
         (SELECT s.quote FROM statements s JOIN versions v ON v.id = s.version_id
          WHERE v.content_id = c.id AND s.is_original ORDER BY v.number DESC LIMIT 1) AS quote,
         p.main_sha256 AS first_main, f.store_key AS first_text_key,
         (SELECT l.main_sha256 FROM page_captures l WHERE l.evidence_id = i.id
          ORDER BY l.captured_at DESC, l.id DESC LIMIT 1) AS last_main
         FROM evidence i
         JOIN contents c ON c.id = i.endorsement_id
         JOIN endorsements e ON e.content_id = c.id
         LEFT JOIN page_captures p ON p.id = (SELECT o.id FROM page_captures o WHERE o.evidence_id = i.id
          ORDER BY o.captured_at, o.id LIMIT 1)
         LEFT JOIN files f ON f.sha256 = p.extract_sha256
         WHERE i.id = ",
    )
    .bind(id);
    let Some(row) = fetch_one::<TargetRow>(db, sql).await? else {
        return Ok(None);
    };
    Ok(Some(Target {
        id: row.id,
        url: row.url,
        state: named(&row.state)?,
        attempts: row.attempts,
        quote: row.quote,
        first_text_key: row.first_text_key,
        first_main: row.first_main,
        last_main: row.last_main,
        endorsement: row.endorsement_id,
        brand: row.brand_id,
        recheck_every_days: row.recheck_every_days,
    }))
}

/// Writes down what became of a page, unless somebody else took it since.
pub(super) async fn finish(
    tx: &Tx,
    target: &Target,
    outcome: &Outcome,
    until: Timestamp,
) -> Result<()> {
    let at = tx.op.at;
    let days = target
        .recheck_every_days
        .map_or(CHECK_DAYS, |d| d.min(CHECK_DAYS));
    let next = at.plus_days(days.into());
    let gives_up = target.is_new() && matches!(outcome, Outcome::Failed(_));
    let error = match outcome {
        Outcome::Failed(reason) if gives_up => Some(format!("{reason} Add a file instead.")),
        Outcome::Failed(reason) => Some(format!("It could not be looked at again. {reason}")),
        _ => None,
    };
    let next_at = match outcome {
        Outcome::Later(ms) => Some(at.plus_ms(*ms)),
        _ if gives_up => None,
        _ => Some(next),
    };
    let state = match outcome {
        Outcome::Captured(state, _) | Outcome::Same(state, _) => *state,
        Outcome::Gone => EvidenceState::Gone,
        Outcome::Failed(_) if gives_up => EvidenceState::Failed,
        Outcome::Later(_) | Outcome::Failed(_) => target.state,
    };
    let mut row = vec![
        ("claimed_until", None::<i64>.into()),
        ("next_at", next_at.into()),
        ("state", name_of(state)?.into()),
    ];
    if !matches!(outcome, Outcome::Later(_)) {
        row.extend([("attempts", 0.into()), ("error", error.clone().into())]);
    }
    if !matches!(outcome, Outcome::Later(_) | Outcome::Failed(_)) {
        row.push(("checked_at", at.into()));
    }
    let found = match outcome {
        Outcome::Captured(_, page) => Some(page.contains_quote),
        Outcome::Same(_, found) => Some(*found),
        _ => None,
    };
    row.extend(found.map(|found| ("contains_quote", found.into())));
    if let Outcome::Captured(_, page) = outcome {
        keep(tx, &page.file).await?;
        if let Some(text) = &page.text {
            keep(tx, text).await?;
        }
        if target.is_new() {
            row.extend([
                ("sha256", page.file.sha256.clone().into()),
                ("filename", page.filename.clone().into()),
                ("captured_at", at.into()),
            ]);
        }
    }
    let sql = Sql::update("evidence", row).append(QUEUE.taken(target.id, until));
    if run(&**tx, sql).await? == 0 {
        return Ok(());
    }
    if let Outcome::Captured(_, page) = outcome {
        add_capture(tx, target, page).await?;
    }
    let asks = match outcome {
        Outcome::Captured(_, page) => page.asks_again,
        Outcome::Same(EvidenceState::Changed, _) | Outcome::Gone => target.state != state,
        _ => false,
    };
    if asks {
        let sql = Sql::update("endorsements", [("page_changed_at", at.into())])
            .push(" WHERE content_id = ")
            .bind(target.endorsement);
        run(&**tx, sql).await?;
    }
    if state != target.state || asks || error.is_some() {
        tell(tx, target, outcome, (state, error, found.flatten()));
    }
    Ok(())
}

/// Has the log and the outbox say what became of a page.
fn tell(
    tx: &Tx,
    target: &Target,
    outcome: &Outcome,
    (state, error, found): (EvidenceState, Option<String>, Option<bool>),
) {
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "checkEvidence",
        subject: target.id.to_string(),
        contents: vec![target.endorsement],
        changes: json!({
            "state": state,
            "error": error,
            "containsQuote": found,
            "sha256": outcome.captured().map(|page| &page.file.sha256),
            "url": outcome.captured().map(|page| &page.url),
        }),
    });
    let kind = ContentKind::Endorsement;
    announce(
        tx,
        "CONTENT_UPDATED",
        target.brand,
        kind,
        target.endorsement,
    );
}

async fn keep(tx: &Tx, file: &Stored) -> Result<()> {
    let stored = StoredBytes {
        sha256: &file.sha256,
        store_key: &file.store_key,
        bytes: file.bytes,
        facts: &file.facts,
        // A text says nothing of itself; what else is served may.
        seen: file.facts.media_type.starts_with("text/"),
    };
    keep_stored(tx, &stored).await
}

/// Keeps a capture beside the first one; those between say nothing that matters any more.
async fn add_capture(tx: &Tx, target: &Target, page: &Captured) -> Result<()> {
    let sql = Sql::new("DELETE FROM page_captures WHERE evidence_id = ")
        .bind(target.id)
        .push(
            " AND id <> (SELECT o.id FROM page_captures o WHERE o.evidence_id = page_captures.evidence_id
             ORDER BY o.captured_at, o.id LIMIT 1)",
        );
    run(&**tx, sql).await?;
    let row = [
        ("id", tx.id::<CaptureId>().into()),
        ("evidence_id", target.id.into()),
        ("status", page.status.into()),
        ("url", page.url.clone().into()),
        ("headers", page.headers.clone().into()),
        ("sha256", page.file.sha256.clone().into()),
        (
            "extract_sha256",
            page.text.as_ref().map(|t| t.sha256.clone()).into(),
        ),
        ("main_sha256", page.main_sha256.clone().into()),
        ("contains_quote", page.contains_quote.into()),
        ("captured_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("page_captures", row)).await?;
    Ok(())
}

/// Has the pages that are kept of an endorsement looked at again, as soon as may be.
pub(in crate::endorsements) async fn look_again(tx: &Tx, endorsement: ContentId) -> Result<()> {
    let row = [("next_at", tx.op.at.into()), ("attempts", 0.into())];
    let sql = Sql::update("evidence", row)
        .push(" WHERE next_at IS NOT NULL AND sha256 IS NOT NULL AND endorsement_id = ")
        .bind(endorsement);
    run(&**tx, sql).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Kept {
    store_key: String,
}

/// Those of these objects that hold no file: the same bytes were there before, or nothing came of it.
pub(super) async fn not_kept(db: &impl ConnectionTrait, keys: Vec<String>) -> Result<Vec<String>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let sql =
        Sql::new("SELECT store_key FROM files WHERE store_key IN ").list(keys.iter().cloned());
    let kept: Vec<Kept> = fetch(db, sql).await?;
    Ok(keys
        .into_iter()
        .filter(|key| kept.iter().all(|k| k.store_key != *key))
        .collect())
}
