//! What stands around every request: its id, its span, its host, its metrics, and what browsers are told.
//!
//! It is one layer: each costs a few copies of the routes below it.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use futures::FutureExt;
use tower::layer::layer_fn;
use tower::{Layer, Service, service_fn};
use tracing::Instrument;
use uuid::fmt::Simple;

use super::refusal::Refusal;
use super::{Server, origin, rest};

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
        service_fn(move |request| around(&server, &mut route, request))
    })
}

/// Runs a request under its id: the caller's `X-Request-Id` where it is sane, else one of ours.
fn around(
    server: &Arc<Server>,
    route: &mut Route,
    request: Request,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    let server = Arc::clone(server);
    let started = Instant::now();
    let id: Arc<str> = given_id(request.headers()).map_or_else(
        || {
            let id = server.app.ids.uuid(server.app.clock.now()).simple();
            (&*id.encode_lower(&mut [0; Simple::LENGTH])).into()
        },
        Into::into,
    );
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let name = path.as_ref().map_or("none", MatchedPath::as_str);
    let span =
        tracing::info_span!("request", request.id = %id, http.method = %method, http.route = name);
    let is_right = origin::is_right(&server.app.config, &request);
    let (request, rest) = rest::watched(request);
    // Nothing of it runs before it is waited for.
    let answer = is_right.then(|| route.call(request));
    let answer = async {
        let Some(answer) = answer else {
            return Refusal::nothing_here().into_response();
        };
        let answered = AssertUnwindSafe(answer).catch_unwind().await;
        let response = answered.unwrap_or_else(|panic| {
            tracing::error!(panic = panic_text(&*panic), "a request panicked");
            Ok(Refusal::internal().into_response())
        });
        let Ok(response) = response;
        tracing::debug!(http.status = response.status().as_u16(), "request answered");
        response
    };
    let answer = ID.scope(Arc::clone(&id), answer).instrument(span);
    async move {
        let mut response = answer.await;
        let headers = response.headers_mut();
        protect(headers);
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, value);
        }
        rest.end_well(headers);
        let name = path.as_ref().map_or("none", MatchedPath::as_str);
        let (status, took) = (response.status(), started.elapsed());
        server.measures.note(name, &method, status, took);
        Ok(response)
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
