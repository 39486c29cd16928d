//! A folder of files as a table: a row for each, its path the key by which it is known again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use unicode_normalization::UnicodeNormalization;

use super::faults::Faults;
use super::files::{Listed, Note, Notes, below, look};
use super::table::Lines;
use crate::desk::bar::{Bar, write};
use crate::platform::csv::join_list;

/// What desks leave in folders, in small letters.
const LITTER: [&str; 4] = ["thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"];
/// Most of what is passed over that is named one by one.
const MOST: u64 = 100;

/// Looks at all files of a folder. What is wrong is among the faults; what is passed over is said.
pub(super) fn list(
    folder: &Path,
    labels: [(&'static str, &[String]); 4],
    dry_run: bool,
    faults: &mut Faults<'_>,
    bar: &mut Bar,
) -> anyhow::Result<Listed> {
    let root = folder
        .canonicalize()
        .with_context(|| format!("opening {}", folder.display()))?;
    if !root.is_dir() {
        bail!("{} is no folder", folder.display());
    }
    let labels = labels.into_iter().filter(|(_, list)| !list.is_empty());
    let labels = labels.map(|(name, list)| (name, join_list(list)));
    let labels: Vec<(&str, String)> = labels.collect();
    let (mut lines, mut files) = (Lines::new()?, Notes::new()?);
    let names = ["key", "sha256", "filename"].into_iter();
    let names = names.chain(labels.iter().map(|(name, _)| *name));
    lines.write(1, names.chain(dry_run.then_some("to_send")))?;
    let mut walk = Walk {
        open: vec![entries(&root)?.into_iter()],
        root: root.clone(),
        skipped: 0,
    };
    let (mut line, mut bytes) = (1, 0);
    while let Some(path) = walk.next(bar)? {
        line += 1;
        let below_root = path.strip_prefix(&root)?;
        let Some(text) = below_root.to_str() else {
            let key = below_root.to_string_lossy();
            faults.add(
                (line, &key),
                None,
                "The name is not UTF-8. Give it another one.",
            );
            continue;
        };
        // The same on every desk, however it writes accents.
        let key: String = text.nfc().collect();
        let found = below(&root, text).and_then(|path| {
            look(&path, |more| {
                bytes += more;
                bar.tell("reading", "bytes", bytes, 0);
            })
        });
        match found {
            Err(message) => faults.add((line, &key), None, &message),
            Ok(found) => {
                let name = key.rsplit('/').next().unwrap_or(&key);
                let cells = [key.as_str(), &found.sha256, name].into_iter();
                let cells = cells.chain(labels.iter().map(|(_, list)| list.as_str()));
                let promised = dry_run.then_some(found.media_type.as_str());
                lines.write(line, cells.chain(promised))?;
                files.add(&Note {
                    line,
                    path: text.to_owned(),
                    sha256: found.sha256.clone(),
                    bytes: found.bytes,
                    key: key.clone(),
                })?;
            }
        }
    }
    bar.close();
    walk.end();
    if line == 1 {
        bail!("there is no file in {}", folder.display());
    }
    let table = lines.end()?;
    Ok(Listed { root, table, files })
}

/// What lies in a folder, in the order of the names.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let found = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
        let mut found = found.collect::<std::io::Result<Vec<PathBuf>>>()?;
        found.sort();
        Ok(found)
    };
    read().with_context(|| format!("reading {}", folder.display()))
}

/// On the way through a folder and those below it.
struct Walk {
    root: PathBuf,
    /// What is left of each folder that is open.
    open: Vec<std::vec::IntoIter<PathBuf>>,
    skipped: u64,
}

impl Walk {
    /// The next file.
    fn next(&mut self, bar: &mut Bar) -> anyhow::Result<Option<PathBuf>> {
        while let Some(open) = self.open.last_mut() {
            let Some(path) = open.next() else {
                self.open.pop();
                continue;
            };
            match self.judge(&path)? {
                Verdict::File => return Ok(Some(path)),
                Verdict::Folder => {
                    let below = entries(&path)?;
                    self.open.push(below.into_iter());
                }
                Verdict::Skip(why) => {
                    self.skipped += 1;
                    if self.skipped <= MOST {
                        bar.close();
                        write(&format!("skipped {}: {why}\n", path.display()));
                    }
                }
            }
        }
        Ok(None)
    }

    fn judge(&self, path: &Path) -> anyhow::Result<Verdict> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            return Ok(Verdict::Skip("it is hidden"));
        }
        let small = name.to_lowercase();
        if LITTER.contains(&&*small) || small.starts_with("~$") || small == "__macosx" {
            return Ok(Verdict::Skip("a system has left it there"));
        }
        let kind = fs::symlink_metadata(path)
            .with_context(|| format!("reading {}", path.display()))?
            .file_type();
        if kind.is_dir() {
            return Ok(Verdict::Folder);
        }
        if kind.is_file() {
            return Ok(Verdict::File);
        }
        if !kind.is_symlink() {
            return Ok(Verdict::Skip("it is no file"));
        }
        Ok(match path.canonicalize() {
            Err(_) => Verdict::Skip("it points to nothing"),
            Ok(to) if !to.starts_with(&self.root) => Verdict::Skip("it points out of the folder"),
            Ok(to) if to.is_file() => Verdict::File,
            Ok(_) => Verdict::Skip("it points to what is no file"),
        })
    }

    fn end(&self) {
        if self.skipped > MOST {
            write(&format!("skipped {} in all\n", self.skipped));
        }
    }
}

enum Verdict {
    File,
    Folder,
    Skip(&'static str),
}
