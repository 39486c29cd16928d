//! Loading what the gate looks at: three statements, whatever the number of contents.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::gate::{Facts, LicensorWord};
use super::store::load_leases_on;
use crate::contents::store::select;
use crate::contents::{Labels, Statement};
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{AudienceId, ChannelId, ContentId, LeaseId, ProductId, VersionId};

/// Everything that the gate looks at, for contents and the endorsements they are attached to.
pub(crate) async fn load_facts(
    db: &impl ConnectionTrait,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, Arc<Facts>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // As a union the planner knows how few there are; of an OR it would expect half of all contents.
    let which = Sql::new("SELECT id FROM contents WHERE id IN ")
        .list(ids.iter().copied())
        .push(" UNION SELECT endorsement_id FROM endorsement_assets WHERE asset_id IN ")
        .list(ids.iter().copied());
    let contents = select(db, which).await?;
    let every: Vec<ContentId> = contents.iter().map(|content| content.id).collect();
    let current: Vec<VersionId> = contents
        .iter()
        .filter_map(|content| content.current.as_ref().map(|v| v.id))
        .collect();
    // Asked for nothing, each of these still runs: the number of statements is the request's, not the data's.
    let mut parts = load_parts(db, &every, &current).await?;
    let leases = load_leases_on(db, &every).await?;
    let mut found: HashMap<ContentId, Facts> = contents
        .into_iter()
        .map(|content| {
            let id = content.id;
            let mut of_version = content
                .current
                .as_ref()
                .and_then(|v| parts.of_versions.remove(&v.id))
                .unwrap_or_default();
            of_version
                .statements
                .sort_by(|a, b| (b.is_original, &a.locale).cmp(&(a.is_original, &b.locale)));
            of_version.words.sort_by_key(|(review, _)| *review);
            let words = of_version.words.into_iter().map(|(_, word)| word).collect();
            let facts = Facts {
                content,
                labels: Arc::new(parts.labels.remove(&id).unwrap_or_default().in_order()),
                leases: leases.get(&id).cloned().unwrap_or_default(),
                statements: Arc::new(of_version.statements),
                licensor_words: Arc::new(words),
                attached: Vec::new(),
            };
            (id, facts)
        })
        .collect();
    let attached: Vec<(ContentId, Arc<Facts>)> = parts
        .attached
        .iter()
        .filter_map(|(asset, to)| found.get(to).map(|facts| (*asset, Arc::new(facts.clone()))))
        .collect();
    for (asset, endorsement) in attached {
        if let Some(facts) = found.get_mut(&asset) {
            facts.attached.push(endorsement);
        }
    }
    Ok(ids
        .iter()
        .filter_map(|id| found.remove(id).map(|facts| (*id, Arc::new(facts))))
        .collect())
}

/// What hangs on contents and versions in rows of its own.
#[derive(Default)]
struct Parts {
    labels: HashMap<ContentId, Labels>,
    of_versions: HashMap<VersionId, OfVersion>,
    /// Assets and the endorsements they are attached to, by id.
    attached: Vec<(ContentId, ContentId)>,
}

#[derive(Default)]
struct OfVersion {
    statements: Vec<Statement>,
    /// With the review that each was given in.
    words: Vec<(Uuid, LicensorWord)>,
}

/// A row of any of the tables that parts are read from: `what` tells which.
#[derive(FromQueryResult)]
struct PartRow {
    what: i32,
    /// The content or the version.
    owner: Uuid,
    a: Option<Uuid>,
    b: Option<Uuid>,
    flag: Option<bool>,
    r: Option<String>,
    s: Option<String>,
    t: Option<String>,
    u: Option<String>,
    v: Option<String>,
    w: Option<String>,
}

/// The parts of contents: their columns in a [`PartRow`], and the table.
const OF_CONTENTS: [&str; 6] = [
    // A bare NULL has no type of its own on PostgreSQL: the first branch of the union gives it one.
    "SELECT 1 AS what, content_id AS owner, CAST(NULL AS uuid) AS a, CAST(NULL AS uuid) AS b,
     CAST(NULL AS boolean) AS flag, tag AS r, CAST(NULL AS text) AS s, CAST(NULL AS text) AS t,
     CAST(NULL AS text) AS u, CAST(NULL AS text) AS v, CAST(NULL AS text) AS w
     FROM content_tags WHERE content_id IN ",
    "SELECT 2, content_id, NULL, NULL, NULL, market, NULL, NULL, NULL, NULL, NULL
     FROM content_markets WHERE content_id IN ",
    "SELECT 3, content_id, channel_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
     FROM content_channels WHERE content_id IN ",
    "SELECT 4, content_id, audience_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
     FROM content_audiences WHERE content_id IN ",
    "SELECT 5, content_id, product_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
     FROM content_products WHERE content_id IN ",
    "SELECT 6, asset_id, endorsement_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
     FROM endorsement_assets WHERE asset_id IN ",
];

/// The parts of versions.
const OF_VERSIONS: [&str; 2] = [
    "SELECT 7, version_id, NULL, NULL, is_original, locale, headline, quote, award, disclosure, folded
     FROM statements WHERE version_id IN ",
    "SELECT 8, version_id, id, lease_id, NULL, preset, decision, NULL, NULL, NULL, NULL
     FROM reviews WHERE lease_id IS NOT NULL AND version_id IN ",
];

/// One statement.
async fn load_parts(
    db: &impl ConnectionTrait,
    contents: &[ContentId],
    versions: &[VersionId],
) -> Result<Parts> {
    let of_contents = OF_CONTENTS
        .into_iter()
        .map(|part| Sql::new(part).list(contents.iter().copied()));
    let of_versions = OF_VERSIONS
        .into_iter()
        .map(|part| Sql::new(part).list(versions.iter().copied()));
    let sql = Sql::between(" UNION ALL ", of_contents.chain(of_versions));
    let rows: Vec<PartRow> = fetch(db, sql).await?;
    let mut parts = Parts::default();
    for row in rows {
        parts.take(row);
    }
    // The oldest endorsement first.
    parts.attached.sort_unstable();
    Ok(parts)
}

impl Parts {
    fn take(&mut self, row: PartRow) {
        let content = ContentId(row.owner);
        match (row.what, row.a, row.r) {
            (1, _, Some(tag)) => self.labels(content).tags.push(tag),
            (2, _, Some(market)) => self.labels(content).markets.push(market),
            (3, Some(id), _) => self.labels(content).channels.push(ChannelId(id)),
            (4, Some(id), _) => self.labels(content).audiences.push(AudienceId(id)),
            (5, Some(id), _) => self.labels(content).products.push(ProductId(id)),
            (6, Some(id), _) => self.attached.push((content, ContentId(id))),
            (7, _, Some(locale)) => self.of_version(row.owner).statements.push(Statement {
                locale,
                is_original: row.flag.unwrap_or_default(),
                headline: row.s.unwrap_or_default(),
                quote: row.t,
                award: row.u,
                disclosure: row.v,
                folded: row.w.unwrap_or_default(),
            }),
            (8, Some(review), preset) => {
                let word = LicensorWord {
                    lease: LeaseId(row.b.unwrap_or_default()),
                    preset,
                    approves: row.s.as_deref() == Some("APPROVE"),
                };
                self.of_version(row.owner).words.push((review, word));
            }
            _ => {}
        }
    }

    fn labels(&mut self, content: ContentId) -> &mut Labels {
        self.labels.entry(content).or_default()
    }

    fn of_version(&mut self, id: Uuid) -> &mut OfVersion {
        self.of_versions.entry(VersionId(id)).or_default()
    }
}
