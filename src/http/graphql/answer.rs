//! A GraphQL response as it goes out: every error with a code and the request's id, and the status that
//! GraphQL over HTTP asks for.

use async_graphql::{ErrorExtensionValues, Response as GqlResponse, ServerError, Value};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::accept::Answer;
use super::cost::Cost;
use crate::http::refusal::Refusal;
use crate::http::request;

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    /// Absent where nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    extensions: Extensions,
}

#[derive(Serialize)]
struct Extensions {
    cost: Cost,
}

/// Closes a response in the client's media type.
pub(super) fn close(mut response: GqlResponse, cost: Cost, answer: Answer) -> Response {
    let refused = was_refused(&response);
    let request_id = request::current_id();
    for error in &mut response.errors {
        let extensions = error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            // Ours all have one; these are the engine's, about the document or its variables.
            extensions.set("code", "BAD_REQUEST");
        }
        if let Some(id) = &request_id {
            extensions.set("requestId", id.as_str());
        }
    }
    let status = match answer {
        Answer::GraphqlResponse if refused => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let body = Body {
        errors: response.errors,
        data: (!refused).then_some(response.data),
        extensions: Extensions { cost },
    };
    match serde_json::to_vec(&body) {
        Ok(bytes) => (status, [(CONTENT_TYPE, answer.media_type())], bytes).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a response could not be written");
            Refusal::internal().speaking(answer.media_type())
        }
    }
}

/// Whether the request failed before anything was executed: an error of execution has a path.
pub(super) fn was_refused(response: &GqlResponse) -> bool {
    !response.errors.is_empty()
        && response.data == Value::Null
        && response.errors.iter().all(|e| e.path.is_empty())
}
