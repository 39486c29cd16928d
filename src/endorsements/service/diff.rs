//! What an update has changed, for the audit log: the content before and after it, field by field.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::assets::{Alt, fields};
use crate::contents::{AssetDetail, Content, Detail, EndorsementDetail, Labels, store as contents};
use crate::endorsements::model::Claim;
use crate::endorsements::store;
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx};
use crate::platform::ids::{AssetId, ChannelId, ContentId};

/// A content with all that an update can change, as it stands in a transaction.
pub(super) struct State {
    content: Arc<Content>,
    labels: Arc<Labels>,
    alts: Vec<Alt>,
    claims: Vec<Claim>,
    assets: Vec<ContentId>,
}

impl State {
    /// Reads it; a fixed number of statements.
    pub(super) async fn read(tx: &Tx, id: ContentId) -> Result<Self> {
        let missing = || Error::internal("a locked content vanished");
        let content = contents::load(&**tx, &[id])
            .await?
            .remove(&id)
            .ok_or_else(missing)?;
        let labels = contents::load_labels(&**tx, &[id])
            .await?
            .remove(&id)
            .unwrap_or_default();
        let mut state = Self {
            content,
            labels,
            alts: Vec::new(),
            claims: Vec::new(),
            assets: Vec::new(),
        };
        match state.content.detail {
            Detail::Asset(_) => state.alts = fields::alts(tx, id).await?,
            Detail::Endorsement(_) => {
                state.claims = store::load_claims_of(&**tx, &[id], Sql::new("1 = 1")).await?;
                state.assets = store::load_assets(&**tx, &[id])
                    .await?
                    .iter()
                    .map(|a| a.asset_id)
                    .collect();
            }
        }
        Ok(state)
    }

    /// The channels it is tagged with.
    pub(super) fn channels(&self) -> &[ChannelId] {
        &self.labels.channels
    }

    /// Its labels.
    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Every field as the API spells it.
    fn fields(&self) -> Map<String, Json> {
        let content = &self.content;
        let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        let mut fields = Map::new();
        let mut set = |name: &str, value: Json| fields.insert(name.to_owned(), value);
        set("title", json!(content.title));
        set("releaseAt", json!(time(content.release_at)));
        set("expireAt", json!(time(content.expire_at)));
        set("tags", json!(self.labels.tags));
        set("products", json!(self.labels.products));
        set("channels", json!(self.labels.channels));
        set("markets", json!(self.labels.markets));
        set("audiences", json!(self.labels.audiences));
        match &content.detail {
            Detail::Asset(asset) => self.asset_fields(asset, &mut set),
            Detail::Endorsement(endorsement) => self.endorsement_fields(endorsement, &mut set),
        }
        fields
    }

    fn asset_fields(&self, asset: &AssetDetail, set: &mut impl FnMut(&str, Json) -> Option<Json>) {
        set("description", json!(asset.description));
        set("locale", json!(asset.locale));
        set("focalPoint", json!(asset.focal_point));
        let alts = self
            .alts
            .iter()
            .map(|alt| (alt.locale.clone(), json!(alt.text)));
        set("alt", Json::Object(alts.collect()));
    }

    fn endorsement_fields(
        &self,
        detail: &EndorsementDetail,
        set: &mut impl FnMut(&str, Json) -> Option<Json>,
    ) {
        let claims = self
            .claims
            .iter()
            .map(|c| json!({ "text": c.text, "product": c.product, "state": c.state }));
        let assets = self.assets.iter().map(|id| AssetId(id.0));
        set("sourceUrl", json!(detail.source_url));
        set(
            "publishedOn",
            json!(detail.published_on.to_date().to_string()),
        );
        set(
            "wonBy",
            json!(detail.won_by.map(crate::platform::op::Actor::key)),
        );
        set("recheckEveryDays", json!(detail.recheck_every_days));
        set("claims", claims.collect());
        set("assets", json!(assets.collect::<Vec<_>>()));
    }
}

/// The fields that differ, each with what it was and what it is.
pub(super) fn changes(before: &State, after: &State) -> Json {
    differences(before.fields(), &after.fields())
}

fn differences(before: Map<String, Json>, after: &Map<String, Json>) -> Json {
    let changed = before.into_iter().filter_map(|(name, from)| {
        let to = after.get(&name).cloned().unwrap_or_default();
        (from != to).then(|| (name, json!({ "from": from, "to": to })))
    });
    Json::Object(changed.collect())
}

/// The assets that were attached or taken off: it is in their history too.
pub(super) fn moved_assets(before: &State, after: &State) -> Vec<ContentId> {
    let gone = before.assets.iter().filter(|id| !after.assets.contains(id));
    let come = after.assets.iter().filter(|id| !before.assets.contains(id));
    gone.chain(come).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let map = |title: &str| match json!({ "title": title, "tags": ["a"] }) {
            Json::Object(map) => map,
            _ => Map::new(),
        };
        let told = differences(map("Old"), &map("New"));
        assert_eq!(told, json!({ "title": { "from": "Old", "to": "New" } }));
    }
}
