//! Endorsements in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, Object};

use crate::contents::graphql::{ContentFields, VersionFields};
use crate::contents::{self, EndorsementKind};
use crate::graphql::error::GqlResult;

/// A win: what someone outside the brand said of it, with the proof and the right to repeat it.
#[derive(Clone)]
pub(crate) struct Endorsement(ContentFields);

impl Endorsement {
    /// `content` is an endorsement.
    pub(crate) fn of(content: Arc<contents::Content>) -> Self {
        Self(ContentFields(content))
    }
}

#[Object]
impl Endorsement {
    #[graphql(flatten)]
    async fn content_fields(&self) -> &ContentFields {
        &self.0
    }

    /// What was won; who said it is the outlet's kind.
    async fn kind(&self) -> EndorsementKind {
        self.0
            .0
            .endorsement()
            .map_or(EndorsementKind::Mention, |e| e.kind)
    }

    /// The current version: the approved one with the highest number.
    async fn version(&self, ctx: &Context<'_>) -> GqlResult<Option<EndorsementVersion>> {
        Ok(self.0.current(ctx).await?.map(EndorsementVersion::of))
    }

    /// The version with the highest number.
    async fn latest_version(&self, ctx: &Context<'_>) -> GqlResult<EndorsementVersion> {
        Ok(EndorsementVersion::of(self.0.latest(ctx).await?))
    }
}

/// One wording of an endorsement, in all its languages.
#[derive(Clone)]
pub(crate) struct EndorsementVersion(VersionFields);

impl EndorsementVersion {
    /// `version` is an endorsement's.
    pub(crate) fn of(version: Arc<contents::Version>) -> Self {
        Self(VersionFields(version))
    }
}

#[Object]
impl EndorsementVersion {
    #[graphql(flatten)]
    async fn version_fields(&self) -> &VersionFields {
        &self.0
    }

    /// Who said it, by name.
    async fn byline(&self) -> Option<&str> {
        self.0.0.wording().and_then(|w| w.byline.as_deref())
    }
}
