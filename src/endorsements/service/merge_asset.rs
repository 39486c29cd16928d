//! Making an asset what a whole description of it says, as [`super::merge`] does for endorsements.

use std::sync::Arc;

use super::merge::{Standing, changed, changes_header, of_header};
use super::update::{self, EndorsementChange};
use crate::accounts::Viewer;
use crate::assets::Alt;
use crate::assets::fields::AssetChange;
use crate::assets::service::{Body, Clean, add_version};
use crate::channels::Tree;
use crate::contents::ContentKind;
use crate::contents::change::HeaderChange;
use crate::contents::service::LabelSet;
use crate::error::{Problems, Result, UserErrorCode};
use crate::platform::db::Tx;

/// What is to become of an asset.
#[derive(Clone, Debug)]
pub(crate) struct AssetDifference {
    /// What is beside its versions, where any of that differs.
    beside: Option<(HeaderChange, LabelSet, AssetChange)>,
    /// What another version holds, and what is said of it.
    body: Option<(Body, Option<String>)>,
}

/// What differs; none where nothing does. What kind of asset it is is never changed: a problem.
pub(crate) fn asset_difference(
    stands: &Clean,
    wanted: &Clean,
    problems: &mut Problems,
) -> Option<AssetDifference> {
    if stands.kind != wanted.kind {
        let text = "This cannot be changed. Make another asset.";
        problems.add(UserErrorCode::Invalid, "kind", text);
    }
    let (header, labels) = of_header(&stands.header, &wanted.header);
    let own = AssetChange {
        description: changed(stands.description.as_ref(), wanted.description.as_ref()),
        alt: (sorted(&stands.alts) != sorted(&wanted.alts)).then(|| wanted.alts.clone()),
        locale: changed(stands.locale.as_ref(), wanted.locale.as_ref()),
        ..AssetChange::default()
    };
    let differs = changes_header(&header, &labels)
        || !own.description.is_undefined()
        || own.alt.is_some()
        || !own.locale.is_undefined();
    let beside = differs.then_some((header, labels, own));
    let body = (stands.body != wanted.body).then(|| (wanted.body.clone(), wanted.note.clone()));
    (beside.is_some() || body.is_some()).then_some(AssetDifference { beside, body })
}

fn sorted(alts: &[Alt]) -> Vec<&Alt> {
    let mut alts: Vec<&Alt> = alts.iter().collect();
    alts.sort_by(|a, b| a.locale.cmp(&b.locale));
    alts
}

/// Changes an asset by what differs; CONFLICT where somebody else has changed it meanwhile.
pub(crate) async fn rewrite_asset(
    tx: &Tx,
    (viewer, tree): (&Arc<Viewer>, &Arc<Tree>),
    standing: Standing,
    difference: &AssetDifference,
) -> Result<()> {
    if let Some((header, labels, asset)) = &difference.beside {
        let update = update::Clean {
            viewer: Arc::clone(viewer),
            tree: Arc::clone(tree),
            id: standing.id,
            kind: ContentKind::Asset,
            revision: standing.revision,
            header: header.clone(),
            labels: labels.clone(),
            asset: asset.clone(),
            endorsement: EndorsementChange::default(),
        };
        update::change(tx, &update).await?;
    }
    if let Some((body, note)) = &difference.body {
        let target = (standing.id, Some(standing.version_count + 1));
        add_version(tx, viewer, target, body, note.clone()).await?;
    }
    Ok(())
}
