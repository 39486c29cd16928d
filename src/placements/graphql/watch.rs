//! What is really there, in GraphQL: sightings, and what integrations say.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::accounts::{OpContext, Scope};
use crate::channels;
use crate::error::Result;
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::{Request, client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::{DateTime, Url};
use crate::placements::loaders::{PlacementKey, PlacementsKey, SightingsKey};
use crate::placements::sightings::{self, Seen, SightingSource, record_sighting};
use crate::placements::sync::{self, Rejection, Sent, Synced, sync_placements};
use crate::platform::clock::Timestamp;
use crate::platform::db::{KeyPart, Page};
use crate::platform::ids::{PlacementId, SightingId};

/// A check that a placement really is there.
pub(crate) struct Sighting(sightings::Sighting);

#[Object]
impl Sighting {
    /// When it was looked at.
    async fn seen_at(&self) -> DateTime {
        DateTime(self.0.seen_at)
    }

    /// Whether it was there.
    async fn found(&self) -> bool {
        self.0.found
    }

    /// How it was looked at.
    async fn how(&self) -> SightingSource {
        self.0.how
    }

    /// What was seen, for people.
    async fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }
}

/// The sightings of a placement, the last seen first.
pub(super) async fn sightings_of(
    ctx: &Context<'_>,
    placement: PlacementId,
    args: PageArgs,
) -> GqlResult<Connection<Sighting>> {
    let scope = format!("sightings {placement}");
    let request = args.open(ctx.app(), &scope, 2).or_fail()?;
    let after = match request.after.as_deref() {
        Some([KeyPart::Int(at), KeyPart::Id(id)]) => Some((Timestamp(*at), SightingId(*id))),
        _ => None,
    };
    let key = SightingsKey::new(placement, after, request.limit);
    let listed = ctx
        .loader()
        .load_one(key)
        .await
        .or_fail()?
        .unwrap_or_default();
    let total = if listed.rows.is_empty() && after.is_some() {
        let app = Arc::clone(ctx.app());
        Total::counted(move || {
            let app = Arc::clone(&app);
            async move { sightings::count(app.db.read(), placement).await }
        })
    } else {
        Total::known(usize::try_from(listed.total).unwrap_or(usize::MAX))
    };
    let page = Page::from_rows(listed.rows, &request);
    let key = |s: &sightings::Sighting| vec![KeyPart::Int(s.seen_at.0), KeyPart::Id(s.id.0)];
    Ok(connection(ctx.app(), &scope, page, total, key, Sighting))
}

/// What somebody saw.
#[derive(InputObject)]
pub(crate) struct RecordSightingInput {
    /// The placement, whatever its status.
    placement: ID,
    /// Whether it was there.
    found: bool,
    /// When; now, unless given.
    seen_at: Option<DateTime>,
    /// What was seen, for people. Up to 10,000 characters.
    detail: Option<String>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

payload! {
    /// The new sighting.
    RecordSightingPayload {
        /// The new sighting.
        sighting: Option<Sighting>
    }
}

/// A placement of an integration.
#[derive(InputObject)]
pub(crate) struct SyncedPlacementInput {
    /// The integration's own name of it, 1 to 200 characters: the same as long as it is the same.
    key: String,
    /// What is shown.
    content: ID,
    /// The version that is shown. None: the current one where the key is new, else the one that was shown
    /// before.
    version: Option<ID>,
    /// The product beside which it is shown, by its id or SKU: one of the content's brand.
    product: Option<ID>,
    /// Where in the channel. Up to 300 characters.
    location: String,
    /// The address where it can be looked at.
    url: Option<Url>,
    /// Since when it is live; now, unless given.
    live_from: Option<DateTime>,
}

/// All that an integration shows in a channel.
#[derive(InputObject)]
pub(crate) struct SyncPlacementsInput {
    /// The integration's name. Its keys belong to it, to the token and to the channel.
    integration: String,
    /// The channel, by its id or slug.
    channel: ID,
    /// All of them, at most 5,000: what is missing is retired. A body has at most 1 MiB, which 5,000 fill with some
    /// 200 bytes each: where they are longer, send them in parts, each under an integration name of its own.
    placements: Vec<SyncedPlacementInput>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

impl SyncPlacementsInput {
    async fn run(self, cx: &OpContext) -> Result<Synced> {
        cx.viewer.require(Scope::UsageWrite)?;
        sync::check_len(self.placements.len())?;
        let tree = channels::tree(cx).await?;
        let channel =
            channels::resolve::input_channel(&cx.viewer, &tree, &self.channel, "channel")?;
        let sent = self.placements.into_iter().map(|placement| Sent {
            key: placement.key,
            content: placement.content,
            version: placement.version,
            product: placement.product,
            location: placement.location,
            url: placement.url.map(|url| url.0),
            live_from: placement.live_from.map(|at| at.0),
        });
        sync_placements(cx, &self.integration, channel, sent.collect()).await
    }
}

/// A placement that was not taken. What is live under its key stays so.
#[derive(SimpleObject)]
pub(crate) struct SyncRejection {
    /// The integration's name of it.
    key: String,
    /// What is wrong with it, for people.
    reason: String,
}

impl From<Rejection> for SyncRejection {
    fn from(rejection: Rejection) -> Self {
        Self {
            key: rejection.key,
            reason: rejection.reason,
        }
    }
}

payload! {
    /// What became of an integration's placements.
    SyncPlacementsPayload {
        /// Placements that are live from now on.
        added: i32,
        /// Placements that go on, with what has changed of them.
        kept: i32,
        /// Placements that are no longer live: their keys were missing, or show something else now.
        retired: i32,
        /// What was not taken, and why; the others were.
        rejected: Vec<SyncRejection>,
    }
}

/// Mutations that say what is really there.
#[derive(Default)]
pub(crate) struct WatchMutation;

#[Object]
impl WatchMutation {
    /// Records that somebody looked whether a placement is there.
    async fn record_sighting(
        &self,
        ctx: &Context<'_>,
        input: RecordSightingInput,
    ) -> GqlResult<RecordSightingPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let seen = Seen {
                    placement: input_id(&input.placement, "placement")?,
                    found: input.found,
                    at: input.seen_at.map(|at| at.0),
                    detail: input.detail,
                };
                record_sighting(&cx, seen).await
            })
            .await?;
            ctx.loader().clear::<SightingsKey>();
            let (app, viewer) = (ctx.app(), &ctx.cx().viewer);
            sightings::load(app.db.read(), viewer, id).await
        };
        respond(
            key,
            made.await,
            |sighting, payload: &mut RecordSightingPayload| {
                payload.sighting = sighting.map(Sighting);
            },
        )
    }

    /// Takes the whole of what an integration shows in a channel: what is new is live from now on, what is
    /// missing is retired, what is there already goes on. The same again changes nothing. What the gate would
    /// not let out is taken too, for it is live: coverage shows the breach.
    async fn sync_placements(
        &self,
        ctx: &Context<'_>,
        input: SyncPlacementsInput,
    ) -> GqlResult<SyncPlacementsPayload> {
        let key = client_mutation_id(&input);
        let done = once(ctx, |cx| async move { input.run(&cx).await }).await;
        ctx.loader().clear::<PlacementKey>();
        ctx.loader().clear::<PlacementsKey>();
        respond(
            key,
            done,
            |synced: Synced, payload: &mut SyncPlacementsPayload| {
                payload.added = synced.added;
                payload.kept = synced.kept;
                payload.retired = synced.retired;
                payload.rejected = synced.rejected.into_iter().map(Into::into).collect();
            },
        )
    }
}
