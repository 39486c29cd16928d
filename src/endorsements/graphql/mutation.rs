//! Endorsements' mutations, and the update of contents.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::inputs::{
    AddEndorsementVersionInput, AddEvidenceInput, CreateEndorsementInput, DecideClaimInput,
};
use super::updates::{UpdateContentInput, UpdateContentsInput};
use super::{Claim, Endorsement, EndorsementVersion, Evidence};
use crate::contents::graphql::{Content, Version};
use crate::endorsements::service;
use crate::error::{Error, Result};
use crate::graphql::context::{Request, client_mutation_id, input_id, mutation, once};
use crate::graphql::error::{GqlResult, UserErrorObject, payload, respond};
use crate::library::ContentKey;
use crate::platform::ids::ContentId;

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
    UpdateContentsPayload {
        /// What became of each, in the order of the ids.
        results: Vec<UpdateContentsResult>,
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

/// What became of one of many contents.
#[derive(SimpleObject)]
pub(crate) struct UpdateContentsResult {
    /// The id, as it was given.
    id: ID,
    /// The content as it is now; null where it was not changed.
    content: Option<Content>,
    /// What must be mended before this one can be changed; then it was not.
    user_errors: Vec<UserErrorObject>,
}

impl UpdateContentsResult {
    /// The result for one id; `content` is what was loaded of a changed one.
    fn of(id: ID, outcome: Result<ContentId>, content: Option<Content>) -> Self {
        let user_errors = match outcome {
            Err(Error::User(errors)) => errors.into_iter().map(UserErrorObject::from).collect(),
            _ => Vec::new(),
        };
        Self {
            id,
            content,
            user_errors,
        }
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
            let id = once(ctx, |cx| async move {
                service::create_endorsement(&cx, input.into()).await
            })
            .await?;
            Endorsement::find(ctx, id.into()).await
        };
        respond(
            key,
            made.await,
            |made, payload: &mut CreateEndorsementPayload| payload.endorsement = made,
        )
    }

    /// Adds a version to an endorsement, a DRAFT: another wording, in all its languages.
    async fn add_endorsement_version(
        &self,
        ctx: &Context<'_>,
        input: AddEndorsementVersionInput,
    ) -> GqlResult<AddEndorsementVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                service::add_endorsement_version(&cx, input.try_into()?).await
            })
            .await?;
            // A repeated call may come from one who no longer sees what it has made.
            let Some(Version::EndorsementVersion(version)) = Version::find(ctx, id).await? else {
                return Result::Ok((None, None));
            };
            let endorsement = Endorsement::find(ctx, version.content_id()).await?;
            Result::Ok((endorsement, Some(version)))
        };
        respond(
            key,
            made.await,
            |(endorsement, version), payload: &mut AddEndorsementVersionPayload| {
                payload.endorsement = endorsement;
                payload.version = version;
            },
        )
    }

    /// Changes what an asset or endorsement is beside its versions. What is absent stays, null clears.
    async fn update_content(
        &self,
        ctx: &Context<'_>,
        input: UpdateContentInput,
    ) -> GqlResult<UpdateContentPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let (id, revision) = (input.id.clone(), input.revision);
                service::update_content(&cx, &id, revision, input.into()).await
            })
            .await?;
            Content::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |content, payload: &mut UpdateContentPayload| payload.content = content,
        )
    }

    /// Changes many contents alike, each for itself: one that cannot be changed does not hold up the others.
    async fn update_contents(
        &self,
        ctx: &Context<'_>,
        input: UpdateContentsInput,
    ) -> GqlResult<UpdateContentsPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let ids = input.ids.clone();
            let update = service::BulkUpdate::from(input);
            let call = mutation(ctx).await?;
            let plan = call.once(|cx| service::plan_updates(cx, ids.len(), &update));
            let labels = plan.await?;
            let outcomes =
                service::update_contents(call.under_its_key(), &ids, update.header(), labels)
                    .await?;
            let changed: Vec<ContentKey> = outcomes
                .iter()
                .filter_map(|o| o.as_ref().ok().copied().map(ContentKey))
                .collect();
            let found = ctx.loader().load_many(changed).await?;
            let results = ids.into_iter().zip(outcomes).map(|(id, outcome)| {
                let content = outcome
                    .as_ref()
                    .ok()
                    .and_then(|id| found.get(&ContentKey(*id)).cloned());
                UpdateContentsResult::of(id, outcome, content.map(Content::of))
            });
            Result::Ok(results.collect())
        };
        respond(
            key,
            made.await,
            |results, payload: &mut UpdateContentsPayload| payload.results = results,
        )
    }

    /// Adds evidence that it was said. A file counts from now on; a page is PENDING until it has been fetched.
    /// A page that cannot be had is FAILED and says why: add a file then.
    async fn add_evidence(
        &self,
        ctx: &Context<'_>,
        input: AddEvidenceInput,
    ) -> GqlResult<AddEvidencePayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                service::add_evidence(&cx, input.resolve(ctx).await?).await
            })
            .await?;
            Evidence::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |evidence, payload: &mut AddEvidencePayload| payload.evidence = evidence,
        )
    }

    /// Says that a claim is true of its product, or is not. It can be decided anew.
    async fn decide_claim(
        &self,
        ctx: &Context<'_>,
        input: DecideClaimInput,
    ) -> GqlResult<DecideClaimPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let id = input_id(&input.claim, "claim")?;
                service::decide_claim(&cx, id, input.state, input.note).await
            })
            .await?;
            Claim::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |claim, payload: &mut DecideClaimPayload| payload.claim = claim,
        )
    }
}
