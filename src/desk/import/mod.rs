//! `accolade import`: sends a table, and the files that it names, has it imported, and says what became of it.

mod faults;
mod files;
mod folder;
mod send;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Server;
use super::bar::{Bar, grouped, write};
use super::client::Client;
use super::upload::Sending;
use faults::{Faults, Place};
use files::Listed;

/// How often it is asked how far an import is.
const ASK_EVERY: Duration = Duration::from_millis(300);

#[derive(Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What others said: a row for each endorsement
    Endorsements(Table),
    /// Where versions are shown: a row for each placement
    Placements(Table),
    /// What the brand has made: a row for each asset, with the path of its file in the column `file`
    Assets(Table),
    /// A folder of files: each becomes an asset, known again by its path
    Folder(Folder),
}

#[derive(Args)]
struct Table {
    /// The table: CSV in UTF-8, its columns named in the first line
    file: PathBuf,
    #[command(flatten)]
    to: To,
}

#[derive(Args)]
struct Folder {
    /// The folder; what is below it counts too
    #[arg(value_name = "FOLDER")]
    root: PathBuf,
    /// A tag for all of them; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// A channel that all of them are for: its slug; may be given several times
    #[arg(long, value_name = "CHANNEL")]
    channel: Vec<String>,
    /// A product that all of them show: its SKU; may be given several times
    #[arg(long, value_name = "SKU")]
    product: Vec<String>,
    /// A market that all of them may go to, such as US; may be given several times
    #[arg(long, value_name = "MARKET")]
    market: Vec<String>,
    #[command(flatten)]
    to: To,
}

/// Where it goes.
#[derive(Args)]
struct To {
    /// Whose things they are: a brand's slug or id
    #[arg(long, value_name = "BRAND")]
    brand: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

/// A table as it is sent.
struct Sent<'s> {
    kind: &'static str,
    path: &'s Path,
    /// What the server is to call it.
    name: String,
    /// What its lines are called when they are at fault.
    place: Place<'s>,
}

const IMPORT: &str = "mutation($input: ImportFileInput!) {
    importFile(input: $input) { import { id } userErrors { field message } } }";

const HOW_FAR: &str = "query($id: ID!) { node(id: $id) { ... on Import {
    state rows done created updated unchanged errorCount errors { line column message } } } }";

/// Imports: what became of it, in words.
pub(crate) async fn import(import: &Import) -> anyhow::Result<String> {
    match &import.what {
        What::Endorsements(table) => plain(table, "ENDORSEMENTS").await,
        What::Placements(table) => plain(table, "PLACEMENTS").await,
        What::Assets(table) => assets(table).await,
        What::Folder(folder) => of_folder(folder).await,
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Imports a table as it is.
async fn plain(table: &Table, kind: &'static str) -> anyhow::Result<String> {
    let sent = Sent {
        kind,
        path: &table.file,
        name: name_of(&table.file),
        place: Place::Table(&table.file),
    };
    let client = Client::new(&table.to.server)?;
    finish(&client, &table.to, &sent, &mut Bar::new()).await
}

/// Imports a table of assets, and the files that it names.
async fn assets(table: &Table) -> anyhow::Result<String> {
    let client = Client::new(&table.to.server)?;
    let mut bar = Bar::new();
    let place = Place::Table(&table.file);
    let mut faults = Faults::new(place);
    let listed = table::list(&table.file, table.to.dry_run, &mut faults, &mut bar);
    bar.close();
    faults.check()?;
    match listed? {
        None => plain(table, "ASSETS").await,
        Some(listed) => {
            let name = name_of(&table.file);
            with_files(&client, &table.to, (listed, name, place), bar).await
        }
    }
}

/// Imports a folder of files.
async fn of_folder(folder: &Folder) -> anyhow::Result<String> {
    let client = Client::new(&folder.to.server)?;
    let mut bar = Bar::new();
    let place = Place::Folder(&folder.root);
    let mut faults = Faults::new(place);
    let labels = [
        ("tags", folder.tag.as_slice()),
        ("channels", folder.channel.as_slice()),
        ("products", folder.product.as_slice()),
        ("markets", folder.market.as_slice()),
    ];
    let listed = folder::list(
        &folder.root,
        labels,
        folder.to.dry_run,
        &mut faults,
        &mut bar,
    );
    bar.close();
    faults.check()?;
    let name = format!("{}.csv", name_of(&folder.root.canonicalize()?));
    with_files(&client, &folder.to, (listed?, name, place), bar).await
}

/// Sends the files that the server does not have, then the table that names them by their hashes.
async fn with_files(
    client: &Client,
    to: &To,
    (mut listed, name, place): (Listed, String, Place<'_>),
    mut bar: Bar,
) -> anyhow::Result<String> {
    let missing = send::missing(client, &to.brand, &mut listed, &mut bar).await;
    bar.close();
    let missing = missing?;
    let amount = format!(
        "{} files, {} bytes",
        grouped(missing.files),
        grouped(missing.bytes)
    );
    if to.dry_run {
        write(&format!("dry run: {amount} to be sent\n"));
    } else {
        let sent = send::send(client, &listed, missing, place, &mut bar).await;
        bar.close();
        sent?;
        write(&format!("{amount} sent\n"));
    }
    let sent = Sent {
        kind: "ASSETS",
        path: listed.table.path(),
        name,
        place,
    };
    finish(client, to, &sent, &mut bar).await
}

/// Has a table imported: what became of it, in words.
async fn finish(
    client: &Client,
    to: &To,
    sent: &Sent<'_>,
    bar: &mut Bar,
) -> anyhow::Result<String> {
    let ended = run(client, to, sent, bar).await;
    bar.close();
    tell(&ended?, sent, to.dry_run)
}

async fn run(client: &Client, to: &To, sent: &Sent<'_>, bar: &mut Bar) -> anyhow::Result<Json> {
    let sending = Sending {
        path: sent.path,
        name: &sent.name,
        media_type: Some("text/csv"),
        sha256: None,
    };
    let upload = client.upload(sending, |done, all| {
        bar.tell("sending", "bytes", done, all);
    });
    let upload = upload.await?;
    let input = json!({
        "brand": to.brand,
        "kind": sent.kind,
        "upload": upload,
        "dryRun": to.dry_run,
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

fn tell(found: &Json, sent: &Sent<'_>, dry_run: bool) -> anyhow::Result<String> {
    let count = |field: &str| grouped(found[field].as_u64().unwrap_or(0));
    if found["state"] == "DONE" {
        let would = if dry_run { "dry run: " } else { "" };
        let (created, updated, same) = (count("created"), count("updated"), count("unchanged"));
        return Ok(format!(
            "{would}{created} created, {updated} updated, {same} unchanged\n"
        ));
    }
    let mut faults = Faults::new(sent.place);
    let errors = found["errors"].as_array().into_iter().flatten();
    let errors: Vec<&Json> = errors.collect();
    let lines = errors.iter().filter_map(|error| error["line"].as_u64());
    let keys = table::keys_at(sent.path, &lines.collect())?;
    for error in errors {
        let line = error["line"].as_u64().unwrap_or(1);
        let message = error["message"].as_str().unwrap_or_default();
        let key = keys.get(&line).map_or("", String::as_str);
        faults.add((line, key), error["column"].as_str(), message);
    }
    faults.count = found["errorCount"].as_u64().unwrap_or(faults.count);
    faults.check()?;
    bail!("nothing was imported")
}
