//! The facts of an endorsement that its creation and its update share: checked before the write, and
//! stored within it.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::ID;
use sea_orm::FromQueryResult;

use crate::accounts::{OpContext, Reach, Viewer};
use crate::contents::service::{MAX_LABELS, check_len};
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Sql, Tx, fetch, fetch_count, for_update, insert_many, run};
use crate::platform::ids::{AssetId, BrandId, ContentId, TokenId};
use crate::platform::op::Actor;

/// Longest interval between rechecks, in days: ten years.
const MAX_RECHECK_DAYS: i32 = 3_650;

/// A publication lies in the past; tomorrow is let in, since it has begun somewhere already.
pub(super) fn check_published(problems: &mut Problems, on: Day, now: Timestamp) {
    if on > Day(now.day().0.saturating_add(1)) {
        problems.add(
            UserErrorCode::Invalid,
            "publishedOn",
            "The day of publication cannot lie in the future.",
        );
    }
}

/// The interval between rechecks, in days.
pub(super) fn check_interval(problems: &mut Problems, days: i32) {
    if !(1..=MAX_RECHECK_DAYS).contains(&days) {
        let text = format!("Between 1 and {MAX_RECHECK_DAYS} days.");
        problems.add(UserErrorCode::Invalid, "recheckEveryDays", text);
    }
}

/// Whose work it was: an access token whose brands the viewer has too. NOT_FOUND at `wonBy`.
pub(super) async fn winner(cx: &OpContext, text: &ID) -> Result<Actor> {
    Winners::load(cx, [text]).await?.find(text)
}

/// The access tokens that inputs name as those whose work it was.
pub(crate) struct Winners(BTreeSet<TokenId>);

impl Winners {
    /// Looks them up; one statement, none for no texts.
    pub(crate) async fn load<'t>(
        cx: &OpContext,
        texts: impl IntoIterator<Item = &'t ID>,
    ) -> Result<Self> {
        let ids = texts.into_iter().filter_map(|text| text.parse().ok());
        let ids: BTreeSet<TokenId> = ids.collect();
        if ids.is_empty() {
            return Ok(Self(ids));
        }
        let sql = Sql::new("SELECT t.id FROM access_tokens t WHERE t.id IN ")
            .list(ids)
            .push(" AND ")
            .append(reached_token(&cx.viewer));
        let found: Vec<FoundToken> = fetch(cx.app.db.read(), sql).await?;
        Ok(Self(found.into_iter().map(|row| row.id).collect()))
    }

    /// The one that a text names; NOT_FOUND at `wonBy`.
    pub(crate) fn find(&self, text: &ID) -> Result<Actor> {
        let id = text.parse().ok().filter(|id| self.0.contains(id));
        id.map(Actor::Token)
            .ok_or_else(|| Error::not_found("wonBy"))
    }
}

#[derive(FromQueryResult)]
struct FoundToken {
    id: TokenId,
}

/// Whether a token `t` has no brand that the viewer has not, as the token's loader sees it.
fn reached_token(viewer: &Viewer) -> Sql {
    match &viewer.brands {
        Reach::All => Sql::new("1 = 1"),
        Reach::Only(brands) => Sql::new("t.all_brands = FALSE AND ")
            .push("NOT EXISTS (SELECT 1 FROM access_token_brands b WHERE b.token_id = t.id AND b.brand_id NOT IN ")
            .list(brands.iter().copied())
            .push(")"),
    }
}

/// The assets named in an input, each once, in their order. Whether they exist is known in the write only.
pub(super) fn asset_ids(problems: &mut Problems, texts: &[ID]) -> Vec<ContentId> {
    let mut ids: Vec<ContentId> = Vec::new();
    check_len(problems, "assets", texts.len());
    for (i, text) in texts.iter().enumerate() {
        match text.parse::<AssetId>() {
            Ok(id) if ids.contains(&id.into()) => {}
            Ok(id) => ids.push(id.into()),
            Err(_) => problems.push(UserError::not_found(&format!("assets.{i}"))),
        }
    }
    ids
}

#[derive(FromQueryResult)]
struct Found {
    id: ContentId,
}

/// The assets of an endorsement, locked: none goes live between what this write looks at and its end.
pub(crate) async fn lock_attached(tx: &Tx, endorsement: ContentId) -> Result<Vec<ContentId>> {
    let sql = Sql::new(
        "SELECT id FROM contents WHERE id IN (SELECT asset_id FROM endorsement_assets WHERE endorsement_id = ",
    )
    .bind(endorsement)
    .push(") ORDER BY id")
    .push(for_update(&**tx));
    let rows: Vec<Found> = fetch(&**tx, sql).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Makes the assets of an endorsement exactly these, in this order; all of its brand, NOT_FOUND otherwise.
pub(super) async fn attach(
    tx: &Tx,
    id: ContentId,
    brand: BrandId,
    assets: &[ContentId],
) -> Result<()> {
    let gone = Sql::new("DELETE FROM endorsement_assets WHERE endorsement_id = ").bind(id);
    if assets.is_empty() {
        run(&**tx, gone).await?;
        return Ok(());
    }
    run(
        &**tx,
        gone.push(" AND asset_id NOT IN ")
            .list(assets.iter().copied()),
    )
    .await?;
    attach_all(tx, &[(id, brand, assets)]).await
}

/// Attaches assets to endorsements, in their order; all of its brand, NOT_FOUND otherwise.
pub(super) async fn attach_all(tx: &Tx, new: &[(ContentId, BrandId, &[ContentId])]) -> Result<()> {
    let mut rows = Vec::new();
    let mut touched: BTreeSet<ContentId> = BTreeSet::new();
    check_assets(tx, new).await?;
    for (id, _, assets) in new {
        touched.extend(*assets);
        let attached = assets.iter().zip(1_i32..);
        rows.extend(
            attached.map(|(asset, position)| vec![(*id).into(), (*asset).into(), position.into()]),
        );
    }
    if rows.is_empty() {
        return Ok(());
    }
    let columns = ["endorsement_id", "asset_id", "position"];
    let keep = " ON CONFLICT (endorsement_id, asset_id) DO UPDATE SET position = excluded.position";
    insert_many(&**tx, "endorsement_assets", &columns, rows, keep).await?;
    let touched: Vec<ContentId> = touched.into_iter().collect();
    for some in touched.chunks(MAX_LABELS) {
        check_crowd(tx, some).await?;
    }
    Ok(())
}

async fn check_assets(tx: &Tx, new: &[(ContentId, BrandId, &[ContentId])]) -> Result<()> {
    let mut named: BTreeMap<BrandId, BTreeSet<ContentId>> = BTreeMap::new();
    for (_, brand, assets) in new.iter().filter(|(_, _, assets)| !assets.is_empty()) {
        named.entry(*brand).or_default().extend(*assets);
    }
    for (brand, assets) in &mut named {
        let sql = Sql::new("SELECT id FROM contents WHERE id IN ")
            .list(assets.iter().copied())
            .push(" AND kind = 'ASSET' AND brand_id = ")
            .bind(*brand);
        let found: Vec<Found> = fetch(&**tx, sql).await?;
        *assets = found.into_iter().map(|row| row.id).collect();
    }
    let mut problems = Problems::new();
    for (_, brand, assets) in new {
        for (i, asset) in assets.iter().enumerate() {
            if !named.get(brand).is_some_and(|found| found.contains(asset)) {
                problems.push(UserError::not_found(&format!("assets.{i}")));
            }
        }
    }
    problems.check()
}

/// An asset stands with at most 250 endorsements, so that its unpaged list is never long.
async fn check_crowd(tx: &Tx, assets: &[ContentId]) -> Result<()> {
    let sql = Sql::new(
        "SELECT count(*) AS n FROM (SELECT asset_id FROM endorsement_assets WHERE asset_id IN ",
    )
    .list(assets.iter().copied())
    .push(" GROUP BY asset_id HAVING count(*) > ")
    .bind(i64::try_from(MAX_LABELS).unwrap_or(i64::MAX))
    .push(") crowded");
    if fetch_count(&**tx, sql).await? == 0 {
        return Ok(());
    }
    let text = format!("An asset stands with at most {MAX_LABELS} endorsements.");
    Err(Error::user(UserErrorCode::QuotaExceeded, "assets", text))
}
