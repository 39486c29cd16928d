//! What a brand has, as the table that an import would read: to import it again changes nothing.
//!
//! The table is made page by page while it is sent, and each page asks again whether its reader may still have it.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::ID;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::model::ImportKind;
use super::table::Cells;
use super::{assets, endorsements, placements, plan, store, walk};
use crate::accounts::{OpContext, Scope, Viewer, bearer_lives};
use crate::catalog::resolve::filter_brand;
use crate::contents::ContentKind;
use crate::error::{Error, Result};
use crate::placements::visible;
use crate::platform::csv::write_record;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AssetId, BrandId, ContentId, EndorsementId, PlacementId};
use crate::platform::names::named;
use crate::platform::op::Actor;

/// Rows that are read together.
const PAGE: i64 = 500;
/// By this spreadsheets see that a table is UTF-8.
const MARK: &str = "\u{feff}";

/// A table on its way out.
pub(crate) struct Export {
    cx: OpContext,
    brand: BrandId,
    kind: ImportKind,
    columns: Vec<String>,
    /// The last that was told; none before the header.
    after: Option<Uuid>,
}

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Language {
    locale: String,
}

/// Begins to tell what a brand has. NOT_FOUND for what is no kind of table, and no brand that the caller sees.
pub(crate) async fn begin(cx: &OpContext, brand: &str, kind: &str) -> Result<Export> {
    cx.viewer.require(Scope::Read)?;
    let kind: ImportKind = named(&kind.to_uppercase()).map_err(|_| Error::NotFound)?;
    let brand = filter_brand(cx, &ID(brand.to_owned())).await?;
    let brand = brand.ok_or(Error::NotFound)?;
    let known = walk::columns(kind);
    let told = known.all.iter().filter(|name| **name != assets::TO_SEND);
    let mut columns: Vec<String> = told.map(|name| (*name).to_owned()).collect();
    if !known.by_language.is_empty() {
        let sql = match kind {
            ImportKind::Assets => {
                "SELECT DISTINCT s.locale FROM contents c
                 JOIN asset_alts s ON s.content_id = c.id
                 WHERE c.trashed_at IS NULL AND c.brand_id = "
            }
            _ => {
                "SELECT DISTINCT s.locale FROM contents c
                 JOIN versions v ON v.content_id = c.id AND v.number = c.version_count
                 JOIN statements s ON s.version_id = v.id
                 WHERE NOT s.is_original AND c.trashed_at IS NULL AND c.brand_id = "
            }
        };
        let sql = Sql::new(sql).bind(brand).push(" ORDER BY s.locale");
        for Language { locale } in fetch(cx.app.db.read(), sql).await? {
            columns.extend(
                known
                    .by_language
                    .iter()
                    .map(|name| format!("{name}:{locale}")),
            );
        }
    }
    Ok(Export {
        cx: cx.clone(),
        brand,
        kind,
        columns,
        after: None,
    })
}

impl Export {
    /// The next lines; none behind the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        if self.after.is_none() {
            out.extend_from_slice(MARK.as_bytes());
            write_record(&mut out, self.columns.iter().map(String::as_str))?;
        }
        let after = self.after.unwrap_or_default();
        self.cx = self.again().await?;
        let ids = self.page(after).await?;
        let Some(last) = ids.last() else {
            self.after = Some(after);
            return Ok(Some(out).filter(|out| !out.is_empty()));
        };
        self.after = Some(*last);
        let rows = self.rows(&ids).await?;
        let keys =
            store::keys_of_targets(self.cx.app.db.read(), plan::name(self.kind), &ids).await?;
        for id in &ids {
            let Some(cells) = rows.get(id) else { continue };
            let own = match self.kind {
                ImportKind::Assets => AssetId(*id).to_string(),
                ImportKind::Endorsements => EndorsementId(*id).to_string(),
                ImportKind::Placements => PlacementId(*id).to_string(),
            };
            let key = keys.get(id).map_or(&own, |key| key);
            let cell = |name: &String| match name.as_str() {
                super::table::KEY => key.as_str(),
                name => cells.get(name).map(String::as_str).unwrap_or_default(),
            };
            write_record(&mut out, self.columns.iter().map(cell))?;
        }
        Ok(Some(out))
    }

    /// The reader as it stands now; an error once it may not read this any more.
    async fn again(&self) -> Result<OpContext> {
        let app = &self.cx.app;
        let viewer = match self.cx.viewer.actor {
            Actor::System => Some(Viewer::system()),
            Actor::Token(id) => bearer_lives(app, id).await?,
        };
        let viewer = viewer.filter(|v| v.may(Scope::Read) && v.sees_brand(self.brand));
        let viewer = viewer.ok_or(Error::NotFound)?;
        Ok(OpContext::new(
            app,
            Arc::new(viewer),
            self.cx.op.request_id.clone(),
        ))
    }

    /// The ids behind one, in their order; what is in the trash is not told.
    async fn page(&self, after: Uuid) -> Result<Vec<Uuid>> {
        let sql = match self.kind {
            ImportKind::Assets | ImportKind::Endorsements => Sql::new(
                "SELECT c.id FROM contents c WHERE c.trashed_at IS NULL AND c.kind = ",
            )
            .bind(match self.kind {
                ImportKind::Assets => ContentKind::Asset.name(),
                _ => ContentKind::Endorsement.name(),
            })
            .push(" AND c.brand_id = ")
            .bind(self.brand)
            .push(" AND c.id > ")
            .bind(after)
            .push(" ORDER BY c.id LIMIT "),
            ImportKind::Placements => Sql::new(
                "SELECT p.id FROM placements p JOIN contents c ON c.id = p.content_id WHERE c.trashed_at IS NULL
                 AND c.brand_id = ",
            )
            .bind(self.brand)
            .push(" AND ")
            .append(visible(&self.cx.viewer))
            .push(" AND p.id > ")
            .bind(after)
            .push(" ORDER BY p.id LIMIT "),
        };
        let rows: Vec<Found> = fetch(self.cx.app.db.read(), sql.bind(PAGE)).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    async fn rows(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Cells>> {
        Ok(match self.kind {
            ImportKind::Assets => {
                let ids: Vec<ContentId> = ids.iter().copied().map(ContentId).collect();
                let found = assets::standing(&self.cx, self.brand, &ids).await?;
                found
                    .into_iter()
                    .map(|(id, (_, cells))| (id.0, cells))
                    .collect()
            }
            ImportKind::Endorsements => {
                let ids: Vec<ContentId> = ids.iter().copied().map(ContentId).collect();
                let found = endorsements::standing(&self.cx, self.brand, &ids).await?;
                found
                    .into_iter()
                    .map(|(id, (_, cells))| (id.0, cells))
                    .collect()
            }
            ImportKind::Placements => {
                let ids: Vec<PlacementId> = ids.iter().copied().map(PlacementId).collect();
                let found = placements::standing(&self.cx, self.brand, &ids).await?;
                found
                    .into_iter()
                    .map(|(id, (_, cells))| (id.0, cells))
                    .collect()
            }
        })
    }

    /// What the file is called.
    pub(crate) fn filename(&self) -> &'static str {
        match self.kind {
            ImportKind::Assets => "assets.csv",
            ImportKind::Endorsements => "endorsements.csv",
            ImportKind::Placements => "placements.csv",
        }
    }
}
