//! Asking the gate about another version than the current one: what is placed keeps its version, and is judged
//! by what it says.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::gate::{Facts, LicensorWord};
use crate::contents::store::{load_statements, load_versions};
use crate::contents::{Content, Statement, Version, VersionState};
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{ContentId, LeaseId, VersionId};

/// The facts of contents as if each of these versions of theirs were the current one. Three statements, whatever
/// the number of versions.
pub(crate) async fn load_as_if(
    db: &impl ConnectionTrait,
    facts: &HashMap<ContentId, Arc<Facts>>,
    versions: &[VersionId],
) -> Result<HashMap<VersionId, Arc<Facts>>> {
    let found = load_versions(db, versions).await?;
    let mut statements = load_statements(db, versions).await?;
    let mut words = load_words(db, versions).await?;
    let mut pinned = HashMap::new();
    for (id, version) in found {
        let Some(own) = facts.get(&version.content) else {
            continue;
        };
        let said = statements.remove(&id).unwrap_or_default();
        let words = words.remove(&id).unwrap_or_default();
        pinned.insert(id, Arc::new(as_if(own, &version, said, words)));
    }
    Ok(pinned)
}

/// The facts of a content as if this version were its current one: none is, where it is not approved.
fn as_if(
    facts: &Facts,
    version: &Arc<Version>,
    statements: Arc<Vec<Statement>>,
    words: Vec<LicensorWord>,
) -> Facts {
    let approved = version.state == VersionState::Approved;
    let content = Content {
        current: approved.then(|| Arc::clone(version)),
        ..(*facts.content).clone()
    };
    Facts {
        content: Arc::new(content),
        statements,
        licensor_words: Arc::new(words),
        ..facts.clone()
    }
}

#[derive(FromQueryResult)]
struct WordRow {
    version_id: VersionId,
    lease_id: LeaseId,
    preset: Option<String>,
    decision: String,
}

/// What licensors said of versions, the oldest first.
async fn load_words(
    db: &impl ConnectionTrait,
    versions: &[VersionId],
) -> Result<HashMap<VersionId, Vec<LicensorWord>>> {
    let sql = Sql::new(
        "SELECT version_id, lease_id, preset, decision FROM reviews
         WHERE lease_id IS NOT NULL AND version_id IN ",
    )
    .list(versions.iter().copied())
    .push(" ORDER BY id");
    let rows: Vec<WordRow> = fetch(db, sql).await?;
    let mut words: HashMap<VersionId, Vec<LicensorWord>> = HashMap::new();
    for row in rows {
        words.entry(row.version_id).or_default().push(LicensorWord {
            lease: row.lease_id,
            preset: row.preset,
            approves: row.decision == "APPROVE",
        });
    }
    Ok(words)
}
