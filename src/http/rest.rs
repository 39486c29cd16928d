//! The rest of a body whose answer is known before it has all come. A server that closes while bytes still arrive
//! resets the connection, and the sender may lose the answer that says why; so the rest is read for a while and
//! dropped, and the answer says that the connection ends with it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::header::{CONNECTION, HeaderValue};

use crate::platform::tasks;

/// How long the rest is read at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of it at most.
const MOST: usize = 64 * 1024 * 1024;

/// Runs a request; where its answer did not wait for the whole body, the connection ends well.
pub(super) async fn around(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let whole = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| {
        Body::new(Watched {
            body,
            whole: Arc::clone(&whole),
        })
    });
    let mut response = next.run(request).await;
    if !whole.load(Ordering::Acquire) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// A body that says when it has all been read, and is read on when nobody wants the rest.
struct Watched {
    body: Body,
    whole: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(frame) = &frame
            && (frame.is_none() || self.body.is_end_stream())
        {
            self.whole.store(true, Ordering::Release);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.whole.load(Ordering::Acquire) && tokio::runtime::Handle::try_current().is_ok() {
            let rest = std::mem::take(&mut self.body);
            tasks::spawn("rest", async move {
                // Past it the sender has had its time.
                let _ = tokio::time::timeout(PATIENCE, discard(rest)).await;
            });
        }
    }
}

async fn discard(mut body: Body) {
    let mut left = MOST;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
