//! What is refused before it has all been sent: its sender reads why.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::MIB;
use crate::support::TestApp;

/// Longest that a connection may take to end.
const SOON: Duration = Duration::from_secs(20);

/// A request whose bytes are still to come, and a connection on which it was sent.
async fn begin(app: &TestApp, line: &str, headers: &str, length: usize) -> TcpStream {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn who_is_refused_early_reads_why() {
    let app = TestApp::start().await;
    let admin = format!(
        "Authorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n",
        app.admin
    );
    let none = "Authorization: Bearer none\r\n";
    let bytes = "Content-Type: application/offset+octet-stream\r\n";
    let json = "Content-Type: application/json\r\n";
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let unknown = "/uploads/upload_01kt1gw6g0e3p8nftesbd07h1h";
    for (line, headers, status) in [
        ("POST /graphql", format!("{none}{json}"), 401),
        ("POST /graphql", format!("{admin}{json}"), 413),
        ("POST /graphql", format!("{admin}{form}"), 400),
        ("POST /uploads", format!("{admin}{bytes}"), 400),
        (
            "POST /uploads",
            format!("{admin}{bytes}Upload-Length: 3\r\n"),
            413,
        ),
        (
            &format!("PATCH {unknown}"),
            format!("{admin}{bytes}Upload-Offset: 0\r\n"),
            404,
        ),
        ("POST /nowhere", String::new(), 404),
        ("GET /healthz", String::new(), 200),
    ] {
        let what = format!("{line} {headers}");
        let mut stream = begin(&app, line, &headers, 8 * MIB).await;
        let piece = vec![b' '; MIB];
        for _ in 0..8 {
            stream.write_all(&piece).await.unwrap();
            // The server has time to answer while the rest is still on its way.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut said = Vec::new();
        let read = timeout(SOON, stream.read_to_end(&mut said)).await.unwrap();
        assert!(read.is_ok(), "{what}: {read:?}");
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status} ")),
            "{what}: {said}"
        );
        assert!(said.contains("\r\nconnection: close\r\n"), "{what}: {said}");
        assert!(status == 200 || said.ends_with("}]}"), "{what}: {said}");
    }
    // A body that was wanted leaves the connection as it is.
    let body = r#"{"query":"{ __typename }"}"#;
    let mut stream = begin(&app, "POST /graphql", &format!("{admin}{json}"), body.len()).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut said = [0; 4096];
    let read = stream.read(&mut said).await.unwrap();
    let said = std::str::from_utf8(&said[..read]).unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(!said.contains("connection: close"), "{said}");
    app.stop().await;
}

#[tokio::test]
async fn who_does_not_stop_is_cut_off() {
    let app = TestApp::start().await;
    let mut stream = begin(&app, "POST /nowhere", "", 1024 * MIB).await;
    let piece = vec![b' '; MIB];
    let sent = timeout(SOON, async {
        for sent in 0..1024 {
            if stream.write_all(&piece).await.is_err() {
                return sent;
            }
        }
        1024
    });
    assert!(sent.await.unwrap() < 128);
    app.stop().await;
}
