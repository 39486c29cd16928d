//! Placements as rows of a table.
//!
//! What goes live is asked of the gate, and a full channel takes no more: both are known in the transaction only.
//! So a dry run writes the rows, too, and rolls them back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::ID;
use sea_orm::FromQueryResult;

use super::endorsements;
use super::model::Faults;
use super::plan::{Planned, Step};
use super::reading::{Reading, column_of};
use super::store::{self, Known};
use super::table::{Cells, Columns, KEY, Row, keys_of, set, short};
use crate::accounts::OpContext;
use crate::catalog::resolve::{Asked, Known as Names};
use crate::channels::resolve::find;
use crate::channels::{Tree, tree};
use crate::contents::{ContentKind, parse_public_id, public_id};
use crate::error::{Error, Result};
use crate::graphql::scalars::{Date, Url};
use crate::placements::service::{NewPlacement, PlacementChange, clean, load};
use crate::placements::{Placement, PlacementStatus};
use crate::platform::clock::Day;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{
    AudienceId, BrandId, ChannelId, ContentId, PlacementId, ProductId, VersionId,
};

/// The kind of the keys.
pub(super) const KIND: &str = "PLACEMENTS";
const STATUS: &str = "PLANNED, LIVE, RETIRED";

pub(super) const COLUMNS: Columns = Columns {
    all: &[
        "key",
        "content",
        "version",
        "channel",
        "product",
        "audience",
        "location",
        "url",
        "status",
        "planned_for",
    ],
    by_language: &[],
    required: &["key"],
};

#[derive(FromQueryResult)]
struct ContentRow {
    id: ContentId,
    kind: String,
}

#[derive(FromQueryResult)]
struct VersionRow {
    id: VersionId,
    content_id: ContentId,
    number: i32,
}

/// What the names in rows stand for.
struct Found {
    contents: HashMap<String, (ContentKind, ContentId)>,
    versions: BTreeMap<(ContentId, i32), VersionId>,
    names: Names,
    tree: Arc<Tree>,
}

impl Found {
    async fn load(cx: &OpContext, brand: BrandId, rows: &[Cells]) -> Result<Self> {
        let cells = |column: &'static str| {
            let cells = rows.iter().filter_map(move |cells| cells.get(column));
            cells
                .filter(|cell| !cell.is_empty())
                .cloned()
                .collect::<BTreeSet<String>>()
        };
        let contents = contents(cx, brand, cells("content")).await?;
        let ids: BTreeSet<ContentId> = contents.values().map(|(_, id)| *id).collect();
        let numbers = cells("version");
        let numbers = numbers.iter().filter_map(|number| number.parse().ok());
        let numbers: BTreeSet<i32> = numbers.collect();
        let mut versions = BTreeMap::new();
        if !ids.is_empty() && !numbers.is_empty() {
            let sql = Sql::new("SELECT id, content_id, number FROM versions WHERE content_id IN ")
                .list(ids)
                .push(" AND number IN ")
                .list(numbers);
            for row in fetch::<VersionRow>(cx.app.db.read(), sql).await? {
                versions.insert((row.content_id, row.number), row.id);
            }
        }
        let ids = |column| cells(column).into_iter().map(ID).collect::<Vec<ID>>();
        let (products, audiences) = (ids("product"), ids("audience"));
        let asked = Asked {
            products: products.iter().collect(),
            audiences: audiences.iter().collect(),
            within: Some(brand),
            ..Asked::default()
        };
        Ok(Self {
            contents,
            versions,
            names: Names::load(cx, asked).await?,
            tree: tree(cx).await?,
        })
    }
}

/// Contents by their ids, endorsements also by the keys that they were imported with.
async fn contents(
    cx: &OpContext,
    brand: BrandId,
    texts: BTreeSet<String>,
) -> Result<HashMap<String, (ContentKind, ContentId)>> {
    let db = cx.app.db.read();
    let mut found: HashMap<String, (ContentKind, ContentId)> = HashMap::new();
    if texts.is_empty() {
        return Ok(found);
    }
    let ids = texts.iter().filter_map(|text| parse_public_id(text));
    let ids: Vec<(ContentKind, ContentId)> = ids.collect();
    for kind in [ContentKind::Asset, ContentKind::Endorsement] {
        let of = ids.iter().filter(|(k, _)| *k == kind).map(|(_, id)| *id);
        for id in store::contents_of(db, brand, kind, of).await? {
            found.insert(public_id(kind, id), (kind, id));
        }
    }
    let imported = store::keys(db, brand, endorsements::KIND, texts).await?;
    for (key, known) in imported {
        found
            .entry(key)
            .or_insert((ContentKind::Endorsement, ContentId(known.target)));
    }
    Ok(found)
}

/// Reads a row; what is wrong with it stands beside, by column.
fn parse(
    cx: &OpContext,
    cells: &Cells,
    found: &Found,
) -> (Option<NewPlacement>, Vec<(String, String)>) {
    let mut row = Reading::of(cells);
    let missing = |text: &str| format!("Nothing that you see is called “{}”.", short(text));
    let mut content = None;
    if let Some(text) = row.required("content") {
        content = found.contents.get(text).copied();
        if content.is_none() {
            row.problem("content", missing(text));
        }
    }
    let number = row.number("version");
    let version = number
        .zip(content)
        .map(|(number, (_, id))| found.versions.get(&(id, number)).copied());
    if version == Some(None) {
        row.problem("version", "There is no version with this number.");
    }
    let mut channel: Option<ChannelId> = None;
    if let Some(text) = row.required("channel") {
        channel = find(&cx.viewer, &found.tree, text).map(|channel| channel.id);
        if channel.is_none() {
            row.problem("channel", missing(text));
        }
    }
    let mut product: Option<ProductId> = None;
    if let Some(text) = row.text("product") {
        product = found.names.product(&ID(text.clone()));
        if product.is_none() {
            row.problem("product", missing(&text));
        }
    }
    let mut audience: Option<AudienceId> = None;
    if let Some(text) = row.text("audience") {
        audience = found.names.audience(&ID(text.clone()));
        if audience.is_none() {
            row.problem("audience", missing(&text));
        }
    }
    let status = row
        .name("status", STATUS)
        .unwrap_or(PlacementStatus::Planned);
    let url = row.scalar::<Url>("url").map(|url| url.0);
    let planned_for: Option<Day> = row.scalar::<Date>("planned_for").map(|day| day.0);
    let location = row.text("location").unwrap_or_default();
    let new = content
        .zip(channel)
        .map(|((kind, content), channel)| NewPlacement {
            kind,
            content,
            version: version.flatten(),
            channel,
            product,
            audience,
            location,
            url,
            status,
            planned_for,
        });
    (new, row.problems)
}

fn tell(faults: &mut Faults, row: &Row, problems: Vec<(String, String)>) {
    for (column, message) in problems {
        faults.add(row.line, Some(&column), message);
    }
}

fn tell_errors(faults: &mut Faults, row: &Row, error: Error) -> Result<()> {
    let Error::User(errors) = error else {
        return Err(error);
    };
    for error in errors {
        let column = error.field.get(1).map(|field| column_of(field));
        faults.add(row.line, column.as_deref(), error.message);
    }
    Ok(())
}

/// Finds out what is to become of rows; what is wrong with them is told, as far as it shows before they are
/// written. A fixed number of statements.
pub(super) async fn plan(
    cx: &OpContext,
    brand: BrandId,
    rows: Vec<Row>,
    faults: &mut Faults,
) -> Result<Vec<Planned>> {
    let texts = keys_of(&rows, faults);
    let ids = texts
        .iter()
        .filter_map(|key| key.parse::<PlacementId>().ok());
    let ids: Vec<PlacementId> = ids.collect();
    let db = cx.app.db.read();
    let mut known = store::keys(db, brand, KIND, texts).await?;
    for id in ids {
        known.entry(id.to_string()).or_insert(Known {
            target: id.0,
            hash: None,
        });
    }
    let targets: Vec<PlacementId> = known
        .values()
        .map(|known| PlacementId(known.target))
        .collect();
    let standing = standing(cx, brand, &targets).await?;
    // What a row does not speak of is as it stands.
    let merged = rows.iter().map(|row| {
        let known = row.cells.get(KEY).and_then(|key| known.get(key));
        let stands = known.and_then(|known| standing.get(&PlacementId(known.target)));
        let mut cells = stands.map(|(_, cells)| cells.clone()).unwrap_or_default();
        cells.extend(row.cells.clone());
        cells
    });
    let merged: Vec<Cells> = merged.collect();
    let found = Found::load(cx, brand, &merged).await?;
    let mut planned = Vec::with_capacity(rows.len());
    for (row, cells) in rows.into_iter().zip(merged) {
        let key = row.cells.get(KEY).cloned().unwrap_or_default();
        let hash = row.hash();
        let target = known.get(&key);
        let line = row.line;
        if target.is_some_and(|known| known.hash.as_ref() == Some(&hash)) {
            planned.push(Planned {
                line,
                key,
                hash,
                step: Step::Same(None),
            });
            continue;
        }
        let stands = target.map(|known| standing.get(&PlacementId(known.target)));
        if stands == Some(None) {
            let text = "Nothing with this id is a placement of this brand that you see. Write a key of your own for a new one.";
            faults.add(line, Some(KEY), text);
            continue;
        }
        let (new, problems) = parse(cx, &cells, &found);
        let Some(mut new) = new.filter(|_| problems.is_empty()) else {
            tell(faults, &row, problems);
            continue;
        };
        if let Err(error) = clean(&mut new, stands.is_none()) {
            tell_errors(faults, &row, error)?;
            continue;
        }
        let step = match stands.flatten() {
            None => Step::Placement(Box::new(new)),
            Some((placement, _)) => match change(placement, &new) {
                Ok(Some(change)) => {
                    Step::Replace(placement.id, placement.channel, Box::new(change))
                }
                Ok(None) => Step::Same(Some(placement.id.0)),
                Err(column) => {
                    faults.add(
                        line,
                        Some(column),
                        "This cannot be changed. Make another placement.",
                    );
                    continue;
                }
            },
        };
        planned.push(Planned {
            line,
            key,
            hash,
            step,
        });
    }
    Ok(planned)
}

/// What differs; the column of what cannot be changed.
fn change(
    stands: &Placement,
    wanted: &NewPlacement,
) -> Result<Option<PlacementChange>, &'static str> {
    let fixed = [
        ("content", stands.content == wanted.content),
        ("channel", stands.channel == wanted.channel),
        ("planned_for", stands.planned_for == wanted.planned_for),
    ];
    if let Some((column, _)) = fixed.into_iter().find(|(_, same)| !same) {
        return Err(column);
    }
    let change = PlacementChange {
        status: Some(wanted.status).filter(|status| *status != stands.status),
        version: wanted.version.filter(|version| *version != stands.version),
        product: (wanted.product != stands.product).then_some(wanted.product),
        audience: (wanted.audience != stands.audience).then_some(wanted.audience),
        location: (wanted.location != stands.location).then(|| wanted.location.clone()),
        url: (wanted.url != stands.url).then(|| wanted.url.clone()),
    };
    let differs = change.status.is_some()
        || change.version.is_some()
        || change.product.is_some()
        || change.audience.is_some()
        || change.location.is_some()
        || change.url.is_some();
    Ok(differs.then_some(change))
}

#[derive(FromQueryResult)]
struct NumberRow {
    id: VersionId,
    number: i32,
}

/// Placements of a brand that the viewer reaches, as a table has them. A fixed number of statements.
pub(super) async fn standing(
    cx: &OpContext,
    brand: BrandId,
    ids: &[PlacementId],
) -> Result<HashMap<PlacementId, (Arc<Placement>, Cells)>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let db = cx.app.db.read();
    let found = load(cx, ids).await?;
    let placed: BTreeSet<ContentId> = found.values().map(|p| p.content).collect();
    let sql = Sql::new("SELECT id, kind FROM contents WHERE brand_id = ")
        .bind(brand)
        .push(" AND id IN ")
        .list(placed);
    let mut kinds: HashMap<ContentId, ContentKind> = HashMap::new();
    for row in fetch::<ContentRow>(db, sql).await? {
        kinds.insert(row.id, crate::platform::names::named(&row.kind)?);
    }
    let versions: BTreeSet<VersionId> = found.values().map(|p| p.version).collect();
    let sql = Sql::new("SELECT id, number FROM versions WHERE id IN ").list(versions);
    let numbers: Vec<NumberRow> = fetch(db, sql).await?;
    let numbers: HashMap<VersionId, i32> = numbers
        .into_iter()
        .map(|row| (row.id, row.number))
        .collect();
    let sold = found
        .values()
        .filter_map(|p| p.product.map(|id| id.0))
        .collect();
    let products = store::names_of(
        db,
        "SELECT id, sku AS name FROM products WHERE id IN ",
        sold,
    )
    .await?;
    let meant = found
        .values()
        .filter_map(|p| p.audience.map(|id| id.0))
        .collect();
    let audiences = store::names_of(
        db,
        "SELECT id, slug AS name FROM audiences WHERE id IN ",
        meant,
    )
    .await?;
    let tree = tree(cx).await?;
    let mut told = HashMap::new();
    for (id, placement) in found {
        let Some(kind) = kinds.get(&placement.content) else {
            continue;
        };
        let mut cells = Cells::new();
        let mut set = |name: &str, value: Option<String>| set(&mut cells, name, value);
        set("content", Some(public_id(*kind, placement.content)));
        set(
            "version",
            numbers.get(&placement.version).map(ToString::to_string),
        );
        set(
            "channel",
            tree.get(placement.channel)
                .map(|channel| channel.slug.clone()),
        );
        set(
            "product",
            placement
                .product
                .and_then(|id| products.get(&id.0).cloned()),
        );
        set(
            "audience",
            placement
                .audience
                .and_then(|id| audiences.get(&id.0).cloned()),
        );
        set("location", Some(placement.location.clone()));
        set("url", placement.url.clone());
        set("status", Some(placement.status.name().to_owned()));
        set(
            "planned_for",
            placement.planned_for.map(|day| day.to_date().to_string()),
        );
        told.insert(id, (placement, cells));
    }
    Ok(told)
}
