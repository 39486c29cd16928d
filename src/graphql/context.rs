//! What a resolver reaches through its `Context`.

use std::sync::Arc;

use async_graphql::{Context, ID, InputType, Value as GqlValue};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::loader::RequestLoader;
use super::upload::Uploads;
use crate::accounts::{OpContext, Viewer};
use crate::app::App;
use crate::error::{Error, Result, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::ids::TypedId;
use crate::platform::ledger;
use crate::platform::op::Idempotency;

/// Everything about one request, put into it by the HTTP layer.
pub(crate) struct RequestData {
    pub(crate) cx: OpContext,
    pub(crate) loader: RequestLoader,
    pub(crate) uploads: Uploads,
}

/// Short ways from a resolver's context to what it needs.
pub(crate) trait Request {
    fn request(&self) -> &RequestData;

    /// The operation's context, for a query.
    fn cx(&self) -> &OpContext {
        &self.request().cx
    }

    fn app(&self) -> &Arc<App> {
        &self.cx().app
    }

    fn viewer(&self) -> &Viewer {
        &self.cx().viewer
    }

    /// The request's instant.
    fn at(&self) -> Timestamp {
        self.cx().at()
    }

    fn loader(&self) -> &RequestLoader {
        &self.request().loader
    }

    fn uploads(&self) -> &Uploads {
        &self.request().uploads
    }
}

impl Request for Context<'_> {
    fn request(&self) -> &RequestData {
        self.data_unchecked::<RequestData>()
    }
}

/// Longest `clientMutationId`, in characters.
const MAX_KEY: usize = 255;

/// Runs a mutation's work, unless it was done before: then this is the outcome of the call that this one
/// repeats. What `work` returns is what its write has remembered, such as the id of what was made.
pub(crate) async fn once<T, W>(ctx: &Context<'_>, work: impl FnOnce(OpContext) -> W) -> Result<T>
where
    T: DeserializeOwned,
    W: Future<Output = Result<T>>,
{
    mutation(ctx).await?.once(work).await
}

/// One call of a mutation: its context, with an instant of its own and its idempotency key, if the input
/// has a `clientMutationId`; and its outcome, if it is a call repeated.
pub(crate) struct Call {
    cx: OpContext,
    before: Option<Json>,
}

impl Call {
    /// See [`once`]. A repeated call is answered before anything is looked at: what was named then may have
    /// gone since, and what was in time then may be late now.
    pub(crate) async fn once<T, W>(&self, work: impl FnOnce(OpContext) -> W) -> Result<T>
    where
        T: DeserializeOwned,
        W: Future<Output = Result<T>>,
    {
        if let Some(before) = &self.before {
            return read(before.clone());
        }
        match work(self.cx.clone()).await {
            // The first call may have been under way when this one began, and is done by now.
            Err(refused @ Error::User(_)) => {
                match ledger::outcome(self.cx.app.db.read(), &self.cx.op).await? {
                    Some(outcome) => read(outcome),
                    None => Err(refused),
                }
            }
            outcome => outcome,
        }
    }

    /// The context for further writes of a call whose work is [`Call::once`] and these, each of them under a
    /// key that it derives from the call's own.
    pub(crate) fn under_its_key(&self) -> &OpContext {
        &self.cx
    }
}

fn read<T: DeserializeOwned>(outcome: Json) -> Result<T> {
    serde_json::from_value(outcome).map_err(Error::internal)
}

/// The call that a mutation's resolver answers. Most need [`once`] only.
pub(crate) async fn mutation(ctx: &Context<'_>) -> Result<Call> {
    let cx = with_key(ctx)?;
    let before = ledger::outcome(cx.app.db.read(), &cx.op).await?;
    Ok(Call { cx, before })
}

fn with_key(ctx: &Context<'_>) -> Result<OpContext> {
    let cx = ctx.cx();
    // What an earlier mutation of this request has loaded, this one may change. Mutations of one request run one after the other: each answers with what it has left behind.
    ctx.loader().enable_all_cache(false);
    let cx = OpContext::new(&cx.app, Arc::clone(&cx.viewer), cx.op.request_id.clone())
        .with_channels_revision(cx.channels_revision);
    let field = ctx.field();
    let arguments = field
        .arguments()
        .map_err(|e| Error::BadRequest(e.message))?;
    let Some(mut input) = arguments
        .into_iter()
        .find(|(name, _)| name == "input")
        .map(|(_, v)| v)
    else {
        return Ok(cx);
    };
    let GqlValue::Object(fields) = &mut input else {
        return Ok(cx);
    };
    let Some(GqlValue::String(key)) = fields.swap_remove("clientMutationId") else {
        return Ok(cx);
    };
    if key.is_empty() || key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
        let text = format!("A clientMutationId has 1 to {MAX_KEY} characters, none of control.");
        return Err(Error::user(
            UserErrorCode::Invalid,
            "clientMutationId",
            text,
        ));
    }
    let mut canonical = input.into_json().map_err(Error::internal)?;
    name_uploads_by_hash(&mut canonical, ctx.uploads());
    let text = serde_json::to_vec(&(field.name(), sorted(canonical))).map_err(Error::internal)?;
    let input_hash = cx.app.sealer.mac("idempotency", &text);
    Ok(cx.with_idempotency(Some(Idempotency { key, input_hash })))
}

/// A retry sends the same bytes under another nonce: it is the bytes that count.
fn name_uploads_by_hash(value: &mut Json, uploads: &Uploads) {
    match value {
        Json::String(text) => {
            if let Some(sha256) = uploads.sha256(text) {
                *text = format!("sha256:{sha256}");
            }
        }
        Json::Array(items) => items
            .iter_mut()
            .for_each(|v| name_uploads_by_hash(v, uploads)),
        Json::Object(fields) => fields
            .values_mut()
            .for_each(|v| name_uploads_by_hash(v, uploads)),
        _ => {}
    }
}

/// The same value with the fields of every object in the order of their names.
fn sorted(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(fields.into_iter().collect())
        }
        Json::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// An id in a mutation's input; one that is malformed names nothing.
pub(crate) fn input_id<I: TypedId>(id: &ID, field: &str) -> Result<I> {
    id.parse().map_err(|_| Error::not_found(field))
}

/// The `clientMutationId` of an input, to be given back.
pub(crate) fn client_mutation_id(input: &impl InputType) -> Option<String> {
    match input.to_value() {
        GqlValue::Object(fields) => match fields.get("clientMutationId") {
            Some(GqlValue::String(key)) => Some(key.clone()),
            _ => None,
        },
        _ => None,
    }
}
