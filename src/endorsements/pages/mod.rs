//! Pages as evidence: fetched as they stand, kept, and looked at again.
//!
//! A piece of evidence is its own place in the queue. A page is fetched before the transaction that writes what
//! became of it, and its bytes are stored before their rows.

mod quote;
mod store;
mod text;

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

pub(crate) use self::quote::contains_quote;
use self::store::{Captured, Outcome, QUEUE, Stored, Target};
use super::model::EvidenceState;
use crate::accounts::OpContext;
use crate::app::App;
use crate::error::{Error, Result};
use crate::platform::blob::Blobs;
use crate::platform::fetch::{Attempt, BACK_OFF_MS, Fetcher, Page};
use crate::platform::ids::EvidenceId;
use crate::uploads::{Measured, check_room, clean_filename, measure};

pub(super) use store::look_again;

/// Pages that one turn looks at, and how many at the same time.
const TURN: i64 = 32;
const AT_ONCE: usize = 4;
/// How long a page is its taker's: much longer than it may take.
const CLAIM_MS: i64 = 120_000;
/// Past so many tries somebody must have died over it each time.
const MOST_TRIES: i32 = 10;
/// After how many days a page is looked at again, where its endorsement names no fewer.
const CHECK_DAYS: i32 = 7;

/// Fetches the pages that are due; says how many were looked at. One that fails is tried again later.
pub async fn fetch_due(app: &Arc<App>) -> Result<usize> {
    let Some(fetcher) = &app.fetcher else {
        return Ok(0);
    };
    let due = store::due(app.db.read(), app.clock.now(), TURN).await?;
    let look = |id| look(app, fetcher, id);
    Ok(QUEUE.each(due, AT_ONCE, look).await)
}

/// Looks at one page, if nobody else does.
async fn look(app: &Arc<App>, fetcher: &Fetcher, id: EvidenceId) -> Result<bool> {
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
    let seen = async {
        let target = store::target(app.db.read(), id).await?;
        let target = target.ok_or_else(|| Error::internal("evidence is gone"))?;
        let outcome = see(app, fetcher, &target).await?;
        Result::Ok((target, outcome))
    };
    // The database or the store is away, or the disk is full: no fault of the page.
    let (target, outcome) = match seen.await {
        Ok(seen) => seen,
        Err(error) => {
            let cx = OpContext::system(app);
            cx.write((id, until), |tx, taken| {
                let next = tx.op.at.plus_ms(BACK_OFF_MS[0]);
                Box::pin(QUEUE.give_back(tx, *taken, next))
            })
            .await?;
            return Err(error);
        }
    };
    let own: Vec<String> = outcome
        .captured()
        .into_iter()
        .flat_map(|page| [Some(&page.file), page.text.as_ref()])
        .flatten()
        .map(|file| file.store_key.clone())
        .collect();
    let cx = OpContext::system(app);
    cx.write((target, outcome, until), |tx, (target, outcome, until)| {
        Box::pin(store::finish(tx, target, outcome, *until))
    })
    .await?;
    for key in store::not_kept(app.db.read(), own).await? {
        app.blobs.delete(&key).await?;
    }
    Ok(true)
}

/// What became of a page. An error says that it cannot be known now, for reasons of our own.
async fn see(app: &Arc<App>, fetcher: &Fetcher, target: &Target) -> Result<Outcome> {
    if target.attempts > MOST_TRIES {
        return Ok(Outcome::Failed("The page cannot be read.".to_owned()));
    }
    match fetcher.attempt(&target.url, target.attempts).await {
        Attempt::Had(page) if page.body.is_empty() => {
            Ok(Outcome::Failed("The page is empty.".to_owned()))
        }
        Attempt::Had(page) => keep(app, target, page).await,
        Attempt::Missing(status) if target.is_new() => Ok(Outcome::Failed(format!(
            "There is no such page (status {status})."
        ))),
        Attempt::Missing(_) => Ok(Outcome::Gone),
        Attempt::Later(ms) => Ok(Outcome::Later(ms)),
        Attempt::Failed(reason) => Ok(Outcome::Failed(reason)),
    }
}

/// What a page says.
struct Read {
    text: Option<String>,
    main_sha256: String,
    contains_quote: Option<bool>,
    /// Whether the quote stood in the page when it was captured first.
    contained_quote: Option<bool>,
}

/// Reads a page and stores it, if it is the first or says something else.
async fn keep(app: &Arc<App>, target: &Target, page: Page) -> Result<Outcome> {
    let kind = page.header("content-type").map(str::to_ascii_lowercase);
    let essence = kind.as_deref().unwrap_or_default();
    let essence = essence
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    let is_text = match essence.as_str() {
        "text/html" | "application/xhtml+xml" | "text/plain" => true,
        "" => looks_like_html(&page.body),
        _ => false,
    };
    let facts = if is_text {
        let media_type = if essence.is_empty() {
            "text/html"
        } else {
            &essence
        };
        Measured::of_type(media_type)
    } else {
        let bytes = page.body.clone();
        match measure(move || Ok(Cursor::new(bytes))).await? {
            Ok(facts) => facts,
            Err(refused) => return Ok(Outcome::Failed(refused.message)),
        }
    };
    let first = match &target.first_text_key {
        Some(key) => app.blobs.read_small(key).await?,
        None => None,
    };
    let (body, quote) = (page.body.clone(), target.quote.clone());
    let header = kind.filter(|_| is_text);
    let is_html = facts.media_type != "text/plain";
    let reading = tokio::task::spawn_blocking(move || {
        read(
            &body,
            is_text.then_some(is_html),
            header.as_deref(),
            quote.as_deref(),
            first.as_deref(),
        )
    });
    let read = reading.await.map_err(Error::internal)?;
    let state = judge(target, &read);
    let differs = target.last_main.as_ref() != Some(&read.main_sha256);
    let says_else = state == EvidenceState::Changed && differs;
    if !(target.is_new() || says_else) {
        return Ok(Outcome::Same(state, read.contains_quote));
    }
    check_room(app, page.body.len() as u64).await?;
    let text = match read.text {
        Some(text) => Some(put(app, Bytes::from(text), Measured::of_type("text/plain")).await?),
        None => None,
    };
    let filename = filename(&page, is_text && is_html);
    let captured = Captured {
        status: i32::from(page.status),
        url: page.url.to_string(),
        headers: serde_json::to_string(&page.headers).map_err(Error::internal)?,
        filename,
        file: put(app, page.body, facts).await?,
        text,
        main_sha256: read.main_sha256,
        contains_quote: read.contains_quote,
        asks_again: !target.is_new()
            && (target.state != state || read.contained_quote != Some(true)),
    };
    Ok(Outcome::Captured(state, Box::new(captured)))
}

/// What a page is by now. Where the quote stood in it, that alone counts: the rest of a page changes all the
/// time (docs/decisions/0021). Where there is none to look for, its main text does.
fn judge(target: &Target, read: &Read) -> EvidenceState {
    let same = target
        .first_main
        .as_ref()
        .is_none_or(|first| *first == read.main_sha256);
    let stands = match (read.contained_quote, read.contains_quote) {
        (Some(true), found) => found == Some(true),
        (_, Some(true)) => true,
        _ => same,
    };
    if stands {
        EvidenceState::Current
    } else {
        EvidenceState::Changed
    }
}

fn read(
    body: &[u8],
    html: Option<bool>,
    content_type: Option<&str>,
    quote: Option<&str>,
    first: Option<&[u8]>,
) -> Read {
    let text = html.map(|is_html| {
        let decoded = text::decode(body, content_type);
        if is_html {
            text::extract(&decoded)
        } else {
            text::PageText::plain(&decoded)
        }
    });
    let text = text.filter(|text| !text.all.trim().is_empty());
    let main = text.as_ref().map(|text| {
        let main = if text.main.trim().is_empty() {
            &text.all
        } else {
            &text.main
        };
        main.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    let main_sha256 = hex::encode(Sha256::digest(main.as_deref().map_or(body, str::as_bytes)));
    let find = |text: &str| quote.and_then(|quote| contains_quote(text, quote));
    Read {
        contains_quote: text.as_ref().and_then(|text| find(&text.all)),
        contained_quote: first.and_then(|first| find(&String::from_utf8_lossy(first))),
        text: text.map(|text| text.all),
        main_sha256,
    }
}

/// A page's HTML, decoded, and the text that browsers show of it.
pub(crate) fn page_text(body: &[u8], content_type: Option<&str>) -> (String, String) {
    let html = text::decode(body, content_type);
    let text = text::extract(&html).all;
    (html, text)
}

fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start.get(..14).unwrap_or(start).to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

/// What a page's file is called: by its host, or by its own name where it is a file.
fn filename(page: &Page, is_html: bool) -> String {
    let host = page.url.host_str().unwrap_or("page");
    let last = page.url.path_segments().and_then(Iterator::last);
    match last {
        Some(name) if !is_html && !name.is_empty() => clean_filename(name),
        _ if is_html => clean_filename(&format!("{host}.html")),
        _ => clean_filename(host),
    }
}

/// Stores bytes under a key of their own.
async fn put(app: &Arc<App>, bytes: Bytes, facts: Measured) -> Result<Stored> {
    let stored = Stored {
        sha256: hex::encode(Sha256::digest(&bytes)),
        store_key: Blobs::new_key(app.ids.uuid(app.clock.now())),
        bytes: i64::try_from(bytes.len()).map_err(Error::internal)?,
        facts,
    };
    let mut object = app.blobs.create(&stored.store_key);
    object.write(bytes).await?;
    object.finish().await?;
    Ok(stored)
}
