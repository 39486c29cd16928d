//! `seed`: fills an empty database with a catalogue of a given size, the same every time.

mod contents;
mod sink;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use accolade::accounts::{Scope, create_operator_token};
use accolade::app::App;
use accolade::config::{Config, Settings};
use accolade::platform::clock::Clock;
use accolade::platform::ids::encode;
use anyhow::{Context, anyhow, ensure};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use contents::{Contents, ENDORSED};
use sink::{Batch, Sink};
use world::{LARGE, SMALL, World};

/// What to seed.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// `sqlite://PATH` or `postgres://…`: empty, or not there yet
    #[arg(long, value_name = "URL")]
    database_url: String,
    /// How many assets; everything else is in proportion to them
    #[arg(long, default_value_t = 100_000)]
    assets: usize,
    /// Where the load finds what it needs to know
    #[arg(long, value_name = "FILE", default_value = "seed.json")]
    out: PathBuf,
}

/// What the load needs to know of a seeded database.
#[derive(Serialize, Deserialize)]
pub(crate) struct Seed {
    pub(crate) database_url: String,
    pub(crate) assets: usize,
    /// The secret of a token that reads everything.
    pub(crate) read_token: String,
    /// The secret of a token that may do everything.
    pub(crate) admin_token: String,
    pub(crate) large_channel: String,
    pub(crate) small_channel: String,
    /// Ids of contents, as the API spells them.
    pub(crate) nodes: Vec<String>,
    /// Ids of assets that have an approved version.
    pub(crate) placeable: Vec<String>,
}

impl Seed {
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Contents that are made before they are written.
const BATCH: usize = 2_000;

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.assets >= 1_000, "--assets must be at least 1000");
    let clock = Clock::system();
    let scratch = tempfile::tempdir()?;
    let settings = Settings {
        database_url: Some(options.database_url.clone()),
        data_dir: Some(scratch.path().to_owned()),
        ..Settings::default()
    };
    let app = App::open(Config::load(None, &settings)?, clock.clone()).await?;
    let mut sink = Sink::open(&options.database_url).await?;
    ensure!(sink.is_empty().await?, "the database is not empty");

    let now = clock.now().0;
    let mut rng = StdRng::seed_from_u64(7);
    let total = options.assets + options.assets / (ENDORSED - 1);
    let mut first = Batch::default();
    let before = now - 740 * 86_400_000;
    let world = World::make(&mut rng, options.assets, before, &mut first);
    sink.write(first).await?;
    let mut contents = Contents::new(rng, &world, total, now);
    for start in (0..total).step_by(BATCH) {
        let mut batch = Batch::default();
        for n in start..(start + BATCH).min(total) {
            contents.make(n, &mut batch);
        }
        sink.write(batch).await?;
    }
    sink.finish().await?;

    let token = async |name: &str, scope| {
        create_operator_token(&app, name, BTreeSet::from([scope]), None)
            .await
            .map_err(|error| anyhow!("{error}"))
    };
    let samples = contents.samples;
    let assets = samples.assets.into_iter().map(|id| encode("asset", id));
    let endorsements = samples
        .endorsements
        .into_iter()
        .map(|id| encode("endorsement", id));
    let seed = Seed {
        assets: options.assets,
        read_token: token("load", Scope::Read).await?,
        admin_token: token("load that writes", Scope::Admin).await?,
        large_channel: LARGE.to_owned(),
        small_channel: SMALL.to_owned(),
        nodes: assets.chain(endorsements).collect(),
        placeable: samples.placeable,
        database_url: options.database_url,
    };
    std::fs::write(&options.out, serde_json::to_string_pretty(&seed)?)?;
    Ok(())
}
