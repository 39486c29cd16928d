//! Assets in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, Object};

use super::file::File;
use super::grants::GrantSubject;
use crate::contents::graphql::{ContentFields, VersionFields};
use crate::contents::{self, AssetKind};
use crate::graphql::error::GqlResult;
use crate::graphql::scalars::Locale;

/// Bytes or a text of the brand's own: a picture, a badge, a film, a line of copy.
#[derive(Clone)]
pub(crate) struct Asset(ContentFields);

impl Asset {
    /// `content` is an asset.
    pub(crate) fn of(content: Arc<contents::Content>) -> Self {
        Self(ContentFields(content))
    }
}

#[Object]
impl Asset {
    #[graphql(flatten)]
    async fn content_fields(&self) -> &ContentFields {
        &self.0
    }

    /// What kind of asset it is.
    async fn kind(&self) -> AssetKind {
        self.0.0.asset().map_or(AssetKind::Source, |a| a.kind)
    }

    /// The language of the words in it; none where there are none.
    async fn locale(&self) -> Option<Locale> {
        self.0.0.asset().and_then(|a| a.locale.clone()).map(Locale)
    }

    /// What it shows.
    async fn description(&self) -> Option<&str> {
        self.0.0.asset().and_then(|a| a.description.as_deref())
    }

    /// The current version: the approved one with the highest number.
    async fn version(&self, ctx: &Context<'_>) -> GqlResult<Option<AssetVersion>> {
        Ok(self.0.current(ctx).await?.map(AssetVersion::of))
    }

    /// The version with the highest number.
    async fn latest_version(&self, ctx: &Context<'_>) -> GqlResult<AssetVersion> {
        Ok(AssetVersion::of(self.0.latest(ctx).await?))
    }
}

/// One state of an asset: a file, or the text of a COPY.
#[derive(Clone)]
pub(crate) struct AssetVersion(VersionFields);

impl AssetVersion {
    /// `version` is an asset's.
    pub(crate) fn of(version: Arc<contents::Version>) -> Self {
        Self(VersionFields(version))
    }
}

#[Object]
impl AssetVersion {
    #[graphql(flatten)]
    async fn version_fields(&self) -> &VersionFields {
        &self.0
    }

    /// Its bytes; none for a COPY.
    async fn file(&self) -> Option<File> {
        let version = &self.0.0;
        version
            .file()
            .map(|file| File::of(file.clone(), GrantSubject::Version(version.id)))
    }

    /// The text of a COPY.
    async fn text(&self) -> Option<&str> {
        match &self.0.0.detail {
            contents::VersionDetail::Text { body, .. } => Some(body),
            _ => None,
        }
    }
}
