//! Fetching what strangers name: pages of the public internet, and nothing of this machine or its network.
//!
//! A URL is looked at before it is fetched, and each that it redirects to. The addresses of a name are looked
//! at within the connection's own look-up: what was looked at is what is connected to, so a name whose answer
//! changes gains nothing. One address that is not public among a name's answers refuses them all. No proxy
//! is asked, because that would look up the name once more. What comes is bounded in bytes, before and after
//! unpacking, and in time.

mod address;
mod attempt;
mod rules;

use std::error::Error as StdError;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use url::Url;

pub use attempt::{Attempt, BACK_OFF_MS};
pub use rules::Rules;

/// Most bytes of a page, packed and unpacked.
pub const MAX_BYTES: usize = 10 << 20;
/// Longest that a page may take, redirects and all.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often a page may send us on.
const MAX_REDIRECTS: usize = 3;
/// Most bytes of headers that are kept.
const MAX_HEADERS: usize = 16 << 10;
const AGENT: &str = concat!(
    "Accolade/",
    env!("CARGO_PKG_VERSION"),
    " (keeps pages as proof)"
);

/// How a name is looked up.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// What a URL answered, whatever its status.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    /// Where it was in the end.
    pub url: Url,
    /// The headers, in small letters, without cookies.
    pub headers: Vec<(String, String)>,
    /// Unpacked, and as it stands otherwise.
    pub body: Bytes,
}

impl Page {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Why there is no page. The texts are for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It must not or cannot be had, now or later.
    #[error("{0}")]
    Final(String),
    /// It may be had later.
    #[error("{0}")]
    Passing(String),
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    rules: Arc<Rules>,
    lookup: Lookup,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Fetcher {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self::with_lookup(rules, Arc::new(|name| Box::pin(system_lookup(name))))
    }

    /// The same with another way to look names up.
    #[must_use]
    pub fn with_lookup(rules: Rules, lookup: Lookup) -> Self {
        Self {
            rules: Arc::new(rules),
            lookup,
        }
    }

    /// What may be fetched.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Fetches a page, following up to three redirects.
    pub async fn get(&self, url: &str) -> Result<Page, Failure> {
        let fetching = self.follow(url);
        tokio::time::timeout(TIMEOUT, fetching)
            .await
            .unwrap_or_else(|_| {
                let text = format!("The page took longer than {} seconds.", TIMEOUT.as_secs());
                Err(Failure::Passing(text))
            })
    }

    async fn follow(&self, url: &str) -> Result<Page, Failure> {
        let refused = |reason: &str| Failure::Final(reason.to_owned());
        let mut url = self.rules.check(url).map_err(refused)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&url).await?;
            let Some(next) = next_place(&url, &response) else {
                return read(url, response).await;
            };
            url = next.map_err(|()| refused("The page sends on to what is no address."))?;
            self.rules.check_url(&url).map_err(|reason| {
                Failure::Final(format!("The page sends on to another address. {reason}"))
            })?;
        }
        let text = format!("The page sends on more than {MAX_REDIRECTS} times.");
        Err(Failure::Final(text))
    }

    /// Asks for one URL, which has been checked, on a connection of its own.
    async fn send(&self, url: &Url) -> Result<Response, Failure> {
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .user_agent(AGENT);
        if !self.rules.is_exempt(url) {
            builder = builder.dns_resolver(Arc::new(PublicOnly(Arc::clone(&self.lookup))));
        }
        let client = builder.build().map_err(|e| reason_of(&e))?;
        let request = client
            .get(url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5")
            .header(ACCEPT_ENCODING, "gzip");
        request.send().await.map_err(|e| reason_of(&e))
    }
}

async fn system_lookup(name: String) -> std::io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Looks names up for a connection, and answers public addresses only.
struct PublicOnly(Lookup);

/// A name that has an address which is not public.
#[derive(Debug, thiserror::Error)]
#[error("an address that is not public")]
struct NotPublic;

/// A name that is not known.
#[derive(Debug, thiserror::Error)]
#[error("the name is not known: {0}")]
struct Unknown(String);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.0)(name.as_str().to_owned());
        Box::pin(async move {
            let found = looking.await.map_err(|e| Unknown(e.to_string()))?;
            if found.is_empty() {
                return Err(Unknown("no address".to_owned()).into());
            }
            if !found.iter().copied().all(address::is_public) {
                return Err(NotPublic.into());
            }
            let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
            let addresses: Addrs = Box::new(addresses);
            Ok(addresses)
        })
    }
}

fn is_caused_by<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<T>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn reason_of(error: &reqwest::Error) -> Failure {
    if is_caused_by::<NotPublic>(error) {
        return Failure::Final("This is no address on the public internet.".to_owned());
    }
    let text = if is_caused_by::<Unknown>(error) {
        "Nobody knows a server of this name."
    } else if is_caused_by::<rustls::Error>(error) {
        "The server does not prove who it is (TLS)."
    } else if error.is_connect() {
        "The server cannot be reached."
    } else {
        "The server broke off."
    };
    tracing::debug!(error = ?error, "a page was not fetched");
    Failure::Passing(text.to_owned())
}

/// Where a response sends on to; none if it is not a redirect.
fn next_place(url: &Url, response: &Response) -> Option<Result<Url, ()>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let place = response.headers().get(LOCATION)?;
    // Some servers write UTF-8 there, which the URL's parser understands.
    let place = std::str::from_utf8(place.as_bytes()).ok();
    Some(place.and_then(|text| url.join(text).ok()).ok_or(()))
}

async fn read(url: Url, mut response: Response) -> Result<Page, Failure> {
    let too_large = || {
        let text = format!("The page is larger than {} MiB.", MAX_BYTES >> 20);
        Failure::Final(text)
    };
    let announced = response.content_length();
    if announced.is_some_and(|n| n > MAX_BYTES as u64) {
        return Err(too_large());
    }
    let mut packed = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| reason_of(&e))? {
        if packed.len() + chunk.len() > MAX_BYTES {
            return Err(too_large());
        }
        packed.extend_from_slice(&chunk);
    }
    let packing = response.headers().get(CONTENT_ENCODING);
    let body = match packing
        .map(|value| value.as_bytes().to_ascii_lowercase())
        .as_deref()
    {
        None | Some(b"identity" | b"") => packed.freeze(),
        Some(b"gzip" | b"x-gzip") => unpack(packed.freeze()).await?.ok_or_else(too_large)?,
        Some(_) => {
            let text = "The server packs the page in a way that it was not asked for.";
            return Err(Failure::Final(text.to_owned()));
        }
    };
    Ok(Page {
        status: response.status().as_u16(),
        url,
        headers: kept_headers(response.headers()),
        body,
    })
}

/// Unpacks as far as a page may be large; none if it is larger.
async fn unpack(packed: Bytes) -> Result<Option<Bytes>, Failure> {
    let broken = || Failure::Passing("The page came damaged.".to_owned());
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut body = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        let read = MultiGzDecoder::new(&packed[..])
            .take(limit)
            .read_to_end(&mut body);
        read.map(|_| body)
    });
    let body = unpacking
        .await
        .map_err(|_| broken())?
        .map_err(|_| broken())?;
    Ok((body.len() <= MAX_BYTES).then(|| body.into()))
}

/// The headers as far as they are kept: cookies are secrets, and there may be too many.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = MAX_HEADERS;
    let named = headers.iter().filter(|(name, _)| *name != SET_COOKIE);
    named
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .take_while(|(name, value)| {
            let bytes = name.len() + value.len();
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests;
