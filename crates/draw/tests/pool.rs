//! Whatever a job does costs that job alone, and the next one succeeds.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use accolade_draw::{DrawError, Fit, Isolation, Limits, OutputType, Pool, PoolConfig, Recipe};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/samples")
}

fn pool(change: impl FnOnce(&mut PoolConfig)) -> Pool {
    let mut config = PoolConfig::new(env!("CARGO_BIN_EXE_draw-test-worker").into(), Vec::new());
    config.workers = 1;
    change(&mut config);
    Pool::start(config).unwrap()
}

fn recipe() -> Recipe {
    Recipe::new(Some(100), None, Fit::Inside, OutputType::Jpeg)
}

async fn succeeds(pool: &Pool) {
    let drawn = pool
        .draw(samples().join("photos/flower.jpg"), recipe())
        .await
        .unwrap();
    assert_eq!((drawn.facts.width, drawn.facts.height), (100, 75));
    assert!(drawn.bytes.starts_with(&[0xFF, 0xD8]));
}

/// A picture under a name that the test's worker takes for an order.
fn named(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(format!("{name}.jpg"));
    std::fs::copy(samples().join("photos/flower.jpg"), &path).unwrap();
    path
}

type Expected = Box<dyn Fn(&DrawError) -> bool>;

#[tokio::test]
async fn each_misdeed_costs_its_job_alone() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(|config| {
        // Address space for the program, and some more.
        config.limits.max_memory = 128 * 1024 * 1024;
        config.limits.max_seconds = 3;
    });
    succeeds(&pool).await;
    let crashed = |part: &'static str| move |error: &DrawError| matches!(error, DrawError::Crashed { reason } if reason.contains(part));
    let cases: [(&str, Expected); 8] = [
        ("abort", Box::new(crashed("signal 6"))),
        ("overflow", Box::new(crashed("overflowed its stack"))),
        ("panic", Box::new(crashed("a decoder's panic"))),
        ("exit", Box::new(crashed("exit status: 0"))),
        ("babble", Box::new(crashed("understood"))),
        ("gobble", Box::new(|error| *error == DrawError::OutOfMemory)),
        ("park", Box::new(|error| *error == DrawError::TimedOut)),
        ("spin", Box::new(|error| *error == DrawError::TimedOut)),
    ];
    for (misdeed, expected) in cases {
        let error = pool
            .draw(named(&folder, misdeed), recipe())
            .await
            .unwrap_err();
        assert!(expected(&error), "{misdeed}: {error:?}");
        succeeds(&pool).await;
    }
    let error = pool
        .draw(folder.path().join("none.jpg"), recipe())
        .await
        .unwrap_err();
    assert!(matches!(error, DrawError::Unreadable { .. }), "{error}");
    succeeds(&pool).await;
    pool.shut_down().await;
}

#[tokio::test]
async fn a_worker_reaches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let pool = pool(|_| {});
    succeeds(&pool).await;
    if pool.isolation() == Some(Isolation::LimitsOnly) {
        eprintln!("this kernel has no seccomp: what a worker reaches is not checked");
        return;
    }
    let source = named(&folder, &format!("reach-{port}"));
    match pool.draw(source, recipe()).await.unwrap_err() {
        DrawError::Crashed { reason } => assert_eq!(reason, "could: "),
        error => panic!("{error}"),
    }
    assert!(listener.accept().is_err(), "somebody called");
}

#[tokio::test]
async fn a_full_queue_is_busy_and_those_who_go_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(|config| {
        config.queue = 1;
        config.limits.max_seconds = 60;
    });
    let park = named(&folder, "park");
    let running = tokio::spawn({
        let (pool, park) = (pool.clone(), park.clone());
        async move { pool.draw(park, recipe()).await }
    });
    while pool.load() != (0, 1) {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn({
        let (pool, park) = (pool.clone(), park.clone());
        async move { pool.draw(park, recipe()).await }
    });
    while pool.load() != (1, 1) {
        tokio::task::yield_now().await;
    }
    let error = pool.draw(park, recipe()).await.unwrap_err();
    assert_eq!(error, DrawError::Busy);
    waiting.abort();
    let _ = waiting.await;
    running.abort();
    let _ = running.await;
    succeeds(&pool).await;
}

#[tokio::test]
async fn shutting_down_ends_what_runs_and_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(|config| config.limits.max_seconds = 600);
    let park = named(&folder, "park");
    let jobs: Vec<_> = (0..3)
        .map(|_| {
            let (pool, park) = (pool.clone(), park.clone());
            tokio::spawn(async move { pool.draw(park, recipe()).await })
        })
        .collect();
    while pool.load() != (2, 1) {
        tokio::task::yield_now().await;
    }
    pool.shut_down().await;
    for job in jobs {
        assert_eq!(job.await.unwrap().unwrap_err(), DrawError::Stopped);
    }
    let after = pool.draw(park, recipe()).await.unwrap_err();
    assert_eq!(after, DrawError::Stopped);
}

#[tokio::test]
async fn children_die_with_their_pool() {
    let pool = pool(|_| {});
    succeeds(&pool).await;
    let me = std::process::id();
    let children = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
            .filter(|stat| stat.contains("(draw-test-worke") && stat.contains(&format!(" {me} ")))
            .count()
    };
    pool.shut_down().await;
    assert_eq!(children(), 0);
}

#[tokio::test]
async fn bad_recipes_and_missing_programs_are_said() {
    let pool = pool(|config| config.program = "/nonexistent".into());
    let source = samples().join("photos/flower.jpg");
    let error = pool.draw(source.clone(), recipe()).await.unwrap_err();
    assert!(
        error.to_string().contains("no worker could be started"),
        "{error}"
    );
    assert!(error.is_transient());
    let bad = Recipe {
        width: None,
        ..recipe()
    };
    let error = pool.draw(source, bad).await.unwrap_err();
    assert!(matches!(error, DrawError::Recipe { .. }));
}

#[tokio::test]
async fn limits_are_the_pools() {
    let pool = pool(|config| {
        config.limits = Limits {
            max_pixels: 1_000,
            ..Limits::default()
        };
    });
    let source = samples().join("photos/flower.jpg");
    let error = pool.measure(source).await.unwrap_err();
    assert!(matches!(error, DrawError::TooLarge { .. }), "{error}");
}
