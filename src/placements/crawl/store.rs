//! The queue of placements to look at, and what was seen.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;

use super::{AGAIN_DAYS, MISSED_DAYS, is_page};
use crate::contents::ContentKind;
use crate::error::Result;
use crate::placements::sightings::add_crawled;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch, fetch_one, run};
use crate::platform::ids::{AssetId, BrandId, ContentId, PlacementId, VersionId};
use crate::platform::ledger::Audit;
use crate::platform::names::named;
use crate::platform::queue::Queue;

/// What has gone live at an address comes into it by itself (migration 19).
pub(super) const QUEUE: Queue = Queue {
    table: "placement_crawls",
    key: "placement_id",
};

/// A picture that shows what is placed.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Of which version: a badge's own number, where it stands for an endorsement.
    pub number: i32,
    pub sha256: String,
    pub perceptual_hash: Option<i64>,
}

/// A placement to look at.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub id: PlacementId,
    pub url: String,
    /// How often it was taken since it was last seen, this time too.
    pub attempts: i32,
    /// The placed version's number, where it is an asset's own.
    pub number: Option<i32>,
    /// The assets that show it: itself, or those of an endorsement.
    pub assets: Vec<AssetId>,
    pub shown: Vec<Shown>,
    /// What it says, and what that is called.
    pub words: Vec<(&'static str, String)>,
    content: ContentId,
    brand: BrandId,
    /// Whether it was found the last time, if it was looked at before.
    found_before: Option<bool>,
}

/// What became of a look.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Whether it is there, and what was seen.
    Seen(bool, String),
    /// It is tried again after so many milliseconds.
    Later(i64),
    /// The page cannot be had, and why.
    Failed(String),
}

#[derive(FromQueryResult)]
struct Due {
    id: PlacementId,
}

/// Placements whose time has come and whom nobody has, the longest due first.
pub(super) async fn due(
    db: &impl ConnectionTrait,
    at: Timestamp,
    limit: i64,
) -> Result<Vec<PlacementId>> {
    let sql = Sql::new("SELECT placement_id AS id FROM placement_crawls WHERE ");
    let sql = Queue::free(sql, at)
        .push(" ORDER BY next_at, placement_id LIMIT ")
        .bind(limit);
    let rows: Vec<Due> = fetch(db, sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Takes what there is nothing to look for of out of the queue.
pub(super) async fn forget(tx: &Tx, id: PlacementId, until: Timestamp) -> Result<()> {
    let sql = Sql::new("DELETE FROM placement_crawls").append(QUEUE.taken(id, until));
    run(&**tx, sql).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct TargetRow {
    id: PlacementId,
    url: String,
    attempts: i32,
    content_id: ContentId,
    version_id: VersionId,
    number: i32,
    brand_id: BrandId,
    kind: String,
    body: Option<String>,
    found_before: Option<bool>,
}

#[derive(FromQueryResult)]
struct AssetRow {
    id: AssetId,
}

#[derive(FromQueryResult)]
struct WordsRow {
    headline: String,
    quote: Option<String>,
}

#[derive(FromQueryResult)]
struct ShownRow {
    number: i32,
    sha256: String,
    perceptual_hash: Option<i64>,
}

/// What to look for; none where it is no longer live, or has no address.
pub(super) async fn target(db: &impl ConnectionTrait, id: PlacementId) -> Result<Option<Target>> {
    let sql = Sql::new(
        "SELECT p.id, p.url, w.attempts, p.content_id, p.version_id, v.number, c.brand_id, c.kind, av.body,
         (SELECT s.found FROM sightings s WHERE s.placement_id = p.id AND s.how = 'CRAWL'
          ORDER BY s.seen_at DESC, s.id DESC LIMIT 1) AS found_before
         FROM placements p JOIN placement_crawls w ON w.placement_id = p.id
         JOIN contents c ON c.id = p.content_id JOIN versions v ON v.id = p.version_id
         LEFT JOIN asset_versions av ON av.version_id = v.id
         WHERE p.status = 'LIVE' AND p.url IS NOT NULL AND p.id = ",
    )
    .bind(id);
    let row: Option<TargetRow> = fetch_one(db, sql).await?;
    let Some(row) = row.filter(|row| is_page(&row.url)) else {
        return Ok(None);
    };
    let is_asset = named::<ContentKind>(&row.kind)? == ContentKind::Asset;
    let (assets, words) = if is_asset {
        let words = row.body.map(|text| ("text", text));
        (vec![AssetId(row.content_id.0)], words.into_iter().collect())
    } else {
        let sql = Sql::new("SELECT asset_id AS id FROM endorsement_assets WHERE endorsement_id = ")
            .bind(row.content_id);
        let attached: Vec<AssetRow> = fetch(db, sql).await?;
        let attached = attached.into_iter().map(|row| row.id).collect();
        (attached, words(db, row.version_id).await?)
    };
    Ok(Some(Target {
        id: row.id,
        url: row.url,
        attempts: row.attempts,
        number: is_asset.then_some(row.number),
        shown: shown(db, &assets).await?,
        assets,
        words,
        content: row.content_id,
        brand: row.brand_id,
        found_before: row.found_before,
    }))
}

/// The quotes of a wording, then its headlines: those are often others' words too.
async fn words(
    db: &impl ConnectionTrait,
    version: VersionId,
) -> Result<Vec<(&'static str, String)>> {
    let sql = Sql::new("SELECT headline, quote FROM statements WHERE version_id = ")
        .bind(version)
        .push(" ORDER BY is_original DESC, locale");
    let rows: Vec<WordsRow> = fetch(db, sql).await?;
    let quotes = rows.iter().filter_map(|row| row.quote.clone());
    let quotes = quotes.map(|quote| ("quote", quote));
    let headlines = rows.iter().map(|row| ("headline", row.headline.clone()));
    Ok(quotes.chain(headlines).collect())
}

/// The files of all versions of assets, and what was made of them.
async fn shown(db: &impl ConnectionTrait, assets: &[AssetId]) -> Result<Vec<Shown>> {
    if assets.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || assets.iter().copied();
    let sql = Sql::new(
        "SELECT v.number, av.sha256, m.perceptual_hash FROM versions v
         JOIN asset_versions av ON av.version_id = v.id JOIN media_facts m ON m.sha256 = av.sha256
         WHERE v.content_id IN ",
    )
    .list(ids())
    .push(
        " UNION SELECT v.number, r.sha256, m.perceptual_hash FROM versions v
          JOIN renditions r ON r.version_id = v.id JOIN media_facts m ON m.sha256 = r.sha256
          WHERE v.content_id IN ",
    )
    .list(ids());
    let rows: Vec<ShownRow> = fetch(db, sql).await?;
    let shown = rows.into_iter().map(|row| Shown {
        number: row.number,
        sha256: row.sha256,
        perceptual_hash: row.perceptual_hash,
    });
    let mut shown: Vec<Shown> = shown.collect();
    // The newest first: of two that are the same, that one is meant.
    shown.sort_by_key(|shown| std::cmp::Reverse(shown.number));
    Ok(shown)
}

#[derive(FromQueryResult)]
struct NumberRow {
    number: i32,
}

/// The newest version of the assets that one of these keys of renditions is of.
pub(super) async fn version_of(
    db: &impl ConnectionTrait,
    target: &Target,
    keys: Vec<String>,
) -> Result<Option<i32>> {
    if keys.is_empty() || target.assets.is_empty() {
        return Ok(None);
    }
    let sql = Sql::new(
        "SELECT v.number FROM renditions r JOIN versions v ON v.id = r.version_id WHERE r.key IN ",
    )
    .list(keys)
    .push(" AND v.content_id IN ")
    .list(target.assets.iter().copied())
    .push(" ORDER BY v.number DESC LIMIT 1");
    let row: Option<NumberRow> = fetch_one(db, sql).await?;
    Ok(row.map(|row| row.number))
}

#[derive(FromQueryResult)]
struct ErrorRow {
    placement_id: PlacementId,
    error: String,
}

/// Why the pages of placements could not be had the last time, of those that could not.
pub(in crate::placements) async fn errors(
    db: &impl ConnectionTrait,
    placements: &[PlacementId],
) -> Result<HashMap<PlacementId, String>> {
    let sql = Sql::new(
        "SELECT placement_id, error FROM placement_crawls WHERE error IS NOT NULL AND placement_id IN ",
    )
    .list(placements.iter().copied());
    let rows: Vec<ErrorRow> = fetch(db, sql).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.placement_id, row.error))
        .collect())
}

/// Writes down what became of a look, unless somebody else took it since.
pub(super) async fn finish(
    tx: &Tx,
    target: &Target,
    outcome: &Outcome,
    until: Timestamp,
) -> Result<()> {
    let at = tx.op.at;
    let days = match outcome {
        Outcome::Seen(true, _) => AGAIN_DAYS,
        _ => MISSED_DAYS,
    };
    let next = match outcome {
        Outcome::Later(ms) => at.plus_ms(*ms),
        _ => at.plus_days(days),
    };
    let mut row = vec![
        ("claimed_until", None::<i64>.into()),
        ("next_at", next.into()),
    ];
    match outcome {
        Outcome::Later(_) => {}
        Outcome::Seen(..) => row.extend([("attempts", 0.into()), ("error", None::<String>.into())]),
        Outcome::Failed(reason) => {
            row.extend([("attempts", 0.into()), ("error", reason.clone().into())]);
        }
    }
    let sql = Sql::update("placement_crawls", row).append(QUEUE.taken(target.id, until));
    if run(&**tx, sql).await? == 0 {
        return Ok(());
    }
    if let Outcome::Seen(found, detail) = outcome {
        add_crawled(tx, target.id, *found, detail).await?;
        // The sightings themselves are the log; what is news is that it is gone, or there again.
        if target.found_before != Some(*found) {
            tx.audit(Audit {
                brand: Some(target.brand),
                action: "checkPlacement",
                subject: target.id.to_string(),
                contents: vec![target.content],
                changes: json!({ "found": found, "detail": detail }),
            });
        }
    }
    Ok(())
}
