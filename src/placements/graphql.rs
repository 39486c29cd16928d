//! Placements in GraphQL, and the trash.

mod pull;
mod watch;

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

pub(crate) use self::pull::beacon_key_of;
pub(crate) use self::watch::WatchMutation;
use self::watch::{Sighting, sightings_of};
use super::beacon::beacon_key;
use super::loaders::{CrawlErrorKey, PlacementKey, PlacementsKey};
use super::model::{self, PlacementStatus};
use super::service::{NewPlacement, PlacementChange, create_placement, update_placement};
use super::store;
use super::trash::trash_content;
use crate::accounts::{OpContext, Scope};
use crate::catalog::graphql::{Audience, Product};
use crate::catalog::resolve::{input_audience, input_product};
use crate::channels;
use crate::channels::graphql::Channel;
use crate::contents::graphql::{Content, Version};
use crate::contents::lifecycle::input_content;
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::{Request, client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::{Date, DateTime, Url};
use crate::platform::db::{KeyPart, Page};
use crate::platform::ids::{ContentId, PlacementId};
use crate::usage::UsageOf;
use crate::usage::graphql::{DateRange, UsageTotals};

/// A version of a content at a location in a channel: planned, live, or a thing of the past.
#[derive(Clone)]
pub(crate) struct Placement(pub(crate) Arc<model::Placement>);

impl Placement {
    /// The placement with this id, if the viewer reaches it.
    pub(crate) async fn find(ctx: &Context<'_>, id: PlacementId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(PlacementKey(id)).await?.map(Self))
    }

    /// The placement as a mutation of this request has left it, whatever the request had loaded before.
    async fn reload(ctx: &Context<'_>, id: PlacementId) -> Result<Option<Self>> {
        ctx.loader().clear::<PlacementKey>();
        ctx.loader().clear::<PlacementsKey>();
        Self::find(ctx, id).await
    }
}

#[Object]
impl Placement {
    /// The placement's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What is shown.
    async fn content(&self, ctx: &Context<'_>) -> GqlResult<Content> {
        Content::get(ctx, self.0.content).await
    }

    /// The version that is shown.
    async fn version(&self, ctx: &Context<'_>) -> GqlResult<Version> {
        Version::get(ctx, self.0.version).await
    }

    /// Where it is shown.
    async fn channel(&self, ctx: &Context<'_>) -> GqlResult<Channel> {
        Channel::get(ctx, self.0.channel).await
    }

    /// The product beside which it is shown; null where it is beside none.
    async fn product(&self, ctx: &Context<'_>) -> GqlResult<Option<Product>> {
        match self.0.product {
            Some(id) => Product::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// Whom it is for; null where it is for no one in particular.
    async fn audience(&self, ctx: &Context<'_>) -> GqlResult<Option<Audience>> {
        match self.0.audience {
            Some(id) => Audience::find(ctx, id).await.or_fail(),
            None => Ok(None),
        }
    }

    /// Where in the channel: a page's address, an ASIN and image slot, a deck's name.
    async fn location(&self) -> &str {
        &self.0.location
    }

    /// The address where it can be looked at; null where there is none.
    async fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Planned, live, or a thing of the past.
    async fn status(&self) -> PlacementStatus {
        self.0.status
    }

    /// The day it is meant to go live; null where none was named.
    async fn planned_for(&self) -> Option<Date> {
        self.0.planned_for.map(Date)
    }

    /// Since when it is, or was, live; null for what never was.
    async fn live_from(&self) -> Option<DateTime> {
        self.0.live_from.map(DateTime)
    }

    /// When it stopped being live; null for what still is, or never was.
    async fn live_to(&self) -> Option<DateTime> {
        self.0.live_to.map(DateTime)
    }

    /// Whether it is live with another version than the content's current one.
    async fn stale(&self) -> bool {
        self.0.is_stale()
    }

    /// Names the placement in usage events. No secret: it stands in the page that shows the content.
    async fn beacon_key(&self, ctx: &Context<'_>) -> String {
        beacon_key(ctx.app(), self.0.id)
    }

    /// Checks that it really is there, the last first.
    async fn sightings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; null: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to go on from.")] after: Option<String>,
    ) -> GqlResult<Connection<Sighting>> {
        sightings_of(ctx, self.0.id, PageArgs::forward(first, after)).await
    }

    /// Why its page could not be had when it was looked at last; null where it could, or nobody has tried.
    async fn crawl_error(&self, ctx: &Context<'_>) -> GqlResult<Option<String>> {
        ctx.loader()
            .load_one(CrawlErrorKey(self.0.id))
            .await
            .or_fail()
    }

    /// What was counted at this placement.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The days that count; none: all of them.")] range: Option<DateRange>,
    ) -> GqlResult<UsageTotals> {
        UsageTotals::load(ctx, UsageOf::Placement(self.0.id), range).await
    }
}

/// The placements of a content, the newest first.
pub(crate) async fn placements_of(
    ctx: &Context<'_>,
    content: ContentId,
    args: PageArgs,
    status: Option<Vec<PlacementStatus>>,
) -> GqlResult<Connection<Placement>> {
    let scope = format!("placements {content} {status:?}");
    let request = args.open(ctx.app(), &scope, 1).or_fail()?;
    let after = match request.after.as_deref() {
        Some([KeyPart::Id(id)]) => Some(PlacementId(*id)),
        _ => None,
    };
    let at = ctx.cx().at();
    let key = PlacementsKey::new(content, (status.clone(), at), after, request.limit);
    let listed = ctx
        .loader()
        .load_one(key)
        .await
        .or_fail()?
        .unwrap_or_default();
    let total = if listed.rows.is_empty() && after.is_some() {
        let (app, viewer) = (Arc::clone(ctx.app()), Arc::clone(&ctx.cx().viewer));
        Total::counted(move || {
            let (app, viewer, status) = (Arc::clone(&app), Arc::clone(&viewer), status.clone());
            async move { store::count(app.db.read(), &viewer, content, status.as_deref(), at).await }
        })
    } else {
        Total::known(usize::try_from(listed.total).unwrap_or(usize::MAX))
    };
    let page = Page::from_rows(listed.rows, &request);
    let key = |row: &Arc<model::Placement>| vec![KeyPart::Id(row.id.0)];
    Ok(connection(ctx.app(), &scope, page, total, key, Placement))
}

/// What a new placement shall be.
#[derive(InputObject)]
pub(crate) struct CreatePlacementInput {
    /// What is shown.
    content: ID,
    /// The version that is shown, an approved one; none: the current one.
    version: Option<ID>,
    /// The channel, by its id or slug.
    channel: ID,
    /// The product beside which it is shown, by its id or SKU: one of the content's brand.
    product: Option<ID>,
    /// Whom it is for, by its id or slug.
    audience: Option<ID>,
    /// Where in the channel: a page's address, an ASIN and image slot, a deck's name. Up to 300 characters.
    location: String,
    /// The address where it can be looked at.
    url: Option<Url>,
    /// PLANNED, unless given, or LIVE.
    status: Option<PlacementStatus>,
    /// The day it is meant to go live.
    planned_for: Option<Date>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

impl CreatePlacementInput {
    async fn resolve(self, cx: &OpContext) -> Result<NewPlacement> {
        cx.viewer.require(Scope::Write)?;
        let (kind, content) = input_content(&self.content, "content")?;
        let tree = channels::tree(cx).await?;
        let mut problems = Problems::new();
        let channel = channels::resolve::input_channel(&cx.viewer, &tree, &self.channel, "channel");
        let channel = problems.keep(channel)?;
        let version = problems.keep(self.version.map(|id| input_id(&id, "version")).transpose())?;
        let product = match &self.product {
            Some(product) => problems.keep(input_product(cx, product, "product").await)?,
            None => None,
        };
        let audience = match &self.audience {
            Some(audience) => problems.keep(input_audience(cx, audience, "audience").await)?,
            None => None,
        };
        problems.check()?;
        Ok(NewPlacement {
            kind,
            content,
            version: version.flatten(),
            channel: channel.ok_or_else(|| Error::not_found("channel"))?,
            product,
            audience,
            location: self.location,
            url: self.url.map(|url| url.0),
            status: self.status.unwrap_or(PlacementStatus::Planned),
            planned_for: self.planned_for.map(|day| day.0),
        })
    }
}

/// What changes of a placement: what is absent stays, null clears.
#[derive(InputObject)]
pub(crate) struct UpdatePlacementInput {
    /// The placement.
    placement: ID,
    /// A step further: PLANNED to LIVE, either to RETIRED. What is retired stays so.
    status: MaybeUndefined<PlacementStatus>,
    /// The version that is shown, an approved one.
    version: MaybeUndefined<ID>,
    /// The product beside which it is shown, by its id or SKU.
    product: MaybeUndefined<ID>,
    /// Whom it is for, by its id or slug.
    audience: MaybeUndefined<ID>,
    /// Where in the channel. Up to 300 characters.
    location: MaybeUndefined<String>,
    /// The address where it can be looked at.
    url: MaybeUndefined<Url>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

/// What cannot be cleared: its value, if it is given.
fn kept<T>(problems: &mut Problems, field: &str, value: MaybeUndefined<T>) -> Option<T> {
    if value.is_null() {
        problems.add(
            UserErrorCode::Required,
            field,
            "This cannot be cleared. Leave it out, or give another.",
        );
    }
    value.take()
}

impl UpdatePlacementInput {
    async fn resolve(self, cx: &OpContext) -> Result<(PlacementId, PlacementChange)> {
        cx.viewer.require(Scope::Write)?;
        let id = input_id(&self.placement, "placement")?;
        let mut problems = Problems::new();
        let version = kept(&mut problems, "version", self.version);
        let version = problems.keep(version.map(|id| input_id(&id, "version")).transpose())?;
        let product = match self.product {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(text) => {
                Some(problems.keep(input_product(cx, &text, "product").await)?)
            }
        };
        let audience = match self.audience {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(text) => {
                Some(problems.keep(input_audience(cx, &text, "audience").await)?)
            }
        };
        let change = PlacementChange {
            status: kept(&mut problems, "status", self.status),
            version: version.flatten(),
            product,
            audience,
            location: kept(&mut problems, "location", self.location),
            url: self.url.map_value(|url| url.0).into(),
        };
        problems.check()?;
        Ok((id, change))
    }
}

payload! {
    /// The new placement.
    CreatePlacementPayload {
        /// The new placement.
        placement: Option<Placement>
    }
}

payload! {
    /// The changed placement.
    UpdatePlacementPayload {
        /// The placement as it is now.
        placement: Option<Placement>
    }
}

payload! {
    /// The content that was thrown away.
    TrashContentPayload {
        /// The content as it is now.
        content: Option<Content>
    }
}

/// Mutations of placements, and the trash.
#[derive(Default)]
pub(crate) struct PlacementsMutation;

#[Object]
impl PlacementsMutation {
    /// Places a version of a content at a location in a channel, planned or live at once. NOT_AVAILABLE
    /// for a version that is not approved, and for what may not go live there now.
    async fn create_placement(
        &self,
        ctx: &Context<'_>,
        input: CreatePlacementInput,
    ) -> GqlResult<CreatePlacementPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let made = once(ctx, |cx| async move {
                create_placement(&cx, input.resolve(&cx).await?).await
            })
            .await?;
            match made.placement {
                Some(placement) => {
                    ctx.loader().clear::<PlacementsKey>();
                    Ok(Some(Placement(placement)))
                }
                None => Placement::reload(ctx, made.id).await,
            }
        };
        respond(
            key,
            made.await,
            |placement, payload: &mut CreatePlacementPayload| {
                payload.placement = placement;
            },
        )
    }

    /// Changes a placement, or takes it a step further: PLANNED to LIVE, either to RETIRED.
    async fn update_placement(
        &self,
        ctx: &Context<'_>,
        input: UpdatePlacementInput,
    ) -> GqlResult<UpdatePlacementPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let (id, change) = input.resolve(&cx).await?;
                update_placement(&cx, id, change).await
            })
            .await?;
            Placement::reload(ctx, id).await
        };
        respond(
            key,
            made.await,
            |placement, payload: &mut UpdatePlacementPayload| {
                payload.placement = placement;
            },
        )
    }

    /// Throws a content away; it can be restored. IN_USE while it is live somewhere, or an asset of the endorsement is.
    async fn trash_content(
        &self,
        ctx: &Context<'_>,
        input: crate::contents::graphql::ContentIdInput,
    ) -> GqlResult<TrashContentPayload> {
        let key = client_mutation_id(&input);
        let done = async {
            let id = once(ctx, |cx| async move { trash_content(&cx, &input.id).await }).await?;
            Content::reload(ctx, id).await
        };
        respond(
            key,
            done.await,
            |content, payload: &mut TrashContentPayload| payload.content = content,
        )
    }
}
