//! Files with an operation: graphql-multipart-request-spec.
//!
//! `operations` and `map` come first, so that every part that follows is known to be wanted. Parts stream
//! into the store as they arrive; in the variables a random nonce stands for each, which nobody outside
//! this request can know.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde_json::Value as Json;

use super::graphql::{Envelope, MAX_BODY, strict_json};
use super::refusal::Refusal;
use crate::app::App;
use crate::assets::{self, StoredUpload};
use crate::error::Error;
use crate::graphql::upload::Uploads;

const MAX_MAP: u64 = 64 * 1024;
const MAX_FILES: usize = 10;
const MAX_FILE: u64 = 32 * 1024 * 1024;
/// Boundaries and headers of parts.
const SLACK: u64 = 64 * 1024;
/// Longest that nothing of the body may arrive.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that a page of another origin cannot send unasked.
const PREFLIGHT: [&str; 4] = [
    "graphql-require-preflight",
    "apollo-require-preflight",
    "x-apollo-operation-name",
    "x-requested-with",
];

/// Reads the request and stores its files. On a refusal nothing of it stays.
pub(super) async fn receive(
    app: &Arc<App>,
    request: Request,
) -> Result<(Envelope, Uploads), Refusal> {
    let meter = Meter::default();
    let mut form = form(request, &meter)?;
    let operations = text(&mut form, &meter, "operations", MAX_BODY as u64).await?;
    let mut operations = strict_json(&operations, "The part `operations`")?;
    let map = text(&mut form, &meter, "map", MAX_MAP).await?;
    let map = strict_json(&map, "The part `map`")?;
    let mut nonces = place_nonces(&mut operations, map)?;
    let envelope = Envelope::from_json(operations)?;
    let mut stored = HashMap::new();
    let received = files(app, &mut form, &meter, &mut nonces, &mut stored).await;
    let uploads = Uploads::new(stored);
    match received {
        Ok(()) => Ok((envelope, uploads)),
        Err(refusal) => {
            uploads.tidy(app).await;
            Err(refusal)
        }
    }
}

/// Most bytes that may arrive without a part, or a piece of one, coming out: what the parser holds while it
/// looks for a boundary or the end of a part's headers.
const MAX_HELD: u64 = 1024 * 1024;

/// Counts what the parser holds.
#[derive(Clone, Default)]
struct Meter(Arc<AtomicU64>);

impl Meter {
    /// More has arrived; false where the parser holds too much.
    fn arrived(&self, bytes: usize) -> bool {
        let before = self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        before + bytes as u64 <= MAX_HELD
    }

    /// Something came out.
    fn came_out(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

fn form(request: Request, meter: &Meter) -> Result<Multipart<'static>, Refusal> {
    if !is_preflighted(request.headers()) {
        let text = "A multipart request needs the header `GraphQL-Require-Preflight: 1`.";
        return Err(Refusal::bad_request(text));
    }
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let boundary = multer::parse_boundary(kind).map_err(|_| {
        Refusal::bad_request("The Content-Type must name the boundary of the parts.")
    })?;
    let whole = MAX_BODY as u64 + MAX_MAP + MAX_FILES as u64 * MAX_FILE + SLACK;
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
    let body = Box::pin(request.into_body().into_data_stream());
    let meter = meter.clone();
    let body = futures::stream::unfold((body, meter), |(mut body, meter)| async move {
        // The parser reads until it has to wait: let it look at each piece before the next.
        tokio::task::yield_now().await;
        match tokio::time::timeout(IDLE_TIMEOUT, body.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(bytes))) if !meter.arrived(bytes.len()) => {
                Some((Err(std::io::ErrorKind::InvalidData.into()), (body, meter)))
            }
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), (body, meter))),
            Ok(Some(Err(error))) => Some((Err(std::io::Error::other(error)), (body, meter))),
            Err(_) => Some((Err(std::io::ErrorKind::TimedOut.into()), (body, meter))),
        }
    });
    Ok(Multipart::with_constraints(body, boundary, limits))
}

fn is_preflighted(headers: &HeaderMap) -> bool {
    PREFLIGHT.iter().any(|name| headers.contains_key(*name))
}

/// The next part, which must be this one, as text of at most `limit` bytes.
async fn text(
    form: &mut Multipart<'static>,
    meter: &Meter,
    name: &str,
    limit: u64,
) -> Result<Vec<u8>, Refusal> {
    let part = form.next_field().await.map_err(broken)?;
    meter.came_out();
    let Some(mut part) = part.filter(|p| p.name() == Some(name)) else {
        return Err(Refusal::bad_request(
            "The parts `operations` and `map` must come first, in this order.",
        ));
    };
    let mut text = Vec::new();
    while let Some(bytes) = part.chunk().await.map_err(broken)? {
        meter.came_out();
        text.extend_from_slice(&bytes);
        if text.len() as u64 > limit {
            return Err(Refusal::too_large(format!(
                "The part `{name}` has at most {limit} bytes."
            )));
        }
    }
    Ok(text)
}

/// Puts a fresh nonce at every mapped place, each of which must be null; the nonces by the parts' names.
fn place_nonces(operations: &mut Json, map: Json) -> Result<HashMap<String, String>, Refusal> {
    let Json::Object(map) = map else {
        return Err(Refusal::bad_request(
            "The part `map` must be an object of lists of paths.",
        ));
    };
    if map.len() > MAX_FILES {
        return Err(Refusal::bad_request(format!(
            "At most {MAX_FILES} files go with one request."
        )));
    }
    let mut nonces = HashMap::new();
    for (name, paths) in map {
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let paths = match paths {
            Json::Array(paths) if !paths.is_empty() => paths,
            _ => {
                return Err(Refusal::bad_request(format!(
                    "In `map`, {name:?} must list its paths."
                )));
            }
        };
        for path in paths {
            let place = path.as_str().and_then(|path| place(operations, path));
            let Some(place) = place.filter(|p| p.is_null()) else {
                let text =
                    format!("In `map`, {path} must lead to a variable that is there and null.");
                return Err(Refusal::bad_request(text));
            };
            *place = Json::String(nonce.clone());
        }
        nonces.insert(name, nonce);
    }
    Ok(nonces)
}

/// Follows a path such as `variables.input.files.0`.
fn place<'j>(operations: &'j mut Json, path: &str) -> Option<&'j mut Json> {
    let inside = path.strip_prefix("variables.")?;
    inside.split('.').try_fold(
        operations.get_mut("variables")?,
        |value, step| match value {
            Json::Object(fields) => fields.get_mut(step),
            Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        },
    )
}

/// Stores the parts that follow: each one that the map names, once.
async fn files(
    app: &Arc<App>,
    form: &mut Multipart<'static>,
    meter: &Meter,
    nonces: &mut HashMap<String, String>,
    stored: &mut HashMap<String, Arc<StoredUpload>>,
) -> Result<(), Refusal> {
    while let Some(part) = form.next_field().await.map_err(broken)? {
        let Some(nonce) = part.name().and_then(|name| nonces.remove(name)) else {
            return Err(Refusal::bad_request(
                "Every file must be a part that `map` names, and come once.",
            ));
        };
        meter.came_out();
        let upload = file(app, part, meter).await?;
        stored.insert(nonce, Arc::new(upload));
    }
    let missing: HashSet<_> = nonces.keys().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::bad_request(format!(
        "Files that `map` names did not come: {}.",
        listed(&missing)
    )))
}

fn listed(names: &HashSet<&String>) -> String {
    let mut names: Vec<_> = names.iter().map(|n| format!("{n:?}")).collect();
    names.sort();
    names.join(", ")
}

async fn file(
    app: &Arc<App>,
    part: Field<'static>,
    meter: &Meter,
) -> Result<StoredUpload, Refusal> {
    let filename = part.file_name().unwrap_or("").to_owned();
    let fault = Fault::default();
    let bytes = Box::pin(bounded(part, meter.clone(), fault.clone()));
    let upload = assets::receive(app, &filename, MAX_FILE, bytes).await;
    match fault.take() {
        Some(refusal) => Err(refusal),
        None => Ok(upload?),
    }
}

/// Why a stream of bytes ended early: the caller's doing, which the store cannot know.
#[derive(Clone, Default)]
struct Fault(Arc<Mutex<Option<Refusal>>>);

impl Fault {
    fn set(&self, refusal: Refusal) -> Error {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        Error::BadRequest("the upload ended early".to_owned())
    }

    fn take(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The bytes of a part, up to the limit of one file.
fn bounded(
    part: Field<'static>,
    meter: Meter,
    fault: Fault,
) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    let mut sent = 0_u64;
    part.map(move |bytes| {
        meter.came_out();
        let bytes = bytes.map_err(|error| fault.set(broken(error)))?;
        sent += bytes.len() as u64;
        if sent > MAX_FILE {
            let text = "A file in a multipart request has at most 32 MiB.";
            return Err(fault.set(Refusal::too_large(text)));
        }
        Ok(bytes)
    })
}

fn broken(error: multer::Error) -> Refusal {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            Refusal::too_large(format!(
                "A request carries at most {MAX_FILES} files of 32 MiB."
            ))
        }
        multer::Error::StreamReadFailed(cause)
            if cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|e| e.kind() == std::io::ErrorKind::TimedOut) =>
        {
            Refusal::too_slow()
        }
        _ => {
            Refusal::bad_request("The parts of the request are not well formed, or end too early.")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_go_only_where_a_null_is() {
        let mut operations =
            json!({ "query": "", "variables": { "a": null, "b": { "c": [1, null] } } });
        let nonces = place_nonces(
            &mut operations,
            json!({ "x": ["variables.a"], "y": ["variables.b.c.1"] }),
        );
        let nonces = nonces.unwrap();
        assert_eq!(operations["variables"]["a"], json!(nonces["x"]));
        assert_eq!(operations["variables"]["b"]["c"][1], json!(nonces["y"]));
        assert_ne!(nonces["x"], nonces["y"]);
    }

    #[test]
    fn maps_that_lead_elsewhere_are_refused() {
        let many: serde_json::Map<_, _> = (0..11)
            .map(|i| (i.to_string(), json!(["variables.a"])))
            .collect();
        let bad = [
            json!([]),
            json!({ "x": [] }),
            json!({ "x": "variables.a" }),
            json!({ "x": [1] }),
            json!({ "x": ["variables.none"] }),
            json!({ "x": ["variables.full"] }),
            json!({ "x": ["query"] }),
            json!({ "x": ["variables"] }),
            json!({ "x": ["variables.a", "variables.a"] }),
            json!({ "x": ["variables.a"], "y": ["variables.a"] }),
            Json::Object(many),
        ];
        for map in bad {
            let mut operations = json!({ "query": null, "variables": { "a": null, "full": 1 } });
            assert!(place_nonces(&mut operations, map.clone()).is_err(), "{map}");
        }
    }
}
