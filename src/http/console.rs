//! GraphiQL under `/graphiql/`: the built console, from inside the binary.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::files::matches_etag;
use super::refusal::Refusal;
use crate::platform::seal::sha256_hex;

/// What `web/dist` held when the binary was built.
static BUILT: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// The page may run its own scripts and speak to this server; nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Accolade</title>\
    <p>GraphiQL is not part of this binary: it was compiled without <code>web/dist</code>. \
    Run <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then compile again. \
    The API itself is at <code>/graphql</code>.";

struct Page {
    bytes: &'static [u8],
    etag: String,
}

static PAGES: LazyLock<HashMap<&str, Page>> = LazyLock::new(|| {
    let page = |&(name, bytes): &(&'static str, &'static [u8])| {
        (
            name,
            Page {
                bytes,
                etag: format!("\"{}\"", sha256_hex(bytes)),
            },
        )
    };
    BUILT.iter().map(page).collect()
});

/// The way in.
pub(super) async fn enter() -> Redirect {
    Redirect::temporary("/graphiql/")
}

pub(super) async fn index(headers: HeaderMap) -> Response {
    if PAGES.is_empty() {
        let kind = [(CONTENT_TYPE, "text/html; charset=utf-8")];
        return (StatusCode::OK, kind, NOT_BUILT).into_response();
    }
    send("index.html", &headers)
}

pub(super) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    send(&path, &headers)
}

fn send(name: &str, headers: &HeaderMap) -> Response {
    let Some(page) = PAGES.get(name) else {
        return Refusal::nothing_here().into_response();
    };
    // The names of built assets carry their hash; that of the page does not.
    let cache = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let about = [
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (ETAG, page.etag.as_str()),
    ];
    if headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|v| matches_etag(v, &page.etag))
    {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (
        StatusCode::OK,
        about,
        [(CONTENT_TYPE, media_type(name))],
        page.bytes,
    )
        .into_response()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "md" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
