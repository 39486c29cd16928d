//! A host of its own for what users have stored: there their bytes are handed out and nothing else, so that
//! whatever a browser makes of them runs beside nothing that is worth having.
//!
//! The host is what the request itself is addressed to. What a proxy says of it (`X-Forwarded-…`) counts for
//! nothing: anybody can write that.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use super::refusal::Refusal;
use crate::app::App;

/// The routes under which stored bytes are handed out.
const CONTENT: [&str; 3] = ["/files/", "/r/", "/d/"];

/// Lets a request through to stored bytes on their own host, and to all else elsewhere.
pub(super) async fn apart(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(origin) = &app.config.content_origin else {
        return next.run(request).await;
    };
    let route = request.extensions().get::<MatchedPath>();
    let is_content = route.is_some_and(|route| {
        let route = route.as_str();
        CONTENT.iter().any(|start| route.starts_with(start))
    });
    if is_content == is_for(origin, &request) {
        next.run(request).await
    } else {
        Refusal::nothing_here().into_response()
    }
}

/// Whether a request is addressed to this origin's host and port.
fn is_for(origin: &Url, request: &Request) -> bool {
    let Some(asked) = addressed(request) else {
        return false;
    };
    let default = if origin.scheme() == "https" { 443 } else { 80 };
    let host = asked.host().trim_end_matches('.');
    origin
        .host_str()
        .is_some_and(|own| own.eq_ignore_ascii_case(host))
        && origin.port_or_known_default() == Some(asked.port_u16().unwrap_or(default))
}

/// Where a request says it goes: its target, else its one `Host` (RFC 9112, 3.2).
fn addressed(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let mut given = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else {
        return None;
    };
    Authority::try_from(host.as_bytes())
        .ok()
        .filter(|authority| !authority.as_str().contains('@'))
}
