//! What delivery asks the gate with: facts of a content and the channel tree, as they were at most half a
//! second ago. A page's pictures are asked for a thousand times between two changes, and none of those
//! requests need run a statement.
//!
//! What was read stands for [`GOOD_FOR`], and until this instance writes anything at all: what it has
//! acknowledged itself is in force at once, what another instance has changed half a second later, within
//! the second that is promised. The clock is asked each time: time alone is never late.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use sea_orm::FromQueryResult;

use super::gate::Facts;
use crate::accounts::OpContext;
use crate::app::App;
use crate::channels::{Tree, tree};
use crate::error::Result;
use crate::platform::db::{Sql, fetch_one};
use crate::platform::ids::{ContentId, VersionId};

/// How long what was read is believed.
const GOOD_FOR: Duration = Duration::from_millis(500);
/// Contents and versions of which something is remembered: some 100 bytes each.
const MOST: u64 = 50_000;

/// When something was read, and the stamp and revision that stood there.
#[derive(Clone, Copy)]
struct Read {
    at: Duration,
    changes: u64,
    found: Stamps,
}

/// What changes with whatever the gate looks at.
#[derive(Clone, Copy, FromQueryResult)]
struct Stamps {
    stamp: i64,
    channels: i64,
}

/// What was read a moment ago.
pub struct Recent {
    read: Cache<ContentId, Read>,
    /// Whose version a version is, which never changes.
    owners: Cache<VersionId, ContentId>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            read: Cache::new(MOST),
            owners: Cache::new(MOST),
        }
    }
}

/// The facts of a content and the channel tree, no older than this module says; none for no content. No
/// statement if they were asked for a moment ago and nothing was written since, else one while neither has
/// changed.
pub(crate) async fn recent(
    app: &Arc<App>,
    content: ContentId,
) -> Result<Option<(Arc<Facts>, Arc<Tree>)>> {
    // Both are asked before anything is read: what changes meanwhile makes them old.
    let (at, changes) = (app.clock.running(), app.db.changes());
    let is_good = |read: &Read| read.changes == changes && at.saturating_sub(read.at) < GOOD_FOR;
    let read = app.recent.read.get(&content).filter(is_good);
    let stamps = read.map(|read| read.found);
    if let Some(stamps) = stamps
        && let Some(facts) = app.facts.under(content, stamps.stamp)
        && let Some(tree) = app.channels.at(stamps.channels)
    {
        return Ok(Some((facts, tree)));
    }
    // Seldom, and large.
    Box::pin(read_again(app, content, (at, changes), stamps)).await
}

/// Reads what is not known, from the stamps on if those are not.
async fn read_again(
    app: &Arc<App>,
    content: ContentId,
    (at, changes): (Duration, u64),
    stamps: Option<Stamps>,
) -> Result<Option<(Arc<Facts>, Arc<Tree>)>> {
    let found = if let Some(found) = stamps {
        found
    } else {
        let sql = Sql::new(
            "SELECT stamp, (SELECT value FROM revisions WHERE name = 'channels') AS channels
                 FROM contents WHERE id = ",
        )
        .bind(content);
        let Some(found) = fetch_one::<Stamps>(app.db.read(), sql).await? else {
            return Ok(None);
        };
        let read = Read { at, changes, found };
        app.recent.read.insert(content, read);
        found
    };
    let cx = OpContext::system(app).with_channels_revision(Some(found.channels));
    let tree = tree(&cx).await?;
    let stamped = [(content, found.stamp)];
    let mut facts = app.facts.of(app.db.read(), stamped).await?;
    Ok(facts.remove(&content).map(|facts| (facts, tree)))
}

/// The content whose version this is. No statement if it was asked for before.
pub(crate) async fn content_of(app: &App, version: VersionId) -> Result<Option<ContentId>> {
    #[derive(FromQueryResult)]
    struct Owner {
        content_id: ContentId,
    }
    if let Some(content) = app.recent.owners.get(&version) {
        return Ok(Some(content));
    }
    let sql = Sql::new("SELECT content_id FROM versions WHERE id = ").bind(version);
    let Some(Owner { content_id }) = fetch_one::<Owner>(app.db.read(), sql).await? else {
        return Ok(None);
    };
    app.recent.owners.insert(version, content_id);
    Ok(Some(content_id))
}
