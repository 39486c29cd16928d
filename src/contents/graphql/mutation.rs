//! The steps in a content's life, in GraphQL.

use async_graphql::{Context, ID, InputObject, Object};

use super::Content;
use crate::contents::lifecycle::{archive_content, restore_content};
use crate::graphql::context::{client_mutation_id, once};
use crate::graphql::error::{GqlResult, payload, respond};

/// Which content is meant.
#[derive(InputObject)]
pub(crate) struct ContentIdInput {
    /// An asset's or an endorsement's id.
    pub(crate) id: ID,
    /// Makes a retry safe: the same id within 24 hours returns the first outcome.
    pub(crate) client_mutation_id: Option<String>,
}

payload! {
    /// What was put away.
    ArchiveContentPayload {
        /// The content, archived.
        content: Option<Content>
    }
}
payload! {
    /// What was taken back.
    RestoreContentPayload {
        /// The content, neither archived nor in the trash.
        content: Option<Content>
    }
}

#[derive(Default)]
pub(crate) struct ContentsMutation;

#[Object]
impl ContentsMutation {
    /// Puts a content away: it goes out nowhere until it is restored. What is archived or in the trash
    /// already is a FORBIDDEN_TRANSITION.
    async fn archive_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ContentIdInput,
    ) -> GqlResult<ArchiveContentPayload> {
        let key = client_mutation_id(&input);
        let done = async {
            let id = once(
                ctx,
                |cx| async move { archive_content(&cx, &input.id).await },
            )
            .await?;
            Content::reload(ctx, id).await
        };
        respond(
            key,
            done.await,
            |content, payload: &mut ArchiveContentPayload| payload.content = content,
        )
    }

    /// Takes a content back from the archive or the trash. One that is in neither is a
    /// FORBIDDEN_TRANSITION. A withdrawn content stays withdrawn.
    async fn restore_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ContentIdInput,
    ) -> GqlResult<RestoreContentPayload> {
        let key = client_mutation_id(&input);
        let done = async {
            let id = once(
                ctx,
                |cx| async move { restore_content(&cx, &input.id).await },
            )
            .await?;
            Content::reload(ctx, id).await
        };
        respond(
            key,
            done.await,
            |content, payload: &mut RestoreContentPayload| payload.content = content,
        )
    }
}
