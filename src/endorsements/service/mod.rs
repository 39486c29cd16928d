//! The use cases of endorsements.

mod bulk;
mod claims;
mod create;
mod diff;
mod evidence;
mod merge;
mod merge_asset;
mod parts;
mod recheck;
mod update;
mod wording;

pub(crate) use bulk::{BulkUpdate, plan_updates, update_contents};
pub(crate) use claims::{NewClaim, decide_claim};
pub(crate) use create::{
    Clean, NewEndorsement, NewVersion, add_endorsement_version, check_all, create_all,
    create_endorsement,
};
pub(crate) use evidence::{NewEvidence, add_evidence};
pub(crate) use merge::{Difference, Standing, difference, rewrite};
pub(crate) use merge_asset::{AssetDifference, asset_difference, rewrite_asset};
pub(crate) use parts::{Winners, lock_attached};
pub(crate) use recheck::{check_recheck, record_recheck};
pub(crate) use update::{ContentUpdate, update_content};
pub(crate) use wording::{NewStatement, NewWording};
