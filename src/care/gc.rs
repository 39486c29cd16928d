//! Removes what nothing refers to, in two phases: what is found so is marked; what is marked for longer than
//! the grace and still so is removed. The row goes first, then the object, so that a crash between the two
//! leaves an object that the next run finds.
//!
//! What makes it safe beside uploads and other users of bytes is in [`crate::assets::uses`].

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};

use super::turns::{self, Work};
use crate::accounts::OpContext;
use crate::app::App;
use crate::assets::uses::{self, Named};
use crate::error::{Error, Result};
use crate::platform::blob::{Blobs, StoreConfig};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch_count};

/// How long something must have been unreferenced before it is removed, in milliseconds.
pub const GRACE_MS: i64 = Timestamp::DAY_MS;
/// How often the server does it by itself, in milliseconds.
const PAUSE_MS: i64 = Timestamp::DAY_MS;
/// Names looked at together.
const BATCH: usize = 500;
/// Removed names are remembered so long: no upload lasts longer.
const REMEMBERED_DAYS: i64 = 30;
/// An unfinished object that was written to within this time is still being written.
const STILL_WRITTEN: Duration = Duration::from_hours(1);

/// How often it is said that the run goes on.
const RENEW: Duration = Duration::from_secs(30);

const FILE: &str = "FILE";
const OBJECT: &str = "OBJECT";

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub grace_ms: i64,
    /// Only says what would be done.
    pub dry_run: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            grace_ms: GRACE_MS,
            dry_run: false,
        }
    }
}

/// Something that happened, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Marked(Thing),
    Removed(Thing),
}

/// A file by its hash, or an object by its key, and how many bytes it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    File(String, i64),
    Object(String, i64),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, thing) = match self {
            Self::Marked(thing) => ("marked", thing),
            Self::Removed(thing) => ("removed", thing),
        };
        match thing {
            Thing::File(name, bytes) => write!(f, "{what} file {name}, {bytes} bytes"),
            Thing::Object(name, bytes) => write!(f, "{what} object {name}, {bytes} bytes"),
        }
    }
}

/// How much of it there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub marked_files: u64,
    pub marked_objects: u64,
    pub removed_files: u64,
    pub removed_objects: u64,
    /// Of the objects that were removed.
    pub removed_bytes: u64,
    /// A backup was under way, and nothing was removed.
    pub backup: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "removed: {} files and {} objects, {} bytes; marked: {} files and {} objects",
            self.removed_files,
            self.removed_objects,
            self.removed_bytes,
            self.marked_files,
            self.marked_objects
        )?;
        if self.backup {
            f.write_str("; nothing was removed, because a backup is under way")?;
        }
        Ok(())
    }
}

/// Does it, unless another instance is at it. `tell` hears of each thing.
pub async fn run(
    app: &Arc<App>,
    order: Order,
    tell: &mut (dyn FnMut(&Step) + Send + Sync),
) -> Result<Option<Report>> {
    run_after(app, order, 0, tell).await
}

/// The same for a server by itself, once a day.
pub async fn run_daily(app: &Arc<App>) -> Result<()> {
    let tell = &mut |step: &Step| tracing::debug!(%step, "cleaning the store");
    if let Some(report) = run_after(app, Order::default(), PAUSE_MS, tell).await? {
        tracing::info!(
            removed_files = report.removed_files,
            removed_objects = report.removed_objects,
            removed_bytes = report.removed_bytes,
            marked_files = report.marked_files,
            marked_objects = report.marked_objects,
            "cleaned the store"
        );
    }
    Ok(())
}

async fn run_after(
    app: &Arc<App>,
    order: Order,
    pause_ms: i64,
    tell: &mut (dyn FnMut(&Step) + Send + Sync),
) -> Result<Option<Report>> {
    let mut run = Run {
        app,
        order,
        before: app.clock.now().plus_ms(-order.grace_ms),
        report: Report::default(),
        turn: None,
        renewed: Instant::now(),
        tell,
    };
    if !order.dry_run {
        run.turn = turns::take(app, Work::Gc, pause_ms).await?;
        if run.turn.is_none() {
            return Ok(None);
        }
    }
    let outcome = run.work().await;
    if let Some(turn) = run.turn.take() {
        turn.end(outcome.is_ok()).await?;
    }
    outcome.map(|()| Some(run.report))
}

struct Run<'a> {
    app: &'a Arc<App>,
    order: Order,
    /// What was marked by then may be removed.
    before: Timestamp,
    report: Report,
    turn: Option<turns::Turn>,
    renewed: Instant,
    tell: &'a mut (dyn FnMut(&Step) + Send + Sync),
}

impl Run<'_> {
    async fn work(&mut self) -> Result<()> {
        if !self.order.dry_run {
            let cx = OpContext::system(self.app);
            let long_ago = cx.at().plus_days(-REMEMBERED_DAYS);
            cx.write(long_ago, |tx, long_ago| {
                Box::pin(uses::unmark_used(tx, *long_ago))
            })
            .await?;
        }
        // What is marked now is removed now only without a grace.
        self.mark_files().await?;
        for folder in Blobs::folders() {
            self.still_ours().await?;
            self.look_at_objects(&folder).await?;
            self.look_at_unfinished(&folder).await?;
        }
        if self.backup_runs().await? {
            self.report.backup = true;
            return Ok(());
        }
        self.remove_files().await?;
        self.remove_objects().await
    }

    /// Fails where the turn was lost to another instance.
    async fn still_ours(&mut self) -> Result<()> {
        if self.renewed.elapsed() < RENEW {
            return Ok(());
        }
        self.renewed = Instant::now();
        match &self.turn {
            Some(turn) if !turn.renew().await? => Err(Error::Unavailable(anyhow::anyhow!(
                "another instance cleans the store by now"
            ))),
            _ => Ok(()),
        }
    }

    async fn backup_runs(&self) -> Result<bool> {
        let sql = Sql::new("SELECT count(*) AS n FROM (SELECT 1) one WHERE ")
            .append(turns::no_backup(self.app.clock.now()));
        Ok(fetch_count(self.app.db.read(), sql).await? == 0)
    }

    async fn mark(&mut self, kind: &'static str, found: Vec<Named>) -> Result<()> {
        if !self.order.dry_run && !found.is_empty() {
            let cx = OpContext::system(self.app);
            cx.write((kind, found.clone()), |tx, (kind, found)| {
                Box::pin(uses::mark(tx, kind, found))
            })
            .await?;
        }
        for Named { name, bytes } in found {
            let thing = if kind == FILE {
                self.report.marked_files += 1;
                Thing::File(name, bytes)
            } else {
                self.report.marked_objects += 1;
                Thing::Object(name, bytes)
            };
            (self.tell)(&Step::Marked(thing));
        }
        Ok(())
    }

    async fn mark_files(&mut self) -> Result<()> {
        let mut after = String::new();
        loop {
            self.still_ours().await?;
            let found = uses::unused(self.app.db.read(), &after, limit()).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after.clone_from(&last.name);
            self.mark(FILE, found).await?;
        }
    }

    /// Marks the objects of a folder that nothing keeps; those that were given up and are still there go.
    async fn look_at_objects(&mut self, folder: &str) -> Result<()> {
        let mut objects = self.app.blobs.objects(folder).try_chunks(BATCH);
        while let Some(some) = objects.next().await {
            let some = some.map_err(|error| error.1)?;
            let sizes: HashMap<String, u64> = some
                .into_iter()
                .filter(|(key, _)| Blobs::is_key(key))
                .collect();
            for (name, bytes) in self.sort_out(sizes).await? {
                self.remove_object(&name, bytes).await?;
            }
        }
        Ok(())
    }

    /// Marks what nothing keeps; answers what was given up before.
    async fn sort_out(&mut self, sizes: HashMap<String, u64>) -> Result<Vec<(String, i64)>> {
        if sizes.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = sizes.keys().cloned().collect();
        // The marks first: what is not marked then and is kept afterwards is kept.
        let marked: HashMap<String, bool> = uses::marked(self.app.db.read(), &names)
            .await?
            .into_iter()
            .collect();
        let owners: Vec<String> = names
            .iter()
            .map(|name| uses::owner_key(name).to_owned())
            .collect();
        let owned: HashSet<String> = uses::owned(self.app.db.read(), &owners)
            .await?
            .into_iter()
            .collect();
        let (mut found, mut given_up) = (Vec::new(), Vec::new());
        for (name, size) in sizes {
            let bytes = i64::try_from(size).unwrap_or(i64::MAX);
            match marked.get(&name) {
                Some(true) => given_up.push((name, bytes)),
                Some(false) => {}
                None if owned.contains(uses::owner_key(&name)) => {}
                None => found.push(Named { name, bytes }),
            }
        }
        self.mark(OBJECT, found).await?;
        Ok(given_up)
    }

    /// The same for what never became an object: a folder keeps what a killed upload has written. (A bucket
    /// keeps such parts where no list shows them, and has rules of its own to clear them away.)
    async fn look_at_unfinished(&mut self, folder: &str) -> Result<()> {
        let StoreConfig::Folder(root) = &self.app.config.store else {
            return Ok(());
        };
        let (place, folder) = (root.join(folder), folder.to_owned());
        let mut entries = match blocking(move || std::fs::read_dir(place)).await? {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        loop {
            let folder = folder.clone();
            let (rest, sizes, more) = blocking(move || some_unfinished(entries, &folder)).await??;
            entries = rest;
            let given_up = self.sort_out(sizes).await?;
            let names = given_up.iter().map(|(name, _)| name.clone()).collect();
            let written = self.still_written(names).await?;
            for (name, bytes) in given_up {
                if !written.contains(&name) {
                    self.remove_object(&name, bytes).await?;
                }
            }
            if !more {
                return Ok(());
            }
        }
    }

    async fn remove_files(&mut self) -> Result<()> {
        let mut after = String::new();
        loop {
            self.still_ours().await?;
            let due = uses::due(self.app.db.read(), FILE, self.before, &after, limit()).await?;
            let Some(last) = due.last() else {
                return Ok(());
            };
            after.clone_from(&last.name);
            for file in due {
                self.remove_file(file).await?;
            }
        }
    }

    async fn remove_file(&mut self, file: Named) -> Result<()> {
        let object = if self.order.dry_run {
            None
        } else {
            let cx = OpContext::system(self.app);
            let input = (file.name.clone(), self.before);
            let given_up = cx.write(input, |tx, (sha256, before)| {
                Box::pin(async move {
                    if backup_began(tx).await? {
                        return Ok(None);
                    }
                    let object = uses::give_up_file(tx, sha256, *before).await?;
                    Ok(object.map(|object| object.name))
                })
            });
            match given_up.await {
                Ok(Some(object)) => Some(object),
                // It is used again.
                Ok(None) => return Ok(()),
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => {
                    // Something refers to it that is not known here: it stays, and the others are looked at.
                    tracing::error!(error = %error, file.sha256 = file.name, "a file was not removed");
                    return Ok(());
                }
            }
        };
        self.report.removed_files += 1;
        (self.tell)(&Step::Removed(Thing::File(file.name, file.bytes)));
        if let Some(object) = object {
            self.remove_object(&object, file.bytes).await?;
        }
        Ok(())
    }

    async fn remove_objects(&mut self) -> Result<()> {
        let mut after = String::new();
        loop {
            self.still_ours().await?;
            let due = uses::due(self.app.db.read(), OBJECT, self.before, &after, limit()).await?;
            let Some(last) = due.last() else {
                return Ok(());
            };
            after.clone_from(&last.name);
            let mut sizes: HashMap<String, i64> =
                due.into_iter().map(|one| (one.name, one.bytes)).collect();
            let unfinished: Vec<String> = sizes
                .keys()
                .filter(|k| !Blobs::is_key(k))
                .cloned()
                .collect();
            for name in self.still_written(unfinished).await? {
                sizes.remove(&name);
            }
            let names: Vec<String> = sizes.keys().cloned().collect();
            let names = if self.order.dry_run {
                names
            } else {
                let cx = OpContext::system(self.app);
                cx.write((names, self.before), |tx, (names, before)| {
                    Box::pin(async move {
                        if backup_began(tx).await? {
                            return Ok(Vec::new());
                        }
                        uses::give_up_objects(tx, names, *before).await
                    })
                })
                .await?
            };
            for name in names {
                let bytes = sizes.get(&name).copied().unwrap_or_default();
                self.remove_object(&name, bytes).await?;
            }
        }
    }

    /// Those of these unfinished objects that are still being written.
    async fn still_written(&self, names: Vec<String>) -> Result<Vec<String>> {
        let StoreConfig::Folder(root) = &self.app.config.store else {
            return Ok(names);
        };
        let root = root.clone();
        blocking(move || {
            names
                .into_iter()
                .filter(|name| was_written_lately(&root.join(name)))
                .collect()
        })
        .await
    }

    /// Removes the object of something that was given up.
    async fn remove_object(&mut self, name: &str, bytes: i64) -> Result<()> {
        if !self.order.dry_run {
            if Blobs::is_key(name) {
                self.app.blobs.delete(name).await?;
            } else if let StoreConfig::Folder(root) = &self.app.config.store {
                let path = root.join(name);
                blocking(move || remove_unfinished(&path)).await??;
            }
        }
        self.report.removed_objects += 1;
        self.report.removed_bytes += u64::try_from(bytes).unwrap_or(0);
        (self.tell)(&Step::Removed(Thing::Object(name.to_owned(), bytes)));
        Ok(())
    }
}

fn limit() -> i64 {
    i64::try_from(BATCH).unwrap_or(i64::MAX)
}

/// Whether a backup has begun by now: then nothing more is given up, because its snapshot may name it.
async fn backup_began(tx: &crate::platform::db::Tx) -> Result<bool> {
    let sql = Sql::new("SELECT count(*) AS n FROM (SELECT 1) one WHERE ")
        .append(turns::no_backup(tx.op.at));
    Ok(fetch_count(&**tx, sql).await? == 0)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Error::internal)
}

type Found = (std::fs::ReadDir, HashMap<String, u64>, bool);

/// The next unfinished objects of a folder, and whether there are more.
fn some_unfinished(mut entries: std::fs::ReadDir, folder: &str) -> std::io::Result<Found> {
    let mut sizes = HashMap::new();
    for entry in entries.by_ref() {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if !is_unfinished(&name) {
            continue;
        }
        match entry.metadata() {
            Ok(about) if about.is_file() => sizes.insert(name, about.len()),
            // Finished, or given up by its writer, since the folder was read.
            _ => continue,
        };
        if sizes.len() == BATCH {
            return Ok((entries, sizes, true));
        }
    }
    Ok((entries, sizes, false))
}

/// Whether this is what an object is called while it is written: its key, `#` and a number.
fn is_unfinished(name: &str) -> bool {
    name.split_once('#').is_some_and(|(key, number)| {
        Blobs::is_key(key) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn was_written_lately(path: &Path) -> bool {
    let written = path.metadata().and_then(|about| about.modified());
    // A time ahead of the machine's clock is not long ago either; what is gone need not be waited for.
    written.is_ok_and(|at| at.elapsed().unwrap_or_default() < STILL_WRITTEN)
}

fn remove_unfinished(path: &PathBuf) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_objects_are_told_from_other_names() {
        let key = Blobs::new_key(uuid::Uuid::from_u128(7));
        assert!(is_unfinished(&format!("{key}#1")));
        for other in [
            key.clone(),
            format!("{key}#"),
            format!("{key}#a"),
            format!("x{key}#1"),
        ] {
            assert!(!is_unfinished(&other), "{other}");
        }
    }
}
