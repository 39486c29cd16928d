//! The commands of the binary. Their output goes to stdout, and only it; the log goes to stderr.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use async_graphql::{ID, SDLExportOptions};
use clap::{Args, Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::accounts::{self, OpContext, Scope};
use crate::app::App;
use crate::catalog::resolve;
use crate::config::{Config, Settings};
use crate::error::Error;
use crate::platform::clock::Clock;
use crate::{care, demo, desk, graphql, http, telemetry};

/// Keeps marketing assets and endorsements through their whole life, and answers what may be shown
/// where, now.
#[derive(Parser)]
#[command(name = "accolade", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve GraphQL, files and GraphiQL; brings the database up to date first
    Serve(Options),
    /// Serve a demo catalogue, which is put into an empty database first; kept in ./data/demo unless set
    Demo(Options),
    /// Bring the database up to date and stop
    Migrate(Options),
    /// Print the GraphQL schema
    Schema,
    /// Make access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Prove that the stored files are what was stored
    Verify(Options),
    /// Remove stored files that nothing has referred to for a day
    Gc(Gc),
    /// Copy the database and the files of the embedded mode into a new folder, while the server goes on
    Backup(Backup),
    /// Put a backup back; stop the server first
    Restore(Restore),
    /// Import a table over a server's API: all of it or, where one row is at fault, nothing
    Import(desk::Import),
    /// Fetch what a brand has over a server's API, as a table that can be imported again
    Export(desk::Export),
    /// Draw one picture for a server: what it starts for each, apart from itself
    #[command(hide = true)]
    Draw,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make an access token and print its secret, which is shown this once
    Create(NewToken),
}

#[derive(Args)]
struct Options {
    /// The configuration file [default: accolade.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct Gc {
    /// How many hours something must have been without a reference before it is removed
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    grace_hours: u32,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct Backup {
    /// A folder that is not there yet
    dir: PathBuf,
    /// Link files instead of copying them, where both folders are on one file system
    #[arg(long)]
    link: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct Restore {
    /// The folder that `accolade backup` made
    dir: PathBuf,
    /// Move aside what is there already
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct NewToken {
    /// What the token is for, so that it can be told from others
    #[arg(long)]
    name: String,
    /// READ_PUBLIC, READ, WRITE, REVIEW, USAGE_WRITE or ADMIN; may be given several times
    #[arg(long = "scope", required = true, value_parser = parse_scope)]
    scopes: Vec<Scope>,
    /// The one brand that the token reaches, by slug or id [default: all brands]
    #[arg(long)]
    brand: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// Runs the command that the arguments name; what goes wrong is one sentence and its causes.
#[expect(clippy::print_stderr, reason = "there may be no log yet")]
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    // A process with one thread and nothing of the server in it: what it opens is not to be trusted.
    if matches!(command, Command::Draw) {
        return accolade_draw::worker::run();
    }
    match execute(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("accolade: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    // Before anything opens a connection: several of our libraries share this choice.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        bail!("a TLS provider is installed already");
    }
    match command {
        Command::Draw => Ok(()),
        Command::Schema => {
            print(&schema());
            Ok(())
        }
        Command::Serve(options) => run(&options, serve),
        Command::Demo(options) => demo(&options),
        Command::Migrate(options) => run(&options, async |_| Ok(())),
        Command::Verify(options) => run(&options, verify_all),
        Command::Gc(gc) => run(&gc.options, async |app| clean(&app, &gc).await),
        Command::Backup(backup) => run(&backup.options, async |app| back_up(&app, &backup).await),
        Command::Restore(restore) => put_back(&restore),
        Command::Import(import) => {
            print(&runtime()?.block_on(desk::import(&import))?);
            Ok(())
        }
        Command::Export(export) => runtime()?.block_on(desk::export(&export)),
        Command::Token(TokenCommand::Create(new)) => {
            run(&new.options, async |app| create_token(&app, &new).await)
        }
    }
}

/// Reads the configuration, opens the application and runs `work` in it.
fn run(
    options: &Options,
    work: impl AsyncFnOnce(Arc<App>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let config = Config::load(options.config.as_deref(), &options.settings)?;
    telemetry::start_log(&config)?;
    runtime()?.block_on(async { work(App::open(config, Clock::system()).await?).await })
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// Fills the demo's database, unless that was done before, says how to get in, and serves.
fn demo(options: &Options) -> anyhow::Result<()> {
    let defaults = Settings {
        data_dir: Some(PathBuf::from(demo::DATA_DIR)),
        // Its outlets are made up: there are no pages.
        fetch_pages: Some(false),
        ..Settings::default()
    };
    let config = Config::load_over(&defaults, options.config.as_deref(), &options.settings)?;
    telemetry::start_log(&config)?;
    runtime()?.block_on(async {
        let (app, greeting) = Box::pin(demo::open(config)).await?;
        print(&greeting);
        http::serve(app).await
    })
}

async fn serve(app: Arc<App>) -> anyhow::Result<()> {
    if !accounts::any_token_exists(app.db.read()).await? {
        tracing::warn!(
            "nobody can get in yet: make a token with `accolade token create --name me --scope ADMIN`"
        );
    }
    http::serve(app).await
}

async fn create_token(app: &Arc<App>, new: &NewToken) -> anyhow::Result<()> {
    let brand = match &new.brand {
        None => None,
        Some(brand) => {
            let found =
                resolve::input_brand(&OpContext::system(app), &ID(brand.clone()), "brand").await;
            Some(
                found
                    .map_err(plain)
                    .with_context(|| format!("--brand {brand}"))?,
            )
        }
    };
    let scopes: BTreeSet<Scope> = new.scopes.iter().copied().collect();
    let secret = accounts::create_operator_token(app, &new.name, scopes, brand)
        .await
        .map_err(plain)?;
    print(&format!("{secret}\n"));
    Ok(())
}

/// What a user can mend, as sentences; anything else as it is.
fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::User(errors) => {
            let texts: Vec<_> = errors.into_iter().map(|e| e.message).collect();
            anyhow!(texts.join(" "))
        }
        other => other.into(),
    }
}

async fn verify_all(app: Arc<App>) -> anyhow::Result<()> {
    let report = care::verify::files(&app).await?;
    for fault in &report.faults {
        print(&format!("{fault}\n"));
    }
    if !report.faults.is_empty() {
        bail!(
            "{} of {} files are not what was stored",
            report.faults.len(),
            report.files
        );
    }
    print(&format!(
        "{} files, {} bytes: all have their hashes\n",
        report.files, report.bytes
    ));
    let log = crate::audit::verify(&app).await?;
    if let Some(broken) = &log.broken {
        bail!("the audit log is broken: {broken}");
    }
    print(&format!(
        "{} chains, {} sealed entries: all hold; {} entries wait for their seal\n",
        log.chains, log.sealed, log.unsealed
    ));
    Ok(())
}

async fn clean(app: &Arc<App>, gc: &Gc) -> anyhow::Result<()> {
    let order = care::gc::Order {
        grace_ms: i64::from(gc.grace_hours) * 3_600_000,
        dry_run: gc.dry_run,
    };
    let would = if gc.dry_run { "dry run: " } else { "" };
    let tell = &mut |step: &care::gc::Step| print(&format!("{would}{step}\n"));
    match care::gc::run(app, order, tell).await? {
        Some(report) => {
            print(&format!("{would}{report}\n"));
            Ok(())
        }
        None => bail!("another instance is at it, or one was killed a few minutes ago"),
    }
}

async fn back_up(app: &Arc<App>, backup: &Backup) -> anyhow::Result<()> {
    let report = Box::pin(care::backup::run(app, &backup.dir, backup.link)).await?;
    let dir = backup.dir.display();
    print(&format!(
        "{dir}: the database and {} files, {} bytes\n",
        report.files, report.bytes
    ));
    if report.faults > 0 {
        bail!(
            "the backup is made, but without {} files that are not what was stored: see faults.txt in it",
            report.faults
        );
    }
    Ok(())
}

fn put_back(restore: &Restore) -> anyhow::Result<()> {
    let options = &restore.options;
    let config = Config::load(options.config.as_deref(), &options.settings)?;
    telemetry::start_log(&config)?;
    let report = runtime()?.block_on(care::restore::run(&config, &restore.dir, restore.replace))?;
    for path in &report.aside {
        print(&format!(
            "what was there before is {} now\n",
            path.display()
        ));
    }
    print(&format!(
        "restored what was there at {}: {} files, {} bytes\n",
        report.taken_at, report.files, report.bytes
    ));
    if report.faults > 0 {
        bail!(
            "{} files were not what was stored when the backup was made, and are missing: see its faults.txt",
            report.faults
        );
    }
    Ok(())
}

/// The schema in a fixed order, so that a diff shows what changed.
#[must_use]
pub fn schema() -> String {
    let order = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    graphql::build().sdl_with_options(order)
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    let wanted = text.to_ascii_uppercase().replace('-', "_");
    serde_json::from_value(wanted.into())
        .map_err(|_| "one of READ_PUBLIC, READ, WRITE, REVIEW, USAGE_WRITE, ADMIN".to_owned())
}

#[expect(clippy::print_stdout, reason = "this is the command's output")]
fn print(text: &str) {
    print!("{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn scopes_are_read_as_the_api_spells_them() {
        assert_eq!(parse_scope("READ_PUBLIC"), Ok(Scope::ReadPublic));
        assert_eq!(parse_scope("usage-write"), Ok(Scope::UsageWrite));
        assert!(parse_scope("ROOT").is_err());
    }
}
