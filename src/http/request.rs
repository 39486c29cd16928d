//! What stands around every request: its id, its span, its metrics, and what browsers are told.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use super::refusal::Refusal;
use crate::app::App;

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

/// Runs a request under its id: the caller's `X-Request-Id` where it is sane, else one of ours.
pub(super) async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id: Arc<str> = match given_id(request.headers()) {
        Some(id) => id.into(),
        None => app.ids.uuid(app.clock.now()).simple().to_string().into(),
    };
    let started = Instant::now();
    let method = request.method().as_str().to_owned();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let span =
        tracing::info_span!("request", request.id = %id, http.method = method, http.route = route);
    let answer = async {
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let response = answered.unwrap_or_else(|panic| {
            tracing::error!(panic = panic_text(&*panic), "a request panicked");
            Refusal::internal().into_response()
        });
        tracing::debug!(http.status = response.status().as_u16(), "request answered");
        response
    };
    let mut response = ID.scope(Arc::clone(&id), answer).instrument(span).await;
    protect(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16().to_string();
    metrics::histogram!("http_request_duration_seconds", "route" => route.clone())
        .record(started.elapsed());
    metrics::counter!("http_requests_total", "route" => route, "method" => known(&method), "status" => status)
        .increment(1);
    response
}

fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = (1..=MAX_ID).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    sane.then(|| text.to_owned())
}

/// A label for metrics has few values, whatever callers send.
fn known(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
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
            given_id(&headers)
        };
        assert_eq!(id("a_B-9"), Some("a_B-9".to_owned()));
        for junk in ["", "a b", "é", "a;b", &"a".repeat(65)] {
            assert_eq!(id(junk), None, "{junk}");
        }
    }
}
