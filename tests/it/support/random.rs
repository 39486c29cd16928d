//! Random cases that can be had again.

use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestRunner};

/// Where every run begins, so that two runs of the same code try the same.
const SEED: u64 = 20_260_601;

/// How many cases proptest makes where nobody says.
const PROPTESTS: u32 = 256;

/// A runner of so many cases. `PROPTEST_RNG_SEED` begins elsewhere and `PROPTEST_CASES` tries more: what fails is
/// printed, made as small as it gets, and comes again with its seed.
pub(crate) fn runner(what: &str, cases: u32) -> TestRunner {
    let given = Config::default();
    let seed = match given.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => SEED,
    };
    let cases = if given.cases == PROPTESTS {
        cases
    } else {
        given.cases
    };
    eprintln!("{what}: {cases} cases, PROPTEST_RNG_SEED={seed}");
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        rng_algorithm: RngAlgorithm::ChaCha,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..given
    })
}

/// A runtime for the cases of one test, which are not asynchronous themselves.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}
