//! Queries on channels.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::Value as Json;

use super::model::{Channel, Demand, Preset, Rule, Tree};
use crate::accounts::OpContext;
use crate::error::{Error, Result};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, fetch, fetch_count, run};
use crate::platform::ids::ChannelId;
use crate::platform::names::{name_of, named};

/// The channel tree as this instance last read it. A request uses it if it is no older than the revision that
/// was read along with the request's token.
#[derive(Default)]
pub struct TreeCache(RwLock<Option<Arc<Tree>>>);

impl TreeCache {
    /// The tree as of a revision or a later one, if it is known.
    pub(crate) fn at(&self, revision: i64) -> Option<Arc<Tree>> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cached
            .as_ref()
            .filter(|tree| tree.revision >= revision)
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

/// The channel tree as it was when this request's caller was read (or later, never earlier).
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
    let mut rules = load_rules(db, Sql::new("1 = 1")).await?;
    let mut presets = load_presets(db, Sql::new("1 = 1")).await?;
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

/// Rules by channel, of those channels that a condition selects.
pub(super) async fn load_rules(
    db: &impl ConnectionTrait,
    which: Sql,
) -> Result<HashMap<ChannelId, Vec<Rule>>> {
    let sql = Sql::new(
        "SELECT channel_id, rule_check, value, severity, message, source, checked_on FROM channel_rules WHERE ",
    )
    .append(which)
    .push(" ORDER BY channel_id, position");
    let rows: Vec<RuleRow> = fetch(db, sql).await?;
    let mut rules: HashMap<ChannelId, Vec<Rule>> = HashMap::new();
    for row in rows {
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
    Ok(rules)
}

/// Presets by channel, of those channels that a condition selects.
pub(super) async fn load_presets(
    db: &impl ConnectionTrait,
    which: Sql,
) -> Result<HashMap<ChannelId, Vec<Preset>>> {
    let sql = Sql::new(
        "SELECT channel_id, name, width, height, fit, media_type, quality, background FROM rendition_presets WHERE ",
    )
    .append(which)
    .push(" ORDER BY channel_id, position");
    let rows: Vec<PresetRow> = fetch(db, sql).await?;
    let mut presets: HashMap<ChannelId, Vec<Preset>> = HashMap::new();
    for row in rows {
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
    Ok(presets)
}

/// Counts up the revision of the channel tree. On PostgreSQL this makes the writers of channels wait for
/// each other until the transaction ends: call it first.
pub(super) async fn bump_revision(tx: &Tx) -> Result<()> {
    run(
        &**tx,
        Sql::new("UPDATE revisions SET value = value + 1 WHERE name = 'channels'"),
    )
    .await?;
    Ok(())
}

/// How many channels stand directly under one.
pub(super) async fn count_children(tx: &Tx, parent: ChannelId) -> Result<i64> {
    fetch_count(
        &**tx,
        Sql::new("SELECT count(*) AS n FROM channels WHERE parent_id = ").bind(parent),
    )
    .await
}

/// Inserts a channel's row, without its rules and presets.
pub(super) async fn insert(tx: &Tx, channel: &Channel) -> Result<()> {
    let row = [
        ("id", channel.id.into()),
        ("slug", channel.slug.clone().into()),
        ("name", channel.name.clone().into()),
        ("kind", name_of(channel.kind)?.into()),
        ("market", channel.market.clone().into()),
        ("locale", channel.locale.clone().into()),
        ("parent_id", channel.parent.into()),
        ("is_public", channel.public.into()),
        ("weight", channel.weight.into()),
        ("rules_changed_at", channel.rules_changed_at.into()),
        ("created_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("channels", row)).await?;
    Ok(())
}

/// Makes a channel's rules exactly these.
pub(super) async fn replace_rules(tx: &Tx, id: ChannelId, rules: &[Rule]) -> Result<()> {
    run(
        &**tx,
        Sql::new("DELETE FROM channel_rules WHERE channel_id = ").bind(id),
    )
    .await?;
    if rules.is_empty() {
        return Ok(());
    }
    let columns = [
        "channel_id",
        "position",
        "rule_check",
        "value",
        "severity",
        "message",
        "source",
        "checked_on",
    ];
    let mut rows = Vec::new();
    for (position, rule) in (0_i32..).zip(rules) {
        rows.push(vec![
            id.into(),
            position.into(),
            name_of(rule.demand.check())?.into(),
            rule.demand.value().to_string().into(),
            name_of(rule.severity)?.into(),
            rule.message.clone().into(),
            rule.source.clone().into(),
            rule.checked_on.into(),
        ]);
    }
    run(&**tx, Sql::insert_all("channel_rules", &columns, rows)).await?;
    Ok(())
}

/// Makes a channel's presets exactly these.
pub(super) async fn replace_presets(tx: &Tx, id: ChannelId, presets: &[Preset]) -> Result<()> {
    run(
        &**tx,
        Sql::new("DELETE FROM rendition_presets WHERE channel_id = ").bind(id),
    )
    .await?;
    if presets.is_empty() {
        return Ok(());
    }
    let columns = [
        "channel_id",
        "position",
        "name",
        "width",
        "height",
        "fit",
        "media_type",
        "quality",
        "background",
    ];
    let mut rows = Vec::new();
    for (position, preset) in (0_i32..).zip(presets) {
        rows.push(vec![
            id.into(),
            position.into(),
            preset.name.clone().into(),
            preset.width.into(),
            preset.height.into(),
            name_of(preset.fit)?.into(),
            preset.media_type.clone().into(),
            preset.quality.into(),
            preset.background.clone().into(),
        ]);
    }
    run(&**tx, Sql::insert_all("rendition_presets", &columns, rows)).await?;
    Ok(())
}
