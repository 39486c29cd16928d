//! What may be changed in channels.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::types::Channel;
use crate::accounts::{OpContext, Scope};
use crate::channels::check::NewRule;
use crate::channels::model::{self, ChannelKind, Fit, RuleCheck, Severity};
use crate::channels::resolve::input_channel;
use crate::channels::service::{ChannelChange, NewChannel, create_channel, update_channel};
use crate::channels::tree;
use crate::error::Result;
use crate::graphql::context::{client_mutation_id, once};
use crate::graphql::error::{GqlResult, payload, respond};
use crate::graphql::scalars::{CountryCode, Date, Json, Locale, Url};

/// A rule of a channel.
#[derive(InputObject)]
pub(crate) struct ChannelRuleInput {
    /// What it looks at.
    check: RuleCheck,
    /// What the check wants, in the form that belongs to the check.
    value: Option<Json>,
    /// ERROR unless given.
    severity: Option<Severity>,
    /// What to tell people who break it; at most 1,000 characters.
    message: Option<String>,
    /// Where the operator of the place says so.
    source: Option<Url>,
    /// The day on which somebody last read it there.
    checked_on: Option<Date>,
}

impl ChannelRuleInput {
    /// The rule as it is given, its value not yet read.
    pub(crate) fn into_rule(self) -> NewRule {
        NewRule {
            check: self.check,
            value: self.value.map(|v| v.0),
            severity: self.severity,
            message: self.message,
            source: self.source.map(|s| s.0),
            checked_on: self.checked_on.map(|d| d.0),
        }
    }
}

/// A preset of a channel.
#[derive(InputObject)]
pub(crate) struct RenditionPresetInput {
    /// Its name, unique in its channel: lower-case letters and digits, with -, _ or . between them.
    name: String,
    /// Width in pixels, 1 to 20,000.
    width: Option<i32>,
    /// Height in pixels, 1 to 20,000. At least one of both must be given.
    height: Option<i32>,
    /// How the picture is fitted into the frame.
    fit: Fit,
    /// `image/jpeg`, `image/png`, `image/webp` or `image/avif`.
    media_type: String,
    /// From 1 to 100.
    quality: Option<i32>,
    /// What fills the rest: `#rrggbb`.
    background: Option<String>,
}

impl RenditionPresetInput {
    fn into_preset(self) -> model::Preset {
        model::Preset {
            name: self.name,
            width: self.width,
            height: self.height,
            fit: self.fit,
            media_type: self.media_type,
            quality: self.quality,
            background: self.background,
        }
    }
}

/// What a new channel shall be.
#[derive(InputObject)]
pub(crate) struct CreateChannelInput {
    /// Its short name, unique: lower-case letters and digits, with -, _ or . between them.
    slug: String,
    /// What people call it.
    name: String,
    /// What kind of place it is.
    kind: ChannelKind,
    /// The market it is for; none: its parent's.
    market: Option<CountryCode>,
    /// Its language; none: its parent's.
    locale: Option<Locale>,
    /// The channel it stands under; none: at the top. A tree is at most 16 deep, with at most 250 under each.
    parent: Option<ID>,
    /// Whether what goes out there is for everyone to fetch. Unless given: not for B2B, DECK, EMAIL and RETAIL.
    public: Option<bool>,
    /// How much attention the place gets, 0 or more; 1 unless given.
    weight: Option<f64>,
    /// A built-in rule set with its presets, such as `amazon-main-image`.
    template: Option<String>,
    /// Its own rules, at most 250; given, they replace the template's.
    rules: Option<Vec<ChannelRuleInput>>,
    /// Its own presets, at most 50; given, they replace the template's.
    presets: Option<Vec<RenditionPresetInput>>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// What a channel shall become. A field that is absent stays as it is; null clears it.
#[derive(InputObject)]
pub(crate) struct UpdateChannelInput {
    /// Which channel.
    channel: ID,
    /// What people call it.
    name: MaybeUndefined<String>,
    /// Whether what goes out there is for everyone to fetch; null: as its kind is.
    public: MaybeUndefined<bool>,
    /// How much attention the place gets, 0 or more; null: 1.
    weight: MaybeUndefined<f64>,
    /// Its own rules, the whole list, at most 250.
    rules: MaybeUndefined<Vec<ChannelRuleInput>>,
    /// Its own presets, the whole list, at most 50.
    presets: MaybeUndefined<Vec<RenditionPresetInput>>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

payload! {
    /// The new channel.
    CreateChannelPayload {
        /// The channel; null where something must be mended.
        channel: Option<Channel>
    }
}

payload! {
    /// The changed channel.
    UpdateChannelPayload {
        /// The channel; null where something must be mended.
        channel: Option<Channel>
    }
}

#[derive(Default)]
pub(crate) struct ChannelsMutation;

#[Object]
impl ChannelsMutation {
    /// Makes a channel.
    async fn create_channel(
        &self,
        ctx: &Context<'_>,
        input: CreateChannelInput,
    ) -> GqlResult<CreateChannelPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let new = new_channel(&cx, input).await?;
                create_channel(&cx, new).await
            })
            .await?;
            Channel::after(ctx, id).await
        };
        respond(
            key,
            made.await,
            |channel, payload: &mut CreateChannelPayload| payload.channel = channel,
        )
    }

    /// Changes a channel.
    async fn update_channel(
        &self,
        ctx: &Context<'_>,
        input: UpdateChannelInput,
    ) -> GqlResult<UpdateChannelPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let change = channel_change(&cx, input).await?;
                update_channel(&cx, change).await
            })
            .await?;
            Channel::after(ctx, id).await
        };
        respond(
            key,
            made.await,
            |channel, payload: &mut UpdateChannelPayload| payload.channel = channel,
        )
    }
}

async fn new_channel(cx: &OpContext, input: CreateChannelInput) -> Result<NewChannel> {
    cx.viewer.require(Scope::Admin)?;
    let parent = match &input.parent {
        Some(parent) => Some(input_channel(
            &cx.viewer,
            &*tree(cx).await?,
            parent,
            "parent",
        )?),
        None => None,
    };
    Ok(NewChannel {
        slug: input.slug,
        name: input.name,
        kind: input.kind,
        market: input.market.map(|m| m.0),
        locale: input.locale.map(|l| l.0),
        parent,
        public: input.public,
        weight: input.weight,
        template: input.template,
        rules: input.rules.map(rules),
        presets: input.presets.map(presets),
    })
}

async fn channel_change(cx: &OpContext, input: UpdateChannelInput) -> Result<ChannelChange> {
    cx.viewer.require(Scope::Admin)?;
    Ok(ChannelChange {
        channel: input_channel(&cx.viewer, &*tree(cx).await?, &input.channel, "channel")?,
        name: input.name,
        public: input.public,
        weight: input.weight,
        rules: input.rules.map_value(rules),
        presets: input.presets.map_value(presets),
    })
}

fn rules(rules: Vec<ChannelRuleInput>) -> Vec<NewRule> {
    rules.into_iter().map(ChannelRuleInput::into_rule).collect()
}

fn presets(presets: Vec<RenditionPresetInput>) -> Vec<model::Preset> {
    presets
        .into_iter()
        .map(RenditionPresetInput::into_preset)
        .collect()
}
