//! Every wrong byte is found, and none is delivered.

use std::fs;
use std::path::PathBuf;

use accolade::care::verify::{self, Fault};
use accolade::care::{scrub, verify::Report};
use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::testing::TestDatabase;
use chrono::TimeDelta;

use super::{Picture, let_go, picture, place_of, status};
use crate::support::{START, TestApp, noise};

async fn verified(app: &TestApp) -> Report {
    verify::files(&app.app).await.unwrap()
}

/// The hashes of the files that were found to be wrong, in order.
fn wrong(report: &Report) -> Vec<&str> {
    report.faults.iter().map(|f| f.sha256.as_str()).collect()
}

async fn with_header(app: &TestApp, url: &str, name: &str, value: &str) -> reqwest::Response {
    app.http.get(url).header(name, value).send().await.unwrap()
}

struct Stored {
    picture: Picture,
    place: PathBuf,
    bytes: Vec<u8>,
}

impl Stored {
    async fn new(app: &TestApp, side: u32, seed: u64) -> Self {
        let bytes = noise(side, side, seed);
        let picture = picture(app, bytes.clone()).await;
        let place = place_of(app, &picture.sha256).await;
        Self {
            picture,
            place,
            bytes,
        }
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(&self.place, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flipped_bit_is_found() {
    const SMALL: u64 = 40;
    const ROUNDS: usize = 23;
    let app = TestApp::start().await;
    app.brand("north").await;
    let mut all = Vec::new();
    for seed in 0..SMALL {
        all.push(Stored::new(&app, 16 + u32::try_from(seed).unwrap(), seed).await);
    }
    for seed in 0..4 {
        all.push(Stored::new(&app, 400, SMALL + seed).await);
    }
    all.push(Stored::new(&app, 1_700, 999).await);
    all.sort_by(|a, b| a.picture.sha256.cmp(&b.picture.sha256));
    let sound = verified(&app).await;
    assert_eq!((sound.files, wrong(&sound).len()), (SMALL + 5, 0));
    let hashes: Vec<&str> = all.iter().map(|one| one.picture.sha256.as_str()).collect();
    let mut flips = 0;
    for round in 0..ROUNDS {
        for one in &all {
            let mut bytes = one.bytes.clone();
            // The first and the last bit, and others between.
            let at = match round {
                0 => 0,
                1 => bytes.len() * 8 - 1,
                _ => rand::random_range(0..bytes.len() * 8),
            };
            bytes[at / 8] ^= 1 << (at % 8);
            one.put(&bytes);
            flips += 1;
        }
        assert_eq!(wrong(&verified(&app).await), hashes);
        for one in &all {
            one.put(&one.bytes);
        }
    }
    assert!(flips > 1_000);
    assert_eq!(wrong(&verified(&app).await).len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_longer_missing_or_swapped_is_found() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let one = Stored::new(&app, 40, 1).await;
    let other = Stored::new(&app, 40, 2).await;
    let third = Stored::new(&app, 400, 3).await;
    let one_is = async |what: &str| {
        let report = verified(&app).await;
        let [Fault { sha256, what: said }] = report.faults.as_slice() else {
            panic!("{what}: {report:?}");
        };
        assert_eq!(*sha256, one.picture.sha256, "{what}");
        assert!(said.contains(what), "{said}");
    };
    for cut in [0, 1, one.bytes.len() / 2, one.bytes.len() - 1] {
        one.put(&one.bytes[..cut]);
        one_is(&format!("has {cut} bytes")).await;
    }
    one.put(&[one.bytes.as_slice(), b"x"].concat());
    one_is(&format!("has {} bytes", one.bytes.len() + 1)).await;
    one.put(&vec![0; one.bytes.len()]);
    one_is("have the hash").await;
    fs::remove_file(&one.place).unwrap();
    one_is("missing").await;
    fs::create_dir(&one.place).unwrap();
    one_is("").await;
    fs::remove_dir(&one.place).unwrap();
    one.put(&other.bytes);
    other.put(&one.bytes);
    let mut swapped = [&one, &other].map(|s| s.picture.sha256.as_str());
    swapped.sort_unstable();
    assert_eq!(wrong(&verified(&app).await), swapped);
    assert_eq!(status(&app, &third.picture.url).await, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_file_is_never_delivered() {
    let app = TestApp::start().await;
    app.brand("north").await;
    // One that is checked before it is sent, and one that is checked on its way.
    for side in [40, 600] {
        let one = Stored::new(&app, side, u64::from(side)).await;
        let url = &one.picture.url;
        let mut bytes = one.bytes.clone();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        one.put(&bytes);
        let small = one.bytes.len() <= 256 * 1024;
        let part = with_header(&app, url, "Range", "bytes=0-9").await;
        if small {
            assert_eq!(part.status(), 500, "a part of a small file is checked, too");
        }
        assert!(
            scrub::run(&app.app, u64::MAX).await.unwrap() > 0,
            "it is read in the background"
        );
        assert_eq!(status(&app, url).await, 500);
        assert_eq!(
            with_header(&app, url, "Range", "bytes=0-9").await.status(),
            500
        );
        let head = app.http.head(url).send().await.unwrap();
        assert_eq!(head.status(), 500);
        let metrics = app.http.get(format!("{}/metrics", app.url)).send().await;
        let metrics = metrics.unwrap().text().await.unwrap();
        assert!(metrics.contains("accolade_wrong_files 1"), "{metrics}");
        assert!(metrics.contains("accolade_wrong_files_found_total"));
        // The same bytes again mend it, at every address.
        let again = picture(&app, one.bytes.clone()).await;
        assert_eq!(again.sha256, one.picture.sha256);
        let got = app.http.get(url).send().await.unwrap();
        assert_eq!(got.status(), 200);
        assert!(got.bytes().await.unwrap() == one.bytes);
        assert_ne!(place_of(&app, &again.sha256).await, one.place);
        // So does putting them back.
        let place = place_of(&app, &again.sha256).await;
        fs::write(&place, b"wrong").unwrap();
        assert_eq!(verified(&app).await.faults.len(), 1);
        assert_eq!(status(&app, url).await, 500);
        fs::write(&place, &one.bytes).unwrap();
        assert_eq!(verified(&app).await.faults.len(), 0);
        assert_eq!(status(&app, url).await, 200);
        scrub::run(&app.app, u64::MAX).await.unwrap();
        app.advance(TimeDelta::hours(25));
    }
    app.stop().await;
}

/// What the delivery itself finds is noted like what the scrub finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_bytes_found_on_their_way_are_noted() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let one = Stored::new(&app, 600, 1).await;
    let mut bytes = one.bytes.clone();
    bytes[7] ^= 1;
    one.put(&bytes);
    let got = app.http.get(&one.picture.url).send().await.unwrap();
    assert!(got.bytes().await.is_err(), "wrong bytes came whole");
    // It is noted beside the request.
    while status(&app, &one.picture.url).await != 500 {
        tokio::task::yield_now().await;
    }
    let part = with_header(&app, &one.picture.url, "Range", "bytes=0-9").await;
    assert_eq!(part.status(), 500);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scrub_goes_on_where_it_stopped() {
    let database = TestDatabase::create().await;
    let store = StoreConfig::Folder(database.folder().join("files"));
    let serve = async || TestApp::serve(&database, store.clone(), Clock::fixed(START)).await;
    let first = serve().await;
    first.brand("north").await;
    for seed in 0..6 {
        picture(&first, noise(40, 40, seed)).await;
    }
    // Some 5 KB each: the server is told to stop somewhere on the way.
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        first.app.draining.send_replace(true);
    };
    let (read, ()) = tokio::join!(scrub::run(&first.app, 20_000), stop);
    let read = read.unwrap();
    assert!(read < 6, "{read}");
    first.stop().await;
    let second = serve().await;
    assert_eq!(scrub::run(&second.app, u64::MAX).await.unwrap(), 6 - read);
    // All of it was read today.
    assert_eq!(scrub::run(&second.app, u64::MAX).await.unwrap(), 0);
    second.advance(TimeDelta::hours(25));
    assert_eq!(scrub::run(&second.app, u64::MAX).await.unwrap(), 6);
    second.advance(TimeDelta::hours(25));
    assert_eq!(scrub::run(&second.app, 0).await.unwrap(), 0);
    second.stop().await;
    database.remove().await;
}

/// A file that goes while it is looked at is no fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_meanwhile_is_not_wrong() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let kept = picture(&app, noise(20, 20, 1_000)).await;
    for seed in 0..30 {
        let gone = picture(&app, noise(20, 20, seed)).await;
        let_go(&app, &gone.sha256, &kept.sha256).await;
    }
    let order = accolade::care::gc::Order {
        grace_ms: 0,
        dry_run: false,
    };
    let tell = &mut |_: &accolade::care::gc::Step| {};
    let cleaning = accolade::care::gc::run(&app.app, order, tell);
    let checking = async {
        for _ in 0..20 {
            assert_eq!(verified(&app).await.faults, []);
        }
    };
    let (cleaned, ()) = tokio::join!(cleaning, checking);
    assert_eq!(cleaned.unwrap().unwrap().removed_files, 30);
    app.stop().await;
}
