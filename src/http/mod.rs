//! HTTP: the routes and the server around them. Thin: what a request asks for is a service's work.
//!
//! Every answer carries its request's id, tells browsers nothing they could misuse, and is JSON with
//! `errors` where it refuses. A panic ends its request, not the process.

mod auth;
mod beacons;
mod body;
mod bytes;
mod console;
mod direct;
mod disposition;
mod exports;
mod files;
mod graphql;
mod health;
mod measures;
mod multipart;
mod origin;
mod range;
mod redirect;
mod refusal;
mod renditions;
mod request;
mod rest;
mod sending;
mod serve;
mod uploads;
mod waiting;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::compression::CompressionLayer;

pub use serve::{serve, serve_on};

use anyhow::Context;

use crate::app::App;
use crate::graphql::Schema;
use crate::graphql::guard::Guard;
use crate::usage;
use direct::Entrance;
use measures::Measures;
use refusal::Refusal;

/// What every handler reaches.
pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) schema: Schema,
    /// For documents that `schema` has validated before.
    pub(crate) trusting: Schema,
    pub(crate) guard: Guard,
    documents: graphql::Documents,
    buckets: graphql::Buckets,
    beacons: usage::Queue,
    pub(crate) metrics: Option<PrometheusHandle>,
    measures: Measures,
}

/// All routes of this application, and the way to them.
fn entrance(app: &Arc<App>) -> anyhow::Result<Entrance> {
    let metrics = if app.config.metrics {
        crate::telemetry::metrics()
    } else {
        None
    };
    let schema = crate::graphql::build();
    let server = Arc::new(Server {
        app: Arc::clone(app),
        guard: Guard::new(&schema.sdl()).context("reading the schema's own types")?,
        schema,
        trusting: crate::graphql::build_trusting(),
        documents: graphql::Documents::default(),
        buckets: graphql::Buckets::new(&app.config.limits),
        beacons: usage::Queue::start(app),
        metrics,
        measures: Measures::default(),
    });
    let mut texts = Router::new().route("/graphql", any(graphql::handle));
    if app.config.graphiql {
        texts = texts
            .route("/", get(console::enter))
            .route("/graphiql", get(console::enter))
            .route("/graphiql/", get(console::index))
            .route("/graphiql/{*path}", get(console::file));
    }
    let mut routes = texts
        .layer(CompressionLayer::new())
        .route("/files/{grant}/{filename}", get(files::deliver))
        .route("/exports/{kind}", get(exports::send))
        .route("/uploads", any(uploads::all))
        .route("/uploads/{id}", any(uploads::one))
        .route("/e", any(beacons::count))
        .route(renditions::GRANTED, get(renditions::granted))
        .route(renditions::STABLE, get(renditions::stable))
        .route("/healthz", get(health::process))
        .route("/readyz", get(health::ready));
    if server.metrics.is_some() {
        routes = routes.route("/metrics", get(health::metrics));
    }
    let routes = routes
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(request::layer(&server))
        .with_state(Arc::clone(&server));
    Ok(Entrance::new(server, routes))
}

async fn nothing_here() -> Refusal {
    Refusal::nothing_here()
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "BAD_REQUEST",
        "This address does not take this method.",
    )
}
