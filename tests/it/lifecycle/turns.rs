//! What is tried on contents: random, and weighted so that something comes of it.

use proptest::prelude::*;
use proptest::sample::select;

use super::model::{Expected, Step, Who};

/// Somebody tries a step on one of the contents, perhaps some days later. Without a step, what is due with its
/// newest version is done by who may do it: chance alone seldom gets anything out.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) content: usize,
    pub(super) who: Who,
    pub(super) step: Option<Step>,
    pub(super) days: i64,
}

/// Stands for the newest version, which is the one that people work on.
pub(super) const NEWEST: usize = usize::MAX;

fn place() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(NEWEST), 1 => 0..4_usize]
}

fn step() -> impl Strategy<Value = Step> {
    let day = || prop_oneof![1 => Just(None), 2 => (-2..6_i64).prop_map(Some)];
    let expected = || select(vec![Expected::Any, Expected::Next, Expected::Stale]);
    prop_oneof![
        3 => expected().prop_map(|expected| Step::Add { expected }),
        6 => place().prop_map(|version| Step::Submit { version }),
        1 => place().prop_map(|version| Step::Recall { version }),
        6 => place().prop_map(|version| Step::Approve { version }),
        2 => place().prop_map(|version| Step::RequestChanges { version }),
        2 => place().prop_map(|version| Step::WithdrawVersion { version }),
        1 => Just(Step::Withdraw),
        1 => Just(Step::NotSaidAnyMore),
        1 => Just(Step::Archive),
        3 => Just(Step::Restore),
        2 => Just(Step::Trash),
        2 => (prop::bool::weighted(0.2), day(), day())
            .prop_map(|(stale, release, expire)| Step::Schedule { stale, release, expire }),
        4 => any::<bool>().prop_map(|live| Step::Place { live }),
        2 => place().prop_map(|placement| Step::GoLive { placement }),
        2 => place().prop_map(|placement| Step::Retire { placement }),
    ]
}

pub(super) fn turn() -> impl Strategy<Value = Turn> {
    let days = prop_oneof![6 => Just(0), 1 => 1..4_i64];
    (
        0..2_usize,
        select(vec![Who::Anna, Who::Bert]),
        prop::option::weighted(0.6, step()),
        days,
    )
        .prop_map(|(content, who, step, days)| Turn {
            content,
            who,
            step,
            days,
        })
}
