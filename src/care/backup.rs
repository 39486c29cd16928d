//! Copies the database and the folder of the embedded mode, while the server goes on.
//!
//! First the heads of the audit log, then the database, then the objects that it names: a head is of something
//! that is in the database by then, and objects never change. Meanwhile nothing is removed from the store.
//! The copy is made beside its place and moved there when all of it is on the disk.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::manifest::{self, About, DATABASE, FAULTS, FILES, HEADS, Writer};
use super::turns::{self, Turn, Work};
use crate::app::App;
use crate::config::Config;
use crate::platform::blob::{Blobs, StoreConfig};
use crate::platform::db::snapshot::{self, NamedFile, Snapshot};

/// Files whose rows are read together.
const BATCH: i64 = 500;
/// How often it is said that the backup still runs.
const RENEW: Duration = Duration::from_mins(1);

/// What was copied.
#[derive(Clone, Debug)]
pub struct Report {
    pub files: u64,
    pub bytes: u64,
    /// Files whose objects were not what was stored, which the backup does not have.
    pub faults: u64,
}

/// Where a database and its files lie, if both are in this machine's folders.
pub(super) fn local<'a>(config: &'a Config, what: &str) -> anyhow::Result<(&'a Path, &'a Path)> {
    let Some(database) = snapshot::sqlite_path(&config.database.url) else {
        bail!(
            "`accolade {what}` is for SQLite and a folder, and the database is on PostgreSQL: use pg_dump and \
             pg_restore, or what your provider has, for the database, and the store's own means for the files; \
             copy the database first and the files after it"
        );
    };
    let StoreConfig::Folder(files) = &config.store else {
        bail!(
            "`accolade {what}` is for SQLite and a folder, and the files are in an S3 store: copy the database \
             with sqlite3's .backup, and the bucket after it with the store's own means (replication, versions, \
             or a copy by rclone)"
        );
    };
    Ok((database, files))
}

/// Makes a backup where nothing is yet. With `link` files are not copied but linked, where that can be: it
/// takes no room and no time, and does not protect from a failing disk.
pub async fn run(app: &Arc<App>, to: &Path, link: bool) -> anyhow::Result<Report> {
    let (database, files) = local(&app.config, "backup")?;
    ensure!(
        fs::symlink_metadata(to).is_err(),
        "{} is there already: name a folder that is not",
        to.display()
    );
    let Some(turn) = turns::take(app, Work::Backup, 0).await? else {
        bail!(
            "another backup is under way, or one was killed less than {} minutes ago",
            turns::TURN_MS / 60_000
        );
    };
    let parent = manifest::parent(to);
    fs::create_dir_all(&parent).with_context(|| format!("making {}", parent.display()))?;
    let partial = manifest::beside(to, &format!(".partial-{}", app.ids.uuid(app.clock.now())));
    let job = Job {
        database: database.to_owned(),
        files: files.to_owned(),
        partial: partial.clone(),
        link,
        taken_at: app.clock.now().to_rfc3339(),
    };
    let outcome = tokio::select! {
        made = job.make() => made,
        lost = keep(&turn) => Err(lost),
    };
    turn.end(outcome.is_ok()).await?;
    let moved = outcome.and_then(|report| {
        // Not by rename alone: it would take the place of an empty folder that was made meanwhile.
        ensure!(
            fs::symlink_metadata(to).is_err(),
            "{} is there by now",
            to.display()
        );
        fs::rename(&partial, to).with_context(|| format!("naming the backup {}", to.display()))?;
        fs::File::open(&parent)?.sync_all()?;
        Ok(report)
    });
    if moved.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    moved
}

/// Keeps the turn; the answer is why that failed.
async fn keep(turn: &Turn) -> anyhow::Error {
    loop {
        tokio::time::sleep(RENEW).await;
        match turn.renew().await {
            Ok(true) => {}
            Ok(false) => {
                return anyhow::anyhow!("the backup took a pause so long that its turn was over");
            }
            Err(error) => return anyhow::Error::new(error).context("keeping the backup's turn"),
        }
    }
}

struct Job {
    database: PathBuf,
    files: PathBuf,
    partial: PathBuf,
    link: bool,
    taken_at: String,
}

impl Job {
    async fn make(self) -> anyhow::Result<Report> {
        let job = self;
        let (job, made) = blocking(move || {
            let made = job.begin();
            (job, made)
        })
        .await?;
        let mut made = made?;
        let copy = job.partial.join(DATABASE);
        snapshot::copy(&job.database, &copy).await?;
        let mut rows = Snapshot::open(&copy).await?;
        let mut after = String::new();
        let mut job = job;
        loop {
            let some = rows.files_after(&after, BATCH).await?;
            let Some(last) = some.last() else { break };
            after.clone_from(&last.sha256);
            (job, made) = blocking(move || {
                let done = some.iter().try_for_each(|file| job.take(file, &mut made));
                done.map(|()| (job, made))
            })
            .await??;
        }
        rows.close().await?;
        blocking(move || job.finish(made)).await?
    }

    /// Makes the folder and takes the heads of the audit log.
    fn begin(&self) -> anyhow::Result<Made> {
        fs::create_dir(&self.partial)
            .with_context(|| format!("making {}", self.partial.display()))?;
        let files = self.partial.join(FILES);
        fs::create_dir(&files)?;
        for folder in Blobs::folders() {
            fs::create_dir(files.join(folder))?;
        }
        let mut manifest = Writer::create(&self.partial)?;
        let heads = files.join(HEADS);
        fs::create_dir(&heads)?;
        let found = match fs::read_dir(self.files.join(HEADS)) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        for head in found.into_iter().flatten() {
            let head = head?;
            let name = head.file_name().to_string_lossy().into_owned();
            // What is being written is not there yet.
            if head.file_type()?.is_file() && !name.contains('#') {
                let (hash, _) = manifest::copy(&head.path(), &heads.join(&name))?;
                manifest.add(&hash, &format!("{FILES}/{HEADS}/{name}"))?;
            }
        }
        Ok(Made {
            manifest,
            report: Report {
                files: 0,
                bytes: 0,
                faults: 0,
            },
            faults: String::new(),
        })
    }

    /// Takes one file. One that is not what was stored is noted, and the others are taken.
    fn take(&self, file: &NamedFile, made: &mut Made) -> anyhow::Result<()> {
        ensure!(
            Blobs::is_key(&file.store_key),
            "{} is no name of an object",
            file.store_key
        );
        let from = self.files.join(&file.store_key);
        let to = self.partial.join(FILES).join(&file.store_key);
        let taken = if self.link && fs::hard_link(&from, &to).is_ok() {
            manifest::hash_of(&to)
        } else {
            manifest::copy(&from, &to)
        };
        let what = match taken {
            Ok((hash, _)) if hash == file.sha256 => None,
            Ok((hash, size)) => Some(format!("{size} bytes with the hash {hash}")),
            // The backup's own disk, and not the one object.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                ) =>
            {
                return Err(error).context("writing the backup");
            }
            Err(error) => Some(error.to_string()),
        };
        let Some(what) = what else {
            made.manifest
                .add(&file.sha256, &format!("{FILES}/{}", file.store_key))?;
            made.report.files += 1;
            made.report.bytes += u64::try_from(file.bytes).unwrap_or(0);
            return Ok(());
        };
        match fs::remove_file(&to) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        made.report.faults += 1;
        ensure!(
            made.report.faults <= MAX_FAULTS,
            "{MAX_FAULTS} files are not what was stored, the last of them {}: {what}; run `accolade verify`",
            file.sha256
        );
        writeln!(made.faults, "{} {} {what}", file.sha256, file.store_key)?;
        Ok(())
    }

    fn finish(self, mut made: Made) -> anyhow::Result<Report> {
        let (hash, _) = manifest::hash_of(&self.partial.join(DATABASE))?;
        made.manifest.add(&hash, DATABASE)?;
        if made.report.faults > 0 {
            let path = self.partial.join(FAULTS);
            fs::write(&path, &made.faults)?;
            fs::File::open(&path)?.sync_all()?;
            made.manifest.add(&manifest::hash_of(&path)?.0, FAULTS)?;
        }
        let about = About {
            format: 0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: self.taken_at,
            files: made.report.files,
            bytes: made.report.bytes,
            faults: made.report.faults,
            entries: 0,
            manifest_sha256: String::new(),
        };
        made.manifest.finish(&self.partial, about)?;
        manifest::sync_folders(&self.partial)?;
        Ok(made.report)
    }
}

/// So many files may be wrong; with more there is something else the matter.
const MAX_FAULTS: u64 = 10_000;

struct Made {
    manifest: Writer,
    report: Report,
    faults: String,
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
