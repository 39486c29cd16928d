//! The server: takes connections, and ends gracefully when it is told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::entrance;
use super::sending::Sending;
use super::waiting::{HEAD_TIMEOUT, timed};
use crate::app::{App, close_log};
use crate::platform::tasks;

/// Connections at the same time; those past it are told to come back, at once.
const MAX_CONNECTIONS: usize = 2_048;
/// Files that are open at most: the connections, and what is read and written for them.
const FILES: u64 = 2 * MAX_CONNECTIONS as u64;
/// What of a connection is held in memory; no head of a request may be larger.
const MAX_BUFFER: usize = 128 * 1024;
/// How long a stopping server still takes connections, so that whoever asks `/readyz` learns of it.
const LAST_CALL: Duration = Duration::from_secs(1);
/// Longest that requests may take to end once no more are taken.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// A pause after the machine refuses a connection (no file descriptors): trying again at once is a spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
    Retry-After: 1\r\nConnection: close\r\nContent-Length: 95\r\n\r\n\
    {\"errors\":[{\"message\":\"Too many connections. Try again.\",\"extensions\":{\"code\":\"UNAVAILABLE\"}}]}";

/// Serves where the configuration says, until the process is told to stop.
pub async fn serve(app: Arc<App>) -> anyhow::Result<()> {
    open_many_files();
    let address = app.config.listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address}"))?;
    app.start_background();
    let address = listener.local_addr()?;
    tracing::info!(%address, public_url = %app.config.public_url, "listening");
    serve_on(Arc::clone(&app), listener, told_to_stop()).await?;
    close_log(&app).await;
    Ok(())
}

/// Serves on a listener until `stop`, then lets what was begun come to its end.
pub async fn serve_on(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let entrance = Arc::new(entrance(&app)?);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accept = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(error = %error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                metrics::counter!("http_connections_refused_total").increment(1);
                tasks::spawn("refuse", refuse(stream));
                continue;
            };
            // Small answers go out at once; if this fails they are only slower.
            let _ = stream.set_nodelay(true);
            let (stream, slot) = Sending::over(stream);
            let (stream, timer) = timed(stream);
            let entrance = Arc::clone(&entrance);
            let service = service_fn(move |request: Request<Incoming>| {
                entrance.answer(request.map(Body::new))
            });
            let connection = http1::Builder::new()
                .timer(timer)
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(MAX_BUFFER)
                .serve_connection(TokioIo::new(stream), slot.around(service));
            let connection = connections.watch(connection);
            tasks::spawn("connection", async move {
                // How a connection ends is the client's affair.
                if let Err(error) = connection.await {
                    tracing::debug!(error = %error, "a connection ended early");
                }
                drop(permit);
            });
        }
    };
    let draining = app.draining.clone();
    let until = async move {
        stop.await;
        tracing::info!("stopping: requests that have begun are finished");
        draining.send_replace(true);
        tokio::time::sleep(LAST_CALL).await;
    };
    tokio::select! {
        () = until => {}
        () = accept => {}
    }
    drop(listener);
    if let Ok(()) = tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped with requests unfinished");
    }
    Ok(())
}

/// Lets this process have as many files open as it may: a connection is one, and a shell often starts a process with
/// no more than 1,024.
#[cfg(unix)]
fn open_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error, "no more files can be open than before");
    }
    if let Some(most) = limit.maximum
        && most < FILES
    {
        tracing::warn!(
            most,
            wanted = FILES,
            "few files can be open: raise the limit (ulimit -Hn)"
        );
    }
}

#[cfg(not(unix))]
fn open_many_files() {}

async fn refuse(mut stream: TcpStream) {
    let said = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), said).await;
}

/// Ends with SIGTERM or SIGINT.
async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => tracing::warn!(error = %error, "SIGTERM cannot be heard"),
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
