//! `POST /e`: what pages count for themselves, by `navigator.sendBeacon` or `fetch`, from any origin and without
//! credentials. Thin: what an event is and which count is the slice's to say.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Server;
use super::body::bounded;
use super::graphql::strict_json;
use super::refusal::Refusal;
use crate::usage::{PageEvent, Refused, Said};

/// Longest body.
const MAX_BODY: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    events: Vec<PageEvent>,
}

/// `/e`.
pub(super) async fn count(State(server): State<Arc<Server>>, request: Request) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => preflight(),
        Method::POST => match take(&server, request).await {
            Ok(said) => (StatusCode::ACCEPTED, axum::Json(said)).into_response(),
            Err(refusal) => refusal.into_response(),
        },
        _ => Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "BAD_REQUEST",
            "This address takes POST.",
        )
        .with(ALLOW, "OPTIONS, POST")
        .into_response(),
    };
    let any = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

/// What a browser asks before it sends JSON as JSON.
fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn take(server: &Server, request: Request) -> Result<Json, Refusal> {
    if !is_text_or_json(request.headers()) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "BAD_REQUEST",
            "Send the events as `text/plain` (what `sendBeacon` makes of a text) or `application/json`.",
        ));
    }
    let body = bounded(request, MAX_BODY, || {
        format!("A body has at most {MAX_BODY} bytes (64 KiB). Send the events in parts.")
    })
    .await?;
    let body = strict_json(&body, "The body")?;
    let Body { events } = serde_json::from_value(body).map_err(|error| {
        Refusal::bad_request(format!(
            "Send `{{\"events\": [{{\"id\", \"kind\": \"IMPRESSION\" or \"CLICK\", \"beaconKey\"}}]}}`: {error}."
        ))
    })?;
    let said = server.beacons.count(events).await;
    said.map(|said| tell(&said))
        .map_err(|refused| match refused {
            Refused::Full => Refusal::unavailable(
                "Too many events wait to be counted. Send these again in a moment.",
            ),
            Refused::Other(error) => error.into(),
        })
}

fn is_text_or_json(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return false;
    };
    let essence = only.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| {
        let essence = essence.trim();
        ["text/plain", "application/json"]
            .iter()
            .any(|known| essence.eq_ignore_ascii_case(known))
    })
}

fn tell(said: &[Said]) -> Json {
    let count = |wanted: &Said| said.iter().filter(|said| *said == wanted).count();
    let errors = said.iter().enumerate().filter_map(|(i, said)| match said {
        Said::Accepted | Said::Duplicate => None,
        Said::Invalid(field, text) => Some(error(i, field, "INVALID", text)),
        Said::Unknown => Some(error(
            i,
            "beaconKey",
            "NOT_FOUND",
            "This key names nothing here. Ask for a new one.",
        )),
    });
    json!({
        "accepted": count(&Said::Accepted),
        "duplicates": count(&Said::Duplicate),
        "errors": errors.collect::<Vec<Json>>(),
    })
}

fn error(i: usize, field: &str, code: &str, message: &str) -> Json {
    json!({ "field": ["events", i.to_string(), field], "code": code, "message": message })
}
