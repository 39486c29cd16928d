//! `run`: loads Accolade and the hand-written handler by turns, and prints what each did.

pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod table;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value as Json, json};
use sqlx::{Connection as _, Executor, PgConnection, SqliteConnection};

use crate::limit::PAGE;
use crate::seed::Seed;
use load::{Connection, Make, request};
use process::Server;
use table::Row;

const DOCUMENT: &str = include_str!("page.graphql");

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What `seed` has written
    #[arg(long, value_name = "FILE", default_value = "seed.json")]
    seed: PathBuf,
    /// The release binary of the server
    #[arg(long, value_name = "FILE")]
    accolade: PathBuf,
    /// Connections that are kept open, each with one request at a time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How long a round lasts
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds for each of the two; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The rows to measure, by their names; all, unless given
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// An argument for `accolade serve`, such as `--accolade-arg=--metrics=false`; may be given several times
    #[arg(long = "accolade-arg", value_name = "ARG")]
    accolade_args: Vec<String>,
}

/// One measurement: what both are asked.
struct Measure {
    name: &'static str,
    connections: usize,
    accolade: Make,
    /// None: it has no limit to be compared with.
    limit: Option<Make>,
}

/// What is searched for: a word of one title in fifteen or so, in three languages; and two words.
const SEARCHES: [(&str, &str); 4] = [
    ("search-en", "lantern"),
    ("search-zh", "推荐"),
    ("search-ja", "受賞"),
    ("search-two", "lantern award"),
];

struct Bench {
    options: Options,
    seed: Seed,
    /// Of the files that the server would store: none.
    data: tempfile::TempDir,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let seed = Seed::read(&options.seed)?;
    let data = tempfile::tempdir()?;
    let bench = Bench {
        options,
        seed,
        data,
    };
    let mut rows = Vec::new();
    bench.starts(&mut rows).await?;
    bench.reads(&mut rows).await?;
    bench.writes(&mut rows).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", bench.heading())?;
    table::print(&mut out, &rows)?;
    Ok(())
}

impl Bench {
    fn heading(&self) -> String {
        let kind = self.seed.database_url.split(':').next().unwrap_or_default();
        format!(
            "{kind}, {} assets, {} connections, median of {} rounds of {} s",
            self.seed.assets, self.options.connections, self.options.rounds, self.options.seconds
        )
    }

    fn wanted(&self, name: &str) -> bool {
        let only = &self.options.only;
        only.is_empty() || only.iter().any(|o| o == name)
    }

    async fn accolade(&self) -> anyhow::Result<Server> {
        let Options {
            accolade,
            accolade_args,
            ..
        } = &self.options;
        Server::accolade(
            accolade,
            &self.seed.database_url,
            self.data.path(),
            accolade_args,
        )
        .await
    }

    fn graphql(&self, operation: &str, variables: &Json) -> Vec<u8> {
        graphql(&self.seed.read_token, operation, variables)
    }

    /// How fast it starts, and what it holds when nobody asks.
    async fn starts(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        if self.wanted("start") {
            let mut times = Vec::new();
            for _ in 0..5 {
                times.push(self.accolade().await?.ready_in);
            }
            times.sort();
            let took = times.get(2).copied().unwrap_or_default();
            rows.push(Row::single(
                "start",
                format!("{:.0} ms to ready", took.as_secs_f64() * 1e3),
            ));
        }
        if self.wanted("idle") {
            let server = self.accolade().await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            rows.push(Row::single(
                "idle",
                format!("{:.1} MiB resident", server.resident()?),
            ));
        }
        Ok(())
    }

    async fn reads(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let accolade = self.accolade().await?;
        let limit = Server::limit(&self.seed.database_url).await?;
        let ports = (accolade.port, limit.port);
        let mut measures = vec![self.channel("page", &self.seed.large_channel)];
        measures.push(self.channel("page-small", &self.seed.small_channel));
        measures.push(self.first_list(ports.0).await?);
        if self.wanted("page-deep") {
            measures.push(self.deep(ports.0).await?);
        }
        measures.push(self.node());
        for connections in [1, self.options.connections] {
            measures.extend(SEARCHES.map(|(name, word)| self.search(name, word, connections)));
            measures.push(self.similar(connections));
            measures.push(self.asked("coverage-sum", "Summary", connections));
            measures.push(self.asked("coverage-rows", "Rows", connections));
            measures.push(self.asked("waste", "Wasted", connections));
            measures.push(self.asked("best-proof", "Best", connections));
            measures.push(self.asked("rights-ending", "Ending", connections));
            measures.push(self.asked("rule-impact", "Impact", connections));
        }
        for measure in measures {
            if !self.wanted(measure.name) {
                continue;
            }
            self.compare(&measure, ports)
                .await
                .with_context(|| measure.name)?;
            let mut ours = Vec::new();
            let mut theirs = Vec::new();
            for _ in 0..self.options.rounds {
                ours.push(self.round(ports.0, &measure, &measure.accolade).await?);
                if let Some(limit) = &measure.limit {
                    theirs.push(self.round(ports.1, &measure, limit).await?);
                }
            }
            rows.push(Row::measured(
                measure.name,
                measure.connections,
                ours,
                theirs,
            ));
        }
        if self.wanted("idle") {
            rows.push(Row::single(
                "loaded",
                format!("{:.1} MiB resident", accolade.resident()?),
            ));
        }
        Ok(())
    }

    async fn round(
        &self,
        port: u16,
        measure: &Measure,
        make: &Make,
    ) -> anyhow::Result<load::Round> {
        let lasting = Duration::from_secs(self.options.seconds);
        load::round(port, measure.connections, lasting, make)
            .await
            .with_context(|| measure.name)
    }

    /// Both must say the same, else the comparison is worth nothing.
    async fn compare(&self, measure: &Measure, ports: (u16, u16)) -> anyhow::Result<()> {
        let ours = ask(ports.0, &(measure.accolade)(0)).await?;
        let Some(limit) = &measure.limit else {
            return Ok(());
        };
        let theirs = ask(ports.1, &limit(0)).await?;
        match difference("", &ours["data"], &theirs["data"]) {
            None => Ok(()),
            Some(difference) => bail!("the two answers differ: {difference}"),
        }
    }

    fn channel(&self, name: &'static str, slug: &str) -> Measure {
        let ours = self.graphql("Page", &json!({ "channel": slug, "first": PAGE }));
        let theirs = request(
            "GET",
            &format!("/channels/{slug}"),
            &self.seed.read_token,
            None,
        );
        self.measure(name, move |_| ours.clone(), move |_| theirs.clone())
    }

    fn measure(
        &self,
        name: &'static str,
        accolade: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
        limit: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Measure {
        Measure {
            name,
            connections: self.options.connections,
            accolade: Arc::new(accolade),
            limit: Some(Arc::new(limit)),
        }
    }

    /// A page of the plain list after a cursor.
    async fn list(
        &self,
        name: &'static str,
        port: u16,
        after: Option<String>,
    ) -> anyhow::Result<Measure> {
        let next = ask(port, &self.graphql("Next", &json!({ "after": after }))).await?;
        let id = text(&next, "/data/assets/nodes/0/id")?;
        let ours = self.graphql("List", &json!({ "after": after, "first": PAGE }));
        let path = format!("/assets?from={id}");
        let theirs = request("GET", &path, &self.seed.read_token, None);
        Ok(self.measure(name, move |_| ours.clone(), move |_| theirs.clone()))
    }

    async fn first_list(&self, port: u16) -> anyhow::Result<Measure> {
        self.list("list", port, None).await
    }

    /// Cursors are sealed: the way there leads over every page before.
    async fn deep(&self, port: u16) -> anyhow::Result<Measure> {
        let depth = (self.seed.assets / 2).min(50_000);
        let mut connection = Connection::open(port).await?;
        let mut after = None;
        for _ in 0..depth / 100 {
            let request = self.graphql("Walk", &json!({ "after": after }));
            let page: Json = serde_json::from_slice(connection.send(&request).await?)?;
            after = Some(text(&page, "/data/assets/pageInfo/endCursor")?);
        }
        self.list("page-deep", port, after).await
    }

    fn node(&self) -> Measure {
        let requests = |make: &dyn Fn(&String) -> Vec<u8>| -> Vec<Vec<u8>> {
            self.seed.nodes.iter().map(make).collect()
        };
        let ours = requests(&|id| self.graphql("One", &json!({ "id": id })));
        let token = &self.seed.read_token;
        let theirs = requests(&|id| request("GET", &format!("/contents/{id}"), token, None));
        self.measure(
            "node",
            move |n| ours[n % ours.len()].clone(),
            move |n| theirs[n % theirs.len()].clone(),
        )
    }

    fn search(&self, name: &'static str, words: &str, connections: usize) -> Measure {
        let ours = self.graphql("Search", &json!({ "query": words }));
        Measure {
            name,
            connections,
            accolade: Arc::new(move |_| ours.clone()),
            limit: None,
        }
    }

    /// What looks like an asset, another each time.
    fn similar(&self, connections: usize) -> Measure {
        let ask = |id: &String| self.graphql("Similar", &json!({ "id": id }));
        let ours: Vec<Vec<u8>> = self.seed.placeable.iter().map(ask).collect();
        Measure {
            name: "similar",
            connections,
            accolade: Arc::new(move |n| ours[n % ours.len()].clone()),
            limit: None,
        }
    }

    /// A document without variables.
    fn asked(&self, name: &'static str, document: &str, connections: usize) -> Measure {
        let ours = self.graphql(document, &json!({}));
        Measure {
            name,
            connections,
            accolade: Arc::new(move |_| ours.clone()),
            limit: None,
        }
    }

    /// One mutation, each at a location of its own. Only the one that is measured runs: Accolade would seal
    /// the other's audit entries meanwhile.
    async fn writes(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        if !self.wanted("createPlacement") {
            return Ok(());
        }
        let seed = &self.seed;
        let places = Arc::new(Places {
            next: AtomicUsize::new(0),
            contents: seed.placeable.clone(),
            channel: seed.large_channel.clone(),
        });
        let (for_ours, for_theirs) = (Arc::clone(&places), places);
        let (token, same_token) = (seed.admin_token.clone(), seed.admin_token.clone());
        let make_ours: Make =
            Arc::new(move |_| graphql(&token, "Place", &json!({ "input": for_ours.next() })));
        let make_theirs: Make = Arc::new(move |_| {
            let body = for_theirs.next().to_string();
            request("POST", "/placements", &same_token, Some(&body))
        });
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let lasting = Duration::from_secs(self.options.seconds);
        let connections = self.options.connections;
        for _ in 0..self.options.rounds {
            let server = self.accolade().await?;
            ours.push(load::round(server.port, connections, lasting, &make_ours).await?);
            drop(server);
            let server = Server::limit(&seed.database_url).await?;
            theirs.push(load::round(server.port, connections, lasting, &make_theirs).await?);
            drop(server);
            forget_unsealed(&seed.database_url).await?;
        }
        rows.push(Row::measured("createPlacement", connections, ours, theirs));
        Ok(())
    }
}

/// Placements that are asked for, each at a location of its own.
struct Places {
    next: AtomicUsize,
    contents: Vec<String>,
    channel: String,
}

impl Places {
    fn next(&self) -> Json {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let content = &self.contents[n % self.contents.len()];
        let location = format!("/bench/{}/{n}", std::process::id());
        json!({ "content": content, "channel": self.channel, "location": location })
    }
}

/// What the handler has left to be sealed is no work for the server's next round.
async fn forget_unsealed(url: &str) -> anyhow::Result<()> {
    let sql = "DELETE FROM audit_unsealed";
    if url.starts_with("sqlite://") {
        SqliteConnection::connect(url).await?.execute(sql).await?;
    } else {
        PgConnection::connect(url).await?.execute(sql).await?;
    }
    Ok(())
}

/// The bytes of a GraphQL request: one operation of the document and the fragment.
fn graphql(token: &str, operation: &str, variables: &Json) -> Vec<u8> {
    let wanted: Vec<&str> = DOCUMENT
        .split("\n\n")
        .filter(|part| {
            part.split_whitespace()
                .nth(1)
                .is_some_and(|name| name.starts_with(operation))
        })
        .collect();
    let mut query = wanted.join("\n");
    if query.contains("...shown") {
        let fragment = DOCUMENT
            .split("\n\n")
            .find(|part| part.starts_with("fragment"));
        query.push_str(fragment.unwrap_or_default());
    }
    let body = json!({ "query": query, "variables": variables }).to_string();
    request("POST", "/graphql", token, Some(&body))
}

async fn ask(port: u16, request: &[u8]) -> anyhow::Result<Json> {
    let mut connection = Connection::open(port).await?;
    let answer: Json = serde_json::from_slice(connection.send(request).await?)?;
    ensure!(answer.get("errors").is_none(), "{answer}");
    Ok(answer)
}

fn text(json: &Json, pointer: &str) -> anyhow::Result<String> {
    let found = json.pointer(pointer).and_then(Json::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("no {pointer} in {json}"))
}

/// The first place where two answers are not the same.
fn difference(at: &str, ours: &Json, theirs: &Json) -> Option<String> {
    match (ours, theirs) {
        (Json::Object(a), Json::Object(b)) => a
            .keys()
            .chain(b.keys())
            .find_map(|key| difference(&format!("{at}/{key}"), &ours[key], &theirs[key])),
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(&format!("{at}/{i}"), a, b)),
        (a, b) => (a != b).then(|| format!("at {at}: {a} and {b}")),
    }
}
