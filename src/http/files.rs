//! `/files/{grant}/{filename}`: stored bytes, to whom a grant says, for as long as the right lasts.
//!
//! A grant is asked again every time, for GET, HEAD and 304 alike: what was revoked, ended or recalled
//! since is not delivered. To know a hash, or an address without its seal, is no right.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::Server;
use super::disposition::content_disposition;
use super::range::{Wanted, wanted};
use super::refusal::Refusal;
use crate::accounts::{self, OpContext, Scope};
use crate::app::App;
use crate::assets::grants::{self, Grant, GrantSubject, GrantViewer, GrantedFile};
use crate::care::verify;
use crate::channels;
use crate::contents;
use crate::error::{Error, Result};
use crate::platform::blob::Download;
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, ContentId, VersionId};
use crate::platform::tasks;
use crate::rights;

/// Longest that a browser may keep a file without asking again, in milliseconds.
const MAX_AGE_MS: i64 = 3_600_000;
/// Files up to this size are checked before the first byte goes out.
const CHECKED_FIRST: u64 = 256 * 1024;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Delivers a file; with `?download=1` to be saved, whatever it is. The last part of the address is for
/// people and decides nothing.
pub(super) async fn deliver(
    State(server): State<Arc<Server>>,
    Path((grant, _filename)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let app = &server.app;
    let now = app.clock.now();
    let grant = grants::open(&app.sealer, &grant)
        .filter(|grant| grant.lives(now))
        .ok_or_else(Refusal::nothing_here)?;
    let file = grants::resolve(app.db.read(), &grant.subject)
        .await?
        .ok_or_else(Refusal::nothing_here)?;
    let until = permitted(app, &grant, &file).await?;
    let until = until.map_or(grant.expires_at, |until| until.min(grant.expires_at));
    let about = about(&file, Sharing::of(&grant.viewer), (now, until))?;
    let saved = query.as_deref() == Some("download=1");
    respond(app, &file, (about, saved), &method, &headers).await
}

/// How an answer may be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// By one person's browser, on pages of this site.
    Internal,
    /// By one person's browser, on any page.
    Private,
    /// By everybody, on any page; for so many milliseconds at most.
    Public(i64),
}

impl Sharing {
    pub(super) fn of(viewer: &GrantViewer) -> Self {
        match viewer {
            GrantViewer::Internal(_) => Self::Internal,
            GrantViewer::Public(_) => Self::Private,
        }
    }
}

/// Answers with a file, or the part of it that was asked for, or that it is unchanged. `about` are the
/// headers of every answer about it; `saved`: to be saved, whatever it is.
pub(super) async fn respond(
    app: &Arc<App>,
    file: &GrantedFile,
    (mut about, saved): (HeaderMap, bool),
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    about.insert(
        CONTENT_DISPOSITION,
        content_disposition(&file.media_type, &file.filename, saved),
    );
    let etag = format!("\"{}\"", file.sha256);
    if headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|v| matches_etag(v, &etag))
    {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    if file.wrong_since.is_some() {
        return Err(Refusal::from(Error::internal(format!(
            "the stored bytes of {} are known to be wrong",
            file.sha256
        ))));
    }
    let size = u64::try_from(file.bytes).unwrap_or(0);
    if *method == Method::HEAD {
        return Ok((StatusCode::OK, about, [(CONTENT_LENGTH, size.to_string())]).into_response());
    }
    let mut response = match asked(headers, &etag, size) {
        Wanted::Nothing => {
            let range = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
        Wanted::Whole => {
            let body = whole(app, file, size).await?;
            (StatusCode::OK, [(CONTENT_LENGTH, size.to_string())], body).into_response()
        }
        Wanted::Part(range) => {
            let body = part(app, file, size, range.clone()).await?;
            let length = (CONTENT_LENGTH, (range.end - range.start).to_string());
            let place = (
                CONTENT_RANGE,
                format!("bytes {}-{}/{size}", range.start, range.end - 1),
            );
            (StatusCode::PARTIAL_CONTENT, [length, place], body).into_response()
        }
    };
    response.headers_mut().extend(about);
    Ok(response)
}

/// Whether the grant's bearer may have the file now, and until when that holds by itself.
async fn permitted(
    app: &Arc<App>,
    grant: &Grant,
    file: &GrantedFile,
) -> Result<Option<Timestamp>, Refusal> {
    match &grant.viewer {
        GrantViewer::Internal(token) => {
            let viewer = accounts::bearer_lives(app, *token).await?;
            viewer
                .filter(|v| v.may(Scope::Read) && v.sees_brand(file.brand))
                .map(|_| None)
                .ok_or_else(Refusal::nothing_here)
        }
        GrantViewer::Public(channels) => {
            let GrantSubject::Version(version) = grant.subject else {
                return Err(Refusal::nothing_here());
            };
            let content = file.content.ok_or_else(Refusal::nothing_here)?;
            out_now(app, content, version, channels)
                .await?
                .ok_or_else(|| {
                    let text = "This may not go out here now.";
                    Refusal::new(StatusCode::GONE, "NOT_FOUND", text)
                })
        }
    }
}

/// Whether the gate lets a content out in one of these channels or one under them, and this version is
/// what goes out: an address of an earlier one does not outlive its recall.
async fn out_now(
    app: &Arc<App>,
    content: ContentId,
    version: VersionId,
    granted: &[ChannelId],
) -> Result<Option<Option<Timestamp>>> {
    let found = contents::store::load(app.db.read(), &[content]).await?;
    if found
        .get(&content)
        .is_none_or(|c| c.current.as_ref().is_none_or(|v| v.id != version))
    {
        return Ok(None);
    }
    let cx = OpContext::system(app);
    let tree = channels::fresh_tree(&cx).await?;
    let within = |id: ChannelId| tree.chain(id).iter().any(|c| granted.contains(&c.id));
    let reached: Vec<ChannelId> = tree
        .all()
        .iter()
        .map(|c| c.id)
        .filter(|id| within(*id))
        .collect();
    rights::out_on_any(&cx, content, &reached).await
}

/// The headers of every answer about this file, between two instants: now, and when that may end.
pub(super) fn about(
    file: &GrantedFile,
    sharing: Sharing,
    (now, until): (Timestamp, Timestamp),
) -> Result<HeaderMap> {
    let (policy, scope, longest) = match sharing {
        Sharing::Internal => ("same-site", "private", MAX_AGE_MS),
        Sharing::Private => ("cross-origin", "private", MAX_AGE_MS),
        Sharing::Public(longest) => ("cross-origin", "public", longest),
    };
    let seconds = (until.0 - now.0).clamp(0, longest) / 1000;
    let kind = HeaderValue::from_str(&file.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let etag = HeaderValue::from_str(&format!("\"{}\"", file.sha256)).map_err(Error::internal)?;
    let cache =
        HeaderValue::from_str(&format!("{scope}, max-age={seconds}")).map_err(Error::internal)?;
    Ok(HeaderMap::from_iter([
        (CONTENT_TYPE, kind),
        (ETAG, etag),
        (CACHE_CONTROL, cache),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'"),
        ),
        (RESOURCE_POLICY, HeaderValue::from_static(policy)),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ]))
}

/// Whether a value of `If-None-Match` names this tag; weak tags count, as for any GET.
pub(super) fn matches_etag(value: &HeaderValue, etag: &str) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    text.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// A range counts only for the very bytes the caller has a part of.
fn asked(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    if headers
        .get(IF_RANGE)
        .is_some_and(|tag| tag.as_bytes() != etag.as_bytes())
    {
        return Wanted::Whole;
    }
    let mut ranges = headers.get_all(RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) => wanted(range.to_str().ok(), size),
        _ => Wanted::Whole,
    }
}

/// Opens the object, which must be as long as its row says.
async fn open(
    app: &App,
    file: &GrantedFile,
    size: u64,
    range: Option<std::ops::Range<u64>>,
) -> Result<Download> {
    let download = app.blobs.read(&file.store_key, range).await?;
    if download.size == size {
        return Ok(download);
    }
    Err(Error::internal(format!(
        "the stored object of {} has {} bytes, not {size}",
        file.sha256, download.size
    )))
}

/// The whole file, whose bytes are checked on their way: a small one before anything is said, a large one
/// before its end is sent, so that wrong bytes never arrive as a complete answer.
async fn whole(app: &Arc<App>, file: &GrantedFile, size: u64) -> Result<Body> {
    if size <= CHECKED_FIRST {
        return Ok(Body::from(small(app, file, size).await?));
    }
    let download = open(app, file, size, None).await?;
    Ok(Body::from_stream(checked(
        download.bytes,
        noting(app, file),
    )))
}

/// A part of a file. That of a small one is cut out of the whole, which is checked; of a large one what is
/// known is what the last reading of all of it has found (`care/scrub.rs`).
async fn part(
    app: &Arc<App>,
    file: &GrantedFile,
    size: u64,
    range: std::ops::Range<u64>,
) -> Result<Body> {
    if size > CHECKED_FIRST {
        return Ok(Body::from_stream(
            open(app, file, size, Some(range)).await?.bytes,
        ));
    }
    let place = |at: u64| usize::try_from(at).map_err(Error::internal);
    let bytes = Bytes::from(small(app, file, size).await?);
    Ok(Body::from(
        bytes.slice(place(range.start)?..place(range.end)?),
    ))
}

/// All bytes of a small file, which are the right ones.
async fn small(app: &Arc<App>, file: &GrantedFile, size: u64) -> Result<Vec<u8>> {
    let download = open(app, file, size, None).await?;
    let checked = checked(download.bytes, noting(app, file));
    let parts: Vec<Bytes> = checked.try_collect().await.map_err(Error::internal)?;
    Ok(parts.concat())
}

/// Whose hash stored bytes should have, and who is told if they do not.
struct Checked {
    sha256: String,
    wrong: Box<dyn FnOnce() + Send>,
}

/// Notes wrong bytes, so that no part of them is delivered from then on.
fn noting(app: &Arc<App>, file: &GrantedFile) -> Checked {
    let (app, sha256, key) = (Arc::clone(app), file.sha256.clone(), file.store_key.clone());
    Checked {
        sha256: sha256.clone(),
        wrong: Box::new(move || {
            tasks::spawn("note_wrong", async move {
                let what = "found while it was delivered";
                if let Err(error) = verify::note_wrong(&app, &sha256, &key, what).await {
                    tracing::error!(error = %error, file.sha256 = sha256, "a wrong file was not noted");
                }
            });
        }),
    }
}

/// The same bytes, each chunk held back until the next is there, and the last until the hash is known.
fn checked(
    bytes: BoxStream<'static, Result<Bytes, object_store::Error>>,
    wanted: Checked,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let start = (bytes, Sha256::new(), None::<Bytes>, wanted);
    futures::stream::try_unfold(Some(start), |state| async move {
        let Some((mut bytes, mut hash, mut held, wanted)) = state else {
            return Ok(None);
        };
        loop {
            let next = bytes
                .next()
                .await
                .transpose()
                .map_err(std::io::Error::other)?;
            let Some(chunk) = next else { break };
            hash.update(&chunk);
            if let Some(ready) = held.replace(chunk) {
                return Ok(Some((ready, Some((bytes, hash, held, wanted)))));
            }
        }
        if hex::encode(hash.finalize()) == wanted.sha256 {
            return Ok(held.map(|last| (last, None)));
        }
        tracing::error!(
            file.sha256 = wanted.sha256,
            "stored bytes do not have their hash and are not delivered"
        );
        (wanted.wrong)();
        Err(std::io::Error::other(
            "the stored bytes do not have their hash",
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_tag_is_matched_weakly_and_in_lists() {
        let matches = |text: &'static str| matches_etag(&HeaderValue::from_static(text), "\"a\"");
        for yes in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["", "a", "\"b\"", "\"a\"x"] {
            assert!(!matches(no), "{no}");
        }
    }

    #[test]
    fn a_range_counts_for_the_same_bytes_only() {
        let with = |if_range: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
            if let Some(tag) = if_range {
                headers.insert(IF_RANGE, HeaderValue::from_static(tag));
            }
            asked(&headers, "\"a\"", 10)
        };
        assert_eq!(with(None), Wanted::Part(0..2));
        assert_eq!(with(Some("\"a\"")), Wanted::Part(0..2));
        for other in ["\"b\"", "W/\"a\"", "junk", "Sun, 22 Nov 2026 00:00:00 GMT"] {
            assert_eq!(with(Some(other)), Wanted::Whole, "{other}");
        }
    }

    #[tokio::test]
    async fn wrong_bytes_never_arrive_whole() {
        let told = Arc::new(AtomicBool::new(false));
        let send = |sha256: String| {
            let chunks = ["ab", "cd", "e"].map(|c| Ok(Bytes::from_static(c.as_bytes())));
            let told = Arc::clone(&told);
            let wrong = Box::new(move || told.store(true, Ordering::Relaxed));
            checked(
                futures::stream::iter(chunks).boxed(),
                Checked { sha256, wrong },
            )
        };
        let good: Vec<Bytes> = send(hex::encode(Sha256::digest("abcde")))
            .try_collect()
            .await
            .unwrap();
        assert_eq!(good.concat(), b"abcde");
        assert!(!told.load(Ordering::Relaxed));
        let bad: Vec<_> = send(hex::encode(Sha256::digest("other"))).collect().await;
        assert!(bad.last().unwrap().is_err());
        assert_eq!(bad.iter().flatten().map(Bytes::len).sum::<usize>(), 4);
        assert!(told.load(Ordering::Relaxed));
    }
}
