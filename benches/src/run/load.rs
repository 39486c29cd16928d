//! The load: connections that are kept open, each with one request after the other. It costs as little as
//! it can, for it shares the machine with what it measures: requests are made of ready bytes, answers are
//! read by their length and looked at only where a failure would stand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What happened in one round.
#[derive(Default)]
pub(crate) struct Round {
    /// Of each request, in microseconds.
    pub(crate) latencies: Vec<u32>,
    pub(crate) per_second: f64,
}

/// The bytes of a request with a JSON body, or without one.
pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<&str>) -> Vec<u8> {
    let body = body.unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
         Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection to one of the two servers.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends a request and returns the body of the answer, which must be a 200.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut head = None;
        loop {
            let (start, length) = match head {
                Some(known) => known,
                None => match read_head(&self.buffer)? {
                    Some(found) => *head.insert(found),
                    None => (usize::MAX, 0),
                },
            };
            if head.is_some() && self.buffer.len() >= start + length {
                return Ok(&self.buffer[start..start + length]);
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the server closed the connection");
        }
    }
}

/// Where the body starts and how long it is, once the head is there.
fn read_head(buffer: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&buffer[..end])?;
    if !head.starts_with("HTTP/1.1 200") {
        let body = String::from_utf8_lossy(&buffer[end + 4..]);
        bail!(
            "not a 200: {} {body}",
            head.lines().next().unwrap_or_default()
        );
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("an answer without its length")?;
    Ok(Some((end + 4, length.1.trim().parse()?)))
}

/// An answer of GraphQL that failed says so near its beginning or its end; so does a refused mutation.
fn check(body: &[u8]) -> anyhow::Result<()> {
    let begin = &body[..body.len().min(80)];
    let end = &body[body.len().saturating_sub(240)..];
    let says = |part: &[u8], what: &[u8]| part.windows(what.len()).any(|w| w == what);
    let failed = [begin, end].iter().any(|part| {
        says(part, b"\"errors\":")
            || says(part, b"\"userErrors\":[{")
            || says(part, b"\"node\":null")
    });
    if failed || says(begin, b"{\"data\":null") {
        bail!("an answer that failed: {}", String::from_utf8_lossy(body));
    }
    Ok(())
}

/// What makes the bytes of a request from its number.
pub(crate) type Make = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// Loads a server for a while. Requests are numbered, and no number comes twice.
pub(crate) async fn round(
    port: u16,
    connections: usize,
    lasting: Duration,
    make: &Make,
) -> anyhow::Result<Round> {
    let mut tasks = JoinSet::new();
    let begin = Instant::now();
    let until = begin + lasting;
    for place in 0..connections {
        let make = Arc::clone(make);
        tasks.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let mut latencies = Vec::with_capacity(1 << 14);
            for number in (place..).step_by(connections) {
                let request = make(number);
                let sent = Instant::now();
                if sent >= until {
                    break;
                }
                check(connection.send(&request).await?)?;
                let took = sent.elapsed().as_micros();
                latencies.push(u32::try_from(took).unwrap_or(u32::MAX));
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    let mut round = Round::default();
    while let Some(done) = tasks.join_next().await {
        round.latencies.extend(done??);
    }
    let count = u32::try_from(round.latencies.len()).unwrap_or(u32::MAX);
    round.per_second = f64::from(count) / begin.elapsed().as_secs_f64();
    Ok(round)
}

/// The latency that so many percent stay under, in milliseconds.
pub(crate) fn percentile(latencies: &mut [u32], percent: usize) -> f64 {
    latencies.sort_unstable();
    let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
    f64::from(latencies.get(at).copied().unwrap_or(0)) / 1_000.0
}
