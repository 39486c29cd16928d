//! `deliver`: loads the two addresses of a rendition, and nginx with the same bytes in a folder.

mod nginx;
mod story;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::run::load::{self, Connection, Make};
use crate::run::process::Server;
use crate::run::table::{self, Row};

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The release binary of the server
    #[arg(long, value_name = "FILE")]
    accolade: PathBuf,
    /// nginx, to be compared with
    #[arg(long, value_name = "FILE", default_value = "nginx")]
    nginx: PathBuf,
    /// Connections that are kept open, each with one request at a time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How long a round lasts
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds for each of the two; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// An argument for `accolade serve`, such as `--accolade-arg=--metrics=false`; may be given several times
    #[arg(long = "accolade-arg", value_name = "ARG")]
    accolade_args: Vec<String>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let url = format!("sqlite://{}", data.join("accolade.db").display());
    let accolade = &options.accolade;
    let admin = story::token(accolade, &url, &data, "ADMIN")?;
    let reviewer = story::token(accolade, &url, &data, "REVIEW")?;
    let server = Server::accolade(accolade, &url, &data, &options.accolade_args).await?;
    let paths = story::tell(server.port, &admin, &reviewer).await?;

    let mut connection = Connection::open(server.port).await?;
    let [granted, stable] = &paths;
    let bytes = connection.send(&get(granted)).await?.to_vec();
    ensure!(
        connection.send(&get(stable)).await? == bytes,
        "the two addresses have other bytes"
    );
    let folder = folder.path().join("nginx");
    std::fs::create_dir_all(folder.join("files"))?;
    std::fs::write(folder.join("files/card.jpg"), &bytes)?;
    let beside = nginx::serve(&options.nginx, &folder).await?;
    if let Some(beside) = &beside {
        let mut connection = Connection::open(beside.port).await?;
        let theirs = connection.send(&get("/card.jpg")).await?;
        ensure!(theirs == bytes, "nginx has other bytes");
    } else {
        writeln!(
            std::io::stderr(),
            "{} is not there and is left out: apt-get install nginx-light",
            options.nginx.display()
        )?;
    }

    let mut rows = Vec::new();
    for (name, path) in ["deliver-r", "deliver-d"].into_iter().zip(&paths) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            ours.push(round(&options, &server, path).await.context(name)?);
            if let Some(beside) = &beside {
                theirs.push(
                    round(&options, beside, "/card.jpg")
                        .await
                        .context("nginx")?,
                );
            }
        }
        rows.push(Row::measured(name, options.connections, ours, theirs));
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "a rendition of {} bytes, {} connections, median of {} rounds of {} s; limit is nginx",
        bytes.len(),
        options.connections,
        options.rounds,
        options.seconds
    )?;
    table::print(&mut out, &rows)?;
    Ok(())
}

async fn round(options: &Options, server: &Server, path: &str) -> anyhow::Result<load::Round> {
    let request = get(path);
    let make: Make = Arc::new(move |_| request.clone());
    let lasting = Duration::from_secs(options.seconds);
    load::round(server.port, options.connections, lasting, &make).await
}

/// A request as a page's browser sends it: without a token.
fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
}
