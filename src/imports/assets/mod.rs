//! Assets as rows of a table: what is to become of them. A row names its bytes by their hash: they have come before.

mod parse;
mod standing;

use super::keyed::{Keyed, Sorted, UNTELLABLE, sort};
use super::model::Faults;
use super::plan::{Planned, Step};
use super::reading::{column_of, note};
use super::table::{Cells, Columns, KEY, Row};
use crate::accounts::OpContext;
use crate::assets::service::check_all;
use crate::contents::ContentKind;
use crate::endorsements::service::asset_difference;
use crate::error::{Error, Problems, Result, UserError};
use crate::platform::ids::{BrandId, ContentId};
use parse::{Bytes, Told, parse};
pub(super) use standing::standing;

/// The kind of the keys.
pub(super) const KIND: &str = "ASSETS";
/// What bytes that are still to be sent will be: in a dry run they count as sent.
pub(super) const TO_SEND: &str = "to_send";
pub(super) const COLUMNS: Columns = Columns {
    all: &[
        "key",
        "title",
        "kind",
        "sha256",
        "filename",
        "text",
        "locale",
        "description",
        "tags",
        "products",
        "channels",
        "markets",
        "audiences",
        "release_at",
        "expire_at",
        "note",
        TO_SEND,
    ],
    by_language: &["alt"],
    required: &["key"],
};

/// Cells that say nothing where they are empty: an asset has these, or has what the other one says.
const KEPT: [&str; 5] = ["title", "kind", "sha256", "filename", "text"];

/// What a row says laid over what stands. Other bytes have another name.
fn over(keyed: &Keyed, stands: Option<&Cells>) -> Cells {
    let mut cells = keyed.over(stands);
    let said = |name: &str| keyed.row.cells.get(name).filter(|cell| !cell.is_empty());
    for name in KEPT {
        let stood = stands.and_then(|stands| stands.get(name));
        if let (None, Some(stood)) = (said(name), stood) {
            cells.insert(name.into(), stood.clone());
        }
    }
    if said("filename").is_none() && cells.get("sha256") != stands.and_then(|s| s.get("sha256")) {
        cells.remove("filename");
    }
    cells
}

/// Tells what is wrong with a row, at its columns.
fn tell(faults: &mut Faults, row: &Row, told: &Told, errors: &[UserError]) {
    for (column, message) in &told.problems {
        faults.add(row.line, Some(column), message.clone());
    }
    for error in errors {
        let path: Vec<&str> = error.field.iter().skip(1).map(String::as_str).collect();
        let (column, item) = match path.as_slice() {
            ["alt", n, ..] => {
                let language = n.parse::<usize>().ok().and_then(|n| told.languages.get(n));
                (format!("alt:{}", language.map_or("", String::as_str)), None)
            }
            ["file" | "sha256", ..] => ("sha256".to_owned(), None),
            // The kind that stands does not suit other bytes.
            ["kind"] if row.cells.get("kind").is_none_or(String::is_empty) => {
                ("sha256".to_owned(), None)
            }
            [field, item, ..] => (column_of(field), Some(*item)),
            [field] => (column_of(field), None),
            [] => (KEY.to_owned(), None),
        };
        // The file's name would be the title: it is the file that is missing.
        let nothing = |name: &str| row.cells.get(name).is_none_or(String::is_empty);
        if column == "title" && nothing("title") && nothing("text") {
            continue;
        }
        // Told already, in plainer words.
        if told.problems.iter().all(|(before, _)| *before != column) {
            note(faults, row, &column, item, error);
        }
    }
}

/// Finds out what is to become of rows; what is wrong with them is told. A fixed number of statements.
pub(super) async fn plan(
    cx: &OpContext,
    (brand, dry_run): (BrandId, bool),
    rows: Vec<Row>,
    faults: &mut Faults,
) -> Result<Vec<Planned>> {
    let Sorted { fresh, again, same } =
        sort(cx, brand, (ContentKind::Asset, KIND), rows, faults).await?;
    let mut planned = same;
    create(cx, (brand, dry_run), fresh, (&mut planned, faults)).await?;
    change(cx, (brand, dry_run), again, (&mut planned, faults)).await?;
    planned.sort_by_key(|planned| planned.line);
    Ok(planned)
}

async fn create(
    cx: &OpContext,
    (brand, dry_run): (BrandId, bool),
    rows: Vec<Keyed>,
    (planned, faults): (&mut Vec<Planned>, &mut Faults),
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let cells = rows.iter().map(|keyed| &keyed.row.cells);
    let bytes = Bytes::load(cx, (brand, dry_run), cells.clone()).await?;
    let (inputs, told): (Vec<_>, Vec<Told>) = cells.map(|cells| parse(cells, &bytes)).unzip();
    let checked = check_all(cx, inputs, Some(brand)).await?;
    for ((keyed, told), checked) in rows.into_iter().zip(told).zip(checked) {
        match checked {
            Ok(clean) if told.problems.is_empty() => {
                planned.push(keyed.planned(Step::Asset(Box::new(clean))));
            }
            other => tell(faults, &keyed.row, &told, &other.err().unwrap_or_default()),
        }
    }
    Ok(())
}

async fn change(
    cx: &OpContext,
    (brand, dry_run): (BrandId, bool),
    rows: Vec<(Keyed, ContentId)>,
    (planned, faults): (&mut Vec<Planned>, &mut Faults),
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<ContentId> = rows.iter().map(|(_, id)| *id).collect();
    let standing = standing(cx, brand, &ids).await?;
    let merged = rows
        .iter()
        .map(|(keyed, id)| over(keyed, standing.get(id).map(|(_, cells)| cells)));
    let merged: Vec<Cells> = merged.collect();
    let stood = ids.iter().filter_map(|id| Some(&standing.get(id)?.1));
    let stood: Vec<&Cells> = stood.collect();
    let all = merged.iter().chain(stood.iter().copied());
    let bytes = Bytes::load(cx, (brand, dry_run), all).await?;
    let (inputs, told): (Vec<_>, Vec<Told>) =
        merged.iter().map(|cells| parse(cells, &bytes)).unzip();
    let wanted = check_all(cx, inputs, Some(brand)).await?;
    let inputs = stood.iter().map(|cells| parse(cells, &bytes).0);
    let stands = check_all(cx, inputs.collect(), Some(brand)).await?;
    for ((((keyed, id), told), wanted), stands) in
        rows.into_iter().zip(told).zip(wanted).zip(stands)
    {
        let wanted = match wanted {
            Ok(wanted) if told.problems.is_empty() => wanted,
            other => {
                tell(faults, &keyed.row, &told, &other.err().unwrap_or_default());
                continue;
            }
        };
        let Some((standing, _)) = standing.get(&id) else {
            return Err(Error::internal("an asset with a key is gone"));
        };
        let Ok(stands) = stands else {
            faults.add(keyed.row.line, Some(KEY), UNTELLABLE);
            continue;
        };
        let mut problems = Problems::new();
        let differs = asset_difference(&stands, &wanted, &mut problems);
        if let Err(Error::User(errors)) = problems.check() {
            tell(faults, &keyed.row, &told, &errors);
            continue;
        }
        let step = differs.map_or(Step::Same(Some(id.0)), |differs| {
            Step::Remake(*standing, Box::new(differs))
        });
        planned.push(keyed.planned(step));
    }
    Ok(())
}
