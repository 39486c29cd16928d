//! Making endorsements and their versions.

use std::borrow::Borrow;
use std::sync::Arc;

use async_graphql::ID;
use sea_orm::Value;
use serde_json::json;

use super::claims::{self, CleanClaim, NewClaim};
use super::evidence;
use super::parts::{self, Winners};
use super::wording::{self, CleanWording, NewWording};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::catalog::resolve::{Asked, Known};
use crate::channels::{Tree, tree};
use crate::contents::change::announce_version;
use crate::contents::labels::LabelNames;
use crate::contents::service::{NewContent, add_version, check_times, insert_all, lock};
use crate::contents::{ContentKind, EndorsementKind};
use crate::endorsements::pages::look_again;
use crate::error::{Error, Problems, Result, UserError};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Tx, exists, insert_many};
use crate::platform::ids::{BrandId, ContentId, EndorsementId, OutletId, VersionId};
use crate::platform::ledger::Audit;
use crate::platform::names::name_of;
use crate::platform::op::Actor;
use crate::platform::text;

/// What a new endorsement shall be. Ids are as the input names them: slugs and SKUs are good too.
#[derive(Clone, Debug)]
pub(crate) struct NewEndorsement {
    pub brand: ID,
    pub title: String,
    pub outlet: ID,
    pub kind: EndorsementKind,
    pub published_on: Day,
    pub source_url: Option<String>,
    pub wording: NewWording,
    /// An access token's id.
    pub won_by: Option<ID>,
    pub recheck_every_days: Option<i32>,
    pub claims: Vec<NewClaim>,
    pub assets: Vec<ID>,
    pub labels: LabelNames,
    pub release_at: Option<Timestamp>,
    pub expire_at: Option<Timestamp>,
    pub note: Option<String>,
}

/// A new endorsement, checked as far as the input goes.
#[derive(Clone, Debug)]
pub(crate) struct Clean {
    pub(super) header: NewContent,
    pub(super) outlet: OutletId,
    pub(super) kind: EndorsementKind,
    pub(super) published_on: Day,
    pub(super) source_url: Option<String>,
    /// Whether pages are fetched: then the source is evidence.
    fetches: bool,
    pub(super) wording: CleanWording,
    pub(super) won_by: Option<Actor>,
    pub(super) recheck_every_days: Option<i32>,
    pub(super) claims: Vec<CleanClaim>,
    pub(super) assets: Vec<ContentId>,
    pub(super) note: Option<String>,
}

/// Makes an endorsement with its first version, a DRAFT.
pub(crate) async fn create_endorsement(
    cx: &OpContext,
    new: NewEndorsement,
) -> Result<EndorsementId> {
    cx.viewer.require(Scope::Write)?;
    let checked = check_all(cx, &[new], None).await?.pop();
    let clean = checked.ok_or_else(|| Error::internal("an input was lost"))?;
    let clean = clean.map_err(Error::User)?;
    cx.write(clean, |tx, clean| {
        Box::pin(async move {
            let made = create_all(tx, &[clean]).await?.pop();
            made.ok_or_else(|| Error::internal("an endorsement was lost"))
        })
    })
    .await
}

/// Checks new endorsements as far as the input goes: each, or all that is wrong with it. A fixed number of
/// statements, whatever their number. `within` says whose products are meant, where that is known.
pub(crate) async fn check_all(
    cx: &OpContext,
    new: &[NewEndorsement],
    within: Option<BrandId>,
) -> Result<Vec<Result<Clean, Vec<UserError>>>> {
    let mut asked = Asked {
        within,
        ..Asked::default()
    };
    for one in new {
        asked.brands.push(&one.brand);
        asked.outlets.push(&one.outlet);
        asked.products.extend(one.claims.iter().map(|c| &c.product));
        one.labels.ask(&mut asked);
    }
    let known = Known::load(cx, asked).await?;
    let winners = new.iter().filter_map(|one| one.won_by.as_ref());
    let winners = Winners::load(cx, winners).await?;
    let tree = if new.iter().any(|one| one.labels.channels.is_some()) {
        Some(tree(cx).await?)
    } else {
        None
    };
    let found = (&known, tree.as_deref(), &winners);
    new.iter().map(|one| check(cx, one, found)).collect()
}

fn check(
    cx: &OpContext,
    new: &NewEndorsement,
    (known, tree, winners): (&Known, Option<&Tree>, &Winners),
) -> Result<Result<Clean, Vec<UserError>>> {
    let mut problems = Problems::new();
    let title = text::required(&mut problems, "title", &new.title, text::LINE);
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    let wording = wording::clean(&mut problems, &new.wording);
    parts::check_published(&mut problems, new.published_on, cx.at());
    if let Some(days) = new.recheck_every_days {
        parts::check_interval(&mut problems, days);
    }
    check_times(&mut problems, new.release_at, new.expire_at);
    if let Some(url) = &new.source_url {
        evidence::check_page(&mut problems, cx, "sourceUrl", url);
    }
    let assets = parts::asset_ids(&mut problems, &new.assets);
    let brand = problems.keep(known.brand(&new.brand, "brand"))?;
    let outlet = problems.keep(known.outlet(&new.outlet, "outlet"))?;
    let won_by = match &new.won_by {
        Some(text) => problems.keep(winners.find(text))?,
        None => None,
    };
    let labels = new
        .labels
        .find(&cx.viewer, (known, tree), "", &mut problems);
    let claims = claims::clean_known(known, &new.claims, &mut problems);
    if let Err(refused) = problems.check() {
        return match refused {
            Error::User(errors) => Ok(Err(errors)),
            other => Err(other),
        };
    }
    let (Some(brand), Some(outlet)) = (brand, outlet) else {
        return Err(Error::internal("a problem was lost"));
    };
    let header = NewContent {
        brand,
        kind: ContentKind::Endorsement,
        title,
        release_at: new.release_at,
        expire_at: new.expire_at,
        labels,
    };
    Ok(Ok(Clean {
        header,
        outlet,
        kind: new.kind,
        published_on: new.published_on,
        fetches: cx.app.fetcher.is_some(),
        source_url: new.source_url.clone(),
        wording,
        won_by,
        recheck_every_days: new.recheck_every_days,
        claims,
        assets,
        note,
    }))
}

/// Makes endorsements with their first versions, DRAFTs; the number of statements grows with every few hundred
/// of them.
pub(crate) async fn create_all(
    tx: &Tx,
    new: &[impl Borrow<Clean> + Sync],
) -> Result<Vec<EndorsementId>> {
    let new: Vec<&Clean> = new.iter().map(Borrow::borrow).collect();
    let headers = new.iter().map(|new| (&new.header, new.note.as_ref()));
    let ids = insert_all(tx, &headers.collect::<Vec<_>>()).await?;
    let columns = [
        "content_id",
        "outlet_id",
        "kind",
        "published_on",
        "source_url",
        "won_by_kind",
        "won_by_id",
        "recheck_every_days",
        "rechecked_at",
    ];
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(new.len());
    for (new, (id, _)) in new.iter().zip(&ids) {
        let (won_by_kind, won_by_id) = new.won_by.map(Actor::to_columns).unzip();
        rows.push(vec![
            (*id).into(),
            new.outlet.into(),
            name_of(new.kind)?.into(),
            new.published_on.into(),
            new.source_url.clone().into(),
            won_by_kind.into(),
            won_by_id.flatten().into(),
            new.recheck_every_days.into(),
            tx.op.at.into(),
        ]);
    }
    exists(
        insert_many(&**tx, "endorsements", &columns, rows, "").await,
        "outlet",
    )?;
    let made = || new.iter().copied().zip(ids.iter().copied());
    let wordings = made().map(|(new, (_, version))| (version, &new.wording));
    wording::insert(tx, &wordings.collect::<Vec<_>>()).await?;
    let claims = made().map(|(new, (id, _))| (id, new.header.brand, new.claims.as_slice()));
    claims::insert_all(tx, &claims.collect::<Vec<_>>()).await?;
    let assets = made().map(|(new, (id, _))| (id, new.header.brand, new.assets.as_slice()));
    parts::attach_all(tx, &assets.collect::<Vec<_>>()).await?;
    let pages = made().filter(|(new, _)| new.fetches);
    let pages = pages.filter_map(|(new, (id, _))| Some((id, new.source_url.as_deref()?, None)));
    evidence::add_pages(tx, &pages.collect::<Vec<_>>()).await?;
    for (new, (id, version)) in made() {
        tx.audit(entry(new, EndorsementId(id.0), version));
    }
    let indexed: Vec<ContentId> = ids.iter().map(|(id, _)| *id).collect();
    crate::search::index_all(tx, &indexed).await?;
    Ok(ids.into_iter().map(|(id, _)| EndorsementId(id.0)).collect())
}

/// What the audit log keeps of it.
fn entry(new: &Clean, id: EndorsementId, version: VersionId) -> Audit {
    let mut contents = vec![id.into()];
    contents.extend(&new.assets);
    Audit {
        brand: Some(new.header.brand),
        action: "createEndorsement",
        subject: id.to_string(),
        contents,
        changes: json!({
            "title": new.header.title,
            "outlet": new.outlet,
            "kind": new.kind,
            "publishedOn": new.published_on.to_date().to_string(),
            "sourceUrl": new.source_url,
            "version": version,
            "claims": new.claims.iter().map(|c| &c.text).collect::<Vec<_>>(),
        }),
    }
}

/// What another version shall be.
#[derive(Clone, Debug)]
pub(crate) struct NewVersion {
    pub endorsement: EndorsementId,
    pub wording: NewWording,
    pub note: Option<String>,
    /// CONFLICT unless this becomes its number.
    pub expected_number: Option<i32>,
}

/// Adds a version of an endorsement, a DRAFT.
pub(crate) async fn add_endorsement_version(cx: &OpContext, new: NewVersion) -> Result<VersionId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let wording = wording::clean(&mut problems, &new.wording);
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    problems.check()?;
    let target = (new.endorsement, new.expected_number);
    let input = (Arc::clone(&cx.viewer), target, wording, note);
    cx.write(input, |tx, (viewer, target, wording, note)| {
        Box::pin(add(tx, viewer, *target, wording, note.clone()))
    })
    .await
}

pub(super) async fn add(
    tx: &Tx,
    viewer: &Viewer,
    (endorsement, expected): (EndorsementId, Option<i32>),
    wording: &CleanWording,
    note: Option<String>,
) -> Result<VersionId> {
    let target = lock(tx, viewer, endorsement.into(), "endorsement").await?;
    if target.kind != ContentKind::Endorsement {
        return Err(Error::not_found("endorsement"));
    }
    target.check_not_trashed("endorsement")?;
    let (id, number) = add_version(tx, target.id, expected, note).await?;
    wording::insert(tx, &[(id, wording)]).await?;
    // Its quote may be another.
    look_again(tx, target.id).await?;
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "addEndorsementVersion",
        subject: id.to_string(),
        contents: vec![target.id],
        changes: json!({ "number": number }),
    });
    announce_version(tx, "VERSION_CREATED", &target, id, number);
    crate::search::index(tx, target.id).await?;
    Ok(id)
}
