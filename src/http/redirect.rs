//! Files that their bucket hands out itself (`delivery = "redirect"`): the answer is an address of the bucket,
//! signed for a few seconds.
//!
//! Whoever has such an address has the bytes until it ends, and nothing takes it back: no recall, and no end
//! of a right. So it never lives longer than the right to the bytes is sure to, nor than [`LONGEST`].

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_RANGE,
    IF_UNMODIFIED_SINCE, LOCATION,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::disposition::content_disposition;
use super::files::{Manner, kind};
use crate::app::App;
use crate::assets::grants::GrantedFile;
use crate::config::Delivery;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;

/// How many seconds an address is good for at most: a recall reaches it no sooner.
const LONGEST: i64 = 5;
/// And at least, else the bytes come from here. Its seconds are counted from the beginning of that in which
/// it was signed: one of a single second might have ended before anybody has followed it.
const LEAST: i64 = 2;

/// What a request says to this server and the bucket would misunderstand. A token is no right there: not every
/// client keeps it from another host, and a bucket refuses whoever shows it two rights. Tags are ours, and the
/// times at which objects were stored say nothing of what stands at an address.
const FOR_US: [HeaderName; 5] = [
    AUTHORIZATION,
    IF_RANGE,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
];

/// Whether a request with these headers may be led to the bucket.
pub(super) fn applies(app: &App, headers: &HeaderMap) -> bool {
    let is_for_us = |name| headers.contains_key(name);
    app.config.delivery == Delivery::Redirect && !FOR_US.iter().any(is_for_us)
}

/// An answer that leads to the file's bucket, for a request to which that [`applies`]; none where the bytes come from
/// here.
pub(super) async fn to_bucket(
    app: &Arc<App>,
    file: &GrantedFile,
    manner: Manner,
) -> Result<Option<Response>> {
    let seconds = seconds_left(app.clock.now(), manner.until);
    let Some(life) = u64::try_from(seconds).ok().filter(|_| seconds >= LEAST) else {
        return Ok(None);
    };
    let disposition = content_disposition(&file.media_type, &file.filename, manner.saved);
    let kind = kind(file);
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).map_err(Error::internal);
    let answer = [
        ("response-content-type", &*text(&kind)?),
        ("response-content-disposition", &*text(&disposition)?),
        // The next request is led to another address: to keep this one's answer serves nobody.
        ("response-cache-control", "no-store"),
    ];
    let life = Duration::from_secs(life);
    let signed = app.blobs.signed_url(&file.store_key, life, answer).await?;
    // To sign takes its time where the machine's identity is asked for first: the seconds began after it.
    if seconds_left(app.clock.now(), manner.until) < seconds {
        return Ok(None);
    }
    let Some(url) = signed else { return Ok(None) };
    let place = HeaderValue::from_str(url.as_str()).map_err(Error::internal)?;
    let said = [
        (LOCATION, place),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(Some((StatusCode::FOUND, said).into_response()))
}

/// The whole seconds that an address signed now may live.
fn seconds_left(now: Timestamp, until: Timestamp) -> i64 {
    until.0.saturating_sub(now.0).clamp(0, LONGEST * 1000) / 1000
}
