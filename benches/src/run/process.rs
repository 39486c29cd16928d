//! The two servers as processes of their own, on free ports.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::load::{Connection, request};

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// What tells it to end, where to be killed is not enough.
    end: Option<Command>,
    pub(crate) port: u16,
    /// From the start of the process to the first answer of `/readyz`.
    pub(crate) ready_in: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let told = self.end.as_mut().map(Command::status);
        if told.is_some_and(|told| told.is_ok_and(|status| status.success())) {
            let _ = self.child.wait();
            return;
        }
        // It may have ended by itself; either way it is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts Accolade on a database that is there.
    pub(crate) async fn accolade(
        binary: &Path,
        url: &str,
        data: &Path,
        more: &[String],
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(binary);
        command
            .args(["serve", "--database-url", url, "--log", "warn"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .arg("--data-dir")
            .arg(data)
            // The seed's files are rows alone: reading them again would only write down that they are gone.
            .args(["--scrub-bytes-per-second", "0"])
            .args(more);
        Self::start(command, port).await
    }

    /// Starts the hand-written handler of this program.
    pub(crate) async fn limit(url: &str) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["limit", "--database-url", url])
            .args(["--listen", &format!("127.0.0.1:{port}")]);
        Self::start(command, port).await
    }

    /// Starts a server on a port, which must answer `/readyz` there.
    pub(crate) async fn start(mut command: Command, port: u16) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let child = command
            .stdout(Stdio::null())
            // Under load it warns of slow connections, which is what the table says.
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            end: None,
            port,
            ready_in: Duration::ZERO,
        };
        let ready = request("GET", "/readyz", "", None);
        while begin.elapsed() < Duration::from_mins(1) {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended: {status}");
            }
            let answered = match Connection::open(port).await {
                Ok(mut connection) => connection.send(&ready).await.is_ok(),
                Err(_) => false,
            };
            if answered {
                server.ready_in = begin.elapsed();
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("the server was not ready within a minute")
    }

    /// The same server, to be ended by a command of its own.
    pub(crate) fn ended_by(mut self, command: Command) -> Self {
        self.end = Some(command);
        self
    }

    /// What it holds in memory, in MiB.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
