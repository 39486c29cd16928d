//! Many short lives of one server: what it has acknowledged in any of them outlives them all.

use std::time::{Duration, Instant};

use super::disk::Lost;
use super::life::Lives;
use crate::support::Home;

/// How often the server is killed; `TEST_CRASH_ROUNDS` names another number.
const KILLS: u64 = 100;
/// How often its power is cut; `TEST_POWER_CUTS` names another number.
const CUTS: u64 = 30;

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own setting, which no server reads"
)]
fn rounds(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Long enough to do something, and never the same.
fn long(round: u64) -> Duration {
    Duration::from_millis(50 + round * 37 % 101)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let home = Home::new().await;
    let lives = Lives::begin(&home).await;
    let (kills, began) = (rounds("TEST_CRASH_ROUNDS", KILLS), Instant::now());
    for round in 0..kills {
        lives.live(&home, long(round)).await;
    }
    eprintln!("{kills} kills in {:?}", began.elapsed());
    lives.check(&home).await;
    home.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_power_cut() {
    let (home, disk) = Home::on_a_disk().await;
    // So does the token that was made before the server was ever started.
    disk.cut(Lost::All);
    let lives = Lives::begin(&home).await;
    disk.cut(Lost::All);
    let (cuts, began) = (rounds("TEST_POWER_CUTS", CUTS), Instant::now());
    for round in 0..cuts {
        // What a life that was only killed has left is gone on with, and then lost or not.
        if round % 3 == 2 {
            lives.live(&home, long(round + 1)).await;
        }
        lives.live(&home, long(round)).await;
        disk.cut(if round % 2 == 0 {
            Lost::All
        } else {
            Lost::Some
        });
    }
    eprintln!("{cuts} power cuts in {:?}", began.elapsed());
    lives.check(&home).await;
    home.database.remove().await;
}
