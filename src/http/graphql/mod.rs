//! GraphQL over HTTP: `POST /graphql` with JSON or multipart, `GET /graphql` for queries.

mod accept;
mod answer;
mod document;
mod envelope;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request as GqlRequest, Response as GqlResponse, ServerError, Value};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};

pub(super) use envelope::{Envelope, strict_json};

use super::refusal::Refusal;
use super::{Server, auth, multipart, request};
use crate::accounts::{Caller, OpContext};
use crate::assets;
use crate::graphql::context::RequestData;
use crate::graphql::loader::{Loaders, request_loader};
use crate::graphql::upload::Uploads;
use crate::platform::db::STATEMENTS;
use accept::Answer;

/// Longest JSON body.
pub(super) const MAX_BODY: usize = 1024 * 1024;
/// Longest that a JSON body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest that an operation may take.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// What the log says of a request, gathered as it becomes known.
#[derive(Default)]
struct Note {
    actor: Option<String>,
    operation: Option<String>,
    errors: usize,
}

/// Answers `/graphql`.
pub(super) async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    let started = Instant::now();
    let statements = Arc::new(AtomicU64::new(0));
    let mut note = Note::default();
    let answer = Answer::negotiate(request.headers());
    let call = Box::pin(call(&server, request, answer, &mut note));
    let response = STATEMENTS
        .scope(Arc::clone(&statements), call)
        .await
        .unwrap_or_else(|refusal| refusal.speaking(answer.unwrap_or(Answer::Json).media_type()));
    let statements = statements.load(Ordering::Relaxed);
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        operation = note.operation.as_deref().unwrap_or("-"),
        actor = note.actor.as_deref().unwrap_or("-"),
        http.status = response.status().as_u16(),
        errors = note.errors,
        duration_ms,
        statements,
        "graphql"
    );
    response
}

async fn call(
    server: &Server,
    request: Request,
    answer: Option<Answer>,
    note: &mut Note,
) -> Result<Response, Refusal> {
    let reads_only = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads_only && request.method() != Method::POST {
        let text = "Send GraphQL by POST, or queries by GET.";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", text);
        return Err(refusal.with(ALLOW, "GET, HEAD, POST"));
    }
    let caller = auth::bearer(&server.app, request.headers()).await?;
    note.actor = Some(caller.viewer.actor.key());
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
    let response = execute(server, caller, envelope, uploads.clone(), reads_only, note).await?;
    // Nor is it known what became of a write whose commit was not answered.
    if !response.errors.iter().any(is_uncertain) {
        assets::discard_unclaimed(&server.app, &uploads.all()).await;
    }
    note.errors = response.errors.len();
    Ok(answer::close(response, answer))
}

/// Whether an error leaves open what was written.
fn is_uncertain(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|e| e.get("code"));
    code.is_some_and(|code| *code == Value::from("UNAVAILABLE") || *code == Value::from("INTERNAL"))
}

/// Parses, checks and runs one operation.
async fn execute(
    server: &Server,
    caller: Caller,
    envelope: Envelope,
    uploads: Uploads,
    reads_only: bool,
    note: &mut Note,
) -> Result<GqlResponse, Refusal> {
    let document = match document::parse(&envelope.query) {
        Ok(document) => document,
        Err(error) => return Ok(GqlResponse::from_errors(vec![error])),
    };
    let operation = match document::operation(&document, envelope.operation_name.as_deref()) {
        Ok(operation) => operation,
        Err(error) => return Ok(GqlResponse::from_errors(vec![error])),
    };
    note.operation.clone_from(&operation.name);
    if reads_only && operation.kind != OperationType::Query {
        return Err(Refusal::post_only());
    }
    // Before anything runs: how deep it goes, and whether the viewer may ask for each of its fields.
    if let Err(error) = server
        .guard
        .check(&document, operation.name.as_deref(), &caller.viewer)
    {
        return Ok(GqlResponse::from_errors(vec![error]));
    }
    let request_id = request::current_id().unwrap_or_default();
    let cx = OpContext::new(&server.app, caller.viewer, request_id)
        .with_channels_revision(Some(caller.channels_revision));
    let loader = request_loader(Loaders::new(&cx));
    let data = RequestData {
        cx,
        loader,
        uploads,
    };
    let mut request = GqlRequest::new(envelope.query)
        .variables(envelope.variables)
        .data(data);
    request.operation_name = operation.name;
    request.set_parsed_query(document);
    if let Ok(response) =
        tokio::time::timeout(OPERATION_TIMEOUT, server.schema.execute(request)).await
    {
        Ok(response)
    } else {
        let seconds = OPERATION_TIMEOUT.as_secs();
        Err(Refusal::unavailable(format!(
            "The operation took longer than {seconds} seconds and was ended. Ask for less, or try again."
        )))
    }
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
    let collected = Limited::new(request.into_body(), MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Err(_) => Err(Refusal::too_slow()),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(
            Refusal::too_large(format!("A body has at most {MAX_BODY} bytes (1 MiB).")),
        ),
        Ok(Err(_)) => Err(Refusal::bad_request("The body ended before it was whole.")),
    }
}
