//! What a list may be narrowed to, as a condition on `contents c`.

use async_graphql::ID;

use crate::accounts::OpContext;
use crate::catalog::resolve as catalog;
use crate::channels::{Tree, resolve};
use crate::contents::{
    AssetKind, ContentKind, ContentStatus, EndorsementKind, VersionState, parse_public_id,
};
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::Sql;
use crate::platform::ids::{BrandId, ChannelId, OutletId};
use crate::platform::names::name_of;
use crate::platform::text;
use crate::rights::gate::{Ask, HoldReason, held_by, lets_out};
use crate::rights::is_live;

/// Filters on a list: each list is any-of, the fields together are all-of. A list that is given and empty
/// matches nothing; what names nothing matches nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub ids: Option<Vec<ID>>,
    pub brand: Option<ID>,
    pub status: Option<Vec<ContentStatus>>,
    pub asset_kind: Option<Vec<AssetKind>>,
    pub endorsement_kind: Option<Vec<EndorsementKind>>,
    pub tags: Option<Vec<String>>,
    pub product: Option<Vec<ID>>,
    pub channel: Option<Vec<ID>>,
    pub audience: Option<Vec<ID>>,
    pub market: Option<Vec<String>>,
    pub outlet: Option<Vec<ID>>,
    pub available_in: Option<ID>,
    pub version_state: Option<Vec<VersionState>>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    pub unused: Option<bool>,
    pub holds: Option<Vec<HoldReason>>,
}

/// Longest list in a filter.
const MAX_LIST: usize = 250;

impl Filter {
    /// Where it is to go out, if that is asked: for the list to ask the gate.
    pub(crate) fn gate(&self, cx: &OpContext, tree: &Tree) -> Option<Ask> {
        let channel = resolve::find(&cx.viewer, tree, self.available_in.as_ref()?)?;
        Some(Ask::new(tree, channel, cx.at()))
    }

    /// The rest of the filter as a condition. Names are looked up among what the viewer reaches.
    pub(crate) async fn condition(&self, cx: &OpContext, tree: &Tree) -> Result<Sql> {
        self.check_public(cx)?;
        let mut parts = vec![self.trash()];
        self.of_content(cx, &mut parts)?;
        self.of_kind(&mut parts)?;
        self.of_labels(cx, tree, &mut parts).await?;
        self.of_use(cx, tree, &mut parts).await?;
        Ok(Sql::all(parts))
    }

    /// A public viewer may not narrow by what it may not read: the answer would tell it.
    fn check_public(&self, cx: &OpContext) -> Result<()> {
        let internal = [
            ("status", self.status.is_some()),
            ("versionState", self.version_state.is_some()),
            ("unused", self.unused.is_some()),
            ("holds", self.holds.is_some()),
        ];
        match internal
            .iter()
            .find(|(_, given)| *given && cx.viewer.is_public())
        {
            Some((name, _)) => Err(Error::Forbidden(format!(
                "To filter by `{name}` needs a token with the scope READ."
            ))),
            None => Ok(()),
        }
    }

    /// What is in the trash is out of sight unless it is asked for.
    fn trash(&self) -> Sql {
        match &self.status {
            Some(status) if status.contains(&ContentStatus::Trashed) => Sql::new("1 = 1"),
            _ => Sql::new("c.trashed_at IS NULL"),
        }
    }

    fn of_content(&self, cx: &OpContext, parts: &mut Vec<Sql>) -> Result<()> {
        if let Some(ids) = &self.ids {
            let named = ids.iter().filter_map(|id| parse_public_id(id));
            let (assets, endorsements): (Vec<_>, Vec<_>) =
                named.partition(|(kind, _)| *kind == ContentKind::Asset);
            let of =
                |kind: &'static str, ids: Vec<(ContentKind, crate::platform::ids::ContentId)>| {
                    Sql::new("c.kind = ")
                        .bind(kind)
                        .push(" AND c.id IN ")
                        .list(ids.into_iter().map(|(_, id)| id))
                };
            parts.push(
                check(ids.len())
                    .map(|()| Sql::any([of("ASSET", assets), of("ENDORSEMENT", endorsements)]))?,
            );
        }
        if let Some(status) = &self.status {
            parts.push(Sql::any(status.iter().map(|s| has_status(*s, cx.at()))));
        }
        if let Some(after) = self.created_after {
            parts.push(Sql::new("c.created_at > ").bind(after));
        }
        if let Some(before) = self.created_before {
            parts.push(Sql::new("c.created_at < ").bind(before));
        }
        if let Some(states) = &self.version_state {
            let names = states.iter().map(|s| s.name());
            parts.push(
                Sql::new(
                    "EXISTS (SELECT 1 FROM versions v WHERE v.content_id = c.id AND v.state IN ",
                )
                .list(names)
                .push(")"),
            );
        }
        if let Some(reasons) = &self.holds {
            parts.push(held_by(reasons, cx.at()));
        }
        Ok(())
    }

    fn of_kind(&self, parts: &mut Vec<Sql>) -> Result<()> {
        if let Some(kinds) = &self.asset_kind {
            let names = kinds.iter().map(name_of).collect::<Result<Vec<_>>>()?;
            let sql =
                Sql::new("EXISTS (SELECT 1 FROM assets a WHERE a.content_id = c.id AND a.kind IN ");
            parts.push(sql.list(names).push(")"));
        }
        if let Some(kinds) = &self.endorsement_kind {
            let names = kinds.iter().map(name_of).collect::<Result<Vec<_>>>()?;
            let sql = Sql::new(
                "EXISTS (SELECT 1 FROM endorsements e WHERE e.content_id = c.id AND e.kind IN ",
            );
            parts.push(sql.list(names).push(")"));
        }
        if let Some(outlets) = &self.outlet {
            check(outlets.len())?;
            let ids = outlets.iter().filter_map(|id| id.parse::<OutletId>().ok());
            let sql = Sql::new(
                "EXISTS (SELECT 1 FROM endorsements e WHERE e.content_id = c.id AND e.outlet_id IN ",
            );
            parts.push(sql.list(ids).push(")"));
        }
        Ok(())
    }

    async fn of_labels(&self, cx: &OpContext, tree: &Tree, parts: &mut Vec<Sql>) -> Result<()> {
        if let Some(brand) = &self.brand {
            let id: Option<BrandId> = catalog::filter_brand(cx, brand).await?;
            parts.push(Sql::new("c.brand_id IN ").list(id));
        }
        if let Some(tags) = &self.tags {
            check(tags.len())?;
            // PostgreSQL takes no NUL in a text; no tag has one.
            let folded = tags
                .iter()
                .filter(|tag| !tag.contains('\0'))
                .map(|tag| text::fold(tag.trim()));
            parts.push(labelled("content_tags t", "t.tag").list(folded).push(")"));
        }
        if let Some(products) = &self.product {
            check(products.len())?;
            let ids = catalog::filter_products(cx, products).await?;
            parts.push(
                labelled("content_products t", "t.product_id")
                    .list(ids)
                    .push(")"),
            );
        }
        if let Some(audiences) = &self.audience {
            check(audiences.len())?;
            let ids = catalog::filter_audiences(cx, audiences).await?;
            parts.push(
                labelled("content_audiences t", "t.audience_id")
                    .list(ids)
                    .push(")"),
            );
        }
        if let Some(markets) = &self.market {
            check(markets.len())?;
            parts.push(
                labelled("content_markets t", "t.market")
                    .list(markets.iter().cloned())
                    .push(")"),
            );
        }
        if let Some(channels) = &self.channel {
            check(channels.len())?;
            let ids: Vec<ChannelId> = channels
                .iter()
                .filter_map(|text| resolve::find(&cx.viewer, tree, text))
                .flat_map(|channel| tree.chain(channel.id))
                .map(|channel| channel.id)
                .collect();
            parts.push(
                labelled("content_channels t", "t.channel_id")
                    .list(ids)
                    .push(")"),
            );
        }
        Ok(())
    }

    async fn of_use(&self, cx: &OpContext, tree: &Tree, parts: &mut Vec<Sql>) -> Result<()> {
        if self.available_in.is_some() && self.gate(cx, tree).is_none() {
            parts.push(Sql::new("1 = 0"));
        }
        if let Some(unused) = self.unused {
            let reached = tree
                .all()
                .into_iter()
                .filter(|channel| resolve::reaches(&cx.viewer, tree, channel.id))
                .map(|channel| channel.id);
            let live =
                Sql::new("EXISTS (SELECT 1 FROM placements p WHERE p.content_id = c.id AND ")
                    .append(is_live("p", cx.at()))
                    .push(" AND p.channel_id IN ")
                    .list(reached)
                    .push(")");
            parts.push(if unused { live.negate() } else { live });
        }
        Ok(())
    }
}

/// A list in a filter is no longer than it may be.
pub(crate) fn check(len: usize) -> Result<()> {
    if len <= MAX_LIST {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "A list in a filter has at most {MAX_LIST} entries."
    )))
}

fn labelled(table: &'static str, column: &'static str) -> Sql {
    Sql::new("EXISTS (SELECT 1 FROM ")
        .push(table)
        .push(" WHERE t.content_id = c.id AND ")
        .push(column)
        .push(" IN ")
}

/// [`crate::contents::Content::status`] in SQL: the last that fits, so each excludes those after it.
fn has_status(status: ContentStatus, at: Timestamp) -> Sql {
    let approved = || {
        Sql::new(
            "EXISTS (SELECT 1 FROM versions v WHERE v.content_id = c.id AND v.state = 'APPROVED')",
        )
    };
    let kept =
        || Sql::new("c.trashed_at IS NULL AND c.archived_at IS NULL AND c.withdrawn_at IS NULL");
    let expired = || Sql::new("c.expire_at <= ").bind(at);
    let ahead = || Sql::new("c.release_at > ").bind(at);
    match status {
        ContentStatus::Trashed => Sql::new("c.trashed_at IS NOT NULL"),
        ContentStatus::Archived => Sql::new("(c.trashed_at IS NULL AND c.archived_at IS NOT NULL)"),
        ContentStatus::Withdrawn => Sql::new(
            "(c.trashed_at IS NULL AND c.archived_at IS NULL AND c.withdrawn_at IS NOT NULL)",
        ),
        ContentStatus::Expired => Sql::all([kept(), expired()]),
        ContentStatus::Draft => Sql::all([kept(), expired().negate(), approved().negate()]),
        ContentStatus::Scheduled => Sql::all([kept(), expired().negate(), approved(), ahead()]),
        ContentStatus::Active => {
            Sql::all([kept(), expired().negate(), approved(), ahead().negate()])
        }
    }
}

/// What a viewer sees of all contents: its brands'; for a public viewer, what is out now in any of its channels.
pub(crate) fn visible(cx: &OpContext, tree: &Tree) -> Sql {
    let brands = crate::contents::service::brand_condition(&cx.viewer, "c.brand_id");
    if !cx.viewer.is_public() {
        return brands;
    }
    Sql::all([
        brands,
        Sql::any(public_asks(cx, tree).iter().map(|ask| lets_out(ask, "c"))),
    ])
}

/// Most channels that a public viewer's sight is made of. Each is a whole question to the gate; a page or
/// an app reads a few. What is out only in the others is not seen, unless one of them is asked by name.
const MAX_PUBLIC_CHANNELS: usize = 64;

/// The questions that decide what a public viewer sees: each channel that its token reaches, now.
pub(crate) fn public_asks(cx: &OpContext, tree: &Tree) -> Vec<Ask> {
    tree.all()
        .into_iter()
        .filter(|channel| resolve::reaches(&cx.viewer, tree, channel.id))
        .take(MAX_PUBLIC_CHANNELS)
        .map(|channel| Ask::new(tree, &channel, cx.at()))
        .collect()
}
