//! Small files on their way out: where an answer's bytes also lie in a file of the kernel's memory, the kernel sends
//! that file's pages, and copies nothing.
//!
//! hyper knows nothing of it. A handler puts the file ([`Paged`]) beside the body; the service around it leaves it
//! with the connection; and the connection looks at where the bytes lie that hyper hands to it. If they are the
//! file's own, the file is sent. If not, for whatever reason, the bytes are: they are the same.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::platform::blob::Paged;

/// A connection that sends files.
pub(super) struct Sending {
    stream: TcpStream,
    slot: Slot,
}

/// What a connection's answer in hand can be sent from. It does not keep it: the connection may be idle for long.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Weak<Paged>>>);

/// A service for the requests of a connection.
pub(super) trait Answers:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
{
}

impl<S> Answers for S where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
{
}

impl Slot {
    /// A service whose answers leave their files here.
    pub(super) fn around<S: Answers>(self, service: S) -> impl Answers {
        service_fn(move |request| {
            let (slot, answer) = (self.clone(), service.call(request));
            async move {
                let mut response = answer.await?;
                if let Some(paged) = response.extensions_mut().remove::<Arc<Paged>>() {
                    slot.put(&paged);
                }
                Ok(response)
            }
        })
    }

    fn put(&self, paged: &Arc<Paged>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(paged);
    }

    fn get(&self) -> Option<Arc<Paged>> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade()
    }
}

impl Sending {
    /// The connection over a stream, and where files are left for it.
    pub(super) fn over(stream: TcpStream) -> (Self, Slot) {
        let slot = Slot::default();
        let sending = Self {
            stream,
            slot: slot.clone(),
        };
        (sending, slot)
    }

    /// Does what a socket may not be ready for, as soon as it is.
    fn poll_socket(
        &self,
        cx: &mut Context<'_>,
        mut work: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let done = self
                .stream
                .try_io(Interest::WRITABLE, || work(&self.stream));
            match done {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncWrite for Sending {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut some = slices.iter().filter(|slice| !slice.is_empty());
        if let (Some(first), next) = (some.next(), some.next())
            && let Some(paged) = self.slot.get()
        {
            if let Some(place) = paged.place_of(first) {
                return self.poll_socket(cx, |socket| paged.send(socket, place, first.len()));
            }
            if next.is_some_and(|next| paged.place_of(next).is_some()) {
                // The head waits for the file, to go out in one packet with its first page.
                let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
                return self.poll_socket(cx, |socket| Ok(send(socket, first, flags)?));
            }
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
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

impl AsyncRead for Sending {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::response::IntoResponse;
    use bytes::Bytes;
    use hyper::server::conn::http1;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A client of a connection that answers `/file` with bytes whose file may have others, `/part` with a part of
    /// them, `/gone` with bytes whose file nobody keeps, and anything else with bytes of its own.
    async fn client(paged: Arc<Paged>, bytes: Bytes) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, slot) = Sending::over(listener.accept().await.unwrap().0);
        let service = service_fn(move |request: Request<Incoming>| {
            let (file, bytes) = (Extension(Arc::clone(&paged)), bytes.clone());
            let answer = match request.uri().path() {
                "/file" => (file, bytes).into_response(),
                "/gone" => {
                    let other = Paged::unlike(bytes.clone(), &bytes_with(255));
                    (Extension(Arc::new(other)), bytes).into_response()
                }
                "/part" => (file, bytes.slice(100..200)).into_response(),
                _ => Bytes::copy_from_slice(&bytes[..100]).into_response(),
            };
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), slot.around(service));
        crate::platform::tasks::spawn("test", connection);
        client
    }

    async fn ask(client: &mut TcpStream, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
    }

    /// The body of the next answer.
    async fn answer(client: &mut TcpStream) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let (length, _) = length.split_once("\r\n").unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        client.read_exact(&mut body).await.unwrap();
        body
    }

    /// More than a socket takes at once; as many, and none the same, for another mask.
    fn bytes_with(mask: u8) -> Bytes {
        let some: Vec<u8> = (0..251).map(|n| n ^ mask).collect();
        some.repeat(32 * 1024).into()
    }

    #[tokio::test]
    async fn a_file_is_sent_in_place_of_its_bytes() {
        let (bytes, in_file) = (bytes_with(0), bytes_with(255));
        let paged = Arc::new(Paged::unlike(bytes.clone(), &in_file));
        let mut client = client(paged, bytes.clone()).await;
        for _ in 0..2 {
            ask(&mut client, "/file").await;
            // Whoever reads slowly gets the rest from the file, too.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            assert!(answer(&mut client).await == in_file);
            ask(&mut client, "/part").await;
            assert_eq!(answer(&mut client).await, in_file[100..200]);
            ask(&mut client, "/own").await;
            assert_eq!(answer(&mut client).await, bytes[..100]);
        }
    }

    #[tokio::test]
    async fn answers_to_requests_sent_together_keep_their_order() {
        let bytes = bytes_with(0);
        let paged = Arc::new(Paged::unlike(bytes.clone(), &bytes));
        let mut client = client(paged, bytes.clone()).await;
        for path in ["/part", "/own", "/file", "/own", "/part"] {
            ask(&mut client, path).await;
        }
        assert_eq!(answer(&mut client).await, bytes[100..200]);
        assert_eq!(answer(&mut client).await, bytes[..100]);
        assert!(answer(&mut client).await == bytes);
        assert_eq!(answer(&mut client).await, bytes[..100]);
        assert_eq!(answer(&mut client).await, bytes[100..200]);
    }

    #[tokio::test]
    async fn bytes_whose_file_is_gone_are_sent_themselves() {
        let bytes = bytes_with(0);
        let paged = Arc::new(Paged::unlike(bytes.clone(), &bytes_with(255)));
        let mut client = client(paged, bytes.clone()).await;
        ask(&mut client, "/gone").await;
        assert!(answer(&mut client).await == bytes);
    }
}
