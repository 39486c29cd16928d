//! Use cases of channels. Every change counts up the tree's revision, so that every instance reads anew.

use async_graphql::MaybeUndefined;
use serde_json::{Value as Json, json};

use super::check::{NewRule, check_presets, check_rules, check_weight};
use super::model::{Channel, ChannelKind, Demand, MAX_DEPTH, Preset, Rule, Severity};
use super::resolve::reaches;
use super::{store, template};
use crate::accounts::{OpContext, Reach, Scope};
use crate::catalog::patch::{self, Patch};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_one, run, unique};
use crate::platform::ids::ChannelId;
use crate::platform::ledger::{Audit, Event};
use crate::platform::names::named;
use crate::platform::text;

/// Most channels directly under one.
const MAX_CHILDREN: i64 = 250;

/// What a new channel shall be.
#[derive(Clone, Debug)]
pub(crate) struct NewChannel {
    pub slug: String,
    pub name: String,
    pub kind: ChannelKind,
    pub market: Option<String>,
    pub locale: Option<String>,
    pub parent: Option<ChannelId>,
    /// None: as its kind is.
    pub public: Option<bool>,
    /// None: 1.
    pub weight: Option<f64>,
    /// A built-in rule set; rules and presets that are given replace its own.
    pub template: Option<String>,
    pub rules: Option<Vec<NewRule>>,
    pub presets: Option<Vec<Preset>>,
}

/// Makes a channel. One who does not reach all channels makes them under those it reaches only.
pub(crate) async fn create_channel(cx: &OpContext, new: NewChannel) -> Result<ChannelId> {
    cx.viewer.require(Scope::Admin)?;
    if new.parent.is_none() && cx.viewer.channels != Reach::All {
        return Err(Error::Forbidden(
            "A token of some channels makes channels under those only.".to_owned(),
        ));
    }
    let mut problems = Problems::new();
    if let Some(parent) = new.parent {
        check_place(cx, parent, &mut problems).await?;
    }
    let set = match &new.template {
        Some(name) => template::find(name).or_else(|| {
            let text = format!(
                "There is no such template. There are: {}.",
                template::names().join(", ")
            );
            problems.add(UserErrorCode::Invalid, "template", text);
            None
        }),
        None => None,
    };
    let rules = match new.rules {
        Some(rules) => check_rules(&mut problems, rules),
        None => set.map(|t| t.rules.clone()).unwrap_or_default(),
    };
    let presets = match new.presets {
        Some(presets) => check_presets(&mut problems, presets),
        None => set.map(|t| t.presets.clone()).unwrap_or_default(),
    };
    let channel = Channel {
        id: cx.op.ids.make(cx.at()),
        slug: problems
            .keep(text::slug("slug", &new.slug))?
            .unwrap_or_default(),
        name: text::required(&mut problems, "name", &new.name, text::LINE),
        kind: new.kind,
        market: new.market,
        locale: new.locale,
        parent: new.parent,
        public: new.public.unwrap_or_else(|| new.kind.public_by_default()),
        weight: check_weight(&mut problems, new.weight.unwrap_or(1.0)),
        rules,
        presets,
        rules_changed_at: cx.at(),
    };
    problems.check()?;
    let written = cx
        .write(channel, |tx, channel| Box::pin(insert(tx, channel)))
        .await;
    cx.app.callers.forget();
    written
}

/// A parent must be there, in reach, and not at the bottom. Channels never move, so it stays true.
async fn check_place(cx: &OpContext, parent: ChannelId, problems: &mut Problems) -> Result<()> {
    let tree = store::fresh_tree(cx).await?;
    if tree.get(parent).is_none() || !reaches(&cx.viewer, &tree, parent) {
        return Err(Error::not_found("parent"));
    }
    if tree.chain(parent).len() >= MAX_DEPTH {
        let text = format!(
            "The tree of channels is at most {MAX_DEPTH} deep. Choose a parent further up."
        );
        problems.add(UserErrorCode::Invalid, "parent", text);
    }
    Ok(())
}

async fn insert(tx: &Tx, channel: &Channel) -> Result<ChannelId> {
    store::bump_revision(tx).await?;
    if let Some(parent) = channel.parent
        && store::count_children(tx, parent).await? >= MAX_CHILDREN
    {
        let text = format!("At most {MAX_CHILDREN} channels stand directly under one.");
        return Err(Error::user(UserErrorCode::QuotaExceeded, "parent", text));
    }
    let inserted = store::insert(tx, channel).await;
    unique(
        inserted,
        "slug",
        "Another channel has this slug. Choose another.",
    )?;
    store::replace_rules(tx, channel.id, &channel.rules).await?;
    store::replace_presets(tx, channel.id, &channel.presets).await?;
    announce(tx, channel.id);
    tx.audit(Audit {
        brand: None,
        action: "createChannel",
        subject: channel.id.to_string(),
        contents: Vec::new(),
        changes: json!({
            "slug": channel.slug,
            "name": channel.name,
            "kind": channel.kind,
            "market": channel.market,
            "locale": channel.locale,
            "parent": channel.parent,
            "public": channel.public,
            "weight": channel.weight,
            "rules": describe_rules(&channel.rules),
            "presets": describe_presets(&channel.presets),
        }),
    });
    Ok(channel.id)
}

fn announce(tx: &Tx, id: ChannelId) {
    tx.emit(Event {
        brand: None,
        topic: "CHANNEL_CHANGED",
        subject: id.to_string(),
        payload: json!({}),
    });
}

/// What rules hold back.
fn demands(rules: &[Rule]) -> Vec<&Demand> {
    let held = rules.iter().filter(|rule| rule.severity == Severity::Error);
    held.map(|rule| &rule.demand).collect()
}

fn describe_rules(rules: &[Rule]) -> Json {
    let rule = |rule: &Rule| {
        json!({
            "check": rule.demand.check(),
            "value": rule.demand.value(),
            "severity": rule.severity,
            "message": rule.message,
            "source": rule.source,
            "checkedOn": rule.checked_on.map(|d| d.to_date().to_string()),
        })
    };
    rules.iter().map(rule).collect()
}

fn describe_presets(presets: &[Preset]) -> Json {
    let preset = |preset: &Preset| {
        json!({
            "name": preset.name,
            "width": preset.width,
            "height": preset.height,
            "fit": preset.fit,
            "mediaType": preset.media_type,
            "quality": preset.quality,
            "background": preset.background,
        })
    };
    presets.iter().map(preset).collect()
}

/// What a channel shall become. The viewer reaches it.
#[derive(Clone, Debug)]
pub(crate) struct ChannelChange {
    pub channel: ChannelId,
    pub name: MaybeUndefined<String>,
    /// Null: as its kind is.
    pub public: MaybeUndefined<bool>,
    /// Null: 1.
    pub weight: MaybeUndefined<f64>,
    /// The whole list; null: none of its own.
    pub rules: MaybeUndefined<Vec<NewRule>>,
    /// The whole list; null: none of its own.
    pub presets: MaybeUndefined<Vec<Preset>>,
}

struct Update {
    channel: ChannelId,
    patch: Patch,
    public: Option<Option<bool>>,
    rules: Option<Vec<Rule>>,
    presets: Option<Vec<Preset>>,
}

/// Changes a channel. Lists of rules and presets are replaced whole.
pub(crate) async fn update_channel(cx: &OpContext, change: ChannelChange) -> Result<ChannelId> {
    cx.viewer.require(Scope::Admin)?;
    let mut problems = Problems::new();
    let mut patch = Patch::default();
    if let Some(name) = patch::text(&mut problems, "name", &change.name, text::LINE) {
        patch.put("name", "name", name);
    }
    if let Some(weight) = patch::given(&change.weight) {
        patch.put(
            "weight",
            "weight",
            check_weight(&mut problems, weight.unwrap_or(1.0)),
        );
    }
    let rules =
        patch::given(&change.rules).map(|r| check_rules(&mut problems, r.unwrap_or_default()));
    let presets =
        patch::given(&change.presets).map(|p| check_presets(&mut problems, p.unwrap_or_default()));
    problems.check()?;
    let update = Update {
        channel: change.channel,
        patch,
        public: patch::given(&change.public),
        rules,
        presets,
    };
    let written = cx
        .write(update, |tx, update| Box::pin(apply(tx, update)))
        .await;
    cx.app.callers.forget();
    written
}

#[derive(sea_orm::FromQueryResult)]
struct KindRow {
    kind: String,
}

async fn apply(tx: &Tx, update: &Update) -> Result<ChannelId> {
    let id = update.channel;
    store::bump_revision(tx).await?;
    let row: Option<KindRow> = fetch_one(
        &**tx,
        Sql::new("SELECT kind FROM channels WHERE id = ").bind(id),
    )
    .await?;
    let kind: ChannelKind = named(&row.ok_or_else(|| Error::not_found("channel"))?.kind)?;
    let mut patch = update.patch.clone();
    if let Some(public) = update.public {
        patch.put(
            "is_public",
            "public",
            public.unwrap_or_else(|| kind.public_by_default()),
        );
    }
    if let Some(rules) = &update.rules {
        let before = store::load_rules(&**tx, Sql::new("channel_id = ").bind(id))
            .await?
            .remove(&id)
            .unwrap_or_default();
        if before != *rules {
            store::replace_rules(tx, id, rules).await?;
            // Somebody has read them again, or says them better: nothing else goes out for it.
            if demands(&before) != demands(rules) {
                patch.set("rules_changed_at", tx.op.at);
            }
            patch.note("rules", &describe_rules(rules));
        }
    }
    if let Some(presets) = &update.presets {
        let before = store::load_presets(&**tx, Sql::new("channel_id = ").bind(id))
            .await?
            .remove(&id);
        if before.unwrap_or_default() != *presets {
            store::replace_presets(tx, id, presets).await?;
            patch.note("presets", &describe_presets(presets));
        }
    }
    if patch.is_empty() {
        return Ok(id);
    }
    if !patch.columns().is_empty() {
        let set = Sql::update("channels", patch.columns().to_vec())
            .push(" WHERE id = ")
            .bind(id);
        run(&**tx, set).await?;
    }
    announce(tx, id);
    tx.audit(Audit {
        brand: None,
        action: "updateChannel",
        subject: id.to_string(),
        contents: Vec::new(),
        changes: patch.changes(),
    });
    Ok(id)
}
