//! Looking at files: each once, in a worker, soon after its bytes are stored.

use std::sync::Arc;
use std::time::Duration;

use accolade_draw::DrawError;
use serde_json::{Map, json};

use super::store::{self, Found, Place, Unseen};
use super::workers::StoredSource;
use crate::accounts::OpContext;
use crate::app::App;
use crate::contents::DRAWN;
use crate::error::{Error, Result};
use crate::platform::blob::StoreConfig;
use crate::platform::tasks;
use crate::platform::text;

/// Counted up when looking finds something else on purpose: all files are looked at again.
pub(crate) const REVISION: i32 = 1;
/// How long one who brings a file waits for what it looks like; after that it is found in the background.
const PATIENCE: Duration = Duration::from_secs(4);
/// Files that one turn in the background looks at.
const TURN: i64 = 100;
/// Most bytes that are copied out of a store that is not a folder only to look at them.
const MOST_COPIED: i64 = 512 << 20;

/// Looks at a file that has just been stored, as long as that is quick. What has not been found by then is
/// found in the background, and so is what cannot be now.
pub(crate) async fn look(app: &Arc<App>, sha256: &str) {
    let (own, sha256) = (Arc::clone(app), sha256.to_owned());
    let looking = tasks::spawn("look", async move {
        match store::if_unseen(own.db.read(), &sha256).await? {
            Some(file) => look_at(&own, file).await,
            None => Ok(()),
        }
    });
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::info!(error = %error, "a file is looked at later"),
        Ok(Err(error)) => tracing::warn!(error = %error, "a file is looked at later"),
        Err(_) => tracing::info!("a file is looked at in the background"),
    }
}

/// Looks at what nobody has looked at: a turn goes on where the last one ended, so that what cannot be looked
/// at now, and is tried again when all others have had their turn, holds nobody up.
pub async fn sweep(app: &Arc<App>) -> Result<()> {
    let after = app.workers.swept_to();
    let files = store::unseen_after(app.db.read(), &after, TURN).await?;
    // After the last there is the first again.
    app.workers.sweep_on_from(Place::default());
    for file in files {
        if *app.draining.borrow() {
            break;
        }
        app.workers
            .sweep_on_from((file.looked_revision, file.sha256.clone()));
        if let Err(error) = look_at(app, file).await {
            tracing::info!(error = %error, "a file is looked at later");
        }
    }
    Ok(())
}

async fn look_at(app: &Arc<App>, file: Unseen) -> Result<()> {
    let found = find(app, &file).await?;
    let cx = OpContext::system(app);
    cx.write(found, |tx, found| Box::pin(store::keep(tx, found)))
        .await
}

/// What there is to be found in a file. An error says that it cannot be looked at now.
async fn find(app: &Arc<App>, file: &Unseen) -> Result<Found> {
    let mut found = Found {
        sha256: file.sha256.clone(),
        looks: None,
        metadata: Map::new(),
        pages: None,
    };
    let copied = !matches!(app.config.store, StoreConfig::Folder(_));
    if copied && file.bytes > MOST_COPIED {
        let note = "The file is too large to be read for what it says of itself.";
        found.metadata.insert("notes".to_owned(), json!([note]));
        return Ok(found);
    }
    let source = StoredSource::of(app, &file.sha256).await?;
    let pool = app.workers.pool(app)?;
    // Two jobs: where drawing it is the end of a worker, what it says is known all the same.
    match pool.describe(source.path().to_owned()).await {
        Ok(said) => {
            found.metadata = said.found;
            found.pages = said.pages;
        }
        Err(error) => {
            let note = later_or_reason(&error)?;
            found.metadata.insert("notes".to_owned(), json!([note]));
        }
    }
    if DRAWN.contains(&file.media_type.as_str()) {
        let looks = pool.measure(source.path().to_owned()).await;
        found.looks = Some(match looks {
            Ok(looks) => Ok(looks),
            Err(error) => Err(later_or_reason(&error)?),
        });
    }
    Ok(found)
}

/// Why a file cannot be looked at, for people; an error where that may be otherwise later.
fn later_or_reason(error: &DrawError) -> Result<String> {
    if error.is_transient() {
        return Err(Error::Unavailable(anyhow::anyhow!("{error}")));
    }
    Ok(text::sentence(&error.to_string()))
}
