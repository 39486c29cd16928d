//! Keys for pages that pull, in GraphQL.

use async_graphql::{Context, ID};

use crate::catalog::graphql::Product;
use crate::catalog::resolve::argument_product;
use crate::channels::resolve::argument_channel;
use crate::channels::tree;
use crate::contents::Content;
use crate::error::{Error, Result};
use crate::graphql::context::Request;
use crate::placements::pull::{Pulled, pull_key};
use crate::rights::FactsKey;
use crate::rights::gate::{Ask, decide};

/// What a page sends with what it counts, if the content may go out there now. A channel that the caller does
/// not reach, and a product that is not of the content's brand, are NOT_FOUND.
pub(crate) async fn beacon_key_of(
    ctx: &Context<'_>,
    content: &Content,
    channel: ID,
    product: Option<ID>,
) -> Result<Option<String>> {
    let cx = ctx.cx();
    let tree = tree(cx).await?;
    let channel = argument_channel(&cx.viewer, &tree, &channel)?;
    let product = match &product {
        Some(text) => {
            let id = argument_product(cx, text).await?;
            let found = Product::find(ctx, id).await?;
            let own = found.filter(|product| product.0.brand == content.brand);
            Some(own.ok_or(Error::NotFound)?.0.id)
        }
        None => None,
    };
    let Some(facts) = ctx.loader().load_one(FactsKey(content.id)).await? else {
        return Ok(None);
    };
    let ask = Ask::new(&tree, &channel, cx.at()).for_product(product);
    let current = facts.content.current.as_ref();
    let current = current.filter(|_| decide(&facts, &ask).is_available());
    Ok(current.map(|version| {
        let pulled = Pulled {
            content: content.id,
            channel: channel.id,
            product,
            version: version.id,
        };
        pull_key(&cx.app, &pulled)
    }))
}
