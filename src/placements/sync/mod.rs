//! What an integration says is live in a channel, taken whole: what is new is placed, what is missing is
//! retired, and what is there already stays as it is.
//!
//! An integration reports; it does not ask. So the gate is not asked: what is shown although it may not be is
//! live all the same, and coverage calls it a breach (docs/decisions/0024). Refused is only what cannot be
//! written down. The keys belong to the token, the integration and the channel; a placement whose key comes
//! with a fault stays as it is, because something is there.

mod plan;
mod store;

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::ID;
use serde::{Deserialize, Serialize};

use self::plan::plan;
use self::store::Place;
use crate::accounts::{OpContext, Scope, Viewer};
use crate::catalog::resolve::find_products;
use crate::contents::{ContentKind, parse_public_id};
use crate::error::{Error, Problems, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::{ChannelId, ContentId, ProductId, VersionId};
use crate::platform::op::Actor;
use crate::platform::text;

/// Most placements of an integration in a channel.
const MAX_PLACEMENTS: usize = 5_000;
/// Longest key and longest name of an integration, in characters.
const MAX_KEY: usize = 200;
/// How far ahead the integration's clock may be, in milliseconds.
const MAX_AHEAD_MS: i64 = 600_000;

/// A placement as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub key: String,
    pub content: ID,
    pub version: Option<ID>,
    pub product: Option<ID>,
    pub location: String,
    pub url: Option<String>,
    pub live_from: Option<Timestamp>,
}

/// A placement that can be looked for.
#[derive(Clone, Debug)]
struct Item {
    key: String,
    kind: ContentKind,
    content: ContentId,
    version: Option<VersionId>,
    product: Option<ProductId>,
    location: String,
    url: Option<String>,
    live_from: Option<Timestamp>,
}

/// A placement that was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rejection {
    pub key: String,
    pub reason: String,
}

impl Rejection {
    fn new(key: &str, reason: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            reason: reason.into(),
        }
    }
}

/// What became of an integration's placements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Synced {
    pub added: i32,
    pub kept: i32,
    pub retired: i32,
    pub rejected: Vec<Rejection>,
}

/// What one write takes in.
struct Whole {
    viewer: Arc<Viewer>,
    place: Place,
    items: Vec<Item>,
    rejected: Vec<Rejection>,
}

/// No more placements than a call may have; BAD_REQUEST otherwise. Asked before any of them is looked at.
pub(super) fn check_len(placements: usize) -> Result<()> {
    if placements <= MAX_PLACEMENTS {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "`placements` has at most {MAX_PLACEMENTS} entries."
    )))
}

/// Takes the whole state of an integration in a channel. The number of statements does not depend on how many
/// placements there are, but for their writing, which takes one for every 512 rows.
pub(super) async fn sync_placements(
    cx: &OpContext,
    integration: &str,
    channel: ChannelId,
    sent: Vec<Sent>,
) -> Result<Synced> {
    cx.viewer.require(Scope::UsageWrite)?;
    check_len(sent.len())?;
    let Actor::Token(token) = cx.viewer.actor else {
        return Err(Error::Forbidden(
            "Only a token has integrations.".to_owned(),
        ));
    };
    let mut problems = Problems::new();
    let integration = text::required(&mut problems, "integration", integration, MAX_KEY);
    problems.check()?;
    let (items, rejected) = clean(cx, sent).await?;
    let whole = Whole {
        viewer: Arc::clone(&cx.viewer),
        place: Place {
            token,
            integration,
            channel,
        },
        items,
        rejected,
    };
    cx.write(whole, |tx, whole| Box::pin(take(tx, whole))).await
}

/// Those of the placements that can be looked for, and what is wrong with the others.
async fn clean(cx: &OpContext, sent: Vec<Sent>) -> Result<(Vec<Item>, Vec<Rejection>)> {
    let named: Vec<ID> = sent.iter().filter_map(|s| s.product.clone()).collect();
    let mut products = find_products(cx, &named).await?.into_iter();
    let (mut items, mut rejected, mut keys) = (Vec::new(), Vec::new(), HashSet::new());
    for sent in sent {
        let product = sent.product.is_some().then(|| products.next().flatten());
        match clean_one(cx.at(), &sent, product) {
            Ok(_) if !keys.insert(sent.key.clone()) => {
                let text = "This key comes more than once. The first one counts.";
                rejected.push(Rejection::new(&sent.key, text));
            }
            Ok(item) => items.push(item),
            Err(reason) => {
                keys.insert(sent.key.clone());
                rejected.push(Rejection::new(&sent.key, reason));
            }
        }
    }
    Ok((items, rejected))
}

/// `product`: what was found of the one that was named, if one was.
fn clean_one(
    now: Timestamp,
    sent: &Sent,
    product: Option<Option<ProductId>>,
) -> Result<Item, String> {
    let length = sent.key.chars().count();
    if length == 0 || length > MAX_KEY || sent.key.chars().any(char::is_control) {
        return Err(format!(
            "A key has 1 to {MAX_KEY} characters, and no control characters."
        ));
    }
    let (kind, content) = parse_public_id(&sent.content).ok_or(NO_CONTENT)?;
    let version = match &sent.version {
        Some(id) => Some(id.parse::<VersionId>().map_err(|_| NO_VERSION)?),
        None => None,
    };
    let product = match product {
        Some(found) => Some(found.ok_or(NO_PRODUCT)?),
        None => None,
    };
    let mut problems = Problems::new();
    let location = text::required(&mut problems, "location", &sent.location, text::LINE);
    if let Err(Error::User(faults)) = problems.check() {
        let texts = faults.into_iter().map(|fault| fault.message);
        let texts: Vec<String> = texts.collect();
        return Err(format!("location: {}", texts.join(" ")));
    }
    if sent
        .live_from
        .is_some_and(|at| at > now.plus_ms(MAX_AHEAD_MS))
    {
        return Err("It is not live yet: liveFrom lies ahead.".to_owned());
    }
    Ok(Item {
        key: sent.key.clone(),
        kind,
        content,
        version,
        product,
        location,
        url: sent.url.clone(),
        live_from: sent.live_from.map(|at| at.min(now)),
    })
}

const NO_CONTENT: &str = "There is no such content.";
const NO_VERSION: &str = "The content has no such version.";
const NO_PRODUCT: &str = "The content's brand has no such product.";

async fn take(tx: &Tx, whole: &Whole) -> Result<Synced> {
    store::lock_token(tx, whole.place.token).await?;
    let known = store::known(tx, &whole.viewer, &whole.place, &whole.items).await?;
    let refused: HashSet<&str> = whole.rejected.iter().map(|r| r.key.as_str()).collect();
    let plan = plan(tx, whole, &known, &refused);
    store::apply(tx, &whole.place, &known, &plan).await?;
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let mut rejected = whole.rejected.clone();
    rejected.extend(plan.rejected);
    Ok(Synced {
        added: number(plan.added.len()),
        kept: number(plan.kept),
        retired: number(plan.retired.len()),
        rejected,
    })
}
