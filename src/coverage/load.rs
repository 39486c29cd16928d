//! Reading what coverage hangs on: the keys of rows, and all of an endorsement for those that are not known.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::model::{Placed, Times, Waiver, Win};
use crate::error::Result;
use crate::placements::PlacementStatus;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{ChannelId, ContentId, PlacementId, ProductId, VersionId};
use crate::platform::names::named;
use crate::rights::gate::Facts;
use crate::rights::{is_live, load_as_if, load_facts};

/// An endorsement, and what its cells hang on, as far as it is in the database.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub(super) struct KeyRow {
    pub id: ContentId,
    pub stamp: i64,
    pub used: i64,
}

/// The keys of the endorsements `c` that a condition selects, the newest first: those before `before`, at most
/// `limit`. One statement.
pub(super) async fn keys(
    db: &impl ConnectionTrait,
    condition: Sql,
    before: Option<ContentId>,
    limit: i64,
) -> Result<Vec<KeyRow>> {
    let mut sql = Sql::new(
        "SELECT c.id, c.stamp, coalesce(s.stamp, 0) AS used FROM contents c
         LEFT JOIN coverage_stamps s ON s.endorsement_id = c.id WHERE ",
    )
    .append(condition);
    if let Some(before) = before {
        sql = sql.push(" AND c.id < ").bind(before);
    }
    fetch(db, sql.push(" ORDER BY c.id DESC LIMIT ").bind(limit)).await
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
    let mut products: BTreeMap<(ContentId, ProductId), Vec<ChannelId>> = BTreeMap::new();
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
    let pinned = load_as_if(db, facts, &others).await?;
    let mut placed: HashMap<ContentId, Vec<Placed>> = HashMap::new();
    for row in rows {
        let Some(own) = facts.get(&row.content_id) else {
            continue;
        };
        let is_current = current(&row) == Some(row.version_id);
        let pinned = pinned.get(&row.version_id).filter(|_| !is_current);
        let facts = Arc::clone(pinned.unwrap_or(own));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::gate::equality::stamps::{Seen, tamper, without_stamps};

    async fn see(db: &sea_orm::DatabaseConnection) -> Result<Seen> {
        let all = Sql::new("c.kind = 'ENDORSEMENT'");
        let found = keys(db, all, None, 1_000).await?;
        let ids: Vec<ContentId> = found.iter().map(|row| row.id).collect();
        let wins = wins(db, &ids).await?;
        let seen = found.iter().zip(&wins).map(|(row, win)| {
            assert_eq!(row.id, win.facts.content.id);
            let text = without_stamps(&format!("{win:?}"));
            (row.id, (text, vec![row.stamp, row.used]))
        });
        Ok(seen.collect())
    }

    #[tokio::test]
    async fn what_cells_hang_on_never_changes_under_its_key() {
        let mattered = tamper(see).await;
        for what in [
            "placements.status",
            "placements.live_until",
            "waivers.until",
            "media_facts.width",
            "endorsements.published_on",
        ] {
            assert!(mattered.contains(what), "{what} of {mattered:#?}");
        }
        let deletes = ["placements", "waivers", "product_channels"];
        for table in deletes {
            let delete = format!("DELETE FROM {table} ");
            let mattered = mattered.iter().any(|what| what.starts_with(&delete));
            assert!(mattered, "{table}");
        }
    }
}
