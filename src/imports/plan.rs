//! What is to become of the rows of a table, whatever they are.

use std::sync::Arc;

use uuid::Uuid;

use super::model::{Counts, Faults, ImportKind, MAX_CHANGES};
use super::store::{self, AGAIN, Written};
use super::{assets, endorsements, placements};
use crate::accounts::Viewer;
use crate::assets::service::{Clean as CleanAsset, create_all as create_assets};
use crate::channels::Tree;
use crate::endorsements::service::{
    AssetDifference, Clean, Difference, Standing, create_all, rewrite, rewrite_asset,
};
use crate::error::{Error, Result, UserError};
use crate::placements::service::{NewPlacement, PlacementChange, place, replace};
use crate::platform::db::Tx;
use crate::platform::ids::{BrandId, ChannelId, PlacementId};

/// A row, and what is to become of it.
pub(super) struct Planned {
    pub line: u64,
    pub key: String,
    pub hash: Vec<u8>,
    pub step: Step,
}

pub(super) enum Step {
    Asset(Box<CleanAsset>),
    Remake(Standing, Box<AssetDifference>),
    Endorsement(Box<Clean>),
    Rewrite(Standing, Box<Difference>),
    Placement(Box<NewPlacement>),
    Replace(PlacementId, ChannelId, Box<PlacementChange>),
    /// It says what is there; the thing, where its key is to be remembered anew.
    Same(Option<Uuid>),
}

/// Whether what is wrong with rows shows only when they are written. Then a dry run writes them, too, and takes
/// it back.
pub(super) fn is_tried(kind: ImportKind) -> bool {
    matches!(kind, ImportKind::Placements)
}

/// What rows come to.
pub(super) fn count(planned: &[Planned], counts: &mut Counts, faults: &mut Faults) {
    for one in planned {
        match one.step {
            Step::Asset(_) | Step::Endorsement(_) | Step::Placement(_) => counts.created += 1,
            Step::Same(_) => counts.unchanged += 1,
            Step::Remake(..) | Step::Rewrite(..) | Step::Replace(..) => {
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

/// Writes rows; what is wrong with them is told, and then nothing of them may stay.
pub(super) async fn write(
    tx: &Tx,
    (brand, kind): (BrandId, ImportKind),
    caller: (&Arc<Viewer>, &Arc<Tree>),
    planned: Vec<Planned>,
    faults: &mut Faults,
) -> Result<()> {
    let first = planned.first().map_or(1, |planned| planned.line);
    let (mut fresh, mut pieces, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut new, mut again) = (Vec::new(), Vec::new());
    for one in planned {
        let Planned {
            line,
            key,
            hash,
            step,
        } = one;
        let done = match step {
            Step::Asset(clean) => {
                pieces.push(clean);
                keys.push((key, hash));
                continue;
            }
            Step::Endorsement(clean) => {
                fresh.push(clean);
                keys.push((key, hash));
                continue;
            }
            Step::Same(None) => continue,
            Step::Same(Some(target)) => Ok(target),
            Step::Remake(standing, difference) => {
                let done = rewrite_asset(tx, caller, standing, &difference).await;
                done.map(|()| standing.id.0)
            }
            Step::Rewrite(standing, difference) => {
                let done = rewrite(tx, caller, standing, &difference).await;
                done.map(|()| standing.id.0)
            }
            Step::Replace(id, channel, change) => {
                let done = replace(tx, caller, (id, channel), &change).await;
                done.map(|id| id.0)
            }
            Step::Placement(placement) => match place(tx, caller, &placement).await {
                Ok(id) => {
                    // The next may be one too many for its channel: it must see this one.
                    tx.settle().await?;
                    new.push(Written {
                        key,
                        target: id.0,
                        hash,
                    });
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        match done {
            Ok(target) => again.push(Written { key, target, hash }),
            Err(Error::User(errors)) => tell(faults, kind, line, errors),
            Err(other) => return Err(other),
        }
    }
    let made = match create(tx, &fresh, &pieces).await {
        Err(Error::User(errors)) => {
            for error in errors {
                faults.add(
                    first,
                    None,
                    format!("Here, or in the rows behind: {}", error.message),
                );
            }
            return Ok(());
        }
        made => made?,
    };
    let made = made.into_iter().zip(keys);
    new.extend(made.map(|(target, (key, hash))| Written { key, target, hash }));
    let of = (brand, name(kind));
    store::insert_keys(tx, of, new, "").await?;
    store::insert_keys(tx, of, again, AGAIN).await?;
    tx.settle().await
}

/// Makes what is new, of which a table has one kind.
async fn create(tx: &Tx, new: &[Box<Clean>], assets: &[Box<CleanAsset>]) -> Result<Vec<Uuid>> {
    if assets.is_empty() {
        let made = create_all(tx, new).await?;
        Ok(made.into_iter().map(|id| id.0).collect())
    } else {
        let made = create_assets(tx, assets).await?;
        Ok(made.into_iter().map(|id| id.0).collect())
    }
}

/// The kind of the keys.
pub(super) fn name(kind: ImportKind) -> &'static str {
    match kind {
        ImportKind::Assets => assets::KIND,
        ImportKind::Endorsements => endorsements::KIND,
        ImportKind::Placements => placements::KIND,
    }
}

fn tell(faults: &mut Faults, kind: ImportKind, line: u64, errors: Vec<UserError>) {
    for error in errors {
        let column = error
            .field
            .get(1)
            .map(|field| super::reading::column_of(field));
        // A field of an input that is no column of the table is about the whole row.
        let column = column.filter(|column| super::walk::columns(kind).all.contains(&&**column));
        faults.add(line, column.as_deref(), error.message);
    }
}
