//! Stands in for `assets::{receive, discard_unclaimed, grants}` and the gate's `rights::out_on_any` until
//! they are there, with their signatures. It refuses everything: nothing is stored, no grant opens.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;

use crate::app::App;
use crate::assets::StoredUpload;
use crate::error::{Error, Result};
use crate::graphql::upload::Uploads;
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, ContentId};

pub(super) async fn receive<S>(_: &Arc<App>, _: &str, _: u64, _: S) -> Result<StoredUpload>
where
    S: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
{
    Err(Error::Unavailable(anyhow::anyhow!(
        "uploads are not taken yet"
    )))
}

pub(super) async fn discard_unclaimed(_: &Arc<App>, _: &Uploads) {}

pub(super) async fn out_on_any(
    _: &Arc<App>,
    _: ContentId,
    _: &[ChannelId],
) -> Result<Option<Option<Timestamp>>> {
    Ok(None)
}

pub(super) mod grants {
    use sea_orm::ConnectionTrait;

    use crate::error::Result;
    use crate::platform::clock::Timestamp;
    use crate::platform::ids::{
        BrandId, ChannelId, ContentId, EvidenceId, LeaseId, ReviewId, TokenId, VersionId,
    };
    use crate::platform::seal::Sealer;

    pub(crate) struct Grant {
        pub(crate) subject: GrantSubject,
        pub(crate) viewer: GrantViewer,
        pub(crate) expires_at: Timestamp,
    }

    pub(crate) enum GrantSubject {
        Version(VersionId),
        Evidence(EvidenceId),
        Lease(LeaseId),
        Review(ReviewId),
    }

    pub(crate) enum GrantViewer {
        Internal(TokenId),
        Public(Vec<ChannelId>),
    }

    pub(crate) struct GrantedFile {
        pub(crate) sha256: String,
        pub(crate) store_key: String,
        pub(crate) media_type: String,
        pub(crate) bytes: i64,
        pub(crate) filename: String,
        pub(crate) content: Option<ContentId>,
        pub(crate) brand: BrandId,
    }

    pub(crate) fn open(_: &Sealer, _: &str) -> Option<Grant> {
        None
    }

    pub(crate) async fn resolve(
        _: &impl ConnectionTrait,
        _: &GrantSubject,
    ) -> Result<Option<GrantedFile>> {
        Ok(None)
    }
}
