//! Rows of contents by what their keys stand for: new ones, ones that say what they said last, and others.

use super::model::Faults;
use super::plan::{Planned, Step};
use super::store::{self, Known};
use super::table::{Cells, KEY, Row, keys_of};
use crate::accounts::OpContext;
use crate::contents::{ContentKind, parse_public_id, public_id};
use crate::error::Result;
use crate::platform::ids::{BrandId, ContentId};

/// What is said where what stands breaks the rules of today.
pub(super) const UNTELLABLE: &str =
    "What stands there now cannot be told in a table. Change it by hand.";

/// A row, its key, and the hash of what it says.
pub(super) struct Keyed {
    pub row: Row,
    pub key: String,
    pub hash: Vec<u8>,
}

impl Keyed {
    pub(super) fn planned(self, step: Step) -> Planned {
        Planned {
            line: self.row.line,
            key: self.key,
            hash: self.hash,
            step,
        }
    }

    /// What the row says laid over what stands: what it does not speak of is as it stands.
    pub(super) fn over(&self, stands: Option<&Cells>) -> Cells {
        let mut cells = stands.cloned().unwrap_or_default();
        cells.extend(self.row.cells.clone());
        cells
    }
}

/// Rows, by what is to become of them.
#[derive(Default)]
pub(super) struct Sorted {
    pub fresh: Vec<Keyed>,
    /// Those whose keys stand for something, and that say something else than they did last.
    pub again: Vec<(Keyed, ContentId)>,
    pub same: Vec<Planned>,
}

/// Sorts rows. A key that is missing, or an id that is nothing of this kind and brand, is a fault. `name` is the
/// kind's among the keys.
pub(super) async fn sort(
    cx: &OpContext,
    brand: BrandId,
    (kind, name): (ContentKind, &'static str),
    rows: Vec<Row>,
    faults: &mut Faults,
) -> Result<Sorted> {
    let keys = keys_of(&rows, faults);
    let named = |key: &str| parse_public_id(key).filter(|(of, _)| *of == kind);
    let ids = keys.iter().filter_map(|key| named(key));
    let ids: Vec<ContentId> = ids.map(|(_, id)| id).collect();
    let db = cx.app.db.read();
    let mut known = store::keys(db, brand, name, keys).await?;
    for id in store::contents_of(db, brand, kind, ids.into_iter()).await? {
        known.entry(public_id(kind, id)).or_insert(Known {
            target: id.0,
            hash: None,
        });
    }
    let mut sorted = Sorted::default();
    for row in rows {
        let key = row.cells.get(KEY).cloned().unwrap_or_default();
        let keyed = Keyed {
            hash: row.hash(),
            row,
            key,
        };
        match known.get(&keyed.key) {
            None if named(&keyed.key).is_some() => {
                let what = match kind {
                    ContentKind::Asset => "asset",
                    ContentKind::Endorsement => "endorsement",
                };
                let text = format!(
                    "Nothing with this id is an {what} of this brand. Write a key of your own for a new one."
                );
                faults.add(keyed.row.line, Some(KEY), text);
            }
            None => sorted.fresh.push(keyed),
            Some(known) if known.hash.as_ref() == Some(&keyed.hash) => {
                sorted.same.push(keyed.planned(Step::Same(None)));
            }
            Some(known) => sorted.again.push((keyed, ContentId(known.target))),
        }
    }
    Ok(sorted)
}
