//! The desk of those who use a server: commands that are clients of its API. They need a token and the server's
//! address, and know nothing of its database.

mod bar;
mod client;
mod export;
mod import;
mod upload;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

pub(crate) use export::{Export, export};
pub(crate) use import::{Import, import};

/// Which server, and as whom.
#[derive(Args)]
pub(crate) struct Server {
    /// The server's address, such as https://accolade.example
    #[arg(long, value_name = "URL", env = "ACCOLADE_URL")]
    url: url::Url,
    /// The access token; others on this machine can read a command's arguments, so better by the environment
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ACCOLADE_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// A file that holds the token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

impl Server {
    fn token(&self) -> anyhow::Result<String> {
        let token = match (&self.token_file, &self.token) {
            (Some(path), _) => std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?,
            (None, Some(token)) => token.clone(),
            (None, None) => bail!("say who you are: set ACCOLADE_TOKEN, or give --token-file FILE"),
        };
        Ok(token.trim().to_owned())
    }
}
