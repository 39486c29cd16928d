//! GraphQL over HTTP: `POST /graphql` with JSON or multipart, `GET /graphql` for queries.

mod accept;
mod answer;
mod cost;
mod document;
mod documents;
mod envelope;
mod line;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request as GqlRequest, Response as GqlResponse, ServerError, Value};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde_json::json;

pub(super) use cost::Buckets;
pub(super) use documents::Documents;
pub(super) use envelope::{Envelope, strict_json};

use super::body::bounded;
use super::refusal::Refusal;
use super::{Server, auth, multipart, request};
use crate::accounts::{Caller, OpContext};
use crate::graphql::context::RequestData;
use crate::graphql::guard::Asked;
use crate::graphql::loader::{Loaders, request_loader};
use crate::graphql::upload::Uploads;
use crate::platform::db::STATEMENTS;
use accept::Answer;
use cost::{Cost, Spent};
use documents::{Hash, Known};
use envelope::Document;
use line::Line;

/// Longest JSON body.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// Answers `/graphql`.
pub(super) async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    let mut line = Line::begin();
    let statements = line.statements();
    let answer = Answer::negotiate(request.headers());
    let call = Box::pin(call(&server, request, answer, &mut line));
    let response = STATEMENTS.scope(statements, call).await;
    let response = response.unwrap_or_else(|refusal| {
        line.refused_with(refusal.code());
        refusal.speaking(answer.unwrap_or(Answer::Json).media_type())
    });
    line.end(response.status());
    response
}

async fn call(
    server: &Server,
    request: Request,
    answer: Option<Answer>,
    line: &mut Line,
) -> Result<Response, Refusal> {
    let reads_only = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads_only && request.method() != Method::POST {
        let text = "Send GraphQL by POST, or queries by GET.";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", text);
        return Err(refusal.with(ALLOW, "GET, HEAD, POST"));
    }
    let caller = auth::bearer(&server.app, request.headers()).await?;
    line.actor = Some(caller.viewer.actor.key());
    let answer = answer.ok_or_else(|| {
        let text = "Accept application/graphql-response+json or application/json.";
        Refusal::new(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", text)
    })?;
    let (envelope, uploads) = if reads_only {
        (
            Envelope::from_query_string(request.uri().query().unwrap_or(""))?,
            Uploads::default(),
        )
    } else {
        match content_type(request.headers()) {
            Some(ContentType::Json) => (
                Envelope::from_body(&body(request).await?)?,
                Uploads::default(),
            ),
            Some(ContentType::Multipart) => multipart::receive(&server.app, request).await?,
            None => {
                let text =
                    "Send a body of type application/json, in UTF-8, or multipart/form-data.";
                return Err(Refusal::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "BAD_REQUEST",
                    text,
                ));
            }
        }
    };
    // One that ran out of time leaves its uploads: its write may still wait for its turn, and when that
    // comes it claims them.
    let executed = execute(server, caller, envelope, uploads.clone(), reads_only, line);
    let (mut response, cost) = match executed.await {
        Err(refusal) if refusal.code() != "UNAVAILABLE" => {
            uploads.tidy(&server.app).await;
            return Err(refusal);
        }
        executed => executed?,
    };
    // Nor is it known what became of a write whose commit was not answered.
    if !response.errors.iter().any(is_uncertain) {
        uploads.tidy(&server.app).await;
    }
    if !server.app.config.limits.introspection {
        response.errors.iter_mut().for_each(forget_suggestion);
    }
    line.cost = cost;
    line.failed_with(&response.errors);
    Ok(answer::close(response, cost, answer))
}

/// Who is not told the schema is not told its names by guessing at them.
fn forget_suggestion(error: &mut ServerError) {
    if let Some(place) = error.message.find(" Did you mean ") {
        error.message.truncate(place);
    }
}

/// Whether an error leaves open what was written.
fn is_uncertain(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|e| e.get("code"));
    code.is_some_and(|code| *code == Value::from("UNAVAILABLE") || *code == Value::from("INTERNAL"))
}

/// Finds or parses, checks and runs one operation; what it answers, and what that costs.
async fn execute(
    server: &Server,
    caller: Caller,
    envelope: Envelope,
    uploads: Uploads,
    reads_only: bool,
    line: &mut Line,
) -> Result<(GqlResponse, Cost), Refusal> {
    let app = &server.app;
    // Under which the caller's costs are kept.
    let key = caller.viewer.actor.key();
    let refused = |error| {
        let cost = Cost {
            remaining: server.buckets.left(&key, app.clock.now()),
            ..Cost::default()
        };
        Ok((GqlResponse::from_errors(vec![error]), cost))
    };
    let Read {
        hash,
        known,
        document,
        bytes,
    } = match read(&server.documents, envelope.document) {
        Ok(read) => read,
        Err(error) => return refused(error),
    };
    let found = document::operation(
        &document,
        envelope.operation_name.as_deref(),
        &envelope.variables,
    );
    let operation = match found {
        Ok(operation) => operation,
        Err(error) => return refused(error),
    };
    line.operation.clone_from(&operation.name);
    if reads_only && operation.kind != OperationType::Query {
        return Err(Refusal::post_only());
    }
    // Before anything runs: how much it asks, and whether the viewer may ask for each of its fields.
    let asked = Asked {
        document: &document,
        operation_name: operation.name.as_deref(),
        variables: &envelope.variables,
        viewer: &caller.viewer,
        introspection: app.config.limits.introspection,
    };
    let requested = match server.guard.check(&asked) {
        Ok(requested) => requested,
        Err(error) => return refused(error),
    };
    line.cost.requested = requested;
    let taken = server.buckets.take(&key, requested, app.clock.now());
    if let Err(Spent { remaining, wait }) = taken {
        let cost = json!({ "requested": requested, "actual": 0, "remaining": remaining });
        return Err(Refusal::rate_limited(wait, json!({ "cost": cost })));
    }
    let given = documents::given(&document, &envelope.variables);
    let is_proven = known
        .as_ref()
        .is_some_and(|k| k.is_valid_with(&envelope.variables));
    // What is to be kept once it is found valid.
    let fresh = (!known.is_some_and(|k| k.knows(&given))).then(|| (document.clone(), given));
    let request_id = request::current_id().unwrap_or_default();
    let cx = OpContext::new(app, caller.viewer, request_id)
        .with_channels_revision(Some(caller.channels_revision));
    let (loader, batches) = request_loader(Loaders::new(&cx));
    let data = RequestData {
        cx,
        loader,
        uploads,
    };
    let mut request = GqlRequest::new(String::new())
        .variables(envelope.variables)
        .data(data);
    request.operation_name = operation.name;
    request.set_parsed_query(document);
    let schema = if is_proven {
        &server.trusting
    } else {
        &server.schema
    };
    let limit = app.config.limits.operation_timeout;
    let run = batches.beside(schema.execute(request));
    let Ok(response) = tokio::time::timeout(limit, run).await else {
        return Err(Refusal::unavailable(format!(
            "The operation took longer than {} and was ended. Ask for less, or try again.",
            in_words(limit)
        )));
    };
    if let Some((document, given)) = fresh
        && !answer::was_refused(&response)
    {
        server.documents.keep(hash, bytes, document, given);
    }
    let mut cost = Cost {
        requested,
        actual: cost::actual(&response.data),
        remaining: None,
    };
    cost.remaining = server.buckets.settle(&key, &cost, app.clock.now());
    Ok((response, cost))
}

fn in_words(limit: Duration) -> String {
    match limit.as_millis() {
        ms if ms % 1000 == 0 => format!("{} seconds", ms / 1000),
        ms => format!("{ms} milliseconds"),
    }
}

/// A document that is read.
struct Read {
    hash: Hash,
    /// What is known of it from before.
    known: Option<Arc<Known>>,
    document: ExecutableDocument,
    /// How long its text is.
    bytes: usize,
}

/// Takes the document from those of late, or parses it.
fn read(documents: &Documents, document: Document) -> Result<Read, ServerError> {
    let (hash, text) = match document {
        Document::Text(text, hash) => (hash, Some(text)),
        Document::Known(hash) => (hash, None),
    };
    if let Some(known) = documents.find(hash) {
        return Ok(Read {
            hash,
            document: known.document.clone(),
            bytes: known.bytes(),
            known: Some(known),
        });
    }
    let Some(text) = text else {
        // Clients know this by its words.
        let text = "PersistedQueryNotFound";
        return Err(document::refused("PERSISTED_QUERY_NOT_FOUND", text));
    };
    Ok(Read {
        hash,
        known: None,
        document: document::parse(&text)?,
        bytes: text.len(),
    })
}

/// What a body may be.
enum ContentType {
    Json,
    Multipart,
}

fn content_type(headers: &HeaderMap) -> Option<ContentType> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "application/json" => {
            let utf8 =
                parameters
                    .split(';')
                    .filter_map(|p| p.split_once('='))
                    .all(|(name, value)| {
                        !name.trim().eq_ignore_ascii_case("charset")
                            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
                    });
            utf8.then_some(ContentType::Json)
        }
        "multipart/form-data" => Some(ContentType::Multipart),
        _ => None,
    }
}

/// Reads a body of at most 1 MiB.
async fn body(request: Request) -> Result<bytes::Bytes, Refusal> {
    bounded(request, MAX_BODY, || {
        format!(
            "A body has at most {MAX_BODY} bytes (1 MiB). Send it in parts; those of `syncPlacements` each \
             under an integration name of its own."
        )
    })
    .await
}
