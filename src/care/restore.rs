//! Puts a backup back. Everything of it is read and compared with its manifest before anything is touched; then
//! it is copied beside its place, and moved there when all of it is on the disk. What was there is moved aside,
//! never removed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::backup::local;
use super::manifest::{self, About, DATABASE, FAULTS, FILES};
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::platform::db::snapshot::{self, Snapshot};

/// What was put back.
#[derive(Clone, Debug)]
pub struct Report {
    pub taken_at: String,
    pub files: u64,
    pub bytes: u64,
    /// Files that the backup does not have.
    pub faults: u64,
    /// Where what was there before lies now.
    pub aside: Vec<PathBuf>,
}

/// Restores a backup to where the settings have the database and the files. Where there is something already
/// only with `replace`.
pub async fn run(config: &Config, from: &Path, replace: bool) -> anyhow::Result<Report> {
    let (database, files) = local(config, "restore")?;
    let (database, files, from) = (database.to_owned(), files.to_owned(), from.to_owned());
    let there = [database.clone(), files.clone()].map(|path| is_something(&path));
    ensure!(
        replace || there == [false, false],
        "{} or {} is there already: restore to an empty data folder, or say --replace to have it moved aside",
        database.display(),
        files.display()
    );
    let folder = from.clone();
    let about = blocking(move || {
        let about = manifest::about(&folder)?;
        check(&folder, &about)?;
        anyhow::Ok(about)
    })
    .await??;
    Snapshot::open(&from.join(DATABASE)).await?.close().await?;
    if there[0] {
        snapshot::ensure_unused(&database).await?;
    }
    let aside = blocking({
        let about = about.clone();
        move || put(&from, &about, &database, &files)
    })
    .await??;
    Ok(Report {
        taken_at: about.taken_at,
        files: about.files,
        bytes: about.bytes,
        faults: about.faults,
        aside,
    })
}

/// Whether something is there that is not an empty folder.
fn is_something(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => fs::symlink_metadata(path).is_ok(),
    }
}

/// Every file of a backup must have the hash that the manifest says.
fn check(folder: &Path, about: &About) -> anyhow::Result<()> {
    manifest::each(folder, about, |sha256, place| {
        let path = folder.join(place);
        let (found, _) =
            manifest::hash_of(&path).with_context(|| format!("reading {}", path.display()))?;
        ensure!(
            found == sha256,
            "the backup is damaged: {} has the hash {found}, not {sha256}; nothing was touched",
            path.display()
        );
        Ok(())
    })
}

fn put(from: &Path, about: &About, database: &Path, files: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let new_database = manifest::beside(database, ".restoring");
    let new_files = manifest::beside(files, ".restoring");
    // Left by one that was killed.
    let _ = fs::remove_file(&new_database);
    let _ = fs::remove_dir_all(&new_files);
    for path in [database, files] {
        fs::create_dir_all(manifest::parent(path))?;
    }
    fs::create_dir(&new_files).with_context(|| format!("making {}", new_files.display()))?;
    let copied = manifest::each(from, about, |sha256, place| {
        let to = if place == Path::new(DATABASE) {
            new_database.clone()
        } else if place == Path::new(FAULTS) {
            return Ok(());
        } else {
            let within = place
                .strip_prefix(FILES)
                .with_context(|| format!("the backup has {}", place.display()))?;
            let to = new_files.join(within);
            fs::create_dir_all(manifest::parent(&to))?;
            to
        };
        let source = from.join(place);
        let (found, _) = manifest::copy(&source, &to)
            .with_context(|| format!("copying {} to {}", source.display(), to.display()))?;
        ensure!(found == sha256, "{} changed meanwhile", source.display());
        Ok(())
    });
    if let Err(error) = copied {
        let _ = fs::remove_file(&new_database);
        let _ = fs::remove_dir_all(&new_files);
        return Err(error.context("nothing was touched"));
    }
    manifest::sync_folders(&new_files)?;
    let suffix = format!(".replaced-{}", Clock::system().now().0);
    let mut aside = Vec::new();
    // The log of the old database must not be taken for one of the new.
    let old = ["", "-wal", "-shm"].map(|end| manifest::beside(database, end));
    for path in old.iter().map(PathBuf::as_path).chain([files]) {
        if !is_something(path) {
            let _ = fs::remove_dir(path);
            continue;
        }
        let to = manifest::beside(path, &suffix);
        fs::rename(path, &to).with_context(|| format!("moving {} aside", path.display()))?;
        aside.push(to);
    }
    fs::rename(&new_files, files).with_context(|| format!("naming {}", files.display()))?;
    fs::rename(&new_database, database)
        .with_context(|| format!("naming {}", database.display()))?;
    for path in [database, files] {
        fs::File::open(manifest::parent(path))?.sync_all()?;
    }
    Ok(aside)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
