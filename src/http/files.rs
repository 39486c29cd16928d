//! `/files/{grant}/{filename}`: stored bytes, to whom a grant says, for as long as the right lasts.
//!
//! A grant is asked again every time, for GET, HEAD and 304 alike: what was revoked, ended or recalled
//! since is not delivered. To know a hash, or an address without its seal, is no right.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Server;
use super::bytes::{part, whole};
use super::disposition::content_disposition;
use super::range::{Wanted, wanted};
use super::redirect;
use super::refusal::Refusal;
use crate::accounts::{self, Scope};
use crate::app::App;
use crate::assets::grants::{self, Grant, GrantSubject, GrantViewer, GrantedFile};
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, ContentId, VersionId};
use crate::rights;

/// Longest that a browser may keep a file without asking again, in milliseconds.
const MAX_AGE_MS: i64 = 3_600_000;

/// Headers of an answer, and of what is said around each (`http/request.rs`).
const HEADERS: usize = 16;

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
    let manner = Manner {
        sharing: Sharing::of(&grant.viewer),
        until,
        saved: query.as_deref() == Some("download=1"),
    };
    respond(app, &file, manner, &method, &headers).await
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

/// How a file is handed out, beside what was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) sharing: Sharing,
    /// When that may end: no answer begins then or later, and none is kept beyond it.
    pub(super) until: Timestamp,
    /// To be saved, whatever it is.
    pub(super) saved: bool,
}

/// Answers with a file, or the part of it that was asked for, or that it is unchanged.
pub(super) async fn respond(
    app: &Arc<App>,
    file: &GrantedFile,
    manner: Manner,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let etag = format!("\"{}\"", file.sha256);
    let mut response = answer(app, file, (manner, &etag), method, headers).await?;
    // To find the bytes takes its time, in which the right to them may have ended.
    let now = app.clock.now();
    if manner.until <= now {
        return Err(Refusal::gone());
    }
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::FOUND {
        headers.insert(RESOURCE_POLICY, resource_policy(app, manner.sharing));
    } else if status != StatusCode::RANGE_NOT_SATISFIABLE {
        headers.reserve(HEADERS);
        say(headers, app, file, (manner, etag), now)?;
    }
    Ok(response)
}

/// Status and bytes of an answer, and what is said of those bytes alone.
async fn answer(
    app: &Arc<App>,
    file: &GrantedFile,
    (manner, etag): (Manner, &str),
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|v| matches_etag(v, etag))
    {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    if file.wrong_since.is_some() {
        return Err(Refusal::from(Error::internal(format!(
            "the stored bytes of {} are known to be wrong",
            file.sha256
        ))));
    }
    let size = u64::try_from(file.bytes).unwrap_or(0);
    if *method == Method::HEAD {
        return Ok((StatusCode::OK, [(CONTENT_LENGTH, HeaderValue::from(size))]).into_response());
    }
    let wanted = asked(headers, etag, size);
    if wanted != Wanted::Nothing
        && redirect::applies(app, headers)
        && let Some(response) = Box::pin(redirect::to_bucket(app, file, manner)).await?
    {
        return Ok(response);
    }
    Ok(match wanted {
        Wanted::Nothing => {
            let range = [(CONTENT_RANGE, format!("bytes */{size}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response()
        }
        Wanted::Whole => {
            let (paged, body) = whole(app, file, size).await?;
            let length = [(CONTENT_LENGTH, HeaderValue::from(size))];
            (StatusCode::OK, length, paged, body).into_response()
        }
        Wanted::Part(range) => {
            let (paged, body) = part(app, file, size, range.clone()).await?;
            let length = (CONTENT_LENGTH, (range.end - range.start).to_string());
            let place = (
                CONTENT_RANGE,
                format!("bytes {}-{}/{size}", range.start, range.end - 1),
            );
            (StatusCode::PARTIAL_CONTENT, [length, place], paged, body).into_response()
        }
    })
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
                .ok_or_else(Refusal::gone)
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
    let Some((facts, tree)) = rights::recent(app, content).await? else {
        return Ok(None);
    };
    let current = facts.content.current.as_ref();
    if current.is_none_or(|v| v.id != version) {
        return Ok(None);
    }
    let within = |id: ChannelId| tree.chain(id).iter().any(|c| granted.contains(&c.id));
    let reached = tree.all().into_iter().filter(|c| within(c.id));
    Ok(rights::out_on_any(&facts, &tree, reached, app.clock.now()))
}

/// What every answer about this file says of it, as of now.
fn say(
    headers: &mut HeaderMap,
    app: &App,
    file: &GrantedFile,
    (manner, etag): (Manner, String),
    now: Timestamp,
) -> Result<()> {
    let (scope, longest) = match manner.sharing {
        Sharing::Internal | Sharing::Private => ("private", MAX_AGE_MS),
        Sharing::Public(longest) => ("public", longest),
    };
    let seconds = (manner.until.0 - now.0).clamp(0, longest) / 1000;
    let cache = format!("{scope}, max-age={seconds}");
    let disposition = content_disposition(&file.media_type, &file.filename, manner.saved);
    let text = |text: String| HeaderValue::try_from(text).map_err(Error::internal);
    headers.insert(CONTENT_TYPE, kind(file));
    headers.insert(ETAG, text(etag)?);
    headers.insert(CACHE_CONTROL, text(cache)?);
    headers.insert(CONTENT_DISPOSITION, disposition);
    let sandbox = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, sandbox);
    headers.insert(RESOURCE_POLICY, resource_policy(app, manner.sharing));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(())
}

/// A file's media type, as a header has it.
pub(super) fn kind(file: &GrantedFile) -> HeaderValue {
    HeaderValue::from_str(&file.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// On which pages an answer may be shown. With an origin for files our own pages are of another site, too:
/// whoever has the address has the right to it.
fn resource_policy(app: &App, sharing: Sharing) -> HeaderValue {
    let is_within = sharing == Sharing::Internal && app.config.content_origin.is_none();
    HeaderValue::from_static(if is_within {
        "same-site"
    } else {
        "cross-origin"
    })
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

#[cfg(test)]
mod tests {
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
}
