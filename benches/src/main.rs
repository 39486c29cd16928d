//! Measures Accolade at size. See README.md beside this package's manifest.

mod deliver;
mod limit;
mod run;
mod seed;

use clap::{Parser, Subcommand};

/// Measures Accolade at size.
#[derive(Parser)]
#[command(name = "accolade-bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fill an empty database with a big catalogue
    Seed(seed::Options),
    /// Serve what a hand-written handler can do
    Limit(limit::Options),
    /// Measure the server against that handler and print a table
    Run(run::Options),
    /// Measure how files are handed out, against nginx
    Deliver(deliver::Options),
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match Cli::parse().command {
        Command::Seed(options) => runtime.block_on(seed::run(options)),
        Command::Limit(options) => runtime.block_on(limit::run(options)),
        Command::Run(options) => runtime.block_on(run::run(options)),
        Command::Deliver(options) => runtime.block_on(deliver::run(options)),
    }
}
