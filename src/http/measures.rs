//! What is counted of requests: how many a route has answered, how, and how long it took.
//!
//! To look a metric up by its name and labels costs as much as a small answer does, so what was looked up is kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};

/// The metrics of all routes.
#[derive(Default)]
pub(super) struct Measures(RwLock<HashMap<String, Arc<Route>>>);

struct Route {
    seconds: Histogram,
    /// By method and status, both of which are few.
    answers: RwLock<HashMap<(&'static str, StatusCode), Counter>>,
}

impl Measures {
    /// Counts an answer. The route is that of a pattern, never what a caller has written.
    pub(super) fn note(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let measured = self.route(route);
        measured.seconds.record(took);
        measured.answers(route, known(method), status).increment(1);
    }

    fn route(&self, route: &str) -> Arc<Route> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(route) {
            return Arc::clone(known);
        }
        drop(known);
        let new = || {
            let seconds =
                metrics::histogram!("http_request_duration_seconds", "route" => route.to_owned());
            let answers = RwLock::default();
            Arc::new(Route { seconds, answers })
        };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(route.to_owned()).or_insert_with(new))
    }
}

impl Route {
    fn answers(&self, route: &str, method: &'static str, status: StatusCode) -> Counter {
        let known = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&(method, status)) {
            return known.clone();
        }
        drop(known);
        let new = || {
            let (route, status) = (route.to_owned(), status.as_str().to_owned());
            metrics::counter!("http_requests_total", "route" => route, "method" => method, "status" => status)
        };
        let mut all = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        all.entry((method, status)).or_insert_with(new).clone()
    }
}

/// A label has few values, whatever callers send.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
