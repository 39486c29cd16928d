//! Which renditions a version has, and making them before they are asked for.

use std::sync::Arc;

use sea_orm::FromQueryResult;
use uuid::{Builder, Uuid};

use super::make::{Unmade, made};
use super::model::Plan;
use crate::accounts::OpContext;
use crate::app::App;
use crate::channels::{Channel, Demand, Tree, tree};
use crate::contents::{ContentKind, Version, parse_public_id};
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{ChannelId, ContentId};
use crate::rights::gate::{Ask, Availability, Facts, decide, is_scaled_only};

/// What the preset of a question makes of a version of an asset, on the terms of the gate's answer to it: none
/// where the place has no preset, or the version has no file.
pub(crate) fn plan(
    (ask, answer): (&Ask, &Availability),
    (facts, version): (&Facts, &Version),
) -> Option<Plan> {
    let preset = ask.preset()?;
    let limits = ask.rules.iter();
    let max_bytes = limits
        .filter_map(|rule| match rule.demand {
            Demand::MaxBytes(most) => Some(most),
            _ => None,
        })
        .min();
    let scale_only = is_scaled_only(facts, version, ask, answer.terms.as_ref());
    Plan::new(&facts.content, version, preset, max_bytes, scale_only)
}

/// The plans of all presets of a channel for a version, in their order.
pub(super) fn plans(
    cx: &OpContext,
    tree: &Tree,
    channel: &Arc<Channel>,
    of: (&Facts, &Version),
) -> Vec<Plan> {
    let planned = tree.presets(channel.id).iter().filter_map(|preset| {
        let ask = Ask::made_to(preset, tree, channel, cx.at());
        plan((&ask, &decide(of.0, &ask)), of)
    });
    planned.collect()
}

/// How far back approvals are looked for: an event may be seen a little after its id was made.
const LOOK_BACK_MS: i64 = 60_000;
/// Approvals that one turn looks at.
const TURN: i64 = 100;

#[derive(FromQueryResult)]
struct Approval {
    id: Uuid,
    subject: String,
}

/// Makes what the places of newly approved versions will ask for. Nobody waits for it, and what is not made
/// here is made when it is asked for.
pub async fn warm(app: &Arc<App>) -> Result<()> {
    let since = app.clock.now().0.saturating_sub(LOOK_BACK_MS);
    let since = Builder::from_unix_timestamp_millis(u64::try_from(since).unwrap_or(0), &[0; 10]);
    let sql = Sql::new(
        "SELECT id, subject FROM outbox_events WHERE topic = 'VERSION_APPROVED' AND id > ",
    )
    .bind(since.into_uuid())
    .push(" ORDER BY id LIMIT ")
    .bind(TURN);
    let approvals: Vec<Approval> = fetch(app.db.read(), sql).await?;
    for approval in approvals {
        if let Some((ContentKind::Asset, content)) = parse_public_id(&approval.subject)
            && app.renditions.is_new(approval.id)
        {
            warm_all(app, content).await?;
        }
    }
    Ok(())
}

async fn warm_all(app: &Arc<App>, content: ContentId) -> Result<()> {
    let cx = OpContext::system(app);
    let tree = tree(&cx).await?;
    let facts = app.facts.now(app.db.read(), &[content]).await?;
    let Some(facts) = facts.get(&content) else {
        return Ok(());
    };
    let Some(version) = facts.content.current.clone() else {
        return Ok(());
    };
    for channel in tagged(&tree, &facts.labels.channels) {
        for plan in plans(&cx, &tree, &channel, (facts, &version)) {
            match made(app, &plan).await {
                Ok(_) | Err(Unmade::Failed(_)) => {}
                // Whoever asks for it finds the store and the workers in better shape, or is told.
                Err(Unmade::Busy | Unmade::Unavailable(_)) => return Ok(()),
            }
        }
    }
    Ok(())
}

/// The channels that a content is tagged to, and those under them: all places where it may be asked for.
pub(super) fn tagged(tree: &Tree, tags: &[ChannelId]) -> Vec<Arc<Channel>> {
    let within = |channel: &Arc<Channel>| {
        let chain = tree.chain(channel.id);
        chain.iter().any(|above| tags.contains(&above.id))
    };
    tree.all().into_iter().filter(within).collect()
}
