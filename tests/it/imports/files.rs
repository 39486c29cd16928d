//! The command that sends files: a folder, and a table that names some, over lines that break.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::assets::ALL;
use crate::support::{Home, Server, noise, png};

/// What a command has said.
#[derive(Debug)]
struct Said {
    good: bool,
    out: String,
    err: String,
}

struct Desk {
    folder: PathBuf,
    url: String,
    token: String,
}

impl Desk {
    fn of(home: &Home, server: &Server) -> Self {
        let folder = home.database.folder().join("desk");
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            url: server.url.clone(),
            token: server.token.clone(),
        }
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accolade"));
        command
            .args(arguments)
            .args(["--brand", "north", "--url", &self.url]);
        command.env_clear().env("ACCOLADE_TOKEN", &self.token);
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said(self.start(arguments))
    }

    /// What a command that comes off says at its end.
    fn done(&self, arguments: &[&str]) -> (String, String) {
        let said = self.run(arguments);
        assert!(said.good, "{said:#?}");
        (said.out, said.err)
    }

    /// What a command that imports nothing says.
    fn refused(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert!(!said.good && said.out.is_empty(), "{said:#?}");
        assert!(said.err.contains("nothing was imported"), "{said:#?}");
        said.err
    }
}

fn said(child: Child) -> Said {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        good: output.status.success(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

async fn ground(server: &Server) {
    let brand = json!({ "name": "North", "slug": "north" });
    server.mutate("createBrand", brand, "").await.unwrap();
    let channel = json!({ "name": "Site", "slug": "site", "kind": "SITE" });
    server.mutate("createChannel", channel, "").await.unwrap();
}

async fn all(server: &Server) -> Vec<Json> {
    let data = server.ask(ALL, json!({})).await.unwrap();
    let nodes = data["assets"]["nodes"].as_array().unwrap().iter();
    nodes.rev().cloned().collect()
}

fn uploads(folder: &Path) -> usize {
    crate::tus::files_in(folder).len()
}

#[tokio::test]
async fn a_folder_becomes_assets_once_and_its_litter_does_not() {
    let home = Home::new().await;
    let server = home.serve().await;
    ground(&server).await;
    let desk = Desk::of(&home, &server);
    desk.put("shots/hero_shot.png", png(60, 40, 1));
    desk.put("shots/2026/night-hike.png", png(60, 40, 2));
    desk.put("shots/2026/copy.png", png(60, 40, 2));
    desk.put("shots/.hidden.png", png(60, 40, 3));
    desk.put("shots/.git/x.png", png(60, 40, 3));
    desk.put("shots/2026/Thumbs.db", "x");
    desk.put("outside.png", png(60, 40, 4));
    symlink(
        desk.folder.join("outside.png"),
        desk.folder.join("shots/out.png"),
    )
    .unwrap();
    symlink(
        desk.folder.join("nothing"),
        desk.folder.join("shots/dangling.png"),
    )
    .unwrap();
    symlink(
        desk.folder.join("shots"),
        desk.folder.join("shots/2026/loop"),
    )
    .unwrap();
    let import = [
        "import",
        "folder",
        "shots",
        "--tag",
        "Spring",
        "--channel",
        "site",
    ];
    // It is tried without anything being sent.
    let before = uploads(&home.files());
    let (out, err) = desk.done(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(out, "dry run: 3 created, 0 updated, 0 unchanged\n");
    assert!(err.contains("dry run: 2 files, "), "{err}");
    assert_eq!(
        (all(&server).await.len(), uploads(&home.files())),
        (0, before + 1),
        "only the table was sent"
    );
    for (name, why) in [
        (".hidden.png", "hidden"),
        (".git", "hidden"),
        ("2026/Thumbs.db", "system"),
        ("out.png", "out of the folder"),
        ("dangling.png", "nothing"),
        ("2026/loop", "no file"),
    ] {
        let line = err
            .lines()
            .find(|line| line.contains(&format!("shots/{name}: ")));
        assert!(
            line.is_some_and(|line| line.starts_with("skipped ") && line.contains(why)),
            "{name}: {err}"
        );
    }
    let (out, err) = desk.done(&import);
    assert_eq!(out, "3 created, 0 updated, 0 unchanged\n");
    // The same bytes under two names are sent once.
    assert!(err.contains("\n2 files, "), "{err}");
    let made = all(&server).await;
    let told: Vec<Json> = made
        .iter()
        .map(|a| json!([a["title"], a["latestVersion"]["file"]["filename"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["Copy", "copy.png"],
            ["Night hike", "night-hike.png"],
            ["Hero shot", "hero_shot.png"]
        ])
    );
    assert!(made.iter().all(|a| a["tags"] == json!(["spring"]) && a["channels"] == json!([{ "slug": "site" }])));
    // Once more, and by somebody else.
    let (out, err) = desk.done(&import);
    assert_eq!(out, "0 created, 0 updated, 3 unchanged\n");
    assert!(err.contains("\n0 files, 0 bytes sent"), "{err}");
    assert_eq!(all(&server).await, made);
    let token = json!({ "name": "other", "scopes": ["WRITE"], "brands": ["north"] });
    let other = server
        .mutate("createAccessToken", token, "secret")
        .await
        .unwrap();
    let other = Desk {
        token: other["secret"].as_str().unwrap().to_owned(),
        folder: desk.folder.clone(),
        url: desk.url.clone(),
    };
    let (out, err) = other.done(&import);
    assert_eq!(out, "0 created, 0 updated, 3 unchanged\n");
    assert!(err.contains("\n0 files, 0 bytes sent"), "{err}");
    drop(server);
    home.database.remove().await;
}

#[tokio::test]
async fn a_picture_that_was_edited_becomes_a_version_and_a_bad_one_keeps_all_back() {
    let home = Home::new().await;
    let server = home.serve().await;
    ground(&server).await;
    let desk = Desk::of(&home, &server);
    desk.put("shots/hero_shot.png", png(60, 40, 1));
    desk.put("shots/2026/night-hike.png", png(60, 40, 2));
    desk.put("shots/2026/copy.png", png(60, 40, 2));
    let import = ["import", "folder", "shots", "--tag", "Spring"];
    desk.done(&import);
    // Other bytes make a version for review, other labels none.
    desk.put("shots/hero_shot.png", png(60, 40, 9));
    let (out, err) = desk.done(&[
        "import", "folder", "shots", "--tag", "spring", "--tag", "new",
    ]);
    assert_eq!(out, "0 created, 3 updated, 0 unchanged\n");
    assert!(err.contains("\n1 files, "), "{err}");
    let after = all(&server).await;
    assert!(after.iter().all(|a| a["tags"] == json!(["new", "spring"])));
    let numbers: Vec<&Json> = after
        .iter()
        .map(|a| &a["latestVersion"]["number"])
        .collect();
    assert_eq!(numbers, [&json!(1), &json!(1), &json!(2)]);
    assert_eq!(after[2]["latestVersion"]["state"], "DRAFT");
    // What is no picture, empty, or not to be read keeps all back; each is told by its name.
    desk.put("shots/empty.png", "");
    desk.put("shots/readme.txt", "not a picture");
    desk.put("shots/new.png", png(60, 40, 11));
    let err = desk.refused(&import);
    assert!(err.contains("shots/empty.png: The file is empty."), "{err}");
    assert!(
        err.contains("shots/readme.txt: ") && !err.contains("shots/new.png"),
        "{err}"
    );
    assert_eq!(all(&server).await, after);
    drop(server);
    home.database.remove().await;
}

#[tokio::test]
async fn a_table_names_files_beside_it_and_none_elsewhere() {
    let home = Home::new().await;
    let server = home.serve().await;
    ground(&server).await;
    let desk = Desk::of(&home, &server);
    desk.put("secret.png", png(60, 40, 1));
    desk.put("in/a.png", png(60, 40, 2));
    desk.put("in/sub/b.png", png(60, 40, 3));
    symlink(
        desk.folder.join("secret.png"),
        desk.folder.join("in/link.png"),
    )
    .unwrap();
    let secret = desk.folder.join("secret.png");
    let table = format!(
        "key,title,file\n1,\"Two\nlines\",a.png\n2,T,../secret.png\n\n3,T,{}\n4,T,link.png\n5,T,sub/../../secret.png\n\
         6,T,gone.png\n7,T,sub\n",
        secret.display()
    );
    desk.put("in/list.csv", table);
    let before = uploads(&home.files());
    let err = desk.refused(&["import", "assets", "in/list.csv"]);
    for line in [
        "4: file: The path leads out",
        "6: file: The path",
        "7: file: The path",
        "8: file: The path",
        "9: file: There is no such",
        "10: file: This is no file",
    ] {
        assert!(
            err.contains(&format!("in/list.csv:{line}")),
            "{line}: {err}"
        );
    }
    assert!(!err.contains("list.csv:2:"), "{err}");
    assert_eq!(uploads(&home.files()), before, "nothing was sent");
    // What only the server finds is told by the line of the sender's table.
    desk.put(
        "in/list.csv",
        "key;title;file;channels\n1;\"Two\nlines\";a.png;site\n\n2;Other;sub\\b.png;nowhere\n",
    );
    let err = desk.refused(&["import", "assets", "in/list.csv"]);
    assert!(err.contains("in/list.csv:5: channels: "), "{err}");
    assert_eq!(all(&server).await.len(), 0);
    desk.put("in/list.csv", "key;title;file;channels\n1;\"Two lines\";a.png;site\n\n2;Other;sub\\b.png;\n3;;sub/b.png;\n");
    let (out, err) = desk.done(&["import", "assets", "in/list.csv"]);
    assert_eq!(out, "3 created, 0 updated, 0 unchanged\n");
    assert!(
        err.contains("\n0 files, "),
        "what a refused table has sent is there: {err}"
    );
    let made = all(&server).await;
    // What is exported names its bytes, and needs no files.
    desk.done(&["export", "assets", "--output", "out.csv"]);
    assert_eq!(
        desk.done(&["import", "assets", "out.csv"]).0,
        "0 created, 0 updated, 3 unchanged\n"
    );
    assert_eq!(all(&server).await, made);
    // A hash that is not the file's is a mistake.
    desk.put(
        "in/list.csv",
        format!("key,file,sha256\n1,a.png,{}\n", "0".repeat(64)),
    );
    assert!(
        desk.refused(&["import", "assets", "in/list.csv"])
            .contains("list.csv:2: file: ")
    );
    drop(server);
    home.database.remove().await;
}

/// Stands between the command and the server, and breaks all lines whenever so many bytes have gone to the server.
fn breaking(server: &Server, mut cuts: Vec<u64>) -> (String, Arc<AtomicU64>, Arc<AtomicU64>) {
    let to = server.url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (passed, broken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (Arc::clone(&passed), Arc::clone(&broken));
    cuts.sort_unstable();
    let cuts = Arc::new(Mutex::new(cuts));
    let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&to) else {
                continue;
            };
            open.lock()
                .unwrap()
                .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
            let (mut back, mut front) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut back, &mut front);
                let _ = front.shutdown(Shutdown::Both);
            });
            let (cuts, open) = (Arc::clone(&cuts), Arc::clone(&open));
            let (passed, broken) = counts.clone();
            let (mut client, mut server) = (client, server);
            thread::spawn(move || {
                let mut some = vec![0; 16 * 1024];
                while let Ok(n @ 1..) = client.read(&mut some) {
                    if server.write_all(&some[..n]).is_err() {
                        break;
                    }
                    let total = passed.fetch_add(n as u64, Ordering::SeqCst) + n as u64;
                    let mut cuts = cuts.lock().unwrap();
                    if cuts.first().is_some_and(|cut| total >= *cut) {
                        cuts.remove(0);
                        broken.fetch_add(1, Ordering::SeqCst);
                        for stream in open.lock().unwrap().drain(..) {
                            let _ = stream.shutdown(Shutdown::Both);
                        }
                    }
                }
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    (url, passed, broken)
}

#[tokio::test]
async fn a_file_is_gone_on_with_where_a_broken_line_has_left_it() {
    let home = Home::new().await;
    let server = home.serve().await;
    ground(&server).await;
    let mut desk = Desk::of(&home, &server);
    let film = noise(1_900, 1_900, 1);
    let size = film.len() as u64;
    desk.put("shots/film.png", &film);
    let mib = 1 << 20;
    assert!(size > 10 * mib, "{size}");
    let (url, passed, broken) = breaking(&server, vec![2 * mib, 6 * mib, 9 * mib]);
    desk.url = url;
    let (out, _) = desk.done(&["import", "folder", "shots"]);
    assert_eq!(out, "1 created, 0 updated, 0 unchanged\n");
    assert_eq!(broken.load(Ordering::SeqCst), 3);
    // Each break costs a piece at most.
    let passed = passed.load(Ordering::SeqCst);
    assert!(passed < size + 3 * 4 * mib + mib, "{passed} of {size}");
    let made = all(&server).await;
    assert_eq!(
        made[0]["latestVersion"]["file"]["sha256"],
        super::assets::hash(&film).as_str()
    );
    drop(server);
    home.database.remove().await;
}

#[tokio::test]
async fn a_killed_server_is_waited_for_and_leaves_all_of_a_folder_or_nothing() {
    let home = Home::new().await;
    let mut server = home.serve().await;
    ground(&server).await;
    let desk = Desk::of(&home, &server);
    for i in 0..40_u8 {
        desk.put(&format!("shots/{i}.png"), noise(200, 200, u64::from(i)));
    }
    let mut child = desk.start(&["import", "folder", "shots"]);
    for kill in 0..4 {
        tokio::time::sleep(Duration::from_millis(100 + 150 * kill)).await;
        if child.try_wait().unwrap().is_some() {
            break;
        }
        server.kill();
        server.end().await;
        server = home.serve().await;
        let there = all(&server).await.len();
        assert!(there == 0 || there == 40, "{there} after kill {kill}");
    }
    let said = said(child);
    assert!(said.good, "{said:#?}");
    assert_eq!(said.out, "40 created, 0 updated, 0 unchanged\n");
    assert_eq!(all(&server).await.len(), 40);
    drop(server);
    home.database.remove().await;
}
