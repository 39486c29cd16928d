//! How long a connection is waited for: for a head that has begun only briefly, between requests for longer than
//! whoever keeps it for the next one.
//!
//! hyper has one time for both. A proxy or a client that holds a connection for a minute would send a request on one
//! that is being closed, and could not tell whether it arrived.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, sleep_until};

/// Longest that the head of a request may take to arrive, from its first byte; of a connection's first request, from
/// the start.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing may come between two requests. Proxies commonly give up at 60 s, and must be the first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// A connection that notes when a head began.
pub(super) struct Timed<S> {
    stream: S,
    heads: Arc<Heads>,
}

/// Deadlines for the heads of one connection.
#[derive(Clone)]
pub(super) struct HeadTimer(Arc<Heads>);

/// The heads of one connection.
struct Heads {
    origin: Instant,
    /// When the one that is being read began: milliseconds after `origin`, or [`NONE`].
    since: AtomicU64,
    /// Wakes the connection when one has been waited for too long. It is one for all of them: to put a deadline off
    /// costs far less than to make one.
    sleep: Mutex<Pin<Box<time::Sleep>>>,
}

/// No byte of a head is there yet.
const NONE: u64 = u64::MAX;

impl Heads {
    fn since(&self) -> Option<Instant> {
        let since = self.since.load(Ordering::Relaxed);
        (since != NONE).then(|| self.origin + Duration::from_millis(since))
    }

    /// Bytes have come: of a head, unless an answer follows.
    fn begin(&self) {
        if self.since.load(Ordering::Relaxed) == NONE {
            let now = self.origin.elapsed().as_millis();
            let now = u64::try_from(now).unwrap_or(NONE - 1);
            self.since.store(now, Ordering::Relaxed);
        }
    }

    /// Something is answered: what was there of a head has been read.
    fn end(&self) {
        self.since.store(NONE, Ordering::Relaxed);
    }
}

/// A connection that has just been made, and the timer for its heads.
pub(super) fn timed<S>(stream: S) -> (Timed<S>, HeadTimer) {
    let origin = Instant::now();
    let sleep = sleep_until((origin + HEAD_TIMEOUT).into());
    let heads = Arc::new(Heads {
        origin,
        since: AtomicU64::new(0),
        sleep: Mutex::new(Box::pin(sleep)),
    });
    let timer = HeadTimer(Arc::clone(&heads));
    (Timed { stream, heads }, timer)
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heads.begin();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heads.end();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.heads.end();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    /// hyper asks for a head's deadline when it begins to wait for one, which is [`HEAD_TIMEOUT`] before it.
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait {
            idle_until: deadline + IDLE_TIMEOUT.saturating_sub(HEAD_TIMEOUT),
            heads: Arc::clone(&self.0),
        })
    }
}

/// Ends when a head has been waited for too long. Polled with each byte that comes.
struct Wait {
    idle_until: Instant,
    heads: Arc<Heads>,
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let since = self.heads.since();
        let due = since.map_or(self.idle_until, |since| since + HEAD_TIMEOUT);
        let sleep = &self.heads.sleep;
        let mut sleep = sleep.lock().unwrap_or_else(PoisonError::into_inner);
        if sleep.deadline() != due.into() {
            sleep.as_mut().reset(due.into());
        }
        sleep.as_mut().poll(cx)
    }
}
