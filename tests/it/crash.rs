//! The binary, killed: what was acknowledged is there, and nothing is there by half.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::support::{Home, Server, noise};

/// How often the server is killed; `TEST_CRASH_ROUNDS` names another number.
const ROUNDS: u64 = 100;

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own setting, which no server reads"
)]
fn rounds() -> u64 {
    std::env::var("TEST_CRASH_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap())
}

/// What the server has said that it did.
#[derive(Default)]
struct Acknowledged {
    /// Assets and the hashes of their files.
    pictures: Vec<(String, String)>,
    /// The numbers of a content's versions.
    numbers: Vec<i64>,
    /// The last revision of another content that was seen, and its title.
    revision: i64,
    title: String,
    /// Outlets are named by number; a call without an answer is repeated in the next life.
    outlets: u64,
    /// The last acknowledged call that made one: its number, and the outlet's id.
    outlet: Option<(u64, String)>,
    sent: u64,
}

/// Clients of one life, until it ends.
struct Clients<'a> {
    server: &'a Server,
    /// Gets versions.
    versioned: &'a str,
    /// Gets titles: a version would be a revision too.
    updated: &'a str,
    done: &'a Mutex<Acknowledged>,
}

impl Clients<'_> {
    fn done<T>(&self, change: impl FnOnce(&mut Acknowledged) -> T) -> T {
        change(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn send_pictures(&self, side: u32) -> Option<()> {
        loop {
            let seed = self.done(|done| {
                done.sent += 1;
                done.sent
            });
            let bytes = noise(side, side, seed);
            let hash = hex::encode(Sha256::digest(&bytes));
            let id = self
                .server
                .picture(&format!("Picture {seed}"), bytes)
                .await?;
            self.done(|done| done.pictures.push((id, hash)));
        }
    }

    async fn add_versions(&self) -> Option<()> {
        loop {
            let input = json!({ "asset": self.versioned, "text": "Other words" });
            let made = self
                .server
                .mutate("addAssetVersion", input, "version { number }")
                .await?;
            let number = made["version"]["number"].as_i64().unwrap();
            self.done(|done| done.numbers.push(number));
        }
    }

    async fn update(&self) -> Option<()> {
        let query = "query($id: ID!) { node(id: $id) { ... on Content { revision } } }";
        let read = self
            .server
            .ask(query, json!({ "id": self.updated }))
            .await?;
        let mut revision = read["node"]["revision"].as_i64().unwrap();
        let kept = self.done(|done| done.revision);
        // Nothing is lost; at most the one update that was not answered any more came through besides.
        assert!(
            (kept..=kept + 1).contains(&revision),
            "{revision} after {kept}"
        );
        if revision > kept {
            let title = format!("Title {revision}");
            self.done(|done| (done.revision, done.title) = (revision, title));
        }
        loop {
            let title = format!("Title {}", revision + 1);
            let input = json!({ "id": self.updated, "revision": revision, "title": title });
            self.server.mutate("updateContent", input, "").await?;
            revision += 1;
            self.done(|done| (done.revision, done.title) = (revision, title));
        }
    }

    /// The id of the outlet with a number, which is made unless it was made before.
    async fn outlet(&self, n: u64) -> Option<String> {
        let input = json!({ "name": format!("Outlet {n}"), "kind": "PRESS", "clientMutationId": format!("outlet {n}") });
        let made = self
            .server
            .mutate("createOutlet", input, "outlet { id }")
            .await?;
        Some(made["outlet"]["id"].as_str().unwrap().to_owned())
    }

    async fn make_outlets(&self) -> Option<()> {
        // What was acknowledged before the kill is answered alike after it.
        if let Some((n, id)) = self.done(|done| done.outlet.clone()) {
            assert_eq!(self.outlet(n).await?, id);
        }
        loop {
            let n = self.done(|done| done.outlets);
            let id = self.outlet(n).await?;
            self.done(|done| {
                done.outlets += 1;
                done.outlet = Some((n, id));
            });
        }
    }

    async fn run(&self) {
        tokio::join!(
            self.send_pictures(16),
            self.send_pictures(48),
            self.send_pictures(200),
            self.add_versions(),
            self.update(),
            self.make_outlets(),
        );
    }
}

/// All nodes of a list, page by page.
async fn all(server: &Server, query: &str, variables: &Json, path: &[&str]) -> Vec<Json> {
    let mut variables = variables.clone();
    let mut nodes = Vec::new();
    loop {
        let data = server.ask(query, variables.clone()).await.unwrap();
        let page = path.iter().fold(&data, |value, step| &value[*step]);
        nodes.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            return nodes;
        }
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

/// Every acknowledged picture has the bytes that were sent.
pub(crate) async fn check_pictures(server: &Server, pictures: &[(String, String)]) {
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Asset { latestVersion {
        ... on AssetVersion { file { url sha256 } } } } } }";
    for some in pictures.chunks(50) {
        let ids: Vec<&str> = some.iter().map(|(id, _)| id.as_str()).collect();
        let found = server.ask(query, json!({ "ids": ids })).await.unwrap();
        let checks = found["nodes"].as_array().unwrap().iter().zip(some).map(
            |(node, (id, hash))| async move {
                let file = &node["latestVersion"]["file"];
                assert_eq!(file["sha256"], **hash, "{id}: {node:#}");
                let url = file["url"].as_str().unwrap();
                let got = server.http.get(url).send().await.unwrap();
                assert_eq!(got.status(), 200, "{id}");
                assert_eq!(
                    hex::encode(Sha256::digest(got.bytes().await.unwrap())),
                    *hash,
                    "{id}"
                );
            },
        );
        futures::stream::iter(checks)
            .buffer_unordered(8)
            .collect::<()>()
            .await;
    }
}

/// How many objects there are, all of them whole pictures, and how many that never became one.
fn objects(folder: &Path) -> (usize, usize) {
    let (mut whole, mut staged) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == "audit-heads" {
            continue; // No files: see the audit log.
        }
        if entry.file_type().unwrap().is_dir() {
            let (w, s) = objects(&entry.path());
            (whole, staged) = (whole + w, staged + s);
        } else if entry.file_name().to_string_lossy().contains('#') {
            staged += 1;
        } else {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(
                bytes.ends_with(b"IEND\xae\x42\x60\x82"),
                "half a file: {entry:?}"
            );
            whole += 1;
        }
    }
    (whole, staged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let home = Home::new().await;
    let server = home.serve().await;
    server
        .mutate(
            "createBrand",
            json!({ "name": "north", "slug": "north" }),
            "",
        )
        .await
        .unwrap();
    let mut made = Vec::new();
    for title in ["Versioned", "Updated"] {
        let copy = json!({ "brand": "north", "title": title, "kind": "COPY", "text": "Words" });
        let payload = server
            .mutate("createAsset", copy, "asset { id revision }")
            .await;
        made.push(payload.unwrap()["asset"].clone());
    }
    let [versioned, updated] = [0, 1].map(|i| made[i]["id"].as_str().unwrap());
    let done = Mutex::new(Acknowledged {
        revision: made[1]["revision"].as_i64().unwrap(),
        title: "Updated".to_owned(),
        ..Acknowledged::default()
    });
    drop(server);

    let began = Instant::now();
    let mut starting = Duration::ZERO;
    for round in 0..rounds() {
        let started = Instant::now();
        let server = home.serve().await;
        starting += started.elapsed();
        let clients = Clients {
            server: &server,
            versioned,
            updated,
            done: &done,
        };
        let kill = async {
            tokio::time::sleep(Duration::from_millis(50 + round * 37 % 101)).await;
            server.kill();
        };
        tokio::join!(clients.run(), kill);
    }
    let done = done.into_inner().unwrap();
    eprintln!(
        "{} kills in {:?} (starts: {starting:?}): {} pictures, {} versions, {} outlets, revision {}",
        rounds(),
        began.elapsed(),
        done.pictures.len(),
        done.numbers.len(),
        done.outlets,
        done.revision
    );
    let mut server = home.serve().await;
    check_pictures(&server, &done.pictures).await;
    check_versions(&server, versioned, &done).await;
    check_titles(&server, updated, &done).await;
    check_outlets(&server, &done).await;
    server.tell_to_stop();
    assert!(server.end().await.success());
    check_at_rest(&home, done.pictures.len());
    home.database.remove().await;
}

/// The versions are numbered without a hole, and at most those of the kills came through unanswered.
async fn check_versions(server: &Server, content: &str, done: &Acknowledged) {
    let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Content {
        versions(first: 100, after: $after) { nodes { number } pageInfo { hasNextPage endCursor } } } } }";
    let versions = all(
        server,
        query,
        &json!({ "id": content }),
        &["node", "versions"],
    )
    .await;
    let mut numbers: Vec<i64> = versions
        .iter()
        .map(|v| v["number"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    let count = i64::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
    let last = done.numbers.iter().max().copied().unwrap_or(1);
    assert!(last <= count, "{last} of {count}");
    assert!(
        done.numbers.is_sorted_by(|a, b| a < b),
        "a number was given twice"
    );
}

/// The last acknowledged update holds, or the one after it that was not answered any more.
async fn check_titles(server: &Server, content: &str, done: &Acknowledged) {
    let query = "query($id: ID!) { node(id: $id) { ... on Content { revision title } } }";
    let read = server.ask(query, json!({ "id": content })).await.unwrap();
    let expected = if read["node"]["revision"] == done.revision {
        json!({ "revision": done.revision, "title": done.title })
    } else {
        let next = done.revision + 1;
        json!({ "revision": next, "title": format!("Title {next}") })
    };
    assert_eq!(read["node"], expected);
}

/// Each acknowledged outlet is there once, though many calls were repeated.
async fn check_outlets(server: &Server, done: &Acknowledged) {
    let query = "query($after: String) { outlets(first: 100, after: $after) {
        nodes { name } pageInfo { hasNextPage endCursor } } }";
    let outlets = all(server, query, &json!({}), &["outlets"]).await;
    let mut names: Vec<&str> = outlets
        .iter()
        .map(|o| o["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let given = names.len();
    names.dedup();
    assert_eq!(names.len(), given, "an outlet was made twice");
    let acknowledged = usize::try_from(done.outlets).unwrap();
    assert!(
        (acknowledged..=acknowledged + 1).contains(&given),
        "{given} of {acknowledged}"
    );
}

/// The stored files are what their rows say, and none is there by half.
fn check_at_rest(home: &Home, pictures: usize) {
    let verified = home.run(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{verified:?}");
    let rows: usize = said.split(' ').next().unwrap().parse().unwrap();
    let (whole, staged) = objects(&home.files());
    eprintln!("{whole} objects for {rows} files, {staged} parts of uploads that were cut off");
    eprint!("{said}");
    assert!(rows >= pictures && whole >= rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_told_to_stop_finishes_what_was_begun() {
    let home = Home::new().await;
    let mut server = home.serve().await;
    server
        .mutate(
            "createBrand",
            json!({ "name": "north", "slug": "north" }),
            "",
        )
        .await
        .unwrap();
    let pictures: Vec<Vec<u8>> = (0..8).map(|seed| noise(600, 600, seed)).collect();
    let hashes: Vec<String> = pictures
        .iter()
        .map(|bytes| hex::encode(Sha256::digest(bytes)))
        .collect();
    let sent = pictures
        .into_iter()
        .map(|bytes| server.picture("Picture", bytes));
    let told = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.tell_to_stop();
    };
    let (made, ()) = tokio::join!(join_all(sent), told);
    let made: Vec<String> = made.into_iter().map(Option::unwrap).collect();
    let status = server.end().await;
    assert_eq!(status.code(), Some(0), "{status}");

    let started = Instant::now();
    let again = home.serve().await;
    let took = started.elapsed();
    eprintln!("the second start took {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let made: Vec<(String, String)> = made.into_iter().zip(hashes).collect();
    check_pictures(&again, &made).await;
    drop(again);
    assert_eq!(objects(&home.files()), (8, 0));
    home.database.remove().await;
}

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
    check_at_rest(&home, 1);
    assert_eq!(objects(&home.files()), (1, 0));
    home.database.remove().await;
}
