//! Requests in GraphQL, and recall.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::loaders::{RequestKey, SuggestionsKey, TakeDownsKey};
use super::model::{self, RequestState};
use super::service;
use super::store::Listing;
use crate::accounts::graphql::{AccessToken, Actor};
use crate::catalog::graphql::{Brand, Product};
use crate::channels::graphql::Channel;
use crate::contents::graphql::{Content, Version};
use crate::contents::parse_public_id;
use crate::coverage::Spot;
use crate::error::{Error, Result};
use crate::graphql::connection::{Connection, PageArgs, Total, check_limit, connection};
use crate::graphql::context::Request as _;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{Date, DateTime, Locale};
use crate::library::ContentKey;
use crate::placements::PlacementKey;
use crate::placements::graphql::Placement;
use crate::platform::db::{KeyPart, PageRequest};
use crate::platform::ids::{ContentId, RequestId, TokenId};
use crate::platform::op::Actor as Doer;

pub(crate) use mutation::RequestsMutation;

/// Most take-downs that a recall tells at once; the others are listed by `requests`.
const TOLD: u32 = 250;
/// How many suggestions are told unless asked otherwise.
const FIRST_SUGGESTIONS: i32 = 5;

/// What one asks of another: a picture that is missing, a translation, or to take down what was recalled.
#[derive(Clone)]
pub(crate) struct Request(Arc<model::Request>);

impl Request {
    /// The request with this id, if the viewer reaches it.
    pub(crate) async fn find(ctx: &Context<'_>, id: RequestId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(RequestKey(id)).await?.map(Self))
    }

    /// The newest take-downs of a content that the viewer sees.
    async fn take_downs(ctx: &Context<'_>, content: ContentId) -> Result<Vec<Self>> {
        let listing = Listing {
            content: Some(content),
            take_downs: true,
            ..Listing::default()
        };
        let page = service::list(ctx.cx(), &listing, &PageRequest::first(TOLD)).await?;
        Ok(page.items.into_iter().map(Self::of).collect())
    }

    async fn suggested(&self, ctx: &Context<'_>, first: Option<i32>) -> Result<Vec<Content>> {
        let first = check_limit("first", first.unwrap_or(FIRST_SUGGESTIONS))? as usize;
        let channel = match self.0.channel {
            Some(id) => Channel::find(ctx, id).await?.map(|_| id),
            None => None,
        };
        let Some(channel) = channel else {
            return Ok(Vec::new());
        };
        let spot = Spot {
            channel,
            product: self.0.product,
            locale: self.0.locale.clone(),
            brand: self.0.brand,
        };
        // It may be about two of them: what was recalled, and what shows it.
        let key = SuggestionsKey(spot, first.saturating_add(2));
        let found = ctx.loader().load_one(key).await?.unwrap_or_default();
        let about = [self.0.content, self.0.placed];
        let others = found.into_iter().filter(|id| !about.contains(&Some(*id)));
        let ids: Vec<ContentId> = others.take(first).collect();
        let contents = Content::find_many(ctx, &ids).await?;
        Ok(contents.into_iter().flatten().collect())
    }

    fn of(request: model::Request) -> Self {
        Self(Arc::new(request))
    }
}

#[Object]
impl Request {
    /// The request's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose it is; null: of no brand, for those who reach all.
    async fn brand(&self, ctx: &Context<'_>) -> GqlResult<Option<Brand>> {
        match self.0.brand {
            Some(id) => Brand::get(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// What is asked, in one line.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What is asked, at length; of a take-down: why the content was recalled.
    async fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// Where it stands. A take-down is DONE as soon as its placement is retired, whoever retires it.
    async fn state(&self) -> RequestState {
        self.0.state
    }

    /// Whether a recall has opened it: its placement shows what may be shown no more.
    async fn take_down(&self) -> bool {
        self.0.take_down
    }

    /// Who asks.
    async fn requester(&self, ctx: &Context<'_>) -> GqlResult<Actor> {
        Actor::of(ctx, self.0.requester).await.or_fail()
    }

    /// Who is asked; null: whoever takes it on.
    async fn assignee(&self, ctx: &Context<'_>) -> GqlResult<Option<Actor>> {
        match self.0.assignee {
            Some(token) => Actor::of(ctx, Doer::Token(token)).await.or_fail().map(Some),
            None => Ok(None),
        }
    }

    /// By which day; null: none was named.
    async fn due_on(&self) -> Option<Date> {
        self.0.due_on.map(Date)
    }

    /// What it is about, else what is shown at its placement; of a take-down: what was recalled.
    async fn content(&self, ctx: &Context<'_>) -> GqlResult<Option<Content>> {
        match self.0.content {
            Some(id) => Content::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// Where that is shown; null: it is about no placement.
    async fn placement(&self, ctx: &Context<'_>) -> GqlResult<Option<Placement>> {
        match self.0.placement {
            Some(id) => {
                let found = ctx.loader().load_one(PlacementKey(id)).await.or_fail()?;
                Ok(found.map(Placement))
            }
            None => Ok(None),
        }
    }

    /// The channel it is for, else its placement's.
    async fn channel(&self, ctx: &Context<'_>) -> GqlResult<Option<Channel>> {
        match self.0.channel {
            Some(id) => Channel::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// The product it is for, else its placement's.
    async fn product(&self, ctx: &Context<'_>) -> GqlResult<Option<Product>> {
        match self.0.product {
            Some(id) => Product::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// The language it is for.
    async fn locale(&self) -> Option<Locale> {
        self.0.locale.clone().map(Locale)
    }

    /// What fulfils it; null until somebody says so.
    async fn fulfilled_by(&self, ctx: &Context<'_>) -> GqlResult<Option<Version>> {
        match self.0.fulfilled_by {
            Some(id) => Version::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// What could be shown instead: what goes out in its channel now, for its product and in its language, the best
    /// first, without what it is about. Empty where it names no channel that you reach.
    async fn suggestions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many, up to 100; 5 unless given.")] first: Option<i32>,
    ) -> GqlResult<Vec<Content>> {
        self.suggested(ctx, first).await.or_fail()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// How far it has come with taking down what was recalled, as far as you reach. A take-down that was declined,
/// because what is live may be shown again, counts for nothing.
#[derive(Clone, Copy)]
pub(crate) struct TakeDowns(model::TakeDowns);

impl TakeDowns {
    /// Those of a content's recall, and those at its placements.
    pub(crate) async fn load(ctx: &Context<'_>, content: ContentId) -> GqlResult<Self> {
        let found = ctx.loader().load_one(TakeDownsKey(content)).await;
        Ok(Self(found.or_fail()?.unwrap_or_default()))
    }
}

#[Object]
impl TakeDowns {
    /// How many places were to take it down.
    async fn total(&self) -> i32 {
        i32::try_from(self.0.total).unwrap_or(i32::MAX)
    }

    /// How many have done so.
    async fn done(&self) -> i32 {
        i32::try_from(self.0.done).unwrap_or(i32::MAX)
    }
}

#[derive(Default)]
pub(crate) struct RequestsQuery;

#[Object]
impl RequestsQuery {
    /// What is asked, the newest first.
    async fn requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In these states alone; null: in any.")] state: Option<Vec<RequestState>>,
        #[graphql(desc = "About this content, or at a placement of it.")] content: Option<ID>,
        #[graphql(desc = "Asked of this one: an access token.")] assignee: Option<ID>,
        #[graphql(desc = "At most this many, up to 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those behind this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<Request>> {
        let named = (state, content, assignee);
        list(ctx, named, PageArgs::forward(first, after))
            .await
            .or_fail()
    }
}

async fn list(
    ctx: &Context<'_>,
    (states, content, assignee): (Option<Vec<RequestState>>, Option<ID>, Option<ID>),
    args: PageArgs,
) -> Result<Connection<Request>> {
    let (app, cx) = (ctx.app(), ctx.cx());
    let listing = Listing {
        states,
        content: match &content {
            Some(id) => Some(argument_content(ctx, id).await?),
            None => None,
        },
        assignee: match &assignee {
            Some(id) => Some(argument_token(ctx, id).await?),
            None => None,
        },
        take_downs: false,
    };
    let scope = format!("requests {listing:?}");
    let request = args.open(app, &scope, 1)?;
    let page = service::list(cx, &listing, &request).await?;
    let counting = (cx.clone(), listing);
    let total = Total::counted(move || {
        let (cx, listing) = counting.clone();
        async move { service::count(&cx, &listing).await }
    });
    let key = |row: &model::Request| vec![KeyPart::Id(row.id.0)];
    Ok(connection(app, &scope, page, total, key, Request::of))
}

/// The content that a query's argument names; NOT_FOUND.
async fn argument_content(ctx: &Context<'_>, text: &ID) -> Result<ContentId> {
    let (kind, id) = parse_public_id(text).ok_or(Error::NotFound)?;
    let found = ctx.loader().load_one(ContentKey(id)).await?;
    match found {
        Some(content) if content.kind() == kind => Ok(id),
        _ => Err(Error::NotFound),
    }
}

/// The token that a query's argument names; NOT_FOUND.
async fn argument_token(ctx: &Context<'_>, text: &ID) -> Result<TokenId> {
    let id: TokenId = text.parse().map_err(|_| Error::NotFound)?;
    let found = AccessToken::find(ctx, id).await?;
    found.map(|_| id).ok_or(Error::NotFound)
}
