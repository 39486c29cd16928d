//! Making assets and their versions.

use std::sync::Arc;

use async_graphql::ID;
use serde_json::{Value as Json, json};

use super::model::{Alt, default_kind, suits};
use super::source::{SourceFile, keep};
use super::store;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::catalog::resolve::input_brand;
use crate::contents::labels::{LabelNames, resolve_labels};
use crate::contents::service::{self as contents, NewContent};
use crate::contents::{AssetKind, ContentKind};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::media;
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::{AssetId, BrandId, ContentId, VersionId};
use crate::platform::ledger::{Audit, Event};
use crate::platform::names::name_of;
use crate::platform::text;

/// Longest alternative text, in characters.
const MAX_ALT: usize = 1_000;

/// What a version is to hold, as an input gives it: a file or a text.
pub(crate) struct NewBody {
    /// The file, or what is wrong with it, to be told with everything else.
    pub file: Option<Result<SourceFile>>,
    pub text: Option<String>,
}

/// What a version holds.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    File(SourceFile),
    /// A COPY's text, and the same folded for comparing.
    Text {
        text: String,
        folded: String,
    },
}

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

/// An asset whose input has been found good.
struct Checked {
    header: NewContent,
    kind: AssetKind,
    locale: Option<String>,
    description: Option<String>,
    alts: Vec<Alt>,
    body: Body,
    note: Option<String>,
}

/// Makes an asset with its first version, a DRAFT.
pub(crate) async fn create_asset(cx: &OpContext, new: NewAsset) -> Result<AssetId> {
    cx.viewer.require(Scope::Write)?;
    let checked = check(cx, new).await?;
    let file = checked.body.sha256();
    let id = cx
        .write(checked, |tx, new| Box::pin(insert(tx, new)))
        .await?;
    look(cx, file).await;
    Ok(id)
}

/// Looks at a file that has just come in, so that who brought it can be told what it looks like.
async fn look(cx: &OpContext, sha256: Option<String>) {
    if let Some(sha256) = sha256 {
        media::look(&cx.app, &sha256).await;
    }
}

async fn check(cx: &OpContext, new: NewAsset) -> Result<Checked> {
    let mut problems = Problems::new();
    let brand = problems.keep(input_brand(cx, &new.brand, "brand").await)?;
    let title = text::required(&mut problems, "title", &new.title, text::LINE);
    let description = text::optional(
        &mut problems,
        "description",
        new.description.as_deref(),
        text::PROSE,
    );
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    contents::check_times(&mut problems, new.release_at, new.expire_at);
    let labels = resolve_labels(cx, &new.labels, "", &mut problems).await?;
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
    problems.check()?;
    let (Some(brand), Some(kind), Some(body)) = (brand, kind, body) else {
        return Err(Error::internal("a good input without its parts"));
    };
    let (release_at, expire_at) = (new.release_at, new.expire_at);
    let header = NewContent {
        brand,
        kind: ContentKind::Asset,
        title,
        release_at,
        expire_at,
        labels,
    };
    Ok(Checked {
        header,
        kind,
        locale: new.locale,
        description,
        alts,
        body,
        note,
    })
}

async fn insert(tx: &Tx, new: &Checked) -> Result<AssetId> {
    let (id, version) = contents::insert(tx, &new.header, new.note.as_ref()).await?;
    store::insert(
        &**tx,
        id,
        new.kind,
        new.locale.clone(),
        new.description.clone(),
    )
    .await?;
    store::replace_alts(&**tx, id, &new.alts).await?;
    insert_body(tx, version, &new.body).await?;
    let mut changes = new.body.describe();
    changes["title"] = json!(new.header.title);
    changes["kind"] = json!(name_of(new.kind)?);
    changes["number"] = json!(1);
    audit(tx, new.header.brand, "createAsset", id, changes);
    crate::search::index(tx, id).await?;
    Ok(AssetId(id.0))
}

/// What a new version of an asset shall be.
pub(crate) struct NewVersion {
    pub asset: ContentId,
    pub body: NewBody,
    pub note: Option<String>,
    /// The number the caller thinks it will have; CONFLICT if it does not.
    pub expected_number: Option<i32>,
}

/// A version whose input has been found good, as far as that shows without its asset.
struct CheckedVersion {
    viewer: Arc<Viewer>,
    asset: ContentId,
    body: Body,
    note: Option<String>,
    expected: Option<i32>,
}

/// Adds a version, a DRAFT, to an asset that is not in the trash. Its bytes suit the asset's kind.
pub(crate) async fn add_asset_version(
    cx: &OpContext,
    new: NewVersion,
) -> Result<(ContentId, VersionId)> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    let note = text::optional(&mut problems, "note", new.note.as_deref(), text::PROSE);
    let body = clean_body(&mut problems, new.body)?;
    problems.check()?;
    let checked = CheckedVersion {
        viewer: Arc::clone(&cx.viewer),
        asset: new.asset,
        body: body.ok_or_else(|| Error::internal("a good input without its body"))?,
        note,
        expected: new.expected_number,
    };
    let file = checked.body.sha256();
    let made = cx
        .write(checked, |tx, new| Box::pin(insert_version(tx, new)))
        .await?;
    look(cx, file).await;
    Ok(made)
}

async fn insert_version(tx: &Tx, new: &CheckedVersion) -> Result<(ContentId, VersionId)> {
    let target = contents::lock(tx, &new.viewer, new.asset, "asset").await?;
    if target.kind != ContentKind::Asset {
        return Err(Error::not_found("asset"));
    }
    target.check_not_trashed("asset")?;
    let kind = store::kind_of(&**tx, target.id).await?;
    if let Some(message) = new.body.misfit(kind) {
        return Err(Error::user(
            UserErrorCode::Invalid,
            new.body.field(),
            message,
        ));
    }
    let (version, number) =
        contents::add_version(tx, target.id, new.expected, new.note.clone()).await?;
    insert_body(tx, version, &new.body).await?;
    let subject = target.public_id();
    let payload = json!({ "version": version, "number": number });
    tx.emit(Event {
        brand: Some(target.brand),
        topic: "VERSION_CREATED",
        subject,
        payload,
    });
    let mut changes = new.body.describe();
    changes["version"] = json!(version);
    changes["number"] = json!(number);
    audit(tx, target.brand, "addAssetVersion", target.id, changes);
    crate::search::index(tx, target.id).await?;
    Ok((target.id, version))
}

async fn insert_body(tx: &Tx, version: VersionId, body: &Body) -> Result<()> {
    if let Body::File(file) = body {
        keep(tx, file).await?;
    }
    store::insert_version(&**tx, version, body).await
}

fn audit(tx: &Tx, brand: BrandId, action: &'static str, asset: ContentId, changes: Json) {
    tx.audit(Audit {
        brand: Some(brand),
        action,
        subject: AssetId(asset.0).to_string(),
        contents: vec![asset],
        changes,
    });
}

/// A file or a text, one of them; none where the input is at fault.
fn clean_body(problems: &mut Problems, body: NewBody) -> Result<Option<Body>> {
    match (body.file, body.text) {
        (Some(_), Some(_)) => {
            problems.add(
                UserErrorCode::Invalid,
                "text",
                "Give a file or a text, not both.",
            );
            Ok(None)
        }
        (None, None) => {
            problems.add(
                UserErrorCode::Required,
                "file",
                "Give a file, or the text of a COPY.",
            );
            Ok(None)
        }
        (Some(file), None) => Ok(problems.keep(file)?.map(Body::File)),
        (None, Some(given)) => {
            let text = text::required(problems, "text", &given, text::PROSE);
            let folded = text::fold(&text);
            Ok(Some(Body::Text { text, folded }))
        }
    }
}

impl Body {
    fn default_kind(&self) -> AssetKind {
        match self {
            Self::File(file) => default_kind(&file.media_type),
            Self::Text { .. } => AssetKind::Copy,
        }
    }

    /// What is wrong with an asset of this kind holding it, if anything.
    fn misfit(&self, kind: AssetKind) -> Option<String> {
        match self {
            Self::Text { .. } if kind == AssetKind::Copy => None,
            Self::Text { .. } => Some("Only a COPY is a text. Give a file instead.".to_owned()),
            Self::File(_) if kind == AssetKind::Copy => {
                Some("A COPY is a text without a file. Give its text instead.".to_owned())
            }
            Self::File(file) if suits(kind, &file.media_type) => None,
            Self::File(file) => Some(format!(
                "A file of type {} does not suit an asset of this kind. Give one that does.",
                file.media_type
            )),
        }
    }

    fn sha256(&self) -> Option<String> {
        match self {
            Self::File(file) => Some(file.sha256.clone()),
            Self::Text { .. } => None,
        }
    }

    /// The field of the input that it came in.
    fn field(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Text { .. } => "text",
        }
    }

    /// As the audit log keeps it.
    fn describe(&self) -> Json {
        match self {
            Self::File(file) => json!({
                "sha256": file.sha256,
                "filename": file.filename,
                "mediaType": file.media_type,
                "bytes": file.bytes,
            }),
            Self::Text { text, .. } => json!({ "text": text }),
        }
    }
}

/// Alternative texts as they are kept: cleaned, one for each language.
pub(crate) fn clean_alts(problems: &mut Problems, field: &str, alts: &[Alt]) -> Vec<Alt> {
    contents::check_len(problems, field, alts.len());
    let mut clean: Vec<Alt> = Vec::with_capacity(alts.len());
    for (i, alt) in alts.iter().enumerate() {
        let text = text::required(problems, &format!("{field}.{i}.text"), &alt.text, MAX_ALT);
        if clean.iter().any(|other| other.locale == alt.locale) {
            let at = format!("{field}.{i}.locale");
            problems.add(
                UserErrorCode::Invalid,
                &at,
                "Give one text for each language.",
            );
        }
        clean.push(Alt {
            locale: alt.locale.clone(),
            text,
        });
    }
    clean
}
