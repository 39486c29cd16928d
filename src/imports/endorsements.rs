//! Endorsements as rows of a table: what a row says, what it becomes, and what stands there already.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::ID;
use sea_orm::FromQueryResult;

use super::model::{Counts, Faults, MAX_CHANGES};
use super::reading::{Reading, column_of, note};
use super::store::{self, AGAIN, Known, Written};
use super::table::{Cells, Columns, KEY, Row, short};
use crate::accounts::{OpContext, Viewer};
use crate::catalog::resolve::outlets_called;
use crate::channels::resolve::reaches;
use crate::channels::{Tree, tree};
use crate::contents::labels::LabelNames;
use crate::contents::{
    ContentKind, Detail, EndorsementKind, MaterialConnection, store as contents,
};
use crate::endorsements::service::{
    Clean, Difference, NewClaim, NewEndorsement, NewStatement, NewWording, Standing, Winners,
    check_all, create_all, difference, rewrite,
};
use crate::error::{Error, Problems, Result, UserError};
use crate::graphql::scalars::{AnyUrl, Date, DateTime, Decimal};
use crate::platform::csv::join_list;
use crate::platform::db::{Sql, Tx, fetch};
use crate::platform::ids::{
    AssetId, BrandId, ContentId, EndorsementId, OutletId, ProductId, VersionId,
};
use crate::platform::names::name_of;
use crate::platform::op::Actor;

/// The kind of the keys.
const KIND: &str = "ENDORSEMENTS";
/// The kind of the assets' keys.
const ASSETS: &str = "ASSETS";
const KINDS: &str = "AWARD, RANKING, REVIEW, QUOTE, MENTION, RATING, CERTIFICATION";
const CONNECTIONS: &str = "NONE, PAID, GIFTED, AFFILIATE, EMPLOYEE";
/// Longest key, in characters.
const MAX_KEY: usize = 200;

pub(super) const COLUMNS: Columns = Columns {
    all: &[
        "key",
        "title",
        "outlet",
        "kind",
        "published_on",
        "source_url",
        "locale",
        "headline",
        "quote",
        "award",
        "disclosure",
        "byline",
        "rank",
        "rating",
        "rating_scale",
        "rating_count",
        "material_connection",
        "won_by",
        "recheck_every_days",
        "claims",
        "assets",
        "tags",
        "products",
        "channels",
        "markets",
        "audiences",
        "release_at",
        "expire_at",
        "note",
    ],
    by_language: &["headline", "quote", "award", "disclosure"],
    required: &["key"],
};

/// What is to become of a row.
pub(super) struct Planned {
    pub(super) line: u64,
    key: String,
    hash: Vec<u8>,
    step: Step,
}

enum Step {
    Create(Box<Clean>),
    /// It says what is there; whether its key is to be remembered anew.
    Same(Option<ContentId>),
    Change(Standing, Box<Difference>),
}

/// A row as an input, and the languages of its statements in their order; none is the original's.
struct Parsed {
    new: NewEndorsement,
    languages: Vec<Option<String>>,
    problems: Vec<(String, String)>,
}

/// What names stand for that only tables know.
struct Names {
    brand: BrandId,
    outlets: HashMap<String, OutletId>,
    assets: HashMap<String, Known>,
}

impl Names {
    async fn load<'c>(
        cx: &OpContext,
        brand: BrandId,
        rows: impl Iterator<Item = &'c Cells> + Clone,
    ) -> Result<Self> {
        let cells = |column: &'static str| {
            let rows = rows.clone();
            rows.filter_map(move |cells| cells.get(column).filter(|cell| !cell.is_empty()))
        };
        let named = cells("outlet").filter(|cell| cell.parse::<OutletId>().is_err());
        let named: BTreeSet<String> = named.cloned().collect();
        let attached = cells("assets").flat_map(|cell| crate::platform::csv::split_list(cell));
        let attached: BTreeSet<String> = attached.collect();
        let (ids, keys): (BTreeSet<String>, BTreeSet<String>) = attached
            .into_iter()
            .partition(|text| text.parse::<AssetId>().is_ok());
        let db = cx.app.db.read();
        let mut assets = HashMap::new();
        if !keys.is_empty() {
            assets = store::keys(db, brand, ASSETS, keys).await?;
        }
        let ids = ids.iter().filter_map(|text| text.parse::<AssetId>().ok());
        for id in
            store::contents_of(db, brand, ContentKind::Asset, ids.map(ContentId::from)).await?
        {
            let known = Known {
                target: id.0,
                hash: None,
            };
            assets.insert(AssetId(id.0).to_string(), known);
        }
        let outlets = if named.is_empty() {
            HashMap::new()
        } else {
            outlets_called(cx, &named).await?
        };
        Ok(Self {
            brand,
            outlets,
            assets,
        })
    }
}

/// Reads a row. What cannot be read has a stand-in, so that the rest is checked all the same.
fn parse(cells: &Cells, names: &Names) -> Parsed {
    let mut row = Reading::of(cells);
    let original = row.text("locale");
    row.required("locale");
    let headline = row.required("headline").unwrap_or_default().to_owned();
    let mut statements = vec![NewStatement {
        locale: original.unwrap_or_else(|| "en".to_owned()),
        is_original: true,
        headline: headline.clone(),
        quote: row.text("quote"),
        award: row.text("award"),
        disclosure: row.text("disclosure"),
    }];
    let mut languages = vec![None];
    let translated = cells.iter().filter(|(_, cell)| !cell.is_empty());
    let translated = translated.filter_map(|(name, _)| name.split_once(':'));
    for language in translated
        .map(|(_, language)| language)
        .collect::<BTreeSet<_>>()
    {
        let text = |name: &str| row.text(&format!("{name}:{language}"));
        statements.push(NewStatement {
            locale: language.to_owned(),
            is_original: false,
            headline: text("headline").unwrap_or_default(),
            quote: text("quote"),
            award: text("award"),
            disclosure: text("disclosure"),
        });
        languages.push(Some(language.to_owned()));
    }
    row.required("kind");
    let kind: Option<EndorsementKind> = row.name("kind", KINDS);
    row.required("published_on");
    let published_on = row.scalar::<Date>("published_on");
    let outlet = row.required("outlet").unwrap_or_default();
    let outlet = names
        .outlets
        .get(outlet)
        .map_or_else(|| outlet.to_owned(), ToString::to_string);
    let wording = NewWording {
        statements,
        byline: row.text("byline"),
        rank: row.number("rank"),
        rating: row.scalar::<Decimal>("rating").map(|n| n.0),
        rating_scale: row.scalar::<Decimal>("rating_scale").map(|n| n.0),
        rating_count: row.number("rating_count"),
        material_connection: row.name::<MaterialConnection>("material_connection", CONNECTIONS),
    };
    let claims = claims(&mut row);
    let assets = assets(&mut row, names);
    let ids = |list: Option<Vec<String>>| list.map(|list| list.into_iter().map(ID).collect());
    let new = NewEndorsement {
        brand: ID(names.brand.to_string()),
        title: row.text("title").unwrap_or(headline),
        outlet: ID(outlet),
        kind: kind.unwrap_or(EndorsementKind::Mention),
        published_on: published_on.map_or(crate::platform::clock::Day(0), |day| day.0),
        source_url: row.scalar::<AnyUrl>("source_url").map(|url| url.0),
        wording,
        won_by: row.text("won_by").map(ID),
        recheck_every_days: row.number("recheck_every_days"),
        claims,
        assets,
        labels: LabelNames {
            tags: row.list("tags"),
            products: ids(row.list("products")),
            channels: ids(row.list("channels")),
            markets: row.list("markets"),
            audiences: ids(row.list("audiences")),
        },
        release_at: row.scalar::<DateTime>("release_at").map(|at| at.0),
        expire_at: row.scalar::<DateTime>("expire_at").map(|at| at.0),
        note: row.text("note"),
    };
    Parsed {
        new,
        languages,
        problems: row.problems,
    }
}

/// Each claim is written as its product, `=` and its text.
fn claims(row: &mut Reading<'_>) -> Vec<NewClaim> {
    let mut claims = Vec::new();
    for item in row.list("claims").unwrap_or_default() {
        match item.split_once('=') {
            Some((product, text)) => claims.push(NewClaim {
                product: ID(product.trim().to_owned()),
                text: text.trim().to_owned(),
            }),
            None => {
                let text =
                    "Write each claim as its product, = and its text: TORCH-2=It is the lightest.";
                row.problems.push(("claims".to_owned(), text.to_owned()));
            }
        }
    }
    claims
}

/// Assets by id, or by the key of the row that they were imported with.
fn assets(row: &mut Reading<'_>, names: &Names) -> Vec<ID> {
    let mut assets = Vec::new();
    for item in row.list("assets").unwrap_or_default() {
        match names.assets.get(&item) {
            Some(known) => assets.push(ID(AssetId(known.target).to_string())),
            None => {
                let text = format!(
                    "No asset of this brand that you see is called “{}”.",
                    short(&item)
                );
                row.problems.push(("assets".to_owned(), text));
            }
        }
    }
    assets
}

/// Tells what is wrong with a row, at its columns.
fn tell(
    faults: &mut Faults,
    row: &Row,
    languages: &[Option<String>],
    errors: &[UserError],
    before: &[(String, String)],
) {
    for (column, message) in before {
        faults.add(row.line, Some(column), message.clone());
    }
    for error in errors {
        let path: Vec<&str> = error.field.iter().skip(1).map(String::as_str).collect();
        let (column, item) = match path.as_slice() {
            ["wording", "statements", n, field] => {
                let language = n
                    .parse::<usize>()
                    .ok()
                    .and_then(|n| languages.get(n).cloned().flatten());
                let column = column_of(field);
                (
                    language.map_or_else(|| column.clone(), |l| format!("{column}:{l}")),
                    None,
                )
            }
            ["wording", "statements", ..] => ("headline".to_owned(), None),
            ["wording", field, ..] => (column_of(field), None),
            [field, item, ..] => (column_of(field), Some(*item)),
            [field] => (column_of(field), None),
            [] => (KEY.to_owned(), None),
        };
        // The headline stands in for a title that is not given, and is told of itself.
        if column == "title" && row.cells.get("title").is_none_or(String::is_empty) {
            continue;
        }
        // Told already, in plainer words.
        if before.iter().all(|(told, _)| *told != column) {
            note(faults, row, &column, item, error);
        }
    }
}

/// Finds out what is to become of rows; what is wrong with them is told. A fixed number of statements.
pub(super) async fn plan(
    cx: &OpContext,
    brand: BrandId,
    rows: Vec<Row>,
    faults: &mut Faults,
) -> Result<Vec<Planned>> {
    let known = known(cx, brand, &rows, faults).await?;
    let mut planned = Vec::with_capacity(rows.len());
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for row in rows {
        let key = row.cells.get(KEY).cloned().unwrap_or_default();
        let hash = row.hash();
        match known.get(&key) {
            None if key.parse::<EndorsementId>().is_ok() => {
                let text = "Nothing with this id is an endorsement of this brand. Write a key of your own for a new one.";
                faults.add(row.line, Some(KEY), text);
            }
            None => fresh.push((row, key, hash)),
            Some(known) if known.hash.as_ref() == Some(&hash) => planned.push(Planned {
                line: row.line,
                key,
                hash,
                step: Step::Same(None),
            }),
            Some(known) => again.push((row, key, hash, ContentId(known.target))),
        }
    }
    create(cx, brand, fresh, (&mut planned, faults)).await?;
    change(cx, brand, again, (&mut planned, faults)).await?;
    planned.sort_by_key(|planned| planned.line);
    Ok(planned)
}

/// What the keys of rows stand for: what was imported with them before, or the endorsement whose id they are.
async fn known(
    cx: &OpContext,
    brand: BrandId,
    rows: &[Row],
    faults: &mut Faults,
) -> Result<HashMap<String, Known>> {
    let mut keys = BTreeSet::new();
    for row in rows {
        let key = row.cells.get(KEY).map(String::as_str).unwrap_or_default();
        if key.is_empty() {
            let text = "Give the row a key of your own, such as its number in your list: by it the row is known again.";
            faults.add(row.line, Some(KEY), text);
        } else if key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
            let text = format!("A key has at most {MAX_KEY} characters, none of control.");
            faults.add(row.line, Some(KEY), text);
        } else {
            keys.insert(key.to_owned());
        }
    }
    let db = cx.app.db.read();
    let ids = keys
        .iter()
        .filter_map(|key| key.parse::<EndorsementId>().ok());
    let ids: Vec<ContentId> = ids.map(ContentId::from).collect();
    let mut known = store::keys(db, brand, KIND, keys).await?;
    for id in store::contents_of(db, brand, ContentKind::Endorsement, ids.into_iter()).await? {
        let key = EndorsementId(id.0).to_string();
        known.entry(key).or_insert(Known {
            target: id.0,
            hash: None,
        });
    }
    Ok(known)
}

async fn create(
    cx: &OpContext,
    brand: BrandId,
    rows: Vec<(Row, String, Vec<u8>)>,
    (planned, faults): (&mut Vec<Planned>, &mut Faults),
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = Names::load(cx, brand, rows.iter().map(|(row, _, _)| &row.cells)).await?;
    let mut inputs = Vec::with_capacity(rows.len());
    let mut told = Vec::with_capacity(rows.len());
    for (row, _, _) in &rows {
        let parsed = parse(&row.cells, &names);
        inputs.push(parsed.new);
        told.push((parsed.languages, parsed.problems));
    }
    let checked = check_all(cx, &inputs, Some(brand)).await?;
    for (((row, key, hash), (languages, problems)), checked) in
        rows.into_iter().zip(told).zip(checked)
    {
        match checked {
            Ok(clean) if problems.is_empty() => planned.push(Planned {
                line: row.line,
                key,
                hash,
                step: Step::Create(Box::new(clean)),
            }),
            Ok(_) => tell(faults, &row, &languages, &[], &problems),
            Err(errors) => tell(faults, &row, &languages, &errors, &problems),
        }
    }
    Ok(())
}

async fn change(
    cx: &OpContext,
    brand: BrandId,
    rows: Vec<(Row, String, Vec<u8>, ContentId)>,
    (planned, faults): (&mut Vec<Planned>, &mut Faults),
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<ContentId> = rows.iter().map(|(_, _, _, id)| *id).collect();
    let standing = standing(cx, brand, &ids).await?;
    // What the row does not speak of is as it stands.
    let merged = rows.iter().map(|(row, _, _, id)| {
        let mut cells = standing
            .get(id)
            .map(|(_, cells)| cells.clone())
            .unwrap_or_default();
        cells.extend(row.cells.clone());
        cells
    });
    let merged: Vec<Cells> = merged.collect();
    let stood: Vec<&Cells> = ids
        .iter()
        .filter_map(|id| Some(&standing.get(id)?.1))
        .collect();
    let names = Names::load(cx, brand, merged.iter().chain(stood.iter().copied())).await?;
    let parsed: Vec<Parsed> = merged.iter().map(|cells| parse(cells, &names)).collect();
    let inputs: Vec<NewEndorsement> = parsed.iter().map(|parsed| parsed.new.clone()).collect();
    let wanted = check_all(cx, &inputs, Some(brand)).await?;
    let inputs = stood.iter().map(|cells| parse(cells, &names).new);
    let inputs: Vec<NewEndorsement> = inputs.collect();
    let stands = check_all(cx, &inputs, Some(brand)).await?;
    for ((((row, key, hash, id), parsed), wanted), stands) in
        rows.into_iter().zip(parsed).zip(wanted).zip(stands)
    {
        let wanted = match wanted {
            Ok(wanted) if parsed.problems.is_empty() => wanted,
            other => {
                let errors = other.err().unwrap_or_default();
                tell(faults, &row, &parsed.languages, &errors, &parsed.problems);
                continue;
            }
        };
        let Some((standing, _)) = standing.get(&id) else {
            return Err(Error::internal("an endorsement with a key is gone"));
        };
        let Ok(stands) = stands else {
            let text = "What stands there now cannot be told in a table. Change it by hand.";
            faults.add(row.line, Some(KEY), text);
            continue;
        };
        let mut problems = Problems::new();
        let differs = difference(&stands, &wanted, &mut problems);
        if let Err(Error::User(errors)) = problems.check() {
            tell(faults, &row, &parsed.languages, &errors, &[]);
            continue;
        }
        let step = differs.map_or(Step::Same(Some(id)), |differs| {
            Step::Change(*standing, Box::new(differs))
        });
        planned.push(Planned {
            line: row.line,
            key,
            hash,
            step,
        });
    }
    Ok(())
}

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

#[derive(FromQueryResult)]
struct NamedRow {
    id: uuid::Uuid,
    name: String,
}

/// The names of things by id: what a table calls them.
async fn names_of(
    cx: &OpContext,
    select: &'static str,
    ids: BTreeSet<uuid::Uuid>,
) -> Result<HashMap<uuid::Uuid, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<NamedRow> = fetch(cx.app.db.read(), Sql::new(select).list(ids)).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Endorsements of a brand as a table has them, with what their next change must find. A fixed number of
/// statements.
pub(super) async fn standing(
    cx: &OpContext,
    brand: BrandId,
    ids: &[ContentId],
) -> Result<HashMap<ContentId, (Standing, Cells)>> {
    let db = cx.app.db.read();
    let found = contents::load(db, ids).await?;
    let found: Vec<_> = found.into_values().filter(|c| c.brand == brand).collect();
    let latest: Vec<VersionId> = found.iter().map(|c| c.latest).collect();
    let labels = contents::load_labels(db, ids).await?;
    let versions = contents::load_versions(db, &latest).await?;
    let statements = contents::load_statements(db, &latest).await?;
    let sql =
        Sql::new("SELECT endorsement_id, product_id, claim FROM claims WHERE endorsement_id IN ")
            .list(ids.iter().copied())
            .push(" ORDER BY endorsement_id, position, id");
    let mut claims: BTreeMap<ContentId, Vec<ClaimRow>> = BTreeMap::new();
    for row in fetch::<ClaimRow>(db, sql).await? {
        claims.entry(row.endorsement_id).or_default().push(row);
    }
    let sql = Sql::new(
        "SELECT endorsement_id, asset_id FROM endorsement_assets WHERE endorsement_id IN ",
    )
    .list(ids.iter().copied())
    .push(" ORDER BY endorsement_id, position, asset_id");
    let mut attached: BTreeMap<ContentId, Vec<String>> = BTreeMap::new();
    for row in fetch::<AttachedRow>(db, sql).await? {
        let asset = AssetId(row.asset_id.0).to_string();
        attached.entry(row.endorsement_id).or_default().push(asset);
    }
    let details = || found.iter().filter_map(|c| c.endorsement());
    let outlets = details().map(|detail| detail.outlet.0).collect();
    let outlets = names_of(cx, "SELECT id, name FROM outlets WHERE id IN ", outlets).await?;
    let called = outlets_called(cx, &outlets.values().cloned().collect()).await?;
    let sold = labels.values().flat_map(|l| l.products.iter().map(|p| p.0));
    let claimed = claims.values().flatten().map(|claim| claim.product_id.0);
    let sold = sold.chain(claimed).collect();
    let products = names_of(
        cx,
        "SELECT id, sku AS name FROM products WHERE id IN ",
        sold,
    )
    .await?;
    let meant = labels
        .values()
        .flat_map(|l| l.audiences.iter().map(|a| a.0))
        .collect();
    let audiences = names_of(
        cx,
        "SELECT id, slug AS name FROM audiences WHERE id IN ",
        meant,
    )
    .await?;
    let winners = details().filter_map(|detail| match detail.won_by {
        Some(Actor::Token(id)) => Some(ID(id.to_string())),
        _ => None,
    });
    let winners: Vec<ID> = winners.collect();
    let seen = Winners::load(cx, &winners).await?;
    let tree = tree(cx).await?;
    let product = |id: ProductId| {
        let sku = products.get(&id.0).filter(|sku| !sku.contains('='));
        sku.cloned().unwrap_or_else(|| id.to_string())
    };
    let mut told = HashMap::new();
    for content in &found {
        let Detail::Endorsement(detail) = &content.detail else {
            continue;
        };
        let mut cells = Cells::new();
        let mut set = |name: &str, value: Option<String>| {
            cells.insert(name.into(), value.unwrap_or_default());
        };
        set("title", Some(content.title.clone()));
        let outlet = outlets.get(&detail.outlet.0);
        let outlet = outlet.filter(|name| called.get(*name) == Some(&detail.outlet));
        set(
            "outlet",
            Some(outlet.cloned().unwrap_or_else(|| detail.outlet.to_string())),
        );
        set("kind", Some(name_of(detail.kind)?));
        set(
            "published_on",
            Some(detail.published_on.to_date().to_string()),
        );
        set("source_url", detail.source_url.clone());
        set(
            "recheck_every_days",
            detail.recheck_every_days.map(|days| days.to_string()),
        );
        set("release_at", content.release_at.map(|at| at.to_rfc3339()));
        set("expire_at", content.expire_at.map(|at| at.to_rfc3339()));
        let won_by = match detail.won_by {
            Some(Actor::Token(id)) => Some(id.to_string()),
            _ => None,
        };
        set(
            "won_by",
            won_by.filter(|text| seen.find(&ID(text.clone())).is_ok()),
        );
        let claims = claims.get(&content.id).into_iter().flatten();
        let claims = claims.map(|claim| format!("{}={}", product(claim.product_id), claim.claim));
        set("claims", Some(join_list(claims)));
        set("assets", attached.get(&content.id).map(join_list));
        if let Some(labels) = labels.get(&content.id) {
            set("tags", Some(join_list(&labels.tags)));
            set("markets", Some(join_list(&labels.markets)));
            set(
                "products",
                Some(join_list(labels.products.iter().map(|id| product(*id)))),
            );
            let channels = labels
                .channels
                .iter()
                .filter(|id| reaches(&cx.viewer, &tree, **id));
            let channels =
                channels.filter_map(|id| tree.get(*id).map(|channel| channel.slug.clone()));
            set("channels", Some(join_list(channels)));
            let audiences = labels
                .audiences
                .iter()
                .filter_map(|id| audiences.get(&id.0));
            set("audiences", Some(join_list(audiences)));
        }
        if let Some(version) = versions.get(&content.latest) {
            set("note", version.note.clone());
            if let Some(wording) = version.wording() {
                set("byline", wording.byline.clone());
                set("rank", wording.rank.map(|n| n.to_string()));
                set("rating", wording.rating.clone());
                set("rating_scale", wording.rating_scale.clone());
                set("rating_count", wording.rating_count.map(|n| n.to_string()));
                set(
                    "material_connection",
                    Some(name_of(wording.material_connection)?),
                );
            }
        }
        for statement in statements
            .get(&content.latest)
            .into_iter()
            .flat_map(|s| s.iter())
        {
            let suffix = if statement.is_original {
                set("locale", Some(statement.locale.clone()));
                String::new()
            } else {
                format!(":{}", statement.locale)
            };
            set(
                &format!("headline{suffix}"),
                Some(statement.headline.clone()),
            );
            set(&format!("quote{suffix}"), statement.quote.clone());
            set(&format!("award{suffix}"), statement.award.clone());
            set(&format!("disclosure{suffix}"), statement.disclosure.clone());
        }
        let standing = Standing {
            id: content.id,
            revision: content.revision,
            version_count: content.version_count,
        };
        told.insert(content.id, (standing, cells));
    }
    Ok(told)
}

/// What rows come to.
pub(super) fn count(planned: &[Planned], counts: &mut Counts, faults: &mut Faults) {
    for one in planned {
        match one.step {
            Step::Create(_) => counts.created += 1,
            Step::Same(_) => counts.unchanged += 1,
            Step::Change(..) => {
                counts.updated += 1;
                if counts.updated == MAX_CHANGES + 1 {
                    let text = format!(
                        "More than {MAX_CHANGES} rows say something else than is there. Split the table."
                    );
                    faults.add(one.line, None, text);
                }
            }
        }
    }
}

/// Writes rows.
pub(super) async fn write(
    tx: &Tx,
    brand: BrandId,
    caller: (&Arc<Viewer>, &Arc<Tree>),
    planned: Vec<Planned>,
) -> Result<()> {
    let (mut fresh, mut keys, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for one in planned {
        let Planned {
            key, hash, step, ..
        } = one;
        match step {
            Step::Create(clean) => {
                fresh.push(clean);
                keys.push((key, hash));
            }
            Step::Same(None) => {}
            Step::Same(Some(id)) => again.push(Written {
                key,
                target: id.0,
                hash,
            }),
            Step::Change(standing, difference) => {
                rewrite(tx, caller, standing, &difference).await?;
                again.push(Written {
                    key,
                    target: standing.id.0,
                    hash,
                });
            }
        }
    }
    let made = create_all(tx, &fresh).await?;
    let made = made.into_iter().zip(keys);
    let made = made.map(|(id, (key, hash))| Written {
        key,
        target: id.0,
        hash,
    });
    store::insert_keys(tx, (brand, KIND), made, "").await?;
    store::insert_keys(tx, (brand, KIND), again, AGAIN).await?;
    tx.settle().await
}
