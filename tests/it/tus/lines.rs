//! Bad lines, several senders, several instances.

use std::time::Duration;

use accolade::platform::db::{Sql, fetch_count};
use bytes::Bytes;
use futures::SinkExt;
use futures::future::join_all;
use reqwest::Body;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{OCTETS, start, two};
use crate::support::{TestApp, noise};

type Feed = futures::channel::mpsc::Sender<Result<Bytes, std::io::Error>>;

/// A body that is fed bit by bit.
fn fed() -> (Feed, Body) {
    let (feed, bytes) = futures::channel::mpsc::channel(1);
    (feed, Body::wrap_stream(bytes))
}

/// Waits for something that is about to be.
async fn until<F: Future<Output = bool>>(what: impl Fn() -> F) {
    for _ in 0..3_000 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to that");
}

async fn locks(app: &TestApp) -> i64 {
    let sql = Sql::new("SELECT coalesce(max(lock_epoch), 0) AS n FROM uploads");
    fetch_count(app.app.db.read(), sql).await.unwrap()
}

/// The head of a request for a piece, and a connection on which it was sent.
async fn raw(app: &TestApp, url: &str, offset: usize, length: usize) -> TcpStream {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let path = url.strip_prefix(&app.url).unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: {offset}\r\nContent-Type: {OCTETS}\r\nContent-Length: {length}\r\n\r\n",
        app.admin
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_senders_at_one_offset_one_is_taken() {
    let (database, a, b) = two().await;
    let bytes = noise(100, 100, 1);
    for round in 0..5 {
        let url = a.begin(bytes.len()).await;
        let at_b = url.replace(&a.url, &b.url);
        let sent = (0..8).map(|i| {
            let piece = if i % 2 == 0 {
                a.piece(&url, 0, &bytes)
            } else {
                b.piece(&at_b, 0, &bytes)
            };
            async move { piece.send().await.unwrap().status().as_u16() }
        });
        let mut said = join_all(sent).await;
        said.sort_unstable();
        assert_eq!(said[0], 204, "{round}: {said:?}");
        assert!(
            said[1..].iter().all(|s| [409, 423].contains(s)),
            "{round}: {said:?}"
        );
        let file = b.make(&at_b).await;
        assert!(a.bytes(&file).await == bytes);
    }
    let report = accolade::care::verify::files(&a.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sender_waits_for_the_first_at_every_instance() {
    let (database, a, b) = two().await;
    let bytes = noise(100, 100, 2);
    let url = a.begin(bytes.len()).await;
    let at_b = url.replace(&a.url, &b.url);
    let (mut feed, body) = fed();
    let first = a
        .tus("PATCH", &url)
        .header("Upload-Offset", 0)
        .header("Content-Type", OCTETS)
        .body(body)
        .send();
    let rest = async {
        feed.send(Ok(Bytes::copy_from_slice(&bytes[..100])))
            .await
            .unwrap();
        until(|| async { locks(&a).await == 1 }).await;
        for (app, url) in [(&a, &url), (&b, &at_b)] {
            let second = app.piece(url, 0, &bytes).send().await.unwrap();
            assert_eq!(second.status(), 423);
            assert!(second.headers().contains_key("retry-after"));
        }
        feed.send(Ok(Bytes::copy_from_slice(&bytes[100..])))
            .await
            .unwrap();
        drop(feed);
    };
    let (first, ()) = tokio::join!(first, rest);
    assert_eq!(first.unwrap().status(), 204);
    let file = b.make(&at_b).await;
    assert!(b.bytes(&file).await == bytes);
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_instance_goes_on_with_it() {
    let (database, a, b) = two().await;
    let bytes = noise(400, 300, 3);
    let url = a.begin(bytes.len()).await;
    let mut at = 0_usize;
    for (i, size) in [1, 1000, 64, 77_777, 100_000, usize::MAX]
        .into_iter()
        .enumerate()
    {
        let app = if i % 2 == 0 { &b } else { &a };
        let here = url.replace(&a.url, &app.url);
        assert_eq!(app.offset(&here).await, at);
        let end = bytes.len().min(at.saturating_add(size));
        app.add(&here, at, &bytes[at..end]).await;
        at = end;
    }
    let file = b.make(&url).await;
    assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert!(a.bytes(&file).await == bytes);
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_line_broke_is_kept() {
    let app = start().await;
    let bytes = noise(600, 400, 4);
    let url = app.begin(bytes.len()).await;
    let mut at = 0_usize;
    for cut in [1, 70_000, 300_000] {
        let mut line = raw(&app, &url, at, bytes.len() - at).await;
        line.write_all(&bytes[at..cut]).await.unwrap();
        line.flush().await.unwrap();
        drop(line);
        until(|| async { app.offset(&url).await == cut }).await;
        at = cut;
        // The lock goes with the line.
        let unlocked = "SELECT count(*) AS n FROM uploads WHERE locked_until IS NULL";
        until(|| async { app.count(unlocked).await == 1 }).await;
    }
    app.add(&url, at, &bytes[at..]).await;
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_sender_loses_the_lock_and_may_go_on_if_nobody_else_did() {
    let app = start().await;
    let bytes = noise(100, 100, 5);
    let (went_on, lost) = (app.begin(bytes.len()).await, app.begin(bytes.len()).await);
    let mut lines = Vec::new();
    for url in [&went_on, &lost] {
        let mut line = raw(&app, url, 0, bytes.len()).await;
        line.write_all(&bytes[..1000]).await.unwrap();
        lines.push(line);
    }
    for url in [&went_on, &lost] {
        until(|| async { app.offset(url).await == 1000 }).await;
    }
    let unlocked = "SELECT count(*) AS n FROM uploads WHERE locked_until IS NULL";
    until(|| async { app.count(unlocked).await == 2 }).await;
    app.add(&lost, 1000, &bytes[1000..2000]).await;
    let mut said = Vec::new();
    for mut line in lines {
        // It may be told before it has sent all.
        let _ = line.write_all(&bytes[1000..]).await;
        let mut head = [0; 12];
        line.read_exact(&mut head).await.unwrap();
        said.push(String::from_utf8_lossy(&head[9..]).into_owned());
    }
    assert_eq!(said[0], "204");
    assert!(["409", "423"].contains(&said[1].as_str()), "{said:?}");
    assert_eq!(app.offset(&lost).await, 2000);
    app.add(&lost, 2000, &bytes[2000..]).await;
    for url in [&went_on, &lost] {
        let file = app.make(url).await;
        assert!(app.bytes(&file).await == bytes);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_body_without_a_length_ends_where_the_upload_does() {
    let app = start().await;
    let bytes = noise(60, 60, 6);
    let url = app.begin(bytes.len()).await;
    let send = |parts: Vec<Vec<u8>>| {
        let parts = parts.into_iter().map(Ok::<_, std::io::Error>);
        app.tus("PATCH", &url)
            .header("Upload-Offset", 0)
            .header("Content-Type", OCTETS)
            .body(Body::wrap_stream(futures::stream::iter(parts)))
            .send()
    };
    let refused = send(vec![bytes.clone(), vec![0]]).await.unwrap();
    assert_eq!(refused.status(), 413);
    assert_eq!(app.offset(&url).await, 0);
    let taken = send(bytes.chunks(100).map(<[u8]>::to_vec).collect()).await;
    assert_eq!(taken.unwrap().status(), 204);
    let file = app.make(&url).await;
    assert!(app.bytes(&file).await == bytes);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_ended_while_it_is_written_to_stays_ended() {
    let app = start().await;
    let bytes = noise(60, 60, 7);
    let url = app.begin(bytes.len()).await;
    let (mut feed, body) = fed();
    let sent = app
        .tus("PATCH", &url)
        .header("Upload-Offset", 0)
        .header("Content-Type", OCTETS)
        .body(body)
        .send();
    let rest = async {
        feed.send(Ok(Bytes::copy_from_slice(&bytes[..100])))
            .await
            .unwrap();
        until(|| async { locks(&app).await == 1 }).await;
        let ended = app.tus("DELETE", &url).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        let _ = feed.send(Ok(Bytes::copy_from_slice(&bytes[100..]))).await;
        drop(feed);
    };
    let (sent, ()) = tokio::join!(sent, rest);
    assert_eq!(sent.unwrap().status(), 409);
    assert_eq!(app.head(&url).await.status(), 410);
    assert_eq!(app.stored(), Vec::<std::path::PathBuf>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_finishes_the_piece_under_way() {
    let (database, a, b) = two().await;
    let bytes = noise(100, 100, 8);
    let url = a.begin(bytes.len()).await;
    let (mut feed, body) = fed();
    let sent = a
        .tus("PATCH", &url)
        .header("Upload-Offset", 0)
        .header("Content-Type", OCTETS)
        .body(body)
        .send();
    let sent = accolade::platform::tasks::spawn("sender", sent);
    feed.send(Ok(Bytes::copy_from_slice(&bytes[..100])))
        .await
        .unwrap();
    until(|| async { locks(&b).await == 1 }).await;
    a.stop().await;
    feed.send(Ok(Bytes::copy_from_slice(&bytes[100..5000])))
        .await
        .unwrap();
    drop(feed);
    assert_eq!(sent.await.unwrap().unwrap().status(), 204);
    let (_, path) = url.rsplit_once("/uploads/").unwrap();
    let at_b = format!("{}/{path}", b.uploads());
    b.add(&at_b, 5000, &bytes[5000..]).await;
    let file = b.make(&at_b).await;
    assert!(b.bytes(&file).await == bytes);
    b.stop().await;
    database.remove().await;
}
