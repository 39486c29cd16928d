//! What becomes live of a recalled content after its recall: a page that pulled it before shows it still, an
//! integration puts it somewhere else. Nobody asks the gate then, so each instance looks for such places again
//! and again and opens their take-downs.
//!
//! An asset counts here once all that it is attached to is gone: recalled, archived or thrown away. Where another
//! endorsement may keep it available, the recall has asked the gate about each place, and what comes later is a
//! breach like any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde_json::json;

use super::recall::{PAGE, Place, insert};
use crate::accounts::OpContext;
use crate::app::App;
use crate::contents::{ContentKind, public_id};
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, fetch};
use crate::platform::ids::{BrandId, ContentId, PlacementId};
use crate::platform::ledger::{Audit, Event};
use crate::platform::names::named;
use crate::rights::is_live;

/// A live placement (`p`) that no take-down is about.
fn is_unasked(at: Timestamp) -> Sql {
    is_live("p", at).push(
        " AND NOT EXISTS (SELECT 1 FROM requests q WHERE q.placement_id = p.id AND q.take_down
          AND q.state <> 'DECLINED')",
    )
}

/// Where recalled contents (`c`) are live (`p`) unasked, as `FROM … WHERE …`. The recalled are few: they lead.
pub(super) fn own(at: Timestamp) -> Sql {
    Sql::new(
        " FROM contents c CROSS JOIN placements p
         WHERE c.withdrawn_at IS NOT NULL AND p.content_id = c.id AND ",
    )
    .append(is_unasked(at))
}

/// Where assets (`k`) of recalled endorsements (`c`) are live (`p`) unasked, as `FROM … WHERE …`: those that
/// nothing else keeps available. Of several recalled endorsements the first made asks.
pub(super) fn of_assets(at: Timestamp) -> Sql {
    Sql::new(
        " FROM contents c CROSS JOIN endorsement_assets a CROSS JOIN contents k CROSS JOIN placements p
         WHERE c.withdrawn_at IS NOT NULL AND a.endorsement_id = c.id AND k.id = a.asset_id
         AND k.withdrawn_at IS NULL AND p.content_id = k.id AND ",
    )
    .append(is_unasked(at))
    .push(
        " AND NOT EXISTS (SELECT 1 FROM endorsement_assets y JOIN contents o ON o.id = y.endorsement_id
          WHERE y.asset_id = k.id AND ((o.withdrawn_at IS NOT NULL AND o.id < c.id)
            OR (o.withdrawn_at IS NULL AND o.archived_at IS NULL AND o.trashed_at IS NULL)))",
    )
}

#[derive(FromQueryResult)]
struct Row {
    id: PlacementId,
    content_id: ContentId,
    brand_id: BrandId,
    kind: String,
}

/// At most so many places that are to be asked.
fn unasked(at: Timestamp, limit: usize) -> Sql {
    const SELECT: &str = "SELECT p.id, c.id AS content_id, c.brand_id, c.kind";
    Sql::new(SELECT)
        .append(own(at))
        .push(" UNION ALL ")
        .push(SELECT)
        .append(of_assets(at))
        .push(" ORDER BY 1 LIMIT ")
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// Opens the take-downs of what became live after its recall; how many those were. One statement where there is
/// none. Instances may do it at once: each take-down is opened by one of them.
pub async fn open_take_downs(app: &Arc<App>) -> Result<usize> {
    let mut opened = 0;
    loop {
        let cx = OpContext::system(app);
        let found: Vec<Row> = fetch(app.db.read(), unasked(cx.at(), 1)).await?;
        if found.is_empty() {
            return Ok(opened);
        }
        let page = cx.write((), |tx, ()| Box::pin(open_page(tx))).await?;
        if page == 0 {
            return Ok(opened);
        }
        opened += page;
    }
}

async fn open_page(tx: &Tx) -> Result<usize> {
    let rows: Vec<Row> = fetch(&**tx, unasked(tx.op.at, PAGE)).await?;
    let places: Vec<Place> = rows
        .iter()
        .map(|row| Place {
            id: row.id,
            recalled: row.content_id,
            brand: row.brand_id,
        })
        .collect();
    let opened = insert(tx, &places).await?;
    let mut recalled: BTreeMap<ContentId, (&Row, usize)> = BTreeMap::new();
    for row in &rows {
        let Some(request) = opened.get(&row.id) else {
            continue;
        };
        recalled.entry(row.content_id).or_insert((row, 0)).1 += 1;
        // Its subject is the placement: those who do not reach that are not told.
        tx.audit(Audit {
            brand: Some(row.brand_id),
            action: "openTakeDown",
            subject: row.id.to_string(),
            contents: vec![row.content_id],
            changes: json!({ "takeDown": request }),
        });
    }
    for (content, (row, count)) in recalled {
        let kind: ContentKind = named(&row.kind)?;
        tx.emit(Event {
            brand: Some(row.brand_id),
            topic: "REQUEST_CREATED",
            subject: public_id(kind, content),
            payload: json!({ "takeDowns": count }),
        });
    }
    Ok(opened.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::plans::{plan, planner};
    use crate::testing::TestDatabase;

    /// It is asked every few seconds, most often in vain: it must read no more than what was recalled.
    #[tokio::test]
    async fn what_is_unasked_is_found_from_what_was_recalled() {
        let database = TestDatabase::create().await;
        drop(database.open().await);
        let db = planner(&database).await;
        for part in [own(Timestamp(0)), of_assets(Timestamp(0))] {
            let plan = plan(&db, Sql::new("SELECT p.id").append(part)).await;
            let text = plan.join("\n");
            assert!(text.contains("contents_recalled"), "{text}");
            for bad in ["Seq Scan", "SCAN p", "SCAN a", "SCAN k"] {
                assert!(!text.contains(bad), "{bad}:\n{text}");
            }
        }
        db.close().await.unwrap();
        database.remove().await;
    }
}
