//! Making assets.

use std::borrow::Borrow;

use async_graphql::ID;
use serde_json::json;

use super::super::model::Alt;
use super::super::{keep_all, store};
use super::body::{Body, NewBody, clean_body};
use super::{audit, clean_alts, look};
use crate::accounts::{OpContext, Scope};
use crate::catalog::resolve::{Asked, Known};
use crate::channels::{Tree, tree};
use crate::contents::labels::LabelNames;
use crate::contents::service::{NewContent, check_times, insert_all};
use crate::contents::{AssetKind, ContentKind};
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::{AssetId, BrandId, ContentId};
use crate::platform::names::name_of;
use crate::platform::text;

/// What a new asset shall be.
pub(crate) struct NewAsset {
    pub brand: ID,
    pub title: String,
    /// None: what its bytes are.
    pub kind: Option<AssetKind>,
    pub locale: Option<String>,
    pub description: Option<String>,
    pub labels: LabelNames,
    pub release_at: Option<Timestamp>,
    pub expire_at: Option<Timestamp>,
    pub alts: Vec<Alt>,
    pub body: NewBody,
    pub note: Option<String>,
}

/// A new asset whose input has been found good.
#[derive(Clone, Debug)]
pub(crate) struct Clean {
    pub(crate) header: NewContent,
    pub(crate) kind: AssetKind,
    pub(crate) locale: Option<String>,
    pub(crate) description: Option<String>,
    /// In the order of the input.
    pub(crate) alts: Vec<Alt>,
    pub(crate) body: Body,
    pub(crate) note: Option<String>,
}

/// Makes an asset with its first version, a DRAFT.
pub(crate) async fn create_asset(cx: &OpContext, new: NewAsset) -> Result<AssetId> {
    cx.viewer.require(Scope::Write)?;
    let checked = check_all(cx, vec![new], None).await?.pop();
    let clean = checked.ok_or_else(|| Error::internal("an input was lost"))?;
    let clean = clean.map_err(Error::User)?;
    let file = clean.body.sha256();
    let made = cx.write(clean, |tx, clean| {
        Box::pin(async move {
            let made = create_all(tx, &[clean]).await?.pop();
            made.ok_or_else(|| Error::internal("an asset was lost"))
        })
    });
    let id = made.await?;
    look(cx, file).await;
    Ok(id)
}

/// Checks new assets as far as the input goes: each, or all that is wrong with it. A fixed number of statements,
/// whatever their number. `within` says whose products are meant, where that is known.
pub(crate) async fn check_all(
    cx: &OpContext,
    new: Vec<NewAsset>,
    within: Option<BrandId>,
) -> Result<Vec<Result<Clean, Vec<UserError>>>> {
    let mut asked = Asked {
        within,
        ..Asked::default()
    };
    for one in &new {
        asked.brands.push(&one.brand);
        one.labels.ask(&mut asked);
    }
    let known = Known::load(cx, asked).await?;
    let tree = if new.iter().any(|one| one.labels.channels.is_some()) {
        Some(tree(cx).await?)
    } else {
        None
    };
    let found = (&known, tree.as_deref());
    new.into_iter().map(|one| check(cx, one, found)).collect()
}

fn check(
    cx: &OpContext,
    new: NewAsset,
    (known, tree): (&Known, Option<&Tree>),
) -> Result<Result<Clean, Vec<UserError>>> {
    let mut problems = Problems::new();
    let brand = problems.keep(known.brand(&new.brand, "brand"))?;
    let title = text::required(&mut problems, "title", &new.title, text::LINE);
    let description = text::optional(
        &mut problems,
        "description",
        new.description.as_deref(),
        text::PROSE,
    );
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    check_times(&mut problems, new.release_at, new.expire_at);
    let labels = new
        .labels
        .find(&cx.viewer, (known, tree), "", &mut problems);
    let alts = clean_alts(&mut problems, "alt", &new.alts);
    let body = clean_body(&mut problems, new.body)?;
    let kind = body
        .as_ref()
        .map(|body| new.kind.unwrap_or_else(|| body.default_kind()));
    if let Some(message) = kind
        .zip(body.as_ref())
        .and_then(|(kind, body)| body.misfit(kind))
    {
        problems.add(UserErrorCode::Invalid, "kind", message);
    }
    if let Err(refused) = problems.check() {
        return match refused {
            Error::User(errors) => Ok(Err(errors)),
            other => Err(other),
        };
    }
    let (Some(brand), Some(kind), Some(body)) = (brand, kind, body) else {
        return Err(Error::internal("a good input without its parts"));
    };
    let header = NewContent {
        brand,
        kind: ContentKind::Asset,
        title,
        release_at: new.release_at,
        expire_at: new.expire_at,
        labels,
    };
    Ok(Ok(Clean {
        header,
        kind,
        locale: new.locale,
        description,
        alts,
        body,
        note,
    }))
}

/// Makes assets with their first versions, DRAFTs; the number of statements grows with every few hundred of them.
pub(crate) async fn create_all(tx: &Tx, new: &[impl Borrow<Clean> + Sync]) -> Result<Vec<AssetId>> {
    let new: Vec<&Clean> = new.iter().map(Borrow::borrow).collect();
    let headers = new.iter().map(|new| (&new.header, new.note.as_ref()));
    let ids = insert_all(tx, &headers.collect::<Vec<_>>()).await?;
    let made = || new.iter().copied().zip(ids.iter().copied());
    store::insert_all(&**tx, made().map(|(new, (id, _))| (id, new))).await?;
    let files = new.iter().filter_map(|new| match &new.body {
        Body::File(file) => Some(file),
        Body::Text { .. } => None,
    });
    keep_all(tx, &files.collect::<Vec<_>>()).await?;
    let bodies = made().map(|(new, (_, version))| (version, &new.body));
    store::insert_versions(&**tx, &bodies.collect::<Vec<_>>()).await?;
    for (new, (id, _)) in made() {
        let mut changes = new.body.describe();
        changes["title"] = json!(new.header.title);
        changes["kind"] = json!(name_of(new.kind)?);
        changes["number"] = json!(1);
        audit(tx, new.header.brand, "createAsset", id, changes);
    }
    let ids: Vec<ContentId> = ids.iter().map(|(id, _)| *id).collect();
    crate::search::index_all(tx, &ids).await?;
    Ok(ids.into_iter().map(|id| AssetId(id.0)).collect())
}
