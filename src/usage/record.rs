//! Recording usage: each event once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::ID;
use serde::{Deserialize, Serialize};

use super::model::UsageKind;
use super::store::{self, Event};
use crate::accounts::{OpContext, Scope, Viewer};
use crate::app::App;
use crate::channels::{self, Tree};
use crate::contents::parse_public_id;
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::placements::{Pulled, Shown, open_beacon, open_pulled, placements_of};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::{ChannelId, ContentId, PlacementId};

/// Most events in one call.
const MAX_EVENTS: usize = 500;
/// Longest id of an event, in characters.
const MAX_ID: usize = 64;
/// Most that one event counts for.
const MAX_COUNT: i32 = 1_000_000;
/// Largest value of one event, in minor units: a sum of millions of them still fits in 64 bits.
const MAX_VALUE: i64 = 1_000_000_000_000;
/// How old an event may be: for so long its id is remembered.
const MAX_AGE_DAYS: i64 = 90;
/// How far ahead the sender's clock may be.
const MAX_AHEAD_DAYS: i64 = 1;

/// An event as it was sent.
#[derive(Clone, Debug)]
pub(super) struct NewEvent {
    pub id: String,
    pub kind: UsageKind,
    /// None: now.
    pub at: Option<Timestamp>,
    pub beacon_key: Option<String>,
    pub content: Option<ID>,
    pub channel: Option<ID>,
    /// Minor units and currency.
    pub value: Option<(i64, String)>,
    pub count: Option<i32>,
}

/// How many events were new, and how many had come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    pub accepted: i32,
    pub duplicates: i32,
}

/// No more events than a call may have; BAD_REQUEST otherwise. Asked before any of them is looked at.
pub(super) fn check_len(events: usize) -> Result<()> {
    if events <= MAX_EVENTS {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "`events` has at most {MAX_EVENTS} entries. Send the rest in another call."
    )))
}

/// Records events, all or none. The number of statements does not depend on how many events there are.
pub(super) async fn record_usage(cx: &OpContext, events: Vec<NewEvent>) -> Result<Recorded> {
    cx.viewer.require(Scope::UsageWrite)?;
    check_len(events.len())?;
    let mut problems = Problems::new();
    for (i, event) in events.iter().enumerate() {
        check(&mut problems, cx.at(), i, event);
    }
    let places = places(cx, &events, &mut problems).await?;
    problems.check()?;
    let sent = events.len();
    let source: Arc<str> = cx.viewer.actor.key().into();
    let mut kept = Vec::with_capacity(sent);
    for (event, place) in events.into_iter().zip(places) {
        let place = place.ok_or_else(|| Error::internal("an event without a placement"))?;
        kept.push(Event {
            source: Arc::clone(&source),
            id: event.id,
            place,
            kind: event.kind,
            at: event.at.unwrap_or(cx.at()),
            amount: event.count.unwrap_or(1).into(),
            value: event.value,
        });
    }
    let batch = (Batch::of(Arc::clone(&cx.viewer), kept), sent);
    cx.write(batch, |tx, (batch, sent)| {
        Box::pin(async move {
            let fates = batch.add(tx).await?;
            // The brand was the caller's when the call began.
            if fates.contains(&Fate::Unknown) {
                return Err(Error::NotFound);
            }
            let accepted = fates.iter().filter(|fate| **fate == Fate::New).count();
            let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
            Ok(Recorded {
                accepted: number(accepted),
                duplicates: number(sent - accepted),
            })
        })
    })
    .await
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    /// It counts from now on.
    New,
    /// It had come before.
    Known,
    /// There is nothing where it would count, or not for this viewer.
    Unknown,
}

/// What one write takes in.
pub(super) struct Batch {
    viewer: Arc<Viewer>,
    /// Each once, in the order of their keys.
    pub(super) events: Vec<Event>,
}

impl Batch {
    /// Of events with the same key the first counts.
    pub(super) fn of(viewer: Arc<Viewer>, events: Vec<Event>) -> Self {
        let mut once: BTreeMap<(String, String), Event> = BTreeMap::new();
        for event in events {
            once.entry(event.key()).or_insert(event);
        }
        let events = once.into_values().collect();
        Self { viewer, events }
    }

    /// Adds the events: what became of each, in their order. The number of statements does not depend on how
    /// many there are.
    pub(super) async fn add(&self, tx: &Tx) -> Result<Vec<Fate>> {
        let pulls = |event: &Event| matches!(event.place, At::Pulled(_));
        // What has come before opens nothing and keeps nothing alive; it is asked where that is at stake.
        let known = if self.events.iter().any(pulls) {
            store::known(tx, &self.events).await?
        } else {
            HashSet::new()
        };
        let fresh = || self.events.iter().filter(|e| !known.contains(&e.key()));
        let mut pulled: BTreeMap<Pulled, Shown> = BTreeMap::new();
        let mut placed: HashSet<PlacementId> = HashSet::new();
        for event in fresh() {
            match event.place {
                At::Placed(id) => {
                    placed.insert(id);
                }
                At::Pulled(key) => {
                    let shown = pulled.entry(key).or_default();
                    if event.kind == UsageKind::Impression {
                        shown.at(event.at);
                    }
                }
            }
        }
        let placed: Vec<PlacementId> = placed.into_iter().collect();
        let reached = store::reachable(&**tx, &self.viewer, &placed).await?;
        let reached: HashSet<PlacementId> = reached.into_iter().collect();
        let opened = placements_of(tx, &self.viewer, &pulled).await?;
        let placement = |event: &Event| match event.place {
            At::Placed(id) => reached.get(&id).copied(),
            At::Pulled(key) => opened.get(&key).copied(),
        };
        let events: Vec<(PlacementId, &Event)> = fresh()
            .filter_map(|event| placement(event).map(|id| (id, event)))
            .collect();
        let new = store::add(tx, &events).await?;
        let fate = |event: &Event| {
            if new.contains(&event.key()) {
                Fate::New
            } else if known.contains(&event.key()) || placement(event).is_some() {
                Fate::Known
            } else {
                Fate::Unknown
            }
        };
        Ok(self.events.iter().map(fate).collect())
    }
}

/// What is wrong with an event's id and time: the field, and what to do.
pub(super) fn faults(
    now: Timestamp,
    id: &str,
    at: Timestamp,
) -> impl Iterator<Item = (&'static str, String)> {
    let length = id.chars().count();
    let id = (length == 0 || length > MAX_ID || id.chars().any(char::is_control)).then(|| {
        let text =
            format!("An event's id has 1 to {MAX_ID} characters, and no control characters.");
        ("id", text)
    });
    let is_far = at < now.plus_days(-MAX_AGE_DAYS) || at > now.plus_days(MAX_AHEAD_DAYS);
    let at = is_far.then(|| {
        let text = format!(
            "An event lies at most {MAX_AGE_DAYS} days back and {MAX_AHEAD_DAYS} day ahead."
        );
        ("at", text)
    });
    id.into_iter().chain(at)
}

fn check(problems: &mut Problems, now: Timestamp, i: usize, event: &NewEvent) {
    let mut invalid = |field: &str, text: String| {
        problems.add(UserErrorCode::Invalid, &format!("events.{i}.{field}"), text);
    };
    for (field, text) in faults(now, &event.id, event.at.unwrap_or(now)) {
        invalid(field, text);
    }
    if event
        .count
        .is_some_and(|count| !(1..=MAX_COUNT).contains(&count))
    {
        invalid("count", format!("An event counts for 1 to {MAX_COUNT}."));
    }
    if event.value.is_some() && event.kind != UsageKind::Order {
        invalid("value", "Only an ORDER has a value.".to_owned());
    }
    if event
        .value
        .as_ref()
        .is_some_and(|(minor, _)| *minor > MAX_VALUE)
    {
        invalid(
            "value",
            format!("At most {MAX_VALUE} of the currency's smallest unit."),
        );
    }
    let named = (
        event.beacon_key.is_some(),
        event.content.is_some(),
        event.channel.is_some(),
    );
    if !matches!(named, (true, false, false) | (false, true, true)) {
        let text = "Name the placement by its beaconKey alone, or by its content and channel.";
        invalid("beaconKey", text.to_owned());
    }
}

/// What an event says of where it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Key(At),
    In(ContentId, ChannelId),
}

/// Where an event counts: at a placement, or at the one that its page opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum At {
    Placed(PlacementId),
    Pulled(Pulled),
}

impl At {
    /// What a page's key names; none for what is no key of ours.
    pub(super) fn of_key(app: &App, key: &str) -> Option<Self> {
        open_beacon(app, key)
            .map(Self::Placed)
            .or_else(|| open_pulled(app, key).map(Self::Pulled))
    }

    /// The sender of what a page counts with its key: so that no page takes the ids of another.
    pub(super) fn source(&self) -> Arc<str> {
        match self {
            Self::Placed(id) => format!("page:{id}").into(),
            Self::Pulled(key) => {
                let product = key.product.map(|id| id.to_string()).unwrap_or_default();
                let Pulled {
                    content,
                    channel,
                    version,
                    ..
                } = key;
                format!("page:{}:{channel}:{product}:{version}", content.0).into()
            }
        }
    }
}

/// Where each event counts, in their order. What names none that the caller reaches is a problem.
async fn places(
    cx: &OpContext,
    events: &[NewEvent],
    problems: &mut Problems,
) -> Result<Vec<Option<At>>> {
    let tree = channels::tree(cx).await?;
    let named: Vec<Option<Place>> = events
        .iter()
        .map(
            |event| match (&event.beacon_key, &event.content, &event.channel) {
                (Some(key), _, _) => At::of_key(&cx.app, key).map(Place::Key),
                (None, Some(content), Some(channel)) => {
                    let (_, content) = parse_public_id(content)?;
                    let channel = channels::resolve::find(&cx.viewer, &tree, channel)?;
                    Some(Place::In(content, channel.id))
                }
                _ => None,
            },
        )
        .collect();
    let found = find(cx, &tree, named.iter().flatten()).await?;
    let places: Vec<Option<At>> = named
        .iter()
        .map(|place| place.and_then(|place| found.get(&place).copied()))
        .collect();
    for (i, (event, place)) in events.iter().zip(&places).enumerate() {
        let says =
            event.beacon_key.is_some() || (event.content.is_some() && event.channel.is_some());
        if says && place.is_none() {
            problems.push(UserError::not_found(&format!("events.{i}")));
        }
    }
    Ok(places)
}

/// What is named, as far as the caller reaches it. Three statements.
async fn find<'p>(
    cx: &OpContext,
    tree: &Tree,
    places: impl Iterator<Item = &'p Place>,
) -> Result<HashMap<Place, At>> {
    let (mut beacons, mut contents, mut channels) =
        (HashSet::new(), HashSet::new(), HashSet::new());
    let mut pulled: HashSet<Pulled> = HashSet::new();
    for place in places {
        match *place {
            Place::Key(At::Placed(id)) => {
                beacons.insert(id);
            }
            Place::Key(At::Pulled(key)) => {
                pulled.insert(key);
            }
            Place::In(content, channel) => {
                contents.insert(content);
                channels.insert(channel);
            }
        }
    }
    pulled.retain(|key| channels::resolve::reaches(&cx.viewer, tree, key.channel));
    let list = |set: HashSet<PlacementId>| set.into_iter().collect::<Vec<_>>();
    let db = cx.app.db.read();
    let reached = store::reachable(db, &cx.viewer, &list(beacons)).await?;
    let contents: Vec<ContentId> = contents.into_iter().collect();
    let channels: Vec<ChannelId> = channels.into_iter().collect();
    let live = store::newest_live(db, &cx.viewer, &contents, &channels, cx.at()).await?;
    let seen = store::seen(db, &cx.viewer, pulled.iter().map(|key| key.content)).await?;
    let reached = { reached.into_iter() }
        .map(At::Placed)
        .map(|at| (Place::Key(at), at));
    let live = { live.into_iter() }
        .map(|((content, channel), id)| (Place::In(content, channel), At::Placed(id)));
    let pulled = { pulled.into_iter() }
        .filter(|key| seen.contains(&key.content))
        .map(|key| (Place::Key(At::Pulled(key)), At::Pulled(key)));
    Ok(reached.chain(live).chain(pulled).collect())
}
