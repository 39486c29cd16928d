//! Changing what is an asset's own, beside what it shares with endorsements. Runs inside a write's
//! transaction.

use async_graphql::MaybeUndefined;
use sea_orm::Value;

use super::model::Alt;
use super::store;
use crate::error::Result;
use crate::platform::db::{Sql, Tx, run};
use crate::platform::ids::ContentId;

/// What of an asset's own fields is to change; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct AssetChange {
    pub description: MaybeUndefined<String>,
    /// Alternative texts, cleaned: the whole list.
    pub alt: Option<Vec<Alt>>,
    /// Fractions of the picture.
    pub focal_point: MaybeUndefined<(f64, f64)>,
    pub locale: MaybeUndefined<String>,
}

/// Changes an asset's own fields.
pub(crate) async fn change(tx: &Tx, id: ContentId, change: &AssetChange) -> Result<()> {
    let mut set: Vec<(&'static str, Value)> = Vec::new();
    if !change.description.is_undefined() {
        set.push(("description", change.description.value().cloned().into()));
    }
    if !change.locale.is_undefined() {
        set.push(("locale", change.locale.value().cloned().into()));
    }
    if !change.focal_point.is_undefined() {
        set.push(("focal_x", change.focal_point.value().map(|p| p.0).into()));
        set.push(("focal_y", change.focal_point.value().map(|p| p.1).into()));
    }
    if !set.is_empty() {
        run(
            &**tx,
            Sql::update("assets", set)
                .push(" WHERE content_id = ")
                .bind(id),
        )
        .await?;
    }
    match &change.alt {
        Some(alts) => store::replace_alts(&**tx, id, alts).await,
        None => Ok(()),
    }
}

/// An asset's alternative texts as they stand in this transaction.
pub(crate) async fn alts(tx: &Tx, id: ContentId) -> Result<Vec<Alt>> {
    let found = store::load_alts(&**tx, &[id]).await?.remove(&id);
    Ok(found.map(|alts| alts.to_vec()).unwrap_or_default())
}
