//! Bodies that are read whole: those of requests in JSON.

use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::refusal::Refusal;

/// Longest that a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a body of at most `most` bytes; `too_large` says what to do with a larger one.
pub(super) async fn bounded(
    request: Request,
    most: usize,
    too_large: impl FnOnce() -> String,
) -> Result<Bytes, Refusal> {
    let collected = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout(TIMEOUT, collected).await {
        Err(_) => Err(Refusal::too_slow()),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(too_large())),
        Ok(Err(_)) => Err(Refusal::bad_request("The body ended before it was whole.")),
    }
}
