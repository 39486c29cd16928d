//! `/exports/{kind}?brand=…`: what a brand has, as a table that is made while it is sent.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;

use super::Server;
use super::auth;
use super::refusal::Refusal;
use super::request::current_id;
use crate::accounts::OpContext;
use crate::imports::export::{self, Export};

/// What is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// A brand's slug or id.
    #[serde(default)]
    brand: String,
}

/// Sends a table.
pub(super) async fn send(
    State(server): State<Arc<Server>>,
    Path(kind): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = auth::bearer(&server.app, &headers)
        .await
        .map_err(Refusal::from)?;
    let request_id = current_id().unwrap_or_default();
    let cx = OpContext::new(&server.app, caller.viewer, request_id);
    let export = export::begin(&cx, &asked.brand, &kind)
        .await
        .map_err(Refusal::from)?;
    let named = format!("attachment; filename=\"{}\"", export.filename());
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
        (CONTENT_DISPOSITION, named),
    ];
    Ok((headers, Body::from_stream(pages(export))).into_response())
}

/// A page that cannot be told breaks the answer off: half a table must not look like a whole one.
fn pages(export: Export) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> {
    stream::try_unfold(export, |mut export| async move {
        match export.next().await {
            Ok(page) => Ok(page.map(|page| (page, export))),
            Err(error) => {
                tracing::warn!(error = %error, "an export was broken off");
                Err(std::io::Error::other("broken off"))
            }
        }
    })
}
