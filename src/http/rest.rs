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
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue};

use crate::platform::tasks;

/// How long the rest is read at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of it at most.
const MOST: usize = 64 * 1024 * 1024;

/// Whether a request's body has all been read; nothing is known of one without.
pub(super) struct Rest(Option<Arc<AtomicBool>>);

/// A request that says of its body when it has all been read.
pub(super) fn watched(request: Request) -> (Request, Rest) {
    if request.body().is_end_stream() {
        return (request, Rest(None));
    }
    let whole = Arc::new(AtomicBool::new(false));
    let rest = Rest(Some(Arc::clone(&whole)));
    let request = request.map(|body| Body::new(Watched { body, whole }));
    (request, rest)
}

impl Rest {
    /// Says in the answer, where that has not waited for the whole body, that the connection ends with it.
    pub(super) fn end_well(&self, answer: &mut HeaderMap) {
        let left = |whole: &Arc<AtomicBool>| !whole.load(Ordering::Acquire);
        if self.0.as_ref().is_some_and(left) {
            answer.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
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
