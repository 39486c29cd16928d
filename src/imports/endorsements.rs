//! Endorsements as rows of a table: what a row says, what it becomes, and what stands there already.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::ID;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::model::Faults;
use super::plan::{Planned, Step};
use super::reading::{Reading, column_of, note};
use super::store::{self, Known};
use super::table::{Cells, Columns, KEY, Row, keys_of, short};
use crate::accounts::OpContext;
use crate::catalog::resolve::outlets_called;
use crate::channels::resolve::reaches;
use crate::channels::{Tree, tree};
use crate::contents::labels::LabelNames;
use crate::contents::{
    Content, ContentKind, Detail, EndorsementDetail, EndorsementKind, Labels, MaterialConnection,
    Statement, Version, store as contents,
};
use crate::endorsements::service::{
    NewClaim, NewEndorsement, NewStatement, NewWording, Standing, Winners, check_all, difference,
};
use crate::error::{Error, Problems, Result, UserError};
use crate::graphql::scalars::{AnyUrl, Date, DateTime, Decimal};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::csv::{join_list, split_list};
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::{
    AssetId, BrandId, ContentId, EndorsementId, OutletId, ProductId, VersionId,
};
use crate::platform::names::name_of;
use crate::platform::op::Actor;

/// The kind of the keys.
pub(super) const KIND: &str = "ENDORSEMENTS";
const KINDS: &str = "AWARD, RANKING, REVIEW, QUOTE, MENTION, RATING, CERTIFICATION";
const CONNECTIONS: &str = "NONE, PAID, GIFTED, AFFILIATE, EMPLOYEE";
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
    assets: BTreeSet<AssetId>,
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
        let attached = cells("assets").flat_map(|cell| split_list(cell));
        let attached: BTreeSet<AssetId> = attached.filter_map(|text| text.parse().ok()).collect();
        let attached = attached.into_iter().map(ContentId::from);
        let db = cx.app.db.read();
        let assets = store::contents_of(db, brand, ContentKind::Asset, attached).await?;
        let assets = assets.into_iter().map(|id| AssetId(id.0)).collect();
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
        published_on: published_on.map_or(Day(0), |day| day.0),
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
        if let Some((product, text)) = item.split_once('=') {
            claims.push(NewClaim {
                product: ID(product.trim().to_owned()),
                text: text.trim().to_owned(),
            });
        } else {
            let text =
                "Write each claim as its product, = and its text: TORCH-2=It is the lightest.";
            row.problem("claims", text);
        }
    }
    claims
}

/// Assets by id.
fn assets(row: &mut Reading<'_>, names: &Names) -> Vec<ID> {
    let mut assets = Vec::new();
    for item in row.list("assets").unwrap_or_default() {
        let id: Option<AssetId> = item.parse().ok();
        if let Some(id) = id.filter(|id| names.assets.contains(id)) {
            assets.push(ID(id.to_string()));
        } else {
            let text = format!("No asset of this brand has the id “{}”.", short(&item));
            row.problem("assets", text);
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
            ["wording", field, ..] | [field] => (column_of(field), None),
            [field, item, ..] => (column_of(field), Some(*item)),
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
    let keys = keys_of(&rows, faults);
    let ids = keys
        .iter()
        .filter_map(|key| key.parse::<EndorsementId>().ok());
    let ids: Vec<ContentId> = ids.map(ContentId::from).collect();
    let db = cx.app.db.read();
    let mut known = store::keys(db, brand, KIND, keys).await?;
    for id in store::contents_of(db, brand, ContentKind::Endorsement, ids.into_iter()).await? {
        let key = EndorsementId(id.0).to_string();
        known.entry(key).or_insert(Known {
            target: id.0,
            hash: None,
        });
    }
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
                step: Step::Endorsement(Box::new(clean)),
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
        let step = differs.map_or(Step::Same(Some(id.0)), |differs| {
            Step::Rewrite(*standing, Box::new(differs))
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

/// What stands around endorsements, read for all of them together.
struct Around {
    tree: Arc<Tree>,
    labels: HashMap<ContentId, Arc<Labels>>,
    versions: HashMap<VersionId, Arc<Version>>,
    statements: HashMap<VersionId, Arc<Vec<Statement>>>,
    claims: BTreeMap<ContentId, Vec<ClaimRow>>,
    assets: BTreeMap<ContentId, Vec<String>>,
    /// The names of outlets, where one alone has it.
    outlets: HashMap<Uuid, String>,
    products: HashMap<Uuid, String>,
    audiences: HashMap<Uuid, String>,
    winners: Winners,
}

impl Around {
    async fn load(cx: &OpContext, found: &[Arc<Content>]) -> Result<Self> {
        let db = cx.app.db.read();
        let ids: Vec<ContentId> = found.iter().map(|content| content.id).collect();
        let latest: Vec<VersionId> = found.iter().map(|content| content.latest).collect();
        let labels = contents::load_labels(db, &ids).await?;
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
        let sold = labels.values().flat_map(|l| l.products.iter().map(|p| p.0));
        let claimed = claims.values().flatten().map(|claim| claim.product_id.0);
        let sold = sold.chain(claimed).collect();
        let products = store::names_of(
            db,
            "SELECT id, sku AS name FROM products WHERE id IN ",
            sold,
        )
        .await?;
        let meant = labels
            .values()
            .flat_map(|l| l.audiences.iter().map(|a| a.0));
        let meant = meant.collect();
        let audiences = store::names_of(
            db,
            "SELECT id, slug AS name FROM audiences WHERE id IN ",
            meant,
        )
        .await?;
        let winners = details().filter_map(|detail| match detail.won_by {
            Some(Actor::Token(id)) => Some(ID(id.to_string())),
            _ => None,
        });
        let winners: Vec<ID> = winners.collect();
        Ok(Self {
            tree: tree(cx).await?,
            versions: contents::load_versions(db, &latest).await?,
            statements: contents::load_statements(db, &latest).await?,
            winners: Winners::load(cx, &winners).await?,
            labels,
            claims,
            assets,
            outlets,
            products,
            audiences,
        })
    }

    /// What a table calls a product.
    fn product(&self, id: ProductId) -> String {
        let sku = self.products.get(&id.0).filter(|sku| !sku.contains('='));
        sku.cloned().unwrap_or_else(|| id.to_string())
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
        let claims =
            claims.map(|claim| format!("{}={}", self.product(claim.product_id), claim.claim));
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

    fn labels(&self, cx: &OpContext, content: &Content, cells: &mut Cells) {
        let Some(labels) = self.labels.get(&content.id) else {
            return;
        };
        let channels = labels.channels.iter();
        let channels = channels.filter(|id| reaches(&cx.viewer, &self.tree, **id));
        let channels = channels.filter_map(|id| self.tree.get(*id).map(|c| c.slug.clone()));
        let products = labels.products.iter().map(|id| self.product(*id));
        let audiences = labels
            .audiences
            .iter()
            .filter_map(|id| self.audiences.get(&id.0));
        set(cells, "tags", Some(join_list(&labels.tags)));
        set(cells, "markets", Some(join_list(&labels.markets)));
        set(cells, "products", Some(join_list(products)));
        set(cells, "channels", Some(join_list(channels)));
        set(cells, "audiences", Some(join_list(audiences)));
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

fn set(cells: &mut Cells, name: &str, value: Option<String>) {
    cells.insert(name.into(), value.unwrap_or_default());
}

/// Endorsements of a brand as a table has them, with what their next change must find. A fixed number of
/// statements.
pub(super) async fn standing(
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
        around.labels(cx, content, &mut cells);
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
