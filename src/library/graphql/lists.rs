//! The lists themselves.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Object, OutputType};

use super::inputs::ContentFilter;
use crate::accounts::OpContext;
use crate::assets::graphql::Asset;
use crate::catalog::resolve as catalog;
use crate::channels::{Tree, tree};
use crate::contents::graphql::Content;
use crate::contents::{self, ContentKind};
use crate::endorsements::graphql::Endorsement;
use crate::error::{Error, Result};
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{CountryCode, DateTime, Locale};
use crate::library::filter::Filter;
pub(crate) use crate::library::hanging::Of;
use crate::library::hanging::{HangingCountKey, HangingKey, Narrowed};
use crate::library::list::{ContentOrder, Listed, Listing};
use crate::library::{ContentKey, LabelsKey, StatementsKey};
use crate::platform::db::{Page, Sql};
use crate::platform::ids::ChannelId;
use crate::rights::FactsKey;
use crate::rights::gate::Ask;

pub(crate) type ContentConnection = Connection<Content>;

#[derive(Default)]
pub(crate) struct LibraryQuery;

#[Object]
impl LibraryQuery {
    /// Assets that you see.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of a Relay connection"
    )]
    async fn assets(
        &self,
        ctx: &Context<'_>,
        filter: Option<ContentFilter>,
        order_by: Option<ContentOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> GqlResult<Connection<Asset>> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        list(ctx, ContentKind::Asset, filter, order_by, &args, Asset::of).await
    }

    /// Endorsements that you see.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of a Relay connection"
    )]
    async fn endorsements(
        &self,
        ctx: &Context<'_>,
        filter: Option<ContentFilter>,
        order_by: Option<ContentOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> GqlResult<Connection<Endorsement>> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        list(
            ctx,
            ContentKind::Endorsement,
            filter,
            order_by,
            &args,
            Endorsement::of,
        )
        .await
    }
}

async fn list<T: OutputType>(
    ctx: &Context<'_>,
    kind: ContentKind,
    filter: Option<ContentFilter>,
    order: Option<ContentOrder>,
    args: &PageArgs,
    node: impl Fn(Arc<contents::Content>) -> T,
) -> GqlResult<Connection<T>> {
    let cx = ctx.cx();
    let order = order.unwrap_or_default();
    let name = format!("{} {order:?} {filter:?}", kind.name());
    let filter = Filter::from(filter.unwrap_or_default());
    let tree = tree(cx).await.or_fail()?;
    let condition = filter.condition(cx, &tree).await.or_fail()?;
    let listing = Listing {
        kind: Some(kind),
        condition,
        order,
        gate: filter.gate(cx, &tree),
    };
    page(ctx, tree, listing, &name, args, node).await
}

/// A page of a listing as a connection, its contents loaded. `name` names the list with all that narrows
/// it, for its cursors.
pub(crate) async fn page<T: OutputType>(
    ctx: &Context<'_>,
    tree: Arc<Tree>,
    listing: Listing,
    name: &str,
    args: &PageArgs,
    node: impl Fn(Arc<contents::Content>) -> T,
) -> GqlResult<Connection<T>> {
    let cx = ctx.cx();
    let request = args
        .open(&cx.app, name, listing.order.key_len())
        .or_fail()?;
    let page = listing.page(cx, &tree, &request).await.or_fail()?;
    let page = with_contents(ctx, page).await.or_fail()?;
    let counted = (cx.clone(), tree, listing);
    let total = Total::counted(move || {
        let (cx, tree, listing) = counted.clone();
        async move { listing.count(&cx, &tree).await }
    });
    Ok(connection(
        &cx.app,
        name,
        page,
        total,
        |row| row.0.key.clone(),
        |row| node(row.1),
    ))
}

/// The contents of a page's rows. What is known of them already is kept for the request.
pub(super) async fn with_contents(
    ctx: &Context<'_>,
    page: Page<Listed>,
) -> Result<Page<(Listed, Arc<contents::Content>)>> {
    let loader = ctx.loader();
    let known = || page.items.iter().filter_map(|row| row.facts.as_ref());
    let facts = known().map(|f| (FactsKey(f.content.id), Arc::clone(f)));
    loader.feed_many(facts).await;
    let contents = known().map(|f| (ContentKey(f.content.id), Arc::clone(&f.content)));
    loader.feed_many(contents).await;
    let labels = known().map(|f| (LabelsKey::of(&f.content), Arc::clone(&f.labels)));
    loader.feed_many(labels).await;
    let statements = known().filter_map(|f| {
        let version = f.content.current.as_ref()?;
        Some((StatementsKey(version.id), Arc::clone(&f.statements)))
    });
    loader.feed_many(statements).await;
    let unknown = page.items.iter().filter(|row| row.facts.is_none());
    let unknown: Vec<ContentKey> = unknown.map(|row| ContentKey(row.id)).collect();
    let mut others = if unknown.is_empty() {
        HashMap::new()
    } else {
        loader.load_many(unknown).await?
    };
    let Page {
        items,
        has_next,
        has_previous,
    } = page;
    let items = items
        .into_iter()
        .filter_map(|row| {
            let known = row.facts.as_ref().map(|facts| Arc::clone(&facts.content));
            let content = known.or_else(|| others.remove(&ContentKey(row.id)))?;
            Some((row, content))
        })
        .collect();
    Ok(Page {
        items,
        has_next,
        has_previous,
    })
}

/// The contents that hang on something, the newest first; with a channel only what the gate lets out there.
/// The lists of all the things on a page are read together.
pub(crate) async fn list_of<T: OutputType>(
    ctx: &Context<'_>,
    kind: ContentKind,
    of: Of,
    channel: Option<ID>,
    first: Option<i32>,
    after: Option<String>,
    node: impl Fn(Arc<contents::Content>) -> T,
) -> GqlResult<Connection<T>> {
    let cx = ctx.cx();
    let tree = tree(cx).await.or_fail()?;
    let scope = format!("{} {of:?} {channel:?}", kind.name());
    let gate = match &channel {
        Some(channel) => {
            let channel = crate::channels::resolve::argument_channel(&cx.viewer, &tree, channel);
            Some(Ask::new(&tree, &channel.or_fail()?, cx.at()))
        }
        None => None,
    };
    let narrowed = Arc::new(Narrowed { kind, gate, tree });
    let page = PageArgs::forward(first, after)
        .open(&cx.app, &scope, 1)
        .or_fail()?;
    let key = HangingKey {
        of,
        page,
        narrowed: Arc::clone(&narrowed),
    };
    let found = ctx.loader().load_one(key).await.or_fail()?;
    let found = found
        .ok_or_else(|| Error::internal("a list was not loaded"))
        .or_fail()?;
    let page = with_contents(ctx, found).await.or_fail()?;
    let loader = Arc::clone(ctx.loader());
    let total = Total::counted(move || {
        let (loader, narrowed) = (Arc::clone(&loader), Arc::clone(&narrowed));
        async move {
            let count = loader.load_one(HangingCountKey { of, narrowed }).await?;
            Ok(count.unwrap_or_default())
        }
    });
    Ok(connection(
        &cx.app,
        &scope,
        page,
        total,
        |row| row.0.key.clone(),
        |row| node(row.1),
    ))
}

/// How a place's contents are asked for.
pub(crate) struct Pull {
    pub(crate) kind: Option<ContentKind>,
    pub(crate) product: Option<ID>,
    pub(crate) market: Option<CountryCode>,
    pub(crate) audience: Option<Vec<ID>>,
    pub(crate) locale: Option<Locale>,
    pub(crate) at: Option<DateTime>,
}

/// What may be shown in a channel: only what the gate lets out there.
pub(crate) async fn channel_contents(
    ctx: &Context<'_>,
    tree: &Arc<Tree>,
    channel: ChannelId,
    pull: Pull,
    args: &PageArgs,
) -> GqlResult<ContentConnection> {
    let cx = ctx.cx();
    let name = format!(
        "{channel} {:?} {:?} {:?} {:?} {:?} {:?}",
        pull.kind, pull.product, pull.market, pull.audience, pull.locale, pull.at
    );
    let listing = pulled(cx, tree, channel, pull).await.or_fail()?;
    page(ctx, Arc::clone(tree), listing, &name, args, Content::of).await
}

async fn pulled(cx: &OpContext, tree: &Tree, channel: ChannelId, pull: Pull) -> Result<Listing> {
    let product = match &pull.product {
        Some(text) => Some(catalog::argument_product(cx, text).await?),
        None => None,
    };
    let channel = tree.get(channel).ok_or(Error::NotFound)?;
    let mut ask = Ask::new(tree, channel, cx.at())
        .for_product(product)
        .in_market(pull.market.map(|m| m.0))
        .in_locale(pull.locale.map(|l| l.0));
    ask.at = at(cx, pull.at)?;
    let mut parts = Vec::new();
    if let Some(product) = product {
        parts.push(
            Sql::new("EXISTS (SELECT 1 FROM content_products t WHERE t.content_id = c.id AND t.product_id = ")
                .bind(product)
                .push(")"),
        );
    }
    if let Some(audiences) = &pull.audience {
        let ids = catalog::filter_audiences(cx, audiences).await?;
        parts.push(
            Sql::new(
                "(NOT EXISTS (SELECT 1 FROM content_audiences t WHERE t.content_id = c.id) OR EXISTS
                 (SELECT 1 FROM content_audiences t WHERE t.content_id = c.id AND t.audience_id IN ",
            )
            .list(ids)
            .push("))"),
        );
    }
    Ok(Listing {
        kind: pull.kind,
        condition: Sql::all(parts),
        order: ContentOrder::Newest,
        gate: Some(ask),
    })
}

/// The instant asked about. A public viewer may not look ahead: it would see embargoed wins.
pub(crate) fn at(
    cx: &OpContext,
    at: Option<DateTime>,
) -> Result<crate::platform::clock::Timestamp> {
    match at {
        Some(_) if cx.viewer.is_public() => Err(Error::BadRequest(
            "`at` needs a token with the scope READ.".to_owned(),
        )),
        Some(at) => Ok(at.0),
        None => Ok(cx.at()),
    }
}
