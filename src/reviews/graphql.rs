//! Reviews in GraphQL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};

use super::ReviewKey;
use super::model::{self, ReviewDecision};
use super::service::{self, NewReview};
use crate::accounts::graphql::Actor;
use crate::assets::file::File;
use crate::assets::grants::GrantSubject;
use crate::assets::{FileSource, resolve_source};
use crate::contents::graphql::Version;
use crate::contents::{self, store};
use crate::error::Result;
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::{Request, client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::DateTime;
use crate::platform::db::{KeyPart, Page};
use crate::platform::ids::{LeaseId, ReviewId, VersionId};
use crate::rights::graphql::Lease;

/// One review of a version. With a lease it records the licensor's word on that version (and preset): the
/// version's state does not move.
pub(crate) struct Review(pub(crate) Arc<model::Review>);

impl Review {
    /// The review with this id, if the viewer sees it.
    pub(crate) async fn find(ctx: &Context<'_>, id: ReviewId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(ReviewKey(id)).await?.map(Self))
    }
}

#[Object]
impl Review {
    /// The review's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What was reviewed.
    async fn version(&self, ctx: &Context<'_>) -> GqlResult<Version> {
        Version::get(ctx, self.0.version).await
    }

    /// Who reviewed it.
    async fn reviewer(&self, ctx: &Context<'_>) -> GqlResult<Actor> {
        Actor::of(ctx, self.0.reviewer).await.or_fail()
    }

    /// What the reviewer made of it.
    async fn decision(&self) -> ReviewDecision {
        self.0.decision
    }

    /// Under which its licensor has spoken; null: the reviewer speaks for the brand.
    async fn lease(&self, ctx: &Context<'_>) -> GqlResult<Option<Lease>> {
        match self.0.lease {
            Some(id) => Lease::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// The preset that the licensor spoke of; null: of all.
    async fn preset(&self) -> Option<&str> {
        self.0.preset.as_deref()
    }

    /// What came with it, such as the licensor's letter.
    async fn document(&self) -> Option<File> {
        self.0
            .document
            .clone()
            .map(|file| File::of(file, GrantSubject::Review(self.0.id)))
    }

    /// What the reviewer says of it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// When it was given.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

#[derive(Default)]
pub(crate) struct ReviewsQuery;

#[Object]
impl ReviewsQuery {
    /// The versions that wait for a review, the longest waiting first; without what is in the trash.
    async fn review_queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many, up to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those behind this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<Version>> {
        const SCOPE: &str = "reviewQueue";
        let (app, cx) = (ctx.app(), ctx.cx());
        let request = PageArgs::forward(first, after)
            .open(app, SCOPE, 2)
            .or_fail()?;
        let page = service::review_queue(cx, &request).await.or_fail()?;
        let ids: Vec<VersionId> = page.items.iter().map(|w| w.id).collect();
        let found = store::load_versions(app.db.read(), &ids).await.or_fail()?;
        let counting = cx.clone();
        let total = Total::counted(move || {
            let cx = counting.clone();
            async move { service::count_review_queue(&cx).await }
        });
        let key = |(at, v): &Row| vec![KeyPart::Int(*at), KeyPart::Id(v.id.0)];
        Ok(connection(
            app,
            SCOPE,
            rows(page, found),
            total,
            key,
            |(_, version)| Version::of(version),
        ))
    }
}

/// A version and when it was submitted.
type Row = (i64, Arc<contents::Version>);

fn rows(
    page: Page<super::store::Waiting>,
    mut found: HashMap<VersionId, Arc<contents::Version>>,
) -> Page<Row> {
    let rows = page
        .items
        .into_iter()
        .filter_map(|w| found.remove(&w.id).map(|v| (w.submitted_at.0, v)));
    Page {
        items: rows.collect(),
        has_next: page.has_next,
        has_previous: page.has_previous,
    }
}

/// A version.
#[derive(InputObject)]
pub(crate) struct VersionIdInput {
    version: ID,
    client_mutation_id: Option<String>,
}

/// A version to be taken back.
#[derive(InputObject)]
pub(crate) struct WithdrawVersionInput {
    version: ID,
    /// Why; at most 10,000 characters.
    reason: String,
    client_mutation_id: Option<String>,
}

/// A review.
#[derive(InputObject)]
pub(crate) struct ReviewVersionInput {
    version: ID,
    decision: ReviewDecision,
    /// What is to be said of it; required for REQUEST_CHANGES.
    note: Option<String>,
    /// An ALLOW lease of the content: this is its licensor's word, and the version's state does not move.
    lease: Option<ID>,
    /// The preset that the licensor spoke of; for all, unless given. Only with a lease.
    preset: Option<String>,
    /// What proves it, such as the licensor's letter.
    document: Option<FileSource>,
    client_mutation_id: Option<String>,
}

payload! {
    SubmitVersionPayload {
        /// The version as it is now.
        version: Option<Version>,
    }
}
payload! {
    RecallVersionPayload {
        /// The version as it is now.
        version: Option<Version>,
    }
}
payload! {
    ReviewVersionPayload {
        /// The version as it is now.
        version: Option<Version>,
        /// The review.
        review: Option<Review>,
    }
}
payload! {
    WithdrawVersionPayload {
        /// The version as it is now.
        version: Option<Version>,
    }
}

#[derive(Default)]
pub(crate) struct ReviewsMutation;

#[Object]
impl ReviewsMutation {
    /// Asks for a review of a DRAFT.
    async fn submit_version(
        &self,
        ctx: &Context<'_>,
        input: VersionIdInput,
    ) -> GqlResult<SubmitVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                service::submit_version(&cx, input_id(&input.version, "version")?).await
            })
            .await?;
            Version::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |version, payload: &mut SubmitVersionPayload| payload.version = version,
        )
    }

    /// Takes a version out of its review: it is a DRAFT again.
    async fn recall_version(
        &self,
        ctx: &Context<'_>,
        input: VersionIdInput,
    ) -> GqlResult<RecallVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                service::recall_version(&cx, input_id(&input.version, "version")?).await
            })
            .await?;
            Version::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |version, payload: &mut RecallVersionPayload| payload.version = version,
        )
    }

    /// Lets a version out or sends it back; never one's own. With a lease it records the licensor's word.
    async fn review_version(
        &self,
        ctx: &Context<'_>,
        input: ReviewVersionInput,
    ) -> GqlResult<ReviewVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                service::review_version(&cx, new_review(ctx, input).await?).await
            })
            .await?;
            let review = Review::find(ctx, id).await?;
            let version = match &review {
                Some(review) => Version::find(ctx, review.0.version).await?,
                None => None,
            };
            Result::Ok((version, review))
        };
        respond(
            key,
            made.await,
            |(version, review), payload: &mut ReviewVersionPayload| {
                payload.version = version;
                payload.review = review;
            },
        )
    }

    /// Takes back an approved version: the approved one before it becomes the current one.
    async fn withdraw_version(
        &self,
        ctx: &Context<'_>,
        input: WithdrawVersionInput,
    ) -> GqlResult<WithdrawVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let id = input_id(&input.version, "version")?;
                service::withdraw_version(&cx, id, &input.reason).await
            })
            .await?;
            Version::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |version, payload: &mut WithdrawVersionPayload| payload.version = version,
        )
    }
}

async fn new_review(ctx: &Context<'_>, input: ReviewVersionInput) -> Result<NewReview> {
    let lease = input
        .lease
        .as_ref()
        .map(|id| input_id::<LeaseId>(id, "lease"))
        .transpose()?;
    let document = match &input.document {
        Some(source) => Some(resolve_source(ctx, source, "document").await?),
        None => None,
    };
    Ok(NewReview {
        version: input_id(&input.version, "version")?,
        decision: input.decision,
        note: input.note,
        lease,
        preset: input.preset,
        document,
    })
}
