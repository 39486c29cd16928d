//! Changing what a content is beside its versions, for both kinds.

use std::sync::Arc;

use async_graphql::{ID, MaybeUndefined};
use sea_orm::Value;

use super::claims::{self, CleanClaim, NewClaim};
use super::diff::{self, State};
use super::parts;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::assets::Alt;
use crate::assets::fields::{self, AssetChange};
use crate::assets::service::clean_alts;
use crate::channels::resolve::reaches;
use crate::channels::{Tree, tree};
use crate::contents::change::{HeaderChange, set_header};
use crate::contents::labels::{LabelNames, resolve_labels};
use crate::contents::service::{LabelSet, Target, announce, check_times, lock, set_labels};
use crate::contents::{ContentKind, parse_public_id};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::ContentId;
use crate::platform::ledger::Audit;
use crate::platform::op::Actor;
use crate::platform::{locale, text};

/// What of a content is to change. What is undefined stays, null clears; an absent list stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContentUpdate {
    pub title: MaybeUndefined<String>,
    pub labels: LabelNames,
    pub release_at: MaybeUndefined<Timestamp>,
    pub expire_at: MaybeUndefined<Timestamp>,
    /// An asset's only, like the three below.
    pub description: MaybeUndefined<String>,
    /// Texts by locale: the whole list.
    pub alt: Option<Vec<Alt>>,
    pub focal_point: MaybeUndefined<(f64, f64)>,
    pub locale: MaybeUndefined<String>,
    /// An endorsement's only, like all below.
    pub source_url: MaybeUndefined<String>,
    pub published_on: MaybeUndefined<Day>,
    pub won_by: MaybeUndefined<ID>,
    pub recheck_every_days: MaybeUndefined<i32>,
    /// The whole list; one with the same text and product keeps its decision.
    pub claims: Option<Vec<NewClaim>>,
    /// The whole list, in its order.
    pub assets: Option<Vec<ID>>,
}

/// An endorsement's own fields, checked.
#[derive(Clone, Debug, Default)]
pub(super) struct EndorsementChange {
    pub(super) source_url: MaybeUndefined<String>,
    pub(super) published_on: Option<Day>,
    pub(super) won_by: MaybeUndefined<Actor>,
    pub(super) recheck_every_days: MaybeUndefined<i32>,
    pub(super) claims: Option<Vec<CleanClaim>>,
    pub(super) assets: Option<Vec<ContentId>>,
}

/// An update, checked as far as the input goes.
pub(super) struct Clean {
    pub(super) viewer: Arc<Viewer>,
    /// For the tags on channels that the viewer does not reach: they stay.
    pub(super) tree: Arc<Tree>,
    pub(super) id: ContentId,
    pub(super) kind: ContentKind,
    pub(super) revision: i32,
    pub(super) header: HeaderChange,
    pub(super) labels: LabelSet,
    pub(super) asset: AssetChange,
    pub(super) endorsement: EndorsementChange,
}

/// Changes a content; CONFLICT unless it is at `revision`.
pub(crate) async fn update_content(
    cx: &OpContext,
    id: &ID,
    revision: i32,
    update: ContentUpdate,
) -> Result<ContentId> {
    cx.viewer.require(Scope::Write)?;
    let (kind, id) = parse_public_id(id).ok_or_else(|| Error::not_found("id"))?;
    let clean = check(cx, (kind, id), revision, update).await?;
    cx.write(clean, |tx, clean| Box::pin(change(tx, clean)))
        .await
}

async fn check(
    cx: &OpContext,
    (kind, id): (ContentKind, ContentId),
    revision: i32,
    update: ContentUpdate,
) -> Result<Clean> {
    let mut problems = Problems::new();
    refuse_foreign(&mut problems, kind, &update);
    let title = match &update.title {
        MaybeUndefined::Undefined => None,
        given => {
            let given = given.value().map_or("", String::as_str);
            Some(text::required(&mut problems, "title", given, text::LINE))
        }
    };
    let labels = resolve_labels(cx, &update.labels, "", &mut problems).await?;
    let asset = check_asset(&mut problems, &update);
    let header = HeaderChange {
        title,
        release_at: update.release_at,
        expire_at: update.expire_at,
    };
    let endorsement = check_endorsement(cx, &mut problems, update).await?;
    problems.check()?;
    let (viewer, tree) = (Arc::clone(&cx.viewer), tree(cx).await?);
    Ok(Clean {
        viewer,
        tree,
        id,
        kind,
        revision,
        header,
        labels,
        asset,
        endorsement,
    })
}

/// A field that this kind of content does not have.
fn refuse_foreign(problems: &mut Problems, kind: ContentKind, update: &ContentUpdate) {
    let asset = [
        ("description", !update.description.is_undefined()),
        ("alt", update.alt.is_some()),
        ("focalPoint", !update.focal_point.is_undefined()),
        ("locale", !update.locale.is_undefined()),
    ];
    let endorsement = [
        ("sourceUrl", !update.source_url.is_undefined()),
        ("publishedOn", !update.published_on.is_undefined()),
        ("wonBy", !update.won_by.is_undefined()),
        (
            "recheckEveryDays",
            !update.recheck_every_days.is_undefined(),
        ),
        ("claims", update.claims.is_some()),
        ("assets", update.assets.is_some()),
    ];
    let (foreign, text): (&[(&str, bool)], &str) = match kind {
        ContentKind::Asset => (&endorsement, "An asset does not have this. Leave it out."),
        ContentKind::Endorsement => (&asset, "An endorsement does not have this. Leave it out."),
    };
    for (field, _) in foreign.iter().filter(|(_, given)| *given) {
        problems.add(UserErrorCode::Invalid, field, text);
    }
}

fn check_asset(problems: &mut Problems, update: &ContentUpdate) -> AssetChange {
    let description = update
        .description
        .clone()
        .map(|given| text::optional(problems, "description", given.as_deref(), text::PROSE));
    if let Some((x, y)) = update.focal_point.value()
        && !((0.0..=1.0).contains(x) && (0.0..=1.0).contains(y))
    {
        problems.add(
            UserErrorCode::Invalid,
            "focalPoint",
            "Both parts lie between 0 and 1.",
        );
    }
    let locale = update
        .locale
        .clone()
        .map(|given| canonical(problems, "locale", given?));
    let alt = update
        .alt
        .as_ref()
        .map(|alts| clean_alts(problems, "alt", alts));
    AssetChange {
        description,
        alt,
        focal_point: update.focal_point,
        locale,
    }
}

fn canonical(problems: &mut Problems, field: &str, given: String) -> Option<String> {
    let found = locale::canonical(&given);
    if found.is_none() {
        problems.add(
            UserErrorCode::Invalid,
            field,
            "Write the language as BCP 47, such as en, zh-Hans or pt-BR.",
        );
    }
    found
}

async fn check_endorsement(
    cx: &OpContext,
    problems: &mut Problems,
    update: ContentUpdate,
) -> Result<EndorsementChange> {
    match update.published_on {
        MaybeUndefined::Null => {
            problems.add(
                UserErrorCode::Required,
                "publishedOn",
                "An endorsement has a day of publication.",
            );
        }
        MaybeUndefined::Value(day) => parts::check_published(problems, day, cx.at()),
        MaybeUndefined::Undefined => {}
    }
    if let MaybeUndefined::Value(days) = update.recheck_every_days {
        parts::check_interval(problems, days);
    }
    let won_by = match update.won_by {
        MaybeUndefined::Undefined => MaybeUndefined::Undefined,
        MaybeUndefined::Null => MaybeUndefined::Null,
        MaybeUndefined::Value(text) => problems.keep(parts::winner(cx, &text).await)?.into_change(),
    };
    let claims = match &update.claims {
        Some(new) => Some(claims::clean(cx, new, problems).await?),
        None => None,
    };
    Ok(EndorsementChange {
        source_url: update.source_url,
        published_on: update.published_on.take(),
        won_by,
        recheck_every_days: update.recheck_every_days,
        claims,
        assets: update
            .assets
            .map(|texts| parts::asset_ids(problems, &texts)),
    })
}

trait IntoChange<T> {
    fn into_change(self) -> MaybeUndefined<T>;
}

impl<T> IntoChange<T> for Option<T> {
    fn into_change(self) -> MaybeUndefined<T> {
        self.map_or(MaybeUndefined::Undefined, MaybeUndefined::Value)
    }
}

pub(super) async fn change(tx: &Tx, update: &Clean) -> Result<ContentId> {
    let target = lock(tx, &update.viewer, update.id, "id").await?;
    if target.kind != update.kind {
        return Err(Error::not_found("id"));
    }
    target.check_revision(update.revision)?;
    target.check_not_trashed("id")?;
    let before = State::read(tx, target.id).await?;
    check_merged(&target, &update.header)?;
    set_header(tx, &target, &update.header).await?;
    let mut labels = update.labels.clone();
    if let Some(channels) = &mut labels.channels {
        let stay = before
            .channels()
            .iter()
            .filter(|c| !reaches(&update.viewer, &update.tree, **c));
        channels.extend(stay);
    }
    set_labels(tx, &target, &labels).await?;
    match target.kind {
        ContentKind::Asset => fields::change(tx, target.id, &update.asset).await?,
        ContentKind::Endorsement => change_endorsement(tx, &target, &update.endorsement).await?,
    }
    finish(tx, "updateContent", &target, &before).await
}

/// Audits what is other than before, and announces it.
pub(super) async fn finish(
    tx: &Tx,
    action: &'static str,
    target: &Target,
    before: &State,
) -> Result<ContentId> {
    let after = State::read(tx, target.id).await?;
    let mut contents = vec![target.id];
    contents.extend(diff::moved_assets(before, &after));
    tx.audit(Audit {
        brand: Some(target.brand),
        action,
        subject: target.public_id(),
        contents,
        changes: diff::changes(before, &after),
    });
    announce(tx, "CONTENT_UPDATED", target.brand, target.kind, target.id);
    crate::search::index(tx, target.id).await?;
    Ok(target.id)
}

/// The expiry lies after the release, once what is given is laid over what stands.
pub(super) fn check_merged(target: &Target, header: &HeaderChange) -> Result<()> {
    let merged = |given: &MaybeUndefined<Timestamp>, stands: Option<Timestamp>| match given {
        MaybeUndefined::Undefined => stands,
        given => given.value().copied(),
    };
    let release = merged(&header.release_at, target.release_at);
    let expire = merged(&header.expire_at, target.expire_at);
    let mut problems = Problems::new();
    check_times(&mut problems, release, expire);
    problems.check()
}

async fn change_endorsement(tx: &Tx, target: &Target, change: &EndorsementChange) -> Result<()> {
    let mut set: Vec<(&'static str, Value)> = Vec::new();
    if !change.source_url.is_undefined() {
        set.push(("source_url", change.source_url.value().cloned().into()));
    }
    if let Some(day) = change.published_on {
        set.push(("published_on", day.into()));
    }
    if !change.won_by.is_undefined() {
        let (kind, id) = change
            .won_by
            .value()
            .copied()
            .map(Actor::to_columns)
            .unzip();
        set.push(("won_by_kind", kind.into()));
        set.push(("won_by_id", id.flatten().into()));
    }
    if !change.recheck_every_days.is_undefined() {
        set.push((
            "recheck_every_days",
            change.recheck_every_days.value().copied().into(),
        ));
    }
    if !set.is_empty() {
        run(
            &**tx,
            Sql::update("endorsements", set)
                .push(" WHERE content_id = ")
                .bind(target.id),
        )
        .await?;
    }
    if let Some(claims) = &change.claims {
        claims::replace(tx, target.id, target.brand, claims).await?;
    }
    if let Some(assets) = &change.assets {
        parts::attach(tx, target.id, target.brand, assets).await?;
    }
    Ok(())
}
