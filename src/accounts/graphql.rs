//! Access tokens in GraphQL, and who did something.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Union};

use super::OpContext;
use super::loaders::TokenKey;
use super::model::{self, Reach, Scope};
use super::service::{NewToken, create_token, revoke_token};
use crate::catalog::graphql::Brand;
use crate::catalog::{BrandKey, resolve};
use crate::channels;
use crate::channels::graphql::Channel;
use crate::channels::resolve::input_channels;
use crate::error::{Problems, Result};
use crate::graphql::context::{Request, client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::DateTime;
use crate::platform::ids::{ChannelId, TokenId};
use crate::platform::op::Actor as Doer;

/// Who did something.
#[derive(Union)]
pub(crate) enum Actor {
    AccessToken(AccessToken),
    System(System),
}

impl Actor {
    /// Who it was, as far as the viewer may know: the server itself stands in for a token out of the
    /// viewer's sight, and for everybody where the viewer is public.
    pub(crate) async fn of(ctx: &Context<'_>, actor: Doer) -> Result<Self> {
        let token = match actor {
            Doer::Token(id) if !ctx.viewer().is_public() => AccessToken::find(ctx, id).await?,
            _ => None,
        };
        Ok(token.map_or(Self::System(System), Self::AccessToken))
    }
}

/// The server itself, its operator at the command line, or someone whom you may not see.
pub(crate) struct System;

#[Object]
impl System {
    /// The product's name.
    async fn name(&self) -> &str {
        "Accolade"
    }
}

/// A key for programs and people: what it may do, and how far it reaches.
pub(crate) struct AccessToken(pub(crate) Arc<model::Token>);

#[Object]
impl AccessToken {
    /// The token's id. Its secret is shown once, when it is made.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may do.
    async fn scopes(&self) -> Vec<Scope> {
        self.0.scopes.iter().copied().collect()
    }

    /// The channels that it reaches, each with those under it, among those that you reach; empty: all.
    async fn channels(&self, ctx: &Context<'_>) -> GqlResult<Vec<Channel>> {
        match &self.0.channels {
            Reach::All => Ok(Vec::new()),
            Reach::Only(ids) => {
                let ids: Vec<ChannelId> = ids.iter().copied().collect();
                Channel::find_many(ctx, &ids).await.or_fail()
            }
        }
    }

    /// The brands that it reaches; empty: all.
    async fn brands(&self, ctx: &Context<'_>) -> GqlResult<Vec<Brand>> {
        let Reach::Only(ids) = &self.0.brands else {
            return Ok(Vec::new());
        };
        let mut found = ctx
            .loader()
            .load_many(ids.iter().map(|id| BrandKey(*id)))
            .await
            .or_fail()?;
        Ok(ids
            .iter()
            .filter_map(|id| found.remove(&BrandKey(*id)).map(Brand))
            .collect())
    }

    /// When it ends; null: not by itself.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it was last used, to the minute; null: never.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }
}

impl AccessToken {
    /// The token with this id, if it reaches no brand that the viewer does not.
    pub(crate) async fn find(ctx: &Context<'_>, id: TokenId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(TokenKey(id)).await?.map(Self))
    }
}

#[derive(Default)]
pub(crate) struct AccountsQuery;

#[Object]
impl AccountsQuery {
    /// Who you are: the token that came with the request.
    async fn me(&self, ctx: &Context<'_>) -> GqlResult<Actor> {
        let token = match ctx.viewer().actor {
            Doer::Token(id) => AccessToken::find(ctx, id).await.or_fail()?,
            Doer::System => None,
        };
        Ok(token.map_or(Actor::System(System), Actor::AccessToken))
    }
}

/// What a new token shall be.
#[derive(InputObject)]
pub(crate) struct CreateAccessTokenInput {
    /// What people call it; at most 200 characters.
    name: String,
    /// What it may do, none of which its maker may not.
    scopes: Vec<Scope>,
    /// The channels it reaches, each with those under it, at most 250; none: its maker's. A token that
    /// reads only what is out (READ_PUBLIC) must name them.
    channels: Option<Vec<ID>>,
    /// The brands it reaches, at most 250; none: its maker's.
    brands: Option<Vec<ID>>,
    /// When it ends; none: not by itself.
    expires_at: Option<DateTime>,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

/// Which token shall end.
#[derive(InputObject)]
pub(crate) struct RevokeAccessTokenInput {
    /// The token.
    token: ID,
    /// Your own id of this call: repeated with it, the call runs nothing twice.
    client_mutation_id: Option<String>,
}

payload! {
    /// The new token and, this once, its secret.
    CreateAccessTokenPayload {
        /// The token; null where something must be mended.
        token: Option<AccessToken>,
        /// What to send as `Authorization: Bearer …`. Shown this once; null when the call was repeated.
        secret: Option<String>
    }
}

payload! {
    /// The token that has ended.
    RevokeAccessTokenPayload {
        /// The token; null where something must be mended.
        token: Option<AccessToken>
    }
}

#[derive(Default)]
pub(crate) struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Makes an access token, which can do no more than its maker.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        input: CreateAccessTokenInput,
    ) -> GqlResult<CreateAccessTokenPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let mut told = None;
            let secret = &mut told;
            let id = once(ctx, |cx| async move {
                let new = new_token(&cx, input).await?;
                let (id, made) = create_token(&cx, new).await?;
                *secret = made;
                Ok(id)
            })
            .await?;
            Ok((AccessToken::find(ctx, id).await?, told))
        };
        respond(
            key,
            made.await,
            |(token, secret), payload: &mut CreateAccessTokenPayload| {
                payload.token = token;
                payload.secret = secret;
            },
        )
    }

    /// Ends a token at once. Ending one that has ended is no error.
    async fn revoke_access_token(
        &self,
        ctx: &Context<'_>,
        input: RevokeAccessTokenInput,
    ) -> GqlResult<RevokeAccessTokenPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                cx.viewer.require(Scope::Admin)?;
                revoke_token(&cx, input_id(&input.token, "token")?).await
            })
            .await?;
            AccessToken::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |token, payload: &mut RevokeAccessTokenPayload| payload.token = token,
        )
    }
}

async fn new_token(cx: &OpContext, input: CreateAccessTokenInput) -> Result<NewToken> {
    cx.viewer.require(Scope::Admin)?;
    let mut problems = Problems::new();
    let brands = resolve::input_brands(
        cx,
        &input.brands.unwrap_or_default(),
        "brands",
        &mut problems,
    )
    .await?;
    let channels = input.channels.unwrap_or_default();
    let channels = if channels.is_empty() {
        Vec::new()
    } else {
        input_channels(
            &cx.viewer,
            &*channels::tree(cx).await?,
            &channels,
            "channels",
            &mut problems,
        )
    };
    problems.check()?;
    Ok(NewToken {
        name: input.name,
        scopes: input.scopes.into_iter().collect::<BTreeSet<_>>(),
        brands: brands.into_iter().collect(),
        channels: channels.into_iter().collect(),
        expires_at: input.expires_at.map(|at| at.0),
    })
}
