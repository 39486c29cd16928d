//! The demo shows what it is meant to show.

use std::collections::BTreeSet;

use accolade::demo;
use accolade::testing::TestDatabase;
use serde_json::{Value as Json, json};

use crate::support::{Server, TestApp};

/// Written for the demo; what it says of availability is what is looked for here.
const STORY: &str = include_str!("../../src/demo/story.json");

/// The reasons for which a content is held in a channel, by its title.
async fn holds(app: &TestApp, channel: &str, title: &str) -> BTreeSet<String> {
    let document = "query($channel: ID!) {
        assets(first: 100) { nodes { title availability(channel: $channel) { holds { reason } } } }
        endorsements(first: 100) { nodes { title availability(channel: $channel) { holds { reason } } } } }";
    let answer = app.ask(&app.admin, document, json!({ "channel": channel }));
    let data = answer.await.data();
    let nodes = ["assets", "endorsements"]
        .into_iter()
        .flat_map(|list| data[list]["nodes"].as_array().unwrap());
    let node = nodes.into_iter().find(|node| node["title"] == title);
    let node = node.unwrap_or_else(|| panic!("{title} is missing"));
    let holds = node["availability"]["holds"].as_array().unwrap();
    let reasons = holds.iter().map(|h| h["reason"].as_str().unwrap());
    reasons.map(str::to_owned).collect()
}

/// Each cell is in the state that the story says; `every` stands for all of them.
async fn check_coverage(
    app: &TestApp,
    story: &Json,
    titles: &[(&str, &str)],
    wrong: &mut Vec<String>,
) {
    let document = "{ coverage { rows(first: 100) { nodes { endorsement { title }
        cells { channel { slug } state } } } } }";
    let found = app.query(document).await;
    let rows = found["coverage"]["rows"]["nodes"].as_array().unwrap();
    let mut states = BTreeSet::new();
    for expected in story["expect"]["coverage"].as_array().unwrap() {
        let (_, title) = titles
            .iter()
            .find(|(key, _)| expected["endorsement"] == *key)
            .unwrap();
        let row = rows
            .iter()
            .find(|row| row["endorsement"]["title"] == *title)
            .unwrap();
        for cell in row["cells"].as_array().unwrap() {
            let slug = cell["channel"]["slug"].as_str().unwrap();
            states.insert(cell["state"].as_str().unwrap().to_owned());
            let wanted = match &expected["every"] {
                Json::Null => &expected["cells"][slug],
                every => every,
            };
            if !wanted.is_null() && cell["state"] != *wanted {
                wrong.push(format!(
                    "{title} in {slug}: {}, not {wanted}",
                    cell["state"]
                ));
            }
        }
    }
    let all = [
        "BLOCKED", "BREACH", "GAP", "LIVE", "PLANNED", "STALE", "WAIVED",
    ];
    assert_eq!(states, all.map(str::to_owned).into(), "each state is shown");
}

fn titles(story: &Json) -> Vec<(&str, &str)> {
    let contents = ["assets", "endorsements"]
        .into_iter()
        .flat_map(|list| story[list].as_array().unwrap());
    contents
        .map(|content| {
            let text = |field: &str| content[field].as_str().unwrap();
            (text("key"), text("title"))
        })
        .collect()
}

#[tokio::test]
async fn the_story_holds_what_it_means_to_hold() {
    let database = TestDatabase::create().await;
    let mut config = database.server_config();
    config.draw_program = Some(env!("CARGO_BIN_EXE_accolade").into());
    let (filled, greeting) = demo::open(config.clone()).await.unwrap();
    let secret = greeting
        .lines()
        .find_map(|line| line.trim().strip_prefix("Token"));
    let secret = secret.unwrap().trim().to_owned();
    let app = TestApp::serving(filled, secret).await;

    let story: Json = serde_json::from_str(STORY).unwrap();
    let titles = titles(&story);
    let mut wrong = Vec::new();
    for expected in story["expect"]["availability"].as_array().unwrap() {
        let (_, title) = titles
            .iter()
            .find(|(key, _)| expected["content"] == *key)
            .unwrap();
        let channel = expected["channel"].as_str().unwrap();
        let found = holds(&app, channel, title).await;
        let wanted: BTreeSet<String> = serde_json::from_value(expected["holds"].clone()).unwrap();
        if found != wanted {
            wrong.push(format!("{title} in {channel}: {found:?}, not {wanted:?}"));
        }
    }
    check_coverage(&app, &story, &titles, &mut wrong).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (_, document) in demo::EXAMPLES {
        app.query(document).await;
    }
    // What is there already is left as it is.
    let count = "{ endorsements { totalCount } auditLog { totalCount } }";
    let before = app.query(count).await;
    drop(demo::open(config).await.unwrap());
    let after = app.query(count).await;
    assert_eq!(after["endorsements"], before["endorsements"]);
    app.stop().await;
    database.remove().await;
}

/// As whoever tries it first starts it: with nothing set, in a folder where nothing is yet.
#[tokio::test]
async fn it_is_served_from_the_folder_that_it_is_started_in() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::demo(folder.path()).await);
    assert!(folder.path().join("data/demo/files").is_dir());
}
