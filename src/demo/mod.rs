//! The demo: a catalogue that tells a story, put into an empty database and served.

mod pictures;
mod seed;
mod story;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use anyhow::Context;

use crate::accounts::{OpContext, Scope, create_operator_token};
use crate::app::App;
use crate::catalog::list_brands;
use crate::config::Config;
use crate::platform::clock::Clock;

/// Where the demo is kept unless the configuration says.
pub const DATA_DIR: &str = "data/demo";

/// Questions worth asking of the demo: what they are about, and the document.
pub const EXAMPLES: [(&str, &str); 6] = [
    (
        "May the top pick go out here? On the website, in Amazon's main image, in its A+ content:",
        r#"{ endorsements(first: 1, filter: { endorsementKind: [RANKING], product: ["NL-1"] }) { nodes {
    title
    site: availability(channel: "site") { available until holds { reason message } }
    mainImage: availability(channel: "amazon-us.main-image") { available holds { reason message } }
    aPlus: availability(channel: "amazon-us.a-plus") { available terms { showYear disclaimer } }
} } }"#,
    ),
    (
        "All that the website may show now:",
        r#"{ channel(slug: "site") { name contents(first: 20) { totalCount nodes { __typename id title } } } }"#,
    ),
    (
        "Which wins are wasted, the worst first:",
        "{ waste(first: 5) { totalCount nodes { days score endorsement { title } channel { name } } } }",
    ),
    (
        "Every win by every channel: used, stale, in breach, or a gap:",
        "{ coverage { summary { endorsements live stale breach planned gap waived blocked coverage } rows { nodes { endorsement { title } cells { channel { slug } state gapDays holds { message } placements { location } } } } } }",
    ),
    (
        "What waits for a review:",
        "{ reviewQueue { nodes { number state note content { title } } } }",
    ),
    (
        "What speaks of lamps, in any language; try review too:",
        r#"{ search(query: "灯") { nodes { __typename ... on Asset { title } ... on Endorsement { title status } } } }"#,
    ),
];

/// Opens the demo, having filled its database if no brand is in it. Beside the application stands what to
/// tell the one who started it, with the secret of a new ADMIN token.
pub async fn open(config: Config) -> anyhow::Result<(Arc<App>, String)> {
    fill(&config).await?;
    let app = App::open(config, Clock::system()).await?;
    let scopes = BTreeSet::from([Scope::Admin]);
    let secret = create_operator_token(&app, "demo", scopes, None).await?;
    let text = greeting(&app, &secret);
    Ok((app, text))
}

/// Plays the story into a database without brands. The application that does so has a clock of its own and
/// is closed when this returns.
async fn fill(config: &Config) -> anyhow::Result<()> {
    let story = story::read()?;
    let today = Clock::system().now().day();
    let clock = Clock::fixed(seed::beginning(&story, today)?);
    let app = App::open(config.clone(), clock.clone()).await?;
    if !list_brands(&OpContext::system(&app)).await?.is_empty() {
        return Ok(());
    }
    tracing::info!("filling the database with the demo's catalogue");
    Box::pin(seed::play(&story, app, clock, today))
        .await
        .with_context(|| {
            format!(
                "the demo could not be filled; empty its database and {} before the next try",
                config.data_dir.display()
            )
        })
}

fn greeting(app: &App, secret: &str) -> String {
    let url = app.config.public_url.as_str().trim_end_matches('/');
    let mut text = format!(
        "\nAccolade's demo\n\n  GraphiQL   {url}/graphiql/\n  Token      {secret}\n  \
         Header     {{\"Authorization\": \"Bearer {secret}\"}}\n\nThings to try:\n"
    );
    for (about, document) in EXAMPLES {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# {about}\n{document}\n");
    }
    text.push('\n');
    text
}
