//! What looks alike, in GraphQL.

use async_graphql::{Context, SimpleObject};

use super::loaders::NearKey;
use crate::assets::graphql::Asset;
use crate::contents::{self, ContentKind};
use crate::error::Result;
use crate::graphql::connection::check_limit;
use crate::graphql::context::Request;
use crate::library::ContentKey;
use crate::platform::ids::ContentId;

/// How many are told of unless asked otherwise.
const FIRST: i32 = 10;

/// An asset that looks like another.
#[derive(SimpleObject)]
pub(crate) struct SimilarAsset {
    /// The asset.
    asset: Asset,
    /// In how many of 64 bits the perceptual hashes differ; 0 is the same picture, or the same bytes.
    distance: i32,
}

/// What looks like an asset that the viewer has been shown, the nearest first.
pub(crate) async fn similar(
    ctx: &Context<'_>,
    asset: &contents::Content,
    first: Option<i32>,
) -> Result<Vec<SimilarAsset>> {
    let first = check_limit("first", first.unwrap_or(FIRST))? as usize;
    let near = ctx.loader().load_one(NearKey(asset.id)).await?;
    let near: Vec<(ContentId, u32)> = near.into_iter().flatten().take(first).collect();
    let keys = near.iter().map(|(id, _)| ContentKey(*id));
    let found = ctx.loader().load_many(keys).await?;
    let seen = near.into_iter().filter_map(|(id, distance)| {
        let content = found.get(&ContentKey(id)).cloned()?;
        (content.kind() == ContentKind::Asset).then(|| SimilarAsset {
            asset: Asset::of(content),
            distance: i32::try_from(distance).unwrap_or(i32::MAX),
        })
    });
    Ok(seen.collect())
}
