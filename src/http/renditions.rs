//! `/r/{grant}/{key}`: a rendition, to whom a grant says. `/d/{content}/{channel}/{preset}`: the stable
//! address for a page, which the gate answers each time.
//!
//! Both make what is not there yet. A key or a grant that was not given out here makes nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::Server;
use super::auth;
use super::files::{Manner, Sharing, respond};
use super::refusal::Refusal;
use crate::accounts::{self, Scope};
use crate::app::App;
use crate::assets::grants::{GrantViewer, GrantedFile};
use crate::channels::{Channel, Tree, resolve};
use crate::contents::{self, Content, ContentKind, Version, parse_public_id};
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, ContentId, VersionId};
use crate::platform::names::name_of;
use crate::renditions::{self, Made, Plan, RenditionGrant, Unmade};
use crate::rights;
use crate::rights::gate::{Ask, Availability, Facts, HoldReason, decide};

/// Longest that a page, and what stands between, may keep what a stable address gave, in milliseconds: a
/// recall reaches them no sooner.
const STABLE_MAX_AGE_MS: i64 = 60_000;
/// Longest that a request waits for a rendition to be made.
const PATIENCE: Duration = Duration::from_secs(30);

/// The routes.
pub(super) const GRANTED: &str = "/r/{grant}/{key}";
pub(super) const STABLE: &str = "/d/{content}/{channel}/{preset}";

pub(super) async fn granted(
    State(server): State<Arc<Server>>,
    Path((grant, key)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    send_granted(&server.app, (&grant, &key), &parts).await
}

/// Delivers the rendition that a grant is for. Its key must be what the preset makes of the version now, or
/// what was made of it before.
pub(super) async fn send_granted(
    app: &Arc<App>,
    (grant, key): (&str, &str),
    request: &Parts,
) -> Result<Response, Refusal> {
    let grant = RenditionGrant::open(&app.sealer, grant, app.clock.now())
        .ok_or_else(Refusal::nothing_here)?;
    let (file, manner) = under(app, &grant, key).await?;
    respond(app, &file, manner, &request.method, &request.headers).await
}

/// What there is under a grant now, and how it is handed out.
async fn under(
    app: &Arc<App>,
    grant: &RenditionGrant,
    key: &str,
) -> Result<(GrantedFile, Manner), Refusal> {
    let content = rights::content_of(app, grant.version)
        .await?
        .ok_or_else(Refusal::nothing_here)?;
    let (facts, tree) = known(app, content).await?;
    let version = version(app, &facts, grant.version).await?;
    let channel = tree.get(grant.channel).ok_or_else(Refusal::nothing_here)?;
    // A preset that is gone asks no more than its place does.
    let now = app.clock.now();
    let ask = asked(&tree, channel, &grant.preset, now);
    let is_there = ask.is_ok();
    let ask = ask.unwrap_or_else(|_| Ask::new(&tree, channel, now));
    let answer = decide(&facts, &ask);
    let until = permitted(app, grant, (&tree, &answer), (&facts, &version)).await?;
    let plan = renditions::plan((&ask, &answer), (&facts, &version)).filter(|_| is_there);
    let lately = plan
        .as_ref()
        .and_then(|plan| renditions::lately_made(app, plan));
    let made = match lately.filter(|made| made.key == key) {
        Some(made) => made,
        // Seldom, and large.
        None => Box::pin(named(app, version.id, plan, key)).await?,
    };
    let manner = Manner {
        sharing: Sharing::of(&grant.viewer),
        until: until.map_or(grant.expires_at, |until| until.min(grant.expires_at)),
        saved: false,
    };
    Ok((file(&facts.content, made, &grant.preset), manner))
}

/// The rendition with a name: what is planned now, made if it is not there, or what was made before.
async fn named(
    app: &Arc<App>,
    version: VersionId,
    plan: Option<Plan>,
    key: &str,
) -> Result<Made, Refusal> {
    match plan.filter(|plan| plan.key().is_ok_and(|planned| planned == key)) {
        Some(plan) => make(app, &plan).await,
        None => renditions::find_made(app.db.read(), version, key)
            .await?
            .ok_or_else(Refusal::nothing_here),
    }
}

pub(super) async fn stable(
    State(server): State<Arc<Server>>,
    Path((content, channel, preset)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    send_stable(&server.app, (&content, &channel, &preset), &parts).await
}

/// Delivers what a preset of a channel makes of a content's current version, as long as the gate lets it out
/// there; 410 with the holds where it no longer does. A channel that is not public wants a token.
pub(super) async fn send_stable(
    app: &Arc<App>,
    address: (&str, &str, &str),
    request: &Parts,
) -> Result<Response, Refusal> {
    let (file, manner) = at(app, address, &request.headers).await?;
    respond(app, &file, manner, &request.method, &request.headers).await
}

/// What there is at a stable address now, and how it is handed out.
async fn at(
    app: &Arc<App>,
    (content, channel, preset): (&str, &str, &str),
    headers: &HeaderMap,
) -> Result<(GrantedFile, Manner), Refusal> {
    let Some((ContentKind::Asset, content)) = parse_public_id(content) else {
        return Err(Refusal::nothing_here());
    };
    let (facts, tree) = known(app, content).await?;
    let channel = match channel.parse::<ChannelId>() {
        Ok(id) => tree.get(id),
        Err(_) => tree.by_slug(channel),
    };
    let channel = channel.ok_or_else(Refusal::nothing_here)?;
    let sharing = if channel.public {
        Sharing::Public(STABLE_MAX_AGE_MS)
    } else {
        let viewer = Box::pin(auth::bearer(app, headers)).await?.viewer;
        let reads = viewer.may(Scope::Read) || viewer.is_public();
        if !reads
            || !viewer.sees_brand(facts.content.brand)
            || !resolve::reaches(&viewer, &tree, channel.id)
        {
            return Err(Refusal::nothing_here());
        }
        Sharing::Private
    };
    let ask = asked(&tree, channel, preset, app.clock.now())?;
    let answer = decide(&facts, &ask);
    if !answer.is_available() {
        return Err(held(&answer));
    }
    let current = facts
        .content
        .current
        .as_ref()
        .ok_or_else(Refusal::nothing_here)?;
    let plan = renditions::plan((&ask, &answer), (&facts, current));
    let plan = plan.ok_or_else(Refusal::nothing_here)?;
    let made = match renditions::lately_made(app, &plan) {
        Some(made) => made,
        // Seldom, and large.
        None => Box::pin(make(app, &plan)).await?,
    };
    let manner = Manner {
        sharing,
        until: answer.until.unwrap_or(Timestamp(i64::MAX)),
        saved: false,
    };
    Ok((file(&facts.content, made, preset), manner))
}

/// The question for a preset of a channel, by its name.
fn asked(tree: &Tree, channel: &Arc<Channel>, preset: &str, at: Timestamp) -> Result<Ask, Refusal> {
    let preset = tree.preset(channel.id, preset);
    let preset = preset.ok_or_else(Refusal::nothing_here)?;
    Ok(Ask::made_to(preset, tree, channel, at))
}

/// Why something is not there: what never was to be seen there does not exist, what was is gone.
fn held(answer: &Availability) -> Refusal {
    let never =
        |reason: &HoldReason| matches!(reason, HoldReason::NotApproved | HoldReason::NotTagged);
    let reasons: Vec<HoldReason> = answer.holds.iter().map(|hold| hold.reason).collect();
    if reasons.iter().any(never) {
        return Refusal::nothing_here();
    }
    let names: Vec<String> = reasons.iter().filter_map(|r| name_of(r).ok()).collect();
    Refusal::gone().saying(json!({ "holds": names }))
}

/// The facts of a content and the channel tree, as of now or of half a second ago.
async fn known(app: &Arc<App>, content: ContentId) -> Result<(Arc<Facts>, Arc<Tree>), Refusal> {
    let known = rights::recent(app, content).await?;
    known.ok_or_else(Refusal::nothing_here)
}

/// A version of the content that these facts are of.
async fn version(app: &App, facts: &Facts, version: VersionId) -> Result<Arc<Version>, Refusal> {
    if let Some(current) = facts.content.current.clone().filter(|v| v.id == version) {
        return Ok(current);
    }
    let mut found = Box::pin(contents::store::load_versions(app.db.read(), &[version])).await?;
    found.remove(&version).ok_or_else(Refusal::nothing_here)
}

/// Whether the grant's bearer may have the rendition now, and until when that holds by itself.
async fn permitted(
    app: &Arc<App>,
    grant: &RenditionGrant,
    (tree, answer): (&Tree, &Availability),
    (facts, version): (&Facts, &Version),
) -> Result<Option<Timestamp>, Refusal> {
    match &grant.viewer {
        GrantViewer::Internal(token) => {
            let viewer = Box::pin(accounts::bearer_lives(app, *token)).await?;
            viewer
                .filter(|v| v.may(Scope::Read) && v.sees_brand(facts.content.brand))
                .map(|_| None)
                .ok_or_else(Refusal::nothing_here)
        }
        GrantViewer::Public(granted) => {
            let chain = tree.chain(grant.channel);
            let reached = chain.iter().any(|above| granted.contains(&above.id));
            let current = facts.content.current.as_ref();
            let current = current.is_some_and(|v| v.id == version.id);
            if !reached || !current {
                return Err(Refusal::nothing_here());
            }
            if answer.is_available() {
                Ok(answer.until)
            } else {
                Err(held(answer))
            }
        }
    }
}

/// Makes what is not there yet, and says why where it cannot be.
async fn make(app: &Arc<App>, plan: &Plan) -> Result<Made, Refusal> {
    let waited = tokio::time::timeout(PATIENCE, renditions::made(app, plan)).await;
    match waited.unwrap_or(Err(Unmade::Busy)) {
        Ok(made) => Ok(made),
        Err(Unmade::Failed(reason)) => {
            Err(Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", reason))
        }
        Err(Unmade::Busy) => Err(Refusal::rate_limited(5, json!({}))),
        Err(Unmade::Unavailable(cause)) => {
            tracing::error!(
                cause,
                preset = plan.preset,
                "a rendition could not be made now"
            );
            let text = "This cannot be made just now. Try again in a moment.";
            Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                text,
            ))
        }
    }
}

/// A rendition as a file to deliver, named after its preset.
fn file(content: &Content, made: Made, preset: &str) -> GrantedFile {
    let ending = made.media_type.strip_prefix("image/").unwrap_or("bin");
    GrantedFile {
        filename: format!("{preset}.{}", if ending == "jpeg" { "jpg" } else { ending }),
        sha256: made.sha256,
        store_key: made.store_key,
        media_type: made.media_type,
        bytes: made.bytes,
        wrong_since: made.wrong_since,
        content: Some(content.id),
        brand: content.brand,
    }
}
