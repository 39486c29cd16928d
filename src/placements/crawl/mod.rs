//! Looking at the pages where placements are: whether what is placed really is there.
//!
//! A page is fetched like one that is evidence, and searched for the delivered address, for the file by its
//! hash, for pictures that look like it, and for the quote's words. What was seen is a sighting. A page that
//! cannot be had is none: nobody has seen anything.

mod links;
mod store;

use std::io::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use url::Url;

use self::links::{Links, links};
pub(super) use self::store::errors;
use self::store::{Outcome, QUEUE, Shown, Target};
use crate::accounts::OpContext;
use crate::app::App;
use crate::endorsements::{contains_quote, page_text};
use crate::error::{Error, Result};
use crate::media::looks_alike;
use crate::platform::fetch::{Attempt, Fetcher, Page};
use crate::platform::ids::PlacementId;

/// Placements that one turn looks at, and how many at the same time.
const TURN: i64 = 32;
const AT_ONCE: usize = 4;
/// How long a page is its taker's: longer than it and its pictures may take.
const CLAIM_MS: i64 = 600_000;
/// After how long a page is looked at again: where nothing was found, sooner.
const AGAIN_DAYS: i64 = 7;
const MISSED_DAYS: i64 = 1;
/// Most pictures of a page that are fetched, and the most bytes of one.
const PICTURES: usize = 24;
const PICTURE_BYTES: usize = 5 << 20;

/// Looks at the pages that are due; says at how many. One that fails is tried again later.
pub async fn crawl_due(app: &Arc<App>) -> Result<usize> {
    let Some(fetcher) = &app.fetcher else {
        return Ok(0);
    };
    let due = store::due(app.db.read(), app.clock.now(), TURN).await?;
    let look = |id| look(app, fetcher, id);
    Ok(QUEUE.each(due, AT_ONCE, look).await)
}

/// Looks at one placement's page, if nobody else does.
async fn look(app: &Arc<App>, fetcher: &Fetcher, id: PlacementId) -> Result<bool> {
    if *app.draining.borrow() {
        return Ok(false);
    }
    let cx = OpContext::system(app);
    let until = cx.at().plus_ms(CLAIM_MS);
    let claim = cx.write((id, until), |tx, (id, until)| {
        Box::pin(QUEUE.claim(tx, *id, *until))
    });
    if !claim.await? {
        return Ok(false);
    }
    let Some(target) = store::target(app.db.read(), id).await? else {
        let cx = OpContext::system(app);
        let forget = cx.write((id, until), |tx, (id, until)| {
            Box::pin(store::forget(tx, *id, *until))
        });
        forget.await?;
        return Ok(false);
    };
    // An error here is no fault of the page: the claim runs out and it is looked at again.
    let outcome = see(app, fetcher, &target).await?;
    let cx = OpContext::system(app);
    cx.write((target, outcome, until), |tx, (target, outcome, until)| {
        Box::pin(store::finish(tx, target, outcome, *until))
    })
    .await?;
    Ok(true)
}

async fn see(app: &Arc<App>, fetcher: &Fetcher, target: &Target) -> Result<Outcome> {
    match fetcher.attempt(&target.url, target.attempts).await {
        Attempt::Had(page) => search(app, fetcher, target, &page).await,
        Attempt::Missing(status) => Ok(Outcome::Seen(
            false,
            format!("There is no such page (status {status})."),
        )),
        Attempt::Later(ms) => Ok(Outcome::Later(ms)),
        Attempt::Failed(reason) => Ok(Outcome::Failed(reason)),
    }
}

/// What is read of a page: its addresses and whether it has the words.
struct Read {
    links: Links,
    words: Option<&'static str>,
}

async fn search(
    app: &Arc<App>,
    fetcher: &Fetcher,
    target: &Target,
    page: &Page,
) -> Result<Outcome> {
    let kind = page.header("content-type").unwrap_or_default().to_owned();
    if kind.starts_with("image/") {
        // The address is the picture's own.
        let found = compare(app, target, &page.body).await?;
        let found = found.map_or_else(
            || Outcome::Seen(false, "The address shows another picture.".to_owned()),
            |alike| Outcome::Seen(true, alike.text),
        );
        return Ok(found);
    }
    let (body, base, words) = (page.body.clone(), page.url.clone(), target.words.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let (html, text) = page_text(&body, Some(&kind));
        let said = |(name, words): &(&'static str, String)| {
            (contains_quote(&text, words) == Some(true)).then_some(*name)
        };
        Read {
            links: links(&html, &base),
            words: words.iter().find_map(said),
        }
    });
    let Read { links, words } = reading.await.map_err(Error::internal)?;
    if let Some(text) = delivered(app, target, &links).await? {
        return Ok(Outcome::Seen(true, text));
    }
    if let Some(name) = words {
        return Ok(Outcome::Seen(true, format!("The page has the {name}.")));
    }
    let (mut looked, mut nearest) = (0, None::<Alike>);
    if !target.shown.is_empty() {
        for url in links.pictures.iter().take(PICTURES) {
            let Ok(picture) = fetcher.get(url.as_str()).await else {
                continue;
            };
            if !(200..=299).contains(&picture.status) || picture.body.len() > PICTURE_BYTES {
                continue;
            }
            looked += 1;
            let alike = compare(app, target, &picture.body).await?;
            nearest = nearest.into_iter().chain(alike).min();
            if nearest.as_ref().is_some_and(|alike| alike.bits.is_none()) {
                break;
            }
        }
    }
    if let Some(alike) = nearest {
        return Ok(Outcome::Seen(true, alike.text));
    }
    let text = match looked {
        0 => "Neither its address nor its words are on the page.".to_owned(),
        1 => "Neither its address nor its words are on the page, and the one picture there is another.".to_owned(),
        n => format!("Neither its address nor its words are on the page, and the {n} pictures there are others."),
    };
    Ok(Outcome::Seen(false, text))
}

/// Whether the page has an address that was given out for what is placed.
async fn delivered(app: &App, target: &Target, links: &Links) -> Result<Option<String>> {
    let mut keys = Vec::new();
    for url in &links.all {
        let parts: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        for at in 0..parts.len() {
            match parts.get(at..) {
                Some(["d", content, _channel, _preset]) if target.is_of(content) => {
                    return Ok(Some("The page has its stable address.".to_owned()));
                }
                Some(["r", _grant, key]) if keys.len() < PICTURES => {
                    keys.push((*key).to_owned());
                }
                _ => {}
            }
        }
    }
    let version = store::version_of(app.db.read(), target, keys).await?;
    Ok(version.map(|version| target.describe("The page has the address", version)))
}

/// A picture that is what is placed, or looks like it: the likest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    /// In how many bits the looks differ; none: they are the same bytes.
    bits: Option<u32>,
    text: String,
}

/// Compares a picture with what is placed: its bytes, then its looks. None: it is another.
async fn compare(app: &Arc<App>, target: &Target, bytes: &[u8]) -> Result<Option<Alike>> {
    let sha256 = hex::encode(Sha256::digest(bytes));
    if let Some(same) = target.shown.iter().find(|s| s.sha256 == sha256) {
        let text = target.describe("The page shows the file", same.number);
        return Ok(Some(Alike { bits: None, text }));
    }
    let looking = |shown: &&Shown| shown.perceptual_hash.is_some();
    if !target.shown.iter().any(|shown| looking(&shown)) {
        return Ok(None);
    }
    let folder = app.config.data_dir.clone();
    let own = bytes.to_vec();
    let kept = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&own)?;
        std::io::Result::Ok(file.into_temp_path())
    });
    let path = kept.await.map_err(Error::internal)??;
    let measured = app.workers.pool(app)?.measure(path.to_path_buf()).await;
    let looks = match measured {
        Ok(measured) => measured.perceptual_hash,
        Err(error) if error.is_transient() => {
            return Err(Error::Unavailable(anyhow::anyhow!("{error}")));
        }
        // What cannot be drawn is not what was delivered.
        Err(_) => return Ok(None),
    };
    let near = target.shown.iter().filter_map(|shown| {
        let own = shown.perceptual_hash?;
        looks_alike(own.cast_unsigned(), looks).map(|bits| (bits, shown.number))
    });
    Ok(near.min().map(|(bits, number)| {
        let what = target.describe("A picture on the page looks like that", number);
        Alike {
            bits: Some(bits),
            text: format!("{what} {bits} of 64 bits differ."),
        }
    }))
}

impl Target {
    /// Whether an address names one of the assets that show what is placed.
    fn is_of(&self, content: &str) -> bool {
        self.assets
            .iter()
            .any(|asset| asset.to_string() == *content)
    }

    /// A sentence about one of the versions: that it is another than the placed one matters.
    fn describe(&self, what: &str, number: i32) -> String {
        match self.number {
            Some(placed) if placed != number => {
                format!("{what} of version {number}, not of version {placed}.")
            }
            _ => format!("{what} of version {number}."),
        }
    }
}

/// An address is only fetched if it is one of the web.
pub(super) fn is_page(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
