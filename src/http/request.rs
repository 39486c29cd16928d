//! What stands around every request: its id, its span, its host, its metrics, and what browsers are told.
//!
//! It is one layer: each costs a few copies of the routes below it.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use futures::FutureExt;
use futures::future::{Either, ready};
use tower::layer::layer_fn;
use tower::{Layer, Service, service_fn};
use tracing::{Instrument, Span};
use uuid::fmt::Simple;

use super::refusal::Refusal;
use super::rest::{self, Rest};
use super::{Server, origin};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from outside.
const MAX_ID: usize = 64;

tokio::task_local! {
    static ID: Arc<str>;
}

/// The id of the present request; none outside one.
pub(super) fn current_id() -> Option<String> {
    ID.try_with(ToString::to_string).ok()
}

/// What a request goes by in logs and metrics: its route, never what a caller has written.
pub(super) enum Name {
    Fixed(&'static str),
    Matched(MatchedPath),
    /// No route was found.
    None,
}

impl Name {
    fn of(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>();
        path.cloned().map_or(Self::None, Self::Matched)
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Fixed(route) => route,
            Self::Matched(path) => path.as_str(),
            Self::None => "none",
        }
    }
}

/// The layer of it.
pub(super) fn layer(
    server: &Arc<Server>,
) -> impl Layer<
    Route,
    Service = impl Service<Request, Response = Response, Error = Infallible, Future: Send>
              + Clone
              + Send
              + Sync
              + use<>,
> + Clone
+ Send
+ Sync
+ use<> {
    let server = Arc::clone(server);
    layer_fn(move |mut route: Route| {
        let server = Arc::clone(&server);
        service_fn(move |request: Request| {
            let name = Name::of(&request);
            let (around, request) = Around::new(&server, name, request);
            // Nothing of it runs before it is waited for.
            around.run(route.call(request).map(|Ok(answer)| answer))
        })
    })
}

/// What stands around one request.
pub(super) struct Around {
    server: Arc<Server>,
    started: Instant,
    id: Arc<str>,
    method: Method,
    name: Name,
    span: Span,
    rest: Rest,
    is_right: bool,
}

impl Around {
    /// Takes a request in under its id: the caller's `X-Request-Id` where it is sane, else one of ours.
    pub(super) fn new(server: &Arc<Server>, name: Name, request: Request) -> (Self, Request) {
        let started = Instant::now();
        let id: Arc<str> = given_id(request.headers()).map_or_else(
            || {
                let id = server.app.ids.uuid(server.app.clock.now()).simple();
                (&*id.encode_lower(&mut [0; Simple::LENGTH])).into()
            },
            Into::into,
        );
        let (method, route) = (request.method().clone(), name.as_str());
        let span = tracing::info_span!("request", request.id = %id, http.method = %method, http.route = route);
        let is_right = origin::is_right(&server.app.config, route, &request);
        let (request, rest) = rest::watched(request);
        let around = Self {
            server: Arc::clone(server),
            started,
            id,
            method,
            name,
            span,
            rest,
            is_right,
        };
        (around, request)
    }

    /// Runs what answers the request.
    pub(super) fn run<F: Future<Output = Response>>(
        self,
        answer: F,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<F> {
        let answer = if self.is_right {
            Either::Left(answer)
        } else {
            Either::Right(ready(Refusal::nothing_here().into_response()))
        };
        // Futures within each other: an async block would move each when it is first polled, and keep its room twice.
        let answer = AssertUnwindSafe(answer).catch_unwind().map(|answered| {
            let response = answered.unwrap_or_else(|panic| {
                tracing::error!(panic = panic_text(&*panic), "a request panicked");
                Refusal::internal().into_response()
            });
            tracing::debug!(http.status = response.status().as_u16(), "request answered");
            response
        });
        let answer = ID.scope(Arc::clone(&self.id), answer).instrument(self.span);
        answer.map(move |mut response| {
            let headers = response.headers_mut();
            protect(headers);
            if let Ok(value) = HeaderValue::from_str(&self.id) {
                headers.insert(REQUEST_ID, value);
            }
            self.rest.end_well(headers);
            let (status, took) = (response.status(), self.started.elapsed());
            let measures = &self.server.measures;
            measures.note(self.name.as_str(), &self.method, status, took);
            Ok(response)
        })
    }
}

fn given_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = (1..=MAX_ID).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    sane.then_some(text)
}

/// What a browser is told where the handler said nothing else: guess no type, load nothing, keep nothing.
fn protect(headers: &mut HeaderMap) {
    const DEFAULTS: [(HeaderName, &str); 5] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in DEFAULTS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sane_id_is_taken() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                REQUEST_ID,
                HeaderValue::from_bytes(text.as_bytes()).unwrap(),
            );
            given_id(&headers).map(str::to_owned)
        };
        assert_eq!(id("a_B-9"), Some("a_B-9".to_owned()));
        for junk in ["", "a b", "é", "a;b", &"a".repeat(65)] {
            assert_eq!(id(junk), None, "{junk}");
        }
    }
}
