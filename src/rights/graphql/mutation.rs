//! Setting and ending leases.

use async_graphql::{Context, Object};

use super::inputs::{CreateLeaseInput, EndLeaseInput};
use super::lease::Lease;
use crate::accounts::OpContext;
use crate::assets::resolve_source;
use crate::channels::{resolve, tree};
use crate::contents::parse_public_id;
use crate::error::{Problems, Result, UserError, UserErrorCode};
use crate::graphql::context::{client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, payload, respond};
use crate::rights::service::{NewLease, create_lease, end_lease};

payload! {
    /// The lease that was recorded.
    CreateLeasePayload { lease: Option<Lease> }
}

payload! {
    /// The lease that was ended.
    EndLeasePayload { lease: Option<Lease> }
}

#[derive(Default)]
pub(crate) struct RightsMutation;

#[Object]
impl RightsMutation {
    /// Records a right to use, or a bar on using, contents of one brand.
    async fn create_lease(
        &self,
        ctx: &Context<'_>,
        input: CreateLeaseInput,
    ) -> GqlResult<CreateLeasePayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let mut problems = Problems::new();
                let new = read(ctx, &cx, input, &mut problems).await?;
                create_lease(&cx, new, problems).await
            })
            .await?;
            Lease::find(ctx, id).await
        };
        respond(
            key,
            made.await,
            |lease, payload: &mut CreateLeasePayload| payload.lease = lease,
        )
    }

    /// Ends a lease, now or at an instant to come.
    async fn end_lease(
        &self,
        ctx: &Context<'_>,
        input: EndLeaseInput,
    ) -> GqlResult<EndLeasePayload> {
        let key = client_mutation_id(&input);
        let ended = async {
            let id = once(ctx, |cx| async move {
                let id = input_id(&input.lease, "lease")?;
                end_lease(&cx, id, input.at.map(|at| at.0)).await
            })
            .await?;
            Lease::find(ctx, id).await
        };
        respond(key, ended.await, |lease, payload: &mut EndLeasePayload| {
            payload.lease = lease;
        })
    }
}

/// The input, its names resolved; what names nothing is a problem.
async fn read(
    ctx: &Context<'_>,
    cx: &OpContext,
    input: CreateLeaseInput,
    problems: &mut Problems,
) -> Result<NewLease> {
    let tree = tree(cx).await?;
    let mut contents = Vec::new();
    if input.contents.is_empty() {
        let text = "Name at least one content.";
        problems.add(UserErrorCode::Required, "contents", text);
    }
    for (i, id) in input.contents.iter().enumerate() {
        match parse_public_id(id) {
            Some((_, id)) if contents.contains(&id) => {}
            Some((_, id)) => contents.push(id),
            None => problems.push(UserError::not_found(&format!("contents.{i}"))),
        }
    }
    let channels = input.channels.unwrap_or_default();
    let channels = resolve::input_channels(&cx.viewer, &tree, &channels, "channels", problems);
    let document = match &input.document {
        Some(source) => problems.keep(resolve_source(ctx, source, "document").await)?,
        None => None,
    };
    let fee = input
        .fee
        .map(|fee| problems.keep(fee.to_minor("fee.amount")))
        .transpose()?
        .flatten();
    Ok(NewLease {
        contents,
        access: input.access,
        channels,
        markets: input
            .markets
            .unwrap_or_default()
            .into_iter()
            .map(|m| m.0)
            .collect(),
        starts_at: input.starts_at.map(|at| at.0),
        ends_at: input.ends_at.map(|at| at.0),
        licensor: input.licensor,
        reference: input.reference,
        document,
        fee,
        terms: input.terms.map(Into::into).unwrap_or_default(),
        notes: input.notes,
    })
}
