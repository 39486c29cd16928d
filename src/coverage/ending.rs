//! What may be shown now and soon no more: leases and contents that end, what is live because of them, and what
//! could take its place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::board::Survey;
use super::cells::Place;
use super::filter::Scope;
use super::load::{keys, wins};
use super::model::Win;
use super::pool::{Fit, Pool, Spot};
use crate::accounts::OpContext;
use crate::channels::Tree;
use crate::contents::ContentKind;
use crate::error::{Error, Result};
use crate::placements::PlacementStatus;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{ChannelId, ContentId, LeaseId, PlacementId};
use crate::rights::gate::{Ask, Facts, covers, decide};
use crate::rights::{LeaseAccess, LeaseOn, Place as Cell};

/// Most that are told.
const TOLD: usize = 250;
/// Ends that are read and judged at a time.
const PAGE: usize = 250;
/// Most placements that are told of an end; all of them are counted.
const PLACEMENTS: usize = 50;
/// Most replacements that are told of an end.
const REPLACEMENTS: usize = 5;
/// Places of an end for which replacements are looked for.
const SPOTS: usize = 5;

/// A lease of a content, or the content itself, that ends.
pub(super) struct Ending {
    /// None: it is the content that expires.
    pub lease: Option<LeaseId>,
    pub content: ContentId,
    pub ends_at: Timestamp,
    /// The newest of those that are live because of it.
    pub placements: Vec<PlacementId>,
    /// How many there are.
    pub placed: usize,
    pub replacements: Vec<ContentId>,
    facts: Arc<Facts>,
    spots: BTreeSet<Spot>,
}

#[derive(Clone, FromQueryResult)]
struct Due {
    ends_at: Timestamp,
    content_id: ContentId,
    /// The lease, or the content once more.
    key_id: Uuid,
    is_lease: i32,
}

impl Scope {
    /// What ends within some days, the soonest first; of contents `o` that `wanted` selects.
    pub(super) async fn endings(
        &self,
        cx: &OpContext,
        wanted: &Sql,
        days: i64,
        with_replacements: bool,
    ) -> Result<Vec<Ending>> {
        let mut endings: Vec<Ending> = Vec::new();
        let mut after: Option<Due> = None;
        while endings.len() < TOLD && !self.columns.is_empty() {
            let page = self.due(wanted, days, after.as_ref()).await?;
            let is_last = page.len() < PAGE;
            after = page.last().cloned();
            endings.extend(self.judge(page).await?);
            if is_last {
                break;
            }
        }
        endings.truncate(TOLD);
        if with_replacements {
            endings = self.replace(cx, endings).await?;
        }
        Ok(endings)
    }

    /// A page of ends in their order: of ALLOW leases, and of contents.
    async fn due(&self, wanted: &Sql, days: i64, after: Option<&Due>) -> Result<Vec<Due>> {
        let (from, to) = (self.survey.at, self.survey.at.plus_days(days));
        let within = |sql: Sql, column: &'static str| {
            let sql = sql.push(column).push(" > ").bind(from).push(" AND ");
            sql.push(column).push(" <= ").bind(to).push(" AND ")
        };
        let leases = Sql::new(
            "SELECT DISTINCT l.ends_at, s.content_id, l.id AS key_id, 1 AS is_lease FROM leases l
             JOIN lease_scopes s ON s.lease_id = l.id JOIN contents o ON o.id = s.content_id
             WHERE l.access = 'ALLOW' AND ",
        );
        let contents =
            Sql::new("SELECT o.expire_at, o.id, o.id, 0 AS is_lease FROM contents o WHERE ");
        let mut sql = Sql::new("SELECT q.ends_at, q.content_id, q.key_id, q.is_lease FROM (")
            .append(within(leases, "l.ends_at"))
            .append(wanted.clone())
            .push(" UNION ALL ")
            .append(within(contents, "o.expire_at"))
            .append(wanted.clone())
            .push(") q");
        if let Some(after) = after {
            sql = sql
                .push(" WHERE (q.ends_at, q.content_id, q.key_id) > (")
                .bind(after.ends_at)
                .push(", ")
                .bind(after.content_id)
                .push(", ")
                .bind(after.key_id)
                .push(")");
        }
        let sql = sql
            .push(" ORDER BY q.ends_at, q.content_id, q.key_id LIMIT ")
            .bind(i64::try_from(PAGE).unwrap_or(i64::MAX));
        fetch(self.survey.app.db.read(), sql).await
    }

    /// Those of a page that are told, with what is live because of them.
    async fn judge(&self, page: Vec<Due>) -> Result<Vec<Ending>> {
        let ids: BTreeSet<ContentId> = page.iter().map(|due| due.content_id).collect();
        let ids: Vec<ContentId> = ids.into_iter().collect();
        let found = wins(self.survey.app.db.read(), &ids).await?;
        let asked = self.in_states(&found).await?;
        let (survey, columns) = (Arc::clone(&self.survey), self.columns.clone());
        // Thousands of questions to the gate are no work for a thread that serves.
        let judging = tokio::task::spawn_blocking(move || -> Vec<Ending> {
            let judge = Judge::new(&survey, &columns);
            let wins: HashMap<ContentId, &Win> = found
                .iter()
                .map(|win| (win.facts.content.id, win))
                .filter(|(id, _)| asked.as_ref().is_none_or(|asked| asked.contains(id)))
                .collect();
            page.iter()
                .filter_map(|due| judge.ending(due, wins.get(&due.content_id)?))
                .collect()
        });
        judging.await.map_err(Error::internal)
    }

    /// Of these contents those that are wins, or belong to wins, with a cell in one of the states that are asked
    /// for; none: all are.
    async fn in_states(&self, wins: &[Win]) -> Result<Option<HashSet<ContentId>>> {
        if self.states.is_none() {
            return Ok(None);
        }
        let of = |win: &Win| -> Vec<ContentId> {
            match win.facts.content.kind() {
                ContentKind::Endorsement => vec![win.facts.content.id],
                ContentKind::Asset => {
                    let attached = win.facts.attached.iter();
                    attached.map(|facts| facts.content.id).collect()
                }
            }
        };
        let ids: BTreeSet<ContentId> = wins.iter().flat_map(of).collect();
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let which = Sql::new("c.id IN ").list(ids);
        let condition = Sql::all([which, self.survey.condition.clone()]);
        let found = keys(self.survey.app.db.read(), condition, None, limit).await?;
        let rows = self.survey.rows(&found).await?;
        let wanted: HashSet<ContentId> = rows
            .iter()
            .filter(|row| self.wants(row))
            .map(|row| row.endorsement)
            .collect();
        let asked = wins
            .iter()
            .filter(|win| of(win).iter().any(|id| wanted.contains(id)))
            .map(|win| win.facts.content.id);
        Ok(Some(asked.collect()))
    }

    /// The same ends with what could take the place of what is live because of them.
    async fn replace(&self, cx: &OpContext, endings: Vec<Ending>) -> Result<Vec<Ending>> {
        let spots: BTreeSet<Spot> = endings.iter().flat_map(|e| e.spots.clone()).collect();
        let channels = spots.iter().map(|spot| spot.channel);
        let pool = Pool::load(cx, &self.survey.tree, channels).await?;
        let survey = Arc::clone(&self.survey);
        let replacing = tokio::task::spawn_blocking(move || {
            let (tree, at) = (&survey.tree, survey.at);
            let fits: BTreeMap<&Spot, Vec<Fit>> = spots
                .iter()
                .map(|spot| (spot, pool.fits(tree, spot, at)))
                .collect();
            let mut endings = endings;
            for ending in &mut endings {
                ending.replacements = replacements(ending, &fits, tree);
            }
            endings
        });
        replacing.await.map_err(Error::internal)
    }
}

/// The best of what goes out in one of an end's places now and still does at the end, of its kind.
fn replacements(ending: &Ending, fits: &BTreeMap<&Spot, Vec<Fit>>, tree: &Tree) -> Vec<ContentId> {
    let kind = |facts: &Facts| (facts.content.kind(), facts.content.asset().map(|a| a.kind));
    let mut found: Vec<(f64, ContentId)> = Vec::new();
    for spot in &ending.spots {
        let Some(channel) = tree.get(spot.channel) else {
            continue;
        };
        let ask = Ask::new(tree, channel, ending.ends_at).for_product(spot.product);
        let lasting = fits.get(spot).into_iter().flatten().filter(|fit| {
            fit.facts.content.id != ending.content
                && kind(&fit.facts) == kind(&ending.facts)
                && (spot.product.is_some() || is_akin(&fit.facts, &ending.facts))
                && (fit.until.is_none_or(|until| until > ending.ends_at)
                    || decide(&fit.facts, &ask).is_available())
        });
        // The best of each place are enough: no more than that are told of all of them.
        found.extend(
            lasting
                .take(REPLACEMENTS)
                .map(|fit| (fit.score, fit.facts.content.id)),
        );
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.cmp(&a.1)));
    let mut seen = HashSet::new();
    let once = found.into_iter().filter(|(_, id)| seen.insert(*id));
    once.map(|(_, id)| id).take(REPLACEMENTS).collect()
}

/// Whether it is about a product of the other's, or one of them about none in particular.
fn is_akin(facts: &Facts, other: &Facts) -> bool {
    let (mine, others) = (&facts.labels.products, &other.labels.products);
    mine.is_empty() || others.is_empty() || mine.iter().any(|product| others.contains(product))
}

/// What ends are judged by.
struct Judge<'s> {
    survey: &'s Survey,
    /// The places that are asked for, by channel.
    places: HashMap<ChannelId, &'s Place>,
    /// Whether those are not all.
    is_narrowed: bool,
}

impl<'s> Judge<'s> {
    fn new(survey: &'s Survey, columns: &[usize]) -> Self {
        let places = columns.iter().filter_map(|i| survey.places.all.get(*i));
        Self {
            survey,
            places: places.map(|place| (place.channel.id, place)).collect(),
            is_narrowed: columns.len() < survey.places.all.len(),
        }
    }

    /// What is told of an end; none where it changes nothing: another lease goes on where this one ends, or it is
    /// about other channels than those that are asked for.
    fn ending(&self, due: &Due, win: &Win) -> Option<Ending> {
        let facts = &win.facts;
        let lease = match due.is_lease {
            0 => None,
            _ => Some(facts.leases.iter().find(|on| on.lease.id.0 == due.key_id)?),
        };
        if !self.is_here(lease, facts) {
            return None;
        }
        let live = self.live_because_of(due.ends_at, lease, win);
        if live.is_empty() && lease.is_some_and(|on| self.goes_on(on, facts, due.ends_at)) {
            return None;
        }
        let spots: BTreeSet<Spot> = live.iter().map(|(_, spot)| spot.clone()).collect();
        let mut placements: Vec<PlacementId> = live.into_iter().map(|(id, _)| id).collect();
        placements.sort_unstable_by_key(|id| Reverse(*id));
        placements.dedup();
        let placed = placements.len();
        placements.truncate(PLACEMENTS);
        Some(Ending {
            lease: lease.map(|on| on.lease.id),
            content: due.content_id,
            ends_at: due.ends_at,
            placements,
            placed,
            replacements: Vec::new(),
            facts: Arc::clone(facts),
            spots: spots.into_iter().take(SPOTS).collect(),
        })
    }

    /// Whether a lease covers any of the places, or a content is tagged to one.
    fn is_here(&self, lease: Option<&LeaseOn>, facts: &Facts) -> bool {
        let in_any = |channel| {
            let mut places = self.places.values();
            places.any(|place| place.ask.chain.contains(&channel))
        };
        match lease {
            Some(on) => on.places.iter().any(|cell| cell.channel.is_none_or(in_any)),
            None => !self.is_narrowed || facts.labels.channels.iter().copied().any(in_any),
        }
    }

    /// What is live in the places, may be, and may be no more at the end because of it: it still may just before,
    /// and what ends is what covers it.
    fn live_because_of(
        &self,
        end: Timestamp,
        lease: Option<&LeaseOn>,
        win: &Win,
    ) -> Vec<(PlacementId, Spot)> {
        let mut live = Vec::new();
        for placed in &win.placements {
            let Some(place) = self.places.get(&placed.channel) else {
                continue;
            };
            let mut ask = place.ask.clone().for_product(placed.product);
            if placed.status(ask.at) != PlacementStatus::Live
                || lease.is_some_and(|on| !covers(on, &ask))
            {
                continue;
            }
            let now = decide(&placed.facts, &ask);
            if !now.is_available() || now.until.is_none_or(|until| until > end) {
                continue;
            }
            ask.at = end.plus_ms(-1);
            let before = decide(&placed.facts, &ask).is_available();
            ask.at = end;
            if before && !decide(&placed.facts, &ask).is_available() {
                let spot = Spot {
                    channel: placed.channel,
                    product: placed.product,
                    locale: None,
                    brand: Some(win.facts.content.brand),
                };
                live.push((placed.id, spot));
            }
        }
        live
    }

    /// Whether other leases cover every place of this one at its end.
    fn goes_on(&self, on: &LeaseOn, facts: &Facts, end: Timestamp) -> bool {
        let others: Vec<&Cell> = facts
            .leases
            .iter()
            .filter(|other| other.lease.id != on.lease.id)
            .filter(|other| other.lease.access == LeaseAccess::Allow && other.lease.is_active(end))
            .flat_map(|other| other.places.iter())
            .collect();
        let tree = &self.survey.tree;
        on.places.iter().all(|cell| {
            others.iter().any(|other| {
                let channel = other.channel.is_none_or(|above| {
                    let chain = cell.channel.map(|id| tree.chain(id)).unwrap_or_default();
                    chain.iter().any(|channel| channel.id == above)
                });
                channel && (other.market.is_none() || other.market == cell.market)
            })
        })
    }
}
