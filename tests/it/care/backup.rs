//! A backup is made while the server goes on, is whole or not there, and can be put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

use accolade::testing::TestDatabase;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::crash::check_pictures;
use crate::support::{Home, Server, noise};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command that fails says.
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A home with its data in folders; none where the tests are of PostgreSQL.
async fn embedded() -> Option<Home> {
    let home = Home::new().await;
    if !home.database.is_shared() {
        return Some(home);
    }
    // It says what to use instead.
    let said = refused(&home.run(&["backup", "copy"]));
    assert!(said.contains("pg_dump"), "{said}");
    let said = refused(&home.run(&["restore", "copy"]));
    assert!(said.contains("pg_dump"), "{said}");
    home.database.remove().await;
    None
}

async fn with_pictures(home: &Home, count: u64) -> (Server, Vec<(String, String)>) {
    let server = home.serve().await;
    let brand = json!({ "name": "north", "slug": "north" });
    server.mutate("createBrand", brand, "").await.unwrap();
    let mut made = Vec::new();
    for seed in 0..count {
        made.push(send(&server, seed).await);
    }
    (server, made)
}

async fn send(server: &Server, seed: u64) -> (String, String) {
    let bytes = noise(48, 48, seed);
    let hash = hex::encode(Sha256::digest(&bytes));
    (server.picture("Picture", bytes).await.unwrap(), hash)
}

/// An empty place with the token of another home.
async fn elsewhere(home: &Home) -> Home {
    let mut other = Home::on(TestDatabase::create().await);
    other.token.clone_from(&home.token);
    other
}

async fn backup(home: &Home, to: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["backup", text(to)];
    arguments.extend(more);
    let mut child = home.start(&arguments);
    // The server's clients go on in this thread's tasks.
    while child.try_wait().unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    child.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_put_back_whole() {
    let Some(home) = embedded().await else { return };
    let (mut server, before) = with_pictures(&home, 40).await;
    let folder = tempfile::tempdir().unwrap();
    let over = AtomicBool::new(false);
    let loaded = async |lane: u64| {
        let mut count = 0;
        while !over.load(Ordering::Relaxed) {
            send(&server, 1_000_000 * lane + count).await;
            let copy =
                json!({ "brand": "north", "title": "Words", "kind": "COPY", "text": "Words" });
            server.mutate("createAsset", copy, "").await.unwrap();
            count += 1;
        }
        count
    };
    let backups = async {
        let copied = backup(&home, &folder.path().join("copied"), &[]).await;
        let linked = backup(&home, &folder.path().join("linked"), &["--link"]).await;
        let cleaned = home.run(&["gc", "--grace-hours", "0"]);
        over.store(true, Ordering::Relaxed);
        (copied, linked, cleaned)
    };
    let (a, b, (copied, linked, cleaned)) = tokio::join!(loaded(1), loaded(2), backups);
    eprintln!("{} pictures while it went on", a + b);
    assert!(a + b > 0);
    for output in [copied, linked, cleaned] {
        eprint!("{}", succeeded(&output));
    }
    server.tell_to_stop();
    assert!(server.end().await.success());
    for name in ["copied", "linked"] {
        let from = folder.path().join(name);
        let other = elsewhere(&home).await;
        succeeded(&other.run(&["restore", text(&from)]));
        let said = succeeded(&other.run(&["verify"]));
        assert!(said.contains("all hold"), "{said}");
        let again = other.serve().await;
        check_pictures(&again, &before).await;
        // It goes on from there, and its log with it.
        send(&again, 9_999_999).await;
        drop(again);
        succeeded(&other.run(&["verify"]));
        other.database.remove().await;
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    home.database.remove().await;
}

/// Every file below a folder, and its bytes.
fn all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_touches_nothing() {
    let Some(home) = embedded().await else { return };
    let (server, _) = with_pictures(&home, 3).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    succeeded(&backup(&home, &copy, &[]).await);
    drop(server);
    let other = elsewhere(&home).await;
    let at_first = all(other.database.folder());
    for (path, bytes) in all(&copy) {
        // One bit of it, all of it, and its place.
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for damage in 0..2 {
            if damage == 0 {
                fs::write(&path, &flipped).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
            // What says when the backup was taken is for people.
            let harmless = path.ends_with("backup.json") && damage == 0;
            if !harmless {
                refused(&other.run(&["restore", text(&copy)]));
                assert_eq!(all(other.database.folder()), at_first, "{path:?}");
            }
            fs::write(&path, &bytes).unwrap();
        }
    }
    succeeded(&other.run(&["restore", text(&copy)]));
    other.database.remove().await;
    home.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_replaced_only_when_told_and_moved_aside() {
    let Some(home) = embedded().await else { return };
    let (server, before) = with_pictures(&home, 3).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    succeeded(&backup(&home, &copy, &[]).await);
    let said = refused(&backup(&home, &copy, &[]).await);
    assert!(said.contains("is there already"), "{said}");
    let later = send(&server, 77).await;

    let said = refused(&home.run(&["restore", text(&copy)]));
    assert!(said.contains("--replace"), "{said}");
    let said = refused(&home.run(&["restore", text(&copy), "--replace"]));
    assert!(said.contains("stop the server"), "{said}");
    check_pictures(&server, std::slice::from_ref(&later)).await;
    drop(server);

    let said = succeeded(&home.run(&["restore", text(&copy), "--replace"]));
    assert!(said.contains(".replaced-"), "{said}");
    succeeded(&home.run(&["verify"]));
    let server = home.serve().await;
    check_pictures(&server, &before).await;
    let query = "query($id: ID!) { node(id: $id) { __typename } }";
    let gone = server.ask(query, json!({ "id": later.0 })).await.unwrap();
    assert_eq!(gone["node"], json!(null));
    drop(server);
    succeeded(&home.run(&["verify"]));
    home.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_says_what_it_could_not_copy() {
    let Some(home) = embedded().await else { return };
    let (server, made) = with_pictures(&home, 4).await;
    drop(server);
    let objects: Vec<PathBuf> = all(&home.files())
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !text(path).contains("audit-heads"))
        .collect();
    fs::write(&objects[0], b"wrong").unwrap();
    fs::remove_file(&objects[1]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let said = refused(&backup(&home, &copy, &[]).await);
    assert!(said.contains("without 2 files"), "{said}");
    assert_eq!(
        fs::read_to_string(copy.join("faults.txt"))
            .unwrap()
            .lines()
            .count(),
        2
    );
    let other = elsewhere(&home).await;
    let said = refused(&other.run(&["restore", text(&copy)]));
    assert!(said.contains("2 files were not what was stored"), "{said}");
    let said = refused(&other.run(&["verify"]));
    assert!(
        said.contains(&format!("2 of {} files", made.len())),
        "{said}"
    );
    other.database.remove().await;
    home.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_backup_is_not_there() {
    let Some(home) = embedded().await else { return };
    let (server, before) = with_pictures(&home, 20).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let mut whole = 0;
    for round in 0..8_u64 {
        let mut child = home.start(&["backup", text(&copy)]);
        tokio::time::sleep(std::time::Duration::from_millis(40 + round * 25)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        if copy.exists() {
            whole += 1;
            let other = elsewhere(&home).await;
            succeeded(&other.run(&["restore", text(&copy)]));
            succeeded(&other.run(&["verify"]));
            other.database.remove().await;
            fs::remove_dir_all(&copy).unwrap();
        }
        // Others wait for a turn that was not ended; here nobody has the time.
        let url = &home.database.config().url;
        let behind = sea_orm::Database::connect(url).await.unwrap();
        let end = "UPDATE care_turns SET held_until = 0";
        sea_orm::ConnectionTrait::execute_unprepared(&behind, end)
            .await
            .unwrap();
        behind.close().await.unwrap();
    }
    eprintln!("{whole} of 8 were made before the kill");
    succeeded(&backup(&home, &copy, &[]).await);
    check_pictures(&server, &before).await;
    drop(server);
    home.database.remove().await;
}
