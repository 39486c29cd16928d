//! Connections on which nothing comes: one that is kept for the next request stays, one that never gets to the end of
//! a head does not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::TestApp;

/// Longer than a head may take, with room for a busy machine.
const LATER: Duration = Duration::from_secs(12);

async fn connect(app: &TestApp) -> TcpStream {
    let address = app.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Asks on a connection whether the server lives, and takes the answer.
async fn ask(line: &mut TcpStream) {
    line.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let read = line.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "it was closed");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// Says no more, or a byte a second, until the connection is closed: how long that took.
async fn closed(line: &mut TcpStream, byte: Option<u8>) -> Duration {
    let began = Instant::now();
    let mut answer = Vec::new();
    loop {
        if let Some(byte) = byte {
            // Where it is closed, reading says so.
            let _ = line.write_all(&[byte]).await;
        }
        match timeout(Duration::from_secs(1), line.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => return began.elapsed(),
            Ok(Ok(_)) => {}
            Err(_) => assert!(began.elapsed() < Duration::from_secs(40), "it stays"),
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_and_given_up_within_a_head() {
    let app = TestApp::start().await;
    let kept = async {
        let mut line = connect(&app).await;
        for _ in 0..2 {
            ask(&mut line).await;
            sleep(LATER).await;
        }
        ask(&mut line).await;
        // The next head has begun.
        line.write_all(b"GET /heal").await.unwrap();
        closed(&mut line, None).await
    };
    let begun = async {
        let mut line = connect(&app).await;
        line.write_all(b"GET /healthz HTTP/1.1\r\nX: ")
            .await
            .unwrap();
        closed(&mut line, Some(b'x')).await
    };
    let silent = async { closed(&mut connect(&app).await, None).await };
    let (kept, begun, silent) = tokio::join!(kept, begun, silent);
    for took in [kept, begun, silent] {
        assert!(took > Duration::from_secs(8), "{took:?}");
    }
    app.stop().await;
}
