//! Making an endorsement what a whole description of it says: what differs is changed, by the same steps as
//! anybody changes it.

use std::sync::Arc;

use async_graphql::MaybeUndefined;

use super::create::{Clean, add};
use super::update::{self, EndorsementChange};
use super::wording::CleanWording;
use crate::accounts::Viewer;
use crate::assets::fields::AssetChange;
use crate::channels::Tree;
use crate::contents::ContentKind;
use crate::contents::change::HeaderChange;
use crate::contents::service::{LabelSet, NewContent};
use crate::error::{Problems, Result, UserErrorCode};
use crate::platform::db::Tx;
use crate::platform::ids::{ContentId, EndorsementId};

/// What is to become of an endorsement.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// What is beside its versions, where any of that differs.
    beside: Option<(HeaderChange, LabelSet, EndorsementChange)>,
    /// What another version says, and what is said of it.
    wording: Option<(CleanWording, Option<String>)>,
}

/// What an endorsement was when the difference was found; it must still be so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub id: ContentId,
    pub revision: i32,
    pub version_count: i32,
}

pub(super) fn changed<T: Clone + PartialEq>(
    stands: Option<&T>,
    wanted: Option<&T>,
) -> MaybeUndefined<T> {
    match wanted {
        _ if stands == wanted => MaybeUndefined::Undefined,
        Some(wanted) => MaybeUndefined::Value(wanted.clone()),
        None => MaybeUndefined::Null,
    }
}

/// The list that is wanted, where it has other entries.
fn other<T: Clone + Ord>(stands: Option<&Vec<T>>, wanted: Option<&Vec<T>>) -> Option<Vec<T>> {
    let sorted = |list: Option<&Vec<T>>| {
        let mut list = list.cloned().unwrap_or_default();
        list.sort();
        list
    };
    (sorted(stands) != sorted(wanted)).then(|| wanted.cloned().unwrap_or_default())
}

/// What differs in what both kinds have.
pub(super) fn of_header(old: &NewContent, new: &NewContent) -> (HeaderChange, LabelSet) {
    let header = HeaderChange {
        title: (old.title != new.title).then(|| new.title.clone()),
        release_at: changed(old.release_at.as_ref(), new.release_at.as_ref()),
        expire_at: changed(old.expire_at.as_ref(), new.expire_at.as_ref()),
    };
    let (old, new) = (&old.labels, &new.labels);
    let labels = LabelSet {
        tags: other(old.tags.as_ref(), new.tags.as_ref()),
        markets: other(old.markets.as_ref(), new.markets.as_ref()),
        channels: other(old.channels.as_ref(), new.channels.as_ref()),
        audiences: other(old.audiences.as_ref(), new.audiences.as_ref()),
        products: other(old.products.as_ref(), new.products.as_ref()),
    };
    (header, labels)
}

/// Whether anything of what both kinds have is to change.
pub(super) fn changes_header(header: &HeaderChange, labels: &LabelSet) -> bool {
    header.title.is_some()
        || !header.release_at.is_undefined()
        || !header.expire_at.is_undefined()
        || labels.tags.is_some()
        || labels.markets.is_some()
        || labels.channels.is_some()
        || labels.audiences.is_some()
        || labels.products.is_some()
}

/// What differs; none where nothing does. Who said it and what was won are never changed: a problem.
pub(crate) fn difference(
    stands: &Clean,
    wanted: &Clean,
    problems: &mut Problems,
) -> Option<Difference> {
    let text = "This cannot be changed. Make another endorsement.";
    for (field, differs) in [
        ("outlet", stands.outlet != wanted.outlet),
        ("kind", stands.kind != wanted.kind),
    ] {
        if differs {
            problems.add(UserErrorCode::Invalid, field, text);
        }
    }
    let (header, labels) = of_header(&stands.header, &wanted.header);
    let own = EndorsementChange {
        source_url: changed(stands.source_url.as_ref(), wanted.source_url.as_ref()),
        published_on: Some(wanted.published_on).filter(|day| *day != stands.published_on),
        won_by: changed(stands.won_by.as_ref(), wanted.won_by.as_ref()),
        recheck_every_days: changed(
            stands.recheck_every_days.as_ref(),
            wanted.recheck_every_days.as_ref(),
        ),
        claims: (stands.claims != wanted.claims).then(|| wanted.claims.clone()),
        assets: (stands.assets != wanted.assets).then(|| wanted.assets.clone()),
    };
    let beside = differs(&header, &labels, &own).then_some((header, labels, own));
    let wording =
        (stands.wording != wanted.wording).then(|| (wanted.wording.clone(), wanted.note.clone()));
    (beside.is_some() || wording.is_some()).then_some(Difference { beside, wording })
}

fn differs(header: &HeaderChange, labels: &LabelSet, own: &EndorsementChange) -> bool {
    changes_header(header, labels)
        || !own.source_url.is_undefined()
        || own.published_on.is_some()
        || !own.won_by.is_undefined()
        || !own.recheck_every_days.is_undefined()
        || own.claims.is_some()
        || own.assets.is_some()
}

/// Changes an endorsement by what differs; CONFLICT where somebody else has changed it meanwhile.
pub(crate) async fn rewrite(
    tx: &Tx,
    (viewer, tree): (&Arc<Viewer>, &Arc<Tree>),
    standing: Standing,
    difference: &Difference,
) -> Result<()> {
    if let Some((header, labels, endorsement)) = &difference.beside {
        let update = update::Clean {
            viewer: Arc::clone(viewer),
            tree: Arc::clone(tree),
            id: standing.id,
            kind: ContentKind::Endorsement,
            revision: standing.revision,
            header: header.clone(),
            labels: labels.clone(),
            asset: AssetChange::default(),
            endorsement: endorsement.clone(),
        };
        update::change(tx, &update).await?;
    }
    if let Some((wording, note)) = &difference.wording {
        let target = (
            EndorsementId(standing.id.0),
            Some(standing.version_count + 1),
        );
        add(tx, viewer, target, wording, note.clone()).await?;
    }
    Ok(())
}
