//! Batch loads of what belongs to endorsements, for GraphQL: only what the viewer sees.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::{Capture, Claim, Evidence};
use super::store;
use crate::contents::service::brand_condition;
use crate::graphql::loader::{LoadError, Loaders, grouped};
use crate::platform::ids::{ClaimId, ContentId, EvidenceId};

/// A claim of an endorsement that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClaimKey(pub(crate) ClaimId);

/// The claims of an endorsement that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClaimsKey(pub(crate) ContentId);

/// A piece of evidence of an endorsement that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EvidenceKey(pub(crate) EvidenceId);

/// The evidence of an endorsement that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EvidenceOfKey(pub(crate) ContentId);

/// What is kept of the page of a piece of evidence, of an endorsement that the viewer sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CapturesKey(pub(crate) EvidenceId);

/// The ids of the assets attached to an endorsement, in their order; whether the viewer sees them is for
/// the content's loader to say.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttachedKey(pub(crate) ContentId);

/// The ids of the endorsements that an asset is attached to, the newest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttachedToKey(pub(crate) ContentId);

impl Loader<ClaimKey> for Loaders {
    type Value = Arc<Claim>;
    type Error = LoadError;

    async fn load(&self, keys: &[ClaimKey]) -> Result<HashMap<ClaimKey, Arc<Claim>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ClaimId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load_claims(self.db(), &ids, visible).await?;
        Ok(found
            .into_iter()
            .map(|claim| (ClaimKey(claim.id), Arc::new(claim)))
            .collect())
    }
}

impl Loader<ClaimsKey> for Loaders {
    type Value = Arc<Vec<Arc<Claim>>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[ClaimsKey],
    ) -> Result<HashMap<ClaimsKey, Arc<Vec<Arc<Claim>>>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load_claims_of(self.db(), &ids, visible).await?;
        Ok(grouped(found.into_iter().map(|claim| {
            (ClaimsKey(claim.endorsement), Arc::new(claim))
        })))
    }
}

impl Loader<EvidenceKey> for Loaders {
    type Value = Arc<Evidence>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[EvidenceKey],
    ) -> Result<HashMap<EvidenceKey, Arc<Evidence>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<EvidenceId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load_evidence(self.db(), &ids, visible).await?;
        Ok(found
            .into_iter()
            .map(|evidence| (EvidenceKey(evidence.id), Arc::new(evidence)))
            .collect())
    }
}

impl Loader<EvidenceOfKey> for Loaders {
    type Value = Arc<Vec<Arc<Evidence>>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[EvidenceOfKey],
    ) -> Result<HashMap<EvidenceOfKey, Arc<Vec<Arc<Evidence>>>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load_evidence_of(self.db(), &ids, visible).await?;
        Ok(grouped(found.into_iter().map(|evidence| {
            (EvidenceOfKey(evidence.endorsement), Arc::new(evidence))
        })))
    }
}

impl Loader<CapturesKey> for Loaders {
    type Value = Arc<Vec<Arc<Capture>>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[CapturesKey],
    ) -> Result<HashMap<CapturesKey, Arc<Vec<Arc<Capture>>>>, LoadError> {
        if self.viewer.is_public() {
            return Ok(HashMap::new());
        }
        let ids: Vec<EvidenceId> = keys.iter().map(|k| k.0).collect();
        let visible = brand_condition(&self.viewer, "c.brand_id");
        let found = store::load_captures(self.db(), &ids, visible).await?;
        Ok(grouped(found.into_iter().map(|capture| {
            (CapturesKey(capture.evidence), Arc::new(capture))
        })))
    }
}

impl Loader<AttachedKey> for Loaders {
    type Value = Arc<Vec<ContentId>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[AttachedKey],
    ) -> Result<HashMap<AttachedKey, Arc<Vec<ContentId>>>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = store::load_assets(self.db(), &ids).await?;
        Ok(grouped(
            found
                .into_iter()
                .map(|a| (AttachedKey(a.endorsement_id), a.asset_id)),
        ))
    }
}

impl Loader<AttachedToKey> for Loaders {
    type Value = Arc<Vec<ContentId>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[AttachedToKey],
    ) -> Result<HashMap<AttachedToKey, Arc<Vec<ContentId>>>, LoadError> {
        let ids: Vec<ContentId> = keys.iter().map(|k| k.0).collect();
        let found = store::load_endorsements(self.db(), &ids).await?;
        Ok(grouped(
            found
                .into_iter()
                .map(|a| (AttachedToKey(a.asset_id), a.endorsement_id)),
        ))
    }
}
