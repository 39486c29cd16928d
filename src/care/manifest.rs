//! What a backup is made of: a folder with the database, the objects that it names, the heads of the audit log,
//! and the hashes of all of these.
//!
//! `MANIFEST.sha256` is as `sha256sum -c` reads it. `backup.json` says what the backup is, and how long and
//! with which hash the manifest must be, so that nothing can be missing unnoticed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(super) const ABOUT: &str = "backup.json";
pub(super) const MANIFEST: &str = "MANIFEST.sha256";
pub(super) const DATABASE: &str = "accolade.db";
pub(super) const FILES: &str = "files";
pub(super) const HEADS: &str = "audit-heads";
/// Files that could not be copied, because their objects were not what was stored.
pub(super) const FAULTS: &str = "faults.txt";
/// The form of backups that this version makes and reads.
const FORMAT: u32 = 1;
/// Longest line of a manifest.
const MAX_LINE: u64 = 4_096;
const BUFFER: usize = 256 * 1024;

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) format: u32,
    /// Of Accolade.
    pub(super) version: String,
    pub(super) taken_at: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) faults: u64,
    pub(super) entries: u64,
    pub(super) manifest_sha256: String,
}

/// A manifest that is being written.
pub(super) struct Writer {
    out: BufWriter<File>,
    hash: Sha256,
    entries: u64,
}

impl Writer {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::new(File::create(folder.join(MANIFEST))?),
            hash: Sha256::new(),
            entries: 0,
        })
    }

    /// Adds a file: its hash, and its place in the folder.
    pub(super) fn add(&mut self, sha256: &str, place: &str) -> io::Result<()> {
        let line = format!("{sha256}  {place}\n");
        self.hash.update(line.as_bytes());
        self.entries += 1;
        self.out.write_all(line.as_bytes())
    }

    /// Ends the manifest, and writes what the backup is.
    pub(super) fn finish(self, folder: &Path, about: About) -> anyhow::Result<()> {
        self.out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        let about = About {
            format: FORMAT,
            entries: self.entries,
            manifest_sha256: hex::encode(self.hash.finalize()),
            ..about
        };
        let mut file = File::create(folder.join(ABOUT))?;
        file.write_all(&serde_json::to_vec_pretty(&about)?)?;
        file.write_all(b"\n")?;
        Ok(file.sync_all()?)
    }
}

/// What a folder says it is.
pub(super) fn about(folder: &Path) -> anyhow::Result<About> {
    let path = folder.join(ABOUT);
    let text = fs::read(&path)
        .with_context(|| format!("{} is no backup: reading {ABOUT}", folder.display()))?;
    let about: About =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?;
    ensure!(
        about.format == FORMAT,
        "the backup has the form {}, and this version of Accolade reads {FORMAT}: take the one that made it ({})",
        about.format,
        about.version
    );
    Ok(about)
}

/// Goes through a manifest, which must be the one that the backup was made with: each file's hash and place.
pub(super) fn each(
    folder: &Path,
    about: &About,
    mut with: impl FnMut(&str, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = folder.join(MANIFEST);
    let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    let mut input = BufReader::new(file);
    let mut hash = Sha256::new();
    let mut entries = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if input.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            break;
        }
        hash.update(line.as_bytes());
        entries += 1;
        let (sha256, place) = line
            .strip_suffix('\n')
            .and_then(|line| line.split_once("  "))
            .with_context(|| format!("line {entries} of {MANIFEST} is none of a manifest"))?;
        with(sha256, inside(place)?)?;
    }
    ensure!(
        entries == about.entries && hex::encode(hash.finalize()) == about.manifest_sha256,
        "{MANIFEST} is not the one that this backup was made with"
    );
    Ok(())
}

/// A place within the backup, never one outside it.
fn inside(place: &str) -> anyhow::Result<&Path> {
    let path = Path::new(place);
    if path.components().all(|c| matches!(c, Component::Normal(_))) {
        return Ok(path);
    }
    bail!("the manifest names {place}, which is not within the backup")
}

/// The hash of a file, and how long it is.
pub(super) fn hash_of(path: &Path) -> io::Result<(String, u64)> {
    let mut input = File::open(path)?;
    pour(&mut input, &mut io::sink())
}

/// Copies a file to where none is, onto the disk; the hash of what was copied, and how much that was.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<(String, u64)> {
    let mut input = File::open(from)?;
    let mut output = File::create_new(to)?;
    let poured = pour(&mut input, &mut output)?;
    output.sync_all()?;
    Ok(poured)
}

fn pour(input: &mut impl Read, output: &mut impl Write) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => return Ok((hex::encode(hash.finalize()), size)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        hash.update(bytes);
        output.write_all(bytes)?;
        size += bytes.len() as u64;
    }
}

/// Writes to the disk what the folders below a folder hold, and itself.
pub(super) fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// The folder in which a path stands.
pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A path with something behind its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(lines: &[(&str, &str)]) -> (tempfile::TempDir, About) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(folder.path()).unwrap();
        for (hash, place) in lines {
            writer.add(hash, place).unwrap();
        }
        let about = About {
            format: 0,
            version: "1".to_owned(),
            taken_at: String::new(),
            files: 0,
            bytes: 0,
            faults: 0,
            entries: 0,
            manifest_sha256: String::new(),
        };
        writer.finish(folder.path(), about).unwrap();
        let about = super::about(folder.path()).unwrap();
        (folder, about)
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_or_not_at_all() {
        let lines = [
            ("aa", "accolade.db"),
            ("bb", "files/00/1"),
            ("cc", "files/01/2"),
        ];
        let (folder, about) = made(&lines);
        let read = |folder: &Path| {
            let mut found = Vec::new();
            each(folder, &about, |hash, place| {
                found.push((hash.to_owned(), place.display().to_string()));
                Ok(())
            })
            .map(|()| found)
        };
        let found = read(folder.path()).unwrap();
        assert_eq!(found, lines.map(|(h, p)| (h.to_owned(), p.to_owned())));
        let path = folder.path().join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        let cut = text.trim_end_matches("cc  files/01/2\n");
        for other in [
            cut,
            &text[..text.len() - 1],
            "",
            &text.replace("bb", "bc"),
            &format!("{text}{text}"),
        ] {
            fs::write(&path, other).unwrap();
            assert!(read(folder.path()).is_err(), "{other}");
        }
    }

    #[test]
    fn nothing_outside_a_backup_is_named() {
        for place in ["../x", "/etc/passwd", "files/../../x", "./x"] {
            let (folder, about) = made(&[("aa", place)]);
            assert!(
                each(folder.path(), &about, |_, _| Ok(())).is_err(),
                "{place}"
            );
        }
    }
}
