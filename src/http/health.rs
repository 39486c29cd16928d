//! Whether the process lives, whether it should be sent requests, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Server;
use super::refusal::Refusal;
use crate::error::Result;
use crate::platform::db::{self, Sql};

/// Longest that one thing may take to say that it is there.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The process runs and answers. Asks nobody else.
pub(super) async fn process() -> Json<serde_json::Value> {
    Json(json!({ "alive": true }))
}

/// Whether this instance can serve: the database and the store answer, and it is not about to stop.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Response {
    let app = &server.app;
    let draining = *app.draining.borrow();
    let database = async {
        db::fetch_count(
            app.db.read(),
            Sql::new("SELECT count(*) AS n FROM clock_marks"),
        )
        .await
        .map(|_| ())
    };
    let (database, store) = tokio::join!(
        answers("database", database),
        answers("store", app.blobs.ping())
    );
    let ready = database && store && !draining;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body =
        json!({ "ready": ready, "database": database, "store": store, "draining": draining });
    (status, Json(body)).into_response()
}

async fn answers(what: &'static str, asked: impl Future<Output = Result<()>>) -> bool {
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(what, error = %error, "not ready");
            false
        }
        Err(_) => {
            tracing::warn!(what, "not ready: no answer in time");
            false
        }
    }
}

/// What the process counts, for Prometheus.
pub(super) async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let Some(handle) = &server.metrics else {
        return Refusal::nothing_here().into_response();
    };
    metrics::counter!("sql_statements_total").absolute(server.app.db.statements());
    let text = handle.render();
    handle.run_upkeep();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}
