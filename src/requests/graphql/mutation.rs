//! Mutations of requests, and recall.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::Request;
use crate::accounts::{OpContext, Scope};
use crate::catalog::resolve::{input_brand, input_product};
use crate::channels;
use crate::channels::resolve::input_channel;
use crate::contents::graphql::Content;
use crate::contents::lifecycle::input_content;
use crate::endorsements::graphql::Endorsement;
use crate::error::{Problems, Result, UserErrorCode};
use crate::graphql::context::{Request as _, client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, payload, respond};
use crate::graphql::scalars::{Date, Locale};
use crate::platform::ids::{EndorsementId, RequestId};
use crate::requests::loaders::{RequestKey, TakeDownsKey};
use crate::requests::model::RequestState;
use crate::requests::recall::{recheck_endorsement, withdraw_content};
use crate::requests::service::{NewRequest, RequestChange, create_request, update_request};

/// What is asked, and of whom. What it names is of one brand.
#[derive(InputObject)]
pub(crate) struct CreateRequestInput {
    /// What is asked, in one line: up to 300 characters.
    title: String,
    /// The same at length: up to 10,000 characters.
    body: Option<String>,
    /// Who is asked: an access token that sees the request. None: whoever takes it on.
    assignee: Option<ID>,
    /// By which day.
    due_on: Option<Date>,
    /// Whose it is, by id or slug, where nothing that it names tells; none: your only brand, or none at all for
    /// one who reaches all.
    brand: Option<ID>,
    /// What it is about.
    content: Option<ID>,
    /// Where that is shown.
    placement: Option<ID>,
    /// The channel it is for, by its id or slug.
    channel: Option<ID>,
    /// The product it is for, by its id or SKU.
    product: Option<ID>,
    /// The language it is for.
    locale: Option<Locale>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

impl CreateRequestInput {
    async fn resolve(self, cx: &OpContext) -> Result<NewRequest> {
        cx.viewer.require(Scope::Write)?;
        let tree = channels::tree(cx).await?;
        let mut problems = Problems::new();
        let token = self.assignee.map(|id| input_id(&id, "assignee"));
        let assignee = problems.keep(token.transpose())?;
        let content = self.content.map(|id| input_content(&id, "content"));
        let content = problems.keep(content.transpose())?;
        let placement = self.placement.map(|id| input_id(&id, "placement"));
        let placement = problems.keep(placement.transpose())?;
        let channel = self
            .channel
            .map(|text| input_channel(&cx.viewer, &tree, &text, "channel"));
        let channel = problems.keep(channel.transpose())?;
        let brand = match &self.brand {
            Some(text) => problems.keep(input_brand(cx, text, "brand").await)?,
            None => None,
        };
        let product = match &self.product {
            Some(text) => problems.keep(input_product(cx, text, "product").await)?,
            None => None,
        };
        problems.check()?;
        Ok(NewRequest {
            title: self.title,
            body: self.body,
            assignee: assignee.flatten(),
            due_on: self.due_on.map(|day| day.0),
            brand,
            content: content.flatten(),
            placement: placement.flatten(),
            channel: channel.flatten(),
            product,
            locale: self.locale.map(|locale| locale.0),
        })
    }
}

/// What changes of a request: what is absent stays, null clears.
#[derive(InputObject)]
pub(crate) struct UpdateRequestInput {
    /// The request.
    request: ID,
    /// A step further: OPEN to ACCEPTED to DELIVERED to DONE, back from DELIVERED to ACCEPTED, and from OPEN or
    /// ACCEPTED to DECLINED. A take-down is DELIVERED and DONE by retiring its placement, and DECLINED only
    /// where what is live may be shown again.
    state: MaybeUndefined<RequestState>,
    /// Who is asked: an access token that sees the request.
    assignee: MaybeUndefined<ID>,
    /// The version that fulfils it, of the request's brand.
    fulfilled_by: MaybeUndefined<ID>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

impl UpdateRequestInput {
    fn resolve(self, cx: &OpContext) -> Result<(RequestId, RequestChange)> {
        cx.viewer.require(Scope::Write)?;
        let id = input_id(&self.request, "request")?;
        let mut problems = Problems::new();
        if self.state.is_null() {
            let text = "This cannot be cleared. Leave it out, or give another.";
            problems.add(UserErrorCode::Required, "state", text);
        }
        let assignee = match self.assignee {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(id) => problems.keep(input_id(&id, "assignee"))?.map(Some),
        };
        let fulfilled_by = match self.fulfilled_by {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(id) => problems.keep(input_id(&id, "fulfilledBy"))?.map(Some),
        };
        problems.check()?;
        let change = RequestChange {
            state: self.state.take(),
            assignee,
            fulfilled_by,
        };
        Ok((id, change))
    }
}

/// Which content is to be recalled, and why.
#[derive(InputObject)]
pub(crate) struct WithdrawContentInput {
    /// An asset's or an endorsement's id.
    id: ID,
    /// Why, for those who show it and those who ask later; up to 10,000 characters.
    reason: String,
    /// Makes a retry safe: the same id within 24 hours returns the first outcome.
    client_mutation_id: Option<String>,
}

/// What was found when somebody looked again.
#[derive(InputObject)]
pub(crate) struct RecheckEndorsementInput {
    endorsement: ID,
    /// Whether it is still said. False recalls the endorsement.
    still_said: bool,
    /// What was found; required when it is not said any more, as the reason of the recall.
    note: Option<String>,
    client_mutation_id: Option<String>,
}

payload! {
    /// The new request.
    CreateRequestPayload {
        /// The new request.
        request: Option<Request>
    }
}
payload! {
    /// The changed request.
    UpdateRequestPayload {
        /// The request as it is now.
        request: Option<Request>
    }
}
payload! {
    /// What was recalled.
    WithdrawContentPayload {
        /// The content, withdrawn.
        content: Option<Content>,
        /// The take-downs of what was live, the newest 250 that you reach. `content.takeDowns` counts them all,
        /// and `requests(content:)` lists them.
        take_downs: Vec<Request>,
    }
}
payload! {
    RecheckEndorsementPayload {
        /// The endorsement as it is now.
        endorsement: Option<Endorsement>,
        /// Where this has recalled it: the take-downs, as `withdrawContent` tells them.
        take_downs: Vec<Request>,
    }
}

#[derive(Default)]
pub(crate) struct RequestsMutation;

#[Object]
impl RequestsMutation {
    /// Asks something of somebody, or of whoever takes it on.
    async fn create_request(
        &self,
        ctx: &Context<'_>,
        input: CreateRequestInput,
    ) -> GqlResult<CreateRequestPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                create_request(&cx, input.resolve(&cx).await?).await
            })
            .await?;
            Request::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |request, payload: &mut CreateRequestPayload| payload.request = request,
        )
    }

    /// Takes a request a step further, gives it to somebody, or says what fulfils it.
    async fn update_request(
        &self,
        ctx: &Context<'_>,
        input: UpdateRequestInput,
    ) -> GqlResult<UpdateRequestPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let (id, change) = input.resolve(&cx)?;
                update_request(&cx, id, change).await
            })
            .await?;
            ctx.loader().clear::<RequestKey>();
            Request::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |request, payload: &mut UpdateRequestPayload| payload.request = request,
        )
    }

    /// Recalls a content, for good: its delivery stops at once everywhere, and a take-down opens for each place
    /// where it is live, now or later; of an endorsement also where its assets are, unless another endorsement of
    /// theirs may be shown there. What is withdrawn already, or in the trash, is a FORBIDDEN_TRANSITION.
    async fn withdraw_content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and why.")] input: WithdrawContentInput,
    ) -> GqlResult<WithdrawContentPayload> {
        let key = client_mutation_id(&input);
        let done = async {
            let id = once(ctx, |cx| async move {
                withdraw_content(&cx, &input.id, &input.reason).await
            })
            .await?;
            ctx.loader().clear::<TakeDownsKey>();
            let content = Content::reload(ctx, id).await?;
            let take_downs = match content {
                Some(_) => Request::take_downs(ctx, id).await?,
                None => Vec::new(),
            };
            Result::Ok((content, take_downs))
        };
        respond(
            key,
            done.await,
            |(content, take_downs), payload: &mut WithdrawContentPayload| {
                payload.content = content;
                payload.take_downs = take_downs;
            },
        )
    }

    /// Records that somebody looked again: it is still said, or it is not and is recalled, as `withdrawContent`
    /// does.
    async fn recheck_endorsement(
        &self,
        ctx: &Context<'_>,
        input: RecheckEndorsementInput,
    ) -> GqlResult<RecheckEndorsementPayload> {
        let key = client_mutation_id(&input);
        let done = async {
            let still_said = input.still_said;
            let id: EndorsementId = once(ctx, |cx| async move {
                let id = input_id(&input.endorsement, "endorsement")?;
                recheck_endorsement(&cx, id, input.still_said, input.note).await
            })
            .await?;
            ctx.loader().clear::<TakeDownsKey>();
            let endorsement = Endorsement::find(ctx, id.into()).await?;
            let take_downs = match endorsement {
                Some(_) if !still_said => Request::take_downs(ctx, id.into()).await?,
                _ => Vec::new(),
            };
            Result::Ok((endorsement, take_downs))
        };
        respond(
            key,
            done.await,
            |(endorsement, take_downs), payload: &mut RecheckEndorsementPayload| {
                payload.endorsement = endorsement;
                payload.take_downs = take_downs;
            },
        )
    }
}
