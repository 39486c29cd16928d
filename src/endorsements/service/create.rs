//! Making endorsements and their versions.

use std::sync::Arc;

use async_graphql::ID;
use serde_json::json;

use super::claims::{self, CleanClaim, NewClaim};
use super::evidence;
use super::parts;
use super::wording::{self, CleanWording, NewWording};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::catalog::resolve::{input_brand, input_outlet};
use crate::contents::change::announce_version;
use crate::contents::labels::{LabelNames, resolve_labels};
use crate::contents::service::{NewContent, add_version, check_times, insert, lock};
use crate::contents::{ContentKind, EndorsementKind};
use crate::endorsements::pages::look_again;
use crate::error::{Error, Problems, Result};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, exists, run};
use crate::platform::ids::{ContentId, EndorsementId, OutletId, VersionId};
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
struct Clean {
    header: NewContent,
    outlet: OutletId,
    kind: EndorsementKind,
    published_on: Day,
    source_url: Option<String>,
    /// Whether pages are fetched: then the source is evidence.
    fetches: bool,
    wording: CleanWording,
    won_by: Option<Actor>,
    recheck_every_days: Option<i32>,
    claims: Vec<CleanClaim>,
    assets: Vec<ContentId>,
    note: Option<String>,
}

/// Makes an endorsement with its first version, a DRAFT.
pub(crate) async fn create_endorsement(
    cx: &OpContext,
    new: NewEndorsement,
) -> Result<EndorsementId> {
    cx.viewer.require(Scope::Write)?;
    let clean = check(cx, new).await?;
    cx.write(clean, |tx, clean| Box::pin(create(tx, clean)))
        .await
}

async fn check(cx: &OpContext, new: NewEndorsement) -> Result<Clean> {
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
    let brand = problems.keep(input_brand(cx, &new.brand, "brand").await)?;
    let outlet = problems.keep(input_outlet(cx, &new.outlet, "outlet").await)?;
    let won_by = match &new.won_by {
        Some(text) => problems.keep(parts::winner(cx, text).await)?,
        None => None,
    };
    let labels = resolve_labels(cx, &new.labels, "", &mut problems).await?;
    let claims = claims::clean(cx, &new.claims, &mut problems).await?;
    problems.check()?;
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
    Ok(Clean {
        header,
        outlet,
        kind: new.kind,
        published_on: new.published_on,
        fetches: cx.app.fetcher.is_some(),
        source_url: new.source_url,
        wording,
        won_by,
        recheck_every_days: new.recheck_every_days,
        claims,
        assets,
        note,
    })
}

async fn create(tx: &Tx, new: &Clean) -> Result<EndorsementId> {
    let brand = new.header.brand;
    let id = insert(tx, &new.header).await?;
    let (won_by_kind, won_by_id) = new.won_by.map(Actor::to_columns).unzip();
    let row = [
        ("content_id", id.into()),
        ("outlet_id", new.outlet.into()),
        ("kind", name_of(new.kind)?.into()),
        ("published_on", new.published_on.into()),
        ("source_url", new.source_url.clone().into()),
        ("won_by_kind", won_by_kind.into()),
        ("won_by_id", won_by_id.flatten().into()),
        ("recheck_every_days", new.recheck_every_days.into()),
        ("rechecked_at", tx.op.at.into()),
    ];
    exists(run(&**tx, Sql::insert("endorsements", row)).await, "outlet")?;
    let (version, _) = add_version(tx, id, None, new.note.clone()).await?;
    wording::insert(tx, version, &new.wording).await?;
    claims::replace(tx, id, brand, &new.claims).await?;
    parts::attach(tx, id, brand, &new.assets).await?;
    if let Some(url) = new.source_url.as_ref().filter(|_| new.fetches) {
        evidence::add_page(tx, id, url, None).await?;
    }
    let id = EndorsementId(id.0);
    let mut contents = vec![id.into()];
    contents.extend(&new.assets);
    tx.audit(Audit {
        brand: Some(brand),
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
    });
    crate::search::index(tx, id.into()).await?;
    Ok(id)
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
    let input = (Arc::clone(&cx.viewer), new, wording, note);
    cx.write(input, |tx, (viewer, new, wording, note)| {
        Box::pin(add(tx, viewer, new, wording, note.clone()))
    })
    .await
}

async fn add(
    tx: &Tx,
    viewer: &Viewer,
    new: &NewVersion,
    wording: &CleanWording,
    note: Option<String>,
) -> Result<VersionId> {
    let target = lock(tx, viewer, new.endorsement.into(), "endorsement").await?;
    if target.kind != ContentKind::Endorsement {
        return Err(Error::not_found("endorsement"));
    }
    target.check_not_trashed("endorsement")?;
    let (id, number) = add_version(tx, target.id, new.expected_number, note).await?;
    wording::insert(tx, id, wording).await?;
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
