//! What a row says of an endorsement.

use std::collections::{BTreeSet, HashMap};

use async_graphql::ID;

use crate::accounts::OpContext;
use crate::catalog::resolve::outlets_called;
use crate::contents::{ContentKind, EndorsementKind, MaterialConnection};
use crate::endorsements::service::{NewClaim, NewEndorsement, NewStatement, NewWording};
use crate::error::Result;
use crate::graphql::scalars::{AnyUrl, Date, DateTime, Decimal};
use crate::imports::labels;
use crate::imports::reading::Reading;
use crate::imports::store;
use crate::imports::table::{Cells, short};
use crate::platform::clock::Day;
use crate::platform::csv::split_list;
use crate::platform::ids::{AssetId, BrandId, ContentId, OutletId};

const KINDS: &str = "AWARD, RANKING, REVIEW, QUOTE, MENTION, RATING, CERTIFICATION";
const CONNECTIONS: &str = "NONE, PAID, GIFTED, AFFILIATE, EMPLOYEE";

/// A row as an input, and the languages of its statements in their order; none is the original's.
pub(super) struct Parsed {
    pub new: NewEndorsement,
    pub languages: Vec<Option<String>>,
    pub problems: Vec<(String, String)>,
}

/// What names stand for that only tables know.
pub(super) struct Names {
    brand: BrandId,
    outlets: HashMap<String, OutletId>,
    assets: BTreeSet<AssetId>,
}

impl Names {
    pub(super) async fn load<'c>(
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
pub(super) fn parse(cells: &Cells, names: &Names) -> Parsed {
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
        labels: labels::names(&row),
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
