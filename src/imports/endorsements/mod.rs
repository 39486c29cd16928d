//! Endorsements as rows of a table: what is to become of them.

mod parse;
mod standing;

use super::keyed::{Keyed, Sorted, UNTELLABLE, sort};
use super::model::Faults;
use super::plan::{Planned, Step};
use super::reading::{column_of, note};
use super::table::{Cells, Columns, KEY, Row};
use crate::accounts::OpContext;
use crate::contents::ContentKind;
use crate::endorsements::service::{NewEndorsement, check_all, difference};
use crate::error::{Error, Problems, Result, UserError};
use crate::platform::ids::{BrandId, ContentId};
use parse::{Names, Parsed, parse};
pub(super) use standing::standing;

/// The kind of the keys.
pub(super) const KIND: &str = "ENDORSEMENTS";
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
    let of = (ContentKind::Endorsement, KIND);
    let Sorted { fresh, again, same } = sort(cx, brand, of, rows, faults).await?;
    let mut planned = same;
    create(cx, brand, fresh, (&mut planned, faults)).await?;
    change(cx, brand, again, (&mut planned, faults)).await?;
    planned.sort_by_key(|planned| planned.line);
    Ok(planned)
}

async fn create(
    cx: &OpContext,
    brand: BrandId,
    rows: Vec<Keyed>,
    (planned, faults): (&mut Vec<Planned>, &mut Faults),
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = Names::load(cx, brand, rows.iter().map(|keyed| &keyed.row.cells)).await?;
    let mut inputs = Vec::with_capacity(rows.len());
    let mut told = Vec::with_capacity(rows.len());
    for keyed in &rows {
        let parsed = parse(&keyed.row.cells, &names);
        inputs.push(parsed.new);
        told.push((parsed.languages, parsed.problems));
    }
    let checked = check_all(cx, &inputs, Some(brand)).await?;
    for ((keyed, (languages, problems)), checked) in rows.into_iter().zip(told).zip(checked) {
        match checked {
            Ok(clean) if problems.is_empty() => {
                planned.push(keyed.planned(Step::Endorsement(Box::new(clean))));
            }
            Ok(_) => tell(faults, &keyed.row, &languages, &[], &problems),
            Err(errors) => tell(faults, &keyed.row, &languages, &errors, &problems),
        }
    }
    Ok(())
}

async fn change(
    cx: &OpContext,
    brand: BrandId,
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
        .map(|(keyed, id)| keyed.over(standing.get(id).map(|(_, cells)| cells)));
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
    for ((((keyed, id), parsed), wanted), stands) in
        rows.into_iter().zip(parsed).zip(wanted).zip(stands)
    {
        let row = &keyed.row;
        let wanted = match wanted {
            Ok(wanted) if parsed.problems.is_empty() => wanted,
            other => {
                let errors = other.err().unwrap_or_default();
                tell(faults, row, &parsed.languages, &errors, &parsed.problems);
                continue;
            }
        };
        let Some((standing, _)) = standing.get(&id) else {
            return Err(Error::internal("an endorsement with a key is gone"));
        };
        let Ok(stands) = stands else {
            faults.add(row.line, Some(KEY), UNTELLABLE);
            continue;
        };
        let mut problems = Problems::new();
        let differs = difference(&stands, &wanted, &mut problems);
        if let Err(Error::User(errors)) = problems.check() {
            tell(faults, row, &parsed.languages, &errors, &[]);
            continue;
        }
        let step = differs.map_or(Step::Same(Some(id.0)), |differs| {
            Step::Rewrite(*standing, Box::new(differs))
        });
        planned.push(keyed.planned(step));
    }
    Ok(())
}
