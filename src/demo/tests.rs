//! The demo shows what it is meant to show.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use async_graphql::Request;
use serde_json::Value as Json;

use super::{EXAMPLES, fill, seed, story};
use crate::accounts::Viewer;
use crate::app::App;
use crate::config::{Config, Limits, LogFormat};
use crate::graphql::upload::Uploads;
use crate::platform::blob::StoreConfig;
use crate::platform::clock::Clock;
use crate::testing::TestDatabase;

fn config(database: &TestDatabase) -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: database.folder().to_owned(),
        database: database.config().clone(),
        store: StoreConfig::Folder(database.folder().join("files")),
        public_url: "http://127.0.0.1:4000".parse().unwrap(),
        log_format: LogFormat::Text,
        log: "info".to_owned(),
        graphiql: true,
        metrics: false,
        limits: Limits::default(),
    }
}

async fn ask(app: &Arc<App>, document: &str) -> Json {
    let schema = crate::graphql::build();
    let viewer = Arc::new(Viewer::system());
    let request = Request::new(document);
    let data = seed::execute(app, &schema, &viewer, request, Uploads::default()).await;
    data.unwrap_or_else(|error| panic!("{document}: {error:#}"))
}

/// The reasons for which a content is held in a channel, by its title.
async fn holds(app: &Arc<App>, channel: &str, title: &str) -> BTreeSet<String> {
    let fields =
        format!(r#"nodes {{ title availability(channel: "{channel}") {{ holds {{ reason }} }} }}"#);
    let document =
        format!("{{ assets(first: 100) {{ {fields} }} endorsements(first: 100) {{ {fields} }} }}");
    let data = ask(app, &document).await;
    let nodes = ["assets", "endorsements"]
        .into_iter()
        .flat_map(|list| data[list]["nodes"].as_array().unwrap());
    let node = nodes
        .into_iter()
        .find(|n| n["title"] == title)
        .unwrap_or_else(|| panic!("{title} is missing"));
    let holds = node["availability"]["holds"].as_array().unwrap();
    let reasons = holds.iter().map(|h| h["reason"].as_str().unwrap());
    reasons.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_story_holds_what_it_means_to_hold() {
    let database = TestDatabase::create().await;
    let config = config(&database);
    fill(&config).await.unwrap();
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let story = story::read().unwrap();
    let assets = story.assets.iter().map(|a| (&a.key, &a.title));
    let endorsements = story.endorsements.iter().map(|e| (&e.key, &e.title));
    let titles: Vec<_> = assets.chain(endorsements).collect();
    let mut wrong = Vec::new();
    for expected in &story.expect.availability {
        let (_, title) = titles
            .iter()
            .find(|(k, _)| *k == &expected.content)
            .unwrap();
        let found = holds(&app, &expected.channel, title).await;
        let wanted: BTreeSet<_> = expected.holds.iter().cloned().collect();
        if found != wanted {
            let (content, channel) = (&expected.content, &expected.channel);
            wrong.push(format!("{content} in {channel}: {found:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (_, document) in EXAMPLES {
        ask(&app, document).await;
    }
    // What is there already is left as it is.
    let count = "{ endorsements { totalCount } auditLog { totalCount } }";
    let before = ask(&app, count).await;
    fill(&config).await.unwrap();
    assert_eq!(ask(&app, count).await, before);
    drop(app);
    database.remove().await;
}
