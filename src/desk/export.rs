//! `accolade export`: fetches what a brand has, as the table that `accolade import` reads.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::Server;
use super::bar::{Bar, grouped};
use super::client::Client;

/// What a table's rows are.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Endorsements,
    Placements,
    Assets,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Endorsements => "endorsements",
            Self::Placements => "placements",
            Self::Assets => "assets",
        }
    }
}

#[derive(Args)]
pub(crate) struct Export {
    /// What the rows are
    kind: Kind,
    /// Where the table goes; it must not be there yet [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Whose things they are: a brand's slug or id
    #[arg(long, value_name = "BRAND")]
    brand: String,
    #[command(flatten)]
    server: Server,
}

/// Fetches a table. A file appears when all of it is there.
pub(crate) async fn export(export: &Export) -> anyhow::Result<()> {
    let client = Client::new(&export.server)?;
    let mut bar = Bar::new();
    let kind = export.kind.name();
    let path = format!("/exports/{kind}?brand={}", encoded(&export.brand));
    let mut response = client.download(&path).await?;
    let Some(output) = &export.output else {
        let mut out = std::io::stdout();
        while let Some(bytes) = response.chunk().await.context("the table was broken off")? {
            out.write_all(&bytes)?;
        }
        return Ok(out.flush()?);
    };
    let folder = output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))?;
    let mut done = 0;
    while let Some(bytes) = response.chunk().await.context("the table was broken off")? {
        file.write_all(&bytes)?;
        done += bytes.len() as u64;
        bar.tell("fetching", "bytes", done, 0);
    }
    file.as_file().sync_all()?;
    file.persist_noclobber(output)
        .with_context(|| format!("writing {}", output.display()))?;
    bar.tell("fetching", "bytes", done, done);
    bar.close();
    super::bar::write(&format!("{}: {} bytes\n", output.display(), grouped(done)));
    Ok(())
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
