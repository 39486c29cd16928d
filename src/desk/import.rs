//! `accolade import`: sends a table, has it imported, and says what became of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use super::Server;
use super::bar::{Bar, grouped, write};
use super::client::Client;

/// How often it is asked how far an import is.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// What a table's rows are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Endorsements,
    Placements,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Endorsements => "ENDORSEMENTS",
            Self::Placements => "PLACEMENTS",
        }
    }
}

#[derive(Args)]
pub(crate) struct Import {
    /// What the rows are
    kind: Kind,
    /// The table: CSV in UTF-8, its columns named in the first line
    file: PathBuf,
    /// Whose things they are: a brand's slug or id
    #[arg(long, value_name = "BRAND")]
    brand: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

const IMPORT: &str = "mutation($input: ImportFileInput!) {
    importFile(input: $input) { import { id } userErrors { field message } } }";

const HOW_FAR: &str = "query($id: ID!) { node(id: $id) { ... on Import {
    state rows done created updated unchanged errorCount errors { line column message } } } }";

/// Imports a table: what became of it, in words.
pub(crate) async fn import(import: &Import) -> anyhow::Result<String> {
    let client = Client::new(&import.server)?;
    let mut bar = Bar::new();
    let ended = run(&client, import, &mut bar).await;
    bar.close();
    tell(&ended?, &import.file, import.dry_run)
}

async fn run(client: &Client, import: &Import, bar: &mut Bar) -> anyhow::Result<Json> {
    let sending = client.upload(&import.file, Some("text/csv"), |done, all| {
        bar.tell("sending", "bytes", done, all);
    });
    let upload = sending.await?;
    let input = json!({
        "brand": import.brand,
        "kind": import.kind.name(),
        "upload": upload,
        "dryRun": import.dry_run,
        // Sent twice over a bad line it is done once.
        "clientMutationId": format!("import {upload}"),
    });
    let payload = client.mutate("importFile", IMPORT, input).await?;
    let id = payload["import"]["id"].clone();
    loop {
        let data = client.ask(HOW_FAR, &json!({ "id": id })).await?;
        let found = data["node"].clone();
        let number = |field: &str| found[field].as_u64().unwrap_or(0);
        match found["state"].as_str() {
            Some("WAITING") => bar.tell("waiting", "rows", 0, 0),
            Some("CHECKING") => bar.tell("checking", "rows", number("done"), number("rows")),
            Some("WRITING") => bar.tell("writing", "rows", number("done"), number("rows")),
            Some(_) => return Ok(found),
            None => bail!("you do not see the import any more"),
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn tell(found: &Json, file: &Path, dry_run: bool) -> anyhow::Result<String> {
    let count = |field: &str| grouped(found[field].as_u64().unwrap_or(0));
    if found["state"] == "DONE" {
        let would = if dry_run { "dry run: " } else { "" };
        let (created, updated, same) = (count("created"), count("updated"), count("unchanged"));
        return Ok(format!(
            "{would}{created} created, {updated} updated, {same} unchanged\n"
        ));
    }
    let errors = found["errors"].as_array().into_iter().flatten();
    let mut lines: Vec<String> = errors
        .map(|error| {
            let message = error["message"].as_str().unwrap_or_default();
            let column = error["column"].as_str().map(|column| format!("{column}: "));
            format!(
                "{}:{}: {}{message}",
                file.display(),
                error["line"],
                column.unwrap_or_default()
            )
        })
        .collect();
    let (told, all) = (lines.len(), found["errorCount"].as_u64().unwrap_or(0));
    if all > told as u64 {
        lines.push(format!("… and {} more", grouped(all - told as u64)));
    }
    write(&format!("{}\n", lines.join("\n")));
    bail!("nothing was imported")
}
