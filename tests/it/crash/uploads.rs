//! An upload that a server's ends interrupt.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::disk::Lost;
use super::{check_at_rest, check_pictures, objects};
use crate::support::{Home, Server, noise};

/// Sends what is left of an upload until the server is gone; whether it was taken whole.
async fn send_rest(server: &Server, path: &str, bytes: &[u8]) -> bool {
    let url = format!("{}{path}", server.url);
    let request = |method: reqwest::Method| {
        server
            .http
            .request(method, &url)
            .bearer_auth(&server.token)
            .header("Tus-Resumable", "1.0.0")
    };
    loop {
        let Ok(head) = request(reqwest::Method::HEAD).send().await else {
            return false;
        };
        let at: usize = head.headers()["upload-offset"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        if at == bytes.len() {
            return true;
        }
        // Bit by bit, as over a slow line.
        let rest = bytes[at..].to_vec();
        let bits = futures::stream::unfold((rest, 0), |(rest, at)| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let end = rest.len().min(at + 4_000);
            (at < end).then(|| (Ok::<_, std::io::Error>(rest[at..end].to_vec()), (rest, end)))
        });
        let sent = request(reqwest::Method::PATCH)
            .header("Upload-Offset", at)
            .header("Content-Type", "application/offset+octet-stream")
            .body(reqwest::Body::wrap_stream(bits))
            .send()
            .await;
        match sent.map(|said| said.status().as_u16()) {
            Ok(204) => {}
            // The lock of a writer that was killed is free after a while.
            Ok(409 | 423) => tokio::time::sleep(Duration::from_millis(100)).await,
            Ok(other) => panic!("{other}"),
            Err(_) => return false,
        }
    }
}

/// Where an upload stands, as the server says.
async fn offset(server: &Server, path: &str) -> usize {
    let head = server
        .http
        .head(format!("{}{path}", server.url))
        .bearer_auth(&server.token)
        .header("Tus-Resumable", "1.0.0")
        .send()
        .await
        .unwrap();
    let said = head.headers()["upload-offset"].to_str().unwrap();
    said.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_every_kill() {
    let home = Home::new().await;
    goes_on(&home, || {}).await;
    home.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_every_power_cut() {
    let (home, disk) = Home::on_a_disk().await;
    goes_on(&home, || disk.cut(Lost::All)).await;
    home.database.remove().await;
}

/// An upload over many lives, with something done between them.
async fn goes_on(home: &Home, between: impl Fn()) {
    let server = home.serve().await;
    let brand = json!({ "name": "north", "slug": "north" });
    server.mutate("createBrand", brand, "").await.unwrap();
    let bytes = noise(1500, 1200, 1);
    let begun = server
        .http
        .post(format!("{}/uploads", server.url))
        .bearer_auth(&server.token)
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", bytes.len())
        .send()
        .await
        .unwrap();
    assert_eq!(begun.status(), 201);
    let url = begun.headers()["location"].to_str().unwrap();
    let path = url.strip_prefix(&server.url).unwrap().to_owned();
    drop(server);

    let mut kept = 0;
    let mut kills = 0;
    // How many lives in a row have brought nothing: a killed writer's lock outlives a few of them.
    let mut idle = 0;
    loop {
        let before = kept;
        let server = home.serve().await;
        let at = offset(&server, &path).await;
        assert!(at >= kept, "{at} after {kept}");
        let seen = std::sync::atomic::AtomicUsize::new(at);
        let kill = async {
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                seen.store(
                    offset(&server, &path).await,
                    std::sync::atomic::Ordering::SeqCst,
                );
            }
            server.kill();
        };
        let whole = tokio::select! {
            whole = send_rest(&server, &path, &bytes) => whole,
            () = kill => false,
        };
        kept = seen.into_inner();
        drop(server);
        between();
        if whole {
            break;
        }
        kills += 1;
        idle = if kept > before { 0 } else { idle + 1 };
        assert!(idle < 30, "it does not get on: {kept}");
    }
    eprintln!("{} bytes over {kills} kills", bytes.len());
    let mut server = home.serve().await;
    let id = path.rsplit('/').next().unwrap();
    let input = json!({ "brand": "north", "title": "T", "file": { "tus": id } });
    let select = "asset { id }";
    let made = server.mutate("createAsset", input, select).await.unwrap();
    let id = made["asset"]["id"].as_str().unwrap().to_owned();
    let hash = hex::encode(Sha256::digest(&bytes));
    check_pictures(&server, &[(id, hash)]).await;
    server.tell_to_stop();
    assert!(server.end().await.success());
    check_at_rest(home, 1);
    assert_eq!(objects(&home.files()), (1, 0));
}
