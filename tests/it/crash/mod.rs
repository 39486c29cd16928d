//! The binary, killed, and its power cut: what was acknowledged is there, and nothing is there by half.

pub(crate) mod disk;
mod life;
mod lives;
mod stopping;
mod uploads;

use std::path::Path;

use futures::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Home, Server};

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
