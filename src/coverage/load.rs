//! Reading what coverage hangs on: the keys of rows, and all of an endorsement for those that are not known.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::model::{Placed, Times, Waiver, Win};
use crate::contents::store::{load_statements, load_versions};
use crate::contents::{Version, VersionState};
use crate::error::Result;
use crate::placements::PlacementStatus;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{ChannelId, ContentId, LeaseId, PlacementId, ProductId, VersionId};
use crate::platform::names::named;
use crate::rights::gate::{Facts, LicensorWord};
use crate::rights::{is_live, load_facts};

/// An endorsement, and what its cells hang on, as far as it is in the database.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub(super) struct KeyRow {
    pub id: ContentId,
    pub stamp: i64,
    pub assets: i64,
    pub placed: i64,
}

/// The keys of the endorsements `c` that a condition selects, the newest first: those before `before`, at most
/// `limit`. One statement.
pub(super) async fn keys(
    db: &impl ConnectionTrait,
    condition: Sql,
    before: Option<ContentId>,
    limit: i64,
) -> Result<Vec<KeyRow>> {
    let mut which = Sql::new("SELECT c.id, c.stamp FROM contents c WHERE ").append(condition);
    if let Some(before) = before {
        which = which.push(" AND c.id < ").bind(before);
    }
    let which = which.push(" ORDER BY c.id DESC LIMIT ").bind(limit);
    // The sums are joined, not looked up row by row: so few keys are found by index, and many by one reading of
    // the tables. CAST: on PostgreSQL the sum of whole numbers is a decimal one.
    let sql = Sql::new("WITH w AS (").append(which).push(
        "), x AS (SELECT x.endorsement_id, x.asset_id FROM endorsement_assets x
                JOIN w ON w.id = x.endorsement_id),
             o AS (SELECT w.id AS owner, w.id AS content FROM w
                UNION ALL SELECT x.endorsement_id, x.asset_id FROM x),
             p AS (SELECT o.owner, sum(p.revision) AS placed FROM o
                JOIN placements p ON p.content_id = o.content GROUP BY o.owner),
             a AS (SELECT x.endorsement_id AS owner, sum(a.stamp) AS assets FROM x
                JOIN contents a ON a.id = x.asset_id GROUP BY x.endorsement_id)
             SELECT w.id, w.stamp, CAST(coalesce(a.assets, 0) AS bigint) AS assets,
             CAST(coalesce(p.placed, 0) AS bigint) AS placed
             FROM w LEFT JOIN p ON p.owner = w.id LEFT JOIN a ON a.owner = w.id ORDER BY w.id DESC",
    );
    fetch(db, sql).await
}

#[derive(FromQueryResult)]
struct AttachedRow {
    endorsement_id: ContentId,
    asset_id: ContentId,
}

#[derive(FromQueryResult)]
struct PlacedRow {
    id: PlacementId,
    content_id: ContentId,
    version_id: VersionId,
    channel_id: ChannelId,
    product_id: Option<ProductId>,
    status: String,
    live_from: Option<Timestamp>,
    live_to: Option<Timestamp>,
    live_until: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct WaiverRow {
    endorsement_id: ContentId,
    channel_id: ChannelId,
    until: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct SoldRow {
    content_id: ContentId,
    product: ProductId,
    sold_in: Option<ChannelId>,
}

#[derive(FromQueryResult)]
struct TimeRow {
    what: i32,
    content_id: ContentId,
    channel_id: Option<Uuid>,
    at: Timestamp,
}

/// All that the cells of these endorsements hang on. The number of statements does not depend on how many
/// they are.
pub(super) async fn wins(db: &impl ConnectionTrait, ids: &[ContentId]) -> Result<Vec<Win>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let attached: Vec<AttachedRow> = fetch(
        db,
        Sql::new(
            "SELECT endorsement_id, asset_id FROM endorsement_assets WHERE endorsement_id IN ",
        )
        .list(ids.iter().copied()),
    )
    .await?;
    let placed = load_placements(db, ids, &attached).await?;
    let waivers: Vec<WaiverRow> = fetch(
        db,
        Sql::new("SELECT endorsement_id, channel_id, until FROM waivers WHERE endorsement_id IN ")
            .list(ids.iter().copied()),
    )
    .await?;
    let sold: Vec<SoldRow> = fetch(
        db,
        Sql::new(
            "SELECT p.content_id, p.product_id AS product, s.channel_id AS sold_in FROM content_products p
             LEFT JOIN product_channels s ON s.product_id = p.product_id WHERE p.content_id IN ",
        )
        .list(ids.iter().copied()),
    )
    .await?;
    let times = load_times(db, ids).await?;
    // The gate is asked about what is placed, too: of assets only those are looked at that are.
    let mut asked: Vec<ContentId> = ids.to_vec();
    asked.extend(placed.iter().map(|row| row.content_id));
    asked.sort_unstable();
    asked.dedup();
    let facts = load_facts(db, &asked).await?;
    let placed = as_placed(db, placed, &facts).await?;

    let mut wins: HashMap<ContentId, Win> = HashMap::new();
    for id in ids {
        let Some(facts) = facts.get(id) else { continue };
        let mut placements: Vec<Placed> = placed.get(id).cloned().unwrap_or_default();
        let assets = attached.iter().filter(|row| row.endorsement_id == *id);
        placements.extend(
            assets
                .filter_map(|row| placed.get(&row.asset_id))
                .flatten()
                .cloned(),
        );
        let win = Win {
            facts: Arc::clone(facts),
            placements,
            waivers: Vec::new(),
            sold: Vec::new(),
            times: Times::default(),
        };
        wins.insert(*id, win);
    }
    for row in waivers {
        if let Some(win) = wins.get_mut(&row.endorsement_id) {
            win.waivers.push(Waiver {
                channel: row.channel_id,
                until: row.until,
            });
        }
    }
    let mut products: HashMap<(ContentId, ProductId), Vec<ChannelId>> = HashMap::new();
    for row in sold {
        let channels = products.entry((row.content_id, row.product)).or_default();
        channels.extend(row.sold_in);
    }
    for ((content, _), channels) in products {
        if let Some(win) = wins.get_mut(&content) {
            win.sold.push(channels);
        }
    }
    for row in times {
        if let Some(win) = wins.get_mut(&row.content_id) {
            win.times.take(&row);
        }
    }
    Ok(ids.iter().filter_map(|id| wins.remove(id)).collect())
}

impl Times {
    fn take(&mut self, row: &TimeRow) {
        match (row.what, row.channel_id) {
            (1, _) => self.approved = Some(row.at),
            (2, _) => self.claims = Some(row.at),
            (3, _) => self.evidence = Some(row.at),
            (4, Some(channel)) => self.tagged.push((ChannelId(channel), row.at)),
            _ => {}
        }
    }
}

async fn load_times(db: &impl ConnectionTrait, ids: &[ContentId]) -> Result<Vec<TimeRow>> {
    let parts = [
        // A bare NULL has no type of its own on PostgreSQL: the first branch of the union gives it one.
        (
            "SELECT 1 AS what, v.content_id, CAST(NULL AS uuid) AS channel_id, min(v.approved_at) AS at
             FROM versions v WHERE v.state = 'APPROVED' AND v.approved_at IS NOT NULL AND v.content_id IN ",
            " GROUP BY v.content_id",
        ),
        (
            " UNION ALL SELECT 2, k.endorsement_id, NULL, max(k.decided_at) FROM claims k
             WHERE k.decided_at IS NOT NULL AND k.endorsement_id IN ",
            " GROUP BY k.endorsement_id",
        ),
        (
            " UNION ALL SELECT 3, e.endorsement_id, NULL, min(e.created_at) FROM evidence e
             WHERE e.state IN ('CURRENT', 'CHANGED') AND e.endorsement_id IN ",
            " GROUP BY e.endorsement_id",
        ),
        (
            " UNION ALL SELECT 4, t.content_id, t.channel_id, t.tagged_at FROM content_channels t
             WHERE t.content_id IN ",
            "",
        ),
    ];
    let sql = parts
        .into_iter()
        .fold(Sql::default(), |sql, (select, group)| {
            sql.push(select).list(ids.iter().copied()).push(group)
        });
    fetch(db, sql).await
}

async fn load_placements(
    db: &impl ConnectionTrait,
    ids: &[ContentId],
    attached: &[AttachedRow],
) -> Result<Vec<PlacedRow>> {
    let contents = ids
        .iter()
        .copied()
        .chain(attached.iter().map(|row| row.asset_id));
    let sql = Sql::new(
        "SELECT id, content_id, version_id, channel_id, product_id, status, live_from, live_to, live_until
         FROM placements WHERE content_id IN ",
    )
    .list(contents);
    fetch(db, sql).await
}

/// What is live of these contents in these channels, the newest first, each with the facts that the gate is asked
/// with. The number of statements does not depend on how many there are.
pub(super) async fn live_in(
    db: &impl ConnectionTrait,
    contents: &[ContentId],
    channels: impl Iterator<Item = ChannelId>,
    at: Timestamp,
    facts: &HashMap<ContentId, Arc<Facts>>,
) -> Result<HashMap<ContentId, Vec<Placed>>> {
    let sql = Sql::new(
        "SELECT p.id, p.content_id, p.version_id, p.channel_id, p.product_id, p.status, p.live_from,
         p.live_to, p.live_until FROM placements p WHERE ",
    )
    .append(is_live("p", at))
    .push(" AND p.content_id IN ")
    .list(contents.iter().copied())
    .push(" AND p.channel_id IN ")
    .list(channels)
    .push(" ORDER BY p.id DESC");
    as_placed(db, fetch(db, sql).await?, facts).await
}

/// Placements with the facts that the gate is asked with, by content: where another version than the current
/// one is placed, those of a content that has it as its current one.
async fn as_placed(
    db: &impl ConnectionTrait,
    rows: Vec<PlacedRow>,
    facts: &HashMap<ContentId, Arc<Facts>>,
) -> Result<HashMap<ContentId, Vec<Placed>>> {
    let current = |row: &PlacedRow| {
        let facts = facts.get(&row.content_id)?;
        facts.content.current.as_ref().map(|version| version.id)
    };
    let mut others: Vec<VersionId> = rows
        .iter()
        .filter(|row| row.status == PlacementStatus::Live.name())
        .filter(|row| current(row) != Some(row.version_id))
        .map(|row| row.version_id)
        .collect();
    others.sort_unstable();
    others.dedup();
    let versions = load_versions(db, &others).await?;
    let statements = load_statements(db, &others).await?;
    let words = load_words(db, &others).await?;
    let mut placed: HashMap<ContentId, Vec<Placed>> = HashMap::new();
    for row in rows {
        let Some(own) = facts.get(&row.content_id) else {
            continue;
        };
        let is_current = current(&row) == Some(row.version_id);
        let facts = match versions.get(&row.version_id) {
            Some(version) if !is_current => {
                let id = row.version_id;
                let said = statements.get(&id).cloned().unwrap_or_default();
                Arc::new(as_if(own, version, (said, words.get(&id))))
            }
            _ => Arc::clone(own),
        };
        placed.entry(row.content_id).or_default().push(Placed {
            id: row.id,
            channel: row.channel_id,
            product: row.product_id,
            status: named(&row.status)?,
            live_from: row.live_from,
            live_to: row.live_to.or(row.live_until),
            is_current,
            facts,
        });
    }
    Ok(placed)
}

/// The facts of a content as if this version were its current one: none is, where it is not approved.
fn as_if(
    facts: &Facts,
    version: &Arc<Version>,
    (statements, words): (
        Arc<Vec<crate::contents::Statement>>,
        Option<&Vec<LicensorWord>>,
    ),
) -> Facts {
    let approved = version.state == VersionState::Approved;
    let content = crate::contents::Content {
        current: approved.then(|| Arc::clone(version)),
        ..(*facts.content).clone()
    };
    Facts {
        content: Arc::new(content),
        statements,
        licensor_words: Arc::new(words.cloned().unwrap_or_default()),
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
