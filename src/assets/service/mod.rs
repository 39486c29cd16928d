//! Making assets and their versions.

mod body;
mod create;
mod version;

use serde_json::Value as Json;

use super::model::Alt;
use crate::accounts::OpContext;
use crate::contents::service as contents;
use crate::error::{Problems, UserErrorCode};
use crate::media;
use crate::platform::db::Tx;
use crate::platform::ids::{AssetId, BrandId, ContentId};
use crate::platform::ledger::Audit;
use crate::platform::text;

pub(crate) use body::{Body, NewBody};
pub(crate) use create::{Clean, NewAsset, check_all, create_all, create_asset};
pub(crate) use version::{NewVersion, add_asset_version, add_version};

/// Longest alternative text, in characters.
const MAX_ALT: usize = 1_000;

/// Looks at a file that has just come in, so that who brought it can be told what it looks like.
async fn look(cx: &OpContext, sha256: Option<String>) {
    if let Some(sha256) = sha256 {
        media::look(&cx.app, &sha256).await;
    }
}

fn audit(tx: &Tx, brand: BrandId, action: &'static str, asset: ContentId, changes: Json) {
    tx.audit(Audit {
        brand: Some(brand),
        action,
        subject: AssetId(asset.0).to_string(),
        contents: vec![asset],
        changes,
    });
}

/// Alternative texts as they are kept: cleaned, one for each language.
pub(crate) fn clean_alts(problems: &mut Problems, field: &str, alts: &[Alt]) -> Vec<Alt> {
    contents::check_len(problems, field, alts.len());
    let mut clean: Vec<Alt> = Vec::with_capacity(alts.len());
    for (i, alt) in alts.iter().enumerate() {
        let text = text::required(problems, &format!("{field}.{i}.text"), &alt.text, MAX_ALT);
        if clean.iter().any(|other| other.locale == alt.locale) {
            let at = format!("{field}.{i}.locale");
            problems.add(
                UserErrorCode::Invalid,
                &at,
                "Give one text for each language.",
            );
        }
        clean.push(Alt {
            locale: alt.locale.clone(),
            text,
        });
    }
    clean
}
