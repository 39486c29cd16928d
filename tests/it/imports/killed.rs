//! The server killed while it imports, and the command that had it import: all of a table is there, or nothing.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::{Home, Server};
use crate::tus::{OCTETS, base64};

/// How often the server is killed.
const KILLS: u64 = 8;
const ROWS: usize = 3_000;

fn table(run: usize) -> String {
    let mut table = "key,outlet,kind,published_on,locale,headline,tags\n".to_owned();
    for i in 0..ROWS {
        writeln!(
            table,
            "k{run}-{i},Trailbench,QUOTE,2026-01-01,en,Win {run} {i},t"
        )
        .unwrap();
    }
    table
}

async fn count(server: &Server) -> usize {
    let data = server
        .ask("{ endorsements { totalCount } }", json!({}))
        .await
        .unwrap();
    usize::try_from(data["endorsements"]["totalCount"].as_u64().unwrap()).unwrap()
}

async fn send(server: &Server, table: &str) -> String {
    let request = server
        .http
        .post(format!("{}/uploads", server.url))
        .bearer_auth(&server.token)
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", table.len())
        .header(
            "Upload-Metadata",
            format!("filetype {}", base64("text/csv")),
        )
        .header("Content-Type", OCTETS)
        .body(table.to_owned());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    let place = response
        .headers()
        .get("location")
        .unwrap()
        .to_str()
        .unwrap();
    place.rsplit('/').next().unwrap().to_owned()
}

async fn ground(server: &Server) {
    server
        .mutate(
            "createBrand",
            json!({ "name": "North", "slug": "north" }),
            "",
        )
        .await
        .unwrap();
    server
        .mutate(
            "createOutlet",
            json!({ "name": "Trailbench", "kind": "PRESS" }),
            "",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn a_killed_server_leaves_all_of_a_table_or_nothing_and_goes_on_with_it() {
    let home = Home::new().await;
    let mut server = home.serve().await;
    ground(&server).await;
    let upload = send(&server, &table(0)).await;
    let input = json!({ "brand": "north", "kind": "ENDORSEMENTS", "upload": upload });
    let made = server
        .mutate("importFile", input, "import { id }")
        .await
        .unwrap();
    for kill in 0..KILLS {
        // Somewhere between the first look at the table and its last row.
        tokio::time::sleep(Duration::from_millis(60 + 130 * kill)).await;
        server.kill();
        server.end().await;
        server = home.serve().await;
        let there = count(&server).await;
        assert!(
            there == 0 || there == ROWS,
            "{there} rows after kill {kill}"
        );
    }
    // It is taken up again by itself, and done once.
    let query = "query($id: ID!) { node(id: $id) { ... on Import { state created } } }";
    let ended = loop {
        let id = json!({ "id": made["import"]["id"] });
        let data = server.ask(query, id).await.unwrap();
        if data["node"]["state"] == "DONE" || data["node"]["state"] == "FAILED" {
            break data["node"].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ended, json!({ "state": "DONE", "created": ROWS }));
    assert_eq!(count(&server).await, ROWS);
    drop(server);
    home.database.remove().await;
}

#[tokio::test]
async fn the_command_imports_exports_and_may_be_killed() {
    let home = Home::new().await;
    let server = home.serve().await;
    ground(&server).await;
    let folder = home.database.folder().to_owned();
    let file = |name: &str| folder.join(name);
    std::fs::write(file("wins.csv"), table(1)).unwrap();
    std::fs::write(file("token"), format!("{}\n", server.token)).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accolade"));
        command.args(arguments).args([
            "--brand",
            "north",
            "--token-file",
            "token",
            "--url",
            &server.url,
        ]);
        command
            .env_clear()
            .current_dir(&folder)
            .stdin(Stdio::null());
        command
    };
    let run = |arguments: &[&str]| {
        let output = command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.success(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let words = |(good, out, err): (bool, String, String)| {
        assert!(good, "{err}");
        out
    };
    let tried = run(&["import", "endorsements", "wins.csv", "--dry-run"]);
    assert_eq!(
        words(tried),
        "dry run: 3,000 created, 0 updated, 0 unchanged\n"
    );
    assert_eq!(count(&server).await, 0);
    // Killed at once, and a little later: the server has heard of it or not.
    for pause in [0, 40] {
        let mut child = command(&["import", "endorsements", "wins.csv"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let there = count(&server).await;
        assert!(there == 0 || there == ROWS, "{there}");
    }
    let done = words(run(&["import", "endorsements", "wins.csv"]));
    assert!(
        [
            "3,000 created, 0 updated, 0 unchanged\n",
            "0 created, 0 updated, 3,000 unchanged\n"
        ]
        .contains(&&*done),
        "{done}"
    );
    assert_eq!(count(&server).await, ROWS);
    let (good, _, said) = run(&["export", "endorsements", "--output", "out.csv"]);
    assert!(good, "{said}");
    assert_eq!(
        words(run(&["import", "endorsements", "out.csv"])),
        "0 created, 0 updated, 3,000 unchanged\n"
    );
    // What is there already is not written over.
    assert!(!run(&["export", "endorsements", "--output", "out.csv"]).0);
    std::fs::write(
        file("bad.csv"),
        "key,outlet\nk1-0,Nowhere\nnew,Trailbench\n",
    )
    .unwrap();
    let (good, out, said) = run(&["import", "endorsements", "bad.csv"]);
    assert!(!good && out.is_empty());
    for line in [
        "bad.csv:2: outlet: ",
        "bad.csv:3: headline: ",
        "nothing was imported",
    ] {
        assert!(said.contains(line), "{said}");
    }
    drop(server);
    home.database.remove().await;
}
