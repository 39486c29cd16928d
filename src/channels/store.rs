//! Queries on channels.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::Value as Json;

use super::model::{Channel, Demand, Preset, Rule, Tree};
use crate::accounts::OpContext;
use crate::error::{Error, Result};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, fetch, fetch_count};
use crate::platform::ids::ChannelId;
use crate::platform::names::named;

/// The channel tree as this instance last read it. A request uses it if its revision is still the
/// database's, which the statement that reads the request's token tells.
#[derive(Default)]
pub struct TreeCache(RwLock<Option<Arc<Tree>>>);

impl TreeCache {
    fn at(&self, revision: i64) -> Option<Arc<Tree>> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cached
            .as_ref()
            .filter(|tree| tree.revision == revision)
            .cloned()
    }

    fn keep(&self, tree: &Arc<Tree>) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cached
            .as_ref()
            .is_none_or(|old| old.revision < tree.revision)
        {
            *cached = Some(Arc::clone(tree));
        }
    }
}

/// The channel tree as it was when this request began (or a little later, never earlier).
pub(crate) async fn tree(cx: &OpContext) -> Result<Arc<Tree>> {
    match cx
        .channels_revision
        .and_then(|revision| cx.app.channels.at(revision))
    {
        Some(tree) => Ok(tree),
        None => fresh_tree(cx).await,
    }
}

/// The channel tree as it is now: for the answer of a mutation that has changed it.
pub(crate) async fn fresh_tree(cx: &OpContext) -> Result<Arc<Tree>> {
    let db = cx.app.db.read();
    let revision = current_revision(db).await?;
    if let Some(tree) = cx.app.channels.at(revision) {
        return Ok(tree);
    }
    // A change between these statements shows as an older revision with newer channels: read again then.
    let tree = Arc::new(Tree::new(revision, load(db).await?));
    cx.app.channels.keep(&tree);
    Ok(tree)
}

async fn current_revision(db: &impl ConnectionTrait) -> Result<i64> {
    fetch_count(
        db,
        Sql::new("SELECT value AS n FROM revisions WHERE name = 'channels'"),
    )
    .await
}

#[derive(FromQueryResult)]
struct ChannelRow {
    id: ChannelId,
    slug: String,
    name: String,
    kind: String,
    market: Option<String>,
    locale: Option<String>,
    parent_id: Option<ChannelId>,
    is_public: bool,
    weight: f64,
    rules_changed_at: Timestamp,
}

#[derive(FromQueryResult)]
struct RuleRow {
    channel_id: ChannelId,
    rule_check: String,
    value: Option<String>,
    severity: String,
    message: Option<String>,
    source: Option<String>,
    checked_on: Option<Day>,
}

#[derive(FromQueryResult)]
struct PresetRow {
    channel_id: ChannelId,
    name: String,
    width: Option<i32>,
    height: Option<i32>,
    fit: String,
    media_type: String,
    quality: Option<i32>,
    background: Option<String>,
}

/// All channels with their rules and presets.
pub(super) async fn load(db: &impl ConnectionTrait) -> Result<Vec<Channel>> {
    let rows: Vec<ChannelRow> = fetch(
        db,
        Sql::new(
            "SELECT id, slug, name, kind, market, locale, parent_id, is_public, weight, rules_changed_at
             FROM channels",
        ),
    )
    .await?;
    let mut rules: HashMap<ChannelId, Vec<Rule>> = HashMap::new();
    let rule_rows: Vec<RuleRow> = fetch(
        db,
        Sql::new(
            "SELECT channel_id, rule_check, value, severity, message, source, checked_on
             FROM channel_rules ORDER BY channel_id, position",
        ),
    )
    .await?;
    for row in rule_rows {
        let value: Option<Json> = row
            .value
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(Error::internal)?;
        rules.entry(row.channel_id).or_default().push(Rule {
            demand: Demand::parse(named(&row.rule_check)?, value.as_ref())
                .map_err(Error::internal)?,
            severity: named(&row.severity)?,
            message: row.message,
            source: row.source,
            checked_on: row.checked_on,
        });
    }
    let mut presets: HashMap<ChannelId, Vec<Preset>> = HashMap::new();
    let preset_rows: Vec<PresetRow> = fetch(
        db,
        Sql::new(
            "SELECT channel_id, name, width, height, fit, media_type, quality, background
             FROM rendition_presets ORDER BY channel_id, position",
        ),
    )
    .await?;
    for row in preset_rows {
        presets.entry(row.channel_id).or_default().push(Preset {
            name: row.name,
            width: row.width,
            height: row.height,
            fit: named(&row.fit)?,
            media_type: row.media_type,
            quality: row.quality,
            background: row.background,
        });
    }
    rows.into_iter()
        .map(|row| {
            Ok(Channel {
                id: row.id,
                slug: row.slug,
                name: row.name,
                kind: named(&row.kind)?,
                market: row.market,
                locale: row.locale,
                parent: row.parent_id,
                public: row.is_public,
                weight: row.weight,
                rules: rules.remove(&row.id).unwrap_or_default(),
                presets: presets.remove(&row.id).unwrap_or_default(),
                rules_changed_at: row.rules_changed_at,
            })
        })
        .collect()
}
