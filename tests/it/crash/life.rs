//! Clients of a server that does not live long, and what it has told them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{check_at_rest, check_pictures};
use crate::support::{Home, Server, noise};

/// Two contents over all lives of a server, and what it has acknowledged in them.
pub(super) struct Lives {
    /// Gets versions.
    versioned: String,
    /// Gets titles: a version would be a revision too.
    updated: String,
    done: Mutex<Acknowledged>,
}

impl Lives {
    /// Makes what the clients work on, in a life that ends well.
    pub(super) async fn begin(home: &Home) -> Self {
        let server = home.serve().await;
        let brand = json!({ "name": "north", "slug": "north" });
        server.mutate("createBrand", brand, "").await.unwrap();
        let mut made = Vec::new();
        for title in ["Versioned", "Updated"] {
            let copy = json!({ "brand": "north", "title": title, "kind": "COPY", "text": "Words" });
            let payload = server
                .mutate("createAsset", copy, "asset { id revision }")
                .await;
            made.push(payload.unwrap()["asset"].clone());
        }
        let id = |at: usize| made[at]["id"].as_str().unwrap().to_owned();
        let done = Acknowledged {
            revision: made[1]["revision"].as_i64().unwrap(),
            title: "Updated".to_owned(),
            ..Acknowledged::default()
        };
        Self {
            versioned: id(0),
            updated: id(1),
            done: Mutex::new(done),
        }
    }

    /// One life, which ends by a kill after so long.
    pub(super) async fn live(&self, home: &Home, long: Duration) {
        let server = home.serve().await;
        let clients = Clients {
            server: &server,
            versioned: &self.versioned,
            updated: &self.updated,
            done: &self.done,
        };
        let kill = async {
            tokio::time::sleep(long).await;
            server.kill();
        };
        tokio::join!(clients.run(), kill);
    }

    /// What was acknowledged is there.
    pub(super) async fn check(self, home: &Home) {
        let done = self.done.into_inner().unwrap();
        eprintln!(
            "{} pictures, {} versions, {} outlets, revision {}",
            done.pictures.len(),
            done.numbers.len(),
            done.outlets,
            done.revision
        );
        let mut server = home.serve().await;
        check_pictures(&server, &done.pictures).await;
        check_versions(&server, &self.versioned, &done).await;
        check_titles(&server, &self.updated, &done).await;
        check_outlets(&server, &done).await;
        server.tell_to_stop();
        assert!(server.end().await.success());
        check_at_rest(home, done.pictures.len());
    }
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
