//! What a row says of an asset.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::ID;

use super::TO_SEND;
use crate::accounts::OpContext;
use crate::assets::service::{NewAsset, NewBody};
use crate::assets::{Alt, SourceFile, resolve_hashes};
use crate::contents::AssetKind;
use crate::error::{Error, Result};
use crate::graphql::scalars::{DateTime, Locale, Sha256};
use crate::imports::labels;
use crate::imports::reading::Reading;
use crate::imports::table::Cells;
use crate::platform::ids::BrandId;

const KINDS: &str = "IMAGE, VIDEO, AUDIO, DOCUMENT, LOGO, BADGE, COPY, SOURCE";
/// Longest title that is made of a file's name, in characters.
const MAX_TITLE: usize = 300;

/// What is wrong with a row as it was read, by column, and the languages of its alternative texts in their order.
#[derive(Default)]
pub(super) struct Told {
    pub problems: Vec<(String, String)>,
    pub languages: Vec<String>,
}

/// The bytes that rows name by their hashes.
pub(super) struct Bytes {
    brand: BrandId,
    /// In a dry run bytes that are still to be sent are taken at their sender's word.
    dry_run: bool,
    found: BTreeMap<String, Result<SourceFile>>,
}

impl Bytes {
    pub(super) async fn load<'c>(
        cx: &OpContext,
        (brand, dry_run): (BrandId, bool),
        rows: impl Iterator<Item = &'c Cells>,
    ) -> Result<Self> {
        let hashes = rows.filter_map(|cells| cells.get("sha256"));
        let hashes = hashes.filter(|hash| hash.len() == 64).cloned();
        let hashes: BTreeSet<String> = hashes.collect();
        Ok(Self {
            brand,
            dry_run,
            found: resolve_hashes(cx, brand, &hashes).await?,
        })
    }

    /// The file of a row, if it names one; none where it names nothing that is there, which is a problem.
    fn of(&self, row: &mut Reading<'_>) -> Option<Result<SourceFile>> {
        let sha256 = row.scalar::<Sha256>("sha256")?.0;
        let file = match self.found.get(&sha256) {
            Some(Ok(file)) => file.clone(),
            Some(Err(Error::User(errors))) => {
                for error in errors {
                    row.problem("sha256", error.message.clone());
                }
                return None;
            }
            Some(Err(error)) => return Some(Err(Error::internal(error.to_string()))),
            None => {
                let Some(media_type) = row.text(TO_SEND).filter(|_| self.dry_run) else {
                    let text = "There are no such bytes of yours. Upload them first.";
                    row.problem("sha256", text);
                    return None;
                };
                SourceFile::promised(sha256, media_type)
            }
        };
        let name = row.cell("filename").map(str::to_owned);
        Some(Ok(match name {
            Some(name) => file.named(&name),
            None => file,
        }))
    }
}

/// Reads a row. What cannot be read has a stand-in, so that the rest is checked all the same.
pub(super) fn parse(cells: &Cells, bytes: &Bytes) -> (NewAsset, Told) {
    let mut row = Reading::of(cells);
    let file = bytes.of(&mut row);
    let named = match &file {
        Some(Ok(file)) => Some(readable(&file.filename)),
        _ => row.cell("filename").map(readable),
    };
    let alts = cells.iter().filter(|(_, cell)| !cell.is_empty());
    let alts = alts.filter_map(|(name, cell)| Some((name.strip_prefix("alt:")?, cell)));
    let alts = alts.map(|(locale, text)| Alt {
        locale: locale.to_owned(),
        text: text.clone(),
    });
    let alts: Vec<Alt> = alts.collect();
    let languages = alts.iter().map(|alt| alt.locale.clone()).collect();
    let new = NewAsset {
        brand: ID(bytes.brand.to_string()),
        title: row.text("title").or(named).unwrap_or_default(),
        kind: row.name::<AssetKind>("kind", KINDS),
        locale: row.scalar::<Locale>("locale").map(|locale| locale.0),
        description: row.text("description"),
        labels: labels::names(&row),
        release_at: row.scalar::<DateTime>("release_at").map(|at| at.0),
        expire_at: row.scalar::<DateTime>("expire_at").map(|at| at.0),
        alts,
        body: NewBody {
            file,
            text: row.text("text"),
        },
        note: row.text("note"),
    };
    let told = Told {
        problems: row.problems,
        languages,
    };
    (new, told)
}

/// A title made of a file's name: without its extension, its words apart, its first letter a capital.
fn readable(filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or(filename);
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.trim().is_empty() => stem,
        _ => name,
    };
    let chars: Vec<char> = stem.chars().collect();
    let digit = |i: Option<usize>| {
        i.and_then(|i| chars.get(i))
            .is_some_and(char::is_ascii_digit)
    };
    let mut text = String::with_capacity(stem.len());
    for (i, c) in chars.iter().enumerate() {
        // A date keeps its hyphens.
        let parts = match c {
            '_' => true,
            '-' => !(digit(i.checked_sub(1)) && digit(Some(i + 1))),
            c => c.is_whitespace() || c.is_control(),
        };
        text.push(if parts { ' ' } else { *c });
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    let title: String = first.chain(chars).take(MAX_TITLE).collect();
    if title.is_empty() {
        name.chars().take(MAX_TITLE).collect()
    } else {
        title
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_become_titles() {
        for (name, title) in [
            ("hero_shot-final.v2.jpg", "Hero shot final.v2"),
            ("2026-03-04 launch.png", "2026-03-04 launch"),
            ("DSC_0012.JPG", "DSC 0012"),
            (".hidden", ".hidden"),
            ("übersicht.pdf", "Übersicht"),
            ("亮到天明.mp4", "亮到天明"),
            ("noextension", "Noextension"),
            ("___.png", "___.png"),
        ] {
            assert_eq!(readable(name), title, "{name}");
        }
        assert_eq!(readable(&"é".repeat(400)).chars().count(), MAX_TITLE);
    }
}
