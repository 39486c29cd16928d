//! A host of its own for what users have stored: there their bytes are handed out and nothing else, so that
//! whatever a browser makes of them runs beside nothing that is worth having.
//!
//! The host is what the request itself is addressed to. What a proxy says of it (`X-Forwarded-…`) counts for
//! nothing: anybody can write that.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use url::Url;

use crate::config::Config;

/// The routes under which stored bytes are handed out.
const CONTENT: [&str; 3] = ["/files/", "/r/", "/d/"];

/// Whether a request to a route is addressed to the right host: for stored bytes to their own, for all else to another.
pub(super) fn is_right(config: &Config, route: &str, request: &Request) -> bool {
    let Some(origin) = &config.content_origin else {
        return true;
    };
    let is_content = CONTENT.iter().any(|start| route.starts_with(start));
    is_content == is_for(origin, request)
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
