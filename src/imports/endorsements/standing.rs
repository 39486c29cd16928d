//! What stands there of endorsements, as the cells of rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::ID;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::accounts::OpContext;
use crate::catalog::resolve::outlets_called;
use crate::contents::{Content, Detail, EndorsementDetail, Statement, Version, store as contents};
use crate::endorsements::service::{Standing, Winners};
use crate::error::Result;
use crate::imports::labels::Told;
use crate::imports::store;
use crate::imports::table::{Cells, set};
use crate::platform::clock::Timestamp;
use crate::platform::csv::join_list;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AssetId, BrandId, ContentId, OutletId, ProductId, VersionId};
use crate::platform::names::name_of;
use crate::platform::op::Actor;

#[derive(FromQueryResult)]
struct ClaimRow {
    endorsement_id: ContentId,
    product_id: ProductId,
    claim: String,
}

#[derive(FromQueryResult)]
struct AttachedRow {
    endorsement_id: ContentId,
    asset_id: ContentId,
}

/// What stands around endorsements, read for all of them together.
struct Around {
    labels: Told,
    versions: HashMap<VersionId, Arc<Version>>,
    statements: HashMap<VersionId, Arc<Vec<Statement>>>,
    claims: BTreeMap<ContentId, Vec<ClaimRow>>,
    assets: BTreeMap<ContentId, Vec<String>>,
    /// The names of outlets, where one alone has it.
    outlets: HashMap<Uuid, String>,
    winners: Winners,
}

impl Around {
    async fn load(cx: &OpContext, found: &[Arc<Content>]) -> Result<Self> {
        let db = cx.app.db.read();
        let ids: Vec<ContentId> = found.iter().map(|content| content.id).collect();
        let latest: Vec<VersionId> = found.iter().map(|content| content.latest).collect();
        let sql = "SELECT endorsement_id, product_id, claim FROM claims WHERE endorsement_id IN ";
        let sql = Sql::new(sql).list(ids.iter().copied());
        let rows: Vec<ClaimRow> =
            fetch(db, sql.push(" ORDER BY endorsement_id, position, id")).await?;
        let mut claims: BTreeMap<ContentId, Vec<ClaimRow>> = BTreeMap::new();
        for row in rows {
            claims.entry(row.endorsement_id).or_default().push(row);
        }
        let sql =
            "SELECT endorsement_id, asset_id FROM endorsement_assets WHERE endorsement_id IN ";
        let sql = Sql::new(sql).list(ids.iter().copied());
        let rows: Vec<AttachedRow> =
            fetch(db, sql.push(" ORDER BY endorsement_id, position, asset_id")).await?;
        let mut assets: BTreeMap<ContentId, Vec<String>> = BTreeMap::new();
        for row in rows {
            let asset = AssetId(row.asset_id.0).to_string();
            assets.entry(row.endorsement_id).or_default().push(asset);
        }
        let details = || found.iter().filter_map(|content| content.endorsement());
        let said = details().map(|detail| detail.outlet.0).collect();
        let mut outlets =
            store::names_of(db, "SELECT id, name FROM outlets WHERE id IN ", said).await?;
        let called = outlets_called(cx, &outlets.values().cloned().collect()).await?;
        outlets.retain(|id, name| called.get(name) == Some(&OutletId(*id)));
        let claimed = claims.values().flatten().map(|claim| claim.product_id);
        let labels = Told::load(cx, &ids, claimed).await?;
        let winners = details().filter_map(|detail| match detail.won_by {
            Some(Actor::Token(id)) => Some(ID(id.to_string())),
            _ => None,
        });
        let winners: Vec<ID> = winners.collect();
        Ok(Self {
            versions: contents::load_versions(db, &latest).await?,
            statements: contents::load_statements(db, &latest).await?,
            winners: Winners::load(cx, &winners).await?,
            labels,
            claims,
            assets,
            outlets,
        })
    }

    fn header(
        &self,
        content: &Content,
        detail: &EndorsementDetail,
        cells: &mut Cells,
    ) -> Result<()> {
        let won_by = match detail.won_by {
            Some(Actor::Token(id)) => Some(id.to_string()),
            _ => None,
        };
        let won_by = won_by.filter(|text| self.winners.find(&ID(text.clone())).is_ok());
        let outlet = self.outlets.get(&detail.outlet.0).cloned();
        let claims = self.claims.get(&content.id).into_iter().flatten();
        let claims = claims
            .map(|claim| format!("{}={}", self.labels.product(claim.product_id), claim.claim));
        set(cells, "title", Some(content.title.clone()));
        set(
            cells,
            "outlet",
            Some(outlet.unwrap_or_else(|| detail.outlet.to_string())),
        );
        set(cells, "kind", Some(name_of(detail.kind)?));
        set(
            cells,
            "published_on",
            Some(detail.published_on.to_date().to_string()),
        );
        set(cells, "source_url", detail.source_url.clone());
        set(
            cells,
            "recheck_every_days",
            detail.recheck_every_days.map(|days| days.to_string()),
        );
        set(
            cells,
            "release_at",
            content.release_at.map(Timestamp::to_rfc3339),
        );
        set(
            cells,
            "expire_at",
            content.expire_at.map(Timestamp::to_rfc3339),
        );
        set(cells, "won_by", won_by);
        set(cells, "claims", Some(join_list(claims)));
        set(cells, "assets", self.assets.get(&content.id).map(join_list));
        Ok(())
    }

    fn wording(&self, content: &Content, cells: &mut Cells) -> Result<()> {
        let version = self.versions.get(&content.latest);
        set(
            cells,
            "note",
            version.and_then(|version| version.note.clone()),
        );
        if let Some(wording) = version.and_then(|version| version.wording()) {
            set(cells, "byline", wording.byline.clone());
            set(cells, "rank", wording.rank.map(|n| n.to_string()));
            set(cells, "rating", wording.rating.clone());
            set(cells, "rating_scale", wording.rating_scale.clone());
            set(
                cells,
                "rating_count",
                wording.rating_count.map(|n| n.to_string()),
            );
            let connection = name_of(wording.material_connection)?;
            set(cells, "material_connection", Some(connection));
        }
        let statements = self.statements.get(&content.latest);
        for statement in statements.into_iter().flat_map(|all| all.iter()) {
            let mut suffix = String::new();
            if statement.is_original {
                set(cells, "locale", Some(statement.locale.clone()));
            } else {
                suffix = format!(":{}", statement.locale);
            }
            set(
                cells,
                &format!("headline{suffix}"),
                Some(statement.headline.clone()),
            );
            set(cells, &format!("quote{suffix}"), statement.quote.clone());
            set(cells, &format!("award{suffix}"), statement.award.clone());
            set(
                cells,
                &format!("disclosure{suffix}"),
                statement.disclosure.clone(),
            );
        }
        Ok(())
    }
}

/// Endorsements of a brand as a table has them, with what their next change must find. A fixed number of
/// statements.
pub(in crate::imports) async fn standing(
    cx: &OpContext,
    brand: BrandId,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, (Standing, Cells)>> {
    let found = contents::load(cx.app.db.read(), ids).await?;
    let found = found.into_values().filter(|content| content.brand == brand);
    let found: Vec<Arc<Content>> = found.collect();
    if found.is_empty() {
        return Ok(HashMap::new());
    }
    let around = Around::load(cx, &found).await?;
    let mut told = HashMap::new();
    for content in &found {
        let Detail::Endorsement(detail) = &content.detail else {
            continue;
        };
        let mut cells = Cells::new();
        around.header(content, detail, &mut cells)?;
        around.labels.tell(cx, content.id, &mut cells);
        around.wording(content, &mut cells)?;
        let standing = Standing {
            id: content.id,
            revision: content.revision,
            version_count: content.version_count,
        };
        told.insert(content.id, (standing, cells));
    }
    Ok(told)
}
