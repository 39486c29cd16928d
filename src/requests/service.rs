//! Use cases of requests.

use std::sync::Arc;

use sea_orm::{FromQueryResult, Value};
use serde_json::json;

use super::model::{Request, RequestState};
use super::store::{self, Listing};
use crate::accounts::{OpContext, Reach, Scope, Viewer, seen_token};
use crate::channels::{self, Tree, resolve};
use crate::contents::service::brand_condition;
use crate::contents::{ContentKind, public_id};
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::placements;
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Page, PageRequest, Sql, Tx, fetch_one, run};
use crate::platform::ids::{
    BrandId, ChannelId, ContentId, PlacementId, ProductId, RequestId, TokenId, VersionId,
};
use crate::platform::ledger::{Audit, Event};
use crate::platform::text;
use crate::rights;
use crate::rights::gate::Ask;

/// What a new request shall be.
#[derive(Clone, Debug)]
pub(super) struct NewRequest {
    pub title: String,
    pub body: Option<String>,
    pub assignee: Option<TokenId>,
    pub due_on: Option<Day>,
    /// None: that of what is named, or the caller's only one.
    pub brand: Option<BrandId>,
    pub content: Option<(ContentKind, ContentId)>,
    pub placement: Option<PlacementId>,
    pub channel: Option<ChannelId>,
    pub product: Option<ProductId>,
    pub locale: Option<String>,
}

/// What changes of a request; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestChange {
    pub state: Option<RequestState>,
    pub assignee: Option<Option<TokenId>>,
    pub fulfilled_by: Option<Option<VersionId>>,
}

/// What a write needs of the caller.
struct Caller {
    viewer: Arc<Viewer>,
    tree: Arc<Tree>,
}

impl Caller {
    async fn of(cx: &OpContext) -> Result<Self> {
        Ok(Self {
            viewer: Arc::clone(&cx.viewer),
            tree: channels::tree(cx).await?,
        })
    }
}

/// Asks something of somebody, or of whoever takes it on.
pub(super) async fn create_request(cx: &OpContext, mut new: NewRequest) -> Result<RequestId> {
    cx.viewer.require(Scope::Write)?;
    let mut problems = Problems::new();
    new.title = text::required(&mut problems, "title", &new.title, text::LINE);
    new.body = text::optional(&mut problems, "body", new.body.as_deref(), text::PROSE);
    problems.check()?;
    let caller = Caller::of(cx).await?;
    cx.write((new, caller), |tx, (new, caller)| {
        Box::pin(insert(tx, new, caller))
    })
    .await
}

#[derive(FromQueryResult)]
struct Named {
    brand_id: BrandId,
    channel_id: Option<ChannelId>,
    trashed_at: Option<Timestamp>,
}

impl Named {
    fn check_not_trashed(&self, problems: &mut Problems, field: &str) {
        if self.trashed_at.is_some() {
            let text = "It is in the trash. Restore it first.";
            problems.add(UserErrorCode::NotAvailable, field, text);
        }
    }
}

async fn insert(tx: &Tx, new: &NewRequest, caller: &Caller) -> Result<RequestId> {
    let mut problems = Problems::new();
    let mut channel = new.channel;
    let mut brand = new.brand;
    for (field, sql) in named(new, caller) {
        let Some(found) = fetch_one::<Named>(&**tx, sql).await? else {
            problems.push(UserError::not_found(field));
            continue;
        };
        found.check_not_trashed(&mut problems, field);
        if *brand.get_or_insert(found.brand_id) != found.brand_id {
            let text = "It is of another brand than the rest. A request is about one brand.";
            problems.add(UserErrorCode::Invalid, field, text);
        }
        if let Some(there) = found.channel_id
            && *channel.get_or_insert(there) != there
        {
            let text = "The placement is in another channel. Leave the channel out.";
            problems.add(UserErrorCode::Invalid, "channel", text);
        }
    }
    problems.check()?;
    if let (None, Reach::Only(mine)) = (brand, &caller.viewer.brands) {
        let mut mine = mine.iter();
        let (Some(only), None) = (mine.next(), mine.next()) else {
            let text = "Say which brand it is about, or name something of it.";
            return Err(Error::user(UserErrorCode::Required, "brand", text));
        };
        brand = Some(*only);
    }
    if let Some(token) = new.assignee {
        check_assignee(tx, caller, token, brand, channel).await?;
    }
    let id: RequestId = tx.id();
    let (requester_kind, requester_id) = tx.op.actor.to_columns();
    let content = new.content.map(|(_, id)| id);
    let row = [
        ("id", id.into()),
        ("brand_id", brand.into()),
        ("take_down", false.into()),
        ("title", new.title.clone().into()),
        ("body", new.body.clone().into()),
        ("state", RequestState::Open.name().into()),
        ("requester_kind", requester_kind.into()),
        ("requester_id", requester_id.into()),
        ("assignee_id", new.assignee.into()),
        ("due_on", new.due_on.into()),
        ("content_id", content.into()),
        ("placement_id", new.placement.into()),
        ("channel_id", new.channel.into()),
        ("product_id", new.product.into()),
        ("locale", new.locale.clone().into()),
        ("created_at", tx.op.at.into()),
        ("updated_at", tx.op.at.into()),
    ];
    tx.write_last(Sql::insert("requests", row));
    tx.audit(Audit {
        brand,
        action: "createRequest",
        subject: id.to_string(),
        contents: content.into_iter().collect(),
        changes: json!({
            "title": new.title,
            "body": new.body,
            "assignee": new.assignee,
            "dueOn": new.due_on.map(|day| day.to_date().to_string()),
            "content": new.content.map(|(kind, id)| public_id(kind, id)),
            "placement": new.placement,
            "channel": new.channel,
            "product": new.product,
            "locale": new.locale,
        }),
    });
    tx.emit(Event {
        brand,
        topic: "REQUEST_CREATED",
        subject: id.to_string(),
        payload: json!({}),
    });
    Ok(id)
}

/// What a request names, by its field: a statement each for its brand, as far as the caller reaches.
fn named(new: &NewRequest, caller: &Caller) -> Vec<(&'static str, Sql)> {
    let viewer = &caller.viewer;
    let of_brand = |select: &'static str, column: &'static str| {
        Sql::new(select).append(brand_condition(viewer, column))
    };
    let mut named = Vec::new();
    if let Some((kind, id)) = new.content {
        let sql = of_brand(
            "SELECT c.brand_id, c.trashed_at, CAST(NULL AS uuid) AS channel_id FROM contents c WHERE ",
            "c.brand_id",
        );
        let sql = sql.push(" AND c.kind = ").bind(kind.name());
        named.push(("content", sql.push(" AND c.id = ").bind(id)));
    }
    if let Some(id) = new.placement {
        let sql = Sql::new(
            "SELECT c.brand_id, c.trashed_at, p.channel_id FROM placements p JOIN contents c ON c.id = p.content_id
             WHERE p.id = ",
        );
        let sql = sql.bind(id).push(" AND ");
        named.push(("placement", sql.append(placements::visible(viewer))));
    }
    if let Some(id) = new.product {
        let sql = of_brand(
            "SELECT x.brand_id, CAST(NULL AS bigint) AS trashed_at, CAST(NULL AS uuid) AS channel_id
             FROM products x WHERE ",
            "x.brand_id",
        );
        named.push(("product", sql.push(" AND x.id = ").bind(id)));
    }
    named
}

/// One to whom something is assigned is there, and sees it.
async fn check_assignee(
    tx: &Tx,
    caller: &Caller,
    id: TokenId,
    brand: Option<BrandId>,
    channel: Option<ChannelId>,
) -> Result<()> {
    let token = seen_token(&**tx, &caller.viewer, id).await?;
    let token = token.ok_or_else(|| Error::not_found("assignee"))?;
    let bearer = Viewer::bearer(&token);
    let sees_brand = match brand {
        Some(brand) => bearer.sees_brand(brand),
        None => bearer.brands == Reach::All,
    };
    let sees = sees_brand
        && bearer.may(Scope::Read)
        && channel.is_none_or(|channel| resolve::reaches(&bearer, &caller.tree, channel));
    if sees && token.lives(tx.op.at) {
        return Ok(());
    }
    let text = "This token would not see the request: it has ended, or lacks READ, the brand or the channel.";
    Err(Error::user(UserErrorCode::Invalid, "assignee", text))
}

/// Takes a request a step further, gives it to somebody, or says what fulfils it.
pub(super) async fn update_request(
    cx: &OpContext,
    id: RequestId,
    change: RequestChange,
) -> Result<RequestId> {
    cx.viewer.require(Scope::Write)?;
    let caller = Caller::of(cx).await?;
    cx.write((id, change, caller), |tx, (id, change, caller)| {
        Box::pin(update(tx, *id, change, caller))
    })
    .await
}

async fn update(
    tx: &Tx,
    id: RequestId,
    change: &RequestChange,
    caller: &Caller,
) -> Result<RequestId> {
    // The row is ours from here on; one that the caller does not reach is given back untouched.
    let mut set: Vec<(&'static str, Value)> = vec![("updated_at", tx.op.at.into())];
    let locked = Sql::update("requests", set.clone());
    run(&**tx, locked.push(" WHERE id = ").bind(id)).await?;
    let found = store::load(&**tx, &caller.viewer, tx.op.at, &[id]).await?;
    let before = found.get(&id).ok_or_else(|| Error::not_found("request"))?;
    check_step(tx, before, change, caller).await?;
    if let Some(Some(token)) = change.assignee {
        check_assignee(tx, caller, token, before.brand, before.channel).await?;
    }
    if let Some(Some(version)) = change.fulfilled_by {
        check_fulfilment(tx, before, version, caller).await?;
    }
    // A take-down that is done stands in its placement, not in its row.
    let next = change.state.filter(|next| *next != before.state);
    set.extend(next.map(|state| ("state", state.name().into())));
    set.extend(change.assignee.map(|token| ("assignee_id", token.into())));
    set.extend(
        change
            .fulfilled_by
            .map(|version| ("fulfilled_by_id", version.into())),
    );
    run(
        &**tx,
        Sql::update("requests", set).push(" WHERE id = ").bind(id),
    )
    .await?;
    let fields = [
        ("state", change.state.map(|state| json!(state))),
        ("assignee", change.assignee.map(|token| json!(token))),
        (
            "fulfilledBy",
            change.fulfilled_by.map(|version| json!(version)),
        ),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    tx.audit(Audit {
        brand: before.brand,
        action: "updateRequest",
        subject: id.to_string(),
        contents: before.content.into_iter().collect(),
        changes: serde_json::Value::Object(given.collect()),
    });
    if next == Some(RequestState::Delivered) {
        tx.emit(Event {
            brand: before.brand,
            topic: "REQUEST_DELIVERED",
            subject: id.to_string(),
            payload: json!({}),
        });
    }
    Ok(id)
}

/// The step can be taken from where the request stands.
async fn check_step(
    tx: &Tx,
    before: &Request,
    change: &RequestChange,
    caller: &Caller,
) -> Result<()> {
    let refuse = |field: &str, text: String| {
        Err(Error::user(UserErrorCode::ForbiddenTransition, field, text))
    };
    if let Some(next) = change.state.filter(|next| *next != before.state) {
        let by_placement = matches!(next, RequestState::Delivered | RequestState::Done);
        if before.take_down && by_placement && !before.state.is_closed() {
            let text = "A take-down is done once its placement is retired. Retire the placement.";
            return refuse("state", text.to_owned());
        }
        if !before.state.may_become(next) {
            let (from, to) = (before.state.name(), next.name());
            return refuse("state", format!("What is {from} cannot become {to}."));
        }
        if before.take_down && next == RequestState::Declined {
            check_let_out(tx, before, caller).await?;
        }
    }
    let is_closed = before.state.is_closed();
    for (field, given) in [
        ("assignee", change.assignee.is_some()),
        ("fulfilledBy", change.fulfilled_by.is_some()),
    ] {
        if given && is_closed {
            let state = before.state.name();
            return refuse(field, format!("It is {state}: nothing more comes of it."));
        }
    }
    Ok(())
}

/// A take-down is declined only where what is live may be shown again, as an asset may that now belongs to
/// another endorsement.
async fn check_let_out(tx: &Tx, request: &Request, caller: &Caller) -> Result<()> {
    let (Some(shown), Some(channel)) = (request.shown(), request.channel) else {
        return Ok(());
    };
    let channel = caller.tree.get(channel).ok_or(Error::NotFound)?;
    let ask = Ask::new(&caller.tree, channel, tx.op.at).for_product(request.product);
    match rights::refusal(&**tx, shown, &ask).await? {
        Some(why) => {
            let text = format!("It may not be shown there, so it must be taken down. {why}");
            Err(Error::user(UserErrorCode::NotAvailable, "state", text))
        }
        None => Ok(()),
    }
}

/// What fulfils a request is a version that the caller sees, of the request's brand.
async fn check_fulfilment(
    tx: &Tx,
    request: &Request,
    version: VersionId,
    caller: &Caller,
) -> Result<()> {
    let sql = Sql::new(
        "SELECT c.brand_id, c.trashed_at, CAST(NULL AS uuid) AS channel_id FROM versions v JOIN contents c ON c.id = v.content_id
         WHERE v.id = ",
    )
    .bind(version)
    .push(" AND ")
    .append(brand_condition(&caller.viewer, "c.brand_id"));
    let found: Option<Named> = fetch_one(&**tx, sql).await?;
    let found = found.ok_or_else(|| Error::not_found("fulfilledBy"))?;
    let mut problems = Problems::new();
    found.check_not_trashed(&mut problems, "fulfilledBy");
    problems.check()?;
    if request.take_down {
        let text = "A take-down is fulfilled by retiring its placement.";
        return Err(Error::user(UserErrorCode::Invalid, "fulfilledBy", text));
    }
    if request.brand.is_some_and(|brand| brand != found.brand_id) {
        let text = "It is of another brand than the request.";
        return Err(Error::user(UserErrorCode::Invalid, "fulfilledBy", text));
    }
    Ok(())
}

/// A page of the requests that the viewer reaches, the newest first.
pub(super) async fn list(
    cx: &OpContext,
    listing: &Listing,
    page: &PageRequest,
) -> Result<Page<Request>> {
    store::list(cx.app.db.read(), &cx.viewer, cx.at(), listing, page).await
}

/// How many those are on all pages.
pub(super) async fn count(cx: &OpContext, listing: &Listing) -> Result<i64> {
    store::count(cx.app.db.read(), &cx.viewer, cx.at(), listing).await
}
