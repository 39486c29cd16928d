//! A request that is refused before or beside GraphQL: a status, and the same JSON `errors` as GraphQL's.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

use super::request;
use crate::error::{Error, NO_ROOM, is_no_room};

/// A status, a code of the contract, and one sentence that says what to do.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// What the answer says beside its errors.
    extensions: Option<Box<Json>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            header: None,
            extensions: None,
        }
    }

    /// With something that the answer says beside its errors.
    pub(super) fn saying(mut self, extensions: Json) -> Self {
        self.extensions = Some(Box::new(extensions));
        self
    }

    /// The contract's code of it.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// The caller has asked for too much of late; `wait` is in seconds.
    pub(super) fn rate_limited(wait: u64, extensions: Json) -> Self {
        let text = format!(
            "You have spent what you may for now. Try again in {wait} seconds, or ask for less at a time."
        );
        Self {
            header: Some(Box::new((RETRY_AFTER, wait.into()))),
            extensions: Some(Box::new(extensions)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", text)
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST", message)
    }

    /// The body stopped coming.
    pub(super) fn too_slow() -> Self {
        let text = "The rest of the body did not arrive in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "BAD_REQUEST", text)
    }

    /// An address that leads nowhere, or not for this caller: the same for both.
    pub(super) fn nothing_here() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "There is nothing at this address.",
        )
    }

    /// What was there and may not go out any more, or not now.
    pub(super) fn gone() -> Self {
        Self::new(
            StatusCode::GONE,
            "NOT_FOUND",
            "This may not go out here now.",
        )
    }

    pub(super) fn post_only() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "BAD_REQUEST",
            "GET takes queries only; send this by POST.",
        )
        .with(ALLOW, "POST")
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message).with(RETRY_AFTER, "1")
    }

    /// The text tells nothing; the cause must have been logged.
    pub(super) fn internal() -> Self {
        let text = "Something went wrong on our side. Quote the request id when you report it.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", text)
    }

    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some(Box::new((name, HeaderValue::from_static(value))));
        self
    }

    /// The refusal under another media type than plain JSON.
    pub(super) fn speaking(self, media_type: &'static str) -> Response {
        let mut response = self.into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut extensions = json!({ "code": self.code });
        if let Some(id) = request::current_id() {
            extensions["requestId"] = id.into();
        }
        let mut body = json!({ "errors": [{ "message": self.message, "extensions": extensions }] });
        if let Some(extensions) = self.extensions {
            body["extensions"] = *extensions;
        }
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(header) = self.header {
            let (name, value) = *header;
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The same texts and codes as GraphQL's; causes are logged where they become those.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::User(errors) => {
                let texts: Vec<_> = errors.into_iter().map(|e| e.message).collect();
                Self::bad_request(texts.join(" "))
            }
            Error::BadRequest(text) => Self::bad_request(text),
            Error::Unauthenticated => {
                let text = "Send a valid access token: `Authorization: Bearer …`.";
                Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", text)
                    .with(WWW_AUTHENTICATE, "Bearer")
            }
            Error::Forbidden(text) => Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", text),
            Error::NotFound => Self::nothing_here(),
            Error::Unavailable(cause) => {
                tracing::warn!(
                    error = format!("{cause:#}"),
                    "something we depend on is away"
                );
                if is_no_room(&cause) {
                    return Self::new(StatusCode::INSUFFICIENT_STORAGE, "UNAVAILABLE", NO_ROOM);
                }
                Self::unavailable("The server cannot do this right now. Try again in a moment.")
            }
            Error::Internal(cause) => {
                tracing::error!(error = format!("{cause:#}"), "internal error");
                Self::internal()
            }
        }
    }
}
