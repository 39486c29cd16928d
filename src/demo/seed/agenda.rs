//! The order in which the story's things happened.

use std::cmp::Reverse;

use anyhow::{Context, ensure};

use crate::demo::story::{Asset, Endorsement, Lease, Placement, Story, Waiver};

/// One thing that somebody did.
pub(super) enum Step<'s> {
    /// A version of an asset, counted from 0; with the first one the asset itself.
    Asset(&'s Asset, usize),
    /// An endorsement, with those of its assets that are there already.
    Endorsement(&'s Endorsement),
    /// An endorsement gets all of its assets, some of which came later than it.
    Attach(&'s Endorsement),
    Lease(&'s Lease),
    Placement(&'s Placement),
    Waiver(&'s Waiver),
    /// What was counted on this day.
    Usage,
}

impl Step<'_> {
    /// What comes first on the same day: nothing comes before what it needs.
    fn rank(&self) -> u8 {
        match self {
            Self::Asset(..) => 0,
            Self::Endorsement(_) => 1,
            Self::Attach(_) => 2,
            Self::Lease(_) => 3,
            Self::Placement(_) => 4,
            Self::Waiver(_) => 5,
            Self::Usage => 6,
        }
    }
}

/// All steps with how many days ago they were done, the oldest first. The clock goes forward only.
pub(super) fn agenda(story: &Story) -> anyhow::Result<Vec<(u32, Step<'_>)>> {
    let mut steps = Vec::new();
    for asset in &story.assets {
        let versions = asset.versions.iter().enumerate();
        steps.extend(versions.map(|(i, v)| (v.days_ago, Step::Asset(asset, i))));
    }
    for endorsement in &story.endorsements {
        steps.push((endorsement.days_ago, Step::Endorsement(endorsement)));
        let mut newest = endorsement.days_ago;
        for key in &endorsement.assets {
            newest = newest.min(content_days(story, key)?);
        }
        if newest < endorsement.days_ago {
            steps.push((newest, Step::Attach(endorsement)));
        }
    }
    for lease in &story.leases {
        steps.push((lease_days(story, lease)?, Step::Lease(lease)));
    }
    for placement in &story.placements {
        // What is planned was written down yesterday.
        let days = placement.days_ago.unwrap_or(1);
        steps.push((days, Step::Placement(placement)));
    }
    // What is waived is waived in view of all the rest.
    steps.extend(story.waivers.iter().map(|waiver| (1, Step::Waiver(waiver))));
    let counted = story.usage.iter().map(|u| u.days).max().unwrap_or(0);
    steps.extend((1..=counted).map(|day| (day, Step::Usage)));
    // Today's morning may be still to come.
    ensure!(
        steps.iter().all(|(days, _)| *days > 0),
        "the story's events end yesterday: daysAgo is at least 1"
    );
    steps.sort_by_key(|(days, step)| (Reverse(*days), step.rank()));
    Ok(steps)
}

/// How many days ago a content was made.
fn content_days(story: &Story, key: &str) -> anyhow::Result<u32> {
    let asset = story.assets.iter().find(|a| a.key == key);
    let first = asset.and_then(|a| a.versions.first()).map(|v| v.days_ago);
    let endorsement = || {
        let found = story.endorsements.iter().find(|e| e.key == key);
        found.map(|e| e.days_ago)
    };
    first
        .or_else(endorsement)
        .with_context(|| format!("the story has no content {key}"))
}

/// A lease is written down when it begins, or when the last of its contents is there.
fn lease_days(story: &Story, lease: &Lease) -> anyhow::Result<u32> {
    let mut days = u32::try_from(-i64::from(lease.starts_in_days)).unwrap_or(1);
    for key in &lease.contents {
        days = days.min(content_days(story, key)?);
    }
    Ok(days.max(1))
}
