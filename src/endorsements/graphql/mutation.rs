//! Endorsements' mutations, and the update of contents.

use async_graphql::{Context, Object};

use super::inputs::{
    AddEndorsementVersionInput, AddEvidenceInput, CreateEndorsementInput, DecideClaimInput, RecheckEndorsementInput,
    UpdateContentInput,
};
use super::{Claim, Endorsement, EndorsementVersion, Evidence};
use crate::contents::graphql::Content;
use crate::endorsements::service;
use crate::error::{Error, Result};
use crate::graphql::context::{Request, client_mutation_id, input_id, mutation};
use crate::graphql::error::{GqlResult, payload, respond};
use crate::library::VersionKey;

payload! {
    CreateEndorsementPayload {
        /// The new endorsement.
        endorsement: Option<Endorsement>,
    }
}
payload! {
    AddEndorsementVersionPayload {
        /// The endorsement.
        endorsement: Option<Endorsement>,
        /// Its new version.
        version: Option<EndorsementVersion>,
    }
}
payload! {
    UpdateContentPayload {
        /// The content as it is now.
        content: Option<Content>,
    }
}
payload! {
    RecheckEndorsementPayload {
        /// The endorsement as it is now.
        endorsement: Option<Endorsement>,
    }
}
payload! {
    AddEvidencePayload {
        /// The new piece of evidence.
        evidence: Option<Evidence>,
    }
}
payload! {
    DecideClaimPayload {
        /// The claim as it is now.
        claim: Option<Claim>,
    }
}

#[derive(Default)]
pub(crate) struct EndorsementsMutation;

#[Object]
impl EndorsementsMutation {
    /// Makes an endorsement with its first version, a DRAFT.
    async fn create_endorsement(
        &self,
        ctx: &Context<'_>,
        input: CreateEndorsementInput,
    ) -> GqlResult<CreateEndorsementPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let cx = mutation(ctx)?;
            let id = service::create_endorsement(&cx, input.into()).await?;
            Endorsement::find(ctx, id.into()).await
        };
        respond(key, made.await, |made, payload: &mut CreateEndorsementPayload| payload.endorsement = made)
    }

    /// Adds a version to an endorsement, a DRAFT: another wording, in all its languages.
    async fn add_endorsement_version(
        &self,
        ctx: &Context<'_>,
        input: AddEndorsementVersionInput,
    ) -> GqlResult<AddEndorsementVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let cx = mutation(ctx)?;
            let id = service::add_endorsement_version(&cx, input.try_into()?).await?;
            let version = ctx.loader().load_one(VersionKey(id)).await?;
            let version = version.ok_or_else(|| Error::internal("a new version is missing"))?;
            Result::Ok((Endorsement::find(ctx, version.content).await?, EndorsementVersion::of(version)))
        };
        respond(key, made.await, |(endorsement, version), payload: &mut AddEndorsementVersionPayload| {
            payload.endorsement = endorsement;
            payload.version = Some(version);
        })
    }

    /// Changes what an asset or endorsement is beside its versions. What is absent stays, null clears.
    async fn update_content(&self, ctx: &Context<'_>, input: UpdateContentInput) -> GqlResult<UpdateContentPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let cx = mutation(ctx)?;
            let (id, revision) = (input.id.clone(), input.revision);
            let id = service::update_content(&cx, &id, revision, input.into()).await?;
            Content::find(ctx, id).await
        };
        respond(key, made.await, |content, payload: &mut UpdateContentPayload| payload.content = content)
    }

    /// Records that somebody looked again: it is still said, or it is not and is recalled.
    async fn recheck_endorsement(
        &self,
        ctx: &Context<'_>,
        input: RecheckEndorsementInput,
    ) -> GqlResult<RecheckEndorsementPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let cx = mutation(ctx)?;
            let id = input_id(&input.endorsement, "endorsement")?;
            let id = service::recheck_endorsement(&cx, id, input.still_said, input.note).await?;
            Endorsement::find(ctx, id.into()).await
        };
        respond(key, made.await, |made, payload: &mut RecheckEndorsementPayload| payload.endorsement = made)
    }

    /// Adds a file as evidence that it was said. It counts from now on.
    async fn add_evidence(&self, ctx: &Context<'_>, input: AddEvidenceInput) -> GqlResult<AddEvidencePayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let cx = mutation(ctx)?;
            let id = service::add_evidence(&cx, input.resolve(ctx).await?).await?;
            Evidence::find(ctx, id).await
        };
        respond(key, made.await, |evidence, payload: &mut AddEvidencePayload| payload.evidence = evidence)
    }

    /// Says that a claim is true of its product, or is not. It can be decided anew.
    async fn decide_claim(&self, ctx: &Context<'_>, input: DecideClaimInput) -> GqlResult<DecideClaimPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let cx = mutation(ctx)?;
            let id = input_id(&input.claim, "claim")?;
            let id = service::decide_claim(&cx, id, input.state, input.note).await?;
            Claim::find(ctx, id).await
        };
        respond(key, made.await, |claim, payload: &mut DecideClaimPayload| payload.claim = claim)
    }
}
